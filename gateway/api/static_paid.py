"""The calls about a store's static QR: what it took (long poll), and that a till has rung for it.

A static QR has no till of its own: every till of the store hears of its payments, and whoever acknowledges one ends the
notice "paid and unnoticed".
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from gateway.api.answers import Answer, Refusal
from gateway.api.caller import Caller
from gateway.api.paying import notice_ended
from gateway.jobs.waiters import Waiters, any_payment
from gateway.payments.values import Said
from gateway.ports import Clock
from gateway.store import acks, pages, payments
from gateway.store.pages import StaticPaid
from gateway.store.units import Store, Tx
from protocol.messages import StoreAckRequest, StorePaid, StorePaidAnswer
from protocol.reasons import Reason

LONGEST_WAIT_S: Final = 30
MOST_PAID: Final = 50


class StaticPaidCalls:
    def __init__(self, *, store: Store, clock: Clock, waiters: Waiters) -> None:
        self._store = store
        self._clock = clock
        self._waiters = waiters

    async def ask(self, caller: Caller, *, wait_s: float, after: int | None) -> Answer:
        """`GET /v1/store/paid`. Without `after` it begins at the first that no till has acknowledged."""
        caller.in_time()
        store_id = caller.terminal.store_id
        began = await self._store.run(lambda tx: _begin(tx, store_id)) if after is None else after
        terminal_id = await self._store.run(lambda tx: pages.static_terminal(tx, store_id))
        # A store without a static QR waits for one that is put up meanwhile, under no terminal's name.
        paid = await self._waiters.held(
            any_payment(terminal_id or ""),
            lambda: self._store.run(lambda tx: pages.paid_after(tx, store_id, after=began, limit=MOST_PAID)),
            bool,
            wait_s=min(max(wait_s, 0.0), LONGEST_WAIT_S),
        )
        return self._answer(paid, last=paid[-1].seq if paid else began)

    async def acknowledge(self, caller: Caller, request: StoreAckRequest) -> Answer:
        """`POST /v1/store/paid/ack`: this till rang for everything up to there, and journaled it."""
        last = await self._store.run(lambda tx: self._acknowledge(tx, caller, request.through))
        return self._answer([], last=last)

    def _acknowledge(self, tx: Tx, caller: Caller, through: int) -> int:
        now_ms, store_id = self._clock.now_ms(), caller.terminal.store_id
        caller.fresh(tx)
        last = pages.last_paid(tx, store_id)
        if through > last:
            raise Refusal(Reason.CONTENT_DIFFERS)
        for _, key in pages.unnoticed(tx, store_id, through=through):
            payment = payments.find(tx, key)
            assert payment is not None, "what was taken has its payment"
            acks.add(tx, key, state_seq=payment.state_seq, state=payment.state, now_ms=now_ms)
            payments.save(tx, replace(payment, acked_seq=payment.state_seq), before=payment)
            told = Said(what="noticed", said_by="till", detail=caller.terminal.terminal_id)
            payments.add_events(tx, key, (told,), now_ms=now_ms)
            notice_ended(tx, key, now_ms=now_ms)
        return last

    def _answer(self, paid: list[StaticPaid], *, last: int) -> Answer:
        told = tuple(
            StorePaid(
                seq=one.seq,
                payment_no=one.key.payment_no,
                amount_fen=one.amount_fen,
                paid_at_ms=one.paid_at_ms,
                channel=one.channel,
                transaction_tail=None if one.transaction_id is None else one.transaction_id[-4:],
            )
            for one in paid
        )
        return Answer(StorePaidAnswer(paid=told, last=last, server_time_ms=self._clock.now_ms()))


def _begin(tx: Tx, store_id: str) -> int:
    last = pages.last_paid(tx, store_id)
    waiting = pages.unnoticed(tx, store_id, through=last)
    return waiting[0][0] - 1 if waiting else last
