"""PROOF: the gateway's signed word about one ORDER, 88 bytes; the customer's phone shows it, the till's gun reads it.

    type 1 | kid 1 | order id 15 | gateway time 4 | channel 1 | transaction tail 2 | signature 64

A proof key signs "guitai-proof-v1" NUL, SHA-256 of the ORDER's first 46 bytes, and the first 24 bytes here: it speaks
of exactly the order that the till journaled, amount and all. In its QR it is `GP1` and 141 characters.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from msgspec import Struct

from protocol.numbers import crockford, new_number
from protocol.offline.text import PROOF_PREFIX, is_proof_text, read_record, text_length

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PROOF_BYTES: Final = 88
SIGNED_BYTES: Final = 24
PREFIX: Final = PROOF_PREFIX
#: Characters of a PROOF's QR, prefix included.
PROOF_CHARACTERS: Final = len(PREFIX) + text_length(PROOF_BYTES)

_SIGNED_AS: Final = b"guitai-proof-v1\0"
_LAYOUT: Final = struct.Struct(">BB15sIBH")
assert _LAYOUT.size == SIGNED_BYTES


class ProofType(IntEnum):
    PAID = 0x21
    CLOSED = 0x22


_TYPES: Final = frozenset(ProofType)
#: How a proof writes the wallet; 0 where none took part.
CHANNEL_NUMBERS: Final = {"wechat": 1, "alipay": 2, "unionpay": 3}
_CHANNELS: Final = {number: channel for channel, number in CHANNEL_NUMBERS.items()}


class OfflineProof(Struct, frozen=True, kw_only=True):
    """The fields of a PROOF. `at_s` is the gateway's Unix time; `channel` and `tail` (the last 4 digits of the wallet's
    transaction) are None of a CLOSED order."""

    type: ProofType
    kid: int
    order_no: str
    at_s: int
    channel: str | None
    tail: str | None


class SignedProof(Struct, frozen=True, kw_only=True):
    """A PROOF as it was read. Not yet verified."""

    proof: OfflineProof
    raw: bytes

    @property
    def text(self) -> str:
        """What its QR holds."""
        return PREFIX + crockford(self.raw)

    def signed_by(self, key: Ed25519PublicKey, *, order_digest: bytes) -> bool:
        """Whether this key says it of the order with that digest (`SignedOrder.digest`)."""
        try:
            key.verify(self.raw[SIGNED_BYTES:], _SIGNED_AS + order_digest + self.raw[:SIGNED_BYTES])
        except InvalidSignature:
            return False
        return True


def sign_proof(proof: OfflineProof, key: Ed25519PrivateKey, *, order_digest: bytes) -> SignedProof:
    """The PROOF's bytes."""
    number = read_record(proof.order_no[:24], 15)
    assert number is not None, "an order number is 24 characters and a check character"
    assert new_number(number) == proof.order_no, "an order number with its check character"
    channel = 0 if proof.channel is None else CHANNEL_NUMBERS[proof.channel]
    tail = 0 if proof.tail is None else int(proof.tail)
    signed = _LAYOUT.pack(proof.type, proof.kid, number, proof.at_s, channel, tail)
    return SignedProof(proof=proof, raw=signed + key.sign(_SIGNED_AS + order_digest + signed))


def read_proof(text: str) -> SignedProof | None:
    """Reads a scanned PROOF, in any case; None when it is cut, altered in form, or not one."""
    if not is_proof_text(text):
        return None
    raw = read_record(text[len(PREFIX) :], PROOF_BYTES)
    if raw is None:
        return None
    kind, kid, number, at_s, channel, tail = _LAYOUT.unpack(raw[:SIGNED_BYTES])
    if kind not in _TYPES or tail > 9999 or (channel != 0 and channel not in _CHANNELS):
        return None
    if (kind == ProofType.PAID) != (channel != 0) or (kind == ProofType.CLOSED and tail != 0):
        return None
    proof = OfflineProof(
        type=ProofType(kind),
        kid=kid,
        order_no=new_number(number),
        at_s=at_s,
        channel=_CHANNELS.get(channel),
        tail=f"{tail:04}" if kind == ProofType.PAID else None,
    )
    return SignedProof(proof=proof, raw=raw)
