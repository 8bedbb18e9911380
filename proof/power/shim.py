"""An apsw VFS over the system's own that says each operation that could be lost. It must not know what is stored.

Python cannot offer the shared memory of a WAL's index, so the connection locks its file exclusively; what it writes, and
in which order, is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from proof.power.disk import Cut, Made, Operation, Removed, Synced, Wrote

#: The unix VFS syncs the folder with the first sync of these when they are new.
_WITH_FOLDER: Final = (
    apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_SUPER_JOURNAL  # new names that matter
)
_NAMED: Final = apsw.SQLITE_OPEN_MAIN_DB | _WITH_FOLDER

Tell = Callable[[Operation], None]


class LoggedVFS(apsw.VFS):
    """Registered under a name of its own until it is closed. `swallows_syncs`: a disk that lies, to test the judge."""

    def __init__(self, name: str, tell: Tell, *, swallows_syncs: bool) -> None:
        super().__init__(name, "")
        self.tell = tell
        self.swallows_syncs = swallows_syncs

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None or not flags[0] & _NAMED:
            return apsw.VFSFile("", name, flags)
        new = not Path(path).exists()
        return _LoggedFile(self, name, flags, Path(path).name, new=new)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's
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

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's
        super().xWrite(data, offset)
        self._vfs.tell(Wrote(self._short, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's
        super().xTruncate(newsize)
        self._vfs.tell(Cut(self._short, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's
        super().xSync(flags)
        if not self._vfs.swallows_syncs:
            self._vfs.tell(Synced(self._short, self._folder_too))
            self._folder_too = False
