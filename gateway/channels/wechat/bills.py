"""The day's bill: by v2 the file itself, by v3 a signed answer that says where it lies and what its digest is.

Rules
- v3's address lives for five minutes and is called with a signature over its own path and query; the file is unsigned,
  and is taken when SHA-1 over its decompressed bytes is what the signed answer said.
- v2's file is unsigned: it is taken when it decompresses to its end and begins like a bill. The rows are checked
  against its own totals by who reads it.
- "Not made yet" and "nothing that day" are mostly unsigned; they move no money and are taken as they are.
- The file is kept as it came. It must not know what a bill says.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from gateway.channels.address import address_fault
from gateway.channels.port import (
    BillNotReady,
    BillReady,
    BillVerdict,
    ChannelReason,
    ChannelResponse,
    NoBill,
    PreparedCall,
    Unknown,
)
from gateway.channels.wechat import codes
from gateway.channels.wechat.v2_answers import safe_code
from gateway.channels.wechat.v3_messages import Refusal, Statement, V3Ours
from gateway.channels.wechat.v3_requests import V3Requests
from gateway.channels.wechat.xml_text import read_xml

_URL: Final = re.compile(r"https?://[\x21\x22\x24-\x7e]{1,2040}", re.ASCII)
_SHA1: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)
_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"
_MAX_PLAIN_BYTES: Final = 268_435_456


def decompressed(content: bytes) -> bytes | None:
    """The file's text; None: cut, spoiled or absurdly large. What is not compressed is its own text."""
    if not content.startswith(_GZIP):
        return content
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(content, _MAX_PLAIN_BYTES)
    except zlib.error:
        return None
    return plain if reader.eof and not reader.unused_data else None


@dataclass(frozen=True, slots=True, kw_only=True)
class V3BillReader:
    """Reads the answers about one bill. Times in ms."""

    ours: V3Ours = field(repr=False)
    builder: V3Requests = field(repr=False)
    asked_ms: int
    connect_timeout_ms: int
    read_timeout_ms: int

    def address(self, response: ChannelResponse) -> BillVerdict | PreparedCall[BillVerdict]:
        opened = self.ours.opened(response)
        match opened:
            case Statement():
                return self._fetch(opened)
            case Refusal(code=code) if code in codes.BILL_NONE:
                return NoBill(code=code)
            case Refusal(code=code) if code in codes.BILL_NOT_READY:
                return BillNotReady(code=code)
            case Refusal():
                return opened.unsettled()
            case Unknown():
                return opened

    def _fetch(self, told: Statement) -> PreparedCall[BillVerdict] | Unknown:
        url, digest = told.text("download_url"), told.text("hash_value").lower()
        if told.text("hash_type") != "SHA1" or not _SHA1.fullmatch(digest):
            return told.ask("hash_value")
        if not _URL.fullmatch(url) or address_fault(url) is not None:
            return told.ask("download_url")
        return PreparedCall(
            request=self.builder.download(url, now_ms=self.asked_ms),
            read=_Digest(sha1=digest).file,
            connect_timeout_ms=self.connect_timeout_ms,
            read_timeout_ms=self.read_timeout_ms,
        )


class _Digest(Struct, frozen=True, kw_only=True):
    sha1: str

    def file(self, response: ChannelResponse) -> BillVerdict:
        if response.status != 200:
            return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")
        plain = decompressed(response.body)
        if plain is None:
            return Unknown(reason=ChannelReason.UNREADABLE, code="gzip")
        if hashlib.sha1(plain, usedforsecurity=False).hexdigest() != self.sha1:
            return Unknown(reason=ChannelReason.BAD_SIGNATURE, code="SHA1")
        return BillReady(content=response.body)


def read_v2_bill(response: ChannelResponse) -> BillVerdict:
    """`/pay/downloadbill`: the file, or the fields of a failure."""
    if response.status != 200:
        return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")
    failed = read_xml(response.body)
    if failed is not None:
        word = failed.get("return_msg", "").lower()
        if word in codes.BILL_NONE:
            return NoBill(code=failed.get("error_code", "")[:16])
        if word in codes.BILL_NOT_READY:
            return BillNotReady(code=failed.get("error_code", "")[:16])
        return Unknown(reason=ChannelReason.ASK_AGAIN, code=safe_code(failed.get("error_code", "")))
    plain = decompressed(response.body)
    if plain is None or not plain.removeprefix(_BOM).startswith("交易时间".encode()):
        return Unknown(reason=ChannelReason.UNREADABLE, code="not a bill")
    return BillReady(content=response.body)
