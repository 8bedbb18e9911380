"""Keeps one decision: rows, timeline, alarms and the next task, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable

from gateway.jobs.schedule import UNNOTICED_AFTER_MS, Pace, next_action
from gateway.payments.values import Payment, Step
from gateway.store import alarms, payments, tasks
from gateway.store.tasks import TaskKind
from gateway.store.units import Tx
from protocol.states import GatewayState

#: The pace of an account by its id.
PaceOf = Callable[[str | None], Pace]


def keep_new(tx: Tx, step: Step, pace_of: PaceOf, *, now_ms: int) -> None:
    """A payment that did not exist, with its channel order."""
    payments.add(tx, step.payment)
    if step.order is not None:
        payments.add_channel_order(tx, step.order)
    _keep_rest(tx, None, step, pace_of, now_ms=now_ms)


def keep(tx: Tx, before: Payment, step: Step, pace_of: PaceOf, *, now_ms: int) -> None:
    """What a decision made of a payment that exists."""
    if step.payment != before:
        payments.save(tx, step.payment)
    if step.order is not None:
        payments.save_channel_order(tx, step.order)
    _keep_rest(tx, before, step, pace_of, now_ms=now_ms)


def _keep_rest(tx: Tx, before: Payment | None, step: Step, pace_of: PaceOf, *, now_ms: int) -> None:
    key, payment = step.payment.key, step.payment
    payments.add_events(tx, key, step.said, now_ms=now_ms)
    for alarm in step.alarms:
        alarms.raise_alarm(tx, alarm, about=f"{key.terminal_id} {key.payment_no}", now_ms=now_ms)
    if step.order is not None:
        action = next_action(payment, step.order, pace_of(step.order.account_id), now_ms=now_ms)
        due_ms = None if action is None else action.due_ms
        tasks.put(tx, key, TaskKind.WORK, due_ms=due_ms, account_id=step.order.account_id)
    newly_paid = payment.state is GatewayState.PAID and (before is None or before.state is not GatewayState.PAID)
    if newly_paid:
        tasks.put(tx, key, TaskKind.NOTICE, due_ms=now_ms + UNNOTICED_AFTER_MS, account_id=None)
