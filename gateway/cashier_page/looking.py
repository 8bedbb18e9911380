"""The rows behind a token, read in one transaction. Creates nothing: wallets fetch links before anybody opens them."""

from __future__ import annotations

from msgspec import Struct

from gateway.payments.values import ChannelOrder, Payment, PaymentKey
from gateway.store import pages, payments
from gateway.store.pages import PageToken
from gateway.store.units import Tx
from protocol.numbers import is_number
from protocol.states import ProofKind


class Look(Struct, frozen=True, kw_only=True):
    """A static QR's page has no payment until somebody pressed, nor has an offline order's, which names its amount
    (`asked_fen`). `not_sent`: accounts that a call never left for."""

    page: PageToken
    payment: Payment | None = None
    live: ChannelOrder | None = None
    not_sent: tuple[str, ...] = ()
    asked_fen: int | None = None

    @property
    def amount_fen(self) -> int | None:
        return self.asked_fen if self.payment is None else self.payment.amount_fen

    @property
    def shop(self) -> str:
        """The name that a customer knows it by."""
        merchant, store = self.page.merchant_name, self.page.store_name
        return store if store.startswith(merchant) else f"{merchant} {store}"


def look_up(tx: Tx, token: str, order_no: str = "") -> Look | None:
    """`order_no`: which of a static QR's payments."""
    page = pages.find(tx, token)
    if page is None:
        return None
    key = page.key
    if key is None and is_number(order_no):
        key = PaymentKey(terminal_id=page.terminal_id, order_no=order_no, n=1)
    payment = None if key is None else payments.find(tx, key)
    if payment is None:
        return Look(page=page)
    tried = payments.orders_of(tx, payment.key)
    never_left = tuple(one.account_id for one in tried if one.ended_kind is ProofKind.NOT_SENT)
    live = next((one for one in tried if one.out_trade_no == payment.out_trade_no), None)
    return Look(page=page, payment=payment, live=live, not_sent=never_left)


def rows(tx: Tx, key: PaymentKey) -> tuple[Payment, ChannelOrder | None]:
    """A payment that exists, and its order."""
    payment = payments.find(tx, key)
    assert payment is not None, "a payment is never deleted"
    return payment, payments.order_of(tx, payment)
