"""The customers' phones at the cashier page: each follows the shop's QR in its wallet's own browser, over its own line.

The page is the gateway's real one, the phone and the wallets are the sandbox's. It must not know payments.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from proof.simulation.evidence_side import Payer
from proof.simulation.invariants_begun import Handed
from proof.simulation.network import Reply, Serve, Wire
from proof.simulation.processes import spawn_outside
from proof.wallets import GATEWAY_ORIGIN, Wallets
from sandbox.following import follow
from sandbox.line import LineAnswer, LineRequest
from sandbox.scripts import Script
from sandbox.wallet import Outgoing, Scanned
from sandbox.wallet_browser import WalletBrowser

_IDLE_S: Final = 1.0

ServePage = Callable[[LineRequest], Serve]


class _Watched(WalletBrowser):
    """The judge is told which account was handed a payment."""

    told: Callable[[str, Payer], None]

    def pay(self, handed: Mapping[str, str]) -> Scanned:
        return self._tell(super().pay(handed))

    def scan(self, qr: str) -> Scanned:
        return self._tell(super().scan(qr))

    def _tell(self, scanned: Scanned) -> Scanned:
        if scanned.out_trade_no is not None:
            self.told(scanned.out_trade_no, (self.wallet.name, self.customer))
        return scanned


class Phones:
    """`serve`: what the gateway makes of one request of a phone. `paying(out_trade_no, payer)` and `handed` tell the
    judge: whose wallet was handed which payment, and to whom a page gave a proof."""

    def __init__(
        self,
        *,
        wallets: Wallets,
        wire: Wire,
        serve: ServePage,
        now_ms: Callable[[], int],
        paying: Callable[[str, Payer], None],
        handed: Callable[[Handed], None],
    ) -> None:
        self._paying = paying
        self.handed = handed
        self._wallets = wallets
        self._wire = wire
        self._serve = serve
        self._now_ms = now_ms

    async def pay(self, qr: str, *, wallet: str, customer: str, script: Script) -> str:
        """One customer scans and does as the script says; returns what he saw."""
        if not qr.startswith(GATEWAY_ORIGIN):
            scanned = self._wallets.scan(qr, script)
            assert scanned is not None, "a wallet's own QR or the page's"
            return _shown(scanned)
        return await self.follow(self.browser(wallet=wallet, customer=customer, script=script), qr)

    def browser(self, *, wallet: str, customer: str, script: Script) -> WalletBrowser:
        """In this customer's hand."""
        browser = _Watched(
            wallet=self._wallets.by_name[wallet], customer=customer, script=script, line=self, clock=self._now_ms
        )
        browser.told = self._paying
        return browser

    async def follow(self, browser: WalletBrowser, qr: str, *, fen: int | None = None) -> str:
        """The customer opens the page and pays, what he types where the page asks; what he saw."""
        followed = await follow(browser, qr, amount_fen=fen)
        self._wallets.look()
        return _shown(followed) if isinstance(followed, Scanned) else followed.value

    async def send(self, request: LineRequest, *, timeout_s: float) -> LineAnswer | None:
        """`sandbox.line.Line` over the world's network."""
        reply = await self._wire.exchange(
            f"page {request.method}", self._serve(request), connect_s=5.0, read_s=timeout_s
        )
        if not isinstance(reply, Reply):
            return None
        headers = [(name, value) for name, value in reply.headers.items() if name != "set-cookie"]
        headers += [("set-cookie", one) for one in reply.headers.get("set-cookie", "").split("\n") if one]
        return LineAnswer(status=reply.status, headers=tuple(headers), body=reply.body)


def _shown(scanned: Scanned) -> str:
    return f"{scanned.out_trade_no or ''} {scanned.result.value}".strip()


async def customers_pay(
    wallets: Wallets, now_ms: Callable[[], int], deliver: Callable[[str, Outgoing], Coroutine[Any, Any, None]]
) -> None:
    """Customers pay, and trades end, by time alone: the judge is told at that very moment, the shop when it is due."""
    while True:
        due_ms = wallets.next_event_ms()
        left_s = _IDLE_S if due_ms is None else min(_IDLE_S, max(0.001, (due_ms - now_ms()) / 1000))
        await asyncio.sleep(left_s)
        if due_ms is not None and due_ms <= now_ms():
            wallets.look()
        for wallet, outgoing in wallets.due_notifications():
            spawn_outside(deliver(wallet, outgoing))
