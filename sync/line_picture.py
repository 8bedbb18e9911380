"""What the screen is told of the line and of what is undelivered, each time that it changed. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sync.engine.cash import day_start_ms
from sync.engine.views import Undelivered, link_view
from sync.errors import SyncError

if TYPE_CHECKING:
    from sync.delivery import Delivery
    from sync.engine.model import LinkView
    from sync.engine.state import EngineState
    from sync.journal.journal import Journal


class LinePicture:
    """See the module. Belongs to the thread of its journal."""

    def __init__(self, journal: Journal, delivery: Delivery, publish: Callable[[LinkView], None]) -> None:
        self._journal, self._delivery, self._publish = journal, delivery, publish
        self._shown: LinkView | None = None
        self._cash_known, self._cash_fen = (-1, 0), 0
        self._oldest_ms: int | None = None
        self._parked_order = ""

    def show(self, state: EngineState, *, last_seq: int, at_ms: int) -> None:
        """Publishes the picture unless it was the last one. `last_seq`: how far the journal goes by the runner;
        `at_ms`: the till's clock."""
        journal = self._journal
        unsent = last_seq - journal.delivered_through
        parked = max(journal.parked, default=0)
        day_ms = day_start_ms(at_ms)
        try:
            self._oldest_ms = journal.at_ms_of(journal.delivered_through + 1) if unsent else None
            self._parked_order = journal.order_of(parked) if parked else ""
            if self._cash_known != (last_seq, day_ms):
                self._cash_fen = journal.cash_offline_fen(since_ms=day_ms)
                self._cash_known = (last_seq, day_ms)
        except SyncError:
            # The journal's trouble is told by the event that met it; these figures stay as they were.
            pass
        undelivered = Undelivered(
            entries=unsent,
            fen=journal.unsent_fen,
            oldest_at_ms=self._oldest_ms,
            parked=len(journal.parked),
            parked_order=self._parked_order,
            stopped=self._delivery.stopped,
        )
        view = link_view(state, undelivered, cash_offline_fen=self._cash_fen)
        if view != self._shown:
            self._shown = view
            self._publish(view)
