"""From a scanner URI to a running scanner: the one entrance for the programs that use scanners.

Rules: a URI that cannot be served is a value that says why; the driver of a kind is imported only when it is asked for,
because its libraries may be missing or belong to another system. It must not know what is done with the scans.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import assert_never

from msgspec import Struct

from drivers.scanner.events import DeviceEvent, DeviceStatus
from drivers.scanner.ports import Command, Opener, Parser
from drivers.scanner.supervisor import CommandOutcome, Supervisor
from drivers.scanner.uri import BadScannerUri, ScannerKind, ScannerUri, parse_scanner_uri


class RunningScanner:
    """A scanner in use, until ``close``."""

    def __init__(self, supervisor: Supervisor) -> None:
        """``supervisor`` is started."""
        self._supervisor = supervisor

    @property
    def status(self) -> DeviceStatus:
        """The state of the device, as told last."""
        return self._supervisor.status

    def flush(self) -> bool:
        """Throw away everything scanned before now and not yet told, as when a sale arms.

        Returns once that is done (False: not within two seconds). Bytes that arrive after it are kept.
        """
        return self._supervisor.flush()

    def trigger(self) -> CommandOutcome:
        """Start reading, as the trigger does."""
        return self._supervisor.command(Command.TRIGGER)

    def beep(self) -> CommandOutcome:
        """Sound the gun's beeper."""
        return self._supervisor.command(Command.BEEP)

    def stop_scan(self) -> CommandOutcome:
        """End the reading under way."""
        return self._supervisor.command(Command.STOP)

    def close(self) -> None:
        """Let the device go; no event comes after this (called from a receiver: none after it returns)."""
        self._supervisor.stop()


class _Driver(Struct, frozen=True, kw_only=True):
    open_device: Callable[[ScannerUri], Opener]
    make_parser: Callable[[ScannerUri], Parser]


def monotonic_ms() -> int:
    """Give the clock of all scanner events."""
    return time.monotonic_ns() // 1_000_000


def start_scanner(
    uri: ScannerUri | str,
    on_event: Callable[[DeviceEvent], None],
    *,
    clock: Callable[[], int] = monotonic_ms,
) -> RunningScanner | BadScannerUri:
    """Start the scanner of ``uri``; every event goes to ``on_event`` on the scanner's own thread.

    A device that is not there yet is no error: its status says MISSING until it is plugged in.
    """
    parsed = parse_scanner_uri(uri) if isinstance(uri, str) else uri
    if isinstance(parsed, BadScannerUri):
        return parsed
    driver = _driver_of(parsed)
    if isinstance(driver, BadScannerUri):
        return driver
    supervisor = Supervisor(
        device=parsed.text,
        opener=driver.open_device(parsed),
        parser=driver.make_parser(parsed),
        on_event=on_event,
        clock=clock,
    )
    supervisor.start()
    return RunningScanner(supervisor)


def _driver_of(uri: ScannerUri) -> _Driver | BadScannerUri:
    if uri.kind is ScannerKind.KEYBOARD:
        return BadScannerUri(
            text=uri.text,
            problem="keyboard: guns type into the cashier app, which reads them itself",
            suggestion="open the cashier app, or set the gun to USB serial and use serial:",
        )
    try:
        return _load(uri.kind)
    except ImportError as error:
        return BadScannerUri(
            text=uri.text,
            problem=f"the library for {uri.kind}: is not available here ({error.name or error})",
            suggestion="install it, or set the gun to USB serial and use serial:",
        )


def _load(kind: ScannerKind) -> _Driver:
    match kind:
        case ScannerKind.SERIAL:
            from drivers.scanner import serial_device as module
        case ScannerKind.HID:
            from drivers.scanner import hid_pos as module
        case ScannerKind.EVDEV:
            from drivers.scanner import evdev_grab as module
        case ScannerKind.CAMERA:
            from drivers import camera as module
        case ScannerKind.KEYBOARD:
            raise AssertionError("served by the app")
        case _:
            assert_never(kind)
    return _Driver(open_device=module.open_device, make_parser=module.make_parser)
