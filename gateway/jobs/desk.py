"""The hands: makes the calls about orders and keeps what their answers decide.

Rules
- What a call may cause is durable before the call is made; what it answered is decided on the rows as they are then.
- The query right before the first reverse and the reverse are one task.
It must not decide anything about money: `gateway.payments` does.
"""

from __future__ import annotations

from typing import Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from gateway.bills.desk import BillDesk
from gateway.channels.port import NoAnswer, NotSent, OrderKind, PayOrder, QrOrder, UndoVerdict
from gateway.jobs.calls import ChannelCalls, found, order_ref
from gateway.jobs.keeping import keep
from gateway.jobs.offline_orders import give_unwanted_back, unwanted_ms
from gateway.jobs.refund_desk import RefundDesk
from gateway.jobs.restored_told import follow_journal, may_be_asked
from gateway.jobs.schedule import (
    CODE_DEADLINE_MS,
    QR_SHOWN_MS,
    Action,
    ActionKind,
    next_action,
    undo_goes_on,
    unnoticed_ms,
)
from gateway.offline.judge import PAY_WINDOW_MS
from gateway.payments.answers import answer_pay, answer_precreate, answer_query
from gateway.payments.paging import asked_again
from gateway.payments.undo import answer_cancel, page_over, sending_cancel, sending_close
from gateway.payments.values import Alarm, AlarmKind, ChannelOrder, Payment, Step, read_key
from gateway.store import alarms, payments, tasks
from gateway.store.tasks import Task, TaskKind
from gateway.store.units import Tx
from protocol.messages import LateMoneyState
from protocol.secret import Secret
from protocol.states import GatewayState

#: How often is looked whether a till that is to be heard first has spoken.
_HEAR_AGAIN_MS: Final = 1_000


class Due(Struct, frozen=True, kw_only=True):
    """What is due about an order, from its rows as they were when the task was taken."""

    payment: Payment
    order: ChannelOrder
    action: Action


