"""Which maker a USB vendor id belongs to, and what its serial device most likely is: a hint, never a match rule.

Data with its reason. Pure; it must not know devices.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class DeviceGuess(StrEnum):
    """What a serial device probably is."""

    SCANNER = "scanner"
    ADAPTER = "adapter"
    UNKNOWN = "unknown"


class Brand(Struct, frozen=True):
    """A maker and what its devices are."""

    name: str
    guess: DeviceGuess


_BRANDS = {
    0x0C2E: Brand("Honeywell", DeviceGuess.SCANNER),
    0x23D0: Brand("Honeywell", DeviceGuess.SCANNER),
    0x05E0: Brand("Zebra", DeviceGuess.SCANNER),
    0x05F9: Brand("Datalogic", DeviceGuess.SCANNER),
    0x1EAB: Brand("Newland", DeviceGuess.SCANNER),
    0x05FE: Brand("unbranded scanner", DeviceGuess.SCANNER),
    # Converter chips: a gun, a printer or a customer display may be behind them.
    0x0403: Brand("FTDI", DeviceGuess.ADAPTER),
    0x067B: Brand("Prolific", DeviceGuess.ADAPTER),
    0x10C4: Brand("Silicon Labs", DeviceGuess.ADAPTER),
    0x1A86: Brand("WCH", DeviceGuess.ADAPTER),
}
_NO_BRAND = Brand("", DeviceGuess.UNKNOWN)


def brand_of(vid: int | None) -> Brand:
    """Give the maker behind a vendor id; a nameless one where it is not listed."""
    return _NO_BRAND if vid is None else _BRANDS.get(vid, _NO_BRAND)
