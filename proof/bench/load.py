"""The counters' side: payments whose requests are signed before the clock starts, sent over kept connections.

A flow is one scan: POST, then a long poll until the payment is PAID. Answers are verified after the clock has stopped,
so that what is measured is the gateway.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from proof.bench.ground import Till
from proof.bench.wallet import AMOUNT_FEN
from protocol.messages import PaymentRequest, PaymentStatus, Presented, decode, encode
from protocol.numbers import NUMBER_BYTES, new_number
from protocol.secret import Secret
from protocol.signature import RequestParts, ResponseParts, Verified, sign_request, verify_response
from protocol.states import GatewayState

#: A payment that was sent has this state_seq: the long poll waits for what comes after.
_SENT_SEQ: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    parts: RequestParts = field(repr=False)
    wire: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    take: Signed
    ask: Signed


class WrongAnswerError(Exception):
    """The gateway did not do what is measured."""


def make_flows(count: int, tills: Sequence[Till], authority: str) -> list[Flow]:
    return [_flow(tills[number % len(tills)], authority) for number in range(count)]


def _flow(till: Till, authority: str) -> Flow:
    payment_no = f"{new_number(os.urandom(NUMBER_BYTES))}-1"
    request = PaymentRequest(
        payment_no=payment_no,
        sale_id=new_number(os.urandom(NUMBER_BYTES)),
        amount_fen=AMOUNT_FEN,
        currency="CNY",
        presented=Presented.CUSTOMER,
        subject="商品",
        operator="01",
        expires=time.time_ns() // 1_000_000 + 300_000,
        auth_code=Secret("28" + str(int.from_bytes(os.urandom(6), "big") % 10**16).zfill(16)),
    )
    return Flow(
        take=signed(till, authority, "POST", "/v1/payments", body=encode(request)),
        ask=signed(till, authority, "GET", f"/v1/payments/{payment_no}", query=f"wait=20&after={_SENT_SEQ}"),
    )


def signed(till: Till, authority: str, method: str, path: str, *, query: str = "", body: bytes = b"") -> Signed:
    headers = {"content-type": "application/json"} if body else {}
    plain = RequestParts(method=method, authority=authority, path=path, query=query, headers=headers, body=body)
    headers = sign_request(
        plain, key=till.key, keyid=till.terminal_id, created_s=time.time_ns() // 10**9, nonce=os.urandom(16)
    )
    lines = [f"{name}: {value}" for name, value in {"host": authority, **headers}.items()]
    target = path + (f"?{query}" if query else "")
    length = [f"content-length: {len(body)}"] if body else []
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, *length, "", ""])
    parts = RequestParts(method=method, authority=authority, path=path, query=query, headers=headers, body=body)
    return Signed(parts=parts, wire=head.encode("latin-1") + body)


async def run_flows(flows: Sequence[Flow], authority: str, *, at_once: int) -> tuple[float, list[tuple[Signed, bytes]]]:
    """Seconds until all are paid, and the last answer of each with its request, not looked at yet."""
    left = list(reversed(flows))
    heard: list[tuple[Signed, bytes]] = []
    host, _, port = authority.rpartition(":")

    async def counter() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            while left:
                flow = left.pop()
                await _exchange(reader, writer, flow.take)
                heard.append((flow.ask, await _exchange(reader, writer, flow.ask)))
        finally:
            writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(counter() for _ in range(at_once)))
    return time.perf_counter() - began, heard


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Signed) -> bytes:
    writer.write(request.wire)
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.lower().index(b"content-length:") + 15
    return head + await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))


def check_paid(heard: Sequence[tuple[Signed, bytes]], keys: Mapping[str, Ed25519PublicKey]) -> None:
    """Every answer is signed by the gateway and says PAID. Raises WrongAnswerError."""
    for request, answer in heard:
        response = _read(answer)
        if not isinstance(verify_response(response, request=request.parts, find_key=keys.get), Verified):
            raise WrongAnswerError("an answer whose signature does not hold")
        if response.status != 200 or decode(PaymentStatus, response.body).state is not GatewayState.PAID:
            raise WrongAnswerError(f"not paid: status {response.status}")


def _read(answer: bytes) -> ResponseParts:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return ResponseParts(status=int(first.split(" ")[1]), headers=headers, body=body)
