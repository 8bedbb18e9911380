"""What the phone page is made of: symbols that readers read, words in three languages."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
import zxingcpp

from sandbox.codes import CodeBook
from sandbox.drawing import bars_svg, code128_values, qr_svg
from sandbox.scripts import ARGUMENTS, Behaviour, Script
from sandbox.words import DEFAULT_LANGUAGE, LANGUAGE_NAMES, LANGUAGES, choose_language


def path_runs(svg: str) -> list[tuple[int, int, int]]:
    """The rectangles of a symbol's path as (x, y, width)."""
    path = svg.split(' d="')[1].split('"')[0]
    runs: list[tuple[int, int, int]] = []
    for part in path.removeprefix("M").split("M"):
        spot, _, rest = part.partition("h")
        x, y = spot.split(" ")
        runs.append((int(x), int(y), int(rest.partition("v")[0])))
    return runs


def read_symbol(svg: str, scale: int, tall: int) -> str:
    runs = path_runs(svg)
    width = max(x + w for x, _, w in runs)
    height = max(y for _, y, _ in runs) + 1
    pixels = np.full((height, width), 255, dtype=np.uint8)
    for x, y, w in runs:
        pixels[y, x : x + w] = 0
    big = np.kron(np.pad(pixels, ((0, 0), (12, 12)), constant_values=255), np.ones((tall, scale), dtype=np.uint8))
    framed = np.pad(big, 40, constant_values=255)
    (found,) = zxingcpp.read_barcodes(framed)
    return found.text


@pytest.mark.parametrize("seed", range(12))
def test_both_symbols_of_a_code_are_read_as_its_digits_by_a_reader(seed: int) -> None:
    code = CodeBook(random.Random(seed).randbytes).issue_alipay(Script(behaviour=Behaviour.PAY), 0)
    assert read_symbol(qr_svg(code), 6, 6) == code
    assert read_symbol(bars_svg(code), 3, 90) == code


def test_every_pair_of_digits_has_its_own_bars() -> None:
    for start in range(0, 100, 10):
        digits = "".join(f"{pair:02d}" for pair in range(start, start + 10))
        assert read_symbol(bars_svg(digits), 3, 90) == digits


def test_a_published_check_character() -> None:
    """Code 128 C of 42184020500: start 105, pairs, a switch to B, 0, and the check sum modulo 103."""
    values = code128_values("42184020500")
    assert values[:7] == [105, 42, 18, 40, 20, 50, 100]
    assert values[7] == ord("0") - 32
    assert values[8] == (105 + 42 + 18 * 2 + 40 * 3 + 20 * 4 + 50 * 5 + 100 * 6 + 16 * 7) % 103


def test_every_language_has_the_same_words_and_a_sentence_for_every_script() -> None:
    keys = {language: set(words) for language, words in LANGUAGES.items()}
    assert set(keys) == set(LANGUAGE_NAMES)
    assert len({frozenset(words) for words in keys.values()}) == 1
    assert {f"do_{behaviour.value}" for behaviour in Behaviour} <= keys[DEFAULT_LANGUAGE]
    assert all(all(words.values()) for words in LANGUAGES.values())


def test_the_table_in_docs_has_every_script_once_by_its_name_and_argument() -> None:
    text = (Path(__file__).parents[3] / "docs" / "sandbox-scripts.md").read_text(encoding="utf-8")
    table = text.partition("\n## ")[0]
    written = re.findall(r"^\| `([a-z_]+(?::[A-Z])?)` \|", table, re.MULTILINE)
    named = [f"{b.value}:{ARGUMENTS[b].value}" if b in ARGUMENTS else b.value for b in Behaviour]
    assert written == named


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        (None, "", "zh-CN"),
        (None, "fr-FR,fr;q=0.9", "zh-CN"),
        (None, "fr,en-GB;q=0.8", "en"),
        (None, "zh-TW,zh;q=0.9,en;q=0.8", "zh-TW"),
        (None, "zh-Hant-HK", "zh-TW"),
        ("en", "zh-CN", "en"),
        ("zh_CN", "en", "zh-CN"),
        ("klingon", "en", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_then_the_browsers_then_chinese(
    asked: str | None, accepted: str, chosen: str
) -> None:
    assert choose_language(asked, accepted) == chosen
