"""The day's bill: the answer that says where it lies, and the file itself.

Rules
- The address lives for 30 seconds and is another host's; it is called by https (the platform writes http), and plain
  http is for loopback only.
- The file is a ZIP, kept as it came; its names and contents are in the encodings of facts 6.2. Anything else at that
  address (a page that says "expired") is no bill.
- One code says both "not made yet" and "nothing that day": until the end of the day after, it is the first.
It must not know what a bill says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gateway.channels.address import address_fault
from gateway.channels.alipay import codes
from gateway.channels.alipay.amounts import unix_ms_of
from gateway.channels.alipay.nodes import Node, Ours, ask, unsettled
from gateway.channels.alipay.requests import BILL
from gateway.channels.port import (
    BillNotReady,
    BillOf,
    BillReady,
    BillVerdict,
    ChannelReason,
    ChannelRequest,
    ChannelResponse,
    NoBill,
    PreparedCall,
    Unknown,
)

_URL: Final = re.compile(r"https?://[\x21-\x22\x24-\x7e]{1,2040}", re.ASCII)
_ZIP: Final = b"PK"
_NOT_READY_FOR_MS: Final = 2 * 86_400_000  # from the beginning of the day itself
_HEADERS: Final = {"accept": "*/*", "user-agent": "guitai"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BillReader:
    """Reads the answers about one bill. Times in ms."""

    bill: BillOf
    asked_ms: int
    connect_timeout_ms: int
    read_timeout_ms: int
    ours: Ours = field(repr=False)

    def address(self, response: ChannelResponse) -> BillVerdict | PreparedCall[BillVerdict]:
        node = self.ours.verified(response, method=BILL)
        if not isinstance(node, Node):
            return node
        if node.refusal in codes.NO_BILL:
            return self._none(node.refusal)
        if node.code != codes.OK:
            return unsettled(node)
        url = _callable(node.text("bill_download_url"))
        if url is None:
            return ask(node)
        return PreparedCall(
            request=ChannelRequest(method="GET", url=url, headers=_HEADERS, body=b""),
            read=_file,
            connect_timeout_ms=self.connect_timeout_ms,
            read_timeout_ms=self.read_timeout_ms,
        )

    def _none(self, code: str) -> BillNotReady | NoBill:
        begun_ms = unix_ms_of(f"{self.bill.day} 00:00:00")
        assert begun_ms is not None, "the day is made by the gateway"
        late = self.asked_ms >= begun_ms + _NOT_READY_FOR_MS
        return NoBill(code=code) if late else BillNotReady(code=code)


def _callable(url: str) -> str | None:
    if not _URL.fullmatch(url):
        return None
    if address_fault(url) is None:
        return url
    secured = "https://" + url.removeprefix("http://")
    return secured if url.startswith("http://") and address_fault(secured) is None else None


def _file(response: ChannelResponse) -> BillVerdict:
    if response.status != 200:
        return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")
    if not response.body.startswith(_ZIP):
        return Unknown(reason=ChannelReason.UNREADABLE, code="not a zip")
    return BillReady(content=response.body)
