"""The page behind a shown QR: whether a merchant has one, its token, and the payment that it begins.

A token is 26 random characters; who has none cannot find a page. It must not know HTTP.
"""

from __future__ import annotations

from typing import Final

from gateway.payments.paging import shown_on_page
from gateway.payments.values import Payment, Step
from gateway.ports import Entropy
from gateway.routing.accounts import Accounts
from gateway.store import pages
from gateway.store.units import Tx
from protocol.numbers import crockford

_TOKEN_BYTES: Final = 16


class ShopPages:
    """`public_url`: the base of QR links; None: this gateway shows the wallets' own QRs only."""

    def __init__(self, *, accounts: Accounts, entropy: Entropy, public_url: str | None, shown_for_ms: int) -> None:
        self._accounts = accounts
        self._entropy = entropy
        self._public_url = None if public_url is None else public_url.rstrip("/")
        self._shown_for_ms = shown_for_ms

    def serves(self, merchant_id: str) -> bool:
        """The page takes this merchant's QRs, unless an account is marked to make them."""
        mine = [c for c in self._accounts.candidates if c.merchant_id == merchant_id]
        marked = any(c.shown_default for c in mine)
        return self._public_url is not None and not marked and any(self._accounts.pages(c.account_id) for c in mine)

    def channels(self, merchant_id: str) -> tuple[str, ...]:
        """The wallets that the page takes for this merchant, each once."""
        mine = [c for c in self._accounts.candidates if c.merchant_id == merchant_id]
        return tuple(dict.fromkeys(c.channel for c in mine if self._accounts.pages(c.account_id)))

    def accounts(self, merchant_id: str, channel: str) -> tuple[str, ...]:
        """This merchant's accounts that take the page's payments in this wallet's browser."""
        mine = [c for c in self._accounts.candidates if c.merchant_id == merchant_id and c.channel == channel]
        return tuple(c.account_id for c in mine if self._accounts.pages(c.account_id))

    def takes(self, account_id: str) -> bool:
        """Whether this account takes the page's payments now."""
        return self._accounts.pages(account_id)

    def show(self, payment: Payment, *, now_ms: int) -> Step:
        """A payment that begins on the page."""
        url = self.url(self.new_token())
        return shown_on_page(payment, url=url, shown_for_ms=self._shown_for_ms, now_ms=now_ms)

    def show_static(self, payment: Payment, token: str, *, now_ms: int) -> Step:
        """A payment that begins on the page of a store's static QR."""
        return shown_on_page(payment, url=self.url(token), shown_for_ms=self._shown_for_ms, now_ms=now_ms)

    def remember(self, tx: Tx, store_id: str, payment: Payment, *, now_ms: int) -> str:
        """Keeps the token of a payment that was just kept; returns it."""
        assert payment.qr is not None, "a page has its address"
        token = payment.qr.rpartition("/")[2]
        pages.add(
            tx, token=token, store_id=store_id, terminal_id=payment.key.terminal_id, key=payment.key, now_ms=now_ms
        )
        return token

    def new_token(self) -> str:
        return crockford(self._entropy.bytes(_TOKEN_BYTES))

    @property
    def public_url(self) -> str | None:
        return self._public_url

    def url(self, token: str, letter: str = "q") -> str:
        """`letter`: `q` for a payment that is shown, `o` for an offline order."""
        assert self._public_url is not None, "only a gateway with a public address has pages"
        return f"{self._public_url}/{letter}/{token}"
