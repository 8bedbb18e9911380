"""Rule: accepted is not refunded; a refund is done by a signed word about exactly it, and its end is never unsigned."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.channels.port import (
    ChannelReason,
    ChannelResponse,
    Mismatch,
    RefundAbsent,
    RefundDone,
    RefundOpen,
    RefundRefused,
    Unknown,
)
from tests.unit.gateway import channel_wechat_wallet as wallet
from tests.unit.gateway.channel_wechat_wallet import NOW_MS, OUT_TRADE_NO, QR_REFUND, REFUND, REFUND_NO

Read = Callable[[ChannelResponse], object]
CHANNEL = wallet.channel()
V2_REFUND: Read = CHANNEL.refund(REFUND, now_ms=NOW_MS).read
V2_QUERY: Read = CHANNEL.refund_query(REFUND, now_ms=NOW_MS).read
V3_REFUND: Read = CHANNEL.refund(QR_REFUND, now_ms=NOW_MS).read
V3_QUERY: Read = CHANNEL.refund_query(QR_REFUND, now_ms=NOW_MS).read
REFUND_ID = "50300806602026112212345678"
DONE = RefundDone(amount_fen=250, channel_refund_id=REFUND_ID, done_at_ms=wallet.OPENED_MS + 10_000)

ACCEPTED = {
    "result_code": "SUCCESS",
    "out_trade_no": OUT_TRADE_NO,
    "out_refund_no": REFUND_NO,
    "refund_id": REFUND_ID,
    "refund_fee": "250",
    "total_fee": "1250",
}


def counted(status: str, **changes: str) -> ChannelResponse:
    """refundquery's success: refunds under their index."""
    told = {
        "result_code": "SUCCESS",
        "out_trade_no": OUT_TRADE_NO,
        "total_fee": "1250",
        "refund_count": "2",
        "refund_fee": "350",
        "out_refund_no_0": "ANOTHER",
        "refund_fee_0": "100",
        "refund_status_0": "SUCCESS",
        "out_refund_no_1": REFUND_NO,
        "refund_fee_1": "250",
        "refund_id_1": REFUND_ID,
        "refund_status_1": status,
        "refund_success_time_1": "2026-11-22 10:00:10",
    }
    return wallet.v2_said(**{**told, **changes})


def test_v2_says_accepted_and_never_more() -> None:
    assert V2_REFUND(wallet.v2_said(**ACCEPTED)) == RefundOpen(code="accepted")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("out_trade_no", "X" * 27),
        ("out_trade_no", ""),
        ("out_refund_no", "X"),
        ("out_refund_no", ""),
        ("refund_fee", "251"),
        ("refund_fee", ""),
        ("total_fee", "1251"),
        ("mch_id", "1"),
    ],
)
def test_v2_accepted_of_something_else_is_a_mismatch(field: str, value: str) -> None:
    assert V2_REFUND(wallet.v2_said(**{**ACCEPTED, field: value})) == Mismatch(fields=(field,))


