r"""The outer shape of an answer: `{"alipay_trade_pay_response":{…},"sign":"…"}`, cut open without trusting it.

Rules
- The node is cut out as the exact text between its `{` and the matching `}`; braces, `\/` and escaped quotes inside
  strings do not count. That text, in the encoding it came in, is what the signature covers.
- One meaning only: a duplicated name at any depth, a second node, a rest after the end or a number like NaN is refused.
- Error texts sometimes arrive in GBK although UTF-8 was asked for: the whole body is read as one of the two, or not
  at all. A wrong guess cannot do harm, because the bytes that are verified are the bytes that came.
- Numbers stay text: no float is ever made from money.
It must not know methods' fields, keys or verdicts.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final, NoReturn, cast

_BLANKS: Final = " \t\r\n"
_ENCODINGS: Final = ("utf-8", "gb18030")
_MAX_BYTES: Final = 262_144
_ESCAPED_HALF: Final = re.compile(r"\\[uU][dD][89a-fA-F]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """`node` as bytes to verify and as values to read; `sign` is None when the answer has none.

    `certificate`: the number of the certificate that signed it, as the answer says (certificate mode).
    """

    name: str
    raw_node: bytes = field(repr=False)
    node: dict[str, object] = field(repr=False)
    sign: str | None = field(repr=False)
    certificate: str | None = None


def open_envelope(body: bytes, *, method: str) -> Envelope | None:
    """None: not an answer to `method` that has exactly one meaning."""
    if len(body) > _MAX_BYTES:
        return None
    wanted = method.replace(".", "_") + "_response"
    for encoding in _ENCODINGS:
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        try:
            return _read(text, wanted=wanted, encoding=encoding)
        except (ValueError, RecursionError):
            return None
    return None


def _read(text: str, *, wanted: str, encoding: str) -> Envelope | None:
    spans = _members(text)
    names = [name for name in (wanted, "error_response") if name in spans]
    if len(names) != 1:
        return None
    value, start, end = spans[names[0]]
    sign = spans["sign"][0] if "sign" in spans else None
    certificate = spans["alipay_cert_sn"][0] if "alipay_cert_sn" in spans else None
    if not isinstance(value, dict) or not isinstance(sign, str | None) or not isinstance(certificate, str | None):
        return None
    if _ESCAPED_HALF.search(text):
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair: nobody could keep it. ValueError
    return Envelope(
        name=names[0],
        raw_node=text[start:end].encode(encoding),
        node=cast("dict[str, object]", value),
        sign=sign or None,
        certificate=certificate or None,
    )


def _members(text: str) -> dict[str, tuple[object, int, int]]:
    """The outer object's members with where each value starts and ends. Raises ValueError."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique, parse_float=str, parse_int=str, parse_constant=_refuse, strict=False
    )
    members: dict[str, tuple[object, int, int]] = {}
    at = _skip(text, _expect(text, _skip(text, 0), "{"))
    while True:
        name, at = cast("tuple[object, int]", decoder.raw_decode(text, at))
        if not isinstance(name, str) or name in members:
            raise ValueError("a name is duplicated or not a string")
        start = _skip(text, _expect(text, _skip(text, at), ":"))
        value, end = cast("tuple[object, int]", decoder.raw_decode(text, start))
        members[name] = (value, start, end)
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
            continue
        if _skip(text, _expect(text, at, "}")) != len(text):
            raise ValueError("something follows the answer")
        return members


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _expect(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise ValueError(f"expected {mark}")
    return at + 1


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is duplicated")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
