"""HTTP message signatures (RFC 9421) with Ed25519 in one fixed profile; SAFETY.md section 4.

A request covers exactly `@method @authority @path @query`, with a body also `content-type content-digest`, and
`guitai-journal` when that header is there. An answer covers `@status content-type content-digest`, every one of those
request components with `;req`, and the request's own signature with `;req`: it answers that one request and no other.
Parameters are created, expires, nonce (16 bytes), keyid, tag. Pure: time and nonce are arguments.
"""

from protocol.signature.profile import (
    LIFE_S,
    WINDOW_S,
    RequestParts,
    ResponseParts,
    SignatureRefusal,
    Verified,
    content_digest,
    journal_header,
    read_journal_header,
)
from protocol.signature.requests import sign_request, verify_request, within_window
from protocol.signature.responses import sign_response, verify_response

__all__ = [
    "LIFE_S",
    "WINDOW_S",
    "RequestParts",
    "ResponseParts",
    "SignatureRefusal",
    "Verified",
    "content_digest",
    "journal_header",
    "read_journal_header",
    "sign_request",
    "sign_response",
    "verify_request",
    "verify_response",
    "within_window",
]
