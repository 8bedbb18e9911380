"""A day on the command line: one that has a next one, which every day's reports are bounded by."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import click


class Day(click.DateTime):
    """Written as 2026-03-01."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        found: datetime = super().convert(value, param, ctx)
        if not date.min < found.date() < date.max:
            self.fail(f"{value!r} is no day of any shop.", param, ctx)
        return found
