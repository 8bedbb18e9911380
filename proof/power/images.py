"""Replays a recording onto a logged disk, cuts the power after each operation, opens what is left and compares.

Rules
- What is found in an image must be, byte for byte and page for page, the database after some whole number of
  transactions: every one that was promised, and at most the one under way besides. So none is lost and none is half.
- Each of those whole states is judged by itself (`proof.power.oracles`), and now and then an image is opened by the
  product's own code on the standard library's SQLite as a second opinion.
It must not know what the tables mean.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from proof.power.disk import Damage, Disk, Operation
from proof.power.recording import Recording
from proof.power.shim import BrokenConstraintError, LoggedVFS, Sqlite, SqliteError
from proof.power.steps import Step, steps_of

_MAIN: Final = "db"
_PAGE: Final = 4096
#: Far below the program's own, so that checkpoints come between transactions all the time and images stay small.
_CHECKPOINT_PAGES: Final = 12
_SECOND_OPINION_EVERY: Final = 200

#: Complaints about a whole state, given the database's bytes.
JudgeState = Callable[[bytes], Sequence[str]]
#: Complaints of the product's own code about an image, given the path of its main file.
OpenAsProduct = Callable[[Path], Sequence[str]]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was done and found. `lost`: a promise that is not there; `half`: what is no whole state, or does not open.
    `cutting_s`: time spent on images, without what lies between them."""

    kinds: Counter[str] = field(default_factory=Counter[str])
    transactions: int = 0
    operations: int = 0
    images: int = 0
    by_damage: Counter[str] = field(default_factory=Counter[str])
    states: int = 0
    cutting_s: float = 0.0
    second_opinions: int = 0
    lost: int = 0
    half: int = 0
    complaints: list[str] = field(default_factory=list[str])

    def add(self, other: Tally) -> None:
        self.kinds.update(other.kinds)
        self.by_damage.update(other.by_damage)
        self.transactions += other.transactions
        self.operations += other.operations
        self.images += other.images
        self.states += other.states
        self.cutting_s += other.cutting_s
        self.second_opinions += other.second_opinions
        self.lost += other.lost
        self.half += other.half
        for text in other.complaints:
            self.complain(text)

    def complain(self, text: str) -> None:
        if len(self.complaints) < 20:
            self.complaints.append(text if len(text) < 400 else f"… {text[-400:]}")


def replay(
    recording: Recording,
    *,
    folder: Path,
    name: str,
    chance: Random,
    tally: Tally,
    judge_state: JudgeState,
    open_as_product: OpenAsProduct,
    chosen: Collection[int] | None = None,
    every: int = 1,
    swallows_syncs: bool = False,
) -> None:
    """Runs all steps; makes the images of the `chosen` ones (None: of all), after each operation or only after one of
    `every` so many, and always once the promise was given."""
    place = folder / name
    place.mkdir(parents=True)
    if recording.begin:
        (place / _MAIN).write_bytes(recording.begin)
    machine = _Machine(place, f"logged-{name}", swallows_syncs=swallows_syncs)
    knife = _Knife(
        disk=Disk({_MAIN: recording.begin} if recording.begin else {}),
        examiner=_Examiner(folder / f"{name}-image"),
        chance=chance,
        tally=tally,
        open_as_product=open_as_product,
        every=every,
    )
    whole = _Whole(recording.begin)
    try:
        for number, step in enumerate(steps_of(recording.statements)):
            wanted = chosen is None or number in chosen
            if machine.connection != step.connection:
                operations = machine.reopen(step.connection)
                if wanted:
                    knife.cuts(operations, whole.allowed, whole.allowed, "open")
                else:
                    knife.follow(operations)
            operations = machine.run(step)
            # What wrote nothing changed nothing.
            state = machine.state() if operations else whole.allowed[-1]
            before = whole.allowed
            whole.add(state, promised=step.promised)
            if not wanted:
                knife.follow(operations)
                continue
            tally.transactions += 1
            tally.kinds[step.kind] += 1
            knife.cuts(operations, (*before, state), whole.allowed, step.kind)
            if step.promised:
                tally.states += 1
                for complaint in judge_state(state):
                    tally.half += 1
                    tally.complain(f"{step.kind}: {complaint}")
        knife.cuts(machine.close(), whole.allowed, whole.allowed, "close")
    finally:
        machine.close()
        machine.end()
        shutil.rmtree(place, ignore_errors=True)
        knife.examiner.end()


