"""Colour roles and sizes. Widgets name a role (`paid`, `text_muted`) and a size token; nobody else knows a colour.

Sizes: the type tokens 14, 16, 20, 32, 56, 88 and the 8-px grid are those of the 1366 x 768 baseline. `Metrics` scales
them to the window (a small or doubled screen gets smaller logical sizes, a large one at most 1.3 times larger) and by
the shop's own text size. Touch targets never shrink below 44 px of the baseline's proportion.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from PySide6.QtGui import QColor

import assets

ROLES: Final[tuple[str, ...]] = (
    "surface", "surface_raised", "surface_pressed", "text", "text_muted", "line", "accent", "on_accent",
    "paid", "paid_tint", "not_paid", "not_paid_tint", "waiting", "waiting_tint", "unknown", "unknown_tint",
    "offline", "offline_tint", "danger", "danger_tint", "neutral", "neutral_tint", "shadow",
)  # fmt: skip

BASE_WIDTH: Final = 1366
BASE_HEIGHT: Final = 768
SMALLEST, LARGEST = 0.62, 1.3
#: A text size never makes the window smaller than this many baseline pixels: the state must stay whole.
LEAST_WIDTH, LEAST_HEIGHT = 760, 440


class Theme(Struct, frozen=True, kw_only=True):
    """`colours[role]` of one table (`light` or `dark`)."""

    name: str
    colours: Mapping[str, str]

    def colour(self, role: str) -> QColor:
        return QColor(self.colours[role])


def load_theme(name: str) -> Theme:
    """`light` or `dark` from assets; anything else is `light`. Raises ValueError when a role is missing."""
    tables = tomllib.loads(assets.theme())
    known = name if name in tables else "light"
    table: Mapping[str, str] = tables[known]
    missing = [role for role in ROLES if role not in table]
    if missing:
        raise ValueError(f"theme {known} lacks {', '.join(missing)}")
    return Theme(name=known, colours=table)


class Metrics(Struct, frozen=True, kw_only=True):
    """How many logical pixels one baseline pixel is."""

    unit: float

    def px(self, baseline: float) -> int:
        """A length of the baseline, in this window."""
        return max(1, round(baseline * self.unit))


def metrics_for(width: int, height: int, text_scale: float = 1.0) -> Metrics:
    """The scale of a window of this size, times the shop's text size (1.0 … 2.0)."""
    fit = min(width / BASE_WIDTH, height / BASE_HEIGHT)
    wanted = max(SMALLEST, min(LARGEST, fit)) * text_scale
    return Metrics(unit=min(wanted, max(SMALLEST, min(width / LEAST_WIDTH, height / LEAST_HEIGHT))))


class Look(Struct, frozen=True, kw_only=True):
    """What a widget needs to draw itself; handed down whole when theme, size or language changes."""

    theme: Theme
    metrics: Metrics

    def colour(self, role: str) -> QColor:
        return self.theme.colour(role)

    def px(self, baseline: float) -> int:
        return self.metrics.px(baseline)
