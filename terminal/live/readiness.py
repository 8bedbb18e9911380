"""When a till that was just switched on can sell: its line was tried, its guns were opened, or there is no till yet.

For programs that wait for the app (`--announce`); a gateway that is away or a gun that is not plugged in delays the
word, never withholds it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from sync.engine.model import Line, LinkView
from terminal.cashier.ports import GunSeen, GunState, Publication, TerminalPort

#: How long a line or a gun may take before the word is given without it.
PATIENCE_S = 8.0


class Readiness:
    """Watches one till on a thread of its own and calls `ready` once."""

    def __init__(
        self, till: TerminalPort, *, guns: bool, ready: Callable[[], None], patience_s: float = PATIENCE_S
    ) -> None:
        self._till, self._ready, self._patience_s = till, ready, patience_s
        self._gun_open, self._line_tried = threading.Event(), threading.Event()
        if not guns:
            self._gun_open.set()
        if not till.identity().activated:
            self._line_tried.set()

    def watch(self) -> None:
        """Returns at once."""
        self._till.subscribe(self._heard)
        threading.Thread(target=self._wait, name="readiness", daemon=True).start()

    def _heard(self, told: Publication) -> None:
        match told:
            case LinkView(line=line) if line is not Line.CHECKING:
                self._line_tried.set()
            case GunSeen(gun=GunState.READY | GunState.LOST):
                self._gun_open.set()
            case _:
                pass

    def _wait(self) -> None:
        self._gun_open.wait(self._patience_s)
        self._line_tried.wait(self._patience_s)
        self._ready()
