"""The three shapes in which ACP writes `name=value&name=value`.

Rules
- A request is a normal url-encoded form: every byte of a value that is not a letter or digit is escaped, so that the
  `+` and `=` of base64 arrive.
- An answer to a call is NOT url-encoded: a value runs to the next `&` and may hold `=`, `+`, line ends and, inside one
  pair of `{}` or `[]`, also `&`. Read as UnionPay's own client reads it: the first closing mark ends the nesting.
- A notification is a normal url-encoded form.
- One meaning only: a name twice, a name that is not a plain word, a broken escape, bytes that are not UTF-8, too many
  fields or too many bytes: not an answer at all.
It must not know fields, signatures or verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.channels.escaping import form_text

#: An answer or notification of a payment is a few kilobytes, its certificate included.
MAX_BYTES: Final = 65_536
#: The answer that carries a settlement file.
MAX_FILE_BYTES: Final = 64 * 1_048_576
_MAX_FIELDS: Final = 128
_NAME: Final = re.compile(r"[A-Za-z0-9_.]{1,64}", re.ASCII)
_ESCAPES: Final = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.ASCII)
_CLOSING: Final[Mapping[str, str]] = {"{": "}", "[": "]"}
#: What may end a value or change whether `&` ends it.
_MARKS: Final = re.compile(r"[&{}\[\]]")


def encode_form(fields: Mapping[str, str]) -> bytes:
    return form_text(fields).encode("ascii")


def parse_answer(body: bytes, *, max_bytes: int = MAX_BYTES) -> dict[str, str] | None:
    """The body of an answer, un-encoded."""
    if not body or len(body) > max_bytes:
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return _collected(_pieces(text))


def parse_notification(body: bytes) -> dict[str, str] | None:
    """The body of a notification, url-encoded."""
    if not body or len(body) > MAX_BYTES or not body.isascii():
        return None
    text = body.decode("ascii")
    if not _ESCAPES.fullmatch(text):
        return None
    fields = _collected(iter(text.split("&", _MAX_FIELDS)))
    if fields is None:
        return None
    try:
        return {name: unquote_to_bytes(value.replace("+", " ")).decode("utf-8") for name, value in fields.items()}
    except UnicodeDecodeError:
        return None


def _pieces(text: str) -> Iterator[str]:
    """Cuts at each `&` that is not nested. `{` and `[` count in values only, not in names."""
    start, closing = 0, ""
    named = text.find("=")
    for found in _MARKS.finditer(text):
        mark = found[0]
        if closing:
            closing = "" if mark == closing else closing
        elif mark == "&":
            yield text[start : found.start()]
            start = found.end()
            named = text.find("=", start)
        elif mark in _CLOSING and -1 < named < found.start():
            closing = _CLOSING[mark]
    yield text[start:]


def _collected(pieces: Iterator[str]) -> dict[str, str] | None:
    fields: dict[str, str] = {}
    for piece in pieces:
        name, mark, value = piece.partition("=")
        if not mark or not _NAME.fullmatch(name) or name in fields or len(fields) == _MAX_FIELDS:
            return None
        fields[name] = value
    return fields
