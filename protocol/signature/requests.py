"""Signing and verifying requests in the profile. The caller decides about the time window and the nonce, because the
gateway answers a known number before it looks at either (SAFETY.md section 4, check order)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.signature.profile import (
    LABEL,
    LIFE_S,
    WINDOW_S,
    RequestParts,
    SignatureRefusal,
    Verified,
    content_digest,
    digest_matches,
    read_input,
    request_components,
    request_value,
    same_components,
    signature_base,
    write_params,
)


def sign_request(
    parts: RequestParts, *, key: Ed25519PrivateKey, keyid: str, created_s: int, nonce: bytes
) -> dict[str, str]:
    """All headers of the signed request: those given, plus Content-Digest (with a body), Signature-Input, Signature.

    `nonce` is 16 fresh random bytes: each retransmission is signed anew.
    """
    assert len(nonce) == 16, "a nonce is 16 bytes"
    headers = dict(parts.headers)
    if parts.body:
        assert "content-type" in headers, "a body has a content type"
        headers["content-digest"] = content_digest(parts.body)
    full = RequestParts(
        method=parts.method,
        authority=parts.authority,
        path=parts.path,
        query=parts.query,
        headers=headers,
        body=parts.body,
    )
    components = request_components(full)
    params = write_params(components, created_s=created_s, expires_s=created_s + LIFE_S, nonce=nonce, keyid=keyid)
    values = [(component, request_value(component, full) or "") for component in components]
    headers["signature-input"] = f"{LABEL}={params}"
    headers["signature"] = f"{LABEL}=:{b64encode(key.sign(signature_base(values, params))).decode()}:"
    return headers


def verify_request(
    parts: RequestParts, *, find_key: Callable[[str], Ed25519PublicKey | None]
) -> Verified | SignatureRefusal:
    """Signature first, then digest, before anything is parsed. Does not look at the clock: see `within_window`."""
    found = read_input(parts.headers)
    if isinstance(found, SignatureRefusal):
        return found
    values = [(component, request_value(component, parts)) for component in found.components]
    if not same_components(found.components, request_components(parts)) or any(value is None for _, value in values):
        return SignatureRefusal.WRONG_COVERAGE
    key = find_key(found.verified.keyid)
    if key is None:
        return SignatureRefusal.UNKNOWN_KEY
    try:
        key.verify(found.signature, signature_base([(c, v or "") for c, v in values], found.params))
    except InvalidSignature:
        return SignatureRefusal.WRONG
    if parts.body and not digest_matches(parts.headers.get("content-digest"), parts.body):
        return SignatureRefusal.WRONG_DIGEST
    return found.verified


def within_window(verified: Verified, *, now_s: int) -> bool:
    """Whether `created` is within ±300 s of the verifier's clock and the signature has not ended."""
    return abs(now_s - verified.created_s) <= WINDOW_S and now_s <= verified.expires_s + WINDOW_S
