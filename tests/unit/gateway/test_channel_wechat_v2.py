"""Rule: of v2 only a signed answer about our order says anything; "declined" is only what is listed as not charged."""

from __future__ import annotations

import pytest

from gateway.channels.port import (
    ChannelReason,
    ChannelResponse,
    Closed,
    Declined,
    Failed,
    Mismatch,
    NotFound,
    Paid,
    Pending,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    Unknown,
)
from gateway.channels.wechat import codes
from tests.unit.gateway import channel_wechat_wallet as wallet
from tests.unit.gateway.channel_wechat_wallet import NOW_MS, ORDER, OUT_TRADE_NO, QR_REF, REF, TRANSACTION_ID

CHANNEL = wallet.channel()
PAY = CHANNEL.pay(ORDER, now_ms=NOW_MS).read
QUERY = CHANNEL.query(REF, now_ms=NOW_MS).read
REVERSE = CHANNEL.cancel(REF, now_ms=NOW_MS).read
CLOSE = CHANNEL.cancel(QR_REF, now_ms=NOW_MS).read
READERS = {"pay": PAY, "query": QUERY, "reverse": REVERSE, "close": CLOSE}

#: facts/wallet-protocols.md 2.2, the whole micropay table. None: it settles nothing.
MICROPAY: dict[str, ChannelReason | None] = {
    "SYSTEMERROR": None,
    "BANKERROR": None,
    "AUTHCODEEXPIRE": ChannelReason.CODE_EXPIRED,
    "AUTH_CODE_ERROR": ChannelReason.CODE_INVALID,
    "AUTH_CODE_INVALID": ChannelReason.CODE_INVALID,
    "NOTENOUGH": ChannelReason.BALANCE_LOW,
    "NOTSUPORTCARD": ChannelReason.PAYER_FORBIDDEN,
    "ORDERPAID": None,
    "ORDERCLOSED": None,
    "ORDERREVERSED": None,
    "OUT_TRADE_NO_USED": None,
    "BUYER_MISMATCH": None,
    "TRADE_ERROR": ChannelReason.PAYMENT_FAILED,
    "INVALID_REQUEST": None,
    "NOAUTH": ChannelReason.MERCHANT_CONFIG,
    "APPID_NOT_EXIST": ChannelReason.MERCHANT_CONFIG,
    "MCHID_NOT_EXIST": ChannelReason.MERCHANT_CONFIG,
    "APPID_MCHID_NOT_MATCH": ChannelReason.MERCHANT_CONFIG,
    "LACK_PARAMS": ChannelReason.MERCHANT_CONFIG,
    "PARAM_ERROR": ChannelReason.MERCHANT_CONFIG,
    "SIGNERROR": ChannelReason.MERCHANT_CONFIG,
    "XML_FORMAT_ERROR": ChannelReason.MERCHANT_CONFIG,
    "REQUIRE_POST_METHOD": ChannelReason.MERCHANT_CONFIG,
    "POST_DATA_EMPTY": ChannelReason.MERCHANT_CONFIG,
    "NOT_UTF8": ChannelReason.MERCHANT_CONFIG,
    "SOMETHING_NEW": None,
    "notenough": None,
    "": None,
}


@pytest.mark.parametrize("code", MICROPAY)
def test_each_row_of_the_pay_table(code: str) -> None:
    verdict, reason = PAY(wallet.v2_refused(code)), MICROPAY[code]
    if reason is None:
        assert isinstance(verdict, Unknown)
        assert verdict.code == code
    else:
        assert verdict == Declined(code=code, reason=reason)


def test_a_password_is_awaited() -> None:
    assert PAY(wallet.v2_refused("USERPAYING")) == Pending(payer_prompted=True)


def test_no_code_that_is_listed_as_not_charged_is_left_out_of_this_table() -> None:
    listed = {code for code, reason in MICROPAY.items() if reason is not None}
    assert listed | {"NO_AUTH", "MCH_NOT_EXISTS", "SIGN_ERROR"} == set(codes.NOT_CHARGED)


