"""The arrows between the rooms hold, the contracts that say so bite, and every folder has its place."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("assets", "drivers", "gateway", "guitai", "proof", "protocol", "sandbox", "sync", "terminal")

# contract → where a forbidden import is planted, and which. Each must break that contract and no other.
ATTACKS: dict[str, tuple[str, str]] = {
    "terminal": ("terminal", "import gateway"),
    "gateway": ("gateway", "import sync"),
    "sync": ("sync", "import drivers"),
    "drivers": ("drivers", "import protocol"),
    "sandbox": ("sandbox", "from gateway import channels"),
    "assets": ("assets", "import protocol"),
    "proof": ("proof", "import guitai"),
    "protocol-rooms": ("protocol", "import assets"),
    "protocol-packages": ("protocol", "import rich"),
    "http-clients": ("gateway", "import httpx"),
    "qt": ("sync", "from PySide6 import QtCore"),
    "camera": ("terminal", "import cv2"),
    "devices": ("drivers", "from serial.tools import list_ports"),
    "database": ("sync", "import sqlalchemy"),
}
# Each pure place is attacked with another of the things it may not know.
CHANCE_AND_WORLD = ("import random", "import socket", "import logging", "from threading import Lock", "import sqlite3")


def contracts() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter", encoding="utf-8")
    return config


def words(text: str) -> set[str]:
    return set(text.split())


def placement() -> dict[str, list[str]]:
    return tomllib.loads((Path(__file__).parent / "placement.toml").read_text(encoding="utf-8"))


def code_folders() -> set[str]:
    return {str(file.parent.relative_to(ROOT)) for room in ROOMS for file in (ROOT / room).rglob("*.py")}


def test_contracts_hold() -> None:
    """No room imports what the design forbids it."""
    result = subprocess.run(
        [
            shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or "lint-imports",
            "--no-cache",
            "--no-logo",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_contract_bites(tmp_path: Path) -> None:
    """One forbidden import per contract, planted in a copy of the tree, breaks exactly that contract."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=_all_but_python)
    shutil.copy(ROOT / ".importlinter", tmp_path)
    config = contracts()
    pure_places = sorted(words(config["importlinter:contract:pure"]["source_modules"]))
    planted = [(name, place, line) for name, (place, line) in ATTACKS.items()]
    for number, place in enumerate(pure_places):
        if (tmp_path / place.replace(".", "/")).is_dir():
            planted.append(("pure", place, CHANCE_AND_WORLD[number % len(CHANCE_AND_WORLD)]))
    files = [(f"{place.replace('.', '/')}/planted_import.py", line) for _, place, line in planted]
    files.append(("protocol/planted_import.py", "import json"))  # harmless: what is broken anyway
    result = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).parent / "attack_contracts.py")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        input=json.dumps(files),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    *answers, anyway = json.loads(result.stdout)
    broken = {attack: set(answer) - set(anyway) for attack, answer in zip(planted, answers, strict=True)}
    expected = {attack: {config[f"importlinter:contract:{attack[0]}"]["name"]} for attack in planted}
    assert broken == expected


def _all_but_python(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not (name.endswith(".py") or Path(folder, name).is_dir()) or name.startswith(".")]


def test_every_contract_is_attacked() -> None:
    """A contract without an attack may have no teeth: each has one."""
    prefix = "importlinter:contract:"
    names = {section.removeprefix(prefix) for section in contracts().sections() if section.startswith(prefix)}
    assert names == ATTACKS.keys() | {"pure"}


def test_every_folder_is_placed() -> None:
    """A folder with code is listed in placement.toml, once: as pure or as edge."""
    places = placement()
    listed = places["pure"] + places["edge"]
    assert len(listed) == len(set(listed))
    assert code_folders() <= set(listed), "place these in tests/architecture/placement.toml"


def test_pure_folders_are_held_to_it() -> None:
    """A pure folder has the bans of pure.ruff.toml and is a source of contract `pure`; no other folder claims so."""
    places = placement()
    pure = set(places["pure"])
    tops = {folder for folder in pure if not any(folder.startswith(f"{other}/") for other in pure)}
    with_bans = {str(file.parent.relative_to(ROOT)) for room in ROOMS for file in (ROOT / room).rglob("ruff.toml")}
    assert with_bans == tops
    for folder in with_bans:
        up = "/".join([".."] * (folder.count("/") + 1))
        extends = tomllib.loads((ROOT / folder / "ruff.toml").read_text(encoding="utf-8"))
        assert extends == {"extend": f"{up}/pure.ruff.toml"}, folder
    modules = {module.removesuffix(".py") for module in places["pure_modules"]}
    sources = words(contracts()["importlinter:contract:pure"]["source_modules"])
    assert {source.replace(".", "/") for source in sources} == tops | modules


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_is(room: str) -> None:
    """Each room opens with a docstring, and its name finds this tree, not a package of the same name."""
    text = (ROOT / room / "__init__.py").read_text(encoding="utf-8")
    assert text.startswith('"""')
    found = subprocess.run(
        [sys.executable, "-P", "-c", f"import importlib.util as u; print(u.find_spec({room!r}).origin)"],
        cwd=ROOT.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == ROOT / room / "__init__.py"
