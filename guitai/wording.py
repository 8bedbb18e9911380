"""The counter's own English sentences for the command line: the app's catalogue, and times in the shop's zone."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from terminal.cashier.state import CHINA
from terminal.cashier.times import moment
from terminal.ui.text import load_catalogue

if TYPE_CHECKING:
    from terminal.cashier.phrase import Phrase


@cache
def _sentences():
    return load_catalogue("en")


def text(phrase: Phrase | str) -> str:
    """The sentence in English."""
    return _sentences().text(phrase)


def when(unix_ms: int) -> str:
    """`11-22 14:03` in the shop's zone."""
    return moment(unix_ms, CHINA)
