"""Runs one payment on a till and waits for what it becomes. Decides nothing about money: it reads the views."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, Queue
from typing import TYPE_CHECKING

from protocol.reasons import Reason
from sync.engine.model import CommandRefused, Line, LinkView, PaymentView, Published, StartPayment

if TYPE_CHECKING:
    from protocol.messages import Presented
    from protocol.money import Money
    from protocol.secret import Secret
    from sync.till import Till

#: How long a finished command waits until the gateway has its acknowledgement and its journal entries, in seconds.
_DELIVER_WITHIN_S = 3.0
#: How long the first contact with the gateway may take before the sale is tried all the same, in seconds.
_CONTACT_WITHIN_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """How far the payment came: its last view, or why nothing was started."""

    view: PaymentView | None
    refused: Reason | None


class OneSale:
    """Collects what the till publishes, on the caller's thread."""

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
            self._next(deadline)

    def run(
        self,
        till: Till,
        *,
        amount: Money,
        presented: Presented,
        auth_code: Secret | None,
        scanned_at_ms: int,
        until_s: float,
        show_qr: Callable[[PaymentView], None],
    ) -> Sold:
        """Starts the payment and follows it until it is final, refused, or `until_s` (monotonic seconds) is past."""
        request_id = secrets.token_hex(8)
        till.submit(
            StartPayment(
                request_id=request_id,
                sale_id=None,
                order_no=None,
                amount=amount,
                presented=presented,
                auth_code=auth_code,
                subject=till.identity.store_name,
                operator="guitai pay",
                scanned_at_ms=scanned_at_ms,
            )
        )
        last: PaymentView | None = None
        shown = False
        while time.monotonic() < until_s:
            match self._next(until_s):
                case CommandRefused(request_id=refused_id, reason=reason) if refused_id == request_id:
                    return Sold(view=last, refused=reason)
                case PaymentView() as view if view.request_id == request_id:
                    last = view
                    if view.qr is not None and not shown:
                        shown = True
                        show_qr(view)
                    if view.state.final:
                        return Sold(view=view, refused=None)
                case _:
                    pass
        return Sold(view=last, refused=None)

    @property
    def clock_skew_ms(self) -> int | None:
        """How far this computer's clock is off, when that is worth a warning."""
        return self._line.clock_skew_ms if self._line is not None and self._line.clock_warning else None

    def wait_for_delivery(self) -> None:
        """Gives the acknowledgement and the journal a moment to arrive; what is left goes at the next start."""
        deadline = time.monotonic() + _DELIVER_WITHIN_S
        while time.monotonic() < deadline and not self._delivered():
            self._next(deadline)

    def _delivered(self) -> bool:
        return self._line is not None and (self._line.unsent == 0 or self._line.line is not Line.UP)

    def _next(self, until_s: float) -> Published | None:
        try:
            published = self._heard.get(timeout=max(0.0, min(0.2, until_s - time.monotonic())))
        except Empty:
            return None
        if isinstance(published, LinkView):
            self._line = published
        return published