def test_paid_is_said_with_all_that_proves_it() -> None:
    paid = PAY(wallet.v2_paid())
    assert isinstance(paid, Paid)
    assert (paid.transaction_id, paid.amount_fen) == (TRANSACTION_ID, 1250)
    assert (paid.paid_at_ms, paid.payer_tail) == (wallet.OPENED_MS + 5_000, "eS6o")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"total_fee": "1251"}, "total_fee"),
        ({"total_fee": "01250"}, "total_fee"),
        ({"total_fee": ""}, "total_fee"),
        ({"out_trade_no": "0123456789ABCDEFGHJKMNPQR02"}, "out_trade_no"),
        ({"out_trade_no": ""}, "out_trade_no"),
        ({"mch_id": "1900000000"}, "mch_id"),
        ({"mch_id": ""}, "mch_id"),
        ({"appid": "wx0"}, "appid"),
        ({"appid": ""}, "appid"),
        ({"fee_type": "HKD"}, "fee_type"),
        ({"sub_mch_id": "1900000001"}, "sub_mch_id"),
    ],
)
def test_paid_of_something_else_is_a_mismatch(changed: dict[str, str], field: str) -> None:
    for verdict in (
        PAY(wallet.v2_paid(**changed)),
        QUERY(wallet.v2_found("SUCCESS", **changed)),
    ):
        if field == "total_fee" and changed["total_fee"] != "1251":
            assert isinstance(verdict, Unknown)  # no amount at all
        else:
            assert verdict == Mismatch(fields=(field,))


@pytest.mark.parametrize("missing", [{"transaction_id": ""}, {"transaction_id": "no number"}])
def test_paid_without_the_wallets_number_settles_nothing(missing: dict[str, str]) -> None:
    assert isinstance(PAY(wallet.v2_paid(**missing)), Unknown)
    assert isinstance(QUERY(wallet.v2_found("SUCCESS", **missing)), Unknown)


def test_another_calls_answer_is_never_a_pay_answer() -> None:
    assert isinstance(PAY(wallet.v2_found("SUCCESS")), Unknown)
    assert isinstance(PAY(wallet.v2_found("NOTPAY")), Unknown)
    assert isinstance(PAY(wallet.v2_paid(trade_type="NATIVE")), Unknown)
    assert isinstance(PAY(wallet.v2_said(result_code="SUCCESS", recall="N")), Unknown)
    assert isinstance(REVERSE(wallet.v2_paid()), Unknown)
    assert isinstance(REVERSE(wallet.v2_found("REVOKED")), Unknown)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("NOTPAY", Pending(payer_prompted=False)),
        ("USERPAYING", Pending(payer_prompted=True)),
        ("ACCEPT", Pending(payer_prompted=False)),
        ("CLOSED", Closed(code="CLOSED")),
        ("REVOKED", Closed(code="REVOKED")),
        (
            "PAYERROR",
            Failed(code="PAYERROR", reason=ChannelReason.PAYMENT_FAILED, money_taken=False, closed_once_undone=False),
        ),
        ("", Unknown(reason=ChannelReason.ASK_AGAIN)),
        ("SOMETHING_NEW", Unknown(reason=ChannelReason.ASK_AGAIN, code="SOMETHING_NEW")),
        ("success", Unknown(reason=ChannelReason.ASK_AGAIN)),
    ],
)
def test_each_state_of_a_query(state: str, verdict: object) -> None:
    assert QUERY(wallet.v2_found(state)) == verdict


@pytest.mark.parametrize("state", ["SUCCESS", "REFUND"])
def test_a_refunded_order_was_paid(state: str) -> None:
    assert QUERY(wallet.v2_found(state)) == PAY(wallet.v2_paid())


@pytest.mark.parametrize("state", ["NOTPAY", "CLOSED", "REVOKED", "PAYERROR", "USERPAYING"])
def test_a_state_of_another_order_is_a_mismatch(state: str) -> None:
    assert QUERY(wallet.v2_found(state, out_trade_no="X" * 27)) == Mismatch(fields=("out_trade_no",))
    assert QUERY(wallet.v2_found(state, total_fee="1")) == Mismatch(fields=("total_fee",))


