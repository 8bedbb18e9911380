"""What an activation QR holds, and how a typed or scanned one is read.

`GT1:{gateway URL}#ACTIVATE:{12-character code}:{root key fingerprint}`. The fingerprint lets a terminal trust the
gateway's first answer; a typed code has none and trusts the line (https, or loopback).
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from protocol.numbers import read_activation_code
from protocol.secret import Secret

_QR: Final = re.compile(r"(?i)GT1:(https?://[^\s#]{1,200})#ACTIVATE:([0-9A-Z-]{12,16}):([0-9A-Z]{16})")


class ActivationTicket(Struct, frozen=True, kw_only=True):
    """A code, and when scanned also the gateway's address and root-key fingerprint."""

    code: Secret
    gateway_url: str | None = None
    root_fingerprint: str | None = None


def ticket_text(*, gateway_url: str, code: str, root_fingerprint: str) -> str:
    """The text of the activation QR."""
    return f"GT1:{gateway_url}#ACTIVATE:{code}:{root_fingerprint}"


def read_ticket(text: str) -> ActivationTicket | None:
    """Reads a scanned QR or a typed code; None when it is neither."""
    match = _QR.fullmatch(text.strip())
    if match is not None:
        code = read_activation_code(match[2])
        if code is None:
            return None
        return ActivationTicket(code=Secret(code), gateway_url=match[1], root_fingerprint=match[3].upper())
    code = read_activation_code(text)
    return None if code is None else ActivationTicket(code=Secret(code))
