"""The calls about payments: take, ask (long poll), cancel, acknowledge. A terminal reaches its own payments only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from hmac import digest
from typing import Final

from msgspec.structs import replace

from gateway.api.answers import Answer, Refusal
from gateway.api.caller import Caller
from gateway.channels.port import OrderKind
from gateway.jobs.desk import Desk
from gateway.jobs.keeping import keep, keep_new
from gateway.jobs.offline_orders import cancel_is_news, cancelled_over_line
from gateway.jobs.schedule import CODE_DEADLINE_MS
from gateway.jobs.shop_pages import ShopPages
from gateway.jobs.waiters import Waiters
from gateway.payments.admit import (
    Admitted,
    Known,
    Refused,
    admit,
    known,
    new_payment,
    send,
    tombstone,
    unseen,
    well_formed,
)
from gateway.payments.status import status_of
from gateway.payments.undo import request_cancel
from gateway.payments.values import AlarmKind, ChannelOrder, Payment, PaymentKey, Step, key_ref
from gateway.ports import Clock
from gateway.routing.choose import Decision
from gateway.routing.router import Router
from gateway.store import acks, alarms, guards, payments, restorations, routes, tasks
from gateway.store.tasks import TaskKind
from gateway.store.units import Store, Tx
from protocol.messages import (
    PAY_REQUEST_LIFE_MS,
    AckRequest,
    CancelRequest,
    PaymentRequest,
    PaymentStatus,
    Presented,
)
from protocol.numbers import PaymentNo, is_number, new_out_trade_no, read_payment_no
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import GatewayState, ProofKind

LONGEST_WAIT_S: Final = 30
_MOST_CHANNEL_ORDERS: Final = 36 * 36


def payment_key(caller: Caller, payment_no: str) -> PaymentKey:
    """The caller's own payment of that number."""
    number = read_payment_no(payment_no)
    if number is None:
        raise Refusal(Reason.BAD_REQUEST, "payment_no: its check character or form is wrong")
    return _key(caller, number)


def _key(caller: Caller, number: PaymentNo) -> PaymentKey:
    return PaymentKey(terminal_id=caller.terminal.terminal_id, order_no=number.order_no, n=number.n)


def notice_ended(tx: Tx, key: PaymentKey, *, now_ms: int) -> None:
    """Somebody at the counter knows: no alarm "paid and unnoticed"."""
    ref = key_ref(key)
    tasks.put(tx, TaskKind.NOTICE, ref, due_ms=None, account_id=None)
    alarms.close_alarm(tx, AlarmKind.PAID_UNNOTICED, about=ref, now_ms=now_ms)


def _never_left(of_order: Sequence[Payment]) -> tuple[str, ...]:
    """Accounts at which a payment of this order was proven never to have left."""
    return tuple(p.account_id for p in of_order if p.proof_kind is ProofKind.NOT_SENT and p.account_id is not None)


def _never(tx: Tx, payment: Payment, reason: Reason, *, now_ms: int) -> Step:
    """It is not charged now; and it never was, unless the rows that would say so may be lost."""
    if restorations.may_be_lost(tx, payment.key):
        raise Refusal(Reason.GATEWAY_RESTORED)
    return tombstone(payment, reason=reason, now_ms=now_ms)


