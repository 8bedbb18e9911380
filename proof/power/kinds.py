"""Which kinds of transaction the code has, read from the code itself, and which of them a recording reached.

A kind is one of: an entry of the till's journal; an event of a payment at the gateway; a function that writes, in the
journal or the store; a unit of work that the gateway gives to its store. A new one that no scenario reaches is named.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from cProfile import Profile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import CodeType, MappingProxyType
from typing import Any, Final, TypeGuard, get_args

import gateway
import sync.journal
from proof.power.recording import Recording
from proof.power.steps import words_of
from sync.engine.statements import AnyStatement

_GATEWAY: Final = Path(gateway.__file__).parent
_JOURNAL: Final = Path(sync.journal.__file__).parent
_WRITES: Final = re.compile(r"\s*(insert|update|delete)\s", re.IGNORECASE)
_BUILDERS: Final = frozenset({"insert", "update", "delete"})
#: What makes a statement of another; and how a transaction runs one that changes something.
_WRAPPERS: Final = frozenset({"text", "Statement"})
_RUNS: Final = frozenset({"change", "change_each"})
_WRITING: Final = re.compile(r"\b(insert|update|delete)\b|\.change|\bRows\b", re.IGNORECASE)
_RUNNING: Final = re.compile(r"store\s*\.run\b")
_SAYING: Final = re.compile(r"\bwhat\s*=")
#: Words in code that never become a row, and why.
NEVER_WRITTEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cancel_after_paid": "a cancel of a paid payment is answered from its row, before anything is decided",
        "closed": "money that was late and is found closed is written as late_money_undone",
    }
)
#: `(file, first line)` of a function, as its code object says.
_Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """`functions`: writing functions and units, by name. An event that ends with `*` is a prefix, then a proof."""

    entries: frozenset[str]
    events: frozenset[str]
    functions: frozenset[str]

    def __len__(self) -> int:
        return len(self.entries) + len(self.events) + len(self.functions)


@dataclass(slots=True)
class Reached:
    """What a recording saw: functions by `traced`, entries and events by what was written."""

    functions: set[str] = field(default_factory=set[str])
    words: set[str] = field(default_factory=set[str])

    def hear(self, recordings: Iterable[Recording]) -> None:
        for recording in recordings:
            for one in recording.statements:
                self.words.update(words_of(one.sql))

    def missing(self, kinds: Kinds) -> list[str]:
        """The kinds that code has and nothing reached."""
        entries = sorted(kind for kind in kinds.entries if f"entry {kind}" not in self.words)
        events = sorted(kind for kind in kinds.events if not self._was_said(kind))
        functions = sorted(kinds.functions - self.functions)
        return [*(f"entry {one}" for one in entries), *(f"event {one}" for one in events), *functions]

    def _was_said(self, event: str) -> bool:
        word = f"payment_events {event}"
        if event.endswith("*"):
            return any(found.startswith(word[:-1]) for found in self.words)
        return word in self.words


def kinds_in_code() -> Kinds:
    """Read anew from the source files."""
    return Kinds(
        entries=frozenset(_entries(AnyStatement)),
        events=frozenset(_events()) - NEVER_WRITTEN.keys(),
        functions=frozenset(_places().values()),
    )


@contextmanager
def traced(reached: Reached) -> Generator[None]:
    """Notes which of the writing functions and units are called in this thread."""
    places = _places()
    profile = Profile(subcalls=False, builtins=False)
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        for one in profile.getstats():
            if isinstance(one.code, CodeType):
                name = places.get((one.code.co_filename, one.code.co_firstlineno))
                if name is not None:
                    reached.functions.add(name)


def _entries(union: Any) -> Iterator[str]:
    for member in get_args(union) or (union,):
        if get_args(member):
            yield from _entries(member)
        else:
            yield member.__struct_config__.tag


def _events() -> Iterator[str]:
    for path in _sources(_GATEWAY, _SAYING):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Said", "replace"):
                for keyword in node.keywords:
                    if keyword.arg == "what":
                        yield from _literal(keyword.value)


def _literal(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr(values=[ast.Constant(value=str() as prefix), *_]):
            yield f"{prefix}*"
        case ast.IfExp(body=body, orelse=other):
            yield from _literal(body)
            yield from _literal(other)
        case _:
            return


@cache
def _places() -> dict[_Place, str]:
    found: dict[_Place, str] = {}
    for folder in (_JOURNAL, _GATEWAY):
        for path in _sources(folder, _WRITING):
            found.update(_writers(path))
    for path in _sources(_GATEWAY, _RUNNING):
        found.update(_units(path))
    return found


def _sources(folder: Path, having: re.Pattern[str]) -> Iterator[Path]:
    """Files that have a word without which there is nothing to find in them: reading a tree takes a hundred times
    longer than looking for a word."""
    paths = (path for path in sorted(folder.rglob("*.py")) if "migrations" not in path.parts)
    return (path for path in paths if having.search(_text(path)))


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(_text(path), str(path))


def _writers(path: Path) -> Iterator[tuple[_Place, str]]:
    """Functions in whose body, or in a constant that they name, a write begins, or that run a change."""
    tree = _tree(path)
    constants, tables = set[str](), set[str]()
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            if _is_write(node.value, constants):
                constants.update(name.id for name in ast.walk(node) if _is_stored(name))
            if _is_rows(node.value):
                tables.update(name.id for name in ast.walk(node) if _is_stored(name))
    for name, function in _functions(tree, ""):
        if function.name == "__init__":
            continue  # it prepares statements; who runs them is found by that
        parts = [part for statement in function.body for part in ast.walk(statement)]
        if any(_is_change(part, tables) or _is_write(part, constants) for part in parts):
            yield (str(path), _first_line(function)), f"{_module(path)}.{name}"


def _is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _is_rows(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Rows"


def _is_change(node: ast.AST, tables: Collection[str]) -> bool:
    """`tx.change(…)`, or `add` and `save` of a table's rows."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="add" | "save")):
            return name in tables
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _RUNS
        case _:
            return False


