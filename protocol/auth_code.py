"""Payment-code grammar: is this scan a payment code, and of which wallet? Anything else is named.

Ranges: facts/wallet-protocols.md section 1. WeChat Pay, Alipay and UnionPay are served; e-CNY, BestPay and Suning are
known by their beginning and refused by name, unless a configured range makes them payment codes. A payment code is
digits only, 16 to 24 of them; full-width digits are normalised, letters are refused.
It exists in memory only, inside `Secret`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from protocol.numbers import is_number, order_of_out_trade_no, read_activation_code, read_payment_no
from protocol.offline.text import is_proof_text
from protocol.secret import Secret


class Wallet(StrEnum):
    """Who issued a payment code."""

    WECHAT = "wechat"
    ALIPAY = "alipay"
    UNIONPAY = "unionpay"
    ECNY = "ecny"


class CodeRange(Struct, frozen=True, kw_only=True):
    """One wallet's codes: lengths in digits and the first two digits, both inclusive."""

    wallet: str
    min_length: int
    max_length: int
    first: int
    last: int

    def holds(self, digits: str) -> bool:
        return self.min_length <= len(digits) <= self.max_length and self.first <= int(digits[:2]) <= self.last


CONFIRMED_RANGES: Final[tuple[CodeRange, ...]] = (
    CodeRange(wallet=Wallet.WECHAT, min_length=18, max_length=18, first=10, last=15),
    CodeRange(wallet=Wallet.ALIPAY, min_length=16, max_length=24, first=25, last=30),
    CodeRange(wallet=Wallet.UNIONPAY, min_length=19, max_length=19, first=62, last=62),
)


class ScanRefusal(StrEnum):
    """What a scan is, when it is not a payment code."""

    EMPTY = "empty"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    GOODS_BARCODE = "goods_barcode"
    URL = "url"
    RECEIPT = "receipt"
    ACTIVATION = "activation"
    PROOF = "proof"
    LETTERS = "letters"
    UNKNOWN_WALLET = "unknown_wallet"
    # wallets that are known, but that no channel serves
    ECNY = "ecny"
    BESTPAY = "bestpay"
    SUNING = "suning"


class PaymentCode(Struct, frozen=True, kw_only=True):
    """A scan that is a payment code. `hint` (first 2, last 4 digits) is all that may be shown or written."""

    wallet: str
    auth_code: Secret
    hint: str


#: Payment codes of wallets that no channel of ours serves, with the name they are refused by.
UNSERVED_RANGES: Final[tuple[tuple[CodeRange, ScanRefusal], ...]] = (
    (CodeRange(wallet=Wallet.ECNY, min_length=19, max_length=19, first=1, last=1), ScanRefusal.ECNY),
    (CodeRange(wallet="bestpay", min_length=16, max_length=24, first=51, last=51), ScanRefusal.BESTPAY),
    (CodeRange(wallet="suning", min_length=16, max_length=24, first=83, last=83), ScanRefusal.SUNING),
)

_GOODS_LENGTHS: Final = frozenset({8, 12, 13, 14})
_URL: Final = re.compile(r"(?i)(?:[a-z][a-z0-9+.-]{1,15}:|www\.)\S+")
#: Wallet bill numbers on a customer's screen are 28 digits (WeChat 42…, Alipay date first).
_BILL_DIGITS: Final = 28


def classify_scan(text: str, *, ranges: Sequence[CodeRange] = CONFIRMED_RANGES) -> PaymentCode | ScanRefusal:
    """Names one scan. Outer blanks and control characters are dropped; inner ones make it "letters"."""
    plain = unicodedata.normalize("NFKC", text).strip(" \t\r\n\0\x02\x03")
    if plain == "":
        return ScanRefusal.EMPTY
    if not (plain.isascii() and plain.isdigit()):
        return _name_text(plain)
    if len(plain) in _GOODS_LENGTHS and _gtin_valid(plain):
        return ScanRefusal.GOODS_BARCODE
    if len(plain) < 16:
        return ScanRefusal.TOO_SHORT
    if len(plain) == _BILL_DIGITS:
        return ScanRefusal.RECEIPT
    for known in ranges:
        if known.holds(plain):
            return PaymentCode(wallet=known.wallet, auth_code=Secret(plain), hint=f"{plain[:2]}…{plain[-4:]}")
    for unserved, name in UNSERVED_RANGES:
        if unserved.holds(plain):
            return name
    return ScanRefusal.TOO_LONG if len(plain) > 24 else ScanRefusal.UNKNOWN_WALLET


def _name_text(plain: str) -> ScanRefusal:
    upper = plain.upper()
    if upper.startswith(("GT1:", "HTTP://", "HTTPS://")) and "ACTIVATE" in upper:
        return ScanRefusal.ACTIVATION
    if _URL.fullmatch(plain):
        return ScanRefusal.URL
    if is_number(upper) or order_of_out_trade_no(upper) or read_payment_no(upper):
        return ScanRefusal.RECEIPT
    if read_activation_code(plain) is not None:
        return ScanRefusal.ACTIVATION
    return ScanRefusal.PROOF if is_proof_text(plain) else ScanRefusal.LETTERS


def _gtin_valid(digits: str) -> bool:
    """GS1 check digit of EAN-8, UPC-A, EAN-13 or ITF-14."""
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits[:-1])))
    return (10 - total % 10) % 10 == int(digits[-1])
