"""The JSON of v3, read so that it has one meaning only.

Rules: UTF-8, one object; a name twice at any depth, NaN or a rest behind the end is refused, and so is what nobody
could keep: a number of more than 18 digits, half a surrogate pair. A number with a fraction stays text, so that no
float is ever made from money. It must not know fields or verdicts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, NoReturn, cast

_MAX_BYTES: Final = 262_144
_MAX_DIGITS: Final = 18
_ESCAPED_HALF: Final = re.compile(rb"\\[uU][dD][89a-fA-F]")


def read_json(body: bytes) -> dict[str, object] | None:
    """None: not one object with one meaning."""
    if len(body) > _MAX_BYTES:
        return None
    try:
        value: object = json.loads(
            body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse, parse_float=str, parse_int=_whole
        )
        if _ESCAPED_HALF.search(body):
            write_json(cast("dict[str, object]", value))  # half a pair cannot be written: UnicodeEncodeError
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def write_json(content: Mapping[str, object]) -> bytes:
    """The bytes to sign and to send, made once."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def text_of(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def part_of(values: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = values.get(name)
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def fen_of(values: Mapping[str, object], name: str) -> int | None:
    """A whole number that is not negative."""
    value = values.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name came twice")
    return values


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("a number that nobody could keep")
    return int(text)


def _refuse(_text: str) -> NoReturn:
    raise ValueError("not a number")
