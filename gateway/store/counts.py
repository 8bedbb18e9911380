"""What operations ask the store: open payments, open alarms, tasks, and whether it answers at all."""

from __future__ import annotations

from msgspec import Struct

from gateway.store import alarms, payments, tasks
from gateway.store.units import Tx


class Counts(Struct, frozen=True, kw_only=True):
    open_payments: int
    tasks: int
    oldest_due_ms: int | None
    alarms: dict[str, int]


def counts(tx: Tx, *, now_ms: int) -> Counts:
    return Counts(
        open_payments=payments.open_payments(tx),
        tasks=tasks.count(tx),
        oldest_due_ms=tasks.next_due_ms(tx, now_ms=now_ms),
        alarms=alarms.open_counts(tx),
    )
