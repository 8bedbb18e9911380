"""One notification as it came, and the form in which it is kept.

Kept are the body and those headers that its verification needs. What is refused is kept in part: whoever can reach the
address must not be able to fill the disk. It must not know wallets, keys or tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from gateway.channels.port import Notification

#: A notification is a few kilobytes.
MOST_BYTES: Final = 65_536
#: So much of one that is refused.
_REFUSED_BYTES: Final = 8_192
_HEADERS: Final = re.compile(r"content-type|content-encoding|user-agent|wechatpay-[a-z-]{1,40}", re.ASCII)
_HEADER_CHARS: Final = 1_024
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,63}", re.ASCII)
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """`channel` and `account_id` are words of the address: anybody's, until an account is found by them."""

    channel: str
    account_id: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    remote: str
    received_ms: int

    @property
    def notification(self) -> Notification:
        return Notification(headers=self.headers, body=self.body)

    @property
    def about(self) -> str:
        """What its sealed form is bound to."""
        return sealed_about(name_of(self.channel), name_of(self.account_id), self.received_ms)

    def packed(self, *, whole: bool) -> bytes:
        kept = {name: value[:_HEADER_CHARS] for name, value in self.headers.items() if _HEADERS.fullmatch(name)}
        head = json.dumps(kept, sort_keys=True).encode()
        body = self.body if whole else self.body[:_REFUSED_BYTES]
        return len(head).to_bytes(_LENGTH_BYTES) + head + body


def sealed_about(channel: str, account_id: str, received_ms: int) -> str:
    return f"callback {channel} {account_id} {received_ms}"


def unpacked(packed: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body of what `packed` made."""
    end = _LENGTH_BYTES + int.from_bytes(packed[:_LENGTH_BYTES])
    return cast("dict[str, str]", json.loads(packed[_LENGTH_BYTES:end])), packed[end:]


def name_of(text: str) -> str:
    """A word of the address, if it may be one; else nothing of it is kept."""
    return text if _NAME.fullmatch(text) else "?"