#: facts/wallet-protocols.md 2.2 and 2.9. The reason, and whether it is the end; None: it settles nothing.
V2_CODES: dict[str, tuple[ChannelReason, bool] | None] = {
    "SYSTEMERROR": None,
    "BIZERR_NEED_RETRY": (ChannelReason.CHANNEL_ERROR, False),
    "TRADE_OVERDUE": (ChannelReason.REFUND_REFUSED, True),
    "ERROR": (ChannelReason.REFUND_REFUSED, False),
    "USER_ACCOUNT_ABNORMAL": (ChannelReason.REFUND_REFUSED, True),
    "INVALID_REQ_TOO_MUCH": (ChannelReason.TOO_OFTEN, False),
    "NOTENOUGH": (ChannelReason.SELLER_BALANCE_LOW, False),
    "INVALID_TRANSACTIONID": (ChannelReason.ORDER_NOT_FOUND, False),
    "FREQUENCY_LIMITED": (ChannelReason.TOO_OFTEN, False),
    "PARAM_ERROR": (ChannelReason.MERCHANT_CONFIG, False),
    "NOAUTH": (ChannelReason.MERCHANT_CONFIG, False),
    "SOMETHING_NEW": None,
}
V3_CODES: dict[str, tuple[ChannelReason, bool] | None] = {
    "SYSTEM_ERROR": None,
    "USER_ACCOUNT_ABNORMAL": (ChannelReason.REFUND_REFUSED, True),
    "NOT_ENOUGH": (ChannelReason.SELLER_BALANCE_LOW, False),
    "NO_AUTH": (ChannelReason.MERCHANT_CONFIG, False),
    "MCH_NOT_EXISTS": (ChannelReason.MERCHANT_CONFIG, False),
    "RESOURCE_NOT_EXISTS": (ChannelReason.ORDER_NOT_FOUND, False),
    "PARAM_ERROR": (ChannelReason.MERCHANT_CONFIG, False),
    "INVALID_REQUEST": (ChannelReason.REFUND_REFUSED, False),
    "SIGN_ERROR": (ChannelReason.MERCHANT_CONFIG, False),
    "FREQUENCY_LIMITED": (ChannelReason.TOO_OFTEN, False),
    "SOMETHING_NEW": None,
}


@pytest.mark.parametrize("code", V2_CODES)
def test_each_row_of_v2s_refund_table(code: str) -> None:
    verdict, row = V2_REFUND(wallet.v2_refused(code)), V2_CODES[code]
    if row is None:
        assert isinstance(verdict, Unknown)
    else:
        assert verdict == RefundRefused(code=code, reason=row[0], final=row[1])


@pytest.mark.parametrize("code", V3_CODES)
@pytest.mark.parametrize("signed", [True, False])
def test_each_row_of_v3s_refund_table(code: str, signed: bool) -> None:
    """The same number again is safe whatever the answer was worth; an end is believed only when it is signed."""
    verdict, row = V3_REFUND(wallet.v3_refused(403, code, signed=signed)), V3_CODES[code]
    if row is None:
        assert isinstance(verdict, Unknown)
    else:
        assert verdict == RefundRefused(code=code, reason=row[0], final=row[1] and signed)


def test_the_same_number_with_another_amount_is_a_mismatch() -> None:
    assert V2_REFUND(wallet.v2_refused("REFUND_FEE_MISMATCH")) == Mismatch(fields=("refund_fee",))


STATES: dict[str, object] = {
    "SUCCESS": DONE,
    "PROCESSING": RefundOpen(code="PROCESSING"),
    "CHANGE": RefundOpen(code="CHANGE"),
    "ABNORMAL": RefundOpen(code="ABNORMAL"),
    "REFUNDCLOSE": RefundRefused(code="REFUNDCLOSE", reason=ChannelReason.REFUND_REFUSED, final=True),
    "CLOSED": RefundRefused(code="CLOSED", reason=ChannelReason.REFUND_REFUSED, final=True),
}


@pytest.mark.parametrize("status", STATES)
def test_each_state_of_a_refund(status: str) -> None:
    assert V2_QUERY(counted(status)) == STATES[status]
    assert V3_QUERY(wallet.v3_said(wallet.refund(status))) == STATES[status]
    assert V3_REFUND(wallet.v3_said(wallet.refund(status))) == STATES[status]


