"""What Alipay says about a trade: the response nodes, with the fields and the order of fields that shops see.

Must not know: HTTP, signatures, how a trade came into its state.
"""

from sandbox.alipay.beijing import stamp
from sandbox.alipay.envelope import Node
from sandbox.alipay.money import yuan_from_fen
from sandbox.alipay.trades import Refund, Trade

_OK = {"code": "10000", "msg": "Success"}


def failure(sub_code: str, sub_msg: str) -> Node:
    """A business refusal: code 40004, the reason in sub_code."""
    return {"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": sub_msg}


def system_error() -> Node:
    """The method's own "outcome unknown"."""
    return failure("ACQ.SYSTEM_ERROR", "系统繁忙，请查询结果")


def service_unavailable() -> Node:
    """The gateway's own "outcome unknown"."""
    return {
        "code": "20000",
        "msg": "Service Currently Unavailable",
        "sub_code": "isp.unknow-error",
        "sub_msg": "系统繁忙，请稍后再试",
    }


def called_too_often() -> Node:
    """The gateway's own limit of calls."""
    return {
        "code": "40005",
        "msg": "Call Limited",
        "sub_code": "isv.app-call-limited",
        "sub_msg": "应用调用次数超限，请稍后再试",
    }


def invalid_parameter(sub_msg: str) -> Node:
    return failure("ACQ.INVALID_PARAMETER", sub_msg)


def invalid_arguments(sub_msg: str) -> Node:
    """The gateway's own word for it, from methods that are not about trades."""
    return {"code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.invalid-parameter", "sub_msg": sub_msg}


def trade_not_exist() -> Node:
    return failure("ACQ.TRADE_NOT_EXIST", "交易不存在")


def pay_done(trade: Trade, store_name: str) -> Node:
    """The pay answer of a trade that was paid at once."""
    assert trade.paid_ms is not None
    node: dict[str, object] = {**_OK, **_amounts(trade), "gmt_payment": stamp(trade.paid_ms)}
    node["fund_bill_list"] = _fund_bills(trade)
    return {**node, **_store(trade, store_name)}


def pay_waiting(trade: Trade) -> Node:
    """The pay answer while the buyer is asked for a password: accepted, not paid."""
    return {"code": "10003", "msg": "order success pay inprocess", **_amounts(trade)}


def precreated(out_trade_no: str, qr: str) -> Node:
    return {**_OK, "out_trade_no": out_trade_no, "qr_code": qr}


def created(trade: Trade) -> Node:
    return {**_OK, "out_trade_no": trade.order.out_trade_no, "trade_no": trade.trade_no}


def refunded(trade: Trade, *, fund_change: bool) -> Node:
    """The refund answer. `refund_fee` is everything asked back of this trade so far; `fund_change` N: this request
    moved no money (it came before, or it is still under way)."""
    node: dict[str, object] = {
        **_OK,
        "buyer_logon_id": trade.buyer.logon_id,
        "buyer_user_id": trade.buyer.user_id,
        "fund_change": "Y" if fund_change else "N",
        "out_trade_no": trade.order.out_trade_no,
        "refund_fee": yuan_from_fen(trade.asked_back_fen),
        "send_back_fee": yuan_from_fen(trade.asked_back_fen),
        "trade_no": trade.trade_no,
    }
    landed = [refund.lands_ms for refund in trade.refunds if refund.landed]
    if landed:
        node["gmt_refund_pay"] = stamp(max(landed))
    return node


def refund_found(trade: Trade, refund: Refund) -> Node:
    """The refund query answer. Without `refund_status` the money is not back yet."""
    node: dict[str, object] = {
        **_OK,
        "out_request_no": refund.request_no,
        "out_trade_no": trade.order.out_trade_no,
        "refund_amount": yuan_from_fen(refund.amount_fen),
        "total_amount": yuan_from_fen(trade.order.total_fen),
        "trade_no": trade.trade_no,
    }
    if refund.landed:
        node["refund_status"] = "REFUND_SUCCESS"
        node["gmt_refund_pay"] = stamp(refund.lands_ms)
    return node


def refund_not_found(trade: Trade) -> Node:
    """A request number that this trade never saw: success without any refund in it."""
    return {**_OK, "out_trade_no": trade.order.out_trade_no, "trade_no": trade.trade_no}


def no_bill() -> Node:
    """Not made yet, or nothing that day: one answer for both."""
    return failure("isp.bill_not_exist", "账单不存在")


def bill_at(url: str) -> Node:
    return {**_OK, "bill_download_url": url}


def queried(trade: Trade, store_name: str) -> Node:
    """The query answer, in every state."""
    node: dict[str, object] = {**_OK, **_amounts(trade), "buyer_user_type": "PRIVATE"}
    if trade.paid_ms is not None:
        node["send_pay_date"] = stamp(trade.paid_ms)
        node["fund_bill_list"] = _fund_bills(trade)
    node["trade_status"] = trade.status.value
    return {**node, **_store(trade, store_name)}


def cancelled(out_trade_no: str, trade: Trade | None, *, retry: bool) -> Node:
    """The cancel answer. `action` names what the cancel did to a known trade; an unknown number has none."""
    node: dict[str, object] = {**_OK, "out_trade_no": out_trade_no}
    if trade is not None:
        node["trade_no"] = trade.trade_no
    node["retry_flag"] = "Y" if retry else "N"
    if trade is not None and not retry:
        node["action"] = "close" if trade.paid_ms is None else "refund"
    return node


def closed(trade: Trade) -> Node:
    return {**_OK, "out_trade_no": trade.order.out_trade_no, "trade_no": trade.trade_no}


def _amounts(trade: Trade) -> Node:
    total = yuan_from_fen(trade.order.total_fen)
    received = yuan_from_fen(trade.captured_fen)
    return {
        "buyer_logon_id": trade.buyer.logon_id,
        "buyer_pay_amount": received,
        "buyer_user_id": trade.buyer.user_id,
        "invoice_amount": received,
        "out_trade_no": trade.order.out_trade_no,
        "point_amount": "0.00",
        "receipt_amount": received,
        "total_amount": total,
        "trade_no": trade.trade_no,
    }


def _fund_bills(trade: Trade) -> list[dict[str, str]]:
    return [{"amount": yuan_from_fen(trade.order.total_fen), "fund_channel": "ALIPAYACCOUNT"}]


def _store(trade: Trade, store_name: str) -> Node:
    node: dict[str, object] = {}
    if trade.order.store_id:
        node["store_id"] = trade.order.store_id
        node["store_name"] = store_name
    if trade.order.terminal_id:
        node["terminal_id"] = trade.order.terminal_id
    return node
