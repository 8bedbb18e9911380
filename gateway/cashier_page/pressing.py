"""A press on the page: one channel order for one payer, durable before the channel is called.

Rules (SAFETY.md sections 1 and 2)
- `gateway.payments.paging.press` decides on the rows as they are, in the transaction that makes the order; the unique
  index over open orders lets one of two through, and the other waits.
- What the channel answered is decided by `answer_create`. Its bridge values are kept in memory only, and handed out
  only while the rows say that this payer's order may be paid.
- A repeated call that is "declined" proves nothing: what an earlier call opened may still be payable.
It must not know HTTP, cookies or wallets' words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from gateway.cashier_page.choosing import PageRouter, bound
from gateway.cashier_page.tickets import PayerSession
from gateway.channels.port import PageOrder, PageReady
from gateway.jobs.calls import ChannelCalls
from gateway.jobs.keeping import keep, keep_new
from gateway.jobs.shop_pages import ShopPages
from gateway.payments.answers import answer_create
from gateway.payments.paging import PagePress, asked_again, give_up, open_on_page, press
from gateway.payments.undo import request_cancel
from gateway.payments.values import ChannelOrder, Payment, PaymentKey, Step
from gateway.ports import Entropy
from gateway.routing.choose import Decision
from gateway.store import pages, payments, routes
from gateway.store.pages import PageToken
from gateway.store.units import StoreFailed, Tx
from protocol.messages import Presented
from protocol.numbers import NUMBER_BYTES, new_number, new_out_trade_no
from protocol.states import GatewayState

#: A page that waits for another payer asks again after this; one whose call was refused waits for a finger.
ASK_AGAIN_MS: Final = 2_000
REFUSED_MS: Final = 5_000
_MOST_ORDERS: Final = 36 * 36
_MOST_READY: Final = 10_000
#: Wallets whose close ends what is unpaid and nothing else. UnionPay only reverses, which takes a payment back.
_CLOSES_UNPAID: Final = frozenset({"wechat", "alipay"})
_PAGE: Final = "page"


class PressOutcome(Struct, frozen=True, kw_only=True):
    """`ready`: what the wallet's browser needs. `sign_in`: the payer must be asked for again. `key`: what to poll."""

    what: PagePress
    key: PaymentKey | None = None
    ready: PageReady | None = None
    again_ms: int = ASK_AGAIN_MS
    sign_in: bool = False


class _Taken(Struct, frozen=True, kw_only=True):
    """What one transaction made of a press. `call`: the channel is to be called for `order`."""

    what: PagePress
    payment: Payment
    order: ChannelOrder | None = None
    call: bool = False


