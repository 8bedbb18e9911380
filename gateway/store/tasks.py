"""The durable schedule.

A task names a thing and a kind of work; what exactly is done is decided from the rows when it is due. A lease, taken in
the transaction that finds the task due, keeps it from being taken twice, by one scheduler or by two on one store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import bindparam, delete, func, null, or_, select, text, update

from gateway.store.statements import Statement, by_places, named
from gateway.store.tables import TASKS
from gateway.store.units import Tx


class TaskKind(StrEnum):
    WORK = "work"  # ask about or undo an order at the channel; ref: out_trade_no
    NOTICE = "notice"  # has the till acknowledged that it was paid? ref: the payment
    PAGE = "page"  # the page's time is up; ref: the payment
    UNWANTED = "unwanted"  # an offline order was paid that its till had cancelled: give it back; ref: the payment
    REFUND = "refund"  # send or ask about a refund; ref: refund_no
    BILL = "bill"  # fetch a day's bill; ref: `account:kind:day`, or `plan`: want the next day's


class Task(Struct, frozen=True, kw_only=True):
    kind: TaskKind
    ref: str
    due_ms: int
    account_id: str | None


_T: Final = TASKS.c
_KEY: Final = (_T.kind == bindparam("k_kind"), _T.ref == bindparam("k_ref"))
#: SQLite and PostgreSQL say it alike; SQLAlchemy has a construct for each of them only.
_PUT_TEXT: Final = (
    "INSERT INTO tasks (kind, ref, due_ms, lease_until_ms, account_id) VALUES (:k_kind, :k_ref, :v_due, 0, :v_account)"
    " ON CONFLICT (kind, ref) DO UPDATE SET due_ms = excluded.due_ms, account_id = excluded.account_id"
)
_PUT: Final = Statement(text(_PUT_TEXT))
_PUT_BACK: Final = Statement(
    text(
        _PUT_TEXT + ", lease_until_ms = CASE WHEN tasks.lease_owner = :k_owner OR tasks.lease_owner IS NULL THEN 0"
        " ELSE tasks.lease_until_ms END, lease_owner = CASE WHEN tasks.lease_owner = :k_owner THEN NULL"
        " ELSE tasks.lease_owner END"
    )
)
_DELETE: Final = Statement(delete(TASKS).where(*_KEY))
_DUE: Final = (
    select(_T.kind, _T.ref, _T.due_ms, _T.account_id)
    .where(_T.due_ms <= bindparam("k_now"), _T.lease_until_ms <= bindparam("k_now"))
    .order_by(_T.due_ms, _T.kind, _T.ref)
    .limit(bindparam("k_limit"))
)
_ALL_DUE: Final = Statement(_DUE)
_DUE_WITHOUT: Final = _DUE.where(func.coalesce(_T.account_id, "").not_in(bindparam("k_without", expanding=True)))
_LEASE: Final = Statement(
    update(TASKS)
    .where(*_KEY, _T.lease_until_ms <= bindparam("k_now"))
    .values(lease_until_ms=bindparam("v_lease"), lease_owner=bindparam("v_owner"))
)
_LEASE_WORK: Final = Statement(
    update(TASKS)
    .where(
        _T.kind == TaskKind.WORK.value,
        _T.ref.in_(named()),
        _T.lease_until_ms <= bindparam("k_now"),
    )
    .values(lease_until_ms=bindparam("v_lease"), lease_owner=bindparam("v_owner"))
    .returning(_T.ref)
)
_GIVE_BACK: Final = Statement(
    update(TASKS)
    .where(*_KEY, or_(_T.lease_owner == bindparam("k_owner"), _T.lease_owner.is_(None)))
    .values(lease_until_ms=0, lease_owner=null())
)
_FREE_ALL: Final = update(TASKS).where(_T.lease_until_ms > 0).values(lease_until_ms=0, lease_owner=None)
_LOOK_AGAIN: Final = update(TASKS).where(_T.due_ms > bindparam("k_now")).values(due_ms=bindparam("k_now"))
_HOLD: Final = update(TASKS).where(_T.lease_owner.is_not(None)).values(lease_until_ms=bindparam("v_lease"))
_NEXT: Final = Statement(select(func.min(_T.due_ms)).where(_T.lease_until_ms <= bindparam("k_now")))
_COUNT: Final = Statement(select(func.count()).select_from(TASKS))


def put(
    tx: Tx, kind: TaskKind, ref: str, *, due_ms: int | None, account_id: str | None, release: str | None = None
) -> None:
    """Sets when the task is due; None removes it. A lease that is held stays held, but that of the owner `release`."""
    values = {"k_kind": kind.value, "k_ref": ref, "v_due": due_ms, "v_account": account_id, "k_owner": release}
    tx.change(_DELETE if due_ms is None else _PUT if release is None else _PUT_BACK, values)


def due(tx: Tx, *, now_ms: int, limit: int, without: Collection[str] = ()) -> list[Task]:
    """What is due and free, the longest due first; `without` the accounts that can do nothing now."""
    values = {"k_now": now_ms, "k_limit": limit}
    rows: Iterable[Sequence[Any]]
    if without:
        rows = tx.connection.execute(_DUE_WITHOUT, {**values, "k_without": sorted(without)})
    else:
        rows = tx.rows(_ALL_DUE, values)
    return [
        Task(kind=TaskKind(kind), ref=ref, due_ms=due_ms, account_id=account_id)
        for kind, ref, due_ms, account_id in rows
    ]


def lease(tx: Tx, task: Task, *, owner: str, now_ms: int, until_ms: int) -> bool:
    """Takes the task until then. False when another has it."""
    row = {"k_kind": task.kind.value, "k_ref": task.ref, "k_now": now_ms, "v_lease": until_ms, "v_owner": owner}
    return tx.change(_LEASE, row) == 1


def lease_work(tx: Tx, due: Sequence[Task], *, owner: str, now_ms: int, until_ms: int) -> set[str]:
    """The same for work on orders, many at a time; returns the `ref`s of those that were taken."""
    taken: set[str] = set()
    for some in by_places([task.ref for task in due]):
        rows = tx.rows(_LEASE_WORK, {**some, "k_now": now_ms, "v_lease": until_ms, "v_owner": owner})
        taken.update(ref for (ref,) in rows)
    return taken


def give_back(tx: Tx, kind: TaskKind, ref: str, *, owner: str) -> None:
    """Ends this owner's lease: the task may be taken when it is due."""
    tx.change(_GIVE_BACK, {"k_kind": kind.value, "k_ref": ref, "k_owner": owner})


def free_all(tx: Tx) -> None:
    """At start, by the only process of this store: leases of a process that is gone end."""
    tx.connection.execute(_FREE_ALL)


def look_again(tx: Tx, *, now_ms: int) -> None:
    """Makes every task due, so that each is scheduled anew from its rows as they are now."""
    tx.connection.execute(_LOOK_AGAIN, {"k_now": now_ms})


def hold_again(tx: Tx, *, until_ms: int) -> None:
    """Leases that are held end then, whatever the clock said when they were taken."""
    tx.connection.execute(_HOLD, {"v_lease": until_ms})


def next_due_ms(tx: Tx, *, now_ms: int) -> int | None:
    """When the next free task is due."""
    return tx.rows(_NEXT, {"k_now": now_ms})[0][0]


def count(tx: Tx) -> int:
    return tx.rows(_COUNT)[0][0]
