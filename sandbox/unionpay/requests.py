"""Reads the fields of a call into values, or says what is wrong with them: missing (13), malformed (10), or nothing
that this merchant may do (32).

Must not know: signatures, trades that exist.
"""

import re
from dataclasses import dataclass

from sandbox.unionpay.beijing import parse_txn_time
from sandbox.unionpay.codes import Code
from sandbox.unionpay.forms import REPEATABLE, Call
from sandbox.unionpay.merchant import UnionpayMerchant
from sandbox.unionpay.returns import AskedReturn
from sandbox.unionpay.trades import Asked, TradeName, TxnType, Wire

_CURRENCY = "156"
NOBODY_TOLD = "http://www.specialUrl.com"
"""In backUrl: send no notification."""
_COMMON = ("txnType", "txnSubType", "bizType", "accessType", "txnTime")
_FORMS = {
    "bizType": re.compile(r"[0-9]{6}", re.ASCII),
    "accessType": re.compile(r"[012]", re.ASCII),
    "channelType": re.compile(r"[0-9]{2}", re.ASCII),
    "orderId": re.compile(r"[0-9A-Za-z]{8,40}", re.ASCII),
    "txnAmt": re.compile(r"[1-9][0-9]{0,11}", re.ASCII),
    "currencyCode": re.compile(_CURRENCY, re.ASCII),
    "termId": re.compile(r"[0-9A-Za-z]{8}", re.ASCII),
    "qrNo": re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII),
    "origQryId": re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII),
    "backUrl": re.compile(r"https?://[\x21-\x7e]{1,248}", re.ASCII),
    "settleDate": re.compile(r"[0-9]{4}", re.ASCII),
    "reqReserved": REPEATABLE,
    "subMerName": REPEATABLE,
    "subMerAbbr": REPEATABLE,
}
_NOT_KEPT = ("version", "encoding", "merId", "txnType", "txnSubType", "orderId", "txnTime")
"""Of what an answer repeats: what each trade says in its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    code: Code
    detail: str = ""


def check_fields(call: Call, merchant: UnionpayMerchant, *needed: str) -> Wrong | None:
    """None: all that is needed is there, and whatever is there has its form."""
    for name in (*_COMMON, *needed):
        if not call.text(name):
            return Wrong(code=Code.MISSING, detail=name)
    return check_forms(call) or check_access(call, merchant)


def check_forms(call: Call) -> Wrong | None:
    for name, form in _FORMS.items():
        if call.text(name) and not form.fullmatch(call.text(name)):
            return Wrong(code=Code.BAD_FORMAT, detail=name)
    for name in ("txnTime", "payTimeout"):
        if call.text(name) and parse_txn_time(call.text(name)) is None:
            return Wrong(code=Code.BAD_FORMAT, detail=name)
    return None


def check_access(call: Call, merchant: UnionpayMerchant) -> Wrong | None:
    """Whether the merchant may act as accessType says: 1 through its acquirer, 2 for its own sub-merchant."""
    match call.text("accessType"):
        case "1":
            name, ours = "acqInsCode", merchant.acq_ins_code
        case "2":
            name, ours = "subMerId", merchant.sub_mer_id
        case _:
            return None
    if not call.text(name):
        return Wrong(code=Code.MISSING, detail=name)
    return None if call.text(name) == ours else Wrong(code=Code.NO_PERMISSION, detail=name)


def trade_name(call: Call) -> TradeName:
    return TradeName(order_id=call.text("orderId"), txn_time=call.text("txnTime"))


def amount_fen(call: Call) -> int | None:
    return int(call.text("txnAmt")) if call.text("txnAmt") else None


def read_consume(call: Call) -> Asked:
    """Of a call whose fields were checked."""
    total_fen = amount_fen(call)
    assert total_fen is not None
    return Asked(
        name=trade_name(call),
        sub_type=call.text("txnSubType"),
        amount_fen=total_fen,
        wire=_wire(call),
        description=call.text("orderDesc"),
        terminal=call.text("termId"),
        pay_until_ms=parse_txn_time(call.text("payTimeout")),
    )


def read_return(call: Call, txn_type: TxnType) -> AskedReturn:
    """Of a call whose fields were checked."""
    back_fen = amount_fen(call)
    assert back_fen is not None
    return AskedReturn(
        name=trade_name(call),
        txn_type=txn_type,
        orig_query_id=call.text("origQryId"),
        amount_fen=back_fen,
        wire=_wire(call),
    )


def _wire(call: Call) -> Wire:
    echoed = {name: value for name, value in call.echoed().items() if name not in _NOT_KEPT}
    told = call.text("backUrl")
    return Wire(method=call.method, back_url="" if told == NOBODY_TOLD else told, echoed=echoed)
