"""What UnionPay says about a trade, a refund or a cancel: the fields of answers and notifications. Pure functions.

Must not know: signatures, HTTP, how a trade came to be so.
"""

from sandbox.plan import Fault
from sandbox.unionpay.beijing import settle_stamp, settlement_day, trace_stamp
from sandbox.unionpay.codes import Code, words_of
from sandbox.unionpay.trades import Return, Trade, TradeName, TradeState, TxnType, Wire

_CURRENCY = "156"
_VERSION, _ENCODING = "5.1.0", "UTF-8"


def trade_code(trade: Trade) -> Code:
    """What became of it: origRespCode of a query, respCode of a notification."""
    match trade.state:
        case TradeState.OPEN:
            # A debit that failed on UnionPay's side asks nobody for a password.
            return Code.UNKNOWN if trade.course.plan.answer_fault is Fault.SYSTEM_ERROR else Code.ACCEPTED
        case TradeState.PAID:
            return trade.charge_end
        case TradeState.FAILED:
            return trade.failed_by
        case TradeState.VOID:
            return Code.ALREADY_UNDONE


def return_code(one: Return) -> Code:
    return Code.OK if one.landed else Code.ACCEPTED


def original(code: Code) -> dict[str, str]:
    """A query's word about the trade it found."""
    return {"origRespCode": code.value, "origRespMsg": words_of(code)}


def trade_fields(trade: Trade, settlement_hour: int) -> dict[str, str]:
    """A consume, as queries and notifications tell it."""
    at_ms = trade.created_ms if trade.paid_ms is None else trade.paid_ms
    told = {
        **_named(trade.name, TxnType.CONSUME, trade.asked.sub_type, trade.asked.wire),
        **_money(trade.asked.amount_fen, trade.query_id, trade.trace_no, at_ms, settlement_hour),
    }
    if trade.paid_ms is None:
        return told
    return {**told, "accNo": trade.buyer.logon_id, "payCardType": "01", "payType": "0501"}


def return_fields(trade: Trade, one: Return, settlement_hour: int) -> dict[str, str]:
    """A refund or cancel, as queries and notifications tell it."""
    return {
        **_named(one.name, one.txn_type, "00", one.wire),
        **_money(one.amount_fen, one.query_id, one.trace_no, one.asked_ms, settlement_hour),
        "origQryId": trade.query_id,
        "accNo": trade.buyer.logon_id,
    }


def _named(name: TradeName, txn_type: TxnType, sub_type: str, wire: Wire) -> dict[str, str]:
    return {
        **wire.echoed,
        "version": _VERSION,
        "encoding": _ENCODING,
        "txnType": txn_type.value,
        "txnSubType": sub_type,
        "orderId": name.order_id,
        "txnTime": name.txn_time,
    }


def _money(amount_fen: int, query_id: str, trace_no: str, at_ms: int, settlement_hour: int) -> dict[str, str]:
    return {
        "txnAmt": str(amount_fen),
        "currencyCode": _CURRENCY,
        "queryId": query_id,
        "traceNo": trace_no,
        "traceTime": trace_stamp(at_ms),
        "settleAmt": str(amount_fen),
        "settleCurrencyCode": _CURRENCY,
        "settleDate": settle_stamp(settlement_day(at_ms, settlement_hour)),
    }
