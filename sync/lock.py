"""One till per data folder: an operating-system lock on a file of its own, gone with the process however it ends.

Never on the journal's file: closing another handle on that would drop SQLite's own locks.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from sync.errors import FolderLockedError
from sync.folder import disk_trouble


class FolderLock:
    """Held from construction until `release`. FolderLockedError when somebody else holds it."""

    def __init__(self, path: Path) -> None:
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise disk_trouble(error, path) from error
        try:
            _lock(self._handle)
        except OSError:
            os.close(self._handle)
            raise FolderLockedError(str(path.parent)) from None

    def release(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
