"""UnionPay's notifications: when one is due and what it says, signed anew at each sending.

Rules: told are a payment that succeeded, a refund or cancel that landed, each to the backUrl of its own request, in the
sign method of that request; failures, 42, 74 and 75 are never told; any answer of HTTP 200 means "received".
Must not know: HTTP clients.
"""

from collections.abc import Mapping

from sandbox.notifying import Letter, NotificationBook, Sending
from sandbox.plan import CallbackPlan, Forgery
from sandbox.unionpay.codes import Code
from sandbox.unionpay.forms import form_text, result
from sandbox.unionpay.merchant import UnionpayMerchant
from sandbox.unionpay.signing import sealed
from sandbox.unionpay.trades import SUCCESSES, Return, Trade, TradeEvent, Wire
from sandbox.unionpay.words import return_fields, trade_fields

_OTHER_MER_ID = "777290058119999"
_HEADERS = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8", "user-agent": "Mozilla/4.0"}
_RECEIVED = 200


class Notices:
    def __init__(self, *, merchant: UnionpayMerchant, notifications: NotificationBook, settlement_hour: int) -> None:
        self._merchant = merchant
        self._notifications = notifications
        self._settlement_hour = settlement_hour

    def watch(self, trade: Trade, event: TradeEvent, at_ms: int) -> None:
        """Hears every change of every trade."""
        match event:
            case TradeEvent.BUYER_PAYS | TradeEvent.CHARGE_EXECUTES:
                if trade.charge_end in SUCCESSES:
                    self._tell_payment(trade, at_ms)
            case TradeEvent.RETURN_LANDS:
                for one in trade.returns:
                    if one.landed and one.lands_ms == at_ms:
                        self._tell_return(trade, one, at_ms)
            case TradeEvent.EXPIRES | TradeEvent.SHOP_REVERSES:
                pass

    def _tell_payment(self, trade: Trade, at_ms: int) -> None:
        told = {**trade_fields(trade, self._settlement_hour), **result(trade.charge_end)}
        self._tell(trade.query_id, told, trade.asked.wire, trade.course.plan.callback, at_ms)

    def _tell_return(self, trade: Trade, one: Return, at_ms: int) -> None:
        told = {**return_fields(trade, one, self._settlement_hour), **result(Code.OK)}
        self._tell(one.query_id, told, one.wire, CallbackPlan(), at_ms)

    def _tell(self, query_id: str, told: Mapping[str, str], wire: Wire, plan: CallbackPlan, at_ms: int) -> None:
        if not wire.back_url:
            return
        fields = {**told, "merId": self._merchant.mer_id}

        def build(sending: Sending) -> Letter:
            signed = sealed(_forged(fields, sending.forgery), wire.method, self._merchant)
            if sending.forgery is Forgery.BAD_SIGNATURE:
                signed |= {"signature": sealed({**fields, "traceNo": "none"}, wire.method, self._merchant)["signature"]}
            return Letter(url=wire.back_url, headers=_HEADERS, body=form_text(signed))

        self._notifications.add(query_id, plan=plan, build=build, happened_ms=at_ms)


def is_received(status: int | None) -> bool:
    return status == _RECEIVED


def _forged(fields: Mapping[str, str], forgery: Forgery | None) -> Mapping[str, str]:
    match forgery:
        case Forgery.WRONG_AMOUNT:
            more = str(int(fields["txnAmt"]) + 1)
            return {**fields, "txnAmt": more, "settleAmt": more}
        case Forgery.OTHER_MERCHANT:
            return {**fields, "merId": _OTHER_MER_ID}
        case Forgery.BAD_SIGNATURE | None:
            return fields
