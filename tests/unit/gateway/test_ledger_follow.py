"""What is booked follows from the rows: it sums to zero, and an order's money is somebody's exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from gateway.ledger.entries import Entry, Parties
from gateway.ledger.follow import after_order
from gateway.payments.values import ChannelOrder, FailedHow, Payment
from protocol.messages import LateMoneyState
from protocol.states import GatewayState
from tests.unit.gateway.payment_rows import ended_order, order, payment

S, L = GatewayState, LateMoneyState
PARTIES = Parties(merchant_id="m1", account_id="a1", out_trade_no=order().out_trade_no)
FEN = order().amount_fen

CASES: list[tuple[str, Payment, ChannelOrder, dict[str, int]]] = [
    ("open", payment(), order(), {}),
    ("paid", payment(S.PAID), order(paid_at_ms=1), {"receivable:a1": FEN, "to_settle:m1": -FEN}),
    (
        "taken, then proven paid",
        payment(S.PAID),
        order(paid_at_ms=1, failed=FailedHow.TAKEN),
        {"receivable:a1": FEN, "to_settle:m1": -FEN, "suspense:m1": 0},
    ),
    ("taken", payment(), order(failed=FailedHow.TAKEN), {"receivable:a1": FEN, "suspense:m1": -FEN}),
    (
        "taken, gone back",
        payment(S.NOT_PAID),
        ended_order(failed=FailedHow.TAKEN),
        {"receivable:a1": 0, "suspense:m1": 0},
    ),
    ("being undone", payment(S.REVERSING), order(paid_at_ms=1), {"receivable:a1": FEN, "suspense:m1": -FEN}),
    ("late", payment(S.NOT_PAID), ended_order(late_state=L.FOUND), {"receivable:a1": FEN, "suspense:m1": -FEN}),
    ("late, back", payment(S.NOT_PAID), ended_order(late_state=L.UNDONE), {"receivable:a1": 0, "suspense:m1": 0}),
    (
        "late, kept",
        payment(S.NOT_PAID),
        ended_order(late_state=L.ACCEPTED),
        {"receivable:a1": FEN, "suspense:m1": 0, "to_settle:m1": -FEN},
    ),
    (
        "late at an order that the page gave up, while another order paid",
        payment(S.PAID, out_trade_no="other"),
        ended_order(late_state=L.FOUND),
        {"receivable:a1": FEN, "suspense:m1": -FEN},
    ),
]


def _sums(entries: Iterable[Entry]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for entry in entries:
        for line in entry.lines:
            sums[line.account] += line.amount_fen
    return dict(sums)


@pytest.mark.parametrize(("row", "seen", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_the_rows_say_is_booked(row: Payment, seen: ChannelOrder, expected: dict[str, int]) -> None:
    sums = _sums(after_order(row, seen, PARTIES))
    assert sums == expected
    assert sum(sums.values()) == 0


def test_money_that_comes_after_what_was_taken_went_back_is_booked_beside_it() -> None:
    """Seen paid while it was undone, closed, and charged again: two moneys, two keys."""
    undone = after_order(payment(S.NOT_PAID), ended_order(paid_at_ms=1), PARTIES)
    late = after_order(payment(S.NOT_PAID), ended_order(paid_at_ms=1, late_state=L.FOUND), PARTIES)
    assert not {entry.business_key for entry in undone} & {entry.business_key for entry in late}
