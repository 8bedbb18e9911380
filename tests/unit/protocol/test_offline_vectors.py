"""docs/vectors/offline-qr.json against the code: what an outside reader is told is what we do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.keys import public_text
from protocol.offline.order import BITMAP_ORDERS, ClockQuality, OfflineOrder, OrderType, read_order, sign_order
from protocol.offline.proof import OfflineProof, ProofType, read_proof, sign_proof
from protocol.offline.typed_code import derive_code, frees, read_code, verifier

FILE = Path(__file__).parents[3] / "docs" / "vectors" / "offline-qr.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
TILL = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTORS["keys"]["till_seed"]))
PROOFS = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTORS["keys"]["proof_seed"]))
DIGESTS = {one["name"]: bytes.fromhex(one["digest"]) for one in VECTORS["orders"]}


def named(kind: str) -> list[Any]:
    return [pytest.param(one, id=str(one.get("name", index))) for index, one in enumerate(VECTORS[kind])]


def test_the_public_keys_follow_from_the_seeds() -> None:
    assert (public_text(TILL), public_text(PROOFS)) == (
        VECTORS["keys"]["till_public"],
        VECTORS["keys"]["proof_public"],
    )


@pytest.mark.parametrize("vector", named("orders"))
def test_an_order_is_written_and_read_as_told(vector: dict[str, Any]) -> None:
    fields = vector["fields"]
    more: dict[str, Any] = {"type": OrderType(fields["type"]), "clock": ClockQuality(fields["clock"])}
    order = OfflineOrder(**(fields | more))
    signed = sign_order(order, TILL)
    assert (signed.raw.hex(), signed.text, signed.digest.hex()) == (vector["raw"], vector["text"], vector["digest"])
    for text in (vector["text"], vector["text"].lower()):
        read = read_order(text)
        assert read is not None
        assert read == signed
        assert read.signed_by(TILL.public_key())
    earlier = range(max(1, order.oseq - BITMAP_ORDERS), order.oseq)
    assert [oseq for oseq in earlier if order.says_cancelled(oseq)] == vector["cancelled_oseqs"]


@pytest.mark.parametrize("vector", named("invalid_orders"))
def test_an_invalid_order_is_refused_as_told(vector: dict[str, Any]) -> None:
    read = read_order(vector["text"])
    if vector["why"] == "unreadable":
        assert read is None
    else:
        assert read is not None
        assert not read.signed_by(TILL.public_key())


@pytest.mark.parametrize("vector", named("proofs"))
def test_a_proof_is_written_and_read_as_told(vector: dict[str, Any]) -> None:
    more: dict[str, Any] = {"type": ProofType(vector["fields"]["type"])}
    proof = OfflineProof(**(vector["fields"] | more))
    digest = DIGESTS[vector["order"]]
    signed = sign_proof(proof, PROOFS, order_digest=digest)
    assert (signed.raw.hex(), signed.text) == (vector["raw"], vector["text"])
    read = read_proof(vector["text"].lower())
    assert read is not None
    assert read == signed
    assert read.signed_by(PROOFS.public_key(), order_digest=digest)


@pytest.mark.parametrize("vector", named("invalid_proofs"))
def test_an_invalid_proof_is_refused_as_told(vector: dict[str, Any]) -> None:
    read = read_proof(vector["text"])
    if vector["why"] == "unreadable":
        assert read is None
    else:
        assert read is not None
        assert not read.signed_by(PROOFS.public_key(), order_digest=DIGESTS[vector["order"]])


@pytest.mark.parametrize("vector", named("typed_codes"))
def test_a_typed_code_and_its_verifier_are_as_told(vector: dict[str, Any]) -> None:
    place: dict[str, Any] = {name: vector[name] for name in ("terminal_id", "epoch", "index")}
    assert derive_code(bytes.fromhex(VECTORS["keys"]["typed_code_key"]), **place) == vector["code"]
    assert verifier(vector["code"], **place) == vector["verifier"]
    assert frees(vector["code"], vector["verifier"], **place)
    elsewhere: dict[str, Any] = place | {"index": place["index"] - 1 or 9}
    assert not frees(vector["code"], vector["verifier"], **elsewhere)


@pytest.mark.parametrize("vector", named("typed_inputs"))
def test_typed_digits_are_read_as_told(vector: dict[str, Any]) -> None:
    assert read_code(vector["text"]) == vector["code"]
