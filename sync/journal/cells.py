"""Values that are written whole into one cell, read back. A cell that cannot be read is damage, never a bug: the
sentence says so, and the file is kept."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from protocol.reasons import Reason
from sync.errors import JournalDamagedError

Value = TypeVar("Value")
Word = TypeVar("Word", bound=StrEnum)
#: Of a number of entries; SQLite's own numbers have one more.
_MOST_DIGITS: Final = 18


def read_cell(text: str, kind: type[Value]) -> Value:
    """JournalDamagedError when it is not such a value."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise JournalDamagedError(f"A row of the journal is damaged: it holds no {kind.__name__}.") from None


def read_count(text: str) -> int:
    """JournalDamagedError when it is no whole number."""
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        raise JournalDamagedError("A row of the journal is damaged: it holds no number.")
    return int(text)


def read_reason(text: str) -> Reason:
    """JournalDamagedError when it is none."""
    return read_word(text, Reason)


def read_word(text: str, words: type[Word]) -> Word:
    """One of a closed list of words. JournalDamagedError when it is none."""
    try:
        return words(text)
    except ValueError:
        raise JournalDamagedError(f"A row of the journal is damaged: it holds no {words.__name__}.") from None
