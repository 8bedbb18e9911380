"""Rows of `callbacks`: every notification as it came, sealed, with what it was found to be.

An event is accepted once: a partial unique index over (account, event) decides, not a look before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.store.savepoints import Savepoint
from gateway.store.statements import Statement
from gateway.store.tables_page import ACCEPTED, CALLBACKS
from gateway.store.units import Tx

_PRUNED_AT_ONCE: Final = 500

_C: Final = CALLBACKS.c
_INSERT: Final = Statement(
    insert(CALLBACKS), columns=tuple(column.name for column in CALLBACKS.columns if column.name != "callback_id")
)
_LATEST: Final = (
    select(_C.account_id, func.max(_C.received_ms))
    .where(_C.outcome.in_(bindparam("k_outcomes", expanding=True)))
    .group_by(_C.account_id)
)
_OF_ACCOUNT: Final = select(CALLBACKS).where(_C.account_id == bindparam("k_account")).order_by(_C.callback_id)
_PRUNE: Final = delete(CALLBACKS).where(
    _C.callback_id.in_(
        select(_C.callback_id)
        .where(_C.received_ms < bindparam("k_before"))
        .order_by(_C.received_ms)
        .limit(_PRUNED_AT_ONCE)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One row. `sealed`: headers and body, as `gateway.callbacks.letter` packs them. `size`: bytes of the body."""

    account_id: str
    channel: str
    received_ms: int
    remote: str
    sealed: bytes = field(repr=False)
    size: int
    outcome: str
    event_id: str | None = None
    out_trade_no: str | None = None
    processed_ms: int | None = None


def add(tx: Tx, callback: Callback) -> None:
    tx.change(_INSERT, _values(callback))


def add_accepted(tx: Tx, callback: Callback) -> bool:
    """False: this account has accepted this event before; nothing is kept."""
    assert callback.outcome == ACCEPTED, "the index is over what was accepted"
    savepoint = Savepoint.begin(tx)
    try:
        tx.change(_INSERT, _values(callback))
    except IntegrityError:
        savepoint.rollback()
        return False
    savepoint.commit()
    return True


def of_account(tx: Tx, account_id: str) -> list[Callback]:
    """Everything that came for an account, oldest first."""
    return [
        Callback(
            account_id=row.account_id,
            channel=row.channel,
            received_ms=row.received_ms,
            remote=row.remote,
            sealed=row.sealed,
            size=row.size,
            outcome=row.outcome,
            event_id=row.event_id,
            out_trade_no=row.out_trade_no,
            processed_ms=row.processed_ms,
        )
        for row in tx.connection.execute(_OF_ACCOUNT, {"k_account": account_id})
    ]


def latest(tx: Tx, outcomes: tuple[str, ...]) -> dict[str, int]:
    """When each account last got one of these."""
    return {row[0]: row[1] for row in tx.connection.execute(_LATEST, {"k_outcomes": outcomes})}


def prune(tx: Tx, *, before_ms: int) -> None:
    """Forgets what is older, so many rows at a time that nobody waits for it."""
    tx.connection.execute(_PRUNE, {"k_before": before_ms})


def _values(callback: Callback) -> dict[str, object]:
    return {
        "account_id": callback.account_id,
        "channel": callback.channel,
        "received_ms": callback.received_ms,
        "remote": callback.remote,
        "sealed": callback.sealed,
        "size": callback.size,
        "outcome": callback.outcome,
        "event_id": callback.event_id,
        "out_trade_no": callback.out_trade_no,
        "processed_ms": callback.processed_ms,
    }