def final_state(recording: Recording, folder: Path) -> bytes:
    """The database at the end of a recording."""
    place = folder / "final"
    place.mkdir()
    if recording.begin:
        (place / _MAIN).write_bytes(recording.begin)
    machine = _Machine(place, "final", swallows_syncs=False)
    try:
        for step in steps_of(recording.statements):
            if machine.connection != step.connection:
                machine.reopen(step.connection)
            machine.run(step)
        return machine.state()
    finally:
        machine.close()
        machine.end()
        shutil.rmtree(place)


class _Whole:
    """The whole states that a cut may leave: from the last promise on."""

    def __init__(self, begin: bytes) -> None:
        self.allowed: tuple[bytes, ...] = (begin,)

    def add(self, state: bytes, *, promised: bool) -> None:
        if promised:
            self.allowed = (state,)
        elif state != self.allowed[-1]:
            self.allowed = (*self.allowed, state)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Knife:
    """Cuts the power of one disk and judges what is left."""

    disk: Disk
    examiner: _Examiner
    chance: Random
    tally: Tally
    open_as_product: OpenAsProduct
    every: int

    def follow(self, operations: Sequence[Operation]) -> None:
        """Operations that nobody looks at."""
        for operation in operations:
            self.disk.do(operation)

    def cuts(
        self, operations: Sequence[Operation], during: tuple[bytes, ...], after: tuple[bytes, ...], kind: str
    ) -> None:
        """A cut after each operation, and one after the last, when its promise was given."""
        skipped, began = self.chance.randrange(self.every), time.perf_counter()
        for number, operation in enumerate(operations):
            self.disk.do(operation)
            self.tally.operations += 1
            if number % self.every == skipped:
                self._cut(during, kind)
        self._cut(after, kind)
        self.tally.cutting_s += time.perf_counter() - began

    def _cut(self, allowed: tuple[bytes, ...], kind: str) -> None:
        for damage in (Damage.ALL,) if self.disk.settled else tuple(Damage):
            left = self.disk.after(damage, self.chance)
            if self.examiner.is_new(damage, left, allowed):
                self._judge(left, damage, allowed, kind)

    def _judge(self, left: dict[str, bytes], damage: Damage, allowed: tuple[bytes, ...], kind: str) -> None:
        tally, examiner = self.tally, self.examiner
        tally.images += 1
        tally.by_damage[damage.value] += 1
        found = examiner.found(left)
        if isinstance(found, str):
            tally.half += 1
            tally.complain(f"{kind}: {damage}: {found}")
        elif found not in allowed:
            whole = found in examiner.seen
            tally.lost += whole
            tally.half += not whole
            tally.complain(f"{kind}: {damage}: {'a promise is lost' if whole else 'no whole state'}")
        elif tally.images % _SECOND_OPINION_EVERY == 0 and found:
            tally.second_opinions += 1
            for complaint in examiner.second_opinion(left, self.open_as_product):
                tally.half += 1
                tally.complain(f"{kind}: {damage}: the product says {complaint}")
        examiner.seen.update(allowed)


