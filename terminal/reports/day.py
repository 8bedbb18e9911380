"""One day's takings from the journal's payments: sums by wallet and hour, and what is not settled. Pure.

A payment counts on the day it was settled at this till, in the shop's zone. What needs a person comes whole: every open
payment, whatever day it is from, and late money of the day that is not undone. Late money is never part of the sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, tzinfo

from protocol.messages import LateMoneyState
from protocol.states import TerminalState
from sync.engine.model import PaymentView
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


def day_read(settled: Iterable[PaymentView], still_open: Iterable[PaymentView], *, day: date, zone: tzinfo) -> DayRead:
    """`settled`: the payments that ended on that day; `still_open`: those without an outcome now."""
    ended = tuple(settled)
    paid = tuple(payment for payment in ended if payment.state is TerminalState.PAID)
    candidates = {payment.payment_no: payment for payment in (*ended, *still_open) if needs_attention(payment)}
    return DayRead(
        day=day.isoformat(),
        count=len(paid),
        amount_fen=sum(payment.amount.fen for payment in paid),
        not_paid=sum(1 for payment in ended if payment.state is TerminalState.NOT_PAID),
        wallets=_wallets(paid),
        hours=_hours(paid, zone),
        unresolved=tuple(sorted(candidates.values(), key=lambda payment: payment.started_at_ms)),
    )


def _wallets(paid: Iterable[PaymentView]) -> tuple[WalletSum, ...]:
    sums: dict[str, tuple[int, int]] = {}
    for payment in paid:
        count, fen = sums.get(payment.channel or "", (0, 0))
        sums[payment.channel or ""] = (count + 1, fen + payment.amount.fen)
    found = (WalletSum(channel=name, count=count, amount_fen=fen) for name, (count, fen) in sums.items())
    return tuple(sorted(found, key=lambda wallet: (-wallet.amount_fen, wallet.channel)))


def _hours(paid: Iterable[PaymentView], zone: tzinfo) -> tuple[HourSum, ...]:
    sums: dict[int, tuple[int, int]] = {}
    for payment in paid:
        hour = datetime.fromtimestamp((payment.settled_at_ms or payment.started_at_ms) / 1000, zone).hour
        count, fen = sums.get(hour, (0, 0))
        sums[hour] = (count + 1, fen + payment.amount.fen)
    return tuple(HourSum(hour=hour, count=count, amount_fen=fen) for hour, (count, fen) in sorted(sums.items()))