@pytest.mark.parametrize("status", ["", "NEW", "success"])
def test_a_state_that_is_not_known_settles_nothing(status: str) -> None:
    assert isinstance(V2_QUERY(counted(status)), Unknown)
    assert isinstance(V3_QUERY(wallet.v3_said(wallet.refund(status))), Unknown)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"out_refund_no_1": "X"}, ("out_refund_no",)),
        ({"refund_fee_1": "251"}, ("refund_fee",)),
        ({"refund_fee_1": ""}, ("refund_fee",)),
        ({"out_trade_no": "X" * 27}, ("out_trade_no",)),
        ({"total_fee": "1"}, ("total_fee",)),
    ],
)
def test_v2_done_of_something_else_is_a_mismatch(changes: dict[str, str], fields: tuple[str, ...]) -> None:
    assert V2_QUERY(counted("SUCCESS", **changes)) == Mismatch(fields=fields)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"out_refund_no": "X"}, "out_refund_no"),
        ({"out_refund_no": None}, "out_refund_no"),
        ({"out_trade_no": "X" * 27}, "out_trade_no"),
        ({"amount": {"total": 1251, "refund": 250}}, "amount.total"),
        ({"amount": {"total": 1250, "refund": 251}}, "amount.refund"),
        ({"amount": {"total": 1250}}, "amount.refund"),
        ({"amount": {"total": 1250, "refund": 250, "currency": "USD"}}, "amount.currency"),
    ],
)
def test_v3_done_of_something_else_is_a_mismatch(changes: dict[str, object], field: str) -> None:
    answer = wallet.v3_said(wallet.refund("SUCCESS", **changes))
    assert V3_QUERY(answer) == V3_REFUND(answer) == Mismatch(fields=(field,))


def test_a_refund_that_is_not_known_may_be_sent_again() -> None:
    assert V2_QUERY(wallet.v2_refused("REFUNDNOTEXIST")) == RefundAbsent(code="REFUNDNOTEXIST")
    for signed in (True, False):
        answer = wallet.v3_refused(404, "RESOURCE_NOT_EXISTS", signed=signed)
        assert V3_QUERY(answer) == RefundAbsent(code="RESOURCE_NOT_EXISTS")


@pytest.mark.parametrize("read", [V2_REFUND, V2_QUERY])
def test_unsigned_words_of_v2_settle_nothing(read: Read) -> None:
    told = wallet.v2_fields(**ACCEPTED)
    assert read(wallet.v2_answer(told)) == Unknown(reason=ChannelReason.UNSIGNED)
    failed = wallet.v2_answer({"return_code": "FAIL", "return_msg": "证书验证失败"})
    assert read(failed) == Unknown(reason=ChannelReason.UNSIGNED, code="return_code")
    assert isinstance(read(ChannelResponse(status=400, headers={}, body=b"<html>")), Unknown)


@pytest.mark.parametrize("read", [V3_REFUND, V3_QUERY])
def test_unsigned_success_of_v3_settles_nothing(read: Read) -> None:
    signed = wallet.v3_said(wallet.refund())
    assert read(wallet.v3_answer(signed.body, headers={})) == Unknown(reason=ChannelReason.UNSIGNED, code="unsigned")
    assert isinstance(read(wallet.v3_refused(500, "SYSTEM_ERROR")), Unknown)


def test_refund_requests_name_order_number_and_both_amounts() -> None:
    sent = wallet.v2_sent(CHANNEL.refund(REFUND, now_ms=NOW_MS).request)
    wanted = {"out_trade_no": OUT_TRADE_NO, "out_refund_no": REFUND_NO, "total_fee": "1250", "refund_fee": "250"}
    assert {name: sent[name] for name in wanted} == wanted
    assert "transaction_id" not in sent
    body = CHANNEL.refund(QR_REFUND, now_ms=NOW_MS).request.body.decode()
    assert '"amount":{"refund":250,"total":1250,"currency":"CNY"}' in body
    assert f'"out_refund_no":"{REFUND_NO}"' in body
    partner = wallet.channel(**wallet.PARTNER)
    assert f'"sub_mchid":"{wallet.SUB_MCH_ID}"' in partner.refund(QR_REFUND, now_ms=NOW_MS).request.body.decode()
    assert partner.refund_query(QR_REFUND, now_ms=NOW_MS).request.url.endswith(f"?sub_mchid={wallet.SUB_MCH_ID}")
