"""The browser inside one wallet's app, in one customer's hand: its User-Agent, its cookies, its sign-in, its payment.

Used by the phone that follows a QR without a screen, and by the one that shows the page. An address may lead into the
wallet itself: its OAuth page sends the customer back at once, its own QR is paid there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

from sandbox.clock import Clock
from sandbox.cookies import Jar
from sandbox.line import Line, LineAnswer, LineRequest, may_call
from sandbox.scripts import Script
from sandbox.wallet import Scanned, SimulatedWallet
from sandbox.wire import HttpRequestParts

_ANSWER_WITHIN_S = 30.0
"""A page may hold a question open until something happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPlace:
    """A page, after the wallet's sign-in if it was asked for."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnQr:
    """The wallet pays this in its own window."""

    qr: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nowhere:
    """An address that this browser cannot open: another scheme, or plain http to another computer."""


Place: TypeAlias = WebPlace | OwnQr | Nowhere


class WalletBrowser:
    """`customer`: any name; one name is one account of that wallet."""

    def __init__(self, *, wallet: SimulatedWallet, customer: str, script: Script, line: Line, clock: Clock) -> None:
        self.wallet = wallet
        self.customer = customer
        self.script = script
        self._line = line
        self._clock = clock
        self._jar = Jar()

    def place(self, url: str) -> Place:
        """Where an address leads. The wallet's OAuth page is passed through: its code is made now."""
        if self.wallet.owns_qr(url):
            return OwnQr(qr=url)
        try:
            parts = urlsplit(url)
        except ValueError:
            return Nowhere()
        asked = HttpRequestParts(method="GET", path=parts.path, query=parts.query.encode("utf-8", "replace"))
        back = self.wallet.authorize(asked, self.customer, self._clock())
        if back is not None:
            return WebPlace(url=back) if may_call(back) else Nowhere()
        return WebPlace(url=url) if may_call(url) else Nowhere()

    async def fetch(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> LineAnswer | None:
        """One request as this browser makes it; a redirect is not followed."""
        own = {"user-agent": self.wallet.user_agent, "accept-language": "zh-CN,zh;q=0.9", **headers}
        cookies = self._jar.header(url)
        if cookies:
            own["cookie"] = cookies
        request = LineRequest(method=method, url=url, headers=own, body=body)
        answer = await self._line.send(request, timeout_s=_ANSWER_WITHIN_S)
        if answer is not None:
            self._jar.take(url, tuple(value for name, value in answer.headers if name == "set-cookie"))
        return answer

    def pay(self, handed: Mapping[str, str]) -> Scanned:
        """The page called the wallet's script with these values."""
        return self.wallet.pay_in_browser(handed, self.script, self._clock())

    def scan(self, qr: str) -> Scanned:
        return self.wallet.scan(qr, self.script, self._clock())