class Desk:
    """Works on orders; refunds and bills have desks of their own."""

    def __init__(
        self, *, calls: ChannelCalls, refunds: RefundDesk, bills: BillDesk, qr_shown_ms: int = QR_SHOWN_MS
    ) -> None:
        self._calls = calls
        self._refunds = refunds
        self._bills = bills
        self._store = calls.store
        self._clock = calls.clock
        self.pace_of = calls.pace_of
        self.qr_shown_ms = qr_shown_ms

    @property
    def longest_shown_ms(self) -> int:
        """How long anything is shown and open at most."""
        return max(self.qr_shown_ms, PAY_WINDOW_MS, CODE_DEADLINE_MS)

    async def pay(self, payment: Payment, order: ChannelOrder, auth_code: Secret) -> None:
        """Makes the pay call for a channel order that is durable."""
        asked = _pay_order(payment, order, auth_code)
        verdict = await self._calls.perform(
            order.account_id, lambda channel: channel.pay(asked, now_ms=self._clock.now_ms())
        )
        await self._calls.apply(
            order.out_trade_no,
            lambda p, o, now: answer_pay(p, o, verdict, said_by=o.channel, now_ms=now),
            release=False,
        )

    async def ask_for_qr(self, payment: Payment, order: ChannelOrder, *, release: bool = False) -> None:
        """Asks the wallet for the QR of a channel order that is durable."""
        asked, shown = _qr_order(payment, order, self.qr_shown_ms), self.qr_shown_ms
        verdict = await self._calls.perform(
            order.account_id, lambda channel: channel.precreate(asked, now_ms=self._clock.now_ms())
        )
        await self._calls.apply(
            order.out_trade_no,
            lambda p, o, now: answer_precreate(p, o, verdict, shown_for_ms=shown, said_by=o.channel, now_ms=now),
            release=release,
        )

    async def work(self, task: Task, due: Due | None) -> None:
        """Does what is due, if anything still is. `due`: of an order, what `take_up` found."""
        match task.kind:
            case TaskKind.NOTICE:
                await self._store.run(lambda tx: self._notice(tx, task.ref))
            case TaskKind.PAGE:
                await self._end_page(task.ref)
            case TaskKind.UNWANTED:
                await self._store.run(lambda tx: self._give_unwanted_back(tx, task.ref))
            case TaskKind.REFUND:
                await self._refunds.work(task.ref)
            case TaskKind.BILL:
                await self._bills.work(task.ref)
            case TaskKind.WORK:
                assert due is not None, "an order's task was taken up with its rows"
                await self._work(due.payment, due.order, due.action)
            case _:
                assert_never(task.kind)

    async def _work(self, payment: Payment, order: ChannelOrder, action: Action) -> None:
        match action.kind:
            case ActionKind.QR:
                await self.ask_for_qr(payment, order, release=True)
            case ActionKind.QUERY:
                await self._query(order, release=True)
            case ActionKind.CANCEL:
                await self._cancel(order)
            case ActionKind.UNDO:
                after = await self._query(order, release=False)
                if undo_goes_on(*after):
                    await self._cancel(order)
                else:
                    await self._give_back(order.out_trade_no)
            case ActionKind.RELEASE:
                payment, order = await self._query(order, release=False)
                if payment.state is GatewayState.SENT and order.ended_kind is None and not order.unsettled_asks:
                    await self._close(order)
                else:
                    await self._give_back(order.out_trade_no)
            case _:
                assert_never(action.kind)

    def take_up(self, tx: Tx, payment: Payment, order: ChannelOrder, *, now_ms: int) -> Due | None:
        """In the transaction that leased the order's task: what is due now; otherwise the task is set right and given
        back. A repeated QR call is durable before it is made."""
        if payment.in_question:
            if not may_be_asked(tx, payment):
                name, owner = order.out_trade_no, self._calls.owner
                due_ms = now_ms + _HEAR_AGAIN_MS
                tasks.put(tx, TaskKind.WORK, name, due_ms=due_ms, account_id=order.account_id, release=owner)
                return None
            payment = follow_journal(tx, payment, self.pace_of, now_ms=now_ms)
            _, order = found(tx, order.out_trade_no)
        action = next_action(payment, order, self.pace_of(order.account_id), now_ms=now_ms)
        if action is None or action.due_ms > now_ms or self._calls.accounts.find(order.account_id) is None:
            due_ms = None if action is None else max(action.due_ms, now_ms + 1_000)
            name, account_id, owner = order.out_trade_no, order.account_id, self._calls.owner
            tasks.put(tx, TaskKind.WORK, name, due_ms=due_ms, account_id=account_id, release=owner)
            return None
        if action.kind is ActionKind.QR:
            again = asked_again(order)
            payments.save_channel_order(tx, again, before=order)
            order = again
        return Due(payment=payment, order=order, action=action)

    def _notice(self, tx: Tx, ref: str) -> None:
        payment, now_ms = payments.find(tx, read_key(ref)), self._clock.now_ms()
        if payment is not None and payment.state is GatewayState.PAID and payment.acked_seq is None:
            due_ms = unnoticed_ms(payment, even_since_ms=self._clock.even_since_ms(), now_ms=now_ms)
            if due_ms > now_ms:
                self._not_yet(tx, TaskKind.NOTICE, ref, due_ms)
                return
            alarm = Alarm(kind=AlarmKind.PAID_UNNOTICED, detail=f"{payment.amount_fen} fen")
            alarms.raise_alarm(tx, alarm, about=ref, now_ms=now_ms)
        tasks.put(tx, TaskKind.NOTICE, ref, due_ms=None, account_id=None)

    def _give_unwanted_back(self, tx: Tx, ref: str) -> None:
        now_ms = self._clock.now_ms()
        due_ms = unwanted_ms(tx, ref, even_since_ms=self._clock.even_since_ms(), now_ms=now_ms)
        again_ms = due_ms if due_ms > now_ms else give_unwanted_back(tx, ref, self.pace_of, now_ms=now_ms)
        if again_ms is not None:
            self._not_yet(tx, TaskKind.UNWANTED, ref, again_ms)

    def _not_yet(self, tx: Tx, kind: TaskKind, ref: str, due_ms: int) -> None:
        """A task that was looked at before its time: set right and given back."""
        tasks.put(tx, kind, ref, due_ms=due_ms, account_id=None, release=self._calls.owner)

    async def _end_page(self, ref: str) -> None:
        """The page's time is up and no order is open."""

        def unit(tx: Tx) -> bool:
            now_ms, key = self._clock.now_ms(), read_key(ref)
            payment = payments.find(tx, key)
            assert payment is not None, "a page has its payment"
            wanted = payment.cancel_requested_ms is None
            if wanted and payment.qr_expires_ms is not None and now_ms < payment.qr_expires_ms:
                self._not_yet(tx, TaskKind.PAGE, ref, payment.qr_expires_ms)
                return False
            tasks.give_back(tx, TaskKind.PAGE, ref, owner=self._calls.owner)
            if payment.state.final or payment.out_trade_no is not None or payment.in_question:
                tasks.put(tx, TaskKind.PAGE, ref, due_ms=None, account_id=None)
                return False
            last = payments.orders_of(tx, key)
            step = page_over(Step(payment=payment, order=None), last=last[-1] if last else None, now_ms=now_ms)
            keep(tx, payment, step, self.pace_of, now_ms=now_ms)
            return True

        if await self._store.run(unit):
            self._calls.waiters.wake(read_key(ref))

    async def _query(self, order: ChannelOrder, *, release: bool) -> tuple[Payment, ChannelOrder]:
        ref, asked_ms = order_ref(order), self._clock.now_ms()
        verdict = await self._calls.perform(
            order.account_id, lambda channel: channel.query(ref, now_ms=self._clock.now_ms())
        )

        def decide(p: Payment, o: ChannelOrder, now: int) -> Step:
            watching = o.ended_kind is not None and o.late_state in (None, LateMoneyState.UNDONE)
            even_ms = self._clock.even_since_ms()
            step = answer_query(p, o, verdict, said_by=o.channel, asked_ms=asked_ms, now_ms=now, even_since_ms=even_ms)
            if watching and step.order is not None and step.order.unsettled_asks == 0 and step.payment == p:
                step = replace(step, order=replace(step.order, watch_step=step.order.watch_step + 1))
            return step

        return await self._calls.apply(order.out_trade_no, decide, release=release)

    async def _cancel(self, order: ChannelOrder) -> None:
        ref, name = order_ref(order), order.out_trade_no
        _, sent = await self._calls.apply(name, lambda p, o, now: sending_cancel(p, o, now_ms=now), release=False)
        if sent.undo_tries == order.undo_tries:
            await self._give_back(name)
            return
        verdict = await self._calls.perform(
            order.account_id, lambda channel: channel.cancel(ref, now_ms=self._clock.now_ms())
        )
        await self._calls.apply(name, lambda p, o, now: self._undone(p, o, verdict, now), release=True)

    async def _close(self, order: ChannelOrder) -> None:
        ref, name = order_ref(order), order.out_trade_no
        _, sent = await self._calls.apply(name, lambda p, o, now: sending_close(p, o, now_ms=now), release=False)
        if sent.undo_tries == order.undo_tries:
            await self._give_back(name)
            return
        verdict = await self._calls.perform(
            order.account_id, lambda channel: channel.close(ref, now_ms=self._clock.now_ms())
        )
        await self._calls.apply(name, lambda p, o, now: self._undone(p, o, verdict, now), release=True)

    def _undone(self, p: Payment, o: ChannelOrder, verdict: UndoVerdict | NotSent | NoAnswer, now_ms: int) -> Step:
        even_ms = self._clock.even_since_ms()
        return answer_cancel(p, o, verdict, said_by=o.channel, now_ms=now_ms, even_since_ms=even_ms)

    async def _give_back(self, out_trade_no: str) -> None:
        owner = self._calls.owner
        await self._store.run(lambda tx: tasks.give_back(tx, TaskKind.WORK, out_trade_no, owner=owner))


def _pay_order(payment: Payment, order: ChannelOrder, auth_code: Secret) -> PayOrder:
    assert order.kind is OrderKind.CODE, "a code is charged by a code's order"
    return PayOrder(
        out_trade_no=order.out_trade_no,
        amount_fen=order.amount_fen,
        subject=payment.subject,
        auth_code=auth_code,
        operator=payment.operator,
        terminal=payment.key.terminal_id,
        store="",
        open_for_ms=CODE_DEADLINE_MS + 15_000,
        opened_ms=order.sent_ms,
    )


def _qr_order(payment: Payment, order: ChannelOrder, open_for_ms: int) -> QrOrder:
    return QrOrder(
        out_trade_no=order.out_trade_no,
        amount_fen=order.amount_fen,
        subject=payment.subject,
        operator=payment.operator,
        terminal=payment.key.terminal_id,
        store="",
        open_for_ms=open_for_ms,
        opened_ms=order.sent_ms,
    )
