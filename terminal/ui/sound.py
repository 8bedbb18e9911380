"""Short sounds, started in well under 100 ms and never on the screen's thread.

Rules: one small port (`SoundPlayer`); winsound on Windows, `aplay` or `paplay` on Linux, nothing when there is
neither (doctor says so). Files are unpacked once at start, so that a scan's tick costs one process start. A sound
that cannot be played is counted, not raised: the screen says the same in words. Must not know: which event makes
which sound.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Final, Protocol

import assets

NAMES: Final[tuple[str, ...]] = ("scan_taken", "paid", "late", "not_paid", "refused", "offline", "unknown")
PLAY_LIMIT_S: Final = 5.0


class SoundPlayer(Protocol):
    """Plays by name; returns at once."""

    def play(self, name: str) -> None: ...

    def close(self) -> None: ...

    @property
    def available(self) -> bool:
        """False: no sound device or program was found, or playing has failed."""
        ...


class SilentPlayer:
    """No sound device: everything is visible instead."""

    available = False

    def play(self, name: str) -> None:
        del name

    def close(self) -> None:
        return


class FilePlayer:
    """Plays unpacked WAV files through `start(path)` on a thread of its own."""

    def __init__(self, folder: Path, command: tuple[str, ...]) -> None:
        self._paths = {name: folder / f"{name}.wav" for name in NAMES}
        self._command = command
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)
        self._thread.start()

    @property
    def available(self) -> bool:
        return not self._failed

    def play(self, name: str) -> None:
        self._queue.put(name)

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join(timeout=PLAY_LIMIT_S)

    def _run(self) -> None:
        while (name := self._queue.get()) is not None:
            self._start(self._paths[name])

    def _start(self, path: Path) -> None:
        if sys.platform == "win32":
            import winsound

            winsound.PlaySound(str(path), winsound.SND_FILENAME | winsound.SND_NODEFAULT)
            return
        try:
            ended = subprocess.run(
                [*self._command, str(path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=PLAY_LIMIT_S,
                check=False,
            )
            self._failed = ended.returncode != 0
        except (OSError, subprocess.TimeoutExpired):
            self._failed = True


def unpack(folder: Path) -> None:
    """Writes the bundled sounds as files, which is what every player takes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        path = folder / f"{name}.wav"
        content = assets.sound(name)
        if not path.exists() or path.stat().st_size != len(content):
            path.write_bytes(content)


def open_player(folder: Path) -> SoundPlayer:
    """The best player of this machine. `folder` keeps the unpacked files; one that cannot be written means no sound."""
    command: tuple[str, ...] | None = None
    if sys.platform == "win32":
        command = ()
    elif (aplay := shutil.which("aplay")) is not None and Path("/dev/snd").exists():
        command = (aplay, "-q")
    elif (paplay := shutil.which("paplay")) is not None:
        command = (paplay,)
    if command is None:
        return SilentPlayer()
    try:
        unpack(folder)
    except OSError:
        return SilentPlayer()
    return FilePlayer(folder, command)
