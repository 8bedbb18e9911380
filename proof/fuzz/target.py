"""A target: one parser, as a function of bytes that returns nothing and asserts the parser's own rules.

Rules
- Whatever the bytes are, the parser answers with a value; an exception out of `run` is a defect.
- `run` is deterministic: the same bytes do the same again. It touches no clock, file or socket.
- What leaves a parser may be kept: `keepable` says what a database and a log can hold.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, cast

import msgspec

from protocol.secret import Secret

#: The largest whole number that SQLite and PostgreSQL keep.
MOST_NUMBER: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`seeds`: bytes that reach far into the parser. `most_bytes`: of the inputs that are tried."""

    name: str
    about: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    most_bytes: int = 8_192


def keepable(value: object) -> None:
    """Fails for what could not be stored or sent on: a number beyond 64 bits, a text that is not Unicode, a float."""
    match value:
        case None | bool() | Enum():
            return
        case str():
            value.encode()
        case bytes():
            return
        case int():
            assert -MOST_NUMBER <= value <= MOST_NUMBER, "a number beyond 64 bits"
        case Secret():
            value.reveal().encode()
        case Mapping():
            for key, held in cast("Mapping[Any, Any]", value).items():
                keepable(key)
                keepable(held)
        case tuple() | list() | frozenset():
            for held in cast("Iterable[Any]", value):
                keepable(held)
        case msgspec.Struct():
            for name in value.__struct_fields__:
                keepable(getattr(value, name))
        case _ if dataclasses.is_dataclass(value):
            for each in dataclasses.fields(value):
                keepable(getattr(value, each.name))
        case _:
            raise AssertionError(f"{type(value).__name__} is no value to keep")
