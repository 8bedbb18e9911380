"""What holds for every file: no hidden dependency, no address or path of a machine, honest names, short files."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("assets", "drivers", "gateway", "guitai", "proof", "protocol", "sandbox", "sync", "terminal")
MAX_LINES = 400

# Which extras a room's programs are installed with, beside the base.
EXTRAS: dict[str, tuple[str, ...]] = {
    "protocol": (),
    "assets": (),
    "sync": ("terminal",),
    "drivers": ("terminal", "camera"),
    "terminal": ("terminal",),
    "gateway": ("gateway",),
    "sandbox": ("sandbox",),
    "proof": ("terminal", "camera", "gateway", "sandbox", "proof"),
    "guitai": ("terminal", "camera", "gateway", "sandbox", "proof"),
}
# Parts of a declared package that are installed under their own name.
PART_OF = {"shiboken6": "pyside6-essentials"}


@cache
def tracked_files() -> tuple[Path, ...]:
    """Everything that is or is about to be part of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return tuple(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())


def python_files(*folders: str) -> Iterator[Path]:
    return (file for file in tracked_files() if file.suffix == ".py" and file.relative_to(ROOT).parts[0] in folders)


def texts() -> Iterator[tuple[str, str]]:
    for file in tracked_files():
        try:
            yield str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a picture, a sound, a font; or just deleted


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def declared(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {normal(re.split(r"[^A-Za-z0-9_.-]", line, maxsplit=1)[0]) for line in lines}


@cache
def distributions() -> Mapping[str, list[str]]:
    """Which installed packages have a top-level name."""
    return packages_distributions()


@cache
def read_code(file: Path) -> tuple[frozenset[str], tuple[str, ...]]:
    """Top-level names of third-party packages that a file imports, also by a literal `import_module`; its classes."""
    names: set[str] = set()
    classes: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef(name=name):
                classes.append(name)
            case ast.Import():
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom(module=str() as module, level=0):
                names.add(module)
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str() as module), *_]):
                names.add(module)
            case _:
                pass
    tops = {name.partition(".")[0] for name in names}
    return frozenset(tops - set(sys.stdlib_module_names) - set(ROOMS) - {"tests"}), tuple(classes)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_declares(room: str) -> None:
    """Every package a room imports is declared in pyproject.toml, in the base or in that room's extras."""
    allowed = declared(*EXTRAS[room])
    tools = allowed | declared("dev")
    placement = tomllib.loads((Path(__file__).parent / "placement.toml").read_text(encoding="utf-8"))
    hidden: list[str] = []
    for file in python_files(room):
        name = str(file.relative_to(ROOT))
        may = tools if name in placement["tools"] else allowed
        for top in sorted(read_code(file)[0]):
            owners = {PART_OF.get(normal(owner), normal(owner)) for owner in distributions().get(top, [top])}
            if not owners & may:
                hidden.append(f"{name} imports {top}")
    assert hidden == []


def test_tests_import_only_what_is_declared() -> None:
    """The tests may use every extra, and nothing that is only there by accident."""
    allowed = declared("terminal", "camera", "gateway", "sandbox", "proof", "dev")
    hidden: list[str] = []
    for file in python_files("tests"):
        for top in sorted(read_code(file)[0]):
            owners = {PART_OF.get(normal(owner), normal(owner)) for owner in distributions().get(top, [top])}
            if not owners & allowed:
                hidden.append(f"{file.relative_to(ROOT)} imports {top}")
    assert hidden == []


def test_locks_hold_every_declared_package_and_no_address() -> None:
    """lock.txt serves what runs, lock-dev.txt the checks too, at the same versions; neither says where from."""
    pins: dict[str, dict[str, str]] = {}
    for name in ("lock.txt", "lock-dev.txt"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        assert ":/" + "/" not in text
        entries = re.findall(
            r"^([A-Za-z0-9_.-]+)==(\S+)[^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", text, re.MULTILINE
        )
        assert len(entries) == len(re.findall(r"^\S", text, re.MULTILINE)), f"an entry of {name} has no hash"
        pins[name] = {f"{normal(package)}=={version}": version for package, version in entries}
    run, dev = pins["lock.txt"].keys(), pins["lock-dev.txt"].keys()
    assert run <= dev
    assert declared("terminal", "camera", "gateway", "sandbox", "proof") <= {pin.partition("==")[0] for pin in run}
    assert declared("dev") <= {pin.partition("==")[0] for pin in dev}


def test_no_address_or_path_of_somebodys_machine() -> None:
    """No file names a package registry or a folder of the machine it was written on."""
    # Put together here, so that this file does not find itself.
    patterns = [
        "py" + r"pi\.(org|python)",
        "python" + "hosted",
        "npm" + r"js\.(org|com)",
        "/" + "opt/(pypi|wheels)",
        r"(?<![\w.])/" + r"(work|farm)/",
        r"(?<![\w.])/" + r"root/",
        "/tmp/" + "(brief|bash_jobs)",
        r"index-url\s*=\s*\S*:" + "//",
    ]
    forbidden = re.compile("|".join(patterns))
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if forbidden.search(line)
    ]
    assert found == []


def test_names_say_what_a_thing_does() -> None:
    """No class or module is called by a word that fits anything."""
    vague = {"manager", "helper", "util", "common", "data", "info", "base"}

    def is_vague(name: str) -> bool:
        parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)
        return any(part.lower() in vague or part.lower().removesuffix("s") in vague for part in parts)

    found: list[str] = []
    for file in python_files(*ROOMS, "tests"):
        name = str(file.relative_to(ROOT))
        if is_vague(file.stem):
            found.append(name)
        found += [f"{name}: class {one}" for one in read_code(file)[1] if is_vague(one)]
    assert found == []


def test_files_are_short() -> None:
    """A file holds one idea: past 400 lines it holds several."""
    long = {
        str(file.relative_to(ROOT)): lines
        for file in python_files(*ROOMS)
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_nothing_is_left_for_later() -> None:
    """What is unfinished is not in the tree as a note."""
    forbidden = re.compile(r"(#|//|/\*|<!--).*\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
    found = [
        f"{name}:{number}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if name.endswith((".py", ".toml", ".md", ".html", ".css", ".js", ".ps1", "run")) and forbidden.search(line)
    ]
    assert found == []


def test_test_files_have_names_of_their_own() -> None:
    """No __init__.py under tests, and no two test files of one name."""
    names = [file.name for file in python_files("tests") if file.name != "conftest.py"]
    assert "__init__.py" not in names
    assert sorted(names) == sorted(set(names))


def test_one_version() -> None:
    """The command says the version that the project declares."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f'__version__ = "{project["version"]}"' in (ROOT / "guitai/__init__.py").read_text(encoding="utf-8")
