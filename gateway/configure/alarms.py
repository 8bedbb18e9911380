"""A person's word about alarms, as an order at the door: list what is open, close one with a name and a reason.

Most alarms end with what caused them; the others wait for somebody. Late money is decided, not closed: its alarm ends
when the money went back or was kept. An alarm whose cause is still there is raised again by whatever meets it next.
"""

from __future__ import annotations

from typing import Final

from gateway.configure.faults import Faults, one_fault
from gateway.configure.words import AlarmsAction, AlarmSaid, AlarmsOrder, AlarmsSaid
from gateway.payments.values import AlarmKind
from gateway.store import alarms
from gateway.store.units import Tx

_MOST_TEXT: Final = 120


def alarms_word(tx: Tx, order: AlarmsOrder, *, now_ms: int) -> AlarmsSaid | Faults:
    """Does it and says what is open afterwards."""
    if order.action is AlarmsAction.LIST:
        return _open(tx, done=False)
    person, reason = order.person.strip()[:_MOST_TEXT], order.reason.strip()[:_MOST_TEXT]
    if not person or not reason:
        return one_fault("alarm", "by" if not person else "reason", "must be given: it is kept with the alarm")
    held = next((alarm for alarm in alarms.open_alarms(tx) if alarm.alarm_id == order.alarm), None)
    if held is None:
        hint = "no alarm with this number is open; `guitai gateway alarms list` shows those that are"
        return one_fault("alarm", str(order.alarm), hint)
    if held.kind == AlarmKind.LATE_MONEY:
        return one_fault("alarm", str(order.alarm), "late money is decided by `guitai gateway late`; then this ends")
    alarms.close_by_person(tx, held.alarm_id, person=person, reason=reason, now_ms=now_ms)
    return _open(tx, done=True)


def _open(tx: Tx, *, done: bool) -> AlarmsSaid:
    said = tuple(
        AlarmSaid(
            alarm=alarm.alarm_id, kind=alarm.kind, about=alarm.about, detail=alarm.detail, raised_ms=alarm.raised_ms
        )
        for alarm in alarms.open_alarms(tx)
    )
    return AlarmsSaid(alarms=said, done=done)
