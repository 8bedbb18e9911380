"""A notification's form, opened so that it has exactly one meaning, and the text that its signature covers.

Rules
- Decoded once and by our own reader: frameworks repair, unescape or add. A name twice, a broken `%` escape, a pair
  without `=`, a byte outside ASCII, or a value that is not in the form's own charset is refused.
- The signature covers the values' bytes as they were sent. `sign` and `sign_type` are left out, and so are empty values
  (unlike a request, where `sign_type` is signed).
- What the header calls the body is not looked at: `application/x-www-form-urlencoded; text/html; charset=utf-8` comes.
It must not know keys or fields' meanings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

_MAX_BYTES: Final = 65_536
_MAX_FIELDS: Final = 200
_BROKEN: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})|[^\x21-\x7e]")
_NAME: Final = re.compile(rb"[A-Za-z0-9_.-]{1,64}")
_CHARSETS: Final = {"": "utf-8", "utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb18030": "gb18030"}
_UNSIGNED: Final = frozenset({b"sign", b"sign_type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    values: dict[str, str] = field(repr=False)
    signed: bytes = field(repr=False)

    def text(self, name: str) -> str:
        return self.values.get(name, "")


def open_form(body: bytes) -> Form | None:
    """None: not a form that has exactly one meaning."""
    if not 0 < len(body) <= _MAX_BYTES or _BROKEN.search(body):
        return None
    raw: dict[bytes, bytes] = {}
    pairs = body.split(b"&")
    for pair in pairs:
        written, equals, value = pair.partition(b"=")
        name = _decoded(written)
        if not equals or not _NAME.fullmatch(name) or name in raw or len(raw) == _MAX_FIELDS:
            return None
        raw[name] = _decoded(value)
    charset = _CHARSETS.get(raw.get(b"charset", b"").decode("latin-1").lower())
    if charset is None:
        return None
    try:
        values = {name.decode("ascii"): value.decode(charset) for name, value in raw.items()}
    except UnicodeDecodeError:
        return None
    signed = b"&".join(name + b"=" + raw[name] for name in sorted(raw) if name not in _UNSIGNED and raw[name])
    return Form(values=values, signed=signed)


def _decoded(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))
