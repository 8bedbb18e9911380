"""What v2 says about an order, a refund, and why not: fields and error codes. Pure tables and functions.

Must not know: signatures, HTTP, how an order came to be so.
"""

from collections.abc import Mapping

from sandbox.wechat.beijing import bill_stamp, compact_stamp
from sandbox.wechat.orders import Order, Refund, TradeState
from sandbox.wechat.refusals import No
from sandbox.wechat.v2_wire import Fields

ERR_CODES: Mapping[No, tuple[str, str]] = {
    No.CODE_NOT_OURS: ("AUTH_CODE_INVALID", "101 付款码无效，请重新扫码"),
    No.CODE_USED: ("AUTH_CODE_ERROR", "付款码已使用，请顾客刷新后重新扫码"),
    No.CODE_EXPIRED: ("AUTHCODEEXPIRE", "付款码已过期，请顾客刷新后重新扫码"),
    No.BALANCE_LOW: ("NOTENOUGH", "余额不足"),
    No.USER_PAYING: ("USERPAYING", "用户支付中，需要输入密码"),
    No.SYSTEM_ERROR: ("SYSTEMERROR", "系统超时"),
    No.ORDER_PAID: ("ORDERPAID", "该订单已支付"),
    No.ORDER_CLOSED: ("ORDERCLOSED", "订单已关闭"),
    No.ORDER_REVERSED: ("ORDERREVERSED", "订单已撤销"),
    No.NUMBER_USED: ("OUT_TRADE_NO_USED", "商户订单号重复"),
    No.BUYER_DIFFERS: ("BUYER_MISMATCH", "支付帐号错误，同一订单不能更换支付人"),
    No.ORDER_UNKNOWN: ("ORDERNOTEXIST", "此交易订单号不存在"),
    No.TRANSACTION_UNKNOWN: ("INVALID_TRANSACTIONID", "无效的transaction_id"),
    No.TOO_OFTEN: ("FREQUENCY_LIMITED", "频率超过限制，请稍后再试"),
    No.ONLY_REVERSE: ("INVALID_REQUEST", "付款码订单只能撤销，不能关闭"),
    No.ONLY_CLOSE: ("TRADE_ERROR", "非付款码订单不能撤销，请关闭订单"),
    No.REVERSE_AGAIN: ("SYSTEMERROR", "系统错误，请重新调用撤销"),
    No.REVERSE_OVERDUE: ("REVERSE_EXPIRE", "订单无法撤销，超过7天，请使用退款"),
    No.REVERSE_AFTER_REFUND: ("TRADE_ERROR", "订单已退款，不能撤销"),
    No.REFUND_DIFFERS: ("ERROR", "订单金额或退款金额与之前请求不一致，请核实后再试"),
    No.REFUND_TOTAL_DIFFERS: ("ERROR", "订单金额不一致"),
    No.REFUND_TOO_MUCH: ("ERROR", "累计退款金额大于支付金额"),
    No.REFUND_UNPAID: ("ERROR", "订单状态错误，未支付或已撤销"),
    No.REFUND_OVERDUE: ("TRADE_OVERDUE", "订单已经超过退款期限"),
    No.REFUND_TOO_MANY: ("ERROR", "超过部分退款次数限制"),
    No.REFUND_BALANCE_LOW: ("NOTENOUGH", "基本账户余额不足，请充值后重新发起"),
    No.REFUND_UNKNOWN: ("REFUNDNOTEXIST", "退款订单查询失败"),
}
"""Total: each reason has a code."""

STATE_WORDS: Mapping[TradeState, str] = {
    TradeState.NOTPAY: "订单未支付",
    TradeState.USERPAYING: "需要用户输入支付密码",
    TradeState.SUCCESS: "支付成功",
    TradeState.REFUND: "订单发生过退款，退款详情请查询退款单",
    TradeState.CLOSED: "订单已关闭",
    TradeState.REVOKED: "订单已撤销",
    TradeState.PAYERROR: "支付失败，请撤销订单",
}


def refusal_fields(no: No) -> Fields:
    code, words = ERR_CODES[no]
    return {"result_code": "FAIL", "err_code": code, "err_code_des": words}


