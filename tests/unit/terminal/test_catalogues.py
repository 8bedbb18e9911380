"""The three catalogues are complete: equal keys and placeholders, every key in use, every used key there."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from terminal.cashier.orders import SIGNS
from terminal.cashier.phrase import say
from terminal.cashier.present_pages import CHECK_ICONS
from terminal.cashier.settings_panel import OPTIONS
from terminal.cashier.timeline import KINDS
from terminal.cashier.view import Page
from terminal.cashier.words import FAMILIES
from terminal.ui.text import LANGUAGE_NAMES, LANGUAGES, Catalogue, flatten, load_catalogue

ROOT = Path(__file__).resolve().parents[3]
SOURCES = "\n".join(
    path.read_text(encoding="utf-8") for path in (ROOT / "terminal").rglob("*.py") if "gallery" not in path.name
)
KEY = re.compile(r"[a-z_]+(?:\.[a-zA-Z0-9_]+)+|[a-z]+(?:_[a-z]+)+")


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def families() -> set[str]:
    """Keys that are made from a closed list."""
    found = {f"{family}.{value}" for family, values in FAMILIES.items() for value in values}
    found |= {f"scan_todo.{value}" for value in FAMILIES["scan"]} | {"scan_todo.no_amount"}
    found |= {f"event.{kind}" for kind in KINDS} | {f"page.{page.value}" for page in Page}
    found |= {f"check.{name}" for name in CHECK_ICONS}
    for name, values in OPTIONS:
        found |= {f"display.{name}"} | {f"display.{name}_{value}" for value in values}
    return found


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_has_the_same_keys_and_placeholders(language: str) -> None:
    first, other = load_catalogue(LANGUAGES[0]).sentences, load_catalogue(language).sentences
    assert set(first) == set(other)
    assert {key: placeholders(other[key]) for key in other} == {key: placeholders(first[key]) for key in first}


def test_every_key_made_from_a_list_exists() -> None:
    assert families() - set(load_catalogue("en").sentences) == set()


def test_every_key_written_in_the_code_exists() -> None:
    """`say("…")` and `Phrase("…")` name sentences of the catalogue."""
    written = set(re.findall(r'\b(?:say|Phrase)\(\s*"([a-zA-Z_.]+)"', SOURCES))
    assert len(written) > 60
    assert written - set(load_catalogue("en").sentences) == set()


def test_no_sentence_is_unused() -> None:
    """A key is used when the code writes it out, or when it belongs to a family."""
    quoted = set(re.findall(r"""["']([a-zA-Z_.]+)["']""", SOURCES))
    dynamic = {key for key in load_catalogue("en").sentences if key.startswith(("found.", "check_todo."))}
    checks = {key for key in dynamic if key.partition(".")[2] in quoted}
    unused = set(load_catalogue("en").sentences) - quoted - families() - checks
    assert unused == set()


def test_no_sentence_is_empty_or_copied_from_another_language() -> None:
    """Chinese sentences have Chinese in them and English ones have none (names of languages apart)."""
    hanzi = re.compile(r"[\u4e00-\u9fff]")
    for language in LANGUAGES:
        for key, sentence in load_catalogue(language).sentences.items():
            words = re.sub(r"\{\w+\}", "", sentence)
            assert sentence.strip() != "", key
            if language == "en" and not key.startswith("display.language_"):
                assert not hanzi.search(words), key
            elif language != "en" and re.search(r"[A-Za-z]{4,}", words) and key not in ASCII_IN_CHINESE:
                assert hanzi.search(words), key


ASCII_IN_CHINESE = {"display.language_en"}


def test_traditional_chinese_has_no_simplified_characters() -> None:
    """Every character of zh_TW is one of Big5, but for the other script's own name."""
    for key, sentence in load_catalogue("zh_TW").sentences.items():
        if key != "display.language_zh_CN":
            sentence.replace("¥", "").replace("·", "").encode("big5hkscs")


def test_a_sentence_takes_values_and_other_sentences() -> None:
    catalogue = load_catalogue("zh_CN")
    phrase = say("state.paid_by", wallet=say("wallet.alipay"), seconds="0.8")
    assert catalogue.text(phrase) == "支付宝 · 0.8 秒"


def test_a_missing_key_is_loud() -> None:
    with pytest.raises(KeyError):
        Catalogue(language="en", sentences={}).text("state.paid")


def test_an_unknown_language_reads_as_the_first() -> None:
    assert load_catalogue("xx").language == LANGUAGES[0]
    assert set(LANGUAGE_NAMES) == set(LANGUAGES)


def test_tables_become_dotted_keys() -> None:
    assert flatten({"a": "1", "b": {"c": "2", "d": {"e": "3"}}}) == {"a": "1", "b.c": "2", "b.d.e": "3"}


def test_every_payment_state_has_a_sign() -> None:
    assert len(SIGNS) == 7
