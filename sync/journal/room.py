"""Room on the disk: a floor of free space below which no new wallet payment starts, and a ballast file.

A full disk stops even a checkpoint, so nothing could be written until space is freed. The ballast is that space, kept
in time: it is given up so that the outcomes of running payments can still be recorded.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from protocol.reasons import Reason

BALLAST_BYTES: Final = 8 * 1024 * 1024
FLOOR_BYTES: Final = 16 * 1024 * 1024
_BLOCK: Final = 1024 * 1024


def free_bytes(folder: Path) -> int:
    """What this user may still write to the folder's disk."""
    return shutil.disk_usage(folder).free


class Room:
    """Watches one folder's disk and owns its ballast file."""

    def __init__(
        self,
        folder: Path,
        *,
        ballast_bytes: int = BALLAST_BYTES,
        floor_bytes: int = FLOOR_BYTES,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"
        self._ballast_bytes = ballast_bytes
        self._floor_bytes = floor_bytes
        self._free = free

    def refusing(self) -> Reason | None:
        """Why no new payment should start now; None when there is room."""
        try:
            room = self._free(self._folder)
            held = not self._ballast_bytes or self._ballast.exists()
        except OSError:
            return Reason.FOLDER_UNREADABLE
        return None if held and room >= self._floor_bytes else Reason.DISK_FULL

    def fill(self) -> None:
        """Makes the ballast when there is plenty of room; does nothing when it is there."""
        part = self._ballast.with_name("ballast.part")
        try:
            if not self._ballast_bytes or self._ballast.exists():
                return
            if self._free(self._folder) < self._floor_bytes + self._ballast_bytes:
                return
            # Real blocks, not a hole: a sparse file would give nothing back.
            with part.open("wb") as file:
                for start in range(0, self._ballast_bytes, _BLOCK):
                    file.write(b"\x5a" * min(_BLOCK, self._ballast_bytes - start))
                os.fsync(file.fileno())
            part.rename(self._ballast)
        except OSError:
            # No ballast can be made: `refusing` says so from now on.
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def release(self) -> bool:
        """Gives the ballast up; False when it was not there."""
        try:
            self._ballast.unlink()
        except OSError:
            return False
        return True
