"""A real screen for tests: Xvfb, and a Chinese input method that is running and chosen, as on a shop's computer.

Rules: an X server on a free display, a message bus that starts nothing by itself, ibus with libpinyin, all in one
temporary home; each is ended by its own process id. The screen's memory is a file (`-fbdir`), so that a picture needs
no further client. Knows nothing about the app.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

from tests.e2e.fingers import Fingers
from tests.e2e.running import Running

WIDTH, HEIGHT = 1366, 768
ENGINE = "libpinyin"
_STARTS_WITHIN_S = 20.0
_ENGINE_FILE = Path("/usr/share/ibus/component/libpinyin.xml")
_BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir={folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""


def missing_packages() -> list[str]:
    """What of the input method is not installed, as Debian names it."""
    programs = (("dbus-daemon", "dbus-daemon"), ("ibus-daemon", "ibus"), ("ibus", "ibus"))
    missing = [package for program, package in programs if shutil.which(program) is None]
    missing += [] if _ENGINE_FILE.exists() else ["ibus-libpinyin"]
    return list(dict.fromkeys(missing))


class Screen:
    """Starts everything; `close` ends it and whatever was started on it. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[Running] = []
        for name in ("frame", "run", "logs", "bus"):
            (folder / name).mkdir(mode=0o700, parents=True)
        self.env = dict(os.environ) | {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "GSETTINGS_BACKEND": "memory",
            "IBUS_ADDRESS_FILE": str(folder / "run" / "ibus-address"),
            "QT_QPA_PLATFORM": "xcb",
            "QT_IM_MODULE": "ibus",
            "LANG": "C.UTF-8",
        }
        for name in ("IBUS_ENABLE_SYNC_MODE", "IBUS_ADDRESS", "WAYLAND_DISPLAY", "QT_QPA_PLATFORMTHEME"):
            self.env.pop(name, None)
        try:
            self.env["DISPLAY"] = f":{self._start_display()}"
            self.env["DBUS_SESSION_BUS_ADDRESS"] = self._start_bus()
            self._start_input_method()
            self.fingers = Fingers(self.env["DISPLAY"])
        except BaseException:
            self._end_all()
            raise

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what runs on the screen, then the screen."""
        self.fingers.close()
        self._end_all()

    def run(self, command: Sequence[str], *, name: str, env: Mapping[str, str] | None = None) -> Running:
        """Starts one program on this screen."""
        running = Running(command, env={**self.env, **(env or {})}, log=self._folder / "logs" / f"{name}.log")
        self._running.append(running)
        return running

    def picture(self) -> npt.NDArray[np.uint8]:
        """What the screen shows now, in grey."""
        return np.ascontiguousarray(self._pixels()[:, :, 1])

    def keep(self, name: str) -> None:
        """Saves what the screen shows as PNG for people to look at, when GUITAI_X11_PICTURES names a folder."""
        folder = os.environ.get("GUITAI_X11_PICTURES")
        if not folder:
            return
        path = Path(folder, f"{name}.png")
        pixels = np.ascontiguousarray(self._pixels()).tobytes()
        QImage(pixels, WIDTH, HEIGHT, WIDTH * 4, QImage.Format.Format_RGB32).save(str(path))

    def engine(self) -> str:
        """The input method's engine that is chosen now."""
        return self._ibus("engine")

    # --- inside ----------------------------------------------------------------------------------------------------

    def _pixels(self) -> npt.NDArray[np.uint8]:
        """Height by width by blue, green, red and nothing: the file is in the X window dump format."""
        raw = (self._folder / "frame" / "Xvfb_screen0").read_bytes()
        header = [int(word) for word in np.frombuffer(raw, dtype=">u4", count=25)]
        size, colours, line = header[0], header[19], header[12]
        assert (header[4], header[5], line) == (WIDTH, HEIGHT, WIDTH * 4), header
        flat = np.frombuffer(raw, dtype=np.uint8, offset=size + colours * 12, count=HEIGHT * line)
        return flat.reshape(HEIGHT, WIDTH, 4)

    def _start_display(self) -> str:
        frame = ["-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir", str(self._folder / "frame")]
        display = self.run(["Xvfb", "-displayfd", "1", *frame, "-nolisten", "tcp", "-ac"], name="display")
        return display.line(within_s=_STARTS_WITHIN_S)

    def _start_bus(self) -> str:
        config = self._folder / "bus.conf"
        config.write_text(_BUS.format(folder=self._folder / "bus"), encoding="utf-8")
        command = ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address=1"]
        return self.run(command, name="bus").line(within_s=_STARTS_WITHIN_S)

    def _start_input_method(self) -> None:
        daemon = self.run(["ibus-daemon", "--panel=disable", "--emoji-extension=disable"], name="ibus")
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while self._ibus("engine") != ENGINE:
            assert daemon.alive, daemon.log()
            assert time.monotonic() < deadline, daemon.log()
            self._ibus("engine", ENGINE)

    def _ibus(self, *arguments: str) -> str:
        command = ["ibus", *arguments]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=20, check=False)
        return done.stdout.strip()

    def _end_all(self) -> None:
        while self._running:
            self._running.pop().end()
