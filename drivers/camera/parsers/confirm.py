"""Which codes of a camera to believe, and how often to tell them.

Rules: a code is believed when two pictures in succession (of those in which anything was read) agree on it within a
short window; decoders read wrong digits now and then, but not the same ones twice. A code that lies in the picture is
told once, until it has been out of the picture for a while. Pure: must not know decoders or cameras.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from drivers.camera.parsers.readings import Reading, decode_picture
from drivers.scanner.events import Noise, NoiseReason
from drivers.scanner.parsers.text import read_code
from drivers.scanner.ports import ParserEvent

_REMEMBERED_AT_MOST = 64


class ConfirmRule(Struct, frozen=True, kw_only=True):
    """Time limits: between the two pictures that agree, and out of the picture before a code counts anew."""

    window_ms: int = 1000
    away_ms: int = 1500


class Confirmer:
    """The pictures of one camera, in order."""

    def __init__(self, rule: ConfirmRule) -> None:
        self._rule = rule
        self._before: dict[str, int] = {}  # of the last picture in which anything was read: text -> when
        self._told: dict[str, int] = {}  # told already: text -> when it was seen last

    def see(self, readings: Sequence[Reading], now_ms: int) -> list[Reading]:
        """Take one picture's readings; give those that are now believed and new."""
        self._told = {text: at for text, at in self._told.items() if now_ms - at < self._rule.away_ms}
        if not readings:
            return []
        before, self._before = self._before, {reading.text: now_ms for reading in readings}
        fresh: dict[str, Reading] = {}
        for reading in readings:
            seen_ms = before.get(reading.text)
            if reading.text in self._told:
                self._told[reading.text] = now_ms
            elif seen_ms is not None and now_ms - seen_ms <= self._rule.window_ms:
                fresh[reading.text] = reading
        self._told.update((text, now_ms) for text in fresh)
        while len(self._told) > _REMEMBERED_AT_MOST:
            del self._told[min(self._told, key=self._told.__getitem__)]
        return list(fresh.values())

    def forget_unconfirmed(self) -> None:
        """Drop what was seen once. What was told stays told: a phone that lies there is no new scan."""
        self._before.clear()


class CameraParser:
    """A camera's pictures, each read as one piece of bytes, as scans."""

    def __init__(self, *, device: str, rule: ConfirmRule) -> None:
        """`device` goes into every event."""
        self._device = device
        self._confirmer = Confirmer(rule)

    @property
    def next_deadline_ms(self) -> int | None:
        """Silence means nothing: a camera gives pictures all the time."""
        return None

    def feed(self, data: bytes, now_ms: int) -> list[ParserEvent]:
        """Take one picture's readings."""
        try:
            readings = decode_picture(data)
        except ValueError:
            return [Noise(reason=NoiseReason.BAD_PACKET, length=len(data), at_ms=now_ms, device=self._device)]
        return [
            read_code(one.text.encode(), at_ms=now_ms, device=self._device, aim_id=one.aim_id or None)
            for one in self._confirmer.see(readings, now_ms)
        ]

    def idle(self, now_ms: int) -> list[ParserEvent]:
        """Nothing was read."""
        _ = now_ms
        return []

    def reset(self) -> None:
        """Forget what was seen only once."""
        self._confirmer.forget_unconfirmed()
