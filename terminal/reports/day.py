"""One day's takings from the journal's payments: sums by wallet and hour, and what is not settled. Pure.

A payment counts on the day the money came (the gateway's time; the journal's where it has none), in the shop's zone.
What needs a person comes whole, whatever day it is from: open payments, late money that is not undone, contradictions.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from protocol.messages import LateMoneyState
from protocol.states import TerminalState
from sync.engine.record import PaymentRecord
from sync.engine.views import record_view
from terminal.cashier.ports import DayRead, HourSum, WalletSum

DAY_MS: Final = 86_400_000
#: A payment may be settled in the journal this long after the money came: a till that was switched off over a holiday.
SETTLED_LATER_MS: Final = 14 * DAY_MS


def day_bounds_ms(day: date, zone: tzinfo) -> tuple[int, int]:
    """The first millisecond of the day and of the next one."""
    start = datetime.combine(day, time(), zone)
    after = datetime.combine(day + timedelta(days=1), time(), zone)
    return int(start.timestamp() * 1000), int(after.timestamp() * 1000)


def day_of(unix_ms: int, zone: tzinfo) -> date:
    """The shop's date at that instant."""
    return datetime.fromtimestamp(unix_ms / 1000, zone).date()


def needs_attention(record: PaymentRecord) -> bool:
    """Whether somebody must look at this payment."""
    late = record.late_money is not None and record.late_money.state is LateMoneyState.FOUND
    return not record.state.final or late or record.conflict


def money_came_ms(record: PaymentRecord) -> int:
    """When a paid payment's money came."""
    return record.paid_at_ms or record.settled_at_ms or record.started_at_ms


def day_read(
    settled: Iterable[PaymentRecord], attention: Iterable[PaymentRecord], *, day: date, zone: tzinfo
) -> DayRead:
    """`settled`: at least every final payment that may belong to the day; `attention`: candidates for a person's look."""
    start_ms, end_ms = day_bounds_ms(day, zone)
    records = tuple(settled)
    paid = [r for r in records if r.state is TerminalState.PAID and start_ms <= money_came_ms(r) < end_ms]
    not_paid = sum(
        1 for r in records if r.state is TerminalState.NOT_PAID and start_ms <= (r.settled_at_ms or 0) < end_ms
    )
    unresolved = sorted((r for r in attention if needs_attention(r)), key=lambda r: r.started_at_ms)
    return DayRead(
        day=day.isoformat(),
        count=len(paid),
        amount_fen=sum(r.amount.fen for r in paid),
        not_paid=not_paid,
        wallets=_wallets(paid),
        hours=_hours(paid, zone),
        unresolved=tuple(record_view(r) for r in unresolved),
    )


def _wallets(paid: Iterable[PaymentRecord]) -> tuple[WalletSum, ...]:
    sums: dict[str, tuple[int, int]] = {}
    for record in paid:
        count, fen = sums.get(record.channel or "", (0, 0))
        sums[record.channel or ""] = (count + 1, fen + record.amount.fen)
    found = (WalletSum(channel=name, count=count, amount_fen=fen) for name, (count, fen) in sums.items())
    return tuple(sorted(found, key=lambda wallet: (-wallet.amount_fen, wallet.channel)))


def _hours(paid: Iterable[PaymentRecord], zone: tzinfo) -> tuple[HourSum, ...]:
    sums: dict[int, tuple[int, int]] = {}
    for record in paid:
        hour = datetime.fromtimestamp(money_came_ms(record) / 1000, zone).hour
        count, fen = sums.get(hour, (0, 0))
        sums[hour] = (count + 1, fen + record.amount.fen)
    return tuple(HourSum(hour=hour, count=count, amount_fen=fen) for hour, (count, fen) in sorted(sums.items()))
