"""docs/threats.md says what is true: all 24 attacks have a row, and each file and test that a row names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "threats.md"
ROW = re.compile(r"^\| ([0-9]+) \|(.*)\|(.*)\|(.*)\|(.*)\|$", re.MULTILINE)
NAMED = re.compile(r"`([^`]+)`")


def rows() -> dict[int, tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Number → (control, files, tests)."""
    found = ROW.findall(TABLE.read_text(encoding="utf-8"))
    return {
        int(number): (control.strip(), tuple(NAMED.findall(files)), tuple(NAMED.findall(tests)))
        for number, _, control, files, tests in found
    }


@cache
def names_in(name: str) -> frozenset[str]:
    """The tests of a file: its functions, and what a tool made and was given a test's name."""
    names: set[str] = set()
    for node in ast.parse((ROOT / name).read_text(encoding="utf-8")).body:
        match node:
            case (
                ast.FunctionDef(name=found)
                | ast.AsyncFunctionDef(name=found)
                | ast.AnnAssign(target=ast.Name(id=found))
            ):
                names.add(found)
            case _:
                continue
    return frozenset(name for name in names if name.startswith("test_"))


def test_every_attack_of_the_model_has_its_row() -> None:
    assert list(rows()) == list(range(1, 25))


@pytest.mark.parametrize("number", range(1, 25))
def test_a_row_names_files_and_tests_that_exist(number: int) -> None:
    control, files, tests = rows()[number]
    assert control
    assert files, "a control lies in a file"
    assert tests, "a control is shown by a test"
    assert [name for name in files if not (ROOT / name).is_file()] == []
    missing = [
        one for one in tests if "::" not in one or one.partition("::")[2] not in names_in(one.partition("::")[0])
    ]
    assert missing == []
    assert all(one.partition("::")[0].startswith("tests/") for one in tests)


def test_the_limits_that_are_written_are_those_that_hold() -> None:
    from gateway.api.limits import Limits

    written = re.findall(r"^\| .* \| ([0-9,]+) \| ([0-9,]+) \|", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    limits = Limits()
    paces = (limits.terminal, limits.stranger, limits.guest, limits.wallet, limits.operations)
    assert [(one.replace(",", ""), other.replace(",", "")) for one, other in written] == [
        (str(pace.at_once), str(pace.per_second)) for pace in paces
    ]
