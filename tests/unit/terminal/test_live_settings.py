"""A damaged settings file never stops selling: what can be read counts, and each trouble names its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.auth_code import CONFIRMED_RANGES
from terminal.cashier.state import Settings
from terminal.live.settings import DeviceSettings, from_text, read_device_settings
from terminal.setup.settings_file import read_settings

GOOD = """\
language = "en"
scanners = ["serial:/dev/ttyACM0?baud=9600", "hid:", "keyboard:", "hid:"]

[[code_range]]
wallet = "bestpay"
min_length = 18
max_length = 18
first = 51
last = 51
"""


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert read_device_settings(tmp_path) == DeviceSettings()


def test_a_good_file_is_read_once_each_and_a_keyboard_gun_needs_no_device(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(GOOD)
    read = read_device_settings(tmp_path)
    assert read.scanners == ("serial:/dev/ttyACM0?baud=9600", "hid:")
    assert read.ranges[: len(CONFIRMED_RANGES)] == CONFIRMED_RANGES
    assert [known.wallet for known in read.ranges[len(CONFIRMED_RANGES) :]] == ["bestpay"]
    assert read.troubles == ()


@pytest.mark.parametrize(
    ("text", "line", "kept"),
    [
        ("scanners = [", 1, ()),
        ('a = 1\nscanners = ["hid:"\nb = 2\n', 3, ()),
        ("a = 1\nscanners = 7\n", 2, ()),
        ('scanners = [\n  "hid:",\n  "cereal:",\n]\n', 3, ("hid:",)),
        (GOOD.replace("min_length = 18", "min_length = 9"), 4, ("serial:/dev/ttyACM0?baud=9600", "hid:")),
        (GOOD.replace("first = 51", "first = 60"), 4, ("serial:/dev/ttyACM0?baud=9600", "hid:")),
        (GOOD.replace("first = 51", "first = 10"), 4, ("serial:/dev/ttyACM0?baud=9600", "hid:")),
        (GOOD.replace("last = 51", "lust = 51"), 4, ("serial:/dev/ttyACM0?baud=9600", "hid:")),
        ('code_range = "x"\n', 1, ()),
    ],
)
def test_a_trouble_names_its_line_and_costs_only_itself(text: str, line: int, kept: tuple[str, ...]) -> None:
    read = from_text(text)
    (trouble,) = read.troubles
    assert trouble.line == line
    assert trouble.todo
    assert f"settings.toml, line {line}: " in str(trouble)
    assert read.scanners == kept
    assert read.ranges == CONFIRMED_RANGES


@pytest.mark.parametrize(
    "text",
    ["deep = " + "[" * 5_000, "long = " + "9" * 5_000, f"scanners = [0x{'f' * 5_000}]", f"language = 0x{'f' * 5_000}"],
    ids=["nested", "long", "a-gun", "an-option"],
)
def test_what_no_setting_is_never_stops_selling(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.toml").write_text(text)
    assert read_device_settings(tmp_path).scanners == ()
    assert read_settings(tmp_path).settings == Settings()
    assert read_device_settings(tmp_path).troubles or read_settings(tmp_path).damaged


def test_a_file_that_is_not_text_is_one_trouble(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(b"\xff\xfe\x00")
    read = read_device_settings(tmp_path)
    assert (read.scanners, read.ranges, len(read.troubles)) == ((), CONFIRMED_RANGES, 1)


def test_a_range_may_not_take_a_confirmed_wallets_codes() -> None:
    taken = GOOD.replace("min_length = 18", "min_length = 16").replace("first = 51", "first = 14")
    (trouble,) = from_text(taken).troubles
    assert "'s." in trouble.problem
