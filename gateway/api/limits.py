"""What every endpoint takes at most: bytes, nesting, calls. One table for all that this gateway answers. Pure.

Rules
- An endpoint without a row cannot be served: `open_limit` raises where the web server is put together.
- Calls are counted by who makes them: a terminal once its signature holds, otherwise the address it comes from.
- The numbers hold off a flood, not a busy shop: a till makes a few calls a payment, and a shop's guests share one
  address. All of them are settings.
It must not know HTTP or the store.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv6Address, ip_address
from typing import Final

from msgspec import Struct

from gateway.api.routes import JOURNAL_BODY, SMALL_BODY, Call
from gateway.callbacks.letter import MOST_BYTES as NOTIFICATION_BODY
from gateway.cashier_page.asking import MOST_BODY as PRESS_BODY

#: Of a request's line and headers, in bytes; a till's are under one kilobyte, a browser's with cookies a few.
MOST_PATH: Final = 1_024
MOST_QUERY: Final = 4_096
MOST_HEADERS: Final = 64
MOST_HEADER_BYTES: Final = 16_384
#: A body that takes longer than this to arrive is not read to its end.
BODY_S: Final = 20.0


class Caller(StrEnum):
    """Whom calls are counted by, and under which pace."""

    TERMINAL = "terminal"
    STRANGER = "stranger"  # an address that asks for what needs a terminal and is none that is known
    GUEST = "guest"  # an address at the cashier page
    WALLET = "wallet"  # an address that notifies
    OPERATIONS = "operations"


class Pace(Struct, frozen=True, kw_only=True):
    """So many at once, and so many a second for ever."""

    at_once: int
    per_second: int


def pace_of(per_second: int) -> Pace:
    """The pace of which somebody gave the lasting part."""
    return Pace(at_once=5 * per_second, per_second=per_second)


class Limits(Struct, frozen=True, kw_only=True):
    """The paces, one for each kind of caller."""

    terminal: Pace = Pace(at_once=2_000, per_second=400)
    stranger: Pace = Pace(at_once=1_000, per_second=200)
    guest: Pace = Pace(at_once=1_000, per_second=200)
    wallet: Pace = Pace(at_once=5_000, per_second=1_000)
    operations: Pace = Pace(at_once=100, per_second=20)

    def pace(self, caller: Caller) -> Pace:
        return {
            Caller.TERMINAL: self.terminal,
            Caller.STRANGER: self.stranger,
            Caller.GUEST: self.guest,
            Caller.WALLET: self.wallet,
            Caller.OPERATIONS: self.operations,
        }[caller]


class EndpointLimit(Struct, frozen=True, kw_only=True):
    """`body`: bytes. `depth`: how deep JSON may nest; 0 where no JSON is read."""

    body: int
    depth: int
    by: Caller


class NoLimit(LookupError):
    """An endpoint that nobody gave limits."""


_SIGNED: Final = EndpointLimit(body=SMALL_BODY, depth=2, by=Caller.TERMINAL)
_ASKED: Final = EndpointLimit(body=0, depth=0, by=Caller.TERMINAL)

#: The signed calls. Their depth is that of their message types, which name every field.
CALLS: Final[dict[Call, EndpointLimit]] = {
    Call.ACTIVATE: EndpointLimit(body=SMALL_BODY, depth=2, by=Caller.STRANGER),
    Call.TAKE: _SIGNED,
    Call.CANCEL: _SIGNED,
    Call.ACK: _SIGNED,
    Call.REFUND: _SIGNED,
    Call.STORE_ACK: _SIGNED,
    Call.KIT: _SIGNED,
    Call.JOURNAL: EndpointLimit(body=JOURNAL_BODY, depth=4, by=Caller.TERMINAL),
    Call.ASK: _ASKED,
    Call.ASK_REFUND: _ASKED,
    Call.STORE_PAID: _ASKED,
}
_GUEST: Final = EndpointLimit(body=PRESS_BODY, depth=2, by=Caller.GUEST)
_OPERATIONS: Final = EndpointLimit(body=0, depth=0, by=Caller.OPERATIONS)

#: What is not signed by a terminal, by the first word of its path.
OPEN: Final[dict[str, EndpointLimit]] = {
    "q": _GUEST,
    "o": _GUEST,
    "O": _GUEST,  # a QR in capitals is smaller; it leads to the one above
    "notify": EndpointLimit(body=NOTIFICATION_BODY, depth=32, by=Caller.WALLET),
    "healthz": _OPERATIONS,
    "readyz": _OPERATIONS,
    "metrics": _OPERATIONS,
    "openapi.json": _OPERATIONS,
}


def open_limit(path: str) -> EndpointLimit:
    """Of a route that no terminal signs, such as `/q/{token}`. Raises NoLimit."""
    first = path.removeprefix("/").partition("/")[0]
    limit = OPEN.get(first)
    if limit is None:
        raise NoLimit(f"{path} has no limits: give it a row in gateway/api/limits.py")
    return limit


def place_of(address: str) -> str:
    """What counts as one address: whoever has one of IPv6 has the 64 bits behind it."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(found, IPv6Address):
        return address
    mapped = found.ipv4_mapped
    return str(mapped) if mapped is not None else found.packed[:8].hex()
