"""Whether a terminal may sell: switched off, frozen because there are two of it, and which activation counts."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from sqlalchemy import bindparam, delete, insert, select, update

from gateway.payments.values import Alarm, AlarmKind
from gateway.store import alarms
from gateway.store.pages import STATIC_KEY
from gateway.store.statements import Statement
from gateway.store.tables import JOURNAL_ENTRIES, STORES, TERMINALS
from gateway.store.tables_offline import JOURNAL_BRANCHES
from gateway.store.units import Tx

_T: Final = TERMINALS.c
_J: Final = JOURNAL_ENTRIES.c
_BY_ID: Final = _T.terminal_id == bindparam("k_id")
_STANDING: Final = Statement(select(_T.epoch, _T.revoked_ms, _T.frozen_ms, _T.fence_epoch).where(_BY_ID))
_FREEZE: Final = update(TERMINALS).where(_BY_ID, _T.frozen_ms.is_(None)).values(frozen_ms=bindparam("v_now"))
_REVOKE: Final = update(TERMINALS).where(_BY_ID, _T.revoked_ms.is_(None)).values(revoked_ms=bindparam("v_now"))
_GOES_ON: Final = update(TERMINALS).where(_BY_ID).values(revoked_ms=None, frozen_ms=None)
_FENCE: Final = (
    update(TERMINALS)
    .where(_BY_ID)
    .values(fence_epoch=bindparam("v_epoch"), journal_seq=0, journal_head=bindparam("v_head"))
)
_KEPT: Final = ("terminal_id", "seq", "kind", "at_ms", "body", "hash", "received_ms")
_BRANCH: Final = insert(JOURNAL_BRANCHES).from_select(
    ["epoch", *_KEPT],
    select(bindparam("v_epoch", type_=_T.epoch.type).label("epoch"), *(_J[name] for name in _KEPT)).where(
        _J.terminal_id == bindparam("k_id")
    ),
)
_CLEAR: Final = delete(JOURNAL_ENTRIES).where(_J.terminal_id == bindparam("k_id"))
_ALL: Final = (
    select(
        _T.terminal_id,
        _T.name,
        _T.store_id,
        STORES.c.name.label("store_name"),
        _T.epoch,
        _T.activated_ms,
        _T.revoked_ms,
        _T.frozen_ms,
    )
    .join(STORES, STORES.c.store_id == _T.store_id)
    .where(_T.public_key.not_like(f"{STATIC_KEY}%"))
    .order_by(_T.store_id, _T.activated_ms, _T.terminal_id)
)


class Standing(Struct, frozen=True, kw_only=True):
    """`fence_epoch`: what was signed under an earlier epoch is another till's."""

    epoch: int
    revoked: bool
    frozen: bool
    fence_epoch: int


class TerminalRow(Struct, frozen=True, kw_only=True):
    terminal_id: str
    name: str
    store_id: str
    store_name: str
    epoch: int
    activated_ms: int
    revoked_ms: int | None
    frozen_ms: int | None


def standing(tx: Tx, terminal_id: str) -> Standing | None:
    row = tx.row(_STANDING, {"k_id": terminal_id})
    if row is None:
        return None
    epoch, revoked_ms, frozen_ms, fence_epoch = row
    return Standing(
        epoch=epoch,
        revoked=revoked_ms is not None,
        frozen=frozen_ms is not None,
        fence_epoch=fence_epoch,
    )


def all_terminals(tx: Tx) -> list[TerminalRow]:
    """Every till, by store. A static QR's is none."""
    return [TerminalRow(**row) for row in tx.connection.execute(_ALL).mappings()]


def freeze(tx: Tx, terminal_id: str, alarm: Alarm, *, now_ms: int) -> None:
    """Two tills sign as this one: neither sells until the owner activated one of them again."""
    tx.connection.execute(_FREEZE, {"k_id": terminal_id, "v_now": now_ms})
    alarms.raise_alarm(tx, alarm, about=terminal_id, now_ms=now_ms)


def revoke(tx: Tx, terminal_id: str, *, now_ms: int) -> None:
    tx.connection.execute(_REVOKE, {"k_id": terminal_id, "v_now": now_ms})


def go_on(tx: Tx, terminal_id: str, before: Standing, *, head: str, now_ms: int) -> None:
    """The device was activated again: it sells. If it was frozen, what is signed under earlier epochs stays refused,
    and its chain is delivered anew from `head`: the entries that are here may be the other till's."""
    tx.connection.execute(_GOES_ON, {"k_id": terminal_id})
    # Which order key counts is the new epoch's.
    alarms.close_alarm(tx, AlarmKind.ORDER_KEY_DIFFERS, about=terminal_id, now_ms=now_ms)
    if not before.frozen:
        return
    tx.connection.execute(_BRANCH, {"k_id": terminal_id, "v_epoch": before.epoch})
    tx.connection.execute(_CLEAR, {"k_id": terminal_id})
    tx.connection.execute(_FENCE, {"k_id": terminal_id, "v_epoch": before.epoch + 1, "v_head": head})
    for kind in (AlarmKind.JOURNAL_FORK, AlarmKind.ORDER_CLONE, AlarmKind.JOURNAL_GAP):
        alarms.close_alarm(tx, kind, about=terminal_id, now_ms=now_ms)
