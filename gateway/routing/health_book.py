"""The health of every account, in memory: learned anew by each process. No clock, no thread, no task of its own.

Rules
- Results are told by one thread (`heard`), probes by one thread (`probe_begins`): each kind of row has one writer, and
  values are replaced as a whole, so that a reader never sees half of one.
- A probe is under way until a result is heard or `PROBE_MS` have passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gateway.routing.health import UNHEARD, AccountHealth, HealthState, classify, heard, state_at

#: After this a probe has been answered, or its process is gone.
PROBE_MS: Final = 30_000


class HealthBook:
    """Looked up by account id."""

    def __init__(self) -> None:
        self._health: dict[str, AccountHealth] = {}
        self._probes: dict[str, int] = {}

    def heard(self, account_id: str, verdict: object, now_ms: int) -> None:
        """One live result of an account."""
        result = classify(verdict)
        if result is not None:
            self._health[account_id] = heard(self.of(account_id), result, now_ms=now_ms)

    def of(self, account_id: str) -> AccountHealth:
        return self._health.get(account_id, UNHEARD)

    def state(self, account_id: str, *, now_ms: int) -> HealthState:
        return state_at(self.of(account_id), now_ms=now_ms)

    def probe_begins(self, account_id: str, *, now_ms: int) -> None:
        """A payment was routed to a half-open account."""
        self._probes[account_id] = now_ms

    def probing(self, account_id: str, *, now_ms: int) -> bool:
        """Whether a payment probes this account now: one that began since it may be probed, and is not answered."""
        began_ms = self._probes.get(account_id)
        if began_ms is None or self.state(account_id, now_ms=now_ms) is not HealthState.HALF_OPEN:
            return False
        return began_ms >= self.of(account_id).retry_at_ms and 0 <= now_ms - began_ms < PROBE_MS

    def states(self, account_ids: Iterable[str], *, now_ms: int) -> dict[str, HealthState]:
        return {account_id: self.state(account_id, now_ms=now_ms) for account_id in account_ids}
