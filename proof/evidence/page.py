"""The page: one file, no script, nothing fetched, three languages in it of which the reader picks one.

Words are keys of words.toml; a figure whose label has no word there is a bug that a test finds.
"""

from __future__ import annotations

import json
import tomllib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import jinja2

from proof.evidence.experiment import Result, number

_FOLDER: Final = Path(__file__).parent
#: Code of each language and its own name; the first is shown at first.
LANGUAGES: Final = (("zh-CN", "简体中文"), ("zh-TW", "繁體中文"), ("en", "English"))
#: What the page's own face is for: Chinese letters and their punctuation, which not every computer has.
CHINESE: Final = ((0x2014, 0x2014), (0x2018, 0x201D), (0x2026, 0x2026), (0x3000, 0x9FFF), (0xFF00, 0xFFEF))

Words = Mapping[str, Mapping[str, str]]
#: Name of a table of counts to kind to language to its words.
Kinds = Mapping[str, Mapping[str, Mapping[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the page says. `made_at` is text, in UTC; `command` makes the whole page again."""

    made_at: str
    command: str
    seconds: float
    results: Sequence[Result]
    versions: Mapping[str, str]

    @property
    def passed(self) -> bool:
        return all(result.passed for result in self.results)


def load_words() -> Words:
    """Language to key to sentence."""
    return cast("Words", tomllib.loads((_FOLDER / "words.toml").read_text(encoding="utf-8")))


def load_kinds() -> Kinds:
    """What the kinds of the counts are called."""
    return cast("Kinds", tomllib.loads((_FOLDER / "kinds.toml").read_text(encoding="utf-8")))


def render(evidence: Evidence) -> str:
    """The page as HTML text."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((_FOLDER / "page.html").read_text(encoding="utf-8"))
    return template.render(
        evidence=evidence,
        css=(_FOLDER / "page.css").read_text(encoding="utf-8"),
        range=", ".join(f"U+{first:X}-{last:X}" for first, last in CHINESE),
        face=b64encode((_FOLDER / "page.woff2").read_bytes()).decode(),
        languages=LANGUAGES,
        words=load_words(),
        kinds=load_kinds(),
        printed=_printed,
        number=number,
    )


def _printed(result: Result) -> str:
    return result.words if result.printed is None else json.dumps(result.printed, ensure_ascii=False, indent=1)
