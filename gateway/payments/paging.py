"""A payment on the cashier page: shown before any channel order exists, then locked for one payer at a time.

Rules (SAFETY.md sections 1 and 2)
- Nothing is created by looking. Pressing pay makes one channel order for (channel, payer); the unique index over open
  orders lets one of two through.
- Another payer waits until the open order is proven closed. It is given up when its payer said so, or was quiet for a
  while and the wallet's close cannot take money back (`can_release`).
- With seconds left nothing is begun any more, nor while money of an order that ended is still here.
It must not know tables, sessions or wallets' words.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from gateway.channels.port import OrderKind
from gateway.payments.moves import bump
from gateway.payments.values import GATEWAY, ChannelOrder, Payment, Said, Step
from protocol.messages import LateMoneyState
from protocol.states import GatewayEvent, GatewayState, gateway_next

#: A press this close to the end is too late: the wallet could not be paid in time.
LAST_PRESS_MS: Final = 5_000
#: How long a payer who pressed has the order for himself.
QUIET_AFTER_MS: Final = 20_000


class PagePress(StrEnum):
    """What a press leads to."""

    OPEN = "open"  # a new channel order is made
    AGAIN = "again"  # this payer's order is open already
    WAIT = "wait"  # another payer's order is open, or this one is being given up
    PAID = "paid"
    OVER = "over"


class Pressed(Struct, frozen=True, kw_only=True):
    """`release`: the open order is to be given up."""

    what: PagePress
    release: bool = False


def shown_on_page(payment: Payment, *, url: str, shown_for_ms: int, now_ms: int) -> Step:
    """The payment begins: a QR that leads to the page, and no channel order."""
    page = replace(payment, page=True, qr=url, qr_expires_ms=now_ms + shown_for_ms)
    return Step(payment=page, order=None, said=(Said(what="accepted", said_by="till", detail=payment.operator),))


def page_is_over(payment: Payment, *, now_ms: int) -> bool:
    """Nothing can be begun on it any more."""
    unwanted = payment.cancel_requested_ms is not None or payment.in_question
    closing = payment.state not in (GatewayState.CREATED, GatewayState.SENT)
    return unwanted or closing or payment.qr_expires_ms is None or now_ms >= payment.qr_expires_ms - LAST_PRESS_MS


def money_is_here(payment: Payment) -> bool:
    """An order that was given up was paid after all, and that money has neither gone back nor been kept."""
    return payment.late_state is LateMoneyState.FOUND


def press(
    payment: Payment, live: ChannelOrder | None, *, channel: str, payer_mark: str, can_release: bool, now_ms: int
) -> Pressed:
    """`live`: the payment's open order. `can_release`: its wallet's close only ever ends what is unpaid."""
    if payment.state is GatewayState.PAID:
        return Pressed(what=PagePress.PAID)
    if live is not None and live.ended_kind is None and payment.state is GatewayState.SENT:
        mine = live.channel == channel and live.payer_mark == payer_mark
        if mine and live.release_ms is None and payment.cancel_requested_ms is None:
            return Pressed(what=PagePress.AGAIN)
        quiet = not mine and now_ms - live.sent_ms >= QUIET_AFTER_MS
        over = page_is_over(payment, now_ms=now_ms)
        release = can_release and quiet and live.release_ms is None and not over
        return Pressed(what=PagePress.OVER if over else PagePress.WAIT, release=release)
    if page_is_over(payment, now_ms=now_ms):
        return Pressed(what=PagePress.OVER)
    return Pressed(what=PagePress.WAIT if money_is_here(payment) else PagePress.OPEN)


def open_on_page(
    payment: Payment, *, account_id: str, channel: str, payer_mark: str, out_trade_no: str, now_ms: int
) -> Step:
    """The channel order of the payer who pressed: durable before the channel is called."""
    assert payment.qr_expires_ms is not None, "a page has its end"
    if payment.state is GatewayState.CREATED:
        assert gateway_next(payment.state, GatewayEvent.SEND) is GatewayState.SENT
    else:
        assert payment.state is GatewayState.SENT, "an order of the page is made for an open payment"
    sent = replace(
        bump(payment), state=GatewayState.SENT, account_id=account_id, channel=channel, out_trade_no=out_trade_no
    )
    order = ChannelOrder(
        out_trade_no=out_trade_no,
        key=payment.key,
        account_id=account_id,
        amount_fen=payment.amount_fen,
        sent_ms=now_ms,
        deadline_ms=payment.qr_expires_ms,
        kind=OrderKind.PAGE,
        channel=channel,
        payer_mark=payer_mark,
    )
    return Step(
        payment=sent, order=order, said=(Said(what="pressed", said_by=channel), Said(what="sent", said_by=GATEWAY))
    )


def asked_again(order: ChannelOrder) -> ChannelOrder:
    """The same call (a QR's, or a page's whose payer pressed again) is made once more: durable first."""
    return replace(order, calls=order.calls + 1, open_calls=order.open_calls + 1)


def give_up(order: ChannelOrder, *, now_ms: int) -> ChannelOrder:
    """The open order is to be closed for another payer, or because its payer said so."""
    return order if order.release_ms is not None else replace(order, release_ms=now_ms)