def order_head(order: Order) -> Fields:
    """Who is meant: every answer about an order begins so."""
    asked = order.asked
    head: dict[str, str | int] = {"appid": asked.appid}
    if asked.is_partner:
        head["sub_mch_id"] = asked.sub_mchid
        if asked.sub_appid:
            head["sub_appid"] = asked.sub_appid
    return {**head, "result_code": "SUCCESS"}


def payment_fields(order: Order) -> Fields:
    """A paid order, as micropay and orderquery tell it."""
    assert order.paid_ms is not None
    asked = order.asked
    return {
        "openid": order.buyer.user_id,
        "is_subscribe": "N",
        "trade_type": asked.trade_type.value,
        "bank_type": "OTHERS",
        "total_fee": asked.total_fen,
        "fee_type": "CNY",
        "settlement_total_fee": asked.total_fen,
        "cash_fee": asked.total_fen,
        "cash_fee_type": "CNY",
        "transaction_id": order.transaction_id,
        "out_trade_no": asked.out_trade_no,
        "attach": asked.attach,
        "time_end": compact_stamp(order.paid_ms),
    }


def query_fields(order: Order) -> Fields:
    state: Fields = {"trade_state": order.state.value, "trade_state_desc": STATE_WORDS[order.state]}
    if order.paid_ms is not None:
        return {**payment_fields(order), **state}
    asked = order.asked
    return {"out_trade_no": asked.out_trade_no, "attach": asked.attach, "total_fee": asked.total_fen, **state}


def refund_fields(order: Order, refund: Refund) -> Fields:
    """An accepted refund: no word of whether it has landed."""
    return {
        "transaction_id": order.transaction_id,
        "out_trade_no": order.number,
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "refund_channel": "",
        "refund_fee": refund.amount_fen,
        "settlement_refund_fee": refund.amount_fen,
        "coupon_refund_fee": 0,
        "total_fee": order.asked.total_fen,
        "settlement_total_fee": order.asked.total_fen,
        "fee_type": "CNY",
        "cash_fee": order.asked.total_fen,
        "cash_refund_fee": refund.amount_fen,
    }


def refund_query_fields(order: Order, refunds: tuple[Refund, ...]) -> Fields:
    """Refunds under their index, as `refundquery` counts them."""
    fields: dict[str, str | int] = {
        "transaction_id": order.transaction_id,
        "out_trade_no": order.number,
        "total_fee": order.asked.total_fen,
        "fee_type": "CNY",
        "cash_fee": order.asked.total_fen,
        "total_refund_count": len(order.refunds),
        "refund_count": len(refunds),
        "refund_fee": sum(refund.amount_fen for refund in refunds),
    }
    for index, refund in enumerate(refunds):
        fields |= {
            f"out_refund_no_{index}": refund.out_refund_no,
            f"refund_id_{index}": refund.refund_id,
            f"refund_channel_{index}": "ORIGINAL",
            f"refund_fee_{index}": refund.amount_fen,
            f"settlement_refund_fee_{index}": refund.amount_fen,
            f"refund_account_{index}": "REFUND_SOURCE_UNSETTLED_FUNDS",
            f"refund_recv_accout_{index}": "支付用户零钱",
            f"refund_status_{index}": "SUCCESS" if refund.landed else "PROCESSING",
        }
        if refund.landed:
            fields[f"refund_success_time_{index}"] = bill_stamp(refund.lands_ms)
    return fields


def refund_notice_fields(order: Order, refund: Refund) -> Fields:
    """What `req_info` of a refund notification holds, before it is encrypted."""
    return {
        "out_refund_no": refund.out_refund_no,
        "out_trade_no": order.number,
        "refund_account": "REFUND_SOURCE_UNSETTLED_FUNDS",
        "refund_fee": refund.amount_fen,
        "refund_id": refund.refund_id,
        "refund_recv_accout": "支付用户零钱",
        "refund_request_source": "API",
        "refund_status": "SUCCESS",
        "settlement_refund_fee": refund.amount_fen,
        "settlement_total_fee": order.asked.total_fen,
        "success_time": bill_stamp(refund.lands_ms),
        "total_fee": order.asked.total_fen,
        "transaction_id": order.transaction_id,
    }
