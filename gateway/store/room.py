"""Room on the database's disk: a floor of free space below which no new payment begins, and a ballast file.

A full disk stops even a checkpoint, so nothing could be written until space is freed. The ballast is that space, kept
in time: it is given up so that the outcomes of running payments are still recorded, and made again when there is room.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

BALLAST_BYTES: Final = 32 * 1024 * 1024
FLOOR_BYTES: Final = 64 * 1024 * 1024
_BLOCK: Final = 1024 * 1024


def free_bytes(folder: Path) -> int:
    """What this user may still write to the folder's disk."""
    return shutil.disk_usage(folder).free


class Room:
    """Watches the disk of one database and owns its ballast file, `{database}.ballast`."""

    def __init__(
        self,
        database: Path,
        *,
        ballast_bytes: int = BALLAST_BYTES,
        floor_bytes: int = FLOOR_BYTES,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._folder = database.absolute().parent
        self.ballast = database.with_name(database.name + ".ballast")
        self._ballast_bytes = ballast_bytes
        self._floor_bytes = floor_bytes
        self._free = free

    def full(self) -> bool:
        """Whether no new payment should begin now: too little is free, or the ballast is spent."""
        try:
            return self._free(self._folder) < self._floor_bytes or not self.ballast.exists()
        except OSError:
            return True

    def fill(self) -> bool:
        """Makes the ballast when there is plenty of room. True: it is there."""
        if self.ballast.exists():
            return True
        part = self.ballast.with_name(self.ballast.name + ".part")
        try:
            if self._free(self._folder) < self._floor_bytes + self._ballast_bytes:
                return False
            # Real blocks, not a hole: a sparse file would give nothing back.
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for start in range(0, self._ballast_bytes, _BLOCK):
                    file.write(b"\x5a" * min(_BLOCK, self._ballast_bytes - start))
                os.fsync(file.fileno())
            part.rename(self.ballast)
        except OSError:
            # None can be made: `full` says so from now on.
            part.unlink(missing_ok=True)
            return False
        return True

    def release(self) -> bool:
        """Gives the ballast up; False when it was not there."""
        try:
            self.ballast.unlink()
        except OSError:
            return False
        return True
