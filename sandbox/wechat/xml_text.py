"""The flat XML of v2: one root, its children are fields. Documents with a DOCTYPE or nesting are not v2 and are
refused whole. Pure.
"""

from collections.abc import Mapping
from xml.parsers import expat

_MOST_BYTES = 1 << 20


class NotFlatXml(Exception):
    """The document is not what v2 sends."""


class NotUtf8(Exception):
    """The document's bytes are not UTF-8."""


def read_xml(body: bytes) -> dict[str, str]:
    """The fields of `<xml>…</xml>` by name, text as sent."""
    if len(body) > _MOST_BYTES:
        raise NotFlatXml
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotUtf8 from error
    return _Reader().read(body)


def write_xml(fields: Mapping[str, str | int], root: str = "xml") -> bytes:
    """Numbers plain, text as CDATA, in the order given."""
    lines = [f"<{root}>"]
    for name, value in fields.items():
        text = str(value) if isinstance(value, int) else f"<![CDATA[{value.replace(']]>', ']]]]><![CDATA[>')}]]>"
        lines.append(f"<{name}>{text}</{name}>")
    lines.append(f"</{root}>")
    return "\n".join(lines).encode("utf-8")


class _Reader:
    def __init__(self) -> None:
        self._fields: dict[str, str] = {}
        self._depth = 0
        self._text: list[str] = []

    def read(self, body: bytes) -> dict[str, str]:
        parser = expat.ParserCreate("UTF-8")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        try:
            parser.Parse(body, True)
        except expat.ExpatError as error:
            raise NotFlatXml from error
        return self._fields

    def _doctype(self, *_: object) -> None:
        raise NotFlatXml

    def _start(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > 2 or (self._depth == 1 and name != "xml") or (self._depth == 2 and name in self._fields):
            raise NotFlatXml
        self._text.clear()

    def _end(self, name: str) -> None:
        if self._depth == 2:
            self._fields[name] = "".join(self._text)
        self._depth -= 1
