"""Reads the answer to a file request (76/01): the settlement file of a day, as the ZIP that UnionPay made.

Rules
- The file is believed only inside a verified answer: fileContent, base64 of zlib's deflate [unconfirmed by UnionPay's
  text; the form that its own client undoes], is among the signed fields. What it inflates to is bounded.
- 98 means that there is no file. Whether there will be one only time tells: until `final_ms` it is "not ready".
It must not know what is in the file.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass, field
from typing import Final

from gateway.channels.port import BillNotReady, BillReady, BillVerdict, ChannelReason, ChannelResponse, NoBill, Unknown
from gateway.channels.unionpay import codes
from gateway.channels.unionpay.answers import Message, verified
from gateway.channels.unionpay.form import MAX_FILE_BYTES
from gateway.channels.unionpay.signing import Seal

_ZIP: Final = b"PK"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReader:
    """Reads the answer about one day. `final_ms`: from then on a missing file is no file."""

    mer_id: str
    settle_date: str
    final_ms: int
    seal: Seal = field(repr=False)
    now_ms: int

    def read(self, response: ChannelResponse) -> BillVerdict:
        message = verified(response, self.seal, now_ms=self.now_ms, max_bytes=MAX_FILE_BYTES)
        if not isinstance(message, Message):
            return message
        ours = {"merId": self.mer_id, "settleDate": self.settle_date}
        if any(message.fields.get(name, value) != value for name, value in ours.items()):
            return Unknown(reason=ChannelReason.UNREADABLE, code="another file")
        code = message.code()
        if code == codes.NO_FILE:
            return NoBill(code=code) if self.now_ms >= self.final_ms else BillNotReady(code=code)
        if code != codes.OK:
            return Unknown(reason=ChannelReason.CHANNEL_ERROR, code=code)
        content = inflated(message.text("fileContent"))
        return Unknown(reason=ChannelReason.UNREADABLE, code="file") if content is None else BillReady(content=content)


def inflated(file_content: str) -> bytes | None:
    """None: not one complete ZIP of a sensible size."""
    try:
        packed = base64.b64decode(file_content, validate=True)
        stream = zlib.decompressobj()
        content = stream.decompress(packed, MAX_FILE_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        return None
    whole = stream.eof and not stream.unconsumed_tail and not stream.unused_data
    return content if whole and content.startswith(_ZIP) else None
