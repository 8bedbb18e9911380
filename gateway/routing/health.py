"""How well a channel account answers, learned from its live results. Pure: `now_ms` is an argument.

Rules
- A customer who cannot pay is a healthy answer. Unhealthy is: no answer, nothing sent, an answer that cannot be
  believed, a wallet that says it is broken or that the merchant's own account is not in order.
- Three faults one after another, or half of at least ten recent results, break an account. It is left alone for ten
  seconds, twice as long after every probe that failed, at most five minutes; then one payment at a time may probe it.
- While it is broken, results of queries that were under way settle nothing. While it may be probed, any settled answer
  makes it healthy: what answers a query again answers a payment.
It must not know rules, costs or payments.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from gateway.channels.verdicts import (
    BillNotReady,
    BillReady,
    ChannelReason,
    Declined,
    Mismatch,
    NoAnswer,
    NoBill,
    NotSent,
    RefundRefused,
    UndoRefused,
    UndoRetry,
    Unknown,
)

WINDOW_MS: Final = 300_000
_MOST_RESULTS: Final = 50
_FAULTS_IN_A_ROW: Final = 3
_ENOUGH_RESULTS: Final = 10
_FIRST_WAIT_MS: Final = 10_000
_LONGEST_WAIT_MS: Final = 300_000
_FEW_RESULTS: Final = 5
_STEPS: Final = 10


class HealthState(StrEnum):
    """Words of a circuit breaker. CLOSED: chosen freely. OPEN: left alone. HALF_OPEN: one payment at a time probes."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Result(StrEnum):
    """What one answer says about the account. UNSETTLED: it answers, and settles nothing."""

    SETTLED = "settled"
    UNSETTLED = "unsettled"
    FAULT = "fault"


class HealthEvent(StrEnum):
    """BROKE: a fault that was one too many. RETRY_DUE: the wait is over."""

    SETTLED = "settled"
    UNSETTLED = "unsettled"
    FAULT = "fault"
    BROKE = "broke"
    RETRY_DUE = "retry_due"


_S, _E = HealthState, HealthEvent

#: Total: every state answers every event.
HEALTH_TABLE: Final[Mapping[tuple[HealthState, HealthEvent], HealthState]] = {
    (_S.CLOSED, _E.SETTLED): _S.CLOSED,
    (_S.CLOSED, _E.UNSETTLED): _S.CLOSED,
    (_S.CLOSED, _E.FAULT): _S.CLOSED,
    (_S.CLOSED, _E.BROKE): _S.OPEN,
    (_S.CLOSED, _E.RETRY_DUE): _S.CLOSED,
    (_S.OPEN, _E.SETTLED): _S.OPEN,
    (_S.OPEN, _E.UNSETTLED): _S.OPEN,
    (_S.OPEN, _E.FAULT): _S.OPEN,
    (_S.OPEN, _E.BROKE): _S.OPEN,
    (_S.OPEN, _E.RETRY_DUE): _S.HALF_OPEN,
    (_S.HALF_OPEN, _E.SETTLED): _S.CLOSED,
    (_S.HALF_OPEN, _E.UNSETTLED): _S.HALF_OPEN,
    (_S.HALF_OPEN, _E.FAULT): _S.OPEN,
    (_S.HALF_OPEN, _E.BROKE): _S.OPEN,
    (_S.HALF_OPEN, _E.RETRY_DUE): _S.HALF_OPEN,
}

_BROKEN_ANSWERS: Final = frozenset(
    {
        ChannelReason.CHANNEL_ERROR,
        ChannelReason.UNREADABLE,
        ChannelReason.UNSIGNED,
        ChannelReason.BAD_SIGNATURE,
        # the merchant's own account is not in order: the next customer fares no better
        ChannelReason.MERCHANT_LIMIT,
        ChannelReason.MERCHANT_BLOCKED,
        ChannelReason.MERCHANT_CONFIG,
    }
)
_UNSETTLED_ANSWERS: Final = frozenset({ChannelReason.ASK_AGAIN, ChannelReason.UNLISTED, ChannelReason.TOO_OFTEN})


