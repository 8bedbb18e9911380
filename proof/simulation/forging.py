"""What an impostor on a line makes of a true answer: PAID, without the signature over it. On a till's line the answer
is the gateway's, on the gateway's line a wallet's."""

from __future__ import annotations

import json
from typing import Any, Final, cast
from zlib import crc32

from msgspec.structs import replace

from proof.simulation.network import Reply

#: What a wallet says of a payment that is open, and what it would say if that were paid, or over.
_PAID: Final = (
    (b"USERPAYING", b"SUCCESS"),
    (b"NOTPAY", b"SUCCESS"),
    (b"WAIT_BUYER_PAY", b"TRADE_SUCCESS"),
    (b"10003", b"10000"),
    (b"origRespCode=05", b"origRespCode=00"),
    (b"respCode=05", b"respCode=00"),
    (b"PROCESSING", b"SUCCESS"),
)
_OVER: Final = (
    (b"USERPAYING", b"CLOSED"),
    (b"NOTPAY", b"CLOSED"),
    (b"WAIT_BUYER_PAY", b"TRADE_CLOSED"),
    (b"TRADE_SUCCESS", b"TRADE_CLOSED"),
    (b"10003", b"40004"),
)


def forged_answer(_about: str, reply: Reply) -> Reply:
    """Says that it is paid. Every header is the true one, so that the signature is over other bytes."""
    try:
        said: object = json.loads(reply.body)
    except ValueError:
        return reply
    if not isinstance(said, dict):
        return reply
    lie = {**cast("dict[str, Any]", said), "state": "PAID", "state_seq": 99}
    lie.pop("proof", None)
    return replace(reply, status=200, body=json.dumps(lie).encode())


def forged_wallet_answer(_about: str, reply: Reply) -> Reply:
    """Says that it is paid, or over, or given back; the signature is the true one, over other bytes. Of what knows no
    such lie the end is missing."""
    body = reply.body
    for said, lie in _PAID if crc32(body) % 2 else _OVER:
        body = body.replace(said, lie)
    return replace(reply, status=200 if body else 503, body=body if body != reply.body else body[:-1])
