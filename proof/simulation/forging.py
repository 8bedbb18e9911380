"""What an impostor on a till's line makes of the gateway's answer: PAID, without the gateway's signature over it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

from proof.simulation.network import Reply


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
