"""apsw behind one typed door: a connection, and a VFS over the system's own that says each operation that may be lost.

Python cannot offer the shared memory of a WAL's index, so the connection locks its file exclusively; what it writes,
and in which order, is the same. It must not know what is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

import apsw

from proof.power.disk import Cut, Made, Operation, Removed, Synced, Wrote

#: The unix VFS syncs the folder with the first sync of these when they are new.
_WITH_FOLDER: Final = (
    apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_SUPER_JOURNAL  # new names that matter
)
_NAMED: Final = apsw.SQLITE_OPEN_MAIN_DB | _WITH_FOLDER

Tell = Callable[[Operation], None]
SqliteError = apsw.Error
BrokenConstraintError = apsw.ConstraintError


class Sqlite:
    """One connection that holds its file for itself. `vfs`: the name of a registered one; the system's otherwise."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        self._db: Any = cast("Any", apsw.Connection)(str(path), vfs=vfs)
        self.execute("pragma locking_mode = exclusive")

    def execute(self, sql: str) -> None:
        """Runs a statement to its end."""
        for _ in self._db.execute(sql):
            pass

    @property
    def in_transaction(self) -> bool:
        return not self._db.get_autocommit()

    def content(self) -> bytes:
        """The database as a reader would find it, page by page."""
        return bytes(self._db.serialize("main")) if self._db.pragma("page_count") else b""

    def checks(self) -> bool:
        return self._db.pragma("integrity_check") == "ok"

    def move_all_to_the_file(self) -> None:
        """A hot journal is rolled back, a WAL is read, and all of it is in the main file. No statement that needs the
        schema: reading that would take longer than all the rest."""
        self._db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self.execute("begin immediate")
        self.execute("rollback")
        self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)

    def close(self) -> None:
        self._db.close()


class LoggedVFS(apsw.VFS):
    """Registered under a name of its own until it is closed. `swallows_syncs`: a disk that lies, to test the judge."""

    def __init__(self, name: str, tell: Tell, *, swallows_syncs: bool) -> None:
        super().__init__(name, "")
        self.tell = tell
        self.swallows_syncs = swallows_syncs

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None or not flags[0] & _NAMED:
            return apsw.VFSFile("", name, flags)
        new = not Path(path).exists()
        return _LoggedFile(self, name, flags, Path(path).name, new=new)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.tell(Removed(Path(filename).name, syncdir and not self.swallows_syncs))


class _LoggedFile(apsw.VFSFile):
    def __init__(
        self, vfs: LoggedVFS, name: str | apsw.URIFilename | None, flags: list[int], short: str, *, new: bool
    ) -> None:
        super().__init__("", name, flags)
        self._vfs = vfs
        self._short = short
        self._folder_too = new and bool(flags[0] & _WITH_FOLDER)
        if new:
            vfs.tell(Made(short))

    def xWrite(self, data: bytes, offset: int) -> None:
        cast("Any", super()).xWrite(data, offset)
        self._vfs.tell(Wrote(self._short, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._vfs.tell(Cut(self._short, newsize))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        if not self._vfs.swallows_syncs:
            self._vfs.tell(Synced(self._short, self._folder_too))
            self._folder_too = False