class Pressing:
    """`wake` tells the scheduler that something is due. `aclose` drops calls under way: their rows tell the rest."""

    def __init__(
        self,
        *,
        calls: ChannelCalls,
        router: PageRouter,
        shop_pages: ShopPages,
        entropy: Entropy,
        wake: Callable[[], None],
        full: Callable[[], bool],
    ) -> None:
        self._calls = calls
        self._router = router
        self._shop_pages = shop_pages
        self._entropy = entropy
        self._wake = wake
        self._full = full
        self._ready: dict[str, PageReady] = {}
        self._creating: dict[str, asyncio.Task[PageReady | None]] = {}
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def press(
        self, page: PageToken, session: PayerSession, *, amount_fen: int | None, address: str
    ) -> PressOutcome:
        """`amount_fen`: what the customer typed on a static QR's page. Raises StoreFailed."""
        if page.key is None and self._full():
            # The store's disk takes no new payment now.
            return PressOutcome(what=PagePress.WAIT, key=None, again_ms=REFUSED_MS)
        lock = self._locks.setdefault((page.token, session.mark), asyncio.Lock())
        async with lock:
            try:
                taken = await self._calls.store.run(lambda tx: self._take(tx, page, session, amount_fen))
            except IntegrityError:
                return PressOutcome(what=PagePress.WAIT, key=page.key)  # another payer was quicker
            if taken is None:
                return PressOutcome(what=PagePress.WAIT, key=page.key, sign_in=True)
            self._calls.waiters.wake(taken.payment.key)
            self._wake()
            order = taken.order
            if order is not None and taken.call:
                task = asyncio.create_task(self._create(page, taken.payment, order, session, address))
                self._creating[order.out_trade_no] = task
                task.add_done_callback(lambda done: self._created(order.out_trade_no, done))
        if order is None:
            return PressOutcome(what=taken.what, key=taken.payment.key)
        return await self._outcome(taken, order)

    async def leave(self, key: PaymentKey, session: PayerSession) -> bool:
        """The payer says that he will not pay: his open order is closed for another. False: there is none to close."""
        left = await self._calls.store.run(lambda tx: self._leave(tx, key, session))
        if left:
            self._wake()
        return left

    async def aclose(self) -> None:
        running = tuple(self._creating.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _outcome(self, taken: _Taken, order: ChannelOrder) -> PressOutcome:
        key, name = taken.payment.key, order.out_trade_no
        task = self._creating.get(name)
        # A phone that goes away does not end the call: what it opened must be known.
        ready = self._ready.get(name) if task is None else await asyncio.shield(task)
        if ready is not None:
            return PressOutcome(what=taken.what, key=key, ready=ready)
        after = await self._calls.store.run(lambda tx: payments.order(tx, name))
        if after is not None and after.ended_kind is not None:
            return PressOutcome(what=PagePress.WAIT, key=key, again_ms=REFUSED_MS)
        return PressOutcome(what=taken.what, key=key)

    def _take(self, tx: Tx, page: PageToken, session: PayerSession, amount_fen: int | None) -> _Taken | None:
        """None: the account that knows this payer takes no payments now."""
        if page.key is None:
            assert amount_fen is not None, "a static QR's page asks for the amount"
            return self._take_static(tx, page, session, amount_fen)
        payment = payments.find(tx, page.key)
        assert payment is not None, "a token has its payment"
        return self._take_shown(tx, page, payment, session)

    def _take_shown(self, tx: Tx, page: PageToken, payment: Payment, session: PayerSession) -> _Taken | None:
        now_ms, live = self._calls.clock.now_ms(), payments.order_of(tx, payment)
        can_release = live is not None and live.channel in _CLOSES_UNPAID
        pressed = press(
            payment, live, channel=session.channel, payer_mark=session.mark, can_release=can_release, now_ms=now_ms
        )
        if pressed.what is PagePress.OPEN:
            return self._open(tx, page, payment, session, now_ms=now_ms)
        if live is None:
            return _Taken(what=pressed.what, payment=payment)
        if pressed.release:
            step = Step(payment=payment, order=give_up(live, now_ms=now_ms))
            keep(tx, payment, step, self._calls.pace_of, now_ms=now_ms, order_before=live)
        if pressed.what is not PagePress.AGAIN:
            return _Taken(what=pressed.what, payment=payment)
        if live.out_trade_no in self._ready or live.out_trade_no in self._creating:
            return _Taken(what=PagePress.AGAIN, payment=payment, order=live)
        again = asked_again(live)
        payments.save_channel_order(tx, again, before=live)
        return _Taken(what=PagePress.AGAIN, payment=payment, order=again, call=True)

    def _leave(self, tx: Tx, key: PaymentKey, session: PayerSession) -> bool:
        payment = payments.find(tx, key)
        live = None if payment is None else payments.order_of(tx, payment)
        if payment is None or live is None or payment.state is not GatewayState.SENT or live.ended_kind is not None:
            return False
        mine = live.channel == session.channel and live.payer_mark == session.mark
        if not mine or live.channel not in _CLOSES_UNPAID:
            return False
        now_ms = self._calls.clock.now_ms()
        step = Step(payment=payment, order=give_up(live, now_ms=now_ms))
        keep(tx, payment, step, self._calls.pace_of, now_ms=now_ms, order_before=live)
        return True

    def _open(self, tx: Tx, page: PageToken, payment: Payment, session: PayerSession, *, now_ms: int) -> _Taken | None:
        decision = self._decide(page, session, payment.amount_fen, now_ms=now_ms)
        if decision is None:
            return None
        ordinal = payments.next_ordinal(tx, payment.key.order_no)
        if ordinal >= _MOST_ORDERS:
            return _Taken(what=PagePress.OVER, payment=payment)
        step = _opened(payment, session, ordinal, now_ms=now_ms)
        assert step.order is not None, "a press that opens makes an order"
        payments.add_channel_order(tx, step.order)
        keep(tx, payment, step, self._calls.pace_of, now_ms=now_ms, order_before=step.order)
        return self._routed(tx, decision, step, now_ms=now_ms)

    def _take_static(self, tx: Tx, page: PageToken, session: PayerSession, amount_fen: int) -> _Taken | None:
        """The same payer's open payment of the same amount is pressed again; of another amount it is given up."""
        now_ms = self._calls.clock.now_ms()
        for key in pages.open_of_payer(tx, page.terminal_id, channel=session.channel, payer_mark=session.mark):
            earlier = payments.find(tx, key)
            assert earlier is not None, "an order has its payment"
            if earlier.state is not GatewayState.SENT or earlier.cancel_requested_ms is not None:
                continue
            if earlier.amount_fen == amount_fen:
                return self._take_shown(tx, page, earlier, session)
            live = payments.order_of(tx, earlier)
            step = request_cancel(earlier, live, operator=_PAGE, now_ms=now_ms)
            told = tuple(replace(one, said_by=_PAGE) for one in step.said)
            keep(tx, earlier, replace(step, said=told), self._calls.pace_of, now_ms=now_ms, order_before=live)
        decision = self._decide(page, session, amount_fen, now_ms=now_ms)
        if decision is None:
            return None
        fresh = Payment(
            key=PaymentKey(terminal_id=page.terminal_id, order_no=new_number(self._entropy.bytes(NUMBER_BYTES)), n=1),
            sale_id=new_number(self._entropy.bytes(NUMBER_BYTES)),
            amount_fen=amount_fen,
            currency="CNY",
            presented=Presented.MERCHANT,
            subject=page.store_name[:128],
            operator=_PAGE,
            expires_ms=None,
            created_ms=now_ms,
            state=GatewayState.CREATED,
            state_seq=1,
        )
        begun = self._shop_pages.show_static(fresh, page.token, now_ms=now_ms)
        opened = _opened(begun.payment, session, 0, now_ms=now_ms)
        step = replace(opened, said=(*(replace(one, said_by=_PAGE) for one in begun.said), *opened.said))
        keep_new(tx, step, self._calls.pace_of, now_ms=now_ms)
        return self._routed(tx, decision, step, now_ms=now_ms)

    def _decide(self, page: PageToken, session: PayerSession, amount_fen: int, *, now_ms: int) -> Decision | None:
        decision = self._router.for_page(
            merchant_id=page.merchant_id,
            store_id=page.store_id,
            channel=session.channel,
            amount_fen=amount_fen,
            now_ms=now_ms,
        )
        return bound(decision, session.account_id)

    def _routed(self, tx: Tx, decision: Decision, step: Step, *, now_ms: int) -> _Taken:
        assert step.order is not None, "a press that opens makes an order"
        routes.add(tx, decision, step.order)
        self._router.begins(decision, now_ms=now_ms)
        return _Taken(what=PagePress.OPEN, payment=step.payment, order=step.order, call=True)

    async def _create(
        self, page: PageToken, payment: Payment, order: ChannelOrder, session: PayerSession, address: str
    ) -> PageReady | None:
        now_ms = self._calls.clock.now_ms()
        asked = PageOrder(
            out_trade_no=order.out_trade_no,
            amount_fen=order.amount_fen,
            subject=payment.subject or page.store_name,
            operator=payment.operator,
            terminal=payment.key.terminal_id,
            store=page.store_id,
            open_for_ms=max(1_000, order.deadline_ms - now_ms),
            opened_ms=order.sent_ms,
            payer=session.payer,
            payer_address=address,
        )
        verdict = await self._calls.perform(
            order.account_id, lambda channel: channel.create(asked, now_ms=self._calls.clock.now_ms())
        )
        payment, after = await self._calls.apply(
            order.out_trade_no,
            lambda p, o, now: answer_create(p, o, verdict, said_by=o.channel, now_ms=now),
            release=False,
        )
        self._wake()
        wanted = payment.state is GatewayState.SENT and payment.cancel_requested_ms is None
        if not isinstance(verdict, PageReady) or not wanted or after.ended_kind is not None or after.release_ms:
            return None
        self._ready[order.out_trade_no] = verdict
        while len(self._ready) > _MOST_READY:
            del self._ready[next(iter(self._ready))]
        return verdict

    def _created(self, name: str, task: asyncio.Task[PageReady | None]) -> None:
        self._creating.pop(name, None)
        if not task.cancelled() and not isinstance(error := task.exception(), StoreFailed | None):
            raise error  # a defect: the loop reports it; the order's rows keep their schedule


def _opened(payment: Payment, session: PayerSession, ordinal: int, *, now_ms: int) -> Step:
    return open_on_page(
        payment,
        account_id=session.account_id,
        channel=session.channel,
        payer_mark=session.mark,
        out_trade_no=new_out_trade_no(payment.key.order_no, ordinal),
        now_ms=now_ms,
    )