class _Machine:
    """The connection that writes again what was recorded."""

    def __init__(self, place: Path, vfs: str, *, swallows_syncs: bool) -> None:
        self._place = place
        self._log: list[Operation] = []
        self._name = vfs
        self._vfs = LoggedVFS(vfs, self._log.append, swallows_syncs=swallows_syncs)
        self._db: Sqlite | None = None
        self.connection: int | None = None

    def reopen(self, connection: int) -> list[Operation]:
        operations = self.close()
        self._db = Sqlite(self._place / _MAIN, vfs=self._name)
        self.connection = connection
        self._db.execute(f"pragma wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        return operations + self._taken()

    def run(self, step: Step) -> list[Operation]:
        """A statement that broke a constraint breaks it again."""
        assert self._db is not None
        for sql in step.statements:
            try:
                self._db.execute(sql)
            except BrokenConstraintError:
                continue
        if step.statements[-1].lower().startswith("commit"):
            assert not self._db.in_transaction, "a commit ends its transaction"
        return self._taken()

    def state(self) -> bytes:
        """The database as a reader would find it."""
        assert self._db is not None
        if self._db.in_transaction:
            self._db.execute("rollback")
        return self._db.content()

    def close(self) -> list[Operation]:
        if self._db is not None:
            self._db.close()
            self._db = None
        return self._taken()

    def end(self) -> None:
        self._vfs.unregister()

    def _taken(self) -> list[Operation]:
        taken = list(self._log)
        self._log.clear()
        return taken


class _Laid:
    """A file of an image on the disk, under a handle that stays open. Only what differs from what lies there is
    written."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self.lies = b""

    def lay(self, content: bytes) -> None:
        lies, size = self.lies, len(content)
        if len(lies) != size:
            os.ftruncate(self._handle, size)
            lies = lies[:size].ljust(size, b"\0")
        for at in range(0, size, _PAGE):
            page = content[at : at + _PAGE]
            if page != lies[at : at + _PAGE]:
                os.pwrite(self._handle, page, at)
        self.lies = content

    def look(self) -> bool:
        """Reads what became of it; False: it was removed."""
        found = os.fstat(self._handle)
        self.lies = os.pread(self._handle, found.st_size, 0)
        return found.st_nlink > 0

    def drop(self) -> None:
        os.close(self._handle)
        if os.path.exists(self._path):
            os.unlink(self._path)


class _Examiner:
    """Opens images in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._place = str(folder)
        self._files: dict[str, _Laid] = {}
        self._last: dict[Damage, tuple[dict[str, bytes], tuple[bytes, ...]]] = {}
        self.seen: set[bytes] = set()

    def is_new(self, damage: Damage, left: dict[str, bytes], allowed: tuple[bytes, ...]) -> bool:
        """Whether this damage did not just leave the very same."""
        key = Damage.ALL if damage is Damage.NONE and not self._last else damage
        same = self._last.get(key)
        self._last[key] = (left, allowed)
        return same is None or same[0] != left or same[1] != allowed

    def found(self, left: dict[str, bytes]) -> bytes | str:
        """The database that SQLite finds in it; a text when it finds none."""
        self._lay(left)
        main = self._files.get(_MAIN)
        if main is None:
            return b""
        try:
            with closing(Sqlite(self._folder / _MAIN)) as db:
                db.move_all_to_the_file()
        except SqliteError as error:
            return f"does not open: {error}"
        finally:
            self._look()
        return main.lies

    def second_opinion(self, left: dict[str, bytes], open_as_product: OpenAsProduct) -> Sequence[str]:
        folder = self._folder / "second"
        folder.mkdir()
        try:
            for name, content in left.items():
                (folder / name).write_bytes(content)
            return open_as_product(folder / _MAIN)
        finally:
            shutil.rmtree(folder)

    def end(self) -> None:
        for file in self._files.values():
            file.drop()
        self._files = {}
        shutil.rmtree(self._folder, ignore_errors=True)

    def _lay(self, left: dict[str, bytes]) -> None:
        # No handle is closed while SQLite has the file open: that would drop its locks.
        for name in os.listdir(self._place):
            if name not in left and name not in self._files:
                os.unlink(f"{self._place}/{name}")  # SQLite made it
        for name in self._files.keys() - left.keys():
            self._files.pop(name).drop()
        for name, content in left.items():
            if name not in self._files:
                self._files[name] = _Laid(f"{self._place}/{name}")
            self._files[name].lay(content)

    def _look(self) -> None:
        """SQLite writes to the main file, and removes a journal that it has rolled back."""
        for name, file in list(self._files.items()):
            if not file.look():
                self._files.pop(name).drop()
