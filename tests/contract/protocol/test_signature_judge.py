"""An outside judge: PyPI's `http-message-signatures` verifies what we sign, and we verify what it signs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Protocol, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from protocol.signature import (
    RequestParts,
    ResponseParts,
    Verified,
    content_digest,
    sign_request,
    sign_response,
    verify_request,
    verify_response,
)

TILL = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
GATEWAY = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
NONCE = "AAECAwQFBgcICQoLDA0ODw=="


class Judged(Protocol):
    @property
    def parameters(self) -> dict[str, object]: ...


class Verifier(Protocol):
    def verify(self, message: object) -> list[Judged]: ...


class Signer(Protocol):
    def sign(self, message: object, **how: object) -> None: ...


def judge() -> tuple[Verifier, Signer]:
    """The library, typed: it exports nothing that a strict checker may see."""
    library: Any = import_module("http_message_signatures")
    ed25519: Any = import_module("http_message_signatures.algorithms").ED25519
    resolver = library.MappingKeyResolver(
        public_keys={"T1": TILL.public_key(), "G1": GATEWAY.public_key()}, private_keys={"T1": TILL, "G1": GATEWAY}
    )
    verifier = library.HTTPMessageVerifier(signature_algorithm=ed25519, key_resolver=resolver)
    signer = library.HTTPMessageSigner(signature_algorithm=ed25519, key_resolver=resolver)
    return cast("Verifier", verifier), cast("Signer", signer)


ANSWER_COMPONENTS = ("@status", "content-type", "content-digest")


@dataclass
class Sent:
    """A request as the library reads it."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass
class Got:
    """An answer as the library reads it."""

    status_code: int
    headers: dict[str, str]
    request: Sent
    url: str = field(default="http://127.0.0.1:8080/")


def now_s() -> int:
    return int(datetime.now(UTC).timestamp())


def parts(body: bytes) -> RequestParts:
    return RequestParts(
        method="POST" if body else "GET",
        authority="127.0.0.1:8080",
        path="/v1/payments/X-1",
        query="wait=25&after=3",
        headers={"content-type": "application/json"} if body else {},
        body=body,
    )


def as_sent(request: RequestParts) -> Sent:
    return Sent(request.method, f"http://{request.authority}{request.path}?{request.query}", dict(request.headers))


def covered(request: RequestParts) -> tuple[str, ...]:
    with_body = ("content-type", "content-digest") if request.body else ()
    return ("@method", "@authority", "@path", "@query", *with_body)


@pytest.mark.parametrize("body", [b"", b'{"amount_fen":1250}'])
def test_the_judge_verifies_our_request_and_our_answer(body: bytes) -> None:
    request = parts(body)
    headers = sign_request(request, key=TILL, keyid="T1", created_s=now_s(), nonce=bytes(range(16)))
    request = replace(request, headers=headers)
    verifier, _ = judge()
    results = verifier.verify(as_sent(request))
    assert [r.parameters["keyid"] for r in results] == ["T1"]
    answer = ResponseParts(status=200, headers={"content-type": "application/json"}, body=b"{}")
    signed = sign_response(answer, request=request, key=GATEWAY, keyid="G1", created_s=now_s(), nonce=bytes(range(16)))
    assert verifier.verify(Got(200, signed, as_sent(request)))
    refusal: type[Exception] = import_module("http_message_signatures.exceptions").InvalidSignature
    with pytest.raises(refusal):
        verifier.verify(Got(201, signed, as_sent(request)))


@pytest.mark.parametrize("body", [b"", b'{"amount_fen":1250}'])
def test_we_verify_what_the_judge_signs(body: bytes) -> None:
    request = parts(body)
    if body:
        request = replace(request, headers={**request.headers, "content-digest": content_digest(body)})
    sent = as_sent(request)
    _, signer = judge()
    made = datetime.fromtimestamp(now_s(), UTC)
    ends = datetime.fromtimestamp(now_s() + 300, UTC)
    signer.sign(
        sent, key_id="T1", created=made, expires=ends, nonce=NONCE, label="guitai", tag="guitai-v1",
        covered_component_ids=covered(request), use_existing_digest=bool(body),
    )  # fmt: skip
    lower = {name.lower(): value for name, value in sent.headers.items()}
    request = replace(request, headers=lower)
    verified = verify_request(request, find_key={"T1": TILL.public_key()}.get)
    assert isinstance(verified, Verified), verified
    got = Got(200, {"content-type": "application/json", "content-digest": content_digest(b"{}")}, as_sent(request))
    bound = [f'"{name}";req' for name in covered(request)]
    signer.sign(
        got, key_id="G1", created=made, expires=ends, nonce=NONCE, label="guitai", tag="guitai-v1",
        covered_component_ids=[*ANSWER_COMPONENTS, *bound, '"signature";req;key="guitai"'], use_existing_digest=True,
    )  # fmt: skip
    answer = ResponseParts(status=200, headers={n.lower(): v for n, v in got.headers.items()}, body=b"{}")
    believed = verify_response(answer, request=request, find_key={"G1": GATEWAY.public_key()}.get)
    assert isinstance(believed, Verified), believed
