"""A customer in front of an ORDER: opens it, pays or presses "I am not paying", brings the proof back on his screen.

The page is the gateway's real one, over the phone's own network. It must not know tills or cashiers.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final, cast
from urllib.parse import urljoin, urlsplit

from proof.simulation.invariants_begun import Handed
from proof.simulation.phones import Phones
from protocol.numbers import CROCKFORD, crockford
from protocol.offline.order import read_order
from protocol.offline.proof import PREFIX, PROOF_BYTES
from protocol.offline.text import read_record
from sandbox.scripts import Script
from sandbox.wallet_browser import WebPlace

_ASKS_EACH_S: Final = 3.0
_FORBIDDEN, _GIVEN = 403, 200
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 10
#: Where the amount stands in an ORDER, and the order in a PROOF.
_AMOUNT: Final = slice(26, 30)
_ORDER_ID: Final = slice(2, 17)


class OfflineCustomer:
    """`qr`: what the till shows; `customer`: one name is one account of that wallet."""

    def __init__(self, phones: Phones, qr: str, *, wallet: str, customer: str, script: Script) -> None:
        self._phones = phones
        self._qr = qr
        self._payer = (wallet, customer)
        #: The digits that the page shows beside the proof.
        self.typed: str | None = None
        self._browser = phones.browser(wallet=wallet, customer=customer, script=script)

    async def pays(self, *, tries: int) -> str:
        """Opens the page and presses pay; what he saw."""
        seen = ""
        for _ in range(tries):
            seen = await self._phones.follow(self._browser, self._qr)
            if seen not in ("page_unreachable", "press_refused", "busy"):
                return seen
            await asyncio.sleep(_ASKS_EACH_S)
        return seen

    async def looks(self) -> None:
        """Opens the page, signs in as his wallet does it, and presses nothing yet."""
        here = self._qr
        for _ in range(_MOST_REDIRECTS):
            place = self._browser.place(here)
            if not isinstance(place, WebPlace):
                return
            answer = await self._browser.fetch("GET", place.url, headers={"accept": "text/html"})
            if answer is None or answer.status not in _REDIRECTS:
                return
            here = urljoin(place.url, answer.header("location"))

    async def presses(self) -> dict[str, Any] | None:
        """Presses pay on the page as it lies before him, whatever became of the order; None: no answer. What the page
        then hands to his wallet is paid."""
        status, said = await self._post("pay")
        bridge = said.get("bridge")
        if isinstance(bridge, dict):
            self._browser.pay(cast("dict[str, str]", bridge))
        return said if status == _GIVEN else None

    async def closes(self) -> bool:
        """Presses "I am not paying"."""
        status, said = await self._post("close")
        return status == _GIVEN and said.get("closed") is True

    async def proof(self, *, within_s: float) -> str | None:
        """The page's proof once it has one. A gateway that started anew no longer knows who holds the phone."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while loop.time() < until:
            status, said = await self._post("proof")
            if status == _GIVEN:
                return self._takes(said)
            if status == _FORBIDDEN:
                await self._phones.follow(self._browser, self._qr)
            await asyncio.sleep(_ASKS_EACH_S)
        return None

    def _takes(self, said: dict[str, Any]) -> str:
        """What the page shows now."""
        signed, typed = read_order(self._qr.rpartition("/")[2]), said.get("typed")
        assert signed is not None, "a page that proves has its ORDER"
        self.typed = typed if isinstance(typed, str) else None
        text = str(said["proof"])
        self._phones.handed(Handed(signed=signed, text=text, typed=self.typed, to=self._payer))
        return text

    async def _post(self, what: str) -> tuple[int, dict[str, Any]]:
        page = urlsplit(self._qr)
        headers = {
            "accept": "application/json",
            "content-type": "application/json",
            "origin": f"{page.scheme}://{page.netloc}",
            "referer": self._qr,
            "sec-fetch-site": "same-origin",
        }
        answer = await self._browser.fetch("POST", f"{self._qr}/{what}", headers=headers, body=b"{}")
        if answer is None:
            return 0, {}
        try:
            said: object = json.loads(answer.body)
        except ValueError:
            return 0, {}
        return (answer.status, cast("dict[str, Any]", said)) if isinstance(said, dict) else (0, {})


def cheaper(qr: str) -> str:
    """The same ORDER for one fen, by somebody who has no key."""
    base, _, text = qr.rpartition("/")
    signed = read_order(text)
    assert signed is not None, "what a till shows is an ORDER"
    raw = bytearray(signed.raw)
    raw[_AMOUNT] = (1).to_bytes(4, "big")
    return f"{base}/{crockford(bytes(raw))}"


def altered(proof: str, place: float) -> str:
    """One character is another."""
    at = len(PREFIX) + round(place * (len(proof) - len(PREFIX) - 2))
    other = CROCKFORD[(CROCKFORD.index(proof[at]) + 1) % len(CROCKFORD)]
    return proof[:at] + other + proof[at + 1 :]


def renamed(proof: str, qr: str) -> str:
    """The proof of one order with the number of another one in it."""
    raw, signed = read_record(proof[len(PREFIX) :], PROOF_BYTES), read_order(qr.rpartition("/")[2])
    assert raw is not None, "a proof"
    assert signed is not None, "an ORDER"
    mine = bytearray(raw)
    mine[_ORDER_ID] = signed.raw[11:26]
    return PREFIX + crockford(bytes(mine))
