"""What a command hears from a till that it opened, on the command's own thread. Decides nothing about money."""

from __future__ import annotations

import time
from queue import Empty, Queue

from sync.engine.model import Line, LinkView, Published

#: How long a finished command waits until the gateway has its acknowledgement and its journal entries, in seconds.
_DELIVER_WITHIN_S = 3.0
#: How long the first contact with the gateway may take before the work is tried all the same, in seconds.
_CONTACT_WITHIN_S = 4.0


class Ear:
    """Collects what the till publishes."""

    def __init__(self) -> None:
        self._heard: Queue[Published] = Queue()
        self._line: LinkView | None = None

    def publish(self, published: Published) -> None:
        """The till's subscription; any thread."""
        self._heard.put(published)

    def wait_for_contact(self) -> None:
        """Waits until the line is known to be up or not."""
        deadline = time.monotonic() + _CONTACT_WITHIN_S
        while time.monotonic() < deadline and (self._line is None or self._line.line is Line.CHECKING):
            self.next(deadline)

    @property
    def line_is_up(self) -> bool:
        return self._line is not None and self._line.line is Line.UP

    @property
    def clock_skew_ms(self) -> int | None:
        """How far this computer's clock is off, when that is worth a warning."""
        return self._line.clock_skew_ms if self._line is not None and self._line.clock_warning else None

    def wait_for_delivery(self) -> None:
        """Gives the acknowledgement and the journal a moment to arrive; what is left goes at the next start."""
        deadline = time.monotonic() + _DELIVER_WITHIN_S
        while time.monotonic() < deadline and not self._delivered():
            self.next(deadline)

    def _delivered(self) -> bool:
        return self._line is not None and (self._line.unsent == 0 or self._line.line is not Line.UP)

    def next(self, until_s: float) -> Published | None:
        """The next publication, or None when there was none for a moment."""
        try:
            published = self._heard.get(timeout=max(0.0, min(0.2, until_s - time.monotonic())))
        except Empty:
            return None
        if isinstance(published, LinkView):
            self._line = published
        return published
