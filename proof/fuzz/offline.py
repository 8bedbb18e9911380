"""The offline order, its proof and the typed code: what a stranger's phone, a gun or a finger hands over.

Rules: one text is one record and back; the fields that are read are those that were signed; nothing but what a key
signed verifies under it.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proof.fuzz.target import Target, keepable
from protocol.numbers import crockford, new_number
from protocol.offline import order as orders
from protocol.offline import proof as proofs
from protocol.offline.order import ClockQuality, OfflineOrder, OrderType, order_from, read_order, sign_order
from protocol.offline.proof import OfflineProof, ProofType, read_proof, sign_proof
from protocol.offline.typed_code import read_code

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_ORDER = sign_order(
    OfflineOrder(
        type=OrderType.PAY,
        terminal_id=crockford(bytes(8)),
        epoch=1,
        order_no=new_number(bytes(15)),
        amount_fen=1250,
        kid=1,
        oseq=3,
        cancelled=2,
        release=0,
        made_at_s=1_800_000_000,
        clock=ClockQuality.GATEWAY,
    ),
    _KEY,
)
_PROOF = sign_proof(
    OfflineProof(
        type=ProofType.PAID, kid=1, order_no=new_number(bytes(15)), at_s=1_800_000_060, channel="wechat", tail="0042"
    ),
    _KEY,
    order_digest=_ORDER.digest,
)


def order(data: bytes) -> None:
    """As the text of an address, and as the bytes that such a text would write."""
    for found in (read_order(data.decode("utf-8", "surrogateescape")), order_from(data)):
        if found is None:
            continue
        keepable(found.order)
        assert read_order(found.text) == found
        assert read_order(found.text.lower()) == found
        signed = found.raw[: orders.SIGNED_BYTES]
        assert sign_order(found.order, _KEY).raw[: orders.SIGNED_BYTES] == signed, "other fields than were signed"
        if found.signed_by(_KEY.public_key()):
            assert signed == _ORDER.raw[: orders.SIGNED_BYTES]
        found.order.says_cancelled(found.order.oseq - 1)


def proof(data: bytes) -> None:
    """As it is scanned, and as a text with the prefix before it."""
    text = data.decode("utf-8", "surrogateescape")
    for found in (read_proof(text), read_proof(proofs.PREFIX + crockford(data))):
        if found is None:
            continue
        keepable(found.proof)
        assert read_proof(found.text) == found
        signed = found.raw[: proofs.SIGNED_BYTES]
        again = sign_proof(found.proof, _KEY, order_digest=_ORDER.digest)
        assert again.raw[: proofs.SIGNED_BYTES] == signed, "other fields than were signed"
        if found.signed_by(_KEY.public_key(), order_digest=_ORDER.digest):
            assert signed == _PROOF.raw[: proofs.SIGNED_BYTES]
        assert not found.signed_by(_KEY.public_key(), order_digest=bytes(32)), "a proof of another order"


def typed_code(data: bytes) -> None:
    code = read_code(data.decode("utf-8", "surrogateescape"))
    assert code is None or (len(code) == 12 and code.isascii() and read_code(code) == code)


TARGETS = (
    Target(
        name="offline-order",
        about="the ORDER of an offline QR",
        run=order,
        seeds=(_ORDER.text.encode(), _ORDER.raw),
        most_bytes=512,
    ),
    Target(
        name="offline-proof",
        about="the PROOF that a gun reads",
        run=proof,
        seeds=(_PROOF.text.encode(), _PROOF.raw),
        most_bytes=512,
    ),
    Target(name="typed-code", about="a typed release code", run=typed_code, seeds=(b"012345678975", b"0123-4567 8975")),
)
