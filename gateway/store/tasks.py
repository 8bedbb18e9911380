"""The durable schedule.

A task names a payment and a kind of work; what exactly is done is decided from the rows when it is due. A lease keeps a
task from being taken twice; leases of a process that is gone end at start.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from gateway.payments.values import PaymentKey
from gateway.store.tables import TASKS
from gateway.store.units import Tx


class TaskKind(StrEnum):
    WORK = "work"  # ask or undo at the channel
    NOTICE = "notice"  # has the till acknowledged that it was paid?


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    key: PaymentKey
    kind: TaskKind
    due_ms: int
    account_id: str | None


_T: Final = TASKS.c
_KEY: Final = (
    _T.terminal_id == bindparam("k_terminal"),
    _T.order_no == bindparam("k_order"),
    _T.n == bindparam("k_n"),
    _T.kind == bindparam("k_kind"),
)
_UPDATE_DUE: Final = update(TASKS).where(*_KEY).values(due_ms=bindparam("v_due"), account_id=bindparam("v_account"))
_INSERT: Final = insert(TASKS)
_DELETE: Final = delete(TASKS).where(*_KEY)
_DUE: Final = (
    select(TASKS)
    .where(
        _T.due_ms <= bindparam("k_now"),
        _T.lease_until_ms <= bindparam("k_now"),
        func.coalesce(_T.account_id, "").not_in(bindparam("k_without", expanding=True)),
    )
    .order_by(_T.due_ms, _T.order_no)
    .limit(bindparam("k_limit"))
)
_LEASE: Final = update(TASKS).where(*_KEY).values(lease_until_ms=bindparam("v_lease"))
_FREE_ALL: Final = update(TASKS).where(_T.lease_until_ms > 0).values(lease_until_ms=0)
_LOOK_AGAIN: Final = (
    update(TASKS)
    .where(_T.kind == TaskKind.WORK.value, _T.due_ms > bindparam("k_now"))
    .values(due_ms=bindparam("k_now"))
)
_NEXT: Final = select(func.min(_T.due_ms)).where(_T.lease_until_ms <= bindparam("k_now"))
_COUNT: Final = select(func.count()).select_from(TASKS)


def _key(key: PaymentKey, kind: TaskKind) -> dict[str, Any]:
    return {"k_terminal": key.terminal_id, "k_order": key.order_no, "k_n": key.n, "k_kind": kind.value}


def put(tx: Tx, key: PaymentKey, kind: TaskKind, *, due_ms: int | None, account_id: str | None) -> None:
    """Sets when the task is due; None removes it. A lease that is held stays held."""
    if due_ms is None:
        tx.connection.execute(_DELETE, _key(key, kind))
        return
    changed = tx.connection.execute(_UPDATE_DUE, {**_key(key, kind), "v_due": due_ms, "v_account": account_id})
    if changed.rowcount == 0:
        row = {
            "terminal_id": key.terminal_id,
            "order_no": key.order_no,
            "n": key.n,
            "kind": kind.value,
            "due_ms": due_ms,
            "lease_until_ms": 0,
            "account_id": account_id,
        }
        tx.connection.execute(_INSERT, row)


def due(tx: Tx, *, now_ms: int, limit: int, without: Collection[str] = ()) -> list[Task]:
    """What is due and free, the longest due first; `without` the accounts that can do nothing now."""
    rows = tx.connection.execute(_DUE, {"k_now": now_ms, "k_limit": limit, "k_without": sorted(without)})
    return [
        Task(
            key=PaymentKey(terminal_id=row.terminal_id, order_no=row.order_no, n=row.n),
            kind=TaskKind(row.kind),
            due_ms=row.due_ms,
            account_id=row.account_id,
        )
        for row in rows
    ]


def lease(tx: Tx, key: PaymentKey, kind: TaskKind, *, until_ms: int) -> None:
    """Takes the task until then; 0 gives it back."""
    tx.connection.execute(_LEASE, {**_key(key, kind), "v_lease": until_ms})


def free_all(tx: Tx) -> None:
    tx.connection.execute(_FREE_ALL)


def look_again(tx: Tx, *, now_ms: int) -> None:
    """Makes all work due, so that each is scheduled anew from its rows as they are now."""
    tx.connection.execute(_LOOK_AGAIN, {"k_now": now_ms})


def next_due_ms(tx: Tx, *, now_ms: int) -> int | None:
    """When the next free task is due."""
    return tx.connection.execute(_NEXT, {"k_now": now_ms}).scalar_one_or_none()


def count(tx: Tx) -> int:
    return tx.connection.execute(_COUNT).scalar_one()
