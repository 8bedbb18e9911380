"""Answers and problems as bytes, signed and bound to their request."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from gateway.ports import Clock, Entropy
from protocol.messages import Problem, encode
from protocol.reasons import Reason
from protocol.signature import RequestParts, ResponseParts, sign_response

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"

#: Status and title of each problem. The sentence a cashier reads is chosen by the till from the reason.
PROBLEMS: Final[dict[Reason, tuple[int, str]]] = {
    Reason.BAD_REQUEST: (400, "The request is not one this gateway understands"),
    Reason.BAD_SIGNATURE: (401, "The request's signature does not hold"),
    Reason.CLOCK: (401, "The request was made at another time than this gateway's"),
    Reason.REPLAYED: (409, "This very request was seen before"),
    Reason.UNKNOWN_TERMINAL: (401, "No terminal has this key"),
    Reason.TERMINAL_REVOKED: (403, "This terminal was switched off; it begins nothing new"),
    Reason.TERMINAL_FROZEN: (403, "Two tills sign as this terminal; it begins nothing new until it is activated again"),
    Reason.UNKNOWN_PAYMENT: (404, "This terminal has no such payment here"),
    Reason.UNKNOWN_PATH: (404, "There is nothing at this address"),
    Reason.CONTENT_DIFFERS: (409, "The number is known with other content; nothing was applied"),
    Reason.ORDER_OPEN: (409, "An earlier payment of this order is not settled"),
    Reason.ORDER_PAID: (409, "This order is paid"),
    Reason.ORDER_CANCELLED: (409, "This order was cancelled; collect again under a new order"),
    Reason.PAYMENT_NOT_PAID: (409, "This payment is not paid; there is nothing to refund"),
    Reason.REFUND_EXCEEDS: (409, "More would be refunded than was paid"),
    Reason.GATEWAY_RESTORED: (409, "This gateway was restored from a backup; what became of this number is looked for"),
    Reason.UNKNOWN_REFUND: (404, "This terminal has no such refund here"),
    Reason.JOURNAL_GAP: (409, "Entries are missing before these"),
    Reason.JOURNAL_FORK: (409, "These entries do not follow from those that are here"),
    Reason.ACTIVATION_UNKNOWN: (403, "No such activation code"),
    Reason.ACTIVATION_EXPIRED: (403, "The activation code is too old"),
    Reason.ACTIVATION_USED: (403, "The activation code was used"),
    Reason.TOO_MANY_TRIES: (429, "Too many tries; wait a minute"),
    Reason.RATE_LIMITED: (429, "Too many requests; nothing was done, try again later"),
    Reason.TOO_LARGE: (413, "The request is too large"),
    Reason.INTERNAL: (500, "The gateway failed; nothing is known of the effect"),
}


class Refusal(Exception):
    """Ends a request with a problem. Raised inside a unit of work, it also rolls the unit back."""

    def __init__(
        self,
        reason: Reason,
        detail: str | None = None,
        *,
        retry_after_ms: int | None = None,
        refundable_fen: int | None = None,
    ) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.detail = detail
        self.retry_after_ms = retry_after_ms
        self.refundable_fen = refundable_fen


class Answer(Struct, frozen=True):
    """A message to be signed; `root`: by the root key, which an activation QR names."""

    message: Struct
    root: bool = False


class Signer(Struct, frozen=True, kw_only=True):
    """Signs answers. Every answer is bound to its request, whatever it says."""

    key: Ed25519PrivateKey
    keyid: str
    clock: Clock
    entropy: Entropy

    def sign(
        self,
        message: Struct,
        request: RequestParts,
        *,
        status: int,
        content_type: str,
        retry_after_ms: int | None = None,
    ) -> ResponseParts:
        body = encode(message)
        told = {"content-type": content_type, "cache-control": "no-store"}
        if retry_after_ms is not None:
            told["retry-after"] = str(-(-retry_after_ms // 1000))
        plain = ResponseParts(status=status, headers=told, body=body)
        headers = sign_response(
            plain,
            request=request,
            key=self.key,
            keyid=self.keyid,
            created_s=self.clock.now_ms() // 1000,
            nonce=self.entropy.bytes(16),
        )
        return ResponseParts(status=status, headers=headers, body=body)

    def problem(self, refusal: Refusal, request: RequestParts) -> ResponseParts:
        status, title = PROBLEMS[refusal.reason]
        problem = Problem(
            type=f"urn:guitai:problem:{refusal.reason.value}",
            title=title,
            status=status,
            reason=refusal.reason,
            server_time_ms=self.clock.now_ms(),
            detail=refusal.detail,
            retry_after_ms=refusal.retry_after_ms,
            refundable_fen=refusal.refundable_fen,
        )
        return self.sign(
            problem, request, status=status, content_type=PROBLEM_JSON, retry_after_ms=refusal.retry_after_ms
        )
