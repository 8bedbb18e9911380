"""Money: integer fen and a currency. No float comes near it.

`parse_amount` reads what a cashier types (`12.5`, `１２.５`, `¥12.50`) and names what is wrong otherwise. It must not
know a language: refusals are an enum, sentences live in the app.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import Final

from msgspec import Struct

CNY: Final = "CNY"
#: The largest amount one payment may have unless a shop sets less: ¥99,999.99, in fen.
MAX_AMOUNT_FEN: Final = 9_999_999

_AMOUNT = re.compile(r"(?P<yuan>[0-9]{0,30})(?:\.(?P<part>[0-9]*))?")


class Money(Struct, frozen=True):
    """An amount in `fen` (1/100 yuan) of one currency; may be zero or negative as a sum, never a fraction."""

    fen: int
    currency: str = CNY

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.fen + other.fen, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.fen - other.fen, self.currency)

    def _same(self, other: Money) -> None:
        assert self.currency == other.currency, "amounts of two currencies are never added"

    def yuan(self) -> str:
        """`12.50`: the decimal text with two places that Alipay's wire and our screens use."""
        sign = "-" if self.fen < 0 else ""
        return f"{sign}{abs(self.fen) // 100}.{abs(self.fen) % 100:02d}"

    def __str__(self) -> str:
        return f"¥{self.yuan()}" if self.currency == CNY else f"{self.currency} {self.yuan()}"


class AmountRefusal(StrEnum):
    """Why a typed amount was not taken."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    ZERO = "zero"
    NEGATIVE = "negative"
    TOO_MANY_DECIMALS = "too_many_decimals"
    TOO_LARGE = "too_large"


def parse_amount(text: str, *, max_fen: int = MAX_AMOUNT_FEN) -> Money | AmountRefusal:
    """Reads a typed amount in yuan into `Money`.

    Full-width digits and points are normalised (NFKC), one leading ¥ and outer blanks are dropped. At most two
    decimals; no exponent, no thousands separators (`1,000` may mean two things).
    """
    plain = unicodedata.normalize("NFKC", text).replace("。", ".").strip().removeprefix("¥").strip()
    if plain == "":
        return AmountRefusal.EMPTY
    negative = plain.startswith("-")
    match = _AMOUNT.fullmatch(plain.removeprefix("-"))
    if match is None or (match["yuan"] == "" and not match["part"]):
        return AmountRefusal.NOT_A_NUMBER
    if negative:
        return AmountRefusal.NEGATIVE
    part = match["part"] or ""
    if len(part) > 2:
        return AmountRefusal.TOO_MANY_DECIMALS
    fen = int(match["yuan"] or "0") * 100 + int(part.ljust(2, "0"))
    if fen == 0:
        return AmountRefusal.ZERO
    if fen > max_fen:
        return AmountRefusal.TOO_LARGE
    return Money(fen)


def yuan_to_fen(text: str) -> int | None:
    """Reads a wire amount (`"0.01"`, `"12.5"`, `"12"`) into fen; None when it is not such a text. Never rounds."""
    match = re.fullmatch(r"([0-9]{1,12})(?:\.([0-9]{1,2}))?", text)
    if match is None:
        return None
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
