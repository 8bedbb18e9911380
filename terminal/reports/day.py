"""One day's takings from the journal's payments: sums by wallet and hour, and what is not settled. Pure.

A payment counts on the day it was settled at this till, in the shop's zone. What needs a person comes whole: every open
payment and refund, whatever day it is from, and late money of the day that nobody decided about. Late money is part of
the sum only when a person kept it for its sale. A refund counts on the day it was done, whenever the sale was. What the
store's static QR took is told beside, in no till's sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, tzinfo

from protocol.messages import LateMoneyState
from protocol.states import RefundState, TerminalState
from sync.engine.model import PaymentView, RefundView, StorePaidView
from terminal.cashier.ports import DayRead, HourSum, WalletSum


def day_bounds_ms(day: date, zone: tzinfo) -> tuple[int, int]:
    """The first millisecond of the day and of the next one."""
    start = datetime.combine(day, time(), zone)
    after = datetime.combine(day + timedelta(days=1), time(), zone)
    return int(start.timestamp() * 1000), int(after.timestamp() * 1000)


def day_of(unix_ms: int, zone: tzinfo) -> date:
    """The shop's date at that instant."""
    return datetime.fromtimestamp(unix_ms / 1000, zone).date()


def needs_attention(payment: PaymentView) -> bool:
    """Whether somebody must look at this payment."""
    late = payment.late_money is not None and payment.late_money.state is LateMoneyState.FOUND
    return late or not payment.state.final


def is_taken(payment: PaymentView) -> bool:
    """Whether its money is this shop's: paid and not given back by the gateway, or late and kept for its sale by a
    person."""
    if payment.offline is not None and payment.cancel_requested and _went_back(payment):
        return False
    kept = payment.late_money is not None and payment.late_money.state is LateMoneyState.ACCEPTED
    return kept or payment.state is TerminalState.PAID


def _went_back(payment: PaymentView) -> bool:
    return payment.late_money is not None and payment.late_money.state is LateMoneyState.UNDONE


def day_read(
    settled: Iterable[PaymentView],
    still_open: Iterable[PaymentView],
    *,
    day: date,
    zone: tzinfo,
    refunds: Iterable[RefundView] = (),
    open_refunds: Iterable[RefundView] = (),
    store: Iterable[StorePaidView] = (),
    cash_back: Iterable[PaymentView] = (),
) -> DayRead:
    """`settled`: the payments that ended on that day; `still_open`: those without an outcome now. `refunds` ended on
    that day, `open_refunds` have no outcome now; `store`: what the static QR took on that day; `cash_back`: the cash
    that was given back on that day."""
    ended, back = tuple(settled), tuple(cash_back)
    paid = tuple(payment for payment in ended if is_taken(payment))
    done = tuple(refund for refund in refunds if refund.state is RefundState.DONE)
    candidates = {payment.payment_no: payment for payment in (*ended, *still_open) if needs_attention(payment)}
    return DayRead(
        day=day.isoformat(),
        count=len(paid),
        amount_fen=sum(payment.amount.fen for payment in paid),
        not_paid=len(ended) - len(paid),
        wallets=_wallets((payment.channel, payment.amount.fen) for payment in paid),
        hours=_hours(paid, zone),
        unresolved=tuple(sorted(candidates.values(), key=lambda payment: payment.started_at_ms)),
        refunds=len(done),
        refunded_fen=sum(refund.amount.fen for refund in done),
        open_refunds=tuple(open_refunds),
        store=_wallets((paid.channel, paid.amount.fen) for paid in store),
        cash_back=len(back),
        cash_back_fen=sum(payment.amount.fen for payment in back),
    )


def _wallets(paid: Iterable[tuple[str | None, int]]) -> tuple[WalletSum, ...]:
    sums: dict[str, tuple[int, int]] = {}
    for channel, amount_fen in paid:
        count, fen = sums.get(channel or "", (0, 0))
        sums[channel or ""] = (count + 1, fen + amount_fen)
    found = (WalletSum(channel=name, count=count, amount_fen=fen) for name, (count, fen) in sums.items())
    return tuple(sorted(found, key=lambda wallet: (-wallet.amount_fen, wallet.channel)))


def _hours(paid: Iterable[PaymentView], zone: tzinfo) -> tuple[HourSum, ...]:
    sums: dict[int, tuple[int, int]] = {}
    for payment in paid:
        hour = datetime.fromtimestamp((payment.settled_at_ms or payment.started_at_ms) / 1000, zone).hour
        count, fen = sums.get(hour, (0, 0))
        sums[hour] = (count + 1, fen + payment.amount.fen)
    return tuple(HourSum(hour=hour, count=count, amount_fen=fen) for hour, (count, fen) in sorted(sums.items()))
