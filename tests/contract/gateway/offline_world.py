"""The page world with tills that sell without a line: they sign ORDERs with their own offline key, and read proofs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.payments.values import Payment, PaymentKey
from gateway.store import payments, places
from protocol.keys import public_text, read_public, terminal_keyid
from protocol.messages import OfflineKit, OfflineKitRequest, Problem, decode, encode
from protocol.numbers import new_number
from protocol.offline.order import ClockQuality, OfflineOrder, OrderType, SignedOrder, sign_order
from protocol.offline.proof import SignedProof, read_proof
from tests.contract.gateway.gateway_world import Till
from tests.contract.gateway.page_world import Opened, PageWorld, Phone


@dataclass
class OfflineTill:
    """One till's offline side: its order key, its counter, its kit."""

    world: PageWorld
    till: Till
    key: Ed25519PrivateKey
    kit: OfflineKit
    oseq: int = 0
    made: list[SignedOrder] = field(default_factory=list[SignedOrder])

    @property
    def terminal_id(self) -> str:
        return self.till.keyid.partition(".")[0]

    def order(self, **changes: Any) -> SignedOrder:
        """The next ORDER; `changes` of its fields, `key` for another signer."""
        key = changes.pop("key", self.key)
        self.oseq = changes.get("oseq", self.oseq + 1)
        fields: dict[str, Any] = {
            "type": OrderType.PAY,
            "terminal_id": self.terminal_id,
            "epoch": self.kit.epoch,
            "order_no": new_number(self.world.entropy.bytes(15)),
            "amount_fen": 1250,
            "kid": self.kit.proof_keys[0].kid,
            "oseq": self.oseq,
            "cancelled": 0,
            "release": 0,
            "made_at_s": self.world.clock.now_ms() // 1000,
            "clock": ClockQuality.GATEWAY,
        } | changes
        signed = sign_order(OfflineOrder(**fields), key)
        self.made.append(signed)
        return signed

    def verifies(self, text: str, signed: SignedOrder) -> SignedProof:
        """As the till does: its own stored ORDER, a key of its kit."""
        proof = read_proof(text)
        assert proof is not None, text
        entry = next(one for one in self.kit.proof_keys if one.kid == proof.proof.kid)
        public = read_public(entry.public_key)
        assert public is not None
        assert proof.signed_by(public, order_digest=signed.digest)
        assert proof.proof.order_no == signed.order.order_no
        return proof


async def kit_of(
    world: PageWorld, till: Till, key: Ed25519PrivateKey, *, first: int = 1, wanted: int = 0
) -> OfflineKit | Problem:
    request = OfflineKitRequest(first=first, wanted=wanted, offline_key=public_text(key))
    response = await till.send(till.signed("POST", "/v1/offline/kit", encode(request)))
    return decode(OfflineKit, response.body) if response.status == 200 else decode(Problem, response.body)


async def offline_till(world: PageWorld, *, wanted: int = 0) -> OfflineTill:
    till = await world.till()
    return await offline_side(world, till, wanted=wanted)


async def offline_side(world: PageWorld, till: Till, *, wanted: int = 0) -> OfflineTill:
    key = Ed25519PrivateKey.from_private_bytes(world.entropy.bytes(32))
    kit = await kit_of(world, till, key, wanted=wanted)
    assert isinstance(kit, OfflineKit), kit
    return OfflineTill(world=world, till=till, key=key, kit=kit)


async def again(world: PageWorld, till: Till, *, code: str | None = None) -> None:
    """The owner activates this till again, with a new code."""
    answer = await _activated(world, till, code or world.activation_code())
    till.keyid = terminal_keyid(answer, await _epoch(world, answer))


async def _activated(world: PageWorld, till: Till, code: str) -> str:
    till.keyid = ""
    return (await till.activate(code)).terminal_id


async def _epoch(world: PageWorld, terminal_id: str) -> int:
    found = await world.store.run(lambda tx: places.terminal(tx, terminal_id))
    assert found is not None
    return found.epoch


def url_of(world: PageWorld, signed: SignedOrder) -> str:
    return f"{world.public_url}/o/{signed.text}"


def payment_of(world: PageWorld, signed: SignedOrder, n: int = 1) -> Payment | None:
    key = PaymentKey(terminal_id=signed.order.terminal_id, order_no=signed.order.order_no, n=n)
    return world.store.run_now(lambda tx: payments.find(tx, key))


async def look(world: PageWorld, signed: SignedOrder | str, *, language: str = "zh-CN") -> httpx.Response:
    """GET without a wallet's browser."""
    url = signed if isinstance(signed, str) else url_of(world, signed)
    return await world.request("GET", f"{url}?lang={language}")


async def post(world: PageWorld, signed: SignedOrder, what: str) -> httpx.Response:
    """A press without a wallet's browser: nobody is signed in."""
    headers = {"content-type": "application/json", "sec-fetch-site": "same-origin"}
    return await world.request("POST", f"{url_of(world, signed)}/{what}", headers=headers, body=b"{}")


async def phone_post(phone: Phone, page: Opened, what: str) -> tuple[int, dict[str, Any]]:
    headers = {"content-type": "application/json", "sec-fetch-site": "same-origin"}
    url = page.url.partition("?")[0] + "/" + what
    answer = await phone.browser.fetch("POST", url, headers=headers, body=b"{}")
    assert answer is not None
    return answer.status, json.loads(answer.body)


async def pays(phone: Phone, url: str) -> Opened:
    """Opens, presses, pays."""
    page = await phone.open(url)
    said = await phone.press(page)
    assert said["result"] in ("open", "again"), said
    phone.pay(said)
    return page
