"""Addresses and methods of the public contract, read from a path. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct

#: Largest body of each kind of call, in bytes.
SMALL_BODY: Final = 65_536
JOURNAL_BODY: Final = 8 * 1_048_576


class Call(StrEnum):
    ACTIVATE = "activate"
    TAKE = "take"
    ASK = "ask"
    CANCEL = "cancel"
    ACK = "ack"
    REFUND = "refund"
    ASK_REFUND = "ask_refund"
    JOURNAL = "journal"
    KIT = "offline_kit"
    STORE_PAID = "store_paid"
    STORE_ACK = "store_ack"


class Route(Struct, frozen=True, kw_only=True):
    call: Call
    payment_no: str = ""
    refund_no: str = ""
    wait_s: float = 0.0
    after: int | None = None


_PAYMENT: Final = re.compile(r"/v1/payments/([0-9A-Z-]{1,40})(?:/(cancel|ack|refunds))?")
_REFUND: Final = re.compile(r"/v1/refunds/([0-9A-Z]{1,40})")


def largest_body(path: str) -> int:
    return JOURNAL_BODY if path == "/v1/journal" else SMALL_BODY


def read_route(method: str, path: str, query: str) -> Route | None:
    """The call behind an address; None when there is none."""
    match (method, path):
        case ("POST", "/v1/terminals/activate"):
            return Route(call=Call.ACTIVATE)
        case ("POST", "/v1/payments"):
            return Route(call=Call.TAKE)
        case ("POST", "/v1/journal"):
            return Route(call=Call.JOURNAL)
        case ("POST", "/v1/offline/kit"):
            return Route(call=Call.KIT)
        case ("GET", "/v1/store/paid"):
            wait_s, after = _poll(query)
            return Route(call=Call.STORE_PAID, wait_s=wait_s, after=after)
        case ("POST", "/v1/store/paid/ack"):
            return Route(call=Call.STORE_ACK)
        case _:
            return _payment_route(method, path, query)


def _payment_route(method: str, path: str, query: str) -> Route | None:
    refund = _REFUND.fullmatch(path)
    if refund is not None and method == "GET":
        wait_s, after = _poll(query)
        return Route(call=Call.ASK_REFUND, refund_no=refund[1], wait_s=wait_s, after=after)
    found = _PAYMENT.fullmatch(path)
    if found is None:
        return None
    match (method, found[2]):
        case ("POST", "cancel"):
            return Route(call=Call.CANCEL, payment_no=found[1])
        case ("POST", "ack"):
            return Route(call=Call.ACK, payment_no=found[1])
        case ("POST", "refunds"):
            return Route(call=Call.REFUND, payment_no=found[1])
        case ("GET", None):
            wait_s, after = _poll(query)
            return Route(call=Call.ASK, payment_no=found[1], wait_s=wait_s, after=after)
        case _:
            return None


def _poll(query: str) -> tuple[float, int | None]:
    """How long to wait, and for what to come after."""
    values = dict(parse_qsl(query))
    after = int(_number(values.get("after"), limit=2**62)) if "after" in values else None
    return _number(values.get("wait"), limit=600), after


def _number(text: str | None, *, limit: int) -> int:
    """A whole number from the query; anything else counts as 0."""
    if text is None or not re.fullmatch(r"[0-9]{1,19}", text):
        return 0
    return min(int(text), limit)
