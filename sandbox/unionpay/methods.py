"""The calls of ACP: which kind of trade a form asks for, what was done, and the fields of its answer.

Must not know: signatures, HTTP, how a trade is kept.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from sandbox.unionpay.book import TradeBook
from sandbox.unionpay.codes import Code
from sandbox.unionpay.forms import Call, result
from sandbox.unionpay.merchant import UnionpayMerchant
from sandbox.unionpay.payments import Payments
from sandbox.unionpay.requests import Wrong, amount_fen, check_fields, read_consume, read_return, trade_name
from sandbox.unionpay.returns import Returned, Returns
from sandbox.unionpay.trades import Trade, TxnType
from sandbox.unionpay.words import original, return_code, return_fields, trade_code, trade_fields
from sandbox.wire import CutConnection

Fields: TypeAlias = Mapping[str, str]
_BACK = ("orderId", "channelType")
_CONSUME = (*_BACK, "txnAmt", "currencyCode", "backUrl")


class Methods:
    def __init__(
        self,
        *,
        merchant: UnionpayMerchant,
        book: TradeBook,
        payments: Payments,
        returns: Returns,
        settlement_hour: int,
    ) -> None:
        self._merchant = merchant
        self._book = book
        self._payments = payments
        self._returns = returns
        self._settlement_hour = settlement_hour
        self._back: Mapping[tuple[str, str], Callable[[Call, int], Fields | CutConnection]] = {
            ("01", "06"): self._charge_code,
            ("01", "07"): self._make_qr,
            ("99", "01"): self._reverse,
            ("04", "00"): self._refund,
            ("31", "00"): self._cancel,
        }

    def back(self, call: Call, now_ms: int) -> Fields | CutConnection:
        """`backTransReq.do`."""
        method = self._back.get((call.text("txnType"), call.text("txnSubType")))
        if method is None:
            return result(Code.NO_PERMISSION, "txnType")
        return method(call, now_ms)

    def query(self, call: Call, now_ms: int) -> Fields | CutConnection:
        """`queryTrans.do`. What is found answers as itself, in its own kind."""
        wrong = check_fields(call, self._merchant, "orderId")
        if wrong is not None:
            return _wrong(wrong)
        if (call.text("txnType"), call.text("txnSubType")) != ("00", "00"):
            return result(Code.BAD_FORMAT, "txnType")
        name = trade_name(call)
        trade = self._book.trade(name, now_ms)
        if trade is None:
            return self._query_return(call, now_ms)
        if not trade.exists or not _is_whose(trade.asked.wire.echoed, call):
            return result(Code.NO_SUCH_TRADE)
        said = self._payments.query(trade, now_ms)
        match said:
            case CutConnection():
                return said
            case Code():
                return result(said)
            case Trade():
                told = trade_fields(said, self._settlement_hour)
                return {**told, **result(Code.OK), **original(trade_code(said))}

    def _query_return(self, call: Call, now_ms: int) -> Fields:
        found = self._returns.find(trade_name(call), now_ms)
        if isinstance(found, Code):
            return result(found)
        if not _is_whose(found.one.wire.echoed, call):
            return result(Code.NO_SUCH_TRADE)
        told = return_fields(found.trade, found.one, self._settlement_hour)
        return {**told, **result(Code.OK), **original(return_code(found.one))}

    def _charge_code(self, call: Call, now_ms: int) -> Fields | CutConnection:
        wrong = check_fields(call, self._merchant, *_CONSUME, "qrNo")
        if wrong is not None:
            return _wrong(wrong)
        said = self._payments.charge_code(read_consume(call), call.text("qrNo"), now_ms)
        return _accepted(said) if isinstance(said, Trade | Code) else said

    def _make_qr(self, call: Call, now_ms: int) -> Fields:
        wrong = check_fields(call, self._merchant, *_CONSUME)
        if wrong is not None:
            return _wrong(wrong)
        said = self._payments.make_qr(read_consume(call), now_ms)
        return result(said) if isinstance(said, Code) else {**result(Code.OK), "qrCode": said.qr}

    def _reverse(self, call: Call, now_ms: int) -> Fields:
        wrong = check_fields(call, self._merchant, *_BACK)
        if wrong is not None:
            return _wrong(wrong)
        return result(self._payments.reverse(trade_name(call), amount_fen(call), now_ms))

    def _refund(self, call: Call, now_ms: int) -> Fields:
        return self._give_back(call, TxnType.REFUND, now_ms)

    def _cancel(self, call: Call, now_ms: int) -> Fields:
        return self._give_back(call, TxnType.CANCEL, now_ms)

    def _give_back(self, call: Call, txn_type: TxnType, now_ms: int) -> Fields:
        wrong = check_fields(call, self._merchant, *_BACK, "txnAmt", "origQryId")
        if wrong is not None:
            return _wrong(wrong)
        said = self._returns.give_back(read_return(call, txn_type), now_ms)
        repeated = {"origQryId": call.text("origQryId"), "txnAmt": call.text("txnAmt")}
        if isinstance(said, Returned):
            return {**repeated, **result(Code.OK), "queryId": said.one.query_id}
        return {**repeated, **result(said)}


def _accepted(said: Trade | Code) -> Fields:
    """00 says "accepted", of a trade that is paid already too."""
    return result(said) if isinstance(said, Code) else {**result(Code.OK), "queryId": said.query_id}


def _is_whose(echoed: Mapping[str, str], call: Call) -> bool:
    """A platform finds a sub-merchant's trades under that sub-merchant only."""
    return call.text("subMerId") in ("", echoed.get("subMerId", ""))


def _wrong(wrong: Wrong) -> Fields:
    return result(wrong.code, wrong.detail)
