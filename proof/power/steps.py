"""Recorded statements as steps: what is one transaction, whether it was acknowledged, and what kind it is. Pure.

A kind is what a person would call it: the entries, events, bookings and settings that a transaction adds, or else the
tables that it changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from proof.power.recording import Statement

#: A new row of these tables says by one of its columns what happened.
_SPEAKING: Final[Mapping[str, str]] = MappingProxyType(
    {"entry": "kind", "payment_events": "what", "ledger_entries": "kind", "setting": "name"}
)
_CHANGE: Final = re.compile(
    r"\s*(insert\s+(?:or\s+\w+\s+)?into|update|delete\s+from|create\s+(?:unique\s+)?\w+|drop\s+\w+|alter\s+table)"
    r"\s+(?:if\s+(?:not\s+)?exists\s+)?[\"\[]?(\w+)",
    re.IGNORECASE,
)
_COLUMNS: Final = re.compile(r"insert\s[^(]*\(([^)]*)\)\s*values\s*\(", re.IGNORECASE)
_LITERAL: Final = re.compile(r"\s*('(?:[^']|'')*'|[xX]'[0-9a-fA-F]*'|[^,()\s]+)\s*[,)]")
_WORD: Final = re.compile(r"\s*(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`promised`: its caller was told that it is durable. `changes`: `(verb, table)` of each statement."""

    connection: int
    statements: tuple[str, ...]
    kind: str
    promised: bool
    changes: frozenset[tuple[str, str]]


def steps_of(statements: Sequence[Statement]) -> list[Step]:
    """A transaction from BEGIN to its end, or a statement on its own; one that a cut left open has no promise."""
    steps: list[Step] = []
    held: list[Statement] = []
    for one in statements:
        if held and one.connection != held[0].connection:
            steps.append(_step(held))
            held = []
        word = _word(one.sql)
        held.append(one)
        begun = _word(held[0].sql) == "begin"
        if not begun or word == "commit" or (word == "rollback" and " to " not in one.sql.lower()):
            steps.append(_step(held))
            held = []
    if held:
        steps.append(_step(held))
    return steps


def _step(held: Sequence[Statement]) -> Step:
    sql = tuple(one.sql for one in held)
    changes = [found for found in map(_change, sql) if found is not None]
    words = sorted({word for word in map(_speaks, sql) if word is not None})
    kind = " + ".join(words or sorted({f"{verb} {table}" for verb, table in changes})) or _plain(sql)
    closed = _word(sql[0]) != "begin" or _word(sql[-1]) == "commit"
    return Step(
        connection=held[0].connection,
        statements=sql,
        kind=kind,
        promised=bool(changes) and closed,
        changes=frozenset(changes),
    )


def _plain(sql: Sequence[str]) -> str:
    said = [one for one in sql if _word(one) not in ("begin", "commit", "rollback", "savepoint", "release")]
    return said[0].split("=")[0].strip().lower()[:40] if said else "nothing"


def _word(sql: str) -> str:
    found = _WORD.match(sql)
    return "" if found is None else found[1].lower()


def _change(sql: str) -> tuple[str, str] | None:
    found = _CHANGE.match(sql)
    return None if found is None else (found[1].split()[0].lower(), found[2])


def words_of(sql: str) -> tuple[str, ...]:
    """What a statement says happened, as `table word`."""
    found = _speaks(sql)
    return () if found is None else (found,)


def _speaks(sql: str) -> str | None:
    change = _change(sql)
    if change is None or change[0] != "insert" or change[1] not in _SPEAKING:
        return None
    head = _COLUMNS.match(sql)
    if head is None:
        return None
    columns = [column.strip() for column in head[1].split(",")]
    at = head.end()
    for column in columns:
        literal = _LITERAL.match(sql, at)
        if literal is None:
            return None
        if column == _SPEAKING[change[1]]:
            return f"{change[1]} {literal[1].strip(chr(39))}"
        at = literal.end()
    return None
