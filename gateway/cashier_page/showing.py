"""What the page shows for a payment, from our own rows. Pure: nothing that a browser says is among its arguments.

The page's facts for programs are `facts_json`, as the phone of the sandbox and others read them.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Final

from gateway.payments.paging import money_is_here, page_is_over
from gateway.payments.values import ChannelOrder, Payment
from protocol.messages import LateMoneyState
from protocol.money import Money
from protocol.states import GatewayState


class PageState(StrEnum):
    OPEN = "open"
    PAID = "paid"
    TAKEN = "taken"  # paid, and not by who looks: nobody else gets a page to show to the cashier
    OVER = "over"
    WAIT = "wait"
    CHOOSE_APP = "choose_app"


def state_of(payment: Payment, live: ChannelOrder | None, *, mark: str | None, now_ms: int) -> PageState:
    """`live`: the payment's order as it is. `mark`: of the payer who looks, once his wallet has named him."""
    if payment.state is GatewayState.PAID:
        mine = mark is not None and live is not None and live.payer_mark == mark
        return PageState.PAID if mine else PageState.TAKEN
    trying = live is not None and live.ended_kind is None and payment.state is GatewayState.SENT
    if trying and live is not None and payment.cancel_requested_ms is None:
        if mark is not None and live.payer_mark == mark and live.release_ms is None:
            return PageState.OPEN
        if not page_is_over(payment, now_ms=now_ms):
            return PageState.WAIT
    if page_is_over(payment, now_ms=now_ms):
        return PageState.OVER
    return PageState.WAIT if money_is_here(payment) else PageState.OPEN


def money_may_return(payment: Payment) -> bool:
    """The page is over, and whoever was quicker than its end gets his money back by itself."""
    undoing = payment.state in (GatewayState.REVERSING, GatewayState.UNDO_BY_REFUND)
    return undoing or payment.state is GatewayState.SENT or payment.late_state is LateMoneyState.FOUND


def facts_json(*, press: str | None, amount_fen: int | None, state: PageState) -> str:
    """Stands inside a script element: no character in it can end one. Programs know five states."""
    told = PageState.PAID if state is PageState.TAKEN else state
    return script_json({"press": press, "amount_fen": amount_fen, "state": told.value})


_ESCAPED: Final = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def script_json(values: object) -> str:
    return json.dumps(values, ensure_ascii=False).translate(_ESCAPED)


def yuan(amount_fen: int) -> str:
    """`12.50`."""
    return Money(amount_fen).yuan()
