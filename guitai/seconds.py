"""A number of seconds on the command line: a range has no place for "nan", which compares with nothing."""

from __future__ import annotations

import math
from typing import Any

import click


class Seconds(click.FloatRange):
    """Within its range, and a number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return found
