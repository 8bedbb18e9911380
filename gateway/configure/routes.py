"""`[[routes]]` and an account's terms as the owner writes them, and back as words for the plan. Pure.

Rules
- Every fault is noted at its key; a value at fault never enters a document.
- A rule is ended by `enabled = false`: what a file does not name is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar, cast

from gateway.channels.settings import SETTINGS
from gateway.configure.entries import Entry
from gateway.routing.moments import Window, read_window
from gateway.routing.rules import DEFAULT_PRIORITY, AccountTerms, Mode, Rule, RuleOrder

TERM_KEYS: Final = ("cost_ppm", "cost_fen", "service_hours")
_RULE_KEYS: Final = (
    "id",
    "merchant",
    "accounts",
    "wallets",
    "modes",
    "min_fen",
    "max_fen",
    "hours",
    "weekdays",
    "order",
    "priority",
    "enabled",
)
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST_PPM: Final = 100_000
_MOST_COST_FEN: Final = 10_000
_MOST_FEN: Final = 100_000_000
_MOST_PRIORITY: Final = 9_999
_HOURS_HINT: Final = 'write hours as ["08:00-22:00"]; 24:00 is the end of the day, 22:00-02:00 goes past midnight'
V = TypeVar("V")


def read_terms(entry: Entry) -> AccountTerms:
    """What a channel account costs and when it serves."""
    return AccountTerms(
        cost_ppm=_number(entry, "cost_ppm", low=0, high=_MOST_PPM) or 0,
        cost_fen=_number(entry, "cost_fen", low=0, high=_MOST_COST_FEN) or 0,
        hours=_hours(entry, "service_hours"),
    )


def read_rule(entry: Entry) -> Rule:
    entry.only(*_RULE_KEYS)
    accounts = _listed(entry, "accounts", lambda text: text, "name one or more channel accounts by their ids")
    if "accounts" not in entry.values or entry.values["accounts"] == []:
        entry.fault("accounts", "is missing: name one or more channel accounts by their ids")
    low, high = (_number(entry, key, low=1, high=_MOST_FEN) for key in ("min_fen", "max_fen"))
    if low is not None and high is not None and low > high:
        entry.fault("max_fen", "is less than min_fen: the rule would match nothing")
    priority = _number(entry, "priority", low=0, high=_MOST_PRIORITY)
    return Rule(
        id=entry.identity("id"),
        merchant=entry.identity("merchant"),
        accounts=accounts,
        wallets=_listed(entry, "wallets", _one_of(SETTINGS), f"write wallets of {', '.join(sorted(SETTINGS))}"),
        modes=tuple(Mode(text) for text in _listed(entry, "modes", _one_of(Mode), _choices("modes", Mode))),
        min_fen=low,
        max_fen=high,
        hours=_hours(entry, "hours"),
        weekdays=tuple(
            _DAYS.index(text) + 1 for text in _listed(entry, "weekdays", _one_of(_DAYS), _choices("weekdays", _DAYS))
        ),
        order=_order(entry),
        priority=DEFAULT_PRIORITY if priority is None else priority,
        enabled=entry.flag("enabled") if "enabled" in entry.values else True,
    )


def terms_words(terms: AccountTerms) -> dict[str, str]:
    """By the owner's keys; what says nothing is left out."""
    words = {
        "cost_ppm": str(terms.cost_ppm or ""),
        "cost_fen": str(terms.cost_fen or ""),
        "service_hours": _spans(terms.hours),
    }
    return {key: word for key, word in words.items() if word}


def rule_words(rule: Rule) -> dict[str, str]:
    """By the owner's keys; what says nothing is left out."""
    words = {
        "merchant": rule.merchant,
        "accounts": ", ".join(rule.accounts),
        "wallets": ", ".join(rule.wallets),
        "modes": ", ".join(rule.modes),
        "min_fen": "" if rule.min_fen is None else str(rule.min_fen),
        "max_fen": "" if rule.max_fen is None else str(rule.max_fen),
        "hours": _spans(rule.hours),
        "weekdays": ", ".join(_DAYS[day - 1] for day in rule.weekdays),
        "order": rule.order.value,
        "priority": str(rule.priority),
        "enabled": "true" if rule.enabled else "false",
    }
    return {key: word for key, word in words.items() if word}


def _spans(windows: tuple[Window, ...]) -> str:
    return ", ".join(window.text for window in windows)


def _choices(key: str, choices: Iterable[str]) -> str:
    return f"write {key} of {', '.join(choices)}"


def _one_of(choices: Iterable[str]) -> Callable[[str], str | None]:
    known = frozenset(str(choice) for choice in choices)
    return lambda text: text if text in known else None


def _number(entry: Entry, key: str, *, low: int, high: int) -> int | None:
    value = entry.values.get(key)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    entry.fault(key, f"write a whole number from {low} to {high}, without quotes")
    return None


def _order(entry: Entry) -> RuleOrder:
    value = entry.values.get("order", RuleOrder.COST.value)
    if isinstance(value, str) and value in set(RuleOrder):
        return RuleOrder(value)
    entry.fault("order", "write 'cost' (the cheapest first) or 'listed' (as the accounts are listed)")
    return RuleOrder.COST


def _hours(entry: Entry, key: str) -> tuple[Window, ...]:
    return _listed(entry, key, read_window, _HOURS_HINT)


def _listed(entry: Entry, key: str, read: Callable[[str], V | None], hint: str) -> tuple[V, ...]:
    """A list of texts, each once and each readable; otherwise one fault."""
    value = entry.values.get(key, [])
    items = cast("list[object]", value) if isinstance(value, list) else [None]
    found = [read(item) if isinstance(item, str) else None for item in items]
    good = [one for one in found if one is not None]
    if len(good) != len(items) or len(set(good)) != len(good):
        entry.fault(key, f"{hint}; a list of texts, each once")
        return ()
    return tuple(good)
