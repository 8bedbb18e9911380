"""The reference of the flow: what no gateway can leave out, on the same libraries, and nothing else.

`python -m proof.bench.bare WALLET_PORT DATABASE [CORES]`: for each POST one Ed25519 verification, one durable insert,
one RSA-2048 signature, one call to the wallet and one Ed25519 signature; for each GET one verification and one
signature. Prints its port; each line on its standard input is answered with its CPU time; ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from yarl import URL

from gateway.system import collect_seldom
from proof.bench.cores import stay_on

_SIGNED = b"x" * 400
_BIZ = b"biz_content=%7B%22out_trade_no%22%3A%220123456789ABCDEFGHJKMNPQR01%22%7D"


def _app(wallet_port: int, database: Path) -> Starlette:
    key, rsa = Ed25519PrivateKey.generate(), generate_private_key(65537, 2048)
    public, signature = key.public_key(), key.sign(_SIGNED)
    sessions: list[aiohttp.ClientSession] = []  # opened by the first call: it belongs to the loop that runs then
    db = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode = wal", "synchronous = full"):
        db.execute(f"pragma {pragma}")
    db.execute("create table payment (body blob not null)")
    url = URL(f"http://127.0.0.1:{wallet_port}/gateway.do?method=alipay.trade.pay&sign={'x' * 344}", encoded=True)

    async def take(request: Request) -> Response:
        body = await request.body()
        public.verify(signature, _SIGNED)
        db.execute("insert into payment values (?)", (body,))
        rsa.sign(_SIGNED, PKCS1v15(), SHA256())
        if not sessions:
            sessions.append(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        async with sessions[0].post(url, data=_BIZ) as answer:
            await answer.read()
        key.sign(_SIGNED)
        return Response(body)

    async def ask(_request: Request) -> Response:
        public.verify(signature, _SIGNED)
        key.sign(_SIGNED)
        return Response(b"{}")

    return Starlette(
        routes=[Route("/v1/payments", take, methods=["POST"]), Route("/{path:path}", ask, methods=["GET"])]
    )


async def _main(wallet_port: int, database: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(_app(wallet_port, database), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    collect_seldom()
    _say({"port": listener.getsockname()[1]})
    while await asyncio.to_thread(sys.stdin.readline):
        _say({"process_ns": time.process_time_ns()})
    server.should_exit = True
    await serving


def _say(said: dict[str, Any]) -> None:
    print(json.dumps(said), flush=True)  # noqa: T201 - what the program that started it waits for


if __name__ == "__main__":
    stay_on(sys.argv[3:])
    asyncio.run(_main(int(sys.argv[1]), Path(sys.argv[2])))
