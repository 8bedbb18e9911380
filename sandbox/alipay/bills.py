"""alipay.data.dataservice.bill.downloadurl.query, and the files that lie at the addresses it gives.

Rules: a day's bill can be had from 10:00 of the day after; "not made yet" and "nothing that day" are one answer, as the
real one's; an address lives for 30 seconds and needs no signature. Bills of whole months are not simulated.
Must not know: signatures, how a bill is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import parse_qs

from sandbox.alipay import nodes
from sandbox.alipay.beijing import day_start_ms, parse_day
from sandbox.alipay.bill_rows import net_before_fen, rows_of_day
from sandbox.alipay.bill_text import account_bill, trade_bill
from sandbox.alipay.book import TradeBook
from sandbox.alipay.envelope import Call, Node
from sandbox.alipay.merchant import Merchant
from sandbox.alipay.requests import text_field
from sandbox.alipay.zip_file import zip_of
from sandbox.billing import BillDiscrepancy, DiscrepancyBook
from sandbox.wire import Answer, HttpRequestParts, RandomBytes, random_text

DOWNLOAD_PATH = "/alipay/bill/download"
ADDRESS_LIFE_MS = 30_000
READY_AFTER_MS = 34 * 3_600_000
"""From the day's midnight: 10:00 of the day after."""
_TYPES = ("trade", "signcustomer")
_HEX = "0123456789abcdef"
_OVER_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>账单下载（模拟）</title>
<p>下载地址无效或已过期 · This address is not valid any more.</p></html>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    content: bytes = field(repr=False)
    made_ms: int


class Bills:
    def __init__(self, *, merchant: Merchant, book: TradeBook, random_bytes: RandomBytes) -> None:
        self._merchant = merchant
        self._book = book
        self._random_bytes = random_bytes
        self._wrong = DiscrepancyBook()
        self._files: dict[str, _File] = {}

    def distort(self, day: date, discrepancies: tuple[BillDiscrepancy, ...]) -> None:
        self._wrong.put(day, discrepancies)

    def address(self, call: Call, now_ms: int) -> Node:
        """The method: where the bill lies."""
        bill_type = text_field(call.biz, "bill_type")
        day = parse_day(text_field(call.biz, "bill_date"))
        if bill_type not in _TYPES:
            return nodes.invalid_arguments("bill_type 应为 trade 或 signcustomer")
        if day is None:
            return nodes.invalid_arguments("bill_date 应为 yyyy-MM-dd")
        content = self._zip(bill_type, day, now_ms) if now_ms >= day_start_ms(day) + READY_AFTER_MS else None
        if content is None:
            return nodes.no_bill()
        self._files = _alive(self._files, now_ms)
        token = random_text(self._random_bytes, 48, _HEX)
        self._files[token] = _File(content=content, made_ms=now_ms)
        return nodes.bill_at(f"http://{call.host}{DOWNLOAD_PATH}?token={token}")

    def download(self, request: HttpRequestParts, now_ms: int) -> Answer:
        """The file itself; behind an address that is over lies a page that says so."""
        token = parse_qs(request.query.decode("latin-1")).get("token", [""])[0]
        file = _alive(self._files, now_ms).get(token)
        if file is None:
            return Answer(status=200, content_type="text/html;charset=utf-8", body=_OVER_PAGE.encode())
        return Answer(status=200, content_type="application/zip", body=file.content)

    def _zip(self, bill_type: str, day: date, now_ms: int) -> bytes | None:
        trades = tuple(self._book.trades(now_ms))
        rows = rows_of_day(trades, day, self._wrong)
        if not rows:
            return None
        account = f"{self._merchant.seller_id}0156"
        if bill_type == "trade":
            made = trade_bill(rows, day, account, self._merchant.store_name)
        else:
            made = account_bill(rows, net_before_fen(trades, day), day, account)
        head = f"{account}_{day:%Y%m%d}_{made.name}"
        return zip_of(((f"{head}(汇总).csv", made.sums), (f"{head}.csv", made.rows)))


def _alive(files: Mapping[str, _File], now_ms: int) -> dict[str, _File]:
    return {token: file for token, file in files.items() if now_ms < file.made_ms + ADDRESS_LIFE_MS}
