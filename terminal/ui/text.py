"""Sentences in the shop's language: loads a catalogue and turns a `Phrase` into text.

Rules: the three catalogues have the same keys and placeholders (a test holds them together), so a key that is missing
is a bug and raises. Must not know: which sentence belongs to which event (terminal/cashier decides that).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

import assets
from terminal.cashier.phrase import Phrase

LANGUAGES: Final[tuple[str, ...]] = ("zh_CN", "zh_TW", "en")
#: Each language in its own words, for the switch.
LANGUAGE_NAMES: Final[Mapping[str, str]] = {"zh_CN": "简体中文", "zh_TW": "繁體中文", "en": "English"}


class Catalogue(Struct, frozen=True, kw_only=True):
    """One language: `sentences[key]` with `{placeholders}`."""

    language: str
    sentences: Mapping[str, str]

    def text(self, phrase: Phrase | str) -> str:
        """The sentence in this language; nested phrases first. Raises KeyError on a key that no catalogue has."""
        if isinstance(phrase, str):
            return self.sentences[phrase]
        values = {name: self.text(value) if isinstance(value, Phrase) else value for name, value in phrase.values}
        return self.sentences[phrase.key].format_map(values)


def flatten(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """`{"state": {"paid": "…"}}` → `{"state.paid": "…"}`."""
    found: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, str):
            found[prefix + name] = value
        elif isinstance(value, dict):
            found.update(flatten(value, f"{prefix}{name}."))  # pyright: ignore[reportUnknownArgumentType]  # tomllib's dict
    return found


def load_catalogue(language: str) -> Catalogue:
    """Reads one language from assets; an unknown language is read as zh_CN."""
    known = language if language in LANGUAGES else LANGUAGES[0]
    return Catalogue(language=known, sentences=flatten(tomllib.loads(assets.translation(known))))
