"""A sentence that is not yet in a language: a key of the catalogue and the values that go into it.

The cashier room decides what is said; which words say it is the catalogue's (assets/translations), chosen by the
screen. Values are numbers, amounts and names that read the same in every language, or phrases that are translated
first.
"""

from __future__ import annotations

from msgspec import Struct


class Phrase(Struct, frozen=True):
    """`key` of the catalogue, and `(placeholder, value)` pairs."""

    key: str
    values: tuple[tuple[str, str | int | Phrase], ...] = ()


def say(key: str, /, **values: str | int | Phrase) -> Phrase:
    """`say("state.paid", amount="12.50")`."""
    return Phrase(key, tuple(values.items()))
