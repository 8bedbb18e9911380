"""What the decoders read in one picture, and that as bytes, so that a camera is a transport like any other.

Also the judgement which reading is too small: linear codes whose bars are under two pixels wide are sometimes read as
other digits with a correct check character. Pure: must not know decoders, numpy or cameras.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

_MOST_READINGS = 16
_MOST_TEXT_BYTES = 8192
_HEAD = struct.Struct(">BH")
_LEAST_PIXELS_PER_BAR = 1.9
_BARS_PER_SYMBOL = 11  # Code 128: every symbol is 11 modules wide, the stop 13
_STOP_BARS = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One code in one picture. `length_px` is its longer side, 0 where the decoder does not tell."""

    text: str = field(repr=False)
    aim_id: str
    length_px: int = 0


def is_too_small(reading: Reading) -> bool:
    """Whether a Code 128 is drawn with bars so thin that its digits cannot be trusted."""
    if not reading.aim_id.startswith("]C") or reading.length_px == 0:
        return False
    digits = reading.text.isascii() and reading.text.isdigit()
    symbols = (len(reading.text) + 1) // 2 + len(reading.text) % 2 if digits else len(reading.text)
    bars = _BARS_PER_SYMBOL * (symbols + 2) + _STOP_BARS
    return reading.length_px < _LEAST_PIXELS_PER_BAR * bars


def encode_picture(readings: Sequence[Reading]) -> bytes:
    """One picture's readings as bytes; a picture without any is one zero byte."""
    kept = [one for one in readings if len(one.text.encode()) <= _MOST_TEXT_BYTES][:_MOST_READINGS]
    parts = [bytes([len(kept)])]
    for reading in kept:
        aim, text = reading.aim_id.encode(), reading.text.encode()
        parts += [_HEAD.pack(len(aim), len(text)), aim, text]
    return b"".join(parts)


def decode_picture(data: bytes) -> tuple[Reading, ...]:
    """Take one picture's readings back. Raises ValueError where the bytes are not from `encode_picture`."""
    try:
        return tuple(_decode(data))
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise ValueError("not a picture's readings") from error


def _decode(data: bytes) -> list[Reading]:
    readings: list[Reading] = []
    at = 1
    for _ in range(data[0]):
        aim_length, text_length = _HEAD.unpack_from(data, at)
        text_at = at + _HEAD.size + aim_length
        aim, text = data[at + _HEAD.size : text_at], data[text_at : text_at + text_length]
        if len(text) != text_length:
            raise ValueError("cut off")
        readings.append(Reading(text=text.decode(), aim_id=aim.decode()))
        at = text_at + text_length
    return readings
