"""The printed QR on the shop's counter, and the passers-by who pay it: no till begins these payments, and every till of
the store is to ring for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from gateway.configure.faults import Faults
from gateway.configure.static_qr import STATIC_BYTES, static_qr
from proof.simulation.faults import Span
from proof.simulation.gateway import GatewayHost
from proof.simulation.making import Around
from proof.simulation.phones import Phones
from proof.simulation.scripts import draw_script, is_forged
from proof.simulation.stage import STORE_ID
from proof.wallets import GATEWAY_ORIGIN

_PASSERS: Final = (2, 6)
#: Who pays, pays again at once now and then: a second coffee is a second payment.
_AGAIN: Final = 0.2
#: The owner prints a new one, and somebody has a photograph of the old.
_RENEWED: Final = 0.15
_TRIES: Final = 3


Broken = Callable[[str, str, str], None]


class StaticQr:
    """`every`: how long until the next customer pays it. `broken(rule, about, what)`: it took what it may not take."""

    def __init__(
        self,
        around: Around,
        *,
        every: Span,
        gateway: GatewayHost,
        phones: Phones,
        broken: Callable[[str, str, str], None],
    ) -> None:
        self._gateway, self._phones, self._broken = gateway, phones, broken
        self._every, self._people, self._chance = every, around.profile.people, around.chance("static qr")
        self._now_ms, self._trace = around.now_ms, around.trace
        self._names = sorted(around.wallets.by_name)
        self._url = self._printed(renew=False)

    def _printed(self, *, renew: bool) -> str:
        now_ms, random = self._now_ms(), self._chance.randbytes(STATIC_BYTES)
        made = self._gateway.door(
            lambda tx: static_qr(tx, store_id=STORE_ID, renew=renew, now_ms=now_ms, random=random)
        )
        assert not isinstance(made, Faults), made
        return f"{GATEWAY_ORIGIN}/q/{made.token}"

    async def is_paid(self) -> None:
        """One customer after the other, each with a phone of his own."""
        chance = self._chance
        for number in range(chance.randint(*_PASSERS)):
            await asyncio.sleep(round(chance.uniform(*self._every), 3))
            wallet, customer = chance.choice(self._names), f"passer-by {number}"
            if chance.random() < _RENEWED:
                photograph, self._url = self._url, self._printed(renew=True)
                self._trace.note(self._now_ms(), "world", "renews_static_qr", "")
                if await self._pays(photograph, wallet, customer):
                    self._broken("an_old_printed_qr_takes_nothing", photograph, "it was renewed, and took a payment")
            await self._pays(self._url, wallet, customer)
            if chance.random() < _AGAIN:
                await self._pays(self._url, wallet, customer)

    async def _pays(self, url: str, wallet: str, customer: str) -> bool:
        """Whether his wallet was handed a payment."""
        chance, fen = self._chance, self._chance.randint(1, 20_000)
        script = draw_script(chance, self._people)
        while is_forged(script):
            script = draw_script(chance, self._people)
        browser = self._phones.browser(wallet=wallet, customer=customer, script=script)
        for _ in range(chance.randint(1, _TRIES)):
            seen = await self._phones.follow(browser, url, fen=fen)
            self._trace.note(self._now_ms(), "world", "pays_static_qr", f"{wallet} {fen} {seen}")
            if " " in seen:
                return True
            await asyncio.sleep(3.0)
        return False


def passers_by(around: Around, gateway: GatewayHost, phones: Phones, broken: Broken) -> list[Coroutine[Any, Any, None]]:
    """Where the store has a printed QR."""
    every = around.profile.selling.static
    if every is None:
        return []
    return [StaticQr(around, every=every, gateway=gateway, phones=phones, broken=broken).is_paid()]
