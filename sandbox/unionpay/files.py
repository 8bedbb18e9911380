"""Who may have which settlement file and when (76/01).

Rules: a settlement day's file can be had from nine hours after its Beijing midnight; before that, and for a day without
trades, it does not exist (98). The file is inside the signed answer: base64 of zlib's deflate. Must not know: how a
file is written.
"""

import base64
import zlib
from collections.abc import Mapping
from datetime import date

from sandbox.billing import BillDiscrepancy, DiscrepancyBook
from sandbox.unionpay.beijing import day_start_ms, parse_settle_date
from sandbox.unionpay.book import TradeBook
from sandbox.unionpay.codes import Code
from sandbox.unionpay.file_rows import rows_of_day
from sandbox.unionpay.file_text import settlement_zip, zip_name
from sandbox.unionpay.forms import Call, result
from sandbox.unionpay.merchant import UnionpayMerchant
from sandbox.unionpay.requests import check_fields

READY_AFTER_MS = 33 * 3_600_000
"""From the day's midnight: 9:00 of the day after."""
_ALL_TRADES = "00"


class Files:
    def __init__(self, *, merchant: UnionpayMerchant, book: TradeBook, settlement_hour: int) -> None:
        self._merchant = merchant
        self._book = book
        self._settlement_hour = settlement_hour
        self._wrong = DiscrepancyBook()

    def distort(self, day: date, discrepancies: tuple[BillDiscrepancy, ...]) -> None:
        self._wrong.put(day, discrepancies)

    def download(self, call: Call, now_ms: int) -> Mapping[str, str]:
        wrong = check_fields(call, self._merchant, "settleDate", "fileType")
        if wrong is not None:
            return result(wrong.code, wrong.detail)
        if (call.text("txnType"), call.text("txnSubType")) != ("76", "01"):
            return result(Code.BAD_FORMAT, "txnType")
        repeated = {"settleDate": call.text("settleDate"), "fileType": call.text("fileType")}
        day = parse_settle_date(call.text("settleDate"), now_ms)
        if day is None or call.text("fileType") != _ALL_TRADES or now_ms < day_start_ms(day) + READY_AFTER_MS:
            return {**repeated, **result(Code.NO_FILE)}
        trades = self._book.trades(now_ms)
        rows = rows_of_day(trades, day, self._wrong, settlement_hour=self._settlement_hour)
        if not rows:
            return {**repeated, **result(Code.NO_FILE)}
        mer_id = self._merchant.mer_id
        content = base64.b64encode(zlib.compress(settlement_zip(rows, mer_id, day))).decode("ascii")
        return {**repeated, **result(Code.OK), "fileName": zip_name(mer_id, day), "fileContent": content}
