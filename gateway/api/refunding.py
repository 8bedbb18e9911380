"""The calls about refunds: ask for one (reserved first), and ask what became of it (long poll)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.api.answers import Answer, Refusal
from gateway.api.caller import Caller
from gateway.jobs.keeping import PaceOf, keep_refund
from gateway.jobs.waiters import Waiters
from gateway.payments.refunds import refund_asked, same_refund
from gateway.payments.values import ChannelOrder, Payment, PaymentKey, Refund, RefundStep, Said
from gateway.ports import Clock
from gateway.store import payments, refunds, restorations
from gateway.store.units import Store, Tx
from protocol.messages import LateMoneyState, RefundRequest, RefundStatus
from protocol.numbers import is_number
from protocol.reasons import Reason
from protocol.states import GatewayState

LONGEST_WAIT_S: Final = 30


class RefundCalls:
    """`wake` tells the scheduler that something is due."""

    def __init__(
        self, *, store: Store, clock: Clock, pace_of: PaceOf, waiters: Waiters, wake: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._pace_of = pace_of
        self._waiters = waiters
        self._wake = wake

    async def take(self, caller: Caller, key: PaymentKey, request: RefundRequest) -> Answer:
        """`POST /v1/payments/{payment_no}/refunds`."""
        if not is_number(request.refund_no):
            raise Refusal(Reason.BAD_REQUEST, "refund_no: its check character is wrong")
        refund, left = await self._store.run(lambda tx: self._take(tx, caller, key, request))
        self._wake()
        return self._answer(refund, left)

    async def ask(self, caller: Caller, refund_no: str, *, wait_s: float, after: int | None) -> Answer:
        """`GET /v1/refunds/{refund_no}`: returns once state_seq passes `after` (without it: when final)."""

        async def look() -> tuple[Refund, int]:
            return await self._store.run(lambda tx: self._find(tx, caller, refund_no))

        def enough(found: tuple[Refund, int]) -> bool:
            return found[0].state.final if after is None else found[0].state_seq > after

        refund, _ = await look()
        held_s = min(max(wait_s, 0.0), LONGEST_WAIT_S)
        return self._answer(*await self._waiters.held(refund.key, look, enough, wait_s=held_s))

    def _take(self, tx: Tx, caller: Caller, key: PaymentKey, request: RefundRequest) -> tuple[Refund, int]:
        caller.tells(tx, request.told)
        payment = payments.find(tx, key)
        if payment is None:
            caller.in_time()
            raise Refusal(Reason.GATEWAY_RESTORED if restorations.may_be_lost(tx, key) else Reason.UNKNOWN_PAYMENT)
        existing = refunds.find(tx, request.refund_no)
        if existing is not None:
            if not same_refund(existing, request, payment):
                raise Refusal(Reason.CONTENT_DIFFERS)
            return existing, refunds.refundable_fen(tx, existing.out_trade_no)
        caller.fresh(tx)
        caller.may_sell(tx)
        order = _kept(tx, payment)
        if order is None:
            raise Refusal(Reason.GATEWAY_RESTORED if payment.in_question else Reason.PAYMENT_NOT_PAID)
        now_ms = self._clock.now_ms()
        refund = refund_asked(request, order, now_ms=now_ms)
        if not refunds.reserve(tx, refund):
            raise Refusal(Reason.REFUND_EXCEEDS, refundable_fen=refunds.refundable_fen(tx, order.out_trade_no))
        said = Said(what="refund_requested", said_by="till", detail=f"{refund.refund_no} {refund.amount_fen}")
        keep_refund(tx, None, RefundStep(refund=refund, said=(said,)), self._pace_of, now_ms=now_ms)
        return refund, refunds.refundable_fen(tx, refund.out_trade_no)

    def _find(self, tx: Tx, caller: Caller, refund_no: str) -> tuple[Refund, int]:
        refund = refunds.find(tx, refund_no)
        if refund is None or refund.key.terminal_id != caller.terminal.terminal_id:
            caller.in_time()
            raise Refusal(Reason.UNKNOWN_REFUND)
        return refund, refunds.refundable_fen(tx, refund.out_trade_no)

    def _answer(self, refund: Refund, refundable_fen: int) -> Answer:
        return Answer(
            RefundStatus(
                terminal_id=refund.key.terminal_id,
                refund_no=refund.refund_no,
                payment_no=refund.key.payment_no,
                amount_fen=refund.amount_fen,
                currency="CNY",
                state=refund.state,
                state_seq=refund.state_seq,
                server_time_ms=self._clock.now_ms(),
                refundable_fen=refundable_fen,
                channel=refund.channel,
                reason=refund.reason,
                settled_at_ms=refund.settled_ms,
            )
        )


def _kept(tx: Tx, payment: Payment) -> ChannelOrder | None:
    """The order whose money is the sale's: the one that was paid, or late money that a person kept."""
    if payment.state is GatewayState.PAID:
        return payments.order_of(tx, payment)
    kept = (order for order in payments.orders_of(tx, payment.key) if order.late_state is LateMoneyState.ACCEPTED)
    return next(kept, None)
