"""One entry of a table of the owner's file: takes typed values out of it, and notes a fault for each that does not fit.

Pure. It goes on after a fault, so that one reading finds all of them. A value is never repeated, for it may be a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from gateway.configure.faults import Fault

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_MOST_CHARACTERS: Final = 64


def shown_key(name: str) -> str:
    """A key as it may be repeated: one that is not a plain word might be a secret in the wrong place."""
    return name if _KEY.fullmatch(name) else "a key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`where` names the entry for a person: its table, and its id or its position."""

    where: str
    values: Mapping[str, object] = field(repr=False)
    faults: list[Fault] = field(repr=False)

    def fault(self, key: str, hint: str) -> None:
        self.faults.append(Fault(where=self.where, key=key, hint=hint))

    def only(self, *allowed: str) -> None:
        for key in self.values:
            if key not in allowed:
                self.fault(shown_key(key), f"is not known here; there are {', '.join(allowed)}")

    def identity(self, key: str) -> str:
        value = self.values.get(key)
        if isinstance(value, str) and _ID.fullmatch(value):
            return value
        self.fault(key, "write 1 to 63 letters, digits, '_', '.' or '-', beginning with a letter or digit")
        return ""

    def name(self, key: str) -> str:
        value = self.values.get(key)
        if isinstance(value, str) and 0 < len(value.strip()) <= _MOST_CHARACTERS and value.strip().isprintable():
            return value.strip()
        self.fault(key, f"write a name of 1 to {_MOST_CHARACTERS} characters, on one line")
        return ""

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if isinstance(value, bool):
            return value
        self.fault(key, "write true or false, without quotes")
        return False


def entries_of(raw: Mapping[str, object], table: str, faults: list[Fault]) -> list[Entry]:
    """The entries of one table. Notes a table that is not a list, and an id that is there twice."""
    value = raw.get(table, [])
    listed = cast("list[object]", value) if isinstance(value, list) else None
    if listed is None or not all(isinstance(item, dict) for item in listed):
        hint = f"begin each entry with [[{table}]], in double brackets"
        faults.append(Fault(where=f"[[{table}]]", key="", hint=hint))
        return []
    entries: list[Entry] = []
    seen: set[str] = set()
    for number, item in enumerate(listed, start=1):
        values = cast("dict[str, object]", item)
        given = values.get("id")
        good = given if isinstance(given, str) and _ID.fullmatch(given) else None
        where = f"[[{table}]] number {number}" if good is None else f"[[{table}]] {good}"
        entry = Entry(where=where, values=values, faults=faults)
        if good is not None and good in seen:
            entry.fault("id", "is there twice; give the second one an id of its own")
        if good is not None:
            seen.add(good)
        entries.append(entry)
    return entries
