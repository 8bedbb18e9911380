"""The scan guns of one till: started together, told about as one lamp, ended together.

Rules: events come on each gun's own thread and are passed on at once; a URI that cannot be served is a gun that is
being looked for, never a reason not to sell. Must not know what a scan means.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, assert_never

from drivers.scanner.events import DeviceEvent, DeviceStatus, Noise, Scan
from drivers.scanner.uri import BadScannerUri
from terminal.cashier.ports import GunSeen, GunState, ScanRead
from terminal.live.mapping import gun_of, most_urgent, noise_read, scan_read

if TYPE_CHECKING:
    from drivers.scanner.start import RunningScanner


class Start(Protocol):
    """drivers.scanner.start_scanner, or a fake of it."""

    def __call__(self, uri: str, on_event: Callable[[DeviceEvent], None], /) -> RunningScanner | BadScannerUri: ...


def open_gun(uri: str, on_event: Callable[[DeviceEvent], None], /) -> RunningScanner | BadScannerUri:
    """`drivers.scanner.start_scanner`, loaded when a till really has a gun that is not a keyboard."""
    from drivers.scanner.start import start_scanner

    return start_scanner(uri, on_event)


class Guns:
    """Started at construction. `tell` is called from any thread."""

    def __init__(
        self, uris: Iterable[str], tell: Callable[[GunSeen | ScanRead], None], *, start: Start = open_gun
    ) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._seen: dict[str, GunSeen] = {}
        self._told = GunSeen(gun=GunState.NONE)
        self._running: list[RunningScanner] = []
        for uri in uris:
            found = start(uri, lambda event, uri=uri: self._heard(uri, event))
            if isinstance(found, BadScannerUri):
                self._saw(uri, GunSeen(gun=GunState.SEARCHING, name=uri))
            else:
                self._running.append(found)

    def now(self) -> GunSeen:
        """What the lamp shows."""
        with self._lock:
            return most_urgent(self._seen.values())

    def all(self) -> tuple[GunSeen, ...]:
        """Every gun, for the doctor."""
        with self._lock:
            return tuple(self._seen.values())

    def close(self) -> None:
        """Lets the devices go."""
        running, self._running = self._running, []
        for scanner in running:
            scanner.close()

    def _heard(self, uri: str, event: DeviceEvent) -> None:
        match event:
            case Scan():
                self._tell(scan_read(event))
            case Noise():
                read = noise_read(event)
                if read is not None:
                    self._tell(read)
            case DeviceStatus():
                self._saw(uri, gun_of(event))
            case _:
                assert_never(event)

    def _saw(self, uri: str, gun: GunSeen) -> None:
        with self._lock:
            self._seen[uri] = gun
            lamp = most_urgent(self._seen.values())
            if lamp == self._told:
                return
            self._told = lamp
        self._tell(lamp)
