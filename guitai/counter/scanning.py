"""Waits for one payment code from a scanner: the device opened, earlier bytes thrown away, other scans named.

Knows no money; the caller says what happens with the code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from queue import Empty, Queue

from msgspec import Struct

from drivers.scanner.events import DeviceEvent, DeviceState, DeviceStatus, Noise, Scan
from drivers.scanner.start import start_scanner
from drivers.scanner.uri import BadScannerUri
from guitai.device_words import device_stop, uri_stop
from protocol.auth_code import CodeRange, PaymentCode, ScanRefusal, classify_scan

#: How long a device may take to become ready, in seconds; one that is not plugged in ends the command.
_READY_WITHIN_S = 8.0

SCAN_SENTENCES: dict[ScanRefusal, str] = {
    ScanRefusal.EMPTY: "The gun sent an empty scan. Scan again.",
    ScanRefusal.TOO_SHORT: "Only part of a code was read. Scan again.",
    ScanRefusal.TOO_LONG: "That is too long for a payment code. Scan the customer's payment code.",
    ScanRefusal.GOODS_BARCODE: "That is a goods barcode, not a payment code.",
    ScanRefusal.URL: "That is a web link, not a payment code. Ask the customer to open the payment code.",
    ScanRefusal.RECEIPT: "That is a receipt or bill number, not a payment code.",
    ScanRefusal.ACTIVATION: "That is an activation code, not a payment code.",
    ScanRefusal.PROOF: "That is a payment proof, not a payment code.",
    ScanRefusal.LETTERS: "That is not a payment code: payment codes are digits only.",
    ScanRefusal.ECNY: "That is an e-CNY code, which is not served here. Ask for WeChat Pay, Alipay or UnionPay.",
    ScanRefusal.BESTPAY: "That is a BestPay code, which is not served here. Ask for WeChat Pay, Alipay or UnionPay.",
    ScanRefusal.SUNING: "That is a Suning code, which is not served here. Ask for WeChat Pay, Alipay or UnionPay.",
    ScanRefusal.UNKNOWN_WALLET: "No wallet is known that makes such a code. Ask the customer for another wallet.",
}


class Scanned(Struct, frozen=True, kw_only=True):
    """A payment code and when it was read (monotonic ms)."""

    code: PaymentCode
    at_ms: int


def wait_for_code(
    uri: str,
    *,
    ranges: Sequence[CodeRange],
    ready: Callable[[], None],
    refused: Callable[[str], None],
    until_s: float,
) -> Scanned | None:
    """The first payment code after `ready` was called; None when none came by `until_s` (monotonic seconds)."""
    events: Queue[DeviceEvent] = Queue()
    scanner = start_scanner(uri, events.put)
    if isinstance(scanner, BadScannerUri):
        raise uri_stop(scanner)
    try:
        until_ready(events, uri)
        scanner.flush()
        while not events.empty():
            events.get_nowait()
        ready()
        return _first_code(events, ranges, refused, until_s)
    finally:
        scanner.close()


def until_ready(events: Queue[DeviceEvent], uri: str) -> None:
    """Waits for an opened device; ends the command when it does not come."""
    deadline = time.monotonic() + _READY_WITHIN_S
    last: DeviceStatus | None = None
    while time.monotonic() < deadline:
        event = _next(events, deadline)
        if isinstance(event, DeviceStatus):
            last = event
            if event.state is DeviceState.READY:
                return
            if event.state is DeviceState.ERROR:
                break
    raise device_stop(uri, last)


def _first_code(
    events: Queue[DeviceEvent], ranges: Sequence[CodeRange], refused: Callable[[str], None], until_s: float
) -> Scanned | None:
    while time.monotonic() < until_s:
        event = _next(events, until_s)
        match event:
            case Scan(text=text, at_ms=at_ms):
                found = classify_scan(text, ranges=ranges)
                if isinstance(found, PaymentCode):
                    return Scanned(code=found, at_ms=at_ms)
                refused(SCAN_SENTENCES[found])
            case Noise():
                refused("The gun sent something unreadable. Scan again.")
            case DeviceStatus(state=DeviceState.LOST):
                refused("The gun is gone. Check its cable; it comes back by itself.")
            case DeviceStatus() | None:
                pass
    return None


def _next(events: Queue[DeviceEvent], until_s: float) -> DeviceEvent | None:
    try:
        return events.get(timeout=max(0.0, min(0.5, until_s - time.monotonic())))
    except Empty:
        return None