def test_not_found_and_what_else_a_query_can_refuse() -> None:
    assert QUERY(wallet.v2_refused("ORDERNOTEXIST")) == NotFound(code="ORDERNOTEXIST")
    assert QUERY(wallet.v2_refused("ORDERNOTEXIST", out_trade_no="X" * 27)) == Mismatch(fields=("out_trade_no",))
    for code, reason in (
        ("SYSTEMERROR", ChannelReason.CHANNEL_ERROR),
        ("FREQUENCY_LIMITED", ChannelReason.TOO_OFTEN),
        ("NOAUTH", ChannelReason.MERCHANT_CONFIG),
        ("NEW", ChannelReason.UNLISTED),
    ):
        assert QUERY(wallet.v2_refused(code)) == Unknown(reason=reason, code=code)


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"result_code": "SUCCESS", "recall": "N"}, UndoAcknowledged(action=UndoAction.NONE)),
        ({"result_code": "SUCCESS", "recall": "Y"}, UndoRetry(code="recall")),
        ({"result_code": "SUCCESS"}, Unknown(reason=ChannelReason.ASK_AGAIN)),
        ({"recall": "N"}, Unknown(reason=ChannelReason.ASK_AGAIN)),
        ({"err_code": "SYSTEMERROR"}, UndoRetry(code="SYSTEMERROR")),
        ({"err_code": "USERPAYING"}, UndoRetry(code="USERPAYING")),
        ({"err_code": "NEW", "recall": "Y"}, UndoRetry(code="NEW")),
        ({"err_code": "TRADE_ERROR", "recall": "Y"}, UndoRetry(code="TRADE_ERROR")),
        ({"err_code": "NEW"}, Unknown(reason=ChannelReason.UNLISTED, code="NEW")),
        (
            {"err_code": "REVERSE_EXPIRE", "recall": "Y"},
            UndoRefused(code="REVERSE_EXPIRE", reason=ChannelReason.UNDO_WINDOW_OVER),
        ),
        ({"err_code": "TRADE_ERROR"}, UndoRefused(code="TRADE_ERROR", reason=ChannelReason.ORDER_STATE)),
        (
            {"err_code": "INVALID_TRANSACTIONID"},
            UndoRefused(code="INVALID_TRANSACTIONID", reason=ChannelReason.ORDER_NOT_FOUND),
        ),
        ({"err_code": "PARAM_ERROR"}, UndoRefused(code="PARAM_ERROR", reason=ChannelReason.MERCHANT_CONFIG)),
        ({"result_code": "SUCCESS", "recall": "N", "out_trade_no": "X" * 27}, Mismatch(fields=("out_trade_no",))),
        ({"result_code": "SUCCESS", "recall": "N", "mch_id": "1"}, Mismatch(fields=("mch_id",))),
    ],
)
def test_each_answer_to_a_reverse(fields: dict[str, str], verdict: object) -> None:
    refused = {"result_code": "FAIL"} if "err_code" in fields else {}
    assert REVERSE(wallet.v2_said(**refused, **fields)) == verdict


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"result_code": "SUCCESS", "result_msg": "OK"}, UndoAcknowledged(action=UndoAction.CLOSE)),
        ({"err_code": "ORDERCLOSED"}, UndoAcknowledged(action=UndoAction.NONE)),
        ({"err_code": "ORDERPAID"}, UndoRefused(code="ORDERPAID", reason=ChannelReason.ORDER_STATE)),
        ({"err_code": "ORDERNOTEXIST"}, UndoRefused(code="ORDERNOTEXIST", reason=ChannelReason.ORDER_NOT_FOUND)),
        ({"err_code": "SYSTEMERROR"}, UndoRetry(code="SYSTEMERROR")),
        ({"err_code": "NEW"}, Unknown(reason=ChannelReason.UNLISTED, code="NEW")),
        ({}, Unknown(reason=ChannelReason.ASK_AGAIN)),
        ({"result_code": "SUCCESS", "out_trade_no": "X" * 27}, Mismatch(fields=("out_trade_no",))),
        ({"result_code": "SUCCESS", "trade_state": "CLOSED"}, Unknown(reason=ChannelReason.ASK_AGAIN)),
        ({"result_code": "SUCCESS", "total_fee": "1250"}, Unknown(reason=ChannelReason.ASK_AGAIN)),
    ],
)
def test_each_answer_to_a_close(fields: dict[str, str], verdict: object) -> None:
    refused = {"result_code": "FAIL"} if "err_code" in fields else {}
    assert CLOSE(wallet.v2_said(**refused, **fields)) == verdict


@pytest.mark.parametrize("name", READERS)
def test_an_answer_without_a_signature_of_ours_settles_nothing(name: str) -> None:
    read = READERS[name]
    told = wallet.v2_fields(result_code="SUCCESS", recall="N", out_trade_no=OUT_TRADE_NO, trade_state="CLOSED")
    unsigned = Unknown(reason=ChannelReason.UNSIGNED)
    forged = Unknown(reason=ChannelReason.BAD_SIGNATURE)
    assert read(wallet.v2_answer(told)) == unsigned
    assert read(wallet.v2_answer({**told, "sign": ""})) == unsigned
    assert read(wallet.v2_answer({**told, "sign": "A" * 64})) == forged
    assert read(wallet.v2_answer({**told, "sign": wallet.v2_sign(told, secret="x" * 32)})) == forged
    # sign_type is remembered from the request: the answer cannot choose the weaker one.
    assert read(wallet.v2_answer({**told, "sign": wallet.v2_sign(told, "MD5")})) == forged
    weaker = {**told, "sign_type": "MD5"}
    assert read(wallet.v2_answer({**weaker, "sign": wallet.v2_sign(weaker, "MD5")})) == forged


