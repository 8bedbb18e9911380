"""A day's takings: paid money by the day it was settled, in the shop's zone; what is unresolved is never in the sum."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from protocol.messages import LateMoney, LateMoneyState, Presented
from protocol.money import Money
from protocol.numbers import new_number
from protocol.states import RefundState, TerminalState
from sync.engine.model import PaymentView, RefundView, StorePaidView
from terminal.cashier.state import CHINA
from terminal.reports.day import day_bounds_ms, day_of, day_read
from terminal.reports.sheet import HEADER, as_csv, guarded, rows_of

DAY = date(2026, 3, 2)
START_MS, END_MS = day_bounds_ms(DAY, CHINA)


def payment(
    seed: int, state: TerminalState, *, fen: int = 1000, at_ms: int = START_MS, by: str = "alipay"
) -> PaymentView:
    order_no = new_number(seed.to_bytes(15, "big"))
    return PaymentView(
        payment_no=f"{order_no}-1", order_no=order_no, n=1, sale_id=order_no, amount=Money(fen),
        presented=Presented.CUSTOMER, state=state, light=None, safe_to_rescan=False, reason=None, proof=None,
        channel=by, transaction_tail=None, qr=None, qr_expires_ms=None, payer_prompted=False, cancel_requested=False,
        late_money=None, started_at_ms=at_ms + seed, settled_at_ms=at_ms if state.final else None, elapsed_ms=None,
        request_id=None,
    )  # fmt: skip


def late(view: PaymentView, state: LateMoneyState) -> PaymentView:
    return replace(view, late_money=LateMoney(state=state, amount_fen=view.amount.fen, found_at_ms=1))


def test_a_day_has_24_hours_in_the_shops_zone_and_every_instant_one_day() -> None:
    assert END_MS - START_MS == 86_400_000
    assert (day_of(START_MS, CHINA), day_of(END_MS - 1, CHINA)) == (DAY, DAY)
    assert day_of(END_MS, CHINA) == date(2026, 3, 3)


def test_paid_payments_are_summed_by_wallet_largest_first_and_by_hour() -> None:
    read = day_read(
        [
            payment(1, TerminalState.PAID, fen=100),
            payment(2, TerminalState.PAID, fen=900, by="wechat", at_ms=START_MS + 9 * 3_600_000),
            payment(3, TerminalState.PAID, fen=200, at_ms=START_MS + 9 * 3_600_000),
            payment(4, TerminalState.NOT_PAID, fen=5_000),
        ],
        (),
        day=DAY,
        zone=CHINA,
    )
    assert (read.count, read.amount_fen, read.not_paid) == (3, 1200, 1)
    assert [(w.channel, w.count, w.amount_fen) for w in read.wallets] == [("wechat", 1, 900), ("alipay", 2, 300)]
    assert [(h.hour, h.count, h.amount_fen) for h in read.hours] == [(0, 1, 100), (9, 2, 1100)]
    assert sum(w.amount_fen for w in read.wallets) == sum(h.amount_fen for h in read.hours) == read.amount_fen


@pytest.mark.parametrize("state", [state for state in TerminalState if not state.final])
def test_an_open_payment_is_unresolved_and_not_in_the_sum(state: TerminalState) -> None:
    read = day_read((), [payment(1, state)], day=DAY, zone=CHINA)
    assert (read.count, read.amount_fen, len(read.unresolved)) == (0, 0, 1)


def test_late_money_needs_a_look_until_it_is_undone_and_nothing_is_listed_twice() -> None:
    found = late(payment(1, TerminalState.NOT_PAID), LateMoneyState.FOUND)
    undone = late(payment(2, TerminalState.NOT_PAID), LateMoneyState.UNDONE)
    read = day_read([found, undone], [found], day=DAY, zone=CHINA)
    assert [view.payment_no for view in read.unresolved] == [found.payment_no]
    assert read.amount_fen == 0


def test_a_sheet_puts_the_unresolved_first_and_every_row_has_every_column() -> None:
    read = day_read([payment(1, TerminalState.PAID)], [payment(2, TerminalState.UNKNOWN)], day=DAY, zone=CHINA)
    rows = rows_of(read)
    assert [row[0] for row in rows] == [
        "unresolved",
        "total",
        "refunded",
        "cash_back",
        "net",
        "not_paid",
        "wallet",
        "hour",
    ]
    assert {len(row) for row in rows} == {len(HEADER)}


def refund(state: RefundState, *, fen: int) -> RefundView:
    return RefundView(
        refund_no=new_number(bytes(15)), payment_no="P-1", order_no="P", amount=Money(fen), state=state, reason=None,
        channel="alipay", refundable_fen=None, operator="", started_at_ms=1, settled_at_ms=START_MS, request_id=None,
    )  # fmt: skip


def at_the_stand(seq: int, *, fen: int, by: str = "wechat") -> StorePaidView:
    return StorePaidView(
        seq=seq, payment_no="P-1", amount=Money(fen), channel=by, transaction_tail=None, paid_at_ms=START_MS
    )


def test_what_went_back_is_taken_off_and_only_what_went_back() -> None:
    read = day_read(
        [payment(1, TerminalState.PAID, fen=1000)],
        (),
        day=DAY,
        zone=CHINA,
        refunds=[refund(RefundState.DONE, fen=300), refund(RefundState.FAILED, fen=500)],
        open_refunds=[refund(RefundState.SENT, fen=100)],
    )
    assert (read.amount_fen, read.refunds, read.refunded_fen, read.net_fen) == (1000, 1, 300, 700)
    assert next(row[0] for row in rows_of(read)) == "refund_open"


def test_a_day_of_refunds_only_is_less_than_nothing_and_its_sheet_says_so() -> None:
    read = day_read((), (), day=DAY, zone=CHINA, refunds=[refund(RefundState.DONE, fen=300)])
    assert read.net_fen == -300
    assert ("net", read.day, 0, "-3.00", -300) in rows_of(read)


def test_the_static_qr_is_the_stores_and_in_no_tills_sum() -> None:
    stand = [at_the_stand(1, fen=800), at_the_stand(2, fen=200, by="alipay")]
    read = day_read([payment(1, TerminalState.PAID, fen=100)], (), day=DAY, zone=CHINA, store=stand)
    assert (read.count, read.amount_fen, read.net_fen) == (1, 100, 100)
    assert (read.store_count, read.store_fen) == (2, 1000)
    assert [row[:2] for row in rows_of(read) if row[0] == "static_qr"] == [
        ("static_qr", "wechat"), ("static_qr", "alipay"),
    ]  # fmt: skip


def test_late_money_that_a_person_kept_is_taken_and_needs_nobody() -> None:
    kept = late(payment(1, TerminalState.NOT_PAID, fen=400), LateMoneyState.ACCEPTED)
    read = day_read([kept], (), day=DAY, zone=CHINA)
    assert (read.count, read.amount_fen, read.not_paid, read.unresolved) == (1, 400, 0, ())


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\t=1", "'\t=1"), (" =1", "' =1"),
        ("　=1", "'　=1"), ("|calc", "'|calc"), ("茶店", "茶店"), ("12.50", "12.50"), (-5, -5), ("", ""),
    ],
)  # fmt: skip
def test_text_that_a_spreadsheet_would_run_is_marked_as_text(cell: str | int, safe: str | int) -> None:
    assert guarded(cell) == safe


def test_csv_quotes_what_must_be_quoted_and_opens_as_utf8() -> None:
    text = as_csv(("name",), [('a "b", c',), ("茶\n店",)])
    assert text == '\ufeffname\r\n"a ""b"", c"\r\n"茶\n店"\r\n'
