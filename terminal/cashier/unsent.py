"""What the gateway does not hold yet, in figures and words: for the strip on top, the takings and leaving the app."""

from __future__ import annotations

from typing import Final

from terminal.cashier import words
from terminal.cashier.phrase import Phrase, say
from terminal.cashier.state import CashierState
from terminal.cashier.typing_keys import sale_open

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def leaving_matters(state: CashierState) -> bool:
    """Whether somebody who closes the app has to know something first."""
    return bool(state.link.unsent or state.parked) or sale_open(state.sale)


def age(state: CashierState) -> Phrase:
    """How long the oldest unsent entry waits, on the till's own clock."""
    oldest = state.link.oldest_unsent_at_ms
    now_ms = state.unix_ms - (state.link.clock_skew_ms or 0)
    waited = max(0, now_ms - oldest) if oldest is not None and state.unix_ms else 0
    if waited < _HOUR:
        return say("age.minutes", count=waited // _MINUTE)
    return say("age.hours", count=waited // _HOUR) if waited < 2 * _DAY else say("age.days", count=waited // _DAY)


def unsent_words(state: CashierState, key: str) -> Phrase:
    """Count, sum and oldest age in the sentence `key`."""
    amount = words.yuan_grouped(state.link.unsent_fen)
    return say(key, count=f"{state.link.unsent:,}", amount=amount, age=age(state))
