"""What a scan gun on a serial line sends: codes as lines, with the replies of scan modules cut out.

Rules: a reply never looks like a scan; a damaged reply costs the line it stands in, never makes a wrong code.
Composition only: the cutting is module_7e's, the lines are line's. Pure.
"""

from __future__ import annotations

from drivers.scanner.events import Noise, NoiseReason
from drivers.scanner.parsers.line import Framing, LineFramer
from drivers.scanner.parsers.module_7e import BrokenReply, ReplyCutter
from drivers.scanner.ports import ParserEvent

_REPLY_WAIT_MS = 300
"""A reply comes in one go; half a reply after this silence is something else."""


class SerialStreamParser:
    """The parser of every serial gun that does not speak SSI."""

    def __init__(self, *, device: str, framing: Framing) -> None:
        """``device`` goes into every event."""
        self._device = device
        self._cutter = ReplyCutter()
        self._framer = LineFramer(device=device, framing=framing)
        self._last_ms = 0

    @property
    def next_deadline_ms(self) -> int | None:
        """When silence will mean something."""
        line_ms = self._framer.next_deadline_ms
        if not self._cutter.holding:
            return line_ms
        held_ms = self._last_ms + _REPLY_WAIT_MS
        return held_ms if line_ms is None else min(line_ms, held_ms)

    def feed(self, data: bytes, now_ms: int) -> list[ParserEvent]:
        """Take bytes just read."""
        events = self.idle(now_ms)
        if data:
            self._last_ms = now_ms
        for piece in self._cutter.feed(data):
            if isinstance(piece, BrokenReply):
                events.append(
                    Noise(reason=NoiseReason.BAD_CHECKSUM, length=piece.length, at_ms=now_ms, device=self._device)
                )
                self._framer.skip_line(now_ms)
            else:
                events.extend(self._framer.feed(piece, now_ms))
        return events

    def idle(self, now_ms: int) -> list[ParserEvent]:
        """Let silence end what it ends."""
        events: list[ParserEvent] = []
        if self._cutter.holding and now_ms >= self._last_ms + _REPLY_WAIT_MS:
            events.extend(self._framer.feed(self._cutter.release(), self._last_ms))
        events.extend(self._framer.idle(now_ms))
        return events

    def reset(self) -> None:
        """Forget everything under way."""
        self._cutter.release()
        self._framer.reset()
