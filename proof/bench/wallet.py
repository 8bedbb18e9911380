"""A lean Alipay: reads real requests, answers real bytes that it signs with RSA-2048, and remembers nothing.

`python -m proof.bench.wallet [CORES]`: prints one JSON line with its port and keys, serves until its standard input
ends. Pay calls are paid at once, queries find the order waiting. The sandbox does far more for each call; here the
wallet must not be what is measured. Requests are not verified: that the gateway signs well is tested elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from base64 import b64encode
from contextlib import suppress
from typing import Final, cast
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from proof.bench.cores import stay_on

#: What the query asks for; the amount is the one that all orders of a benchmark have.
AMOUNT_FEN: Final = 1250
APP_ID: Final = "2021000000000001"
_AMOUNT: Final = "12.50"
_PAY: Final = b"method=alipay.trade.pay&"


class Wallet(asyncio.Protocol):
    """One connection, requests one after another."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key
        self._bytes = bytearray()
        self._line: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        while (end := self._bytes.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._bytes[:end])
            length = _content_length(head)
            if len(self._bytes) < end + 4 + length:
                return
            body = bytes(self._bytes[end + 4 : end + 4 + length])
            del self._bytes[: end + 4 + length]
            assert self._line is not None
            self._line.write(_response(head, body, self._key))


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _response(head: bytes, body: bytes, key: RSAPrivateKey) -> bytes:
    content = json.loads(parse_qs(body.decode("ascii"))["biz_content"][0])
    number, at = str(content["out_trade_no"]), time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 28_800))
    node = {"code": "10000", "msg": "Success", "out_trade_no": number, "total_amount": _AMOUNT}
    node |= {"trade_no": "2026112222001432790" + str(abs(hash(number)) % 10**9).zfill(9)}
    if _PAY in head.split(b"\r\n", 1)[0]:
        name, node = "alipay_trade_pay_response", node | {"gmt_payment": at, "buyer_user_id": "2088102363632794"}
    else:
        name, node = "alipay_trade_query_response", node | {"trade_status": "WAIT_BUYER_PAY"}
    raw = json.dumps(node).encode()
    signature = b64encode(key.sign(raw, PKCS1v15(), SHA256()))
    answer = b'{"%s":%s,"sign":"%s"}' % (name.encode(), raw, signature)
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/html;charset=utf-8\r\ncontent-length: %d\r\n\r\n%s" % (
        len(answer),
        answer,
    )


async def _main() -> None:
    key, app_key = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
    server = await asyncio.get_running_loop().create_server(lambda: Wallet(key), "127.0.0.1", 0)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    private = app_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    said = {"port": server.sockets[0].getsockname()[1], "wallet_public_key": public, "private_key": private}
    print(json.dumps(said), flush=True)  # noqa: T201 - what the program that started it waits for
    with suppress(KeyboardInterrupt):
        await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    stay_on(sys.argv[1:])
    asyncio.run(_main())
