"""What a scanner tells, as short lines with the time of each, and waiting for them. Must not know devices."""

from __future__ import annotations

import threading
import time

from drivers.scanner.events import DeviceEvent, DeviceState, DeviceStatus, Noise, Scan
from drivers.scanner.start import RunningScanner, start_scanner

WAIT_S = 20.0
"""Far longer than anything takes: emulation is slow, and the computer may be busy."""


class Listener:
    """Starts a scanner and keeps its events."""

    def __init__(self, uri: str) -> None:
        """Start ``uri``."""
        self.lines: list[str] = []
        self._at_s: list[float] = []
        self._changed = threading.Condition()
        started = start_scanner(uri, self._receive)
        assert isinstance(started, RunningScanner), started
        self.scanner = started

    def wait_for(self, start: str, count: int = 1) -> float:
        """Wait for the ``count``-th line that begins with ``start``; give the monotonic second at which it came."""

        def found() -> list[float]:
            return [at for line, at in zip(self.lines, self._at_s, strict=True) if line.startswith(start)]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, WAIT_S), (start, count, self.lines)
            return found()[count - 1]

    def close(self) -> list[str]:
        """Let the device go; give all lines."""
        self.scanner.close()
        return self.lines

    def _receive(self, event: DeviceEvent) -> None:
        with self._changed:
            self.lines.append(_line(event))
            self._at_s.append(time.monotonic())
            self._changed.notify_all()


def _line(event: DeviceEvent) -> str:
    match event:
        case Scan(text=text, aim_id=aim_id):
            return f"scan {aim_id or '-'} {text}"
        case Noise(reason=reason, length=length):
            return f"noise {reason} {length}"
        case DeviceStatus(state=DeviceState.READY, description=description):
            return f"ready {description}"
        case DeviceStatus(state=state, reason=reason):
            return f"{state} {reason}" if reason else str(state)
