"""What the line between till and gateway carries: message bodies, signature headers, addresses, journal uploads; and
the owner's document.

Rules: a body is a message or no message, and read again the same; a refusal names a place and never the content; no
bytes verify under a key that did not sign them; a chain holds only as it was made.
"""

from __future__ import annotations

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.api.routes import read_route
from gateway.cashier_page.asking import Press
from gateway.configure.document import Document, key_files, read_document, read_routes
from gateway.configure.faults import Faults
from proof.fuzz.target import Target, keepable
from protocol.chain import first_break, genesis, link
from protocol.keys import public_of_device_keyid, read_b64url, read_public
from protocol.messages import (
    AckRequest,
    ActivationAnswer,
    ActivationRequest,
    CancelRequest,
    JournalAnswer,
    JournalEntry,
    JournalUpload,
    PaymentRequest,
    PaymentStatus,
    Problem,
    RefundRequest,
    RefundStatus,
    StoreAckRequest,
    StorePaidAnswer,
    UndecodableError,
    decode,
    encode,
)
from protocol.signature import RequestParts, ResponseParts, Verified, read_journal_header, sign_request, verify_request
from protocol.signature.profile import SignatureInput, read_input
from protocol.signature.responses import verify_response

_KINDS: tuple[type[msgspec.Struct], ...] = (
    PaymentRequest,
    CancelRequest,
    AckRequest,
    RefundRequest,
    StoreAckRequest,
    ActivationRequest,
    JournalUpload,
    PaymentStatus,
    RefundStatus,
    StorePaidAnswer,
    ActivationAnswer,
    JournalAnswer,
    Problem,
)
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_BODY = b'{"through":1}'
_SIGNED = sign_request(
    RequestParts(
        method="POST",
        authority="g.test",
        path="/v1/store/paid/ack",
        query="",
        headers={"content-type": "application/json", "guitai-journal": f"1:{'0' * 64}"},
        body=_BODY,
    ),
    key=_KEY,
    keyid="T1",
    created_s=1_800_000_000,
    nonce=bytes(16),
)


def message(data: bytes) -> None:
    """The first byte says which message is expected."""
    if not data:
        return
    kind, body = _KINDS[data[0] % len(_KINDS)], data[1:]
    try:
        found = decode(kind, body)
    except UndecodableError as error:
        words = str(error)
        assert len(words) < 200, "a refusal repeats the content"
        return
    keepable(found)
    assert decode(kind, encode(found)) == found


def signature_headers(data: bytes) -> None:
    """Three lines: Signature-Input, Signature, Content-Digest. Only what was signed verifies."""
    lines = [line.decode("latin-1") for line in data.split(b"\n")]
    names = ("signature-input", "signature", "content-digest", "guitai-journal", "content-type")
    headers = {**_SIGNED, **dict(zip(names, lines, strict=False))}
    parsed = read_input(headers)
    if isinstance(parsed, SignatureInput):
        keepable(parsed.verified)
        assert len(parsed.verified.nonce) == 24
    read_journal_header(headers["guitai-journal"])
    public_of_device_keyid(headers["signature"])
    read_b64url(headers["signature"])
    read_public(headers["content-digest"])
    request = RequestParts(
        method="POST", authority="g.test", path="/v1/store/paid/ack", query="", headers=headers, body=_BODY
    )
    if isinstance(verify_request(request, find_key=_known), Verified):
        assert {name: headers[name].strip() for name in names} == {name: _SIGNED[name] for name in names}
    response = ResponseParts(status=200, headers=headers, body=_BODY)
    assert not isinstance(verify_response(response, request=request, find_key=_known), Verified)


def _known(keyid: str) -> Ed25519PublicKey | None:
    return _KEY.public_key() if keyid == "T1" else None


