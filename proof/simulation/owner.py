"""The owner: looks at the tills now and then. When one is frozen because there are two of it, he chooses the machine
that goes on and activates it again, as `guitai gateway terminals reissue` and `guitai activate` do.

The other machine is left as it is: it still runs, asks and wants to sell, and must get nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from gateway.configure.activation import CODE_BYTES, NewCode
from gateway.configure.terminals import terminals_word
from gateway.configure.words import TerminalsAction, TerminalsOrder
from proof.simulation.evidence_side import SideEvidence
from proof.simulation.gateway import GatewayHost
from proof.simulation.network import LineEnd, Reply, Serve
from proof.simulation.terminal import GATEWAY_URL, TillHost
from protocol.keys import device_keyid, public_text
from protocol.messages import ActivationAnswer, ActivationRequest, decode, encode
from protocol.signature import RequestParts, sign_request
from sync.link.address import authority_of

_LOOKS_EVERY_S: Final = 20.0


class Owner:
    """`tills`: all machines, also those that came later."""

    def __init__(
        self,
        *,
        gateway: GatewayHost,
        tills: Sequence[TillHost],
        serve: Callable[[RequestParts], Serve],
        side: SideEvidence,
        chance: Random,
        now_ms: Callable[[], int],
        note: Callable[[str, str], None],
    ) -> None:
        self._gateway = gateway
        self._tills = tills
        self._serve = serve
        self._side = side
        self._begun: tuple[TillHost, str] | None = None
        self._chance = chance
        self._now_ms = now_ms
        self._note = note
        #: How eager: an owner who comes at once, or only when the shop is quiet.
        self._eager = chance.random() < 0.6
        self._calm = False

    @property
    def needed(self) -> bool:
        """Whether a till is frozen, or its new activation was not answered yet."""
        return self._begun is not None or bool(self._frozen())

    def calm(self) -> None:
        self._calm = True

    async def visits(self) -> None:
        while True:
            await asyncio.sleep(_LOOKS_EVERY_S)
            frozen = self._frozen()
            if self._begun is None and frozen and (self._calm or (self._eager and self._chance.random() < 0.3)):
                self._begun = self._chooses(frozen[0])
            if self._begun is not None and await self._activates(*self._begun):
                self._begun = None

    def _frozen(self) -> list[str]:
        """Of his machines; who signs with a program of his own looks after himself."""
        mine = {till.terminal_id for till in self._tills}
        return sorted(one for one, how in self._side.rows.standings.items() if how.frozen and one in mine)

    def _chooses(self, terminal_id: str) -> tuple[TillHost, str]:
        """The machine that goes on, with a code for it. Who was chosen once is chosen again."""
        machines = [till for till in self._tills if till.terminal_id == terminal_id]
        chosen = next((till for till in machines if self._side.goes_on.get(terminal_id) == till.name), None)
        till = chosen or self._chance.choice(machines)
        return till, new_code(self._gateway, terminal_id, self._chance, now_ms=self._now_ms())

    async def _activates(self, till: TillHost, code: str) -> bool:
        """A lost answer burns nothing: the same code and the same key are asked for again."""
        answered: asyncio.Future[Reply | LineEnd] = asyncio.get_running_loop().create_future()
        asked = activation(till.key, till.name, code, now_ms=self._now_ms(), nonce=self._chance.randbytes(16))
        self._serve(asked)(answered.set_result)
        reply = await answered
        if not isinstance(reply, Reply) or reply.status != 200:
            return False
        self._side.goes_on[till.terminal_id] = till.name
        till.activated_again(decode(ActivationAnswer, reply.body).epoch)
        self._note("activated_again", till.name)
        return True


def new_code(gateway: GatewayHost, terminal_id: str, chance: Random, *, now_ms: int) -> str:
    """`guitai gateway terminals reissue`."""
    order = TerminalsOrder(action=TerminalsAction.REISSUE, terminal=terminal_id)
    random = chance.randbytes(CODE_BYTES)
    made = gateway.door(lambda tx: terminals_word(tx, order, now_ms=now_ms, random=random))
    assert isinstance(made, NewCode), "its terminal is known"
    return made.code.reveal()


def activation(key: Ed25519PrivateKey, name: str, code: str, *, now_ms: int, nonce: bytes) -> RequestParts:
    """`guitai activate` on the machine that has this key."""
    public = public_text(key)
    parts = RequestParts(
        method="POST",
        authority=authority_of(GATEWAY_URL),
        path="/v1/terminals/activate",
        query="",
        headers={"content-type": "application/json"},
        body=encode(ActivationRequest(code=code, public_key=public, device_name=name)),
    )
    headers = sign_request(parts, key=key, keyid=device_keyid(public), created_s=now_ms // 1000, nonce=nonce)
    return replace(parts, headers=headers)
