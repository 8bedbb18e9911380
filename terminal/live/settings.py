"""Devices and extra payment codes from `settings.toml` in the data folder; the screen's choices are terminal/setup's.

    scanners = ["serial:/dev/ttyACM0?baud=9600", "hid:"]

    [[code_range]]                # codes of a wallet that has no confirmed range; the first two digits, both inclusive
    wallet = "bestpay"
    min_length = 18
    max_length = 18
    first = 51
    last = 51

Rules: a damaged file never stops selling: what can be read counts, the rest is left out, and each trouble names its
line and what to do. A range never takes codes away from a confirmed wallet. Blocking; holds no money and no secret.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, cast

import msgspec
from msgspec import Meta, Struct

from drivers.scanner.uri import BadScannerUri, ScannerKind, parse_scanner_uri
from protocol.auth_code import CONFIRMED_RANGES, CodeRange
from terminal.setup.settings_file import FILE

_Length = Annotated[int, Meta(ge=16, le=24)]
_FirstTwo = Annotated[int, Meta(ge=0, le=99)]
_LINE = re.compile(r"at line (\d+)")


class RangeInFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[code_range]]` as it is written."""

    wallet: Annotated[str, Meta(min_length=1, max_length=32)]
    min_length: _Length
    max_length: _Length
    first: _FirstTwo
    last: _FirstTwo


class SettingsTrouble(Struct, frozen=True, kw_only=True):
    """Something in the file that cannot be used. `line` is None when the whole file cannot be read."""

    line: int | None
    problem: str
    todo: str

    def __str__(self) -> str:
        where = FILE if self.line is None else f"{FILE}, line {self.line}"
        return f"{where}: {self.problem} {self.todo}"


class DeviceSettings(Struct, frozen=True, kw_only=True):
    """The scanners to open, the code ranges to believe, and what could not be used."""

    scanners: tuple[str, ...] = ()
    ranges: tuple[CodeRange, ...] = CONFIRMED_RANGES
    troubles: tuple[SettingsTrouble, ...] = ()


def read_device_settings(folder: Path) -> DeviceSettings:
    """What the folder's file says; the defaults when there is none."""
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return DeviceSettings()
    except UnicodeDecodeError:
        return _unreadable("it is not text in UTF-8.", "Save it as UTF-8, or delete it.")
    except OSError as error:
        return _unreadable(f"it cannot be read ({error.strerror}).", "Check the file's rights.")
    return from_text(text)


def from_text(text: str) -> DeviceSettings:
    """Reads the file's text."""
    try:
        return _read(text)
    except (ValueError, RecursionError):  # a number of thousands of digits; nesting without end
        return _unreadable("it holds what no setting is.", "Correct it, or delete it: sales go on either way.")


def _read(text: str) -> DeviceSettings:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found is not None else text.count("\n") + 1
        trouble = SettingsTrouble(
            line=line, problem="this is not TOML.", todo="Correct the line, or delete the file: sales go on either way."
        )
        return DeviceSettings(troubles=(trouble,))
    scanners, first = _scanners(table, text)
    ranges, second = _ranges(table, text)
    return DeviceSettings(scanners=scanners, ranges=(*CONFIRMED_RANGES, *ranges), troubles=(*first, *second))


def _unreadable(problem: str, todo: str) -> DeviceSettings:
    return DeviceSettings(troubles=(SettingsTrouble(line=None, problem=problem, todo=todo),))


def _scanners(table: Mapping[str, object], text: str) -> tuple[tuple[str, ...], list[SettingsTrouble]]:
    written = table.get("scanners", [])
    if not isinstance(written, list):
        line = _line_of(text, "scanners")
        todo = 'Write a list: scanners = ["serial:/dev/ttyACM0"]'
        return (), [SettingsTrouble(line=line, problem="scanners is not a list.", todo=todo)]
    usable: list[str] = []
    troubles: list[SettingsTrouble] = []
    for entry in cast("Sequence[object]", written):
        uri = parse_scanner_uri(str(entry))
        if isinstance(uri, BadScannerUri):
            line = _line_of(text, str(entry)) or _line_of(text, "scanners")
            troubles.append(SettingsTrouble(line=line, problem=f"{uri.problem}.", todo=f"Write {uri.suggestion}."))
        elif uri.kind is not ScannerKind.KEYBOARD and uri.text not in usable:
            # A gun that types needs no device: the window reads every key.
            usable.append(uri.text)
    return tuple(usable), troubles


def _ranges(table: Mapping[str, object], text: str) -> tuple[list[CodeRange], list[SettingsTrouble]]:
    written = table.get("code_range", [])
    todo = "Write wallet, min_length and max_length (16 to 24), first and last (two digits). Other wallets still work."
    if not isinstance(written, list):
        line = _line_of(text, "code_range")
        return [], [SettingsTrouble(line=line, problem="code_range is not a list of tables.", todo=todo)]
    usable: list[CodeRange] = []
    troubles: list[SettingsTrouble] = []
    for number, entry in enumerate(cast("Sequence[object]", written)):
        line = _line_of(text, "[[code_range]]", number)
        try:
            found = msgspec.convert(entry, RangeInFile)
        except msgspec.ValidationError as error:
            troubles.append(SettingsTrouble(line=line, problem=f"{error}.", todo=todo))
            continue
        problem = _range_problem(found)
        if problem is not None:
            troubles.append(SettingsTrouble(line=line, problem=problem, todo=todo))
            continue
        usable.append(
            CodeRange(
                wallet=found.wallet,
                min_length=found.min_length,
                max_length=found.max_length,
                first=found.first,
                last=found.last,
            )
        )
    return usable, troubles


def _range_problem(written: RangeInFile) -> str | None:
    if written.min_length > written.max_length or written.first > written.last:
        return "the range is empty."
    for known in CONFIRMED_RANGES:
        same_length = written.min_length <= known.max_length and known.min_length <= written.max_length
        if same_length and written.first <= known.last and known.first <= written.last:
            return f"these codes are {known.wallet}'s."
    return None


def _line_of(text: str, what: str, skip: int = 0) -> int | None:
    """The line where `what` is written, the `skip`-th time."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if what in line]
    return lines[skip] if skip < len(lines) else None
