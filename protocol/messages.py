"""The JSON messages between terminal and gateway: one definition for codec, validation and JSON Schema.

Names and meanings: CONTRACT.md "Gateway HTTP". Times are Unix milliseconds of the gateway's clock (`…_ms`), amounts are
fen. Every message about a payment repeats terminal, order, n, amount, state and state_seq, so that the till can compare
each with its journal (SAFETY.md section 4). Unknown fields of a request are refused, of an answer ignored.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import GatewayState, ProofKind, RefundState

#: A request that arrives later than this after it was made gets a tombstone, never a charge (SAFETY.md section 1).
PAY_REQUEST_LIFE_MS: Final = 15_000

AmountFen = Annotated[int, Meta(ge=1, le=99_999_999_99)]
Currency = Literal["CNY"]
PaymentNoText = Annotated[str, Meta(pattern=r"^[0-9A-Z]{25}-[1-9][0-9]{0,3}$")]
NumberText = Annotated[str, Meta(pattern=r"^[0-9A-Z]{25}$")]
ShortText = Annotated[str, Meta(max_length=128)]
TimeMs = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
Sequence64 = Annotated[int, Meta(ge=0, le=2**62)]
Hash256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class Presented(StrEnum):
    """Who shows the code: the customer (被扫) or the merchant (主扫)."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"


class PaymentRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`POST /v1/payments`. `auth_code` is present exactly when `presented` is customer. `expires` is Unix ms. `told`:
    see JournalUpload; it is no part of what is compared."""

    payment_no: PaymentNoText
    sale_id: NumberText
    amount_fen: AmountFen
    currency: Currency
    presented: Presented
    subject: ShortText
    operator: ShortText
    expires: TimeMs
    auth_code: Secret | None = None
    told: Sequence64 = 0


class CancelRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/payments/{payment_no}/cancel`. Carries the amount, so that an unknown number can become a tombstone,
    and how far the till was told that its journal is held (`told`): a restored backup makes none."""

    amount_fen: AmountFen
    operator: ShortText
    told: Sequence64 = 0


class AckRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/payments/{payment_no}/ack`: the till journaled this final outcome (or this late money)."""

    state: GatewayState
    state_seq: Sequence64


class Proof(Struct, frozen=True, kw_only=True):
    """Why NOT_PAID is sure: the row of table P, who said so, and when."""

    kind: ProofKind
    said_by: ShortText
    at_ms: TimeMs


class Light(StrEnum):
    """Green: table P holds, scan again. Amber: cancelled here, refunded by itself should it turn out paid."""

    GREEN = "green"
    AMBER = "amber"


class LateMoneyState(StrEnum):
    """A verified PAID on a payment that was given up (SAFETY.md section 2)."""

    FOUND = "found"
    UNDONE = "undone"
    ACCEPTED = "accepted"  # kept for the sale, by a person, with a reason


class LateMoney(Struct, frozen=True, kw_only=True):
    state: LateMoneyState
    amount_fen: AmountFen
    found_at_ms: TimeMs


class PaymentStatus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The gateway's statement about one payment; `state_seq` rises with everything that changes in it.

    `given_back_ms`: a PAID payment that its till had cancelled was given back whole, by the gateway itself.
    """

    terminal_id: str
    order_no: NumberText
    n: Annotated[int, Meta(ge=1, le=9999)]
    payment_no: PaymentNoText
    amount_fen: AmountFen
    currency: Currency
    presented: Presented
    state: GatewayState
    state_seq: Sequence64
    server_time_ms: TimeMs
    channel: str | None = None
    qr: str | None = None
    qr_expires_ms: TimeMs | None = None
    payer_prompted: bool = False
    cancel_requested: bool = False
    reason: Reason | None = None
    proof: Proof | None = None
    light: Light | None = None
    transaction_tail: Annotated[str, Meta(max_length=8)] | None = None
    paid_at_ms: TimeMs | None = None
    late_money: LateMoney | None = None
    given_back_ms: TimeMs | None = None


class RefundRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`POST /v1/payments/{payment_no}/refunds`. The same number with the same content is the first answer again.
    `told`: see JournalUpload; it is no part of what is compared."""

    refund_no: NumberText
    amount_fen: AmountFen
    currency: Currency
    note: ShortText
    operator: ShortText
    told: Sequence64 = 0


class RefundStatus(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The gateway's statement about one refund; `state_seq` rises with everything that changes in it.

    `refundable_fen`: what may still be asked back of this payment, this refund taken off.
    """

    terminal_id: str
    refund_no: NumberText
    payment_no: PaymentNoText
    amount_fen: AmountFen
    currency: Currency
    state: RefundState
    state_seq: Sequence64
    server_time_ms: TimeMs
    refundable_fen: Annotated[int, Meta(ge=0)]
    channel: str | None = None
    reason: Reason | None = None
    settled_at_ms: TimeMs | None = None


class StorePaid(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One payment that the store's static QR took: tills ring for it and acknowledge it."""

    seq: Sequence64
    payment_no: PaymentNoText
    amount_fen: AmountFen
    paid_at_ms: TimeMs
    channel: str | None = None
    transaction_tail: Annotated[str, Meta(max_length=8)] | None = None


class StorePaidAnswer(Struct, frozen=True, kw_only=True):
    """`GET /v1/store/paid?after=N&wait=S`: what came after N, oldest first; `last` is where to go on."""

    paid: tuple[StorePaid, ...]
    last: Sequence64
    server_time_ms: TimeMs


class StoreAckRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/store/paid/ack`: this till rang for everything up to here, and journaled it."""

    through: Sequence64


class ActivationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`POST /v1/terminals/activate`, signed with the new device key (proof of possession). `terminal_id`: who the
    device is already, by a journal that is that terminal's for ever."""

    code: Annotated[str, Meta(max_length=64)]
    public_key: Annotated[str, Meta(max_length=64)]
    device_name: ShortText
    terminal_id: Annotated[str, Meta(pattern=r"^[0-9A-HJKMNP-TV-Z]{13}$")] | None = None


