"""What of a shop's own texts may go to WeChat Pay.

Rules: control characters, marks outside the basic plane (emoji) and outer blanks are taken out, because an order with
them is accepted and then cannot be paid; a text is cut at a whole character; a number of ours is never changed.
"""

from __future__ import annotations

import re
from typing import Final

#: Controls, surrogates, what XML forbids, and everything outside the basic plane.
_UNWANTED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U00010000-\U0010ffff]+")
_BLANKS: Final = re.compile(r"\s+")
_ORDER_NO: Final = re.compile(r"[0-9A-Za-z_-]{6,32}", re.ASCII)
_REFUND_NO: Final = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)


def plain(text: str, *, max_bytes: int) -> str:
    clean = _BLANKS.sub(" ", _UNWANTED.sub(" ", text)).strip()
    return clean.encode()[:max_bytes].decode("utf-8", "ignore").strip()


def order_number(number: str) -> str:
    assert _ORDER_NO.fullmatch(number), "order numbers are made by us"
    return number


def refund_number(number: str) -> str:
    assert _REFUND_NO.fullmatch(number), "refund numbers are made by us"
    return number
