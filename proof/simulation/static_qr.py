"""The printed QR on the shop's counter, and the passers-by who pay it: no till begins these payments, and every till of
the store is to ring for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

from gateway.configure.faults import Faults
from gateway.configure.static_qr import STATIC_BYTES, static_qr
from proof.simulation.faults import People, Span
from proof.simulation.gateway import GatewayHost
from proof.simulation.phones import Phones
from proof.simulation.scripts import draw_script, is_forged
from proof.simulation.stage import STORE_ID
from proof.wallets import GATEWAY_ORIGIN, Wallets

_PASSERS: Final = (2, 6)
#: Who pays, pays again at once now and then: a second coffee is a second payment.
_AGAIN: Final = 0.2
_TRIES: Final = 3


class StaticQr:
    """`every`: how long until the next customer pays it."""

    def __init__(
        self,
        *,
        every: Span,
        gateway: GatewayHost,
        phones: Phones,
        wallets: Wallets,
        people: People,
        chance: Random,
        now_ms: Callable[[], int],
        note: Callable[[str, str], None],
    ) -> None:
        self._every, self._people, self._chance, self._note = every, people, chance, note
        self._phones, self._names = phones, sorted(wallets.by_name)
        random = chance.randbytes(STATIC_BYTES)
        made = gateway.door(lambda tx: static_qr(tx, store_id=STORE_ID, renew=False, now_ms=now_ms(), random=random))
        assert not isinstance(made, Faults), made
        self._url = f"{GATEWAY_ORIGIN}/q/{made.token}"

    async def is_paid(self) -> None:
        """One customer after the other, each with a phone of his own."""
        chance = self._chance
        for number in range(chance.randint(*_PASSERS)):
            await asyncio.sleep(round(chance.uniform(*self._every), 3))
            wallet, customer = chance.choice(self._names), f"passer-by {number}"
            await self._pays(wallet, customer)
            if chance.random() < _AGAIN:
                await self._pays(wallet, customer)

    async def _pays(self, wallet: str, customer: str) -> None:
        chance, fen = self._chance, self._chance.randint(1, 20_000)
        script = draw_script(chance, self._people)
        while is_forged(script):
            script = draw_script(chance, self._people)
        browser = self._phones.browser(wallet=wallet, customer=customer, script=script)
        for _ in range(chance.randint(1, _TRIES)):
            seen = await self._phones.follow(browser, self._url, fen=fen)
            self._note("pays_static_qr", f"{wallet} {fen} {seen}")
            if " " in seen:
                return
            await asyncio.sleep(3.0)
