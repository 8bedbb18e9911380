"""Reads one test scan from a device and names it: what it is, never what it says.

Of a payment code the first two and the last four digits may be known; of anything else its length.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from queue import Empty, Queue
from typing import Final

from msgspec import Struct

from drivers.scanner.events import DeviceEvent, DeviceState, DeviceStatus, Noise, NoiseReason, Scan
from drivers.scanner.start import start_scanner
from drivers.scanner.uri import BadScannerUri
from protocol.auth_code import CodeRange, PaymentCode, ScanRefusal, classify_scan

READY_WITHIN_S: Final = 8.0


class NamedScan(Struct, frozen=True, kw_only=True):
    """`wallet` and `hint` are set for a payment code, `refusal` for anything else, `noise` for what is no scan."""

    length: int
    symbology: str | None = None
    wallet: str | None = None
    hint: str | None = None
    refusal: ScanRefusal | None = None
    noise: NoiseReason | None = None


class NotReady(Struct, frozen=True, kw_only=True):
    """The device did not open in time; `status` is its last word."""

    status: DeviceStatus | None


class NothingRead(Struct, frozen=True, kw_only=True):
    """The device is open and read nothing in time."""


def read_one_scan(
    uri: str,
    *,
    ranges: Sequence[CodeRange],
    wait_s: float,
    opened: Callable[[str], None],
    ready_within_s: float = READY_WITHIN_S,
) -> NamedScan | NotReady | NothingRead | BadScannerUri:
    """Opens the device, calls `opened` with its name, and names the first scan after that."""
    events: Queue[DeviceEvent] = Queue()
    scanner = start_scanner(uri, events.put)
    if isinstance(scanner, BadScannerUri):
        return scanner
    try:
        status = _ready(events, time.monotonic() + ready_within_s)
        if status is None or status.state is not DeviceState.READY:
            return NotReady(status=status)
        scanner.flush()
        opened(status.description or uri)
        return _first(events, ranges, time.monotonic() + wait_s)
    finally:
        scanner.close()


def name_scan(scan: Scan, ranges: Sequence[CodeRange]) -> NamedScan:
    """What a scan is."""
    found = classify_scan(scan.text, ranges=ranges)
    if isinstance(found, PaymentCode):
        return NamedScan(length=len(scan.text), symbology=scan.symbology, wallet=found.wallet, hint=found.hint)
    return NamedScan(length=len(scan.text), symbology=scan.symbology, refusal=found)


def _ready(events: Queue[DeviceEvent], until_s: float) -> DeviceStatus | None:
    last: DeviceStatus | None = None
    while (event := _next(events, until_s)) is not None:
        if isinstance(event, DeviceStatus):
            last = event
            if event.state is DeviceState.READY:
                return last
    return last


def _first(events: Queue[DeviceEvent], ranges: Sequence[CodeRange], until_s: float) -> NamedScan | NothingRead:
    while (event := _next(events, until_s)) is not None:
        match event:
            case Scan():
                return name_scan(event, ranges)
            case Noise():
                return NamedScan(length=event.length, noise=event.reason)
            case DeviceStatus():
                pass
    return NothingRead()


def _next(events: Queue[DeviceEvent], until_s: float) -> DeviceEvent | None:
    try:
        return events.get(timeout=max(0.0, until_s - time.monotonic()))
    except Empty:
        return None
