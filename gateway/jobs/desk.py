"""The hands: makes the calls to the wallets and keeps what their answers decide.

Rules
- What a call may cause is durable before the call is made; what it answered is decided on the rows as they are then.
- The query right before the first reverse and the reverse are one task.
- A defect in an adapter is "no answer": it is logged and moves nothing, and the schedule goes on.
It must not decide anything about money: `gateway.payments` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar, assert_never

import structlog

from gateway.channels.port import Channel, LineFault, NoAnswer, NotSent, OrderRef, PayOrder, PreparedCall, QrOrder
from gateway.jobs.keeping import keep
from gateway.jobs.schedule import (
    CODE_DEADLINE_MS,
    QR_SHOWN_MS,
    Action,
    ActionKind,
    Pace,
    next_action,
    undo_goes_on,
)
from gateway.jobs.waiters import Waiters
from gateway.payments.answers import answer_pay, answer_precreate, answer_query
from gateway.payments.undo import answer_cancel, sending_cancel, with_amber
from gateway.payments.values import Alarm, AlarmKind, ChannelOrder, Payment, PaymentKey, Step
from gateway.ports import Clock
from gateway.routing.accounts import Accounts, OpenAccount
from gateway.store import alarms, payments, tasks
from gateway.store.tasks import Task, TaskKind
from gateway.store.units import Store, Tx
from protocol.messages import LateMoneyState
from protocol.secret import Secret
from protocol.states import GatewayState

_DEFAULT_PACE: Final = Pace(query_interval_ms=3_000)
V = TypeVar("V")
Decide = Callable[[Payment, ChannelOrder, int], Step]


class Desk:
    """`wake` tells the scheduler that something may be due sooner than it thinks."""

    def __init__(
        self, *, store: Store, clock: Clock, accounts: Accounts, waiters: Waiters, qr_shown_ms: int = QR_SHOWN_MS
    ) -> None:
        self._store = store
        self._clock = clock
        self._accounts = accounts
        self._waiters = waiters
        self.qr_shown_ms = qr_shown_ms
        self._log = structlog.get_logger("gateway.desk")

    def pace_of(self, account_id: str | None) -> Pace:
        account = None if account_id is None else self._accounts.find(account_id)
        return _DEFAULT_PACE if account is None else Pace(query_interval_ms=account.channel.traits.query_interval_ms)

    async def pay(self, payment: Payment, auth_code: Secret) -> None:
        """Makes the pay call for a payment whose channel order is durable."""
        account, order = self._account_of(payment), _pay_order(payment, auth_code)
        said_by = payment.channel or ""

        verdict = await self._perform(account, lambda channel: channel.pay(order, now_ms=self._clock.now_ms()))
        await self._apply(
            payment.key, lambda p, o, now: answer_pay(p, o, verdict, said_by=said_by, now_ms=now), release=False
        )

    async def ask_for_qr(self, payment: Payment, *, release: bool = False) -> None:
        """Asks the wallet for the QR of a payment whose channel order is durable."""
        account, said_by = self._account_of(payment), payment.channel or ""
        order = _qr_order(payment, self.qr_shown_ms)
        verdict = await self._perform(account, lambda channel: channel.precreate(order, now_ms=self._clock.now_ms()))
        shown = self.qr_shown_ms
        await self._apply(
            payment.key,
            lambda p, o, now: answer_precreate(p, o, verdict, shown_for_ms=shown, said_by=said_by, now_ms=now),
            release=release,
        )

    async def work(self, task: Task) -> None:
        """Does what is due for this payment, if anything still is."""
        match task.kind:
            case TaskKind.NOTICE:
                await self._store.run(lambda tx: self._notice(tx, task.key))
            case TaskKind.WORK:
                await self._work(task.key)
            case _:
                assert_never(task.kind)

    async def _work(self, key: PaymentKey) -> None:
        found = await self._store.run(lambda tx: self._take_up(tx, key))
        if found is None:
            return
        payment, order, action = found
        match action.kind:
            case ActionKind.QR:
                await self.ask_for_qr(payment, release=True)
            case ActionKind.QUERY:
                await self._query(payment, order, release=True)
            case ActionKind.CANCEL:
                await self._cancel(payment, order)
            case ActionKind.UNDO:
                after = await self._query(payment, order, release=False)
                if undo_goes_on(*after):
                    await self._cancel(payment, order)
                else:
                    await self._store.run(lambda tx: tasks.lease(tx, key, TaskKind.WORK, until_ms=0))
            case _:
                assert_never(action.kind)

    def _take_up(self, tx: Tx, key: PaymentKey) -> tuple[Payment, ChannelOrder, Action] | None:
        """What is due now; otherwise the task is set right and given back. A repeated QR call is durable first."""
        now_ms = self._clock.now_ms()
        payment, order = payments.find(tx, key), payments.channel_order(tx, key)
        assert payment is not None, "a task has its payment"
        assert order is not None, "work is about a channel order"
        action = next_action(payment, order, self.pace_of(order.account_id), now_ms=now_ms)
        if action is None or action.due_ms > now_ms or self._accounts.find(order.account_id) is None:
            due_ms = None if action is None else max(action.due_ms, now_ms + 1_000)
            tasks.put(tx, key, TaskKind.WORK, due_ms=due_ms, account_id=order.account_id)
            tasks.lease(tx, key, TaskKind.WORK, until_ms=0)
            return None
        if action.kind is ActionKind.QR:
            order = replace(order, calls=order.calls + 1, open_calls=order.open_calls + 1)
            payments.save_channel_order(tx, order)
        return payment, order, action

    def _notice(self, tx: Tx, key: PaymentKey) -> None:
        payment = payments.find(tx, key)
        if payment is not None and payment.state is GatewayState.PAID and payment.acked_seq is None:
            alarm = Alarm(kind=AlarmKind.PAID_UNNOTICED, detail=f"{payment.amount_fen} fen")
            about = f"{key.terminal_id} {key.payment_no}"
            alarms.raise_alarm(tx, alarm, about=about, now_ms=self._clock.now_ms())
        tasks.put(tx, key, TaskKind.NOTICE, due_ms=None, account_id=None)

    async def _query(self, payment: Payment, order: ChannelOrder, *, release: bool) -> tuple[Payment, ChannelOrder]:
        account, ref, asked_ms = self._account_of(payment), _ref(order), self._clock.now_ms()
        verdict = await self._perform(account, lambda channel: channel.query(ref, now_ms=asked_ms))
        said_by = payment.channel or ""

        def decide(p: Payment, o: ChannelOrder, now: int) -> Step:
            watching = p.state is GatewayState.NOT_PAID and p.late_state is not LateMoneyState.FOUND
            step = answer_query(p, o, verdict, said_by=said_by, asked_ms=asked_ms, now_ms=now)
            if watching and step.order is not None and step.order.unsettled_asks == 0 and step.payment == p:
                step = replace(step, order=replace(step.order, watch_step=step.order.watch_step + 1))
            return step

        return await self._apply(payment.key, decide, release=release)

    async def _cancel(self, payment: Payment, order: ChannelOrder) -> None:
        account, ref = self._account_of(payment), _ref(order)
        _, sent = await self._apply(payment.key, lambda p, o, now: sending_cancel(p, o, now_ms=now), release=False)
        if sent.undo_tries == order.undo_tries:
            await self._store.run(lambda tx: tasks.lease(tx, payment.key, TaskKind.WORK, until_ms=0))
            return
        verdict = await self._perform(account, lambda channel: channel.cancel(ref, now_ms=self._clock.now_ms()))
        said_by = payment.channel or ""
        await self._apply(
            payment.key, lambda p, o, now: answer_cancel(p, o, verdict, said_by=said_by, now_ms=now), release=True
        )

    async def _perform(
        self, account: OpenAccount | None, build: Callable[[Channel], PreparedCall[V]]
    ) -> V | NotSent | NoAnswer:
        """`account` is None when the owner's file made it unusable meanwhile: nothing is sent then."""
        if account is None:
            return NotSent(LineFault.CONNECT_FAILED)
        try:
            return await build(account.channel).perform(account.exchange)
        except Exception as error:  # noqa: BLE001 - a defect in an adapter must not leave a payment without its schedule
            self._log.error("channel call failed", account=account.candidate.account_id, error=type(error).__name__)
            return NoAnswer(LineFault.PROTOCOL)

    async def _apply(self, key: PaymentKey, decide: Decide, *, release: bool) -> tuple[Payment, ChannelOrder]:
        def unit(tx: Tx) -> tuple[Payment, ChannelOrder, bool]:
            now_ms = self._clock.now_ms()
            before, order = payments.find(tx, key), payments.channel_order(tx, key)
            assert before is not None, "a call was made for a payment that exists"
            assert order is not None, "a call was made for a channel order that exists"
            step = with_amber(decide(before, order, now_ms), now_ms=now_ms)
            keep(tx, before, step, self.pace_of, now_ms=now_ms)
            if release:
                tasks.lease(tx, key, TaskKind.WORK, until_ms=0)
            assert step.order is not None, "a decision about an order keeps it"
            return step.payment, step.order, step.payment.state_seq != before.state_seq

        payment, order, changed = await self._store.run(unit)
        if changed:
            self._waiters.wake(key)
        return payment, order

    def _account_of(self, payment: Payment) -> OpenAccount | None:
        return None if payment.account_id is None else self._accounts.find(payment.account_id)


def _ref(order: ChannelOrder) -> OrderRef:
    return OrderRef(out_trade_no=order.out_trade_no, amount_fen=order.amount_fen)


def _pay_order(payment: Payment, auth_code: Secret) -> PayOrder:
    assert payment.out_trade_no is not None, "a channel order was made"
    return PayOrder(
        out_trade_no=payment.out_trade_no,
        amount_fen=payment.amount_fen,
        subject=payment.subject,
        auth_code=auth_code,
        operator=payment.operator,
        terminal=payment.key.terminal_id,
        store="",
        open_for_ms=CODE_DEADLINE_MS + 15_000,
    )


def _qr_order(payment: Payment, open_for_ms: int) -> QrOrder:
    assert payment.out_trade_no is not None, "a channel order was made"
    return QrOrder(
        out_trade_no=payment.out_trade_no,
        amount_fen=payment.amount_fen,
        subject=payment.subject,
        operator=payment.operator,
        terminal=payment.key.terminal_id,
        store="",
        open_for_ms=open_for_ms,
    )
