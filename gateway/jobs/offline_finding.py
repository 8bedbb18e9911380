"""What the rows know of an ORDER, read in one transaction: the judge's verdict, its payments, its end. Creates nothing.

It must not know HTTP or pages.
"""

from __future__ import annotations

from msgspec import Struct

from gateway.offline.judge import (
    OrderFacts,
    TillFacts,
    Verdict,
    judge,
)
from gateway.offline.keyring import Ring
from gateway.offline.outcome import Ended, outcome_of
from gateway.payments.values import (
    ChannelOrder,
    Payment,
    PaymentKey,
)
from gateway.store import offline, payments, places, restorations, standing
from gateway.store.pages import PageToken
from gateway.store.units import Tx
from protocol.keys import read_public
from protocol.offline.order import ClockQuality, OfflineOrder, OrderType, SignedOrder
from protocol.offline.proof import ProofType
from protocol.states import ProofKind


class Found(Struct, frozen=True, kw_only=True):
    """An ORDER that could be read, and what the rows say. `page` None: no such terminal. `same`: its till signed it,
    and the payments are this very order's. `not_sent`: accounts that a call never left for."""

    signed: SignedOrder
    verdict: Verdict
    page: PageToken | None
    of_order: tuple[Payment, ...]
    live: ChannelOrder | None
    ended: Ended | None
    same: bool
    not_sent: tuple[str, ...] = ()

    @property
    def key(self) -> PaymentKey:
        return PaymentKey(terminal_id=self.signed.order.terminal_id, order_no=self.signed.order.order_no, n=1)

    @property
    def payment(self) -> Payment | None:
        """The one that was paid, else the last."""
        if self.ended is not None:
            return self.ended.payment
        return self.of_order[-1] if self.of_order else None


def find_order(tx: Tx, signed: SignedOrder, ring: Ring, *, now_ms: int) -> Found:
    """Reads; creates nothing."""
    order = signed.order
    terminal = places.terminal(tx, order.terminal_id)
    of_order = tuple(payments.of_order(tx, terminal_id=order.terminal_id, order_no=order.order_no))
    ended = outcome_of(of_order)
    till, facts = _till(tx, signed), _facts(tx, signed, of_order)
    verdict = judge(
        order,
        till,
        facts,
        kid_usable=ring.usable(order.kid, now_ms=now_ms) is not None,
        now_ms=now_ms,
    )
    shown = ended.payment if ended is not None else of_order[-1] if of_order else None
    page = None
    if terminal is not None:
        page = PageToken(
            token=signed.text,
            store_id=terminal.store_id,
            store_name=terminal.store_name,
            merchant_id=terminal.merchant_id,
            merchant_name=terminal.merchant_name,
            terminal_id=terminal.terminal_id,
            key=PaymentKey(terminal_id=terminal.terminal_id, order_no=order.order_no, n=1),
        )
    live = None if shown is None else payments.order_of(tx, shown)
    tried = () if shown is None else payments.orders_of(tx, shown.key)
    never_left = tuple(one.account_id for one in tried if one.ended_kind is ProofKind.NOT_SENT)
    same = till is not None and till.signed and (facts.same or order.type is OrderType.STATUS)
    return Found(
        signed=signed,
        verdict=verdict,
        page=page,
        of_order=of_order,
        live=live,
        ended=ended,
        same=same,
        not_sent=never_left,
    )


def may_see(found: Found, mark: str | None) -> bool:
    """That nothing was paid may be seen by anybody; PAID only by who paid. Of a code that a gun scanned no payer is
    known: there the STATUS on the till's own screen is the word."""
    if found.ended is None or found.ended.type is ProofType.CLOSED:
        return True
    payer = None if found.live is None else found.live.payer_mark
    if payer is None:
        return found.signed.order.type is OrderType.STATUS
    return mark == payer


def _till(tx: Tx, signed: SignedOrder) -> TillFacts | None:
    order = signed.order
    now = standing.standing(tx, order.terminal_id)
    if now is None:
        return None
    text = offline.order_key(tx, order.terminal_id, order.epoch)
    key = None if text is None else read_public(text)
    return TillFacts(
        epoch=now.epoch, revoked=now.revoked, frozen=now.frozen, signed=key is not None and signed.signed_by(key)
    )


def _facts(tx: Tx, signed: SignedOrder, of_order: tuple[Payment, ...]) -> OrderFacts:
    order = signed.order
    seen = offline.by_number(tx, order.terminal_id, order.order_no)
    beside = offline.at(tx, order.terminal_id, order.epoch, order.oseq)
    told = offline.cancelled(tx, order.terminal_id, order.epoch, order.oseq)
    return OrderFacts(
        seen=seen is not None,
        same=seen is not None and seen.digest == signed.digest,
        settled=bool(of_order) and all(payment.state.final for payment in of_order),
        cancelled=told or any(payment.cancel_requested_ms is not None for payment in of_order),
        rival=beside is not None and beside.order_no != order.order_no,
        foreign=seen is None and bool(of_order),
        max_seen=offline.max_oseq(tx, order.terminal_id, order.epoch),
        lost=seen is None and restorations.order_may_be_lost(tx, order.terminal_id, made_ms=_made_ms(order)),
    )


def _made_ms(order: OfflineOrder) -> int | None:
    """When it was made, as far as its till could know."""
    return order.made_at_s * 1000 if order.clock is ClockQuality.GATEWAY else None
