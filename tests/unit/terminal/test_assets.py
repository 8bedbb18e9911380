"""The bundled files: every icon and sound named exists, fonts cover what is shown, contrast holds in both themes."""

from __future__ import annotations

import importlib.util
import io
import re
import struct
import tomllib
import wave
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import assets
from terminal.cashier.effects import Sound
from terminal.cashier.present_pages import CHECK_ICONS
from terminal.ui.sound import NAMES
from terminal.ui.text import LANGUAGES, load_catalogue
from terminal.ui.theme import ROLES

ROOT = Path(__file__).resolve().parents[3]
THEMES: dict[str, dict[str, str]] = tomllib.loads(assets.theme())
TONES = ("paid", "not_paid", "waiting", "unknown", "offline", "danger", "neutral")
#: Every text role with every surface it is drawn on.
PAIRS = (
    ("text", "surface"), ("text", "surface_raised"), ("text", "surface_pressed"), ("text_muted", "surface"),
    ("text_muted", "surface_raised"), ("text_muted", "surface_pressed"), ("on_accent", "accent"),
    *((tone, "surface_raised") for tone in TONES if tone != "offline"),
    *((tone, "surface_pressed") for tone in TONES if tone != "offline"),
    *((tone, "surface") for tone in ("danger", "unknown")),
    *(("text", f"{tone}_tint") for tone in TONES if tone != "offline"),
    *(("text_muted", f"{tone}_tint") for tone in TONES if tone != "offline"),
)  # fmt: skip


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_every_text_can_be_read_on_every_surface(theme: str) -> None:
    """At least 4.5:1 for every pair that is drawn."""
    colours = THEMES[theme]
    low = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in PAIRS}
    assert {pair: round(ratio, 2) for pair, ratio in low.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", sorted(THEMES))
@pytest.mark.parametrize("tone", TONES)
def test_the_big_line_of_every_state_stands_out(theme: str, tone: str) -> None:
    """At least 7:1 on its own tint, read at two metres."""
    assert contrast(THEMES[theme][tone], THEMES[theme][f"{tone}_tint"]) >= 7


def test_both_themes_have_every_role() -> None:
    for table in THEMES.values():
        assert set(ROLES) <= set(table)


def test_every_named_icon_is_bundled_and_every_bundled_icon_is_named() -> None:
    """Icons are named in quotes in terminal/; none is carried along unused."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "terminal").rglob("*.py"))
    bundled = {path.stem for path in (ROOT / "assets" / "icons").glob("*.svg")}
    named = {name for name in bundled if f'"{name}"' in sources}
    assert bundled == named
    assert set(CHECK_ICONS.values()) <= bundled


def test_icons_take_their_colour_from_the_theme() -> None:
    for path in (ROOT / "assets" / "icons").glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        assert "currentColor" in text
        assert not re.search(r"#[0-9a-fA-F]{3,6}", text)


def test_every_sound_is_bundled() -> None:
    assert set(NAMES) == {sound.value for sound in Sound}


@pytest.mark.parametrize("name", NAMES)
def test_a_sound_starts_at_once_and_ends_in_silence(name: str) -> None:
    """Loud within 30 ms (a scan's tick is heard at once), quiet at the end (no click)."""
    with wave.open(io.BytesIO(assets.sound(name))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        frames = file.readframes(file.getnframes())
        rate = file.getframerate()
    samples = struct.unpack(f"<{len(frames) // 2}h", frames)
    assert max(abs(sample) for sample in samples[: rate * 30 // 1000]) > 3_000
    assert max(abs(sample) for sample in samples[-20:]) < 600
    assert len(samples) / rate < 2


@pytest.mark.parametrize("name", NAMES)
def test_sounds_are_made_by_their_script(name: str, tmp_path: Path) -> None:
    """The committed file is what the generator writes, byte for byte."""
    script = ROOT / "assets" / "sounds" / "make_sounds.py"
    spec = importlib.util.spec_from_file_location("make_sounds", script)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["make_sounds"] = module
    try:
        spec.loader.exec_module(module)
        module.HERE = tmp_path
        module.write(name, module.SOUNDS[name])
    finally:
        del sys.modules["make_sounds"]
    assert (tmp_path / f"{name}.wav").read_bytes() == assets.sound(name)


def characters(face: str) -> set[int]:
    tools: Any = import_module("fontTools.ttLib")
    return set(tools.TTFont(io.BytesIO(assets.font(face).read_bytes())).getBestCmap())


#: ≒, a sign that the original font does not have either.
NOT_IN_THE_ORIGINAL = {0x2252}


def test_the_regular_face_covers_gbk() -> None:
    """No shop name loses a letter: 犇 喆 堃 龘 are there with all others."""
    have = characters("guitai-sans") | NOT_IN_THE_ORIGINAL
    for lead in range(0x81, 0xFF):
        for trail in range(0x40, 0xFF):
            try:
                text = bytes([lead, trail]).decode("gbk")
            except UnicodeDecodeError:
                continue
            assert {ord(character) for character in text} <= have


def test_the_strong_face_covers_every_sentence() -> None:
    have = characters("guitai-sans-strong")
    for language in LANGUAGES:
        for key, sentence in load_catalogue(language).sentences.items():
            assert {ord(c) for c in sentence} <= have, key


def test_digits_are_as_wide_as_each_other() -> None:
    """Money lines up: tabular digits in both faces."""
    tools: Any = import_module("fontTools.ttLib")
    for face in ("guitai-sans", "guitai-sans-strong"):
        font = tools.TTFont(io.BytesIO(assets.font(face).read_bytes()))
        widths = {font["hmtx"][font.getBestCmap()[ord(digit)]][0] for digit in "0123456789"}
        assert len(widths) == 1


@pytest.mark.parametrize("folder", ["fonts", "icons", "sounds", "themes", "translations"])
def test_every_folder_names_origin_and_licence(folder: str) -> None:
    text = (ROOT / "assets" / folder / "ORIGIN.md").read_text(encoding="utf-8")
    assert re.search(r"[Ll]icence", text)