class PublicKeyEntry(Struct, frozen=True, kw_only=True):
    """One Ed25519 public key of the gateway, raw 32 bytes in base64url without padding."""

    kid: str
    use: Literal["http", "root"]
    public_key: str


class ProofKey(Struct, frozen=True, kw_only=True):
    """A key that signs proofs (protocol/offline/proof.py), raw 32 bytes in base64url; an order names it by `kid`."""

    kid: Annotated[int, Meta(ge=0, le=255)]
    public_key: Annotated[str, Meta(max_length=64)]


class CodeVerifier(Struct, frozen=True, kw_only=True):
    """What a till holds of a typed code (protocol/offline/typed_code.py)."""

    index: Annotated[int, Meta(ge=1, le=65_535)]
    verifier: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]


class OfflineKit(Struct, frozen=True, kw_only=True):
    """What a till needs to sell while its line is down; it replaces the kit before, but for verifiers still held.

    `base_url` precedes `/o/…` in its QRs. `proof_keys`: the current key first, then the next, then older ones that
    still count. `codes`: verifiers from the index asked for on. The limits are what the gateway will take or free.
    """

    epoch: Annotated[int, Meta(ge=1, le=65_535)]
    base_url: Annotated[str, Meta(max_length=200)]
    proof_keys: tuple[ProofKey, ...]
    codes: tuple[CodeVerifier, ...]
    order_limit_fen: AmountFen
    typed_order_limit_fen: AmountFen
    typed_shift_limit_fen: AmountFen
    server_time_ms: TimeMs


class OfflineKitRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/offline/kit`: `first` is the lowest index that the till neither holds nor ever used; `wanted` verifiers
    from there on. `offline_key`: the public key that will sign this till's ORDERs (raw 32 bytes in base64url)."""

    first: Annotated[int, Meta(ge=1, le=65_535)]
    wanted: Annotated[int, Meta(ge=0, le=64)]
    offline_key: Annotated[str, Meta(max_length=64)]


class ActivationAnswer(Struct, frozen=True, kw_only=True):
    """What a terminal is from now on. Same code + same public key = this answer again."""

    terminal_id: str
    terminal_name: str
    epoch: int
    store_id: str
    store_name: str
    merchant_id: str
    merchant_name: str
    keys: tuple[PublicKeyEntry, ...]
    server_time_ms: TimeMs


class JournalEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of a terminal's chain. `body` is JSON text, hashed and stored as written (protocol/chain.py).

    `withheld`: the gateway refused this entry's content for that reason, so the till keeps it; `kind` and `body` are
    empty then, and `hash` is still the hash of the whole entry: the chain goes on over it.
    """

    seq: Annotated[int, Meta(ge=1, le=2**62)]
    kind: Annotated[str, Meta(max_length=64)]
    at_ms: TimeMs
    body: Annotated[str, Meta(max_length=16_384)]
    hash: Hash256
    withheld: Reason | None = None


class JournalUpload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/journal`: consecutive entries; those known already with the same hash are accepted again. `told`: how
    far the till was told that the chain is held here."""

    entries: Annotated[tuple[JournalEntry, ...], Meta(max_length=500)]
    told: Sequence64 = 0


class JournalAnswer(Struct, frozen=True, kw_only=True):
    """How far the gateway holds this terminal's chain."""

    accepted_through: Sequence64
    head: Hash256
    server_time_ms: TimeMs


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem (`application/problem+json`) with our `reason`. A `clock` problem carries the gateway's time.

    `retry_after_ms`: nothing was done; come again no sooner. It repeats the header, which is not signed.
    `refundable_fen`: of a refund that was too large, what may still be asked back.
    """

    type: str
    title: str
    status: int
    reason: Reason
    server_time_ms: TimeMs
    detail: str | None = None
    retry_after_ms: Annotated[int, Meta(ge=0)] | None = None
    refundable_fen: Annotated[int, Meta(ge=0)] | None = None


class UndecodableError(Exception):
    """Bytes that are not the expected message. The text names the field, never the content."""


Message = TypeVar("Message")


def _encode_hook(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"{type(value).__name__} is not part of a message")


def _decode_hook(kind: type[Any], value: object) -> object:
    if kind is Secret and isinstance(value, str) and 1 <= len(value) <= 64:
        return Secret(value)
    raise ValueError("not a code")


def encode(message: Struct) -> bytes:
    """The message as JSON bytes. This is the only place where a payment code leaves its wrapper for the wire."""
    return msgspec.json.encode(message, enc_hook=_encode_hook)


def decode(kind: type[Message], body: bytes) -> Message:
    """Reads one message strictly; `UndecodableError` names what is wrong without repeating the content."""
    try:
        return msgspec.json.decode(body, type=kind, dec_hook=_decode_hook)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        where = str(error).rpartition(" - at ")[2] if " - at " in str(error) else "the body"
        raise UndecodableError(f"not a {kind.__name__}: see {where}") from None


def schema_of(*kinds: type[Struct]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """JSON Schema of messages for the OpenAPI document: (one reference each, named components)."""

    def hook(kind: type[Any]) -> dict[str, Any]:
        if kind is Secret:
            return {"type": "string", "minLength": 1, "maxLength": 64, "writeOnly": True}
        raise NotImplementedError

    schemas, components = msgspec.json.schema_components(
        kinds, ref_template="#/components/schemas/{name}", schema_hook=hook
    )
    return list(schemas), components
