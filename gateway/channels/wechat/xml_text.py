"""The flat XML of v2: one root `xml` (or `root`), its children are fields, nothing else.

Rules
- A DOCTYPE, an entity of its own, an attribute, a third level, a field twice, loose text or a processing instruction is
  no answer of v2: the document is refused whole, before anything is expanded or fetched.
- UTF-8 whatever the document says of itself. Size and number of fields have limits.
- What is written keeps every character of a value: text goes into CDATA, and characters that XML forbids are refused
  beforehand by who makes the value.
It must not know fields' names, signatures or verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from xml.parsers import expat

_MAX_BYTES: Final = 262_144
_MAX_FIELDS: Final = 1_000
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)


class _NotFlat(Exception):
    """Stops the parser."""


def read_xml(body: bytes, *, root: str = "xml") -> dict[str, str] | None:
    """The fields as sent; None: not a document of v2."""
    if len(body) > _MAX_BYTES:
        return None
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return _Reader(root).read(body)


def write_xml(fields: Mapping[str, str]) -> bytes:
    parts = [f"<{name}><![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]></{name}>" for name, text in fields.items()]
    return f"<xml>{''.join(parts)}</xml>".encode()


class _Reader:
    """Expat's callbacks: the first that has no place in v2 ends the reading."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._fields: dict[str, str] = {}
        self._depth = 0
        self._text: list[str] = []

    def read(self, body: bytes) -> dict[str, str] | None:
        parser = expat.ParserCreate("UTF-8")
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.ProcessingInstructionHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(body, True)
        except (expat.ExpatError, _NotFlat):
            return None
        return self._fields

    def _refuse(self, *_: object) -> None:
        raise _NotFlat

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        wanted = name == self._root if self._depth == 1 else self._depth == 2 and _NAME.fullmatch(name) is not None
        if not wanted or attributes or name in self._fields or len(self._fields) >= _MAX_FIELDS:
            raise _NotFlat
        self._text.clear()

    def _end(self, name: str) -> None:
        if self._depth == 2:
            self._fields[name] = "".join(self._text)
        self._depth -= 1

    def _characters(self, text: str) -> None:
        if self._depth == 2:
            self._text.append(text)
        elif text.strip():
            raise _NotFlat
