"""Crockford base 32 of fixed-size records: upper-case, read case-blind, one text per content.

`O`, `I`, `L` are read as digits, as a person or a keyboard gun may give them. Unused bits at the end are zero: a text
in which they are not is refused, so that no two texts mean one record.
"""

from __future__ import annotations

from typing import Final

from protocol.numbers import CROCKFORD

#: How the text of a PROOF begins.
PROOF_PREFIX: Final = "GP1"

_VALUES: Final = {character: value for value, character in enumerate(CROCKFORD)} | {"O": 0, "I": 1, "L": 1}


def text_length(size: int) -> int:
    """How many characters `size` bytes take."""
    return -(-size * 8 // 5)


def is_proof_text(text: str) -> bool:
    """Whether a scan means to be a proof: its prefix says so, whatever follows."""
    return text[: len(PROOF_PREFIX)].upper() == PROOF_PREFIX


def read_record(text: str, size: int) -> bytes | None:
    """The `size` bytes that the text writes; None when it is not exactly that."""
    if len(text) != text_length(size) or not text.isascii():
        return None
    value = 0
    for character in text.upper():
        five = _VALUES.get(character)
        if five is None:
            return None
        value = value << 5 | five
    spare = len(text) * 5 - size * 8
    if value & ((1 << spare) - 1):
        return None
    return (value >> spare).to_bytes(size, "big")
