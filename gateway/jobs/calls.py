"""One call to a channel, and what its answer is applied to: shared by the hands that work on orders and on refunds.

Rules
- A defect in an adapter is "no answer": it is logged and moves nothing, and the schedule goes on.
- What an answer decides is decided on the rows as they are then, in one transaction; who waits is told after it.
It must not decide anything about money: `gateway.payments` does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import structlog

from gateway.channels.port import Channel, ChannelTraits, LineFault, NoAnswer, NotSent, OrderRef, PreparedCall
from gateway.jobs.keeping import keep
from gateway.jobs.schedule import DEFAULT_PACE, Pace
from gateway.jobs.waiters import Waiters
from gateway.payments.undo import with_amber
from gateway.payments.values import ChannelOrder, Payment, Step
from gateway.ports import Clock
from gateway.routing.accounts import Accounts, OpenAccount
from gateway.store import payments
from gateway.store.units import Store, Tx

V = TypeVar("V")
Decide = Callable[[Payment, ChannelOrder, int], Step]
#: Told of every live result of an account: its health is learned from them.
Heard = Callable[[str, object], None]


class ChannelCalls:
    """`owner` names this process's leases. `heard` learns how each account answers."""

    def __init__(
        self, *, store: Store, clock: Clock, accounts: Accounts, waiters: Waiters, owner: str, heard: Heard
    ) -> None:
        self.store = store
        self.clock = clock
        self.accounts = accounts
        self.waiters = waiters
        self.owner = owner
        self._heard = heard
        self._log = structlog.get_logger("gateway.calls")

    def pace_of(self, account_id: str | None) -> Pace:
        account = None if account_id is None else self.accounts.find(account_id)
        if account is None:
            return DEFAULT_PACE
        return _pace(account.channel.traits, self.clock.even_since_ms())

    async def perform(self, account_id: str, build: Callable[[Channel], PreparedCall[V]]) -> V | NotSent | NoAnswer:
        """An account that the owner's file made unusable meanwhile is not called."""
        account: OpenAccount | None = self.accounts.find(account_id)
        if account is None:
            return NotSent(LineFault.CONNECT_FAILED)
        try:
            verdict = await build(account.channel).perform(account.exchange)
        except Exception as error:  # noqa: BLE001 - a defect in an adapter must not leave a payment without its schedule
            self._log.error("channel call failed", account=account_id, error=type(error).__name__)
            return NoAnswer(LineFault.PROTOCOL)
        self._heard(account_id, verdict)
        return verdict

    async def apply(self, out_trade_no: str, decide: Decide, *, release: bool) -> tuple[Payment, ChannelOrder]:
        """`release`: the work on this order is over, its lease ends."""

        def unit(tx: Tx) -> tuple[Payment, ChannelOrder, bool]:
            now_ms = self.clock.now_ms()
            before, order = found(tx, out_trade_no)
            step = decide(before, order, now_ms)
            step = with_amber(step, now_ms=now_ms, even_since_ms=self.clock.even_since_ms())
            ends = self.owner if release else None
            kept = keep(tx, before, step, self.pace_of, now_ms=now_ms, order_before=order, release=ends)
            assert step.order is not None, "a decision about an order keeps it"
            return kept, step.order, kept.state_seq != before.state_seq

        payment, order, changed = await self.store.run(unit)
        if changed:
            self.waiters.wake(payment.key, payment)
        return payment, order


@lru_cache(maxsize=1_024)
def _pace(traits: ChannelTraits, even_since_ms: int) -> Pace:
    return Pace(
        query_interval_ms=traits.query_interval_ms,
        query_at_ms=traits.query_at_ms,
        undo_not_before_ms=traits.undo_not_before_ms,
        undo_needs_query=traits.undo_needs_query,
        even_since_ms=even_since_ms,
    )


def found(tx: Tx, out_trade_no: str) -> tuple[Payment, ChannelOrder]:
    """An order that exists, and its payment."""
    both = payments.with_order(tx, out_trade_no)
    assert both is not None, "a call was made for a channel order that exists, and an order has its payment"
    return both


def order_ref(order: ChannelOrder) -> OrderRef:
    return OrderRef(
        out_trade_no=order.out_trade_no,
        amount_fen=order.amount_fen,
        kind=order.kind,
        opened_ms=order.sent_ms,
        transaction_id=order.transaction_id,
    )