class PaymentCalls:
    """`spawn` runs a call to a wallet in the background; `wake` tells the scheduler; `mark_key` is this process's.
    `full`: the store's disk takes no new payment now."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        router: Router,
        shop_pages: ShopPages,
        desk: Desk,
        waiters: Waiters,
        spawn: Callable[[Awaitable[None]], None],
        wake: Callable[[], None],
        mark_key: bytes,
        full: Callable[[], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._router = router
        self._shop_pages = shop_pages
        self._desk = desk
        self._waiters = waiters
        self._spawn = spawn
        self._wake = wake
        self._mark_key = mark_key
        self._full = full

    async def take(self, caller: Caller, request: PaymentRequest) -> Answer:
        """`POST /v1/payments`."""
        key = payment_key(caller, request.payment_no)
        if not well_formed(request):
            raise Refusal(Reason.BAD_REQUEST, "auth_code: present exactly when the customer presents")
        if not is_number(request.sale_id):
            raise Refusal(Reason.BAD_REQUEST, "sale_id: its check character is wrong")
        payment, order = await self._store.run(lambda tx: self._admit(tx, caller, request, key))
        if order is not None:
            self._start(payment, order, request.auth_code)
        return self._answer(payment)

    async def ask(self, caller: Caller, key: PaymentKey, *, wait_s: float, after: int | None) -> Answer:
        """`GET /v1/payments/{payment_no}`: returns once state_seq passes `after` (without it: when final)."""

        async def look() -> Payment:
            payment = await self._store.run(lambda tx: payments.find(tx, key))
            if payment is None:
                caller.in_time()
                raise Refusal(Reason.UNKNOWN_PAYMENT)
            return payment

        def enough(payment: Payment) -> bool:
            return payment.state.final if after is None else payment.state_seq > after

        held_s = min(max(wait_s, 0.0), LONGEST_WAIT_S)
        found = await self._waiters.held(key, look, enough, wait_s=held_s, told=lambda payment: payment)
        return self._answer(found)

    async def cancel(self, caller: Caller, key: PaymentKey, request: CancelRequest) -> Answer:
        """`POST …/cancel`: a durable intent; for a number never seen, a tombstone that is kept for ever."""
        payment = await self._store.run(lambda tx: self._cancel(tx, caller, key, request))
        self._waiters.wake(key)
        self._wake()
        return self._answer(payment)

    async def acknowledge(self, caller: Caller, key: PaymentKey, request: AckRequest) -> Answer:
        """`POST …/ack`: the till journaled this outcome."""
        return self._answer(await self._store.run(lambda tx: self._acknowledge(tx, caller, key, request)))

    def _answer(self, payment: Payment) -> Answer:
        status: PaymentStatus = status_of(payment, now_ms=self._clock.now_ms())
        return Answer(status)

    def _start(self, payment: Payment, order: ChannelOrder, auth_code: Secret | None) -> None:
        if auth_code is not None:
            self._spawn(self._desk.pay(payment, order, auth_code))
        else:
            self._spawn(self._desk.ask_for_qr(payment, order))
        self._wake()

    def _admit(
        self, tx: Tx, caller: Caller, request: PaymentRequest, key: PaymentKey
    ) -> tuple[Payment, ChannelOrder | None]:
        """The order is one that was just made and is to be called for."""
        now_ms = self._clock.now_ms()
        of_order = payments.of_order(tx, terminal_id=key.terminal_id, order_no=key.order_no)
        for existing in of_order:
            if existing.key == key:
                match known(request, existing):
                    case Known(payment=payment):
                        return payment, None
                    case Refused(reason=reason):
                        raise Refusal(reason)
        caller.fresh(tx)
        caller.may_sell(tx)
        of_sale = payments.of_sale_id(tx, key.terminal_id, request.sale_id)
        decision = admit(request, key.n, of_order, of_sale=of_sale, now_ms=now_ms)
        if isinstance(decision, Refused):
            raise Refusal(decision.reason)
        caller.tells(tx, request.told)
        begun_ms = request.expires - PAY_REQUEST_LIFE_MS
        lost = restorations.began_before(tx, key.terminal_id, begun_ms)
        if lost or any(restorations.may_be_lost(tx, replace(key, n=n)) for n in decision.missing):
            raise Refusal(Reason.GATEWAY_RESTORED)
        not_sent = _never_left(of_order)
        step, routed = self._first_step(tx, caller, request, key, decision, not_sent=not_sent, now_ms=now_ms)
        for n in decision.missing:
            never = unseen(
                replace(key, n=n),
                amount_fen=request.amount_fen,
                operator=request.operator,
                now_ms=now_ms,
                state_seq=restorations.first_seq(tx),
            )
            dead = tombstone(never, reason=Reason.NOT_CONFIRMED, now_ms=now_ms)
            keep_new(tx, dead, self._desk.pace_of, now_ms=now_ms)
        keep_new(tx, step, self._desk.pace_of, now_ms=now_ms)
        if step.order is not None and routed is not None:
            routes.add(tx, routed, step.order)
            self._router.begins(routed, now_ms=now_ms)
        if step.payment.page:
            self._shop_pages.remember(tx, caller.terminal.store_id, step.payment, now_ms=now_ms)
        return step.payment, step.order

    def _first_step(
        self,
        tx: Tx,
        caller: Caller,
        request: PaymentRequest,
        key: PaymentKey,
        decision: Admitted,
        *,
        not_sent: tuple[str, ...],
        now_ms: int,
    ) -> tuple[Step, Decision | None]:
        """The payment begins, or ends at once. With a channel order comes the decision that chose its account."""
        fresh = new_payment(request, key, now_ms=now_ms, state_seq=restorations.first_seq(tx))
        if decision.expired:
            return _never(tx, fresh, Reason.EXPIRED, now_ms=now_ms), None
        if self._full():
            return _never(tx, fresh, Reason.GATEWAY_FULL, now_ms=now_ms), None
        if request.auth_code is None and self._shop_pages.serves(caller.terminal.merchant_id):
            return self._shop_pages.show(fresh, now_ms=now_ms), None
        routed = self._route(caller, request, not_sent=not_sent, now_ms=now_ms)
        if routed is None or routed.chosen is None:
            return _never(tx, fresh, Reason.NO_CHANNEL, now_ms=now_ms), None
        if request.auth_code is not None and not self._claim_code(tx, request.auth_code, key, now_ms=now_ms):
            return _never(tx, fresh, Reason.CODE_USED_ELSEWHERE, now_ms=now_ms), None
        ordinal = payments.next_ordinal(tx, key.order_no)
        if ordinal >= _MOST_CHANNEL_ORDERS:
            raise Refusal(Reason.BAD_REQUEST, "payment_no: this order was tried too often; use a new one")
        shown = request.presented is Presented.MERCHANT
        step = send(
            fresh,
            account_id=routed.chosen.account_id,
            channel=routed.chosen.channel,
            kind=OrderKind.QR if shown else OrderKind.CODE,
            out_trade_no=new_out_trade_no(key.order_no, ordinal),
            open_for_ms=self._desk.qr_shown_ms if shown else CODE_DEADLINE_MS,
            now_ms=now_ms,
        )
        return step, routed

    def _route(
        self, caller: Caller, request: PaymentRequest, *, not_sent: tuple[str, ...], now_ms: int
    ) -> Decision | None:
        """None: what was scanned is no payment code."""
        merchant_id, store_id = caller.terminal.merchant_id, caller.terminal.store_id
        if request.auth_code is None:
            return self._router.for_qr(
                merchant_id=merchant_id,
                store_id=store_id,
                amount_fen=request.amount_fen,
                not_sent=not_sent,
                now_ms=now_ms,
            )
        return self._router.for_code(
            merchant_id=merchant_id,
            store_id=store_id,
            auth_code=request.auth_code,
            amount_fen=request.amount_fen,
            not_sent=not_sent,
            now_ms=now_ms,
        )

    def _claim_code(self, tx: Tx, auth_code: Secret, key: PaymentKey, *, now_ms: int) -> bool:
        """One code pays once: False when it was used, unless by this till for a payment that is proven not paid."""
        mark = digest(self._mark_key, auth_code.reveal().encode(), sha256)
        used = guards.marked(tx, mark)
        if used is None:
            guards.add_mark(tx, mark, key, now_ms=now_ms)
            return True
        earlier = payments.find(tx, used)
        free = earlier is not None and earlier.state is GatewayState.NOT_PAID
        if used.terminal_id != key.terminal_id or not free:
            return False
        guards.move_mark(tx, mark, key, now_ms=now_ms)
        return True

    def _cancel(self, tx: Tx, caller: Caller, key: PaymentKey, request: CancelRequest) -> Payment:
        now_ms = self._clock.now_ms()
        caller.tells(tx, request.told)
        before = payments.find(tx, key)
        if before is None:
            caller.fresh(tx)
            if restorations.may_be_lost(tx, key):
                raise Refusal(Reason.GATEWAY_RESTORED)
            never = unseen(
                key,
                amount_fen=request.amount_fen,
                operator=request.operator,
                now_ms=now_ms,
                state_seq=restorations.first_seq(tx),
            )
            dead = tombstone(never, reason=Reason.CANCELLED, now_ms=now_ms)
            keep_new(tx, dead, self._desk.pace_of, now_ms=now_ms)
            return dead.payment
        if before.amount_fen != request.amount_fen:
            raise Refusal(Reason.CONTENT_DIFFERS)
        if before.cancel_requested_ms is not None:
            return before
        if before.state is GatewayState.PAID:
            if cancel_is_news(tx, key):
                caller.fresh(tx)
                cancelled_over_line(tx, key, self._desk.pace_of, now_ms=now_ms)
            return before
        caller.fresh(tx)
        order, last = payments.order_of(tx, before), None
        if order is None:
            tried = payments.orders_of(tx, key)
            last = tried[-1] if tried else None
        step = request_cancel(before, order, operator=request.operator, last=last, now_ms=now_ms)
        keep(tx, before, step, self._desk.pace_of, now_ms=now_ms, order_before=order)
        return step.payment

    def _acknowledge(self, tx: Tx, caller: Caller, key: PaymentKey, request: AckRequest) -> Payment:
        now_ms = self._clock.now_ms()
        payment = payments.find(tx, key)
        if payment is None:
            caller.in_time()
            raise Refusal(Reason.UNKNOWN_PAYMENT)
        if acks.acknowledged(tx, key, state_seq=request.state_seq):
            return payment
        if not payment.state.final or request.state is not payment.state or request.state_seq > payment.state_seq:
            raise Refusal(Reason.CONTENT_DIFFERS)
        caller.fresh(tx)
        acks.add(tx, key, state_seq=request.state_seq, state=request.state, now_ms=now_ms)
        acknowledged = replace(payment, acked_seq=max(request.state_seq, payment.acked_seq or 0))
        payments.save(tx, acknowledged, before=payment)
        notice_ended(tx, key, now_ms=now_ms)
        return acknowledged
