"""The far end of the wire: a gateway that says no to everything, signed, and tells when each request was there whole.

`python -m proof.bench.sink SEED`: prints its port, serves until its standard input ends. The moment is CLOCK_MONOTONIC,
which is one clock for all processes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from protocol.chain import genesis
from protocol.messages import JournalAnswer, JournalUpload, PaymentRequest, PaymentStatus, Proof, decode, encode
from protocol.numbers import read_payment_no
from protocol.reasons import Reason
from protocol.signature import RequestParts, ResponseParts, sign_response
from protocol.states import GatewayState, ProofKind

KEYID = "bench"
TERMINAL_ID = "0000000000000"
ARRIVED = "x-arrived-ns"


class _Empty(Struct, frozen=True):
    """An accepted acknowledgement."""


def _answer(request: RequestParts) -> Struct:
    now_ms = time.time_ns() // 1_000_000
    if request.path == "/v1/journal":
        entries = decode(JournalUpload, request.body).entries
        through, head = (entries[-1].seq, entries[-1].hash) if entries else (0, genesis(TERMINAL_ID))
        return JournalAnswer(accepted_through=through, head=head, server_time_ms=now_ms)
    if request.path != "/v1/payments":
        return _Empty()
    asked = decode(PaymentRequest, request.body)
    number = read_payment_no(asked.payment_no)
    assert number is not None, "our own number"
    return PaymentStatus(
        terminal_id=TERMINAL_ID,
        order_no=number.order_no,
        n=number.n,
        payment_no=asked.payment_no,
        amount_fen=asked.amount_fen,
        currency=asked.currency,
        presented=asked.presented,
        state=GatewayState.NOT_PAID,
        state_seq=1,
        server_time_ms=now_ms,
        reason=Reason.DECLINED,
        proof=Proof(kind=ProofKind.TOMBSTONE, said_by="gateway", at_ms=now_ms),
    )


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: Ed25519PrivateKey) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            arrived = time.monotonic_ns()
            method, target, _ = head[0].split(" ")
            path, _, query = target.partition("?")
            parts = RequestParts(
                method=method, authority=headers["host"], path=path, query=query, headers=headers, body=body
            )
            writer.write(_response(parts, key, arrived))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _response(request: RequestParts, key: Ed25519PrivateKey, arrived: int) -> bytes:
    content = encode(_answer(request)) if "signature" in request.headers else b"{}"
    plain = ResponseParts(status=200, headers={"content-type": "application/json"}, body=content)
    headers = dict(plain.headers)
    if "signature" in request.headers:
        created_s = time.time_ns() // 1_000_000_000
        headers = sign_response(plain, request=request, key=key, keyid=KEYID, created_s=created_s, nonce=os.urandom(16))
    lines = [f"{name}: {value}" for name, value in {**headers, ARRIVED: str(arrived)}.items()]
    head = "\r\n".join(["HTTP/1.1 200 OK", *lines, f"content-length: {len(content)}", "", ""])
    return head.encode("latin-1") + content


async def _main(seed: str) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    server = await asyncio.start_server(lambda r, w: _serve(r, w, key), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - what the program that started it waits for
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
