"""Values that are written whole into one cell, read back. A cell that cannot be read is damage, never a bug: the
sentence says so, and the file is kept."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from protocol.reasons import Reason
from sync.errors import JournalDamagedError

Value = TypeVar("Value")


def read_cell(text: str, kind: type[Value]) -> Value:
    """JournalDamagedError when it is not such a value."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise JournalDamagedError(f"A row of the journal is damaged: it holds no {kind.__name__}.") from None


def read_count(text: str) -> int:
    """JournalDamagedError when it is no whole number."""
    if not text.isascii() or not text.isdigit():
        raise JournalDamagedError("A row of the journal is damaged: it holds no number.")
    return int(text)


def read_reason(text: str) -> Reason:
    """JournalDamagedError when it is none."""
    try:
        return Reason(text)
    except ValueError:
        raise JournalDamagedError("A row of the journal is damaged: it holds no reason.") from None
