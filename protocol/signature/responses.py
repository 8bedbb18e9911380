"""Signing and verifying answers: bound to the one request they answer, by its components and its signature."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.signature.profile import (
    LABEL,
    LIFE_S,
    RequestParts,
    ResponseParts,
    SignatureRefusal,
    Verified,
    canonical,
    content_digest,
    digest_matches,
    read_input,
    request_components,
    request_value,
    same_components,
    signature_base,
    write_params,
)

_REQ = ";req"
_ANSWER = ('"@status"', '"content-type"', '"content-digest"')
_REQUEST_SIGNATURE = '"signature";key="guitai"'


def _components(request: RequestParts) -> tuple[str, ...]:
    bound = [component + _REQ for component in request_components(request)]
    if request_value(_REQUEST_SIGNATURE, request) is not None:
        bound.append(_REQUEST_SIGNATURE + _REQ)
    return (*_ANSWER, *bound)


def _value(component: str, response: ResponseParts, request: RequestParts) -> str | None:
    if component.endswith(_REQ):
        return request_value(component.removesuffix(_REQ), request)
    if component == '"@status"':
        return str(response.status)
    value = response.headers.get(component.strip('"'))
    return None if value is None else value.strip()


def sign_response(
    response: ResponseParts,
    *,
    request: RequestParts,
    key: Ed25519PrivateKey,
    keyid: str,
    created_s: int,
    nonce: bytes,
) -> dict[str, str]:
    """All headers of the signed answer. A request without a signature is answered with what it has."""
    headers = dict(response.headers)
    headers["content-digest"] = content_digest(response.body)
    full = ResponseParts(status=response.status, headers=headers, body=response.body)
    components = [c for c in _components(request) if _value(c, full, request) is not None]
    params = write_params(components, created_s=created_s, expires_s=created_s + LIFE_S, nonce=nonce, keyid=keyid)
    values = [(c, _value(c, full, request) or "") for c in components]
    headers["signature-input"] = f"{LABEL}={params}"
    headers["signature"] = f"{LABEL}=:{b64encode(key.sign(signature_base(values, params))).decode()}:"
    return headers


def verify_response(
    response: ResponseParts, *, request: RequestParts, find_key: Callable[[str], Ed25519PublicKey | None]
) -> Verified | SignatureRefusal:
    """Whether the holder of a known gateway key gave this answer to exactly this (signed) request."""
    found = read_input(response.headers)
    if isinstance(found, SignatureRefusal):
        return found
    required = _components(request)
    if not same_components(found.components, required) or f"{_REQUEST_SIGNATURE}{_REQ}" not in required:
        return SignatureRefusal.WRONG_COVERAGE
    values = [(c, _value(canonical(c), response, request)) for c in found.components]
    if any(value is None for _, value in values):
        return SignatureRefusal.WRONG_COVERAGE
    key = find_key(found.verified.keyid)
    if key is None:
        return SignatureRefusal.UNKNOWN_KEY
    try:
        key.verify(found.signature, signature_base([(c, v or "") for c, v in values], found.params))
    except InvalidSignature:
        return SignatureRefusal.WRONG
    if not digest_matches(response.headers.get("content-digest"), response.body):
        return SignatureRefusal.WRONG_DIGEST
    return found.verified
