"""A plan as lines for a person. Pure.

+ store corner-shop        merchant = corner, name = 街角店, time_zone = Asia/Shanghai
~ channel account alipay   base_url: https://a/ -> https://b/, private_key changed
"""

from __future__ import annotations

from typing import Final

from gateway.configure.plan import FieldChange, Item, Plan, Verb

_SIGNS: Final = {Verb.ADD: "+", Verb.CHANGE: "~", Verb.UNCHANGED: "=", Verb.KEPT: "."}
_SHOWN: Final = 80


def plan_lines(plan: Plan) -> list[str]:
    """One line per item, in the file's order. Nothing to do is said in words."""
    lines = [_line(item) for item in plan.items]
    return lines or ["The file names nothing, and nothing is held."]


def _line(item: Item) -> str:
    start = f"{_SIGNS[item.verb]} {item.kind.value} {item.id}"
    match item.verb:
        case Verb.ADD:
            return f"{start}  {', '.join(_set(change) for change in item.fields)}"
        case Verb.CHANGE:
            return f"{start}  {', '.join(_changed(change) for change in item.fields)}"
        case Verb.UNCHANGED:
            return f"{start}  unchanged"
        case Verb.KEPT:
            return f"{start}  kept (not in the file)"


def _set(change: FieldChange) -> str:
    return f"{change.field} given" if change.secret else f"{change.field} = {_short(change.after)}"


def _changed(change: FieldChange) -> str:
    if change.secret:
        return f"{change.field} changed"
    return f"{change.field}: {_short(change.before)} -> {_short(change.after)}"


def _short(value: str | None) -> str:
    if value is None:
        return "(not set)"
    return value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"
