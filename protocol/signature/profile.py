"""The profile's parts: message parts, Signature-Input reading and writing, the signature base (RFC 9421 section 2.5).

Only our label and our parameters are read; everything else about a foreign Signature-Input is a refusal. Header names
are lower case here; values are single field lines.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from msgspec import Struct

LABEL: Final = "guitai"
TAG: Final = "guitai-v1"
#: How long a signature says it is good for, and how far `created` may be from the verifier's clock, in seconds.
LIFE_S: Final = 300
WINDOW_S: Final = 300

_COMPONENT: Final = re.compile(r'"([a-z0-9@-]+)"((?:;key="[a-z]+"|;req)*)')
_INPUT: Final = re.compile(
    r'guitai=(?P<params>\((?P<list>[^()]*)\)(?P<tail>(?:;[a-z]+=(?:[0-9]{1,15}|"[\x20\x21\x23-\x5b\x5d-\x7e]*"))*))'
)
_PARAMETER: Final = re.compile(r';([a-z]+)=(?:([0-9]{1,15})|"([^"]*)")')
_JOURNAL: Final = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


class SignatureRefusal(StrEnum):
    """Why a message's signature was not accepted, in order of precedence."""

    MISSING = "missing"
    MALFORMED = "malformed"
    WRONG_COVERAGE = "wrong_coverage"
    UNKNOWN_KEY = "unknown_key"
    WRONG = "wrong"
    WRONG_DIGEST = "wrong_digest"


class RequestParts(Struct, frozen=True, kw_only=True):
    """What is signed of a request. `authority` as in Host (lower case), `query` raw without `?`."""

    method: str
    authority: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class ResponseParts(Struct, frozen=True, kw_only=True):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Verified(Struct, frozen=True, kw_only=True):
    """What a good signature says: whose key, when (Unix s), until when, with which nonce."""

    keyid: str
    created_s: int
    expires_s: int
    nonce: str


class SignatureInput(Struct, frozen=True, kw_only=True):
    """A parsed `Signature-Input`: the raw parameter text is what the base repeats."""

    components: tuple[str, ...]
    params: str
    verified: Verified
    signature: bytes


def content_digest(body: bytes) -> str:
    """RFC 9530 Content-Digest of the exact bytes."""
    return f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"


def digest_matches(header: str | None, body: bytes) -> bool:
    return header is not None and compare_digest(header.encode(), content_digest(body).encode())


def journal_header(seq: int, head: str) -> str:
    """`sequence:head` of the till's chain, signed with every request that has a body."""
    return f"{seq}:{head}"


def read_journal_header(text: str) -> tuple[int, str] | None:
    match = _JOURNAL.fullmatch(text)
    return None if match is None else (int(match[1]), match[2])


def request_components(parts: RequestParts) -> tuple[str, ...]:
    """Exactly what a request of this shape covers, in the order we write it."""
    covered = ['"@method"', '"@authority"', '"@path"', '"@query"']
    if parts.body:
        covered += ['"content-type"', '"content-digest"']
    if "guitai-journal" in parts.headers:
        covered.append('"guitai-journal"')
    return tuple(covered)


def request_value(component: str, parts: RequestParts) -> str | None:
    """The value of one request component; None when the request does not have it."""
    match component:
        case '"@method"':
            return parts.method.upper()
        case '"@authority"':
            return parts.authority.lower()
        case '"@path"':
            return parts.path or "/"
        case '"@query"':
            return "?" + parts.query
        case '"signature";key="guitai"':
            return _signature_member(parts.headers.get("signature"))
        case _:
            value = parts.headers.get(component.strip('"'))
            return None if value is None else value.strip()


def _signature_member(header: str | None) -> str | None:
    if header is None or not header.startswith(f"{LABEL}="):
        return None
    return header.removeprefix(f"{LABEL}=")


def write_params(components: Sequence[str], *, created_s: int, expires_s: int, nonce: bytes, keyid: str) -> str:
    """The inner list with parameters, as it stands in Signature-Input and in the base."""
    nonce_text = b64encode(nonce).decode()
    return (
        f"({' '.join(components)});created={created_s};expires={expires_s}"
        f';nonce="{nonce_text}";keyid="{keyid}";tag="{TAG}"'
    )


def signature_base(values: Sequence[tuple[str, str]], params: str) -> bytes:
    lines = [f"{component}: {value}" for component, value in values]
    return "\n".join([*lines, f'"@signature-params": {params}']).encode()


def read_input(headers: Mapping[str, str]) -> SignatureInput | SignatureRefusal:
    """Reads `Signature-Input` and `Signature`; anything outside the profile is a refusal."""
    raw_input, raw_signature = headers.get("signature-input"), headers.get("signature")
    if raw_input is None or raw_signature is None:
        return SignatureRefusal.MISSING
    match = _INPUT.fullmatch(raw_input.strip())
    member = _signature_member(raw_signature.strip())
    if match is None or member is None or not (member.startswith(":") and member.endswith(":") and len(member) > 2):
        return SignatureRefusal.MALFORMED
    components = _read_components(match["list"])
    verified = _read_parameters(match["tail"])
    signature = _read_bytes(member[1:-1])
    if components is None or verified is None or signature is None:
        return SignatureRefusal.MALFORMED
    return SignatureInput(components=components, params=match["params"], verified=verified, signature=signature)


def _read_bytes(text: str) -> bytes | None:
    """Base 64 in the one way that bytes are written: a decoder overlooks the last character's spare bits."""
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None
    return raw if b64encode(raw).decode() == text else None


@lru_cache(maxsize=64)
def _read_components(text: str) -> tuple[str, ...] | None:
    """Programs that keep the profile write a handful of these lists: each is read once."""
    found: list[str] = []
    for item in text.split(" "):
        match = _COMPONENT.fullmatch(item)
        if match is None:
            return None
        found.append(item)
    return tuple(found)


def canonical(component: str) -> str:
    """A component with its parameters in our order (`;key` before `;req`): identity does not depend on order."""
    name, *parameters = component.split(";")
    return ";".join([name, *sorted(parameters)])


def same_components(found: Sequence[str], required: Sequence[str]) -> bool:
    """Whether exactly the required ones are covered, in any order and spelling; `required` is in ours."""
    return found == required or sorted(map(canonical, found)) == sorted(required)


def _read_parameters(text: str) -> Verified | None:
    found: dict[str, int | str] = {}
    for match in _PARAMETER.finditer(text):
        if match[1] in found:
            return None
        found[match[1]] = int(match[2]) if match[2] is not None else match[3]
    alg = found.pop("alg", "ed25519")
    if set(found) != {"created", "expires", "nonce", "keyid", "tag"} or found["tag"] != TAG or alg != "ed25519":
        return None
    created, expires, nonce, keyid = found["created"], found["expires"], found["nonce"], found["keyid"]
    if not (
        isinstance(created, int) and isinstance(expires, int) and isinstance(nonce, str) and isinstance(keyid, str)
    ):
        return None
    random = _read_bytes(nonce)
    if random is None or len(random) != 16:
        return None
    return Verified(keyid=keyid, created_s=created, expires_s=expires, nonce=nonce)
