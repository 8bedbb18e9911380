"""Decoders behind one seam: zxing-cpp first, pyzbar second, then both on a thresholded picture.

Measured order: zxing-cpp reads more and is three times faster, pyzbar adds a few, thresholding helps against glare and
over-exposure. Only QR and Code 128 are looked for: payment codes come as nothing else, and every further symbology is a
chance to misread. Each library stands behind its own typed class here. Must not know cameras, nor what to believe.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from math import hypot
from typing import TYPE_CHECKING, Protocol, cast

import zxingcpp

from drivers.camera.parsers.readings import Reading, is_too_small
from drivers.camera.pictures import thresholded

if TYPE_CHECKING:
    from drivers.camera.source import Grey

_AIM_OF_ZBAR = {"QRCODE": "]Q1", "CODE128": "]C0"}


class Decoder(Protocol):
    """Reads the codes of one picture."""

    def decode(self, picture: Grey) -> list[Reading]:
        """Give every code found."""
        ...


class Zxing:
    """zxing-cpp."""

    def __init__(self) -> None:
        """Look for QR and Code 128 only."""
        self._formats = zxingcpp.barcode_formats_from_str("QRCode|Code128")

    def decode(self, picture: Grey) -> list[Reading]:
        """Give every code found."""
        found = zxingcpp.read_barcodes(picture, formats=self._formats, text_mode=zxingcpp.TextMode.Plain)
        return [
            Reading(text=one.text, aim_id=one.symbology_identifier, length_px=_length(one.position))
            for one in found
            if one.valid
        ]


def _length(place: zxingcpp.Position) -> int:
    """The longer of the two sides that meet at one corner: the code may be turned."""
    corner = place.top_left
    sides = [hypot(other.x - corner.x, other.y - corner.y) for other in (place.top_right, place.bottom_left)]
    return round(max(sides))


class _ZbarRect(Protocol):
    width: int
    height: int


class _ZbarCode(Protocol):
    data: bytes
    type: str
    rect: _ZbarRect


class _ZbarSymbols(Protocol):
    QRCODE: object
    CODE128: object


class _Pyzbar(Protocol):
    ZBarSymbol: _ZbarSymbols

    def decode(self, image: tuple[bytes, int, int], symbols: Sequence[object]) -> list[_ZbarCode]: ...


class Zbar:
    """pyzbar, which needs the system's zbar library."""

    def __init__(self) -> None:
        """Raise ImportError where pyzbar or zbar is missing."""
        self._pyzbar = cast(_Pyzbar, importlib.import_module("pyzbar.pyzbar"))
        self._symbols = (self._pyzbar.ZBarSymbol.QRCODE, self._pyzbar.ZBarSymbol.CODE128)

    def decode(self, picture: Grey) -> list[Reading]:
        """Give every code found whose bytes are text."""
        height, width = picture.shape
        found = self._pyzbar.decode((picture.tobytes(), width, height), self._symbols)
        return [reading for one in found if (reading := _zbar_reading(one)) is not None]


def _zbar_reading(code: _ZbarCode) -> Reading | None:
    try:
        text = code.data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    length = max(code.rect.width, code.rect.height)
    return Reading(text=text, aim_id=_AIM_OF_ZBAR.get(code.type, ""), length_px=length)


class DecoderChain:
    """Several decoders, each on the picture as it is, then each on the thresholded one; the first find counts."""

    def __init__(self, decoders: Sequence[Decoder]) -> None:
        """Try `decoders` in this order."""
        self._decoders = tuple(decoders)

    def decode(self, picture: Grey) -> list[Reading]:
        """Give what the first decoder that finds anything trustworthy has found."""
        flat: Grey | None = None
        for turn in range(2 * len(self._decoders)):
            if turn == len(self._decoders):
                flat = thresholded(picture)
            seen = picture if flat is None else flat
            found = self._decoders[turn % len(self._decoders)].decode(seen)
            kept = [reading for reading in found if not is_too_small(reading)]
            if kept:
                return kept
        return []


def installed_decoders() -> DecoderChain:
    """Chain the decoders that this computer has; zbar is a second reader that may be missing."""
    try:
        return DecoderChain((Zxing(), Zbar()))
    except ImportError:
        return DecoderChain((Zxing(),))