def classify(verdict: object) -> Result | None:
    """What a verdict says about its account; None when it says nothing (bills are made when they are made)."""
    match verdict:
        case NotSent() | NoAnswer() | Mismatch():
            return Result.FAULT
        case Unknown(reason=reason) | Declined(reason=reason):
            return _of_reason(reason)
        case UndoRetry():
            return Result.UNSETTLED
        case BillReady() | BillNotReady() | NoBill():
            return None
        case UndoRefused() | RefundRefused():
            return Result.SETTLED  # about that order, not about the account
        case _:
            return Result.SETTLED


def _of_reason(reason: ChannelReason) -> Result:
    if reason in _BROKEN_ANSWERS:
        return Result.FAULT
    return Result.UNSETTLED if reason in _UNSETTLED_ANSWERS else Result.SETTLED


class AccountHealth(Struct, frozen=True, kw_only=True):
    """`results`: (ms, what) of the recent ones, oldest first. `wait_ms`: how long it was left alone the last time."""

    state: HealthState = HealthState.CLOSED
    results: tuple[tuple[int, Result], ...] = ()
    retry_at_ms: int = 0
    wait_ms: int = 0

    def count(self, what: Result, *, now_ms: int) -> int:
        return sum(1 for at_ms, result in self.results if result is what and _is_recent(at_ms, now_ms))


#: Of an account that nobody has heard of yet.
UNHEARD: Final = AccountHealth()


def state_at(health: AccountHealth, *, now_ms: int) -> HealthState:
    """The state now: a broken one may be probed once its wait is over, and when the clock was put back to before it."""
    waits = health.retry_at_ms - health.wait_ms <= now_ms < health.retry_at_ms
    if health.state is HealthState.OPEN and not waits:
        return HEALTH_TABLE[HealthState.OPEN, HealthEvent.RETRY_DUE]
    return health.state


def unsteady_tenths(health: AccountHealth, *, now_ms: int) -> int:
    """The share of faults among the recent results in tenths, 0 to 10; an unsettled one counts half. Tenths, so that
    noise does not decide between two good accounts; too few results are no reason against one, and one that may be
    probed is not judged by what broke it: its probe is."""
    if state_at(health, now_ms=now_ms) is HealthState.HALF_OPEN:
        return 0
    recent = [result for at_ms, result in health.results if _is_recent(at_ms, now_ms)]
    if len(recent) < _FEW_RESULTS:
        return 0
    halves = 2 * recent.count(Result.FAULT) + recent.count(Result.UNSETTLED)
    return halves * _STEPS // (2 * len(recent))


def heard(health: AccountHealth, result: Result, *, now_ms: int) -> AccountHealth:
    """After one more result."""
    before = state_at(health, now_ms=now_ms)
    recent = health.results
    if recent and not (_is_recent(recent[0][0], now_ms) and _is_recent(recent[-1][0], now_ms)):
        recent = tuple(item for item in recent if _is_recent(item[0], now_ms))
    results = (*recent[1 - _MOST_RESULTS :], (now_ms, result))
    after = HEALTH_TABLE[before, _event(result, results)]
    if after is HealthState.OPEN and before is not HealthState.OPEN:
        wait_ms = min(_LONGEST_WAIT_MS, 2 * health.wait_ms or _FIRST_WAIT_MS)
        return AccountHealth(state=after, results=results, retry_at_ms=now_ms + wait_ms, wait_ms=wait_ms)
    if after is HealthState.CLOSED and before is not HealthState.CLOSED:
        return AccountHealth(results=((now_ms, result),))  # what broke it is over
    return AccountHealth(state=after, results=results, retry_at_ms=health.retry_at_ms, wait_ms=health.wait_ms)


def _is_recent(at_ms: int, now_ms: int) -> bool:
    """What lies in the future was before the clock was put back: nobody knows how long ago."""
    return now_ms - WINDOW_MS < at_ms <= now_ms


def _event(result: Result, results: tuple[tuple[int, Result], ...]) -> HealthEvent:
    if result is not Result.FAULT:
        return HealthEvent(result.value)
    last = [what for _, what in results[-_FAULTS_IN_A_ROW:]]
    in_a_row = len(last) == _FAULTS_IN_A_ROW and all(what is Result.FAULT for what in last)
    faults = sum(1 for _, what in results if what is Result.FAULT)
    half = len(results) >= _ENOUGH_RESULTS and 2 * faults >= len(results)
    return HealthEvent.BROKE if in_a_row or half else HealthEvent.FAULT