def address(data: bytes) -> None:
    """A line `METHOD path?query`: a call of ours, or none."""
    method, _, target = data.decode("latin-1").partition(" ")
    path, _, query = target.partition("?")
    route = read_route(method, path, query)
    if route is not None:
        keepable(route.after)
        assert 0 <= route.wait_s <= 600


def press(data: bytes) -> None:
    try:
        msgspec.json.decode(data, type=Press)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return


def journal(data: bytes) -> None:
    """An upload as JSON: what follows the head was made to follow it; one changed letter breaks the chain there."""
    try:
        upload = decode(JournalUpload, data)
    except UndecodableError:
        return
    head = genesis("T1")
    broken = first_break(head, 0, upload.entries)
    if broken is not None or not upload.entries:
        return
    last = upload.entries[-1]
    spoiled = msgspec.structs.replace(last, body=last.body + " ")
    assert first_break(head, 0, (*upload.entries[:-1], spoiled)) == last.seq
    keepable(upload)


def document(data: bytes) -> None:
    """The owner's TOML: a document or its faults, which quote no value."""
    text = data.decode("utf-8", "replace")
    key_files(text)
    read_routes(text)
    found = read_document(text, files={"k": "x"}, time_zones=("Asia/Shanghai",))
    if isinstance(found, Faults):
        assert found.faults
        assert all("canary-secret" not in repr(fault) for fault in found.faults)
    else:
        assert isinstance(found, Document)
        keepable(found)


def _entries() -> bytes:
    head = genesis("T1")
    made: list[JournalEntry] = []
    for seq in (1, 2):
        head = link(head, seq=seq, kind="k", at_ms=seq, body="{}")
        made.append(JournalEntry(seq=seq, kind="k", at_ms=seq, body="{}", hash=head))
    return encode(JournalUpload(entries=tuple(made)))


_PAY = (
    b'\x00{"payment_no":"0000000000000000000000000-1","sale_id":"0000000000000000000000000","amount_fen":1250,'
    b'"currency":"CNY","presented":"customer","subject":"x","operator":"1","expires":1,"auth_code":"134567890123456789"}'
)
_DOCUMENT = b"""[[merchants]]
id = "m1"
name = "x"
[[stores]]
id = "s1"
merchant = "m1"
name = "y"
[[channel_accounts]]
id = "a1"
merchant = "m1"
channel = "alipay"
base_url = "https://openapi.alipay.test/gateway.do"
app_id = "2021"
private_key = "canary-secret"
wallet_public_key_file = "k"
[[routes]]
id = "r1"
merchant = "m1"
use = ["a1"]
"""
TARGETS = (
    Target(
        name="messages",
        about="bodies of requests and answers",
        run=message,
        seeds=(_PAY, b'\x04{"through":1}', b'\x01{"amount_fen":1,"operator":""}', b"\x06" + _entries()),
    ),
    Target(
        name="signature",
        about="signature headers of requests and answers",
        run=signature_headers,
        seeds=(
            "\n".join(_SIGNED[name] for name in ("signature-input", "signature", "content-digest")).encode(),
            b'guitai=("@method" "signature";req;key="guitai");created=1;expires=2;nonce="";keyid="";tag="guitai-v1"'
            b"\nguitai=:AA==:",
        ),
    ),
    Target(
        name="address",
        about="methods, paths and queries of the gateway",
        run=address,
        seeds=(
            b"GET /v1/payments/0000000000000000000000000-1?wait=25&after=3",
            b"POST /v1/journal",
            b"GET /v1/store/paid",
        ),
        most_bytes=1_024,
    ),
    Target(
        name="press",
        about="a press on the cashier page",
        run=press,
        seeds=(b'{"amount_fen":1250}', b"{}"),
        most_bytes=1_024,
    ),
    Target(name="journal", about="uploads of a till's journal", run=journal, seeds=(_entries(), b'{"entries":[]}')),
    Target(name="document", about="the owner's document for `gateway apply`", run=document, seeds=(_DOCUMENT,)),
)
