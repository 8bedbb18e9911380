"""The identities of SAFETY.md section 1: how they are made, written, checked and taken apart.

15 random bytes become 24 Crockford base-32 characters; one ISO 7064 MOD 37,36 check character follows. Numbers carry no
clock and no counter, so a copied disk cannot issue one twice. Randomness is an argument.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BASE36: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: Random bytes behind an order, sale or refund number.
NUMBER_BYTES: Final = 15
TERMINAL_ID_BYTES: Final = 8
ACTIVATION_CHARACTERS: Final = 12

_READ_BLIND: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V"})
_ORDER: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{24}[0-9A-Z]")
_PAYMENT: Final = re.compile(r"([0-9A-Z]{25})-([1-9][0-9]{0,3})")
_OUT_TRADE: Final = re.compile(r"([0-9A-Z]{25})([0-9A-Z]{2})")


def crockford(raw: bytes) -> str:
    """Crockford base 32, upper case, most significant bits first, zero-padded at the end to whole characters."""
    bits = len(raw) * 8
    characters = -(-bits // 5)
    value = int.from_bytes(raw, "big") << (characters * 5 - bits)
    return "".join(CROCKFORD[(value >> (5 * i)) & 31] for i in reversed(range(characters)))


def check_character(text: str) -> str:
    """ISO 7064 MOD 37,36 check character of a text over `[0-9A-Z]`."""
    product = 36
    for character in text:
        total = (product + BASE36.index(character)) % 36 or 36
        product = (total * 2) % 37
    return BASE36[(37 - product) % 36]


def new_number(raw: bytes) -> str:
    """A fresh `order_no`, `sale_id` or `refund_no` (25 characters) from 15 bytes of randomness."""
    assert len(raw) == NUMBER_BYTES, "a number is made from 15 random bytes"
    body = crockford(raw)
    return body + check_character(body)


def is_number(text: str) -> bool:
    """Whether the text is a well-formed 25-character number with a right check character."""
    return _ORDER.fullmatch(text) is not None and check_character(text[:24]) == text[24]


def read_number(text: str) -> str | None:
    """Reads a number as a person types or a gun scans it (any case, blanks or dashes between groups); None if wrong."""
    plain = re.sub(r"[\s-]", "", text).upper()
    if len(plain) != 25:
        return None
    body = plain[:24].translate(_READ_BLIND)
    return body + plain[24] if is_number(body + plain[24]) else None


def grouped(number: str) -> str:
    """`ABCDE FGHJK …`: a number as five groups of five, for the eye."""
    return " ".join(number[i : i + 5] for i in range(0, len(number), 5))


class PaymentNo(Struct, frozen=True):
    """`{order_no}-{n}`: one try to collect one order; n counts from 1."""

    order_no: str
    n: int

    def __str__(self) -> str:
        return f"{self.order_no}-{self.n}"


def read_payment_no(text: str) -> PaymentNo | None:
    """Takes `{order_no}-{n}` apart; None when malformed or its check character is wrong."""
    match = _PAYMENT.fullmatch(text)
    if match is None or not is_number(match[1]):
        return None
    return PaymentNo(match[1], int(match[2]))


def new_out_trade_no(order_no: str, ordinal: int) -> str:
    """`order_no` + two base-36 characters: the `ordinal`-th channel order of this order (0 … 1295)."""
    assert is_number(order_no), "out_trade_no is made from a valid order_no"
    assert 0 <= ordinal < 36 * 36, "an order has at most 1296 channel orders"
    return f"{order_no}{BASE36[ordinal // 36]}{BASE36[ordinal % 36]}"


def ordinal_of(out_trade_no: str) -> int:
    """Which of its order's channel orders this one is."""
    high, low = out_trade_no[-2:]
    return BASE36.index(high) * 36 + BASE36.index(low)


def order_of_out_trade_no(out_trade_no: str) -> str | None:
    """The order_no inside an out_trade_no of ours; None if it is not one."""
    match = _OUT_TRADE.fullmatch(out_trade_no)
    return match[1] if match is not None and is_number(match[1]) else None


def new_terminal_id(raw: bytes) -> str:
    """13 Crockford characters from 8 random bytes."""
    assert len(raw) == TERMINAL_ID_BYTES, "a terminal id is made from 8 random bytes"
    return crockford(raw)


def new_activation_code(raw: bytes) -> str:
    """12 Crockford characters (60 bits) from 8 random bytes, of which the last 4 bits are not used."""
    assert len(raw) == 8, "an activation code is made from 8 random bytes"
    return crockford(raw)[:ACTIVATION_CHARACTERS]


def read_activation_code(text: str) -> str | None:
    """Reads a typed activation code (any case, blanks, dashes, O/I/L read as digits); None if it cannot be one."""
    plain = re.sub(r"[\s-]", "", text).upper().translate(_READ_BLIND)
    if len(plain) != ACTIVATION_CHARACTERS or any(c not in CROCKFORD for c in plain):
        return None
    return plain
