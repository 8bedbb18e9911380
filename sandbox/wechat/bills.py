"""Who may have which bill and when, and the two ways to fetch one: v2's download, v3's address and its file.

Rules: a day's bill can be had from 10:00 of the day after, for three months; a day without money has none; an address
lives for five minutes. Must not know: signatures, how a bill is written.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto

from sandbox.billing import BillDiscrepancy, DiscrepancyBook
from sandbox.wechat.beijing import day_of, day_start_ms, parse_day
from sandbox.wechat.bill_rows import READY_AFTER_MS, net_before_fen, rows_of_day
from sandbox.wechat.bill_text import BillType, fund_flow, trade_bill
from sandbox.wechat.book import OrderBook
from sandbox.wechat.merchant import WechatMerchant
from sandbox.wechat.v2_wire import V2Call
from sandbox.wechat.v3_requests import bad
from sandbox.wechat.v3_wire import Done, Problem, V3Call
from sandbox.wire import Answer, RandomBytes, random_text

DOWNLOAD_PATH = "/v3/billdownload/file"
ADDRESS_LIFE_MS = 300_000
_KEPT_DAYS = 92
_HEX = "0123456789abcdef"


class NoBill(Enum):
    NO_SUCH_DAY = auto()
    NOT_YET = auto()
    NOTHING_THAT_DAY = auto()


_V3_PROBLEMS: Mapping[NoBill, Problem] = {
    NoBill.NO_SUCH_DAY: bad("bill_date", "账单日期格式不正确或超出范围"),
    NoBill.NOT_YET: Problem(status=400, code="STATEMENT_CREATING", message="账单生成中，请稍后重试"),
    NoBill.NOTHING_THAT_DAY: Problem(status=400, code="NO_STATEMENT_EXIST", message="账单文件不存在"),
}
_V2_FAILURES: Mapping[NoBill, tuple[str, str]] = {
    NoBill.NO_SUCH_DAY: ("invalid bill_date", "20001"),
    NoBill.NOT_YET: ("Bill Creating", "20003"),
    NoBill.NOTHING_THAT_DAY: ("No Bill Exist", "20002"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    content: bytes = field(repr=False)
    made_ms: int


class Bills:
    def __init__(self, *, merchant: WechatMerchant, book: OrderBook, random_bytes: RandomBytes) -> None:
        self._merchant = merchant
        self._book = book
        self._random_bytes = random_bytes
        self._wrong = DiscrepancyBook()
        self._files: dict[str, _File] = {}

    def distort(self, day: date, discrepancies: tuple[BillDiscrepancy, ...]) -> None:
        self._wrong.put(day, discrepancies)

    def download_v2(self, call: V2Call, now_ms: int) -> Answer | Mapping[str, str]:
        """`/pay/downloadbill`: the file itself, or the fields of an unsigned failure."""
        kind = next((one for one in BillType if one.value == (call.text("bill_type") or "ALL")), None)
        if kind is None:
            return _v2_failure("invalid bill_type", "20001")
        return self._v2_file(call, self._trade(call.text("bill_date"), kind, call.text("sub_mch_id"), now_ms))

    def fund_flow_v2(self, call: V2Call, now_ms: int) -> Answer | Mapping[str, str]:
        """`/pay/downloadfundflow`."""
        account = call.text("account_type")
        if account not in ("Basic", "Operation", "Fees"):
            return _v2_failure("invalid account_type", "20001")
        return self._v2_file(call, self._flow(call.text("bill_date"), account.upper(), now_ms))

    def answer_v3(self, call: V3Call, now_ms: int) -> Done | Problem | Answer | None:
        """None: this is no call about bills."""
        match call.method, call.path:
            case "GET", "/v3/bill/tradebill":
                kind = next((one for one in BillType if one.value == call.query.get("bill_type", "ALL")), None)
                if kind is None:
                    return bad("bill_type", "bill_type应为ALL、SUCCESS或REFUND")
                made = self._trade(call.query.get("bill_date", ""), kind, call.query.get("sub_mchid", ""), now_ms)
                return self._address(call, made, now_ms)
            case "GET", "/v3/bill/fundflowbill":
                account = call.query.get("account_type", "BASIC")
                if account not in ("BASIC", "OPERATION", "FEES"):
                    return bad("account_type", "account_type应为BASIC、OPERATION或FEES")
                return self._address(call, self._flow(call.query.get("bill_date", ""), account, now_ms), now_ms)
            case "GET", _ if call.path == DOWNLOAD_PATH:
                return self._download(call, now_ms)
            case _:
                return None

    def _trade(self, day_text: str, kind: BillType, sub_mchid: str, now_ms: int) -> bytes | NoBill:
        day = _day(day_text, now_ms)
        if isinstance(day, NoBill):
            return day
        rows = rows_of_day(self._book.orders(now_ms), day, self._wrong)
        if sub_mchid:
            rows = tuple(row for row in rows if row.sub_mchid == sub_mchid)
        made = trade_bill(rows, kind, self._merchant.mchid)
        return NoBill.NOTHING_THAT_DAY if made is None else made

    def _flow(self, day_text: str, account: str, now_ms: int) -> bytes | NoBill:
        day = _day(day_text, now_ms)
        if isinstance(day, NoBill):
            return day
        orders = tuple(self._book.orders(now_ms))
        rows = rows_of_day(orders, day, self._wrong)
        made = fund_flow(rows, net_before_fen(orders, day)) if account == "BASIC" else None
        return NoBill.NOTHING_THAT_DAY if made is None else made

    def _v2_file(self, call: V2Call, made: bytes | NoBill) -> Answer | Mapping[str, str]:
        if isinstance(made, NoBill):
            return _v2_failure(*_V2_FAILURES[made])
        if call.text("tar_type") == "GZIP":
            return Answer(status=200, content_type="application/x-gzip", body=gzip.compress(made, mtime=0))
        return Answer(status=200, content_type="text/plain; charset=utf-8", body=made)

    def _address(self, call: V3Call, made: bytes | NoBill, now_ms: int) -> Done | Problem:
        if isinstance(made, NoBill):
            return _V3_PROBLEMS[made]
        token = random_text(self._random_bytes, 48, _HEX)
        zipped = call.query.get("tar_type") == "GZIP"
        self._files[token] = _File(content=gzip.compress(made, mtime=0) if zipped else made, made_ms=now_ms)
        url = f"http://{call.host}{DOWNLOAD_PATH}?token={token}"
        digest = hashlib.sha1(made, usedforsecurity=False).hexdigest()
        return Done(body={"download_url": url, "hash_type": "SHA1", "hash_value": digest})

    def _download(self, call: V3Call, now_ms: int) -> Answer | Problem:
        """The file as it is: unsigned, unlike every other answer of success."""
        file = self._files.get(call.query.get("token", ""))
        if file is None or now_ms >= file.made_ms + ADDRESS_LIFE_MS:
            return Problem(status=400, code="INVALID_REQUEST", message="下载地址无效或已过期")
        return Answer(status=200, content_type="application/octet-stream", body=file.content)


def _day(text: str, now_ms: int) -> date | NoBill:
    day = parse_day(text)
    if day is None or day > day_of(now_ms):
        return NoBill.NO_SUCH_DAY
    if now_ms < day_start_ms(day) + READY_AFTER_MS:
        return NoBill.NOT_YET
    return day if (day_of(now_ms) - day).days <= _KEPT_DAYS else NoBill.NO_SUCH_DAY


def _v2_failure(message: str, code: str) -> Mapping[str, str]:
    return {"return_code": "FAIL", "return_msg": message, "error_code": code}