@pytest.mark.parametrize("name", READERS)
def test_return_code_fail_is_unknown_whatever_it_says(name: str) -> None:
    """It carries no signature; anybody on the way could have written it."""
    read = READERS[name]
    for more in ({}, {"result_code": "FAIL", "err_code": "NOTENOUGH"}, {"trade_state": "CLOSED"}):
        told = {"return_code": "FAIL", "return_msg": "签名错误", **more}
        answers = [wallet.v2_answer(told), wallet.v2_answer({**told, "sign": wallet.v2_sign(told)})]
        assert [read(one) for one in answers] == [Unknown(reason=ChannelReason.UNSIGNED, code="return_code")] * 2


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b"<html>Bad Gateway</html>"),
        (400, "<html>没有证书</html>".encode()),
        (200, b"<html><body>No required SSL certificate was sent</body></html>"),
        (200, b""),
        (200, b"{}"),
        (302, b""),
        (500, wallet.v2_paid().body),
    ],
)
def test_what_is_no_answer_of_v2_is_unknown(name: str, status: int, body: bytes) -> None:
    """A missing client certificate looks like this, and is not "reverse failed"."""
    verdict = READERS[name](ChannelResponse(status=status, headers={}, body=body))
    assert isinstance(verdict, Unknown)
    assert verdict.reason is ChannelReason.UNREADABLE


def test_a_changed_byte_anywhere_in_a_paid_answer_is_never_paid() -> None:
    body = wallet.v2_paid().body
    for index in range(len(body)):
        changed = body[:index] + bytes([body[index] ^ 1]) + body[index + 1 :]
        verdict = PAY(ChannelResponse(status=200, headers={}, body=changed))
        assert not isinstance(verdict, Declined | Paid), body[index - 5 : index + 5]


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
def test_an_answer_is_verified_by_the_sign_type_of_its_request(sign_type: str) -> None:
    read = wallet.channel(sign_type=sign_type).query(REF, now_ms=NOW_MS).read
    assert read(wallet.v2_said(sign_type=sign_type, result_code="SUCCESS", trade_state="CLOSED",
                               out_trade_no=OUT_TRADE_NO)) == Closed(code="CLOSED")  # fmt: skip


def test_a_partner_is_paid_for_its_own_sub_merchant_only() -> None:
    read = wallet.channel(**wallet.PARTNER).pay(ORDER, now_ms=NOW_MS).read
    assert isinstance(read(wallet.v2_paid(sub_mch_id=wallet.SUB_MCH_ID)), Paid)
    assert read(wallet.v2_paid(sub_mch_id="1900000001")) == Mismatch(fields=("sub_mch_id",))
    sent = wallet.v2_sent(wallet.channel(**wallet.PARTNER).pay(ORDER, now_ms=NOW_MS).request)
    assert (sent["mch_id"], sent["sub_mch_id"]) == (wallet.MCH_ID, wallet.SUB_MCH_ID)


def test_a_pay_request_has_exactly_the_documented_fields() -> None:
    sent = wallet.v2_sent(CHANNEL.pay(ORDER, now_ms=NOW_MS).request)
    assert sent.pop("sign")
    assert sent.pop("nonce_str")
    assert sent == {
        "appid": wallet.APPID,
        "mch_id": wallet.MCH_ID,
        "body": "早餐 豆浆",
        "out_trade_no": OUT_TRADE_NO,
        "total_fee": "1250",
        "fee_type": "CNY",
        "spbill_create_ip": "127.0.0.1",
        "auth_code": wallet.CANARY_CODE,
        "device_info": "T0001",
        "sign_type": "HMAC-SHA256",
    }


def test_the_payment_code_and_the_keys_are_in_no_repr() -> None:
    call = CHANNEL.pay(ORDER, now_ms=NOW_MS)
    seen = " ".join(map(repr, (call, call.request, CHANNEL, ORDER, CHANNEL.keys, CHANNEL.v2, PAY)))
    for canary in (wallet.CANARY_CODE, wallet.V2_KEY, wallet.V3_KEY, "PRIVATE KEY"):
        assert canary not in seen
