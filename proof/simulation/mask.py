"""What is left out of a drawn plan: kinds of faults, and single sales. Used to make a failing seed short.

Leaving something out never draws anew: every sale has a stream of chance of its own, every line and machine too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final

from proof.simulation.faults import Profile

#: Parts of a profile that can be quiet.
PARTS: Final = (
    "line",
    "wallet",
    "callbacks",
    "till_deaths",
    "gateway_deaths",
    "disks",
    "clocks",
    "troubles",
    "selling",
)
#: Rates within people that can be zero.
HABITS: Final = ("hasty", "spiteful", "shares", "twice", "late_scan", "second_scan", "rivals", "returns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """`quiet`: parts and habits that do not happen; `skipped`: sales as (till, number)."""

    quiet: frozenset[str] = frozenset()
    skipped: frozenset[tuple[str, int]] = frozenset()

    def over(self, profile: Profile) -> Profile:
        """The profile with its quiet parts as they are where nothing goes wrong."""
        plain = {field.name: field.default for field in fields(Profile)}
        parts: dict[str, Any] = {name: plain[name] for name in PARTS if name in self.quiet}
        habits: dict[str, Any] = {name: 0.0 for name in HABITS if name in self.quiet}
        return replace(profile, people=replace(profile.people, **habits), **parts)


NOTHING: Final = Mask()
