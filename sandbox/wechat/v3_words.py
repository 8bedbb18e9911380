"""What v3 says about an order, a refund, and why not: bodies and errors. Pure tables and functions.

Must not know: signatures, HTTP, how an order came to be so.
"""

from collections.abc import Mapping

from sandbox.wechat.beijing import rfc3339_stamp
from sandbox.wechat.merchant import WechatMerchant
from sandbox.wechat.orders import Order, Refund
from sandbox.wechat.refusals import No
from sandbox.wechat.v2_words import STATE_WORDS
from sandbox.wechat.v3_wire import Problem

ERRORS: Mapping[No, tuple[int, str, str]] = {
    # v3 publishes no names for what is wrong with a code: v2's are used.
    No.CODE_NOT_OURS: (400, "AUTH_CODE_INVALID", "付款码无效，请重新扫码"),
    No.CODE_USED: (400, "AUTH_CODE_ERROR", "付款码已使用，请顾客刷新后重新扫码"),
    No.CODE_EXPIRED: (400, "AUTHCODEEXPIRE", "付款码已过期，请顾客刷新后重新扫码"),
    No.BALANCE_LOW: (403, "NOTENOUGH", "用户账户余额不足"),
    No.USER_PAYING: (400, "USERPAYING", "用户支付中，需要输入密码"),
    No.SYSTEM_ERROR: (500, "SYSTEM_ERROR", "系统异常，请用相同参数重新调用"),
    No.ORDER_PAID: (400, "ORDER_PAID", "该订单已支付"),
    No.ORDER_CLOSED: (400, "ORDER_CLOSED", "订单已关闭"),
    No.ORDER_REVERSED: (400, "ORDER_REVERSED", "订单已撤销"),
    No.NUMBER_USED: (403, "OUT_TRADE_NO_USED", "商户订单号重复"),
    No.BUYER_DIFFERS: (400, "BUYER_MISMATCH", "同一订单不能更换支付人"),
    No.ORDER_UNKNOWN: (404, "ORDER_NOT_EXIST", "订单不存在"),
    No.TRANSACTION_UNKNOWN: (404, "ORDER_NOT_EXIST", "订单不存在"),
    No.TOO_OFTEN: (429, "FREQUENCY_LIMITED", "频率限制，请降低请求频率"),
    No.ONLY_REVERSE: (400, "INVALID_REQUEST", "付款码订单只能撤销，不能关闭"),
    No.ONLY_CLOSE: (400, "INVALID_REQUEST", "非付款码订单不能撤销"),
    No.REVERSE_AGAIN: (500, "SYSTEM_ERROR", "系统异常，请重新调用撤销"),
    No.REVERSE_OVERDUE: (400, "INVALID_REQUEST", "订单超过7天，无法撤销，请使用退款"),
    No.REVERSE_AFTER_REFUND: (400, "INVALID_REQUEST", "订单已退款，不能撤销"),
    No.REFUND_DIFFERS: (400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试"),
    No.REFUND_TOTAL_DIFFERS: (400, "INVALID_REQUEST", "订单金额不一致"),
    No.REFUND_TOO_MUCH: (400, "INVALID_REQUEST", "累计退款金额大于支付金额"),
    No.REFUND_UNPAID: (400, "INVALID_REQUEST", "订单状态错误，未支付或已撤销"),
    No.REFUND_OVERDUE: (400, "INVALID_REQUEST", "订单已超过退款期限"),
    No.REFUND_TOO_MANY: (400, "INVALID_REQUEST", "超过部分退款次数限制"),
    No.REFUND_BALANCE_LOW: (403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起"),
    No.REFUND_UNKNOWN: (404, "RESOURCE_NOT_EXISTS", "退款单不存在"),
}
"""Total: each reason has an answer."""


def problem_of(no: No) -> Problem:
    status, code, message = ERRORS[no]
    return Problem(status=status, code=code, message=message)


def transaction_body(order: Order, merchant: WechatMerchant) -> Mapping[str, object]:
    """The transaction, as query answers and callbacks tell it."""
    asked = order.asked
    body: dict[str, object] = {**parties(order, merchant), "out_trade_no": asked.out_trade_no}
    if order.paid_ms is not None:
        body |= {
            "transaction_id": order.transaction_id,
            "trade_type": asked.trade_type.value,
            "bank_type": "OTHERS",
            "success_time": rfc3339_stamp(order.paid_ms),
        }
    amount: dict[str, object] = {"total": asked.total_fen, "currency": "CNY"}
    payer: dict[str, object] = {}
    if order.paid_ms is not None:
        amount |= {"payer_total": asked.total_fen, "payer_currency": "CNY"}
        payer = {"sp_openid": order.buyer.user_id} if asked.is_partner else {"openid": order.buyer.user_id}
    body |= {
        "trade_state": order.state.value,
        "trade_state_desc": STATE_WORDS[order.state],
        "attach": asked.attach,
        "payer": payer,
        "amount": amount,
    }
    return body


def parties(order: Order, merchant: WechatMerchant) -> Mapping[str, object]:
    asked = order.asked
    if not asked.is_partner:
        return {"appid": asked.appid, "mchid": merchant.mchid}
    sub_appid = {"sub_appid": asked.sub_appid} if asked.sub_appid else {}
    return {"sp_appid": asked.appid, "sp_mchid": merchant.mchid, "sub_mchid": asked.sub_mchid, **sub_appid}


def refund_body(order: Order, refund: Refund) -> Mapping[str, object]:
    """As the refund's answer and its query tell it."""
    landed = {"success_time": rfc3339_stamp(refund.lands_ms)} if refund.landed else {}
    return {
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": order.transaction_id,
        "out_trade_no": order.number,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        **landed,
        "create_time": rfc3339_stamp(refund.asked_ms),
        "status": "SUCCESS" if refund.landed else "PROCESSING",
        "funds_account": "UNSETTLED",
        "amount": {
            **refund_amount(order, refund),
            "from": [],
            "settlement_refund": refund.amount_fen,
            "settlement_total": order.asked.total_fen,
            "discount_refund": 0,
            "currency": "CNY",
        },
        "promotion_detail": [],
    }


def refund_notice(order: Order, refund: Refund, merchant: WechatMerchant) -> Mapping[str, object]:
    """The plain resource of a refund's callback."""
    who = {"sp_mchid": merchant.mchid, "sub_mchid": order.asked.sub_mchid}
    return {
        **(who if order.asked.is_partner else {"mchid": merchant.mchid}),
        "transaction_id": order.transaction_id,
        "out_trade_no": order.number,
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "refund_status": "SUCCESS",
        "success_time": rfc3339_stamp(refund.lands_ms),
        "user_received_account": "支付用户零钱",
        "amount": refund_amount(order, refund),
    }


def refund_amount(order: Order, refund: Refund) -> Mapping[str, object]:
    total_fen, amount_fen = order.asked.total_fen, refund.amount_fen
    return {"total": total_fen, "refund": amount_fen, "payer_total": total_fen, "payer_refund": amount_fen}
