"""What a power cut leaves of a folder. Pure: operations in, file contents out; chance is an argument.

A write, a truncation and a new length are lasting after the file's sync; before it any part of them may be there, in
any order, down to single sectors. A new name and a removed name are lasting after the folder's sync. SQLite's unix VFS
syncs the folder with the first sync of a new journal or WAL, and after a removal that asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final, assert_never

#: What a disk writes whole. Larger physical sectors lose more at once, never less.
SECTOR: Final = 512


@dataclass(frozen=True, slots=True)
class Made:
    """A file of that name that was not there."""

    name: str


@dataclass(frozen=True, slots=True)
class Wrote:
    name: str
    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """Made shorter, or longer with zeros."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    """`folder`: with the folder that it lies in."""

    name: str
    folder: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """`folder`: the folder was synced after it."""

    name: str
    folder: bool


Operation = Made | Wrote | Cut | Synced | Removed


class Damage(StrEnum):
    """What becomes of that which was not synced."""

    NONE = "none"  # nothing of it is there
    ALL = "all"  # all of it is there
    SOME = "some"  # some operations are there, others not
    TORN = "torn"  # of each operation some sectors are there, others not


class _File:
    """Its lasting content, and what was done to it since its last sync."""

    __slots__ = ("_all", "lasting", "pending")

    def __init__(self) -> None:
        self.lasting = b""
        self.pending: list[Wrote | Cut] = []
        self._all: bytes | None = b""

    def do(self, operation: Wrote | Cut) -> None:
        self.pending.append(operation)
        self._all = None

    def sync(self) -> None:
        self.lasting, self.pending = self.all(), []

    def all(self) -> bytes:
        if self._all is None:
            self._all = _applied(self.lasting, self.pending)
        return self._all

    def after(self, damage: Damage, chance: Random) -> bytes:
        if not self.pending or damage is Damage.NONE:
            return self.lasting
        match damage:
            case Damage.ALL:
                return self.all()
            case Damage.SOME:
                share = chance.choice((0.2, 0.5, 0.8))
                return _applied(self.lasting, [one for one in self.pending if chance.random() < share])
            case Damage.TORN:
                share = chance.choice((0.1, 0.5, 0.9))
                return _applied(self.lasting, [part for one in self.pending for part in _torn(one, share, chance)])
            case _:
                assert_never(damage)


def _applied(content: bytes, operations: list[Wrote | Cut]) -> bytes:
    if not operations:
        return content
    changed = bytearray(content)
    for one in operations:
        if isinstance(one, Cut):
            del changed[one.size :]
            changed.extend(bytes(one.size - len(changed)))
            continue
        end = one.offset + len(one.content)
        if one.offset > len(changed):
            changed.extend(bytes(one.offset - len(changed)))
        changed[one.offset : end] = one.content
    return bytes(changed)


def _torn(operation: Wrote | Cut, share: float, chance: Random) -> list[Wrote | Cut]:
    """The sectors of one operation that reached the disk."""
    if isinstance(operation, Cut):
        return [operation] if chance.random() < share else []
    parts: list[Wrote | Cut] = []
    begin, end = operation.offset, operation.offset + len(operation.content)
    at = begin
    while at < end:
        edge = min(end, (at // SECTOR + 1) * SECTOR)
        if chance.random() < share:
            parts.append(Wrote(operation.name, at, operation.content[at - begin : edge - begin]))
        at = edge
    return parts


class Disk:
    """One folder. Names point to files; a removed file is there until the folder was synced."""

    def __init__(self, begin: Mapping[str, bytes]) -> None:
        self._now: dict[str, _File] = {}
        for name, content in begin.items():
            file = self._now[name] = _File()
            file.do(Wrote(name, 0, content))
            file.sync()
        self._lasting = dict(self._now)

    def do(self, operation: Operation) -> None:
        match operation:
            case Made():
                self._now.setdefault(operation.name, _File())
            case Wrote() | Cut():
                self._now[operation.name].do(operation)
            case Synced():
                self._now[operation.name].sync()
                self._sync_folder(operation.folder)
            case Removed():
                self._now.pop(operation.name, None)
                self._sync_folder(operation.folder)
            case _:
                assert_never(operation)

    def _sync_folder(self, asked: bool) -> None:
        if asked:
            self._lasting = dict(self._now)

    @property
    def settled(self) -> bool:
        """Nothing is open: every damage leaves the same."""
        return self._now == self._lasting and not any(file.pending for file in self._now.values())

    def after(self, damage: Damage, chance: Random) -> dict[str, bytes]:
        """The folder as it is found after the cut. What was not touched is the same object as before."""
        left: dict[str, bytes] = {}
        for name in sorted(self._now.keys() | self._lasting.keys()):
            file = self._kept(name, damage, chance)
            if file is not None:
                left[name] = file.after(damage, chance)
        return left

    def _kept(self, name: str, damage: Damage, chance: Random) -> _File | None:
        now, lasting = self._now.get(name), self._lasting.get(name)
        if now is lasting or damage is Damage.ALL:
            return now
        if damage is Damage.NONE or chance.random() < 0.5:
            return lasting
        return now
