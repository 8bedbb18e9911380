"""What is booked follows from the rows: it sums to zero, and an order's money is somebody's exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from gateway.ledger.entries import Entry, Parties
from gateway.ledger.follow import after_order, after_refund
from gateway.payments.refunds import own_refund
from gateway.payments.values import ChannelOrder, FailedHow, Payment, RefundCause
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, RefundState
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
        "late, given back by hand",
        payment(S.NOT_PAID),
        ended_order(late_state=L.UNDONE, late_by_hand=True),
        {"receivable:a1": FEN, "suspense:m1": 0, "to_settle:m1": -FEN},
    ),
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


@pytest.mark.parametrize(
    ("cause", "key", "out_of"),
    [
        (RefundCause.TILL, "refund:", "to_settle:m1"),
        (RefundCause.CANCELLED, "refund:", "to_settle:m1"),
        (RefundCause.UNDO, "back:", "suspense:m1"),
        (RefundCause.LATE, "late_back:", "suspense:m1"),
    ],
)
def test_a_refund_is_booked_when_it_is_done_and_out_of_where_the_money_was(
    cause: RefundCause, key: str, out_of: str
) -> None:
    """Under the key that its order's own booking has: whichever is heard of first, it is booked once."""
    row = replace(own_refund(order(), RefundCause.UNDO, now_ms=0), cause=cause)
    for state in RefundState:
        booked = after_refund(replace(row, state=state), PARTIES)
        assert bool(booked) == (state is RefundState.DONE)
        assert all(entry.business_key.startswith(key) for entry in booked)
        assert _sums(booked) == ({out_of: FEN, "receivable:a1": -FEN} if booked else {})


def test_what_went_back_has_the_same_key_by_its_order_and_by_its_refund() -> None:
    undo = replace(own_refund(order(), RefundCause.UNDO, now_ms=0), state=RefundState.DONE)
    late = replace(undo, cause=RefundCause.LATE)
    undone = after_order(payment(S.NOT_PAID), ended_order(paid_at_ms=1), PARTIES)
    found = after_order(payment(S.NOT_PAID), ended_order(late_state=L.UNDONE), PARTIES)
    assert after_refund(undo, PARTIES)[0].business_key in {entry.business_key for entry in undone}
    assert after_refund(late, PARTIES)[0].business_key in {entry.business_key for entry in found}
