"""The hands for refunds: sends them under their one number and asks what became of them.

Durable before each send. It must not decide anything about money: `gateway.payments.refunds` does.
"""

from __future__ import annotations

from typing import assert_never

from gateway.channels.port import (
    NoAnswer,
    NotSent,
    RefundOrder,
    RefundQueryVerdict,
    RefundVerdict,
)
from gateway.jobs.calls import ChannelCalls, order_ref
from gateway.jobs.keeping import keep_refund
from gateway.jobs.schedule_refunds import RefundActionKind, next_refund_action
from gateway.payments.refunds import answer_refund, owed, sending_refund
from gateway.payments.values import ChannelOrder, Refund, RefundCause, RefundStep
from gateway.store import payments, refunds, tasks
from gateway.store.tasks import TaskKind
from gateway.store.units import Tx

Spoken = RefundVerdict | RefundQueryVerdict | NotSent | NoAnswer


class RefundDesk:
    """Works on refunds; orders have a desk of their own."""

    def __init__(self, *, calls: ChannelCalls) -> None:
        self._calls = calls

    async def work(self, refund_no: str) -> None:
        """Does what is due for this refund, if anything still is."""
        taken = await self._calls.store.run(lambda tx: self._take_up(tx, refund_no))
        if taken is None:
            return
        refund, order, kind = taken
        asked = RefundOrder(
            refund_no=refund.refund_no,
            order=order_ref(order),
            amount_fen=refund.amount_fen,
            reason=refund.note,
            opened_ms=refund.created_ms,
        )
        clock, asked_ms = self._calls.clock, self._calls.clock.now_ms()
        match kind:
            case RefundActionKind.SEND:
                spoken: Spoken = await self._calls.perform(
                    refund.account_id, lambda channel: channel.refund(asked, now_ms=clock.now_ms())
                )
                await self.heard(refund_no, spoken, said_by=refund.channel, asked_ms=None)
            case RefundActionKind.QUERY:
                spoken = await self._calls.perform(
                    refund.account_id, lambda channel: channel.refund_query(asked, now_ms=clock.now_ms())
                )
                await self.heard(refund_no, spoken, said_by=refund.channel, asked_ms=asked_ms)
            case _:
                assert_never(kind)

    async def heard(self, refund_no: str, spoken: Spoken, *, said_by: str, asked_ms: int | None) -> None:
        """An answer, or a notification, about a refund that exists."""

        def unit(tx: Tx) -> Refund:
            return apply_refund(tx, self._calls, refund_no, spoken, said_by=said_by, asked_ms=asked_ms)

        refund = await self._calls.store.run(unit)
        self._calls.waiters.wake(refund.key)

    def _take_up(self, tx: Tx, refund_no: str) -> tuple[Refund, ChannelOrder, RefundActionKind] | None:
        now_ms = self._calls.clock.now_ms()
        refund = refunds.find(tx, refund_no)
        assert refund is not None, "a task has its refund"
        order = payments.order(tx, refund.out_trade_no)
        assert order is not None, "a refund has its order"
        even_since_ms = self._calls.clock.even_since_ms()
        action = next_refund_action(refund, even_since_ms=even_since_ms, now_ms=now_ms)
        if action is None or action.due_ms > now_ms or self._calls.accounts.find(refund.account_id) is None:
            due_ms = None if action is None else max(action.due_ms, now_ms + 1_000)
            tasks.put(tx, TaskKind.REFUND, refund_no, due_ms=due_ms, account_id=refund.account_id)
            tasks.give_back(tx, TaskKind.REFUND, refund_no, owner=self._calls.owner)
            return None
        if action.kind is RefundActionKind.SEND:
            step = sending_refund(refund, now_ms=now_ms)
            keep_refund(tx, refund, step, self._calls.pace_of, now_ms=now_ms)
            refund = step.refund
        return refund, order, action.kind


def apply_refund(
    tx: Tx, calls: ChannelCalls, refund_no: str, spoken: Spoken, *, said_by: str, asked_ms: int | None
) -> Refund:
    """What was said about a refund, decided and kept; the same for an answer, a query and a notification."""
    now_ms = calls.clock.now_ms()
    refund = refunds.find(tx, refund_no)
    assert refund is not None, "something was said about a refund that exists"
    payment, order = payments.find(tx, refund.key), payments.order(tx, refund.out_trade_no)
    assert payment is not None, "a refund has its payment"
    assert order is not None, "a refund has its order"
    must_go_back = refund.cause is not RefundCause.TILL and owed(payment, order)
    step: RefundStep = answer_refund(
        refund, spoken, said_by=said_by, asked_ms=asked_ms, must_go_back=must_go_back, now_ms=now_ms
    )
    keep_refund(tx, refund, step, calls.pace_of, now_ms=now_ms)
    tasks.give_back(tx, TaskKind.REFUND, refund_no, owner=calls.owner)
    return step.refund
