"""Alarms: raised once per (kind, about) while open, closed by what ends them or by a person."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from sqlalchemy import bindparam, func, insert, select, update

from gateway.payments.values import Alarm, AlarmKind
from gateway.store.statements import Statement
from gateway.store.tables import ALARMS
from gateway.store.units import Tx

_A: Final = ALARMS.c
_OPEN: Final = (_A.kind == bindparam("k_kind"), _A.about == bindparam("k_about"), _A.closed_ms.is_(None))
_FIND: Final = Statement(select(_A.alarm_id).where(*_OPEN))
_INSERT: Final = Statement(insert(ALARMS), columns=("kind", "about", "detail", "raised_ms"))
_CLOSE: Final = Statement(update(ALARMS).where(*_OPEN).values(closed_ms=bindparam("v_now")))
_CLOSE_ALL: Final = (
    update(ALARMS)
    .where(
        _A.about == bindparam("k_about"),
        _A.closed_ms.is_(None),
        _A.kind.in_(("late_money", "refund_refused", "refund_never")),
    )
    .values(closed_ms=bindparam("v_now"))
)
_CLOSE_BY_PERSON: Final = (
    update(ALARMS)
    .where(_A.alarm_id == bindparam("k_id"), _A.closed_ms.is_(None))
    .values(closed_ms=bindparam("v_now"), closed_by=bindparam("v_by"), closed_reason=bindparam("v_reason"))
)
_ALL_OPEN: Final = (
    select(_A.alarm_id, _A.kind, _A.about, _A.detail, _A.raised_ms).where(_A.closed_ms.is_(None)).order_by(_A.alarm_id)
)
_COUNT: Final = select(_A.kind, func.count()).where(_A.closed_ms.is_(None)).group_by(_A.kind)


class OpenAlarm(Struct, frozen=True, kw_only=True):
    alarm_id: int
    kind: str
    about: str
    detail: str
    raised_ms: int


def raise_alarm(tx: Tx, alarm: Alarm, *, about: str, now_ms: int) -> bool:
    """Keeps the alarm unless the same one is open already. True when it is new."""
    if tx.row(_FIND, {"k_kind": alarm.kind.value, "k_about": about}) is not None:
        return False
    row = {"kind": alarm.kind.value, "about": about, "detail": alarm.detail[:200], "raised_ms": now_ms}
    tx.change(_INSERT, row)
    return True


def close_alarm(tx: Tx, kind: AlarmKind, *, about: str, now_ms: int) -> None:
    tx.change(_CLOSE, {"k_kind": kind.value, "k_about": about, "v_now": now_ms})


def close_all(tx: Tx, *, about: str, now_ms: int) -> None:
    """The money went where it belongs: what was raised about its way there is over."""
    tx.connection.execute(_CLOSE_ALL, {"k_about": about, "v_now": now_ms})


def open_alarms(tx: Tx) -> list[OpenAlarm]:
    """The oldest first."""
    return [
        OpenAlarm(alarm_id=row[0], kind=row[1], about=row[2], detail=row[3], raised_ms=row[4])
        for row in tx.connection.execute(_ALL_OPEN)
    ]


def close_by_person(tx: Tx, alarm_id: int, *, person: str, reason: str, now_ms: int) -> None:
    """Who and why stay with it."""
    tx.connection.execute(_CLOSE_BY_PERSON, {"k_id": alarm_id, "v_now": now_ms, "v_by": person, "v_reason": reason})


def open_counts(tx: Tx) -> dict[str, int]:
    """Open alarms by kind."""
    return {row[0]: row[1] for row in tx.connection.execute(_COUNT)}
