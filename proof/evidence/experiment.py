"""An experiment is a `guitai` command whose last line is JSON, and the figures that are read out of it.

Whatever stands on the page is what that command printed: nothing is computed here that a reader could not compute from
its output. A command that does not end well, or prints something else, is a failed experiment, with its words.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

#: The parsed last line of a command.
Printed = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of several counts that stand together: `kind` as the command calls it."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of the page: `label` is a key of the words; `value` is shown as it is. A table of counts has `parts`
    instead, and `kinds` is where the words of its kinds stand."""

    label: str
    value: str = ""
    parts: tuple[Part, ...] = ()
    kinds: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """`name` is a key of the words. `repeats`: the same command gives the same figures, not only the same verdict."""

    name: str
    arguments: tuple[str, ...]
    figures: Callable[[Printed], tuple[Figure, ...]]
    repeats: bool = False

    @property
    def command(self) -> str:
        """As a person types it."""
        return shlex.join(("./run", *self.arguments))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an experiment said. `printed` is None when its last line was not JSON; `words` is then all that is known."""

    experiment: Experiment
    exit_status: int
    seconds: float
    printed: Printed | None
    words: str

    @property
    def passed(self) -> bool:
        return self.exit_status == 0 and self.printed is not None

    @property
    def figures(self) -> tuple[Figure, ...]:
        return () if self.printed is None else self.experiment.figures(self.printed)


def read_last_line(stdout: str) -> Printed | None:
    """The JSON object of the last line that a command printed."""
    lines = stdout.strip().splitlines()
    if not lines:
        return None
    try:
        printed: object = json.loads(lines[-1])
    except ValueError:
        return None
    return cast("Printed", printed) if isinstance(printed, dict) else None


def number(value: float) -> str:
    """`12,345` or `0.25`: thousands apart, no more digits than say something."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def counted(printed: Printed, *names: str) -> tuple[Figure, ...]:
    """Figures that stand in the output under these very names; one that is missing is not shown."""
    return tuple(Figure(label=name, value=number(printed[name])) for name in names if name in printed)


def tallied(printed: Printed, name: str, *, label: str | None = None) -> tuple[Figure, ...]:
    """A table of counts as one figure, the most frequent kind first; its label is its name unless given."""
    table = cast("Mapping[str, float]", printed.get(name) or {})
    parts = tuple(Part(kind=kind, value=number(table[kind])) for kind in sorted(table, key=lambda it: -table[it]))
    return (Figure(label=label or name, parts=parts, kinds=name),) if parts else ()
