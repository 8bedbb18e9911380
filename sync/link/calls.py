"""What is sent for each call, signed, and what an answer is worth. Pure: time and nonces are arguments.

An answer counts when a known key of the gateway signed it for exactly this request. What it says about a payment or a
refund is compared with the journal by the engine. Everything else is silence with a name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, assert_never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct, structs
from msgspec.structs import replace

from protocol.keys import terminal_keyid
from protocol.messages import (
    AckRequest,
    CancelRequest,
    JournalAnswer,
    JournalEntry,
    JournalUpload,
    OfflineKit,
    OfflineKitRequest,
    PaymentStatus,
    Problem,
    RefundStatus,
    StoreAckRequest,
    StorePaidAnswer,
    UndecodableError,
    decode,
    encode,
)
from protocol.signature import (
    RequestParts,
    ResponseParts,
    SignatureRefusal,
    journal_header,
    sign_request,
    verify_response,
)
from sync.engine.events import (
    AcceptedAnswer,
    AckCall,
    Answer,
    Call,
    CancelCall,
    KitAnswer,
    KitCall,
    PayCall,
    ProblemAnswer,
    QueryCall,
    RefundAnswer,
    RefundCall,
    RefundQueryCall,
    SilentAnswer,
    StatusAnswer,
    StoreAckCall,
    StoreAnswer,
    StorePollCall,
)
from sync.engine.statements import Silence
from sync.link.address import authority_of
from sync.link.exchange import NoAnswer, NotSent, Timeouts

_JSON: Final = "application/json"
_ANSWER_MS: Final = 10_000
_BEAT_MS: Final = 5_000
_CONNECT_MS: Final = 3_000
_WRITE_MS: Final = 5_000


class Credentials(Struct, frozen=True, kw_only=True):
    """Who this terminal is on the line, and whose signatures it believes (key id → key). `epoch`: of its activation."""

    terminal_id: str
    gateway_url: str
    key: Ed25519PrivateKey
    gateway_keys: Mapping[str, Ed25519PublicKey]
    epoch: int = 1


class UploadCall(Struct, frozen=True, kw_only=True):
    """POST of journal entries; empty, it is the cheapest signed question there is: are you there, what time is it?"""

    entries: tuple[JournalEntry, ...]


class UploadAnswer(Struct, frozen=True, kw_only=True):
    """How far the gateway holds the chain, verified."""

    answer: JournalAnswer


class Stamp(Struct, frozen=True, kw_only=True):
    """What makes each transmission different: time, a fresh nonce (16 bytes), the end of the journal (sequence, head),
    and how far the gateway said that it holds it. `journal` None: who asks does not speak for the journal."""

    created_s: int
    nonce: bytes
    journal: tuple[int, str] | None
    told: int = 0


def build(call: Call | UploadCall, who: Credentials, stamp: Stamp) -> RequestParts:
    """The signed request."""
    method, path, query, body = _shape(call, stamp.told)
    headers: dict[str, str] = {}
    if body:
        headers = {"content-type": _JSON}
        if stamp.journal is not None:
            headers["guitai-journal"] = journal_header(*stamp.journal)
    parts = RequestParts(
        method=method, authority=authority_of(who.gateway_url), path=path, query=query, headers=headers, body=body
    )
    keyid = terminal_keyid(who.terminal_id, who.epoch)
    signed = sign_request(parts, key=who.key, keyid=keyid, created_s=stamp.created_s, nonce=stamp.nonce)
    return replace(parts, headers=signed)


def _shape(call: Call | UploadCall, told: int) -> tuple[str, str, str, bytes]:
    match call:
        case PayCall():
            return "POST", "/v1/payments", "", encode(structs.replace(call.request, told=told))
        case QueryCall():
            query = f"wait={call.wait_s}&after={call.after_seq}" if call.wait_s else ""
            return "GET", f"/v1/payments/{call.payment_no}", query, b""
        case CancelCall():
            cancel = CancelRequest(amount_fen=call.amount_fen, operator=call.operator, told=told)
            return "POST", f"/v1/payments/{call.payment_no}/cancel", "", encode(cancel)
        case AckCall():
            ack = AckRequest(state=call.state, state_seq=call.state_seq)
            return "POST", f"/v1/payments/{call.payment_no}/ack", "", encode(ack)
        case RefundCall():
            refund = structs.replace(call.request, told=told)
            return "POST", f"/v1/payments/{call.payment_no}/refunds", "", encode(refund)
        case RefundQueryCall():
            return "GET", f"/v1/refunds/{call.refund_no}", f"wait={call.wait_s}&after={call.after_seq}", b""
        case StorePollCall():
            begin = "" if call.after is None else f"after={call.after}&"
            return "GET", "/v1/store/paid", f"{begin}wait={call.wait_s}", b""
        case StoreAckCall():
            return "POST", "/v1/store/paid/ack", "", encode(StoreAckRequest(through=call.through))
        case KitCall():
            kit = OfflineKitRequest(first=call.first, wanted=call.wanted, offline_key=call.offline_key)
            return "POST", "/v1/offline/kit", "", encode(kit)
        case UploadCall():
            return "POST", "/v1/journal", "", encode(JournalUpload(entries=call.entries, told=told))
        case _:
            assert_never(call)


def timeouts_of(call: Call | UploadCall) -> Timeouts:
    """How long each call may take; a long poll is held by the gateway on purpose."""
    held = call.wait_s * 1000 if isinstance(call, (QueryCall, RefundQueryCall, StorePollCall)) else 0
    read_ms = held + (_BEAT_MS if isinstance(call, UploadCall) else _ANSWER_MS)
    return Timeouts(
        connect_ms=_CONNECT_MS, write_ms=_WRITE_MS, read_ms=read_ms, total_ms=_CONNECT_MS + _WRITE_MS + read_ms
    )


# --- answers ----------------------------------------------------------------------------------------------------


def read(call: Call, request: RequestParts, response: ResponseParts | NotSent | NoAnswer, who: Credentials) -> Answer:
    """What came back for a call of the engine."""
    found = _trusted(request, response, who.gateway_keys.get)
    match found:
        case SilentAnswer():
            return found
        case _Refused():
            return ProblemAnswer(problem=found.problem, said_by=found.said_by)
        case _Accepted():
            pass
    try:
        return _message(call, found)
    except UndecodableError:
        if isinstance(call, AckCall):
            return AcceptedAnswer(said_by=found.said_by)
        return SilentAnswer(why=Silence.UNREADABLE)


def _message(call: Call, found: _Accepted) -> Answer:
    match call:
        case PayCall() | QueryCall() | CancelCall() | AckCall():
            return StatusAnswer(status=decode(PaymentStatus, found.body), said_by=found.said_by)
        case RefundCall() | RefundQueryCall():
            return RefundAnswer(status=decode(RefundStatus, found.body), said_by=found.said_by)
        case StorePollCall():
            return StoreAnswer(answer=decode(StorePaidAnswer, found.body), said_by=found.said_by)
        case StoreAckCall():
            return AcceptedAnswer(said_by=found.said_by)
        case KitCall():
            return KitAnswer(kit=decode(OfflineKit, found.body), said_by=found.said_by)
        case _:
            assert_never(call)


def read_upload(
    request: RequestParts, response: ResponseParts | NotSent | NoAnswer, who: Credentials
) -> UploadAnswer | ProblemAnswer | SilentAnswer:
    """What came back for a delivery."""
    found = _trusted(request, response, who.gateway_keys.get)
    match found:
        case SilentAnswer():
            return found
        case _Refused():
            return ProblemAnswer(problem=found.problem, said_by=found.said_by)
        case _Accepted():
            pass
    try:
        return UploadAnswer(answer=decode(JournalAnswer, found.body))
    except UndecodableError:
        return SilentAnswer(why=Silence.UNREADABLE)


class _Accepted(Struct, frozen=True):
    body: bytes
    said_by: str


class _Refused(Struct, frozen=True):
    problem: Problem
    said_by: str


def _trusted(
    request: RequestParts,
    response: ResponseParts | NotSent | NoAnswer,
    find_key: Callable[[str], Ed25519PublicKey | None],
) -> _Accepted | _Refused | SilentAnswer:
    if isinstance(response, NotSent):
        return SilentAnswer(why=Silence.NOT_SENT)
    if isinstance(response, NoAnswer):
        return SilentAnswer(why=Silence.NO_ANSWER)
    verified = verify_response(response, request=request, find_key=find_key)
    if isinstance(verified, SignatureRefusal):
        # A proxy in front of a gateway that restarts says 502 in its own words: nobody there, rather than an impostor.
        broken = response.status >= 500 and verified is SignatureRefusal.MISSING
        return SilentAnswer(why=Silence.NO_ANSWER if broken else Silence.UNSIGNED)
    if 200 <= response.status < 300:
        return _Accepted(response.body, verified.keyid)
    try:
        return _Refused(decode(Problem, response.body), verified.keyid)
    except UndecodableError:
        return SilentAnswer(why=Silence.UNREADABLE)
