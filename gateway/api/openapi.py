"""The OpenAPI document, made from the very messages that are decoded. Every call with each problem it can answer."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from gateway.api.answers import JSON, PROBLEM_JSON, PROBLEMS
from protocol.messages import (
    AckRequest,
    ActivationAnswer,
    ActivationRequest,
    CancelRequest,
    JournalAnswer,
    JournalUpload,
    OfflineKit,
    OfflineKitRequest,
    PaymentRequest,
    PaymentStatus,
    Problem,
    RefundRequest,
    RefundStatus,
    StoreAckRequest,
    StorePaidAnswer,
    schema_of,
)
from protocol.reasons import Reason

#: Of this contract, not of the program: it changes only by adding.
API_VERSION: Final = "1.0"

_ALWAYS: Final = (
    Reason.BAD_REQUEST,
    Reason.BAD_SIGNATURE,
    Reason.CLOCK,
    Reason.UNKNOWN_TERMINAL,
    Reason.TOO_LARGE,
    Reason.RATE_LIMITED,
    Reason.INTERNAL,
)
_EFFECT: Final = (*_ALWAYS, Reason.REPLAYED, Reason.CONTENT_DIFFERS)
#: Of a call that begins something.
_BEGINS: Final = (Reason.TERMINAL_REVOKED, Reason.TERMINAL_FROZEN)
_ORDER: Final = (Reason.ORDER_OPEN, Reason.ORDER_PAID, Reason.ORDER_CANCELLED)
_REFUND: Final = (Reason.UNKNOWN_PAYMENT, Reason.PAYMENT_NOT_PAID, Reason.REFUND_EXCEEDS)
_ACTIVATION: Final = (
    Reason.ACTIVATION_UNKNOWN,
    Reason.ACTIVATION_EXPIRED,
    Reason.ACTIVATION_USED,
    Reason.TOO_MANY_TRIES,
)
_NUMBER: Final = {
    "name": "payment_no",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9A-Z]{25}-[1-9][0-9]{0,3}$"},
}
_REFUND_NUMBER: Final = {
    "name": "refund_no",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9A-Z]{25}$"},
}
#: Refused by the gate before anybody could sign an answer.
_TOO_LONG: Final[dict[str, Any]] = {
    status: {
        "description": f"{what} longer than any of ours",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    for status, what in (("414", "The address is"), ("431", "The headers are"))
}
_WAIT: Final = [
    {
        "name": "wait",
        "in": "query",
        "description": "Seconds to wait for a change, at most 30.",
        "schema": {"type": "integer", "minimum": 0},
    },
    {
        "name": "after",
        "in": "query",
        "description": "Answer as soon as state_seq is greater; without it: as soon as the state is final.",
        "schema": {"type": "integer", "minimum": 0},
    },
]

_AFTER_SEQUENCE: Final = {
    "name": "after",
    "in": "query",
    "description": "Answer what came after this sequence number; without it: from the first that no till acknowledged.",
    "schema": {"type": "integer", "minimum": 0},
}


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    kinds: tuple[type[Struct], ...] = (
        ActivationRequest,
        ActivationAnswer,
        PaymentRequest,
        PaymentStatus,
        CancelRequest,
        AckRequest,
        RefundRequest,
        RefundStatus,
        JournalUpload,
        JournalAnswer,
        StorePaidAnswer,
        StoreAckRequest,
        OfflineKitRequest,
        OfflineKit,
        Problem,
    )
    references, components = schema_of(*kinds)
    by_kind: dict[type[Struct], dict[str, Any]] = dict(zip(kinds, references, strict=True))

    def call(
        summary: str,
        *,
        answer: type[Struct],
        reasons: tuple[Reason, ...],
        body: type[Struct] | None = None,
        parameters: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        if parameters:  # an address whose number cannot be one is no address of ours
            reasons = (*reasons, Reason.UNKNOWN_PATH)
        found: dict[str, Any] = {
            "summary": summary,
            "security": [{"signature": []}],
            "responses": {
                "200": {"description": "Signed answer", "content": {JSON: {"schema": by_kind[answer]}}},
                **_problems(reasons, by_kind[Problem]),
                **_TOO_LONG,
            },
        }
        if parameters:
            found["parameters"] = parameters
        if body is not None:
            found["requestBody"] = {"required": True, "content": {JSON: {"schema": by_kind[body]}}}
        return found

    number: list[dict[str, Any]] = [dict(_NUMBER)]
    paths: dict[str, Any] = {
        "/v1/terminals/activate": {
            "post": call(
                "Bind a device key to a store with an activation code",
                body=ActivationRequest,
                answer=ActivationAnswer,
                reasons=(*_ALWAYS, Reason.REPLAYED, Reason.TERMINAL_REVOKED, *_ACTIVATION),
            )
        },
        "/v1/payments": {
            "post": call(
                "Collect an amount: a scanned code, or a QR to show",
                body=PaymentRequest,
                answer=PaymentStatus,
                reasons=(*_EFFECT, *_BEGINS, *_ORDER),
            )
        },
        "/v1/payments/{payment_no}": {
            "get": call(
                "What is known of a payment; long poll",
                answer=PaymentStatus,
                reasons=(*_ALWAYS, Reason.UNKNOWN_PAYMENT),
                parameters=[*number, *_WAIT],
            )
        },
        "/v1/payments/{payment_no}/cancel": {
            "post": call(
                "Durable cancel intent; for an unknown number a tombstone",
                body=CancelRequest,
                answer=PaymentStatus,
                reasons=_EFFECT,
                parameters=number,
            )
        },
        "/v1/payments/{payment_no}/ack": {
            "post": call(
                "The till journaled this final outcome",
                body=AckRequest,
                answer=PaymentStatus,
                reasons=(*_EFFECT, Reason.UNKNOWN_PAYMENT),
                parameters=number,
            )
        },
        "/v1/payments/{payment_no}/refunds": {
            "post": call(
                "Give back all or a part of what was paid; reserved before the wallet is called",
                body=RefundRequest,
                answer=RefundStatus,
                reasons=(*_EFFECT, *_BEGINS, *_REFUND),
                parameters=number,
            )
        },
        "/v1/refunds/{refund_no}": {
            "get": call(
                "What is known of a refund; long poll",
                answer=RefundStatus,
                reasons=(*_ALWAYS, Reason.UNKNOWN_REFUND),
                parameters=[dict(_REFUND_NUMBER), *_WAIT],
            )
        },
        "/v1/store/paid": {
            "get": call(
                "What the store's static QR took; long poll",
                answer=StorePaidAnswer,
                reasons=_ALWAYS,
                parameters=[dict(_WAIT[0]), dict(_AFTER_SEQUENCE)],
            )
        },
        "/v1/store/paid/ack": {
            "post": call(
                "This till rang for everything up to there, and journaled it",
                body=StoreAckRequest,
                answer=StorePaidAnswer,
                reasons=_EFFECT,
            )
        },
        "/v1/offline/kit": {
            "post": call(
                "Register this till's order key, and get what it needs to sell while its line is down",
                body=OfflineKitRequest,
                answer=OfflineKit,
                reasons=(*_EFFECT, *_BEGINS, Reason.UNKNOWN_PATH),
            )
        },
        "/v1/journal": {
            "post": call(
                "The terminal's entries, idempotent by sequence",
                body=JournalUpload,
                answer=JournalAnswer,
                reasons=(*_ALWAYS, Reason.REPLAYED, Reason.JOURNAL_GAP, Reason.JOURNAL_FORK),
            )
        },
        **_operations(),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Guitai gateway", "version": API_VERSION},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Signature",
                    "description": "RFC 9421 with Ed25519 in one fixed profile; answers are signed and bound likewise.",
                }
            },
        },
    }


def _problems(reasons: tuple[Reason, ...], schema: dict[str, Any]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for reason in reasons:
        by_status.setdefault(PROBLEMS[reason][0], []).append(reason.value)
    return {
        str(status): {
            "description": "Signed problem: " + ", ".join(names),
            "content": {PROBLEM_JSON: {"schema": schema}},
        }
        for status, names in sorted(by_status.items())
    }


def _operations() -> dict[str, Any]:
    plain = {"text/plain": {"schema": {"type": "string"}}}
    summaries = {"/healthz": "Alive", "/readyz": "Ready to serve", "/metrics": "Prometheus metrics"}
    found: dict[str, Any] = {
        path: {"get": {"summary": summary, "responses": {"200": {"description": summary, "content": plain}}}}
        for path, summary in summaries.items()
    }
    found["/readyz"]["get"]["responses"]["503"] = {"description": "The store does not answer", "content": plain}
    found["/openapi.json"] = {"get": {"summary": "This document", "responses": {"200": {"description": "OpenAPI"}}}}
    return found
