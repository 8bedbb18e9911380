"""Where `guitai pay` gets proofs from: a scanner, standard input, or nowhere (then only the line can tell).

Anything that is no proof is named on standard error and changes nothing.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from queue import Empty, Queue

from drivers.scanner.events import DeviceEvent, DeviceState, DeviceStatus, Noise, Scan
from drivers.scanner.start import start_scanner
from drivers.scanner.uri import BadScannerUri
from guitai.counter.scanning import until_ready
from guitai.device_words import uri_stop
from protocol.offline.text import is_proof_text

NOT_A_PROOF = "That is not a payment proof. Scan the proof on the customer's phone."


class Lines:
    """Standard input, one proof a line, read on a thread of its own once a QR is shown."""

    def __init__(self, refused: Callable[[str], None]) -> None:
        self._refused = refused
        self._read: Queue[str] = Queue()

    def start(self) -> None:
        threading.Thread(target=self._follow, name="guitai-proofs", daemon=True).start()

    def _follow(self) -> None:
        for line in sys.stdin:
            if line.strip():
                self._read.put(line.strip())

    def next(self) -> str | None:
        """The next proof; None when there is none yet."""
        try:
            text = self._read.get_nowait()
        except Empty:
            return None
        return _named(text, self._refused)


class Gun:
    """A scanner that is open; what it read before the QR was shown is thrown away."""

    def __init__(self, events: Queue[DeviceEvent], refused: Callable[[str], None]) -> None:
        self._events, self._refused = events, refused

    def start(self) -> None:
        while not self._events.empty():
            self._events.get_nowait()

    def next(self) -> str | None:
        """The next proof; None when there is none yet."""
        try:
            event = self._events.get_nowait()
        except Empty:
            return None
        match event:
            case Scan(text=text):
                return _named(text, self._refused)
            case Noise():
                self._refused("The gun sent something unreadable. Scan again.")
            case DeviceStatus(state=DeviceState.LOST):
                self._refused("The gun is gone. Check its cable; it comes back by itself.")
            case DeviceStatus():
                pass
        return None


class Nowhere:
    """No proof can come."""

    def start(self) -> None:
        """Nothing to begin."""

    def next(self) -> str | None:
        return None


@contextmanager
def open_gun(uri: str, refused: Callable[[str], None]) -> Generator[Gun]:
    """The scanner, ready; closed at the end."""
    events: Queue[DeviceEvent] = Queue()
    scanner = start_scanner(uri, events.put)
    if isinstance(scanner, BadScannerUri):
        raise uri_stop(scanner)
    try:
        until_ready(events, uri)
        scanner.flush()
        yield Gun(events, refused)
    finally:
        scanner.close()


def _named(text: str, refused: Callable[[str], None]) -> str | None:
    if is_proof_text(text.strip()):
        return text.strip()
    refused(NOT_A_PROOF)
    return None
