"""When a till that was just switched on can sell: its window is up, its journal is open, its guns are.

For programs that wait for the app (`--announce`). A gun that is not plugged in delays the word, never withholds it. The
line is not waited for: a scan is taken and journaled from here on, and goes out with the gateway's first word.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from terminal.cashier.ports import GunSeen, GunState, Publication, TerminalPort

#: How long a gun may take before the word is given without it.
PATIENCE_S = 8.0


class Readiness:
    """Watches one till on a thread of its own and calls `ready` once; at once when there is no gun to wait for."""

    def __init__(
        self, till: TerminalPort, *, guns: bool, ready: Callable[[], None], patience_s: float = PATIENCE_S
    ) -> None:
        self._till, self._ready, self._patience_s = till, ready, patience_s
        self._guns = guns
        self._gun_open = threading.Event()

    def watch(self) -> None:
        """Returns at once."""
        if not self._guns:
            self._ready()
            return
        self._till.subscribe(self._heard)
        threading.Thread(target=self._wait, name="readiness", daemon=True).start()

    def _heard(self, told: Publication) -> None:
        if isinstance(told, GunSeen) and told.gun in (GunState.READY, GunState.LOST):
            self._gun_open.set()

    def _wait(self) -> None:
        self._gun_open.wait(self._patience_s)
        self._ready()