def _is_write(node: ast.AST, constants: Collection[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in constants
        case ast.Constant(value=str() as text):
            return _WRITES.match(text) is not None
        case ast.JoinedStr(values=[ast.Constant(value=str() as text), *_]):
            return _WRITES.match(text) is not None
        case ast.Call(func=ast.Name(id=wrapper), args=[first, *_]) if wrapper in _WRAPPERS:
            return _is_write(first, constants)
        case ast.Call(func=ast.Name(id=builder)):
            return builder in _BUILDERS
        case ast.Call(func=ast.Attribute(value=inner)) | ast.BinOp(left=inner):
            return _is_write(inner, constants)
        case _:
            return False


def _units(path: Path) -> Iterator[tuple[_Place, str]]:
    """What is given to `….store.run(…)`: lambdas, and functions of the same file."""
    tree = _tree(path)
    known = {name.rpartition(".")[2]: (name, function) for name, function in _functions(tree, "")}
    room = _module(path)
    for owner, function in _functions(tree, ""):
        number = 0
        for node in ast.walk(function):
            if not isinstance(node, ast.Call) or not _is_store_run(node.func) or len(node.args) != 1:
                continue
            number += 1
            match node.args[0]:
                case ast.Lambda(lineno=line):
                    yield (str(path), line), f"{room}.{owner}: unit {number}"
                case ast.Attribute(value=ast.Name(id="self"), attr=name) | ast.Name(id=name) if name in known:
                    full, unit = known[name]
                    yield (str(path), _first_line(unit)), f"{room}.{full}"
                case _:
                    continue


def _module(path: Path) -> str:
    return ".".join(path.relative_to(_GATEWAY.parent).with_suffix("").parts)


def _is_store_run(function: ast.expr) -> bool:
    match function:
        case ast.Attribute(value=ast.Attribute(attr=name) | ast.Name(id=name), attr="run"):
            return name.lstrip("_") == "store"
        case _:
            return False


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, _Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{prefix}{child.name}", child
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")


def _first_line(function: _Function) -> int:
    """As a code object counts it: from the first decorator on."""
    return min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
