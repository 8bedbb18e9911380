"""Rule: a verified answer about our order and our amount settles what its tables list; everything else is Unknown."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.channels.alipay.codes import NOT_CHARGED
from gateway.channels.port import (
    ChannelReason,
    ChannelResponse,
    Closed,
    Declined,
    Mismatch,
    NotFound,
    Paid,
    Pending,
    QrReady,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    Unknown,
)
from tests.unit.gateway import channel_alipay_wallet as wallet
from tests.unit.gateway.channel_alipay_wallet import NOW_MS, ORDER, OUT_TRADE_NO, PAY_NODE, QR_ORDER, QUERY_NODE, REF

CHANNEL = wallet.channel()
PAY = CHANNEL.pay(ORDER, now_ms=NOW_MS).read
PRECREATE = CHANNEL.precreate(QR_ORDER, now_ms=NOW_MS).read
QUERY = CHANNEL.query(REF, now_ms=NOW_MS).read
CANCEL = CHANNEL.cancel(REF, now_ms=NOW_MS).read
CLOSE = CHANNEL.close(REF, now_ms=NOW_MS).read

PAID = Paid(
    transaction_id="2026112222001432790585537960",
    amount_fen=1250,
    paid_at_ms=1_795_312_805_000,
    payer_tail="2794",
)


def refused(sub_code: str, code: str = "40004") -> dict[str, object]:
    return {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "说明"}


def without(node: Mapping[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in node.items() if key != name}


def test_a_signed_pay_answer_with_our_order_and_amount_is_paid() -> None:
    assert PAY(wallet.pay_answer(PAY_NODE)) == PAID


def test_10003_is_an_open_trade_with_the_customer_asked() -> None:
    node = {"code": "10003", "msg": "order success pay inprocess", "out_trade_no": OUT_TRADE_NO}
    assert PAY(wallet.pay_answer(node)) == Pending(payer_prompted=True)


@pytest.mark.parametrize(("sub_code", "reason"), sorted(NOT_CHARGED.items()))
def test_a_listed_not_charged_code_is_declined_with_its_reason(sub_code: str, reason: ChannelReason) -> None:
    assert PAY(wallet.pay_answer(refused(sub_code))) == Declined(code=sub_code, reason=reason)


@pytest.mark.parametrize(
    ("sub_code", "reason"),
    [
        ("ACQ.PAYMENT_AUTH_CODE_INVALID", ChannelReason.CODE_INVALID),
        ("ACQ.BUYER_BALANCE_NOT_ENOUGH", ChannelReason.BALANCE_LOW),
        ("ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", ChannelReason.PAYER_LIMIT),
        ("ACQ.PAYMENT_REQUEST_HAS_RISK", ChannelReason.RISK),
        ("ACQ.SELLER_BEEN_BLOCKED", ChannelReason.MERCHANT_BLOCKED),
    ],
)
def test_the_customer_is_told_the_true_reason(sub_code: str, reason: ChannelReason) -> None:
    assert PAY(wallet.pay_answer(refused(sub_code))) == Declined(code=sub_code, reason=reason)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (refused("ACQ.SYSTEM_ERROR"), ChannelReason.CHANNEL_ERROR),
        (refused("AQC.SYSTEM_ERROR"), ChannelReason.CHANNEL_ERROR),
        (refused("isp.unknow-error", "20000"), ChannelReason.CHANNEL_ERROR),
        (refused("aop.unknow-error", "20000"), ChannelReason.CHANNEL_ERROR),
        (refused("ACQ.BUYER_BALANCE_NOT_ENOUGH", "20000"), ChannelReason.CHANNEL_ERROR),
        (refused("ACQ.TRADE_HAS_SUCCESS"), ChannelReason.ASK_AGAIN),
        (refused("ACQ.CONTEXT_INCONSISTENT"), ChannelReason.UNLISTED),
        (refused("ACQ.TRADE_BUYER_NOT_MATCH"), ChannelReason.UNLISTED),
        (refused("ACQ.TRADE_HAS_CLOSE"), ChannelReason.UNLISTED),
        (refused("ACQ.SOMETHING_NEW"), ChannelReason.UNLISTED),
        (refused("aop.invalid-auth-token", "20001"), ChannelReason.UNLISTED),
        (refused("ACQ.BUYER_BALANCE_NOT_ENOUGH", "49999"), ChannelReason.UNLISTED),
        ({"code": "40004"}, ChannelReason.UNLISTED),
        ({"code": 10001}, ChannelReason.UNLISTED),
        ({}, ChannelReason.UNLISTED),
    ],
)
def test_everything_else_in_a_pay_answer_settles_nothing(node: dict[str, object], reason: ChannelReason) -> None:
    verdict = PAY(wallet.pay_answer(node))
    assert isinstance(verdict, Unknown)
    assert verdict.reason is reason


@pytest.mark.parametrize("name", ["trade_no", "gmt_payment", "out_trade_no", "total_amount"])
def test_a_pay_answer_that_lacks_a_field_is_not_paid(name: str) -> None:
    assert isinstance(PAY(wallet.pay_answer(without(PAY_NODE, name))), Unknown | Mismatch)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("out_trade_no", "0123456789ABCDEFGHJKMNPQR02"),
        ("total_amount", "12.51"),
        ("total_amount", "1250"),
        ("total_amount", "12.500"),
        ("total_amount", "-12.50"),
        ("total_amount", "12.5e0"),
        ("total_amount", "１２.50"),
        ("app_id", "2021000000000002"),
        ("seller_id", "2088000000000002"),
    ],
)
def test_a_verified_answer_about_something_else_is_a_mismatch_that_names_the_field(name: str, value: str) -> None:
    assert PAY(wallet.pay_answer({**PAY_NODE, name: value})) == Mismatch(fields=(name,))
    assert QUERY(wallet.query_answer({**QUERY_NODE, name: value})) == Mismatch(fields=(name,))


def test_another_order_is_a_mismatch_in_every_kind_of_statement() -> None:
    other: dict[str, object] = {"out_trade_no": "OTHER0000000000000000000001"}
    assert isinstance(PAY(wallet.pay_answer({**refused("ACQ.PAYMENT_FAIL"), **other})), Mismatch)
    assert isinstance(PAY(wallet.pay_answer({"code": "10003", **other})), Mismatch)
    assert isinstance(QUERY(wallet.query_answer({**QUERY_NODE, **other, "trade_status": "TRADE_CLOSED"})), Mismatch)
    assert isinstance(QUERY(wallet.query_answer({**refused("ACQ.TRADE_NOT_EXIST"), **other})), Mismatch)
    assert isinstance(CANCEL(wallet.cancel_answer({"code": "10000", "retry_flag": "N", **other})), Mismatch)


def test_amounts_may_be_written_short() -> None:
    assert PAY(wallet.pay_answer({**PAY_NODE, "total_amount": "12.5"})) == PAID


@pytest.mark.parametrize("trade_status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
def test_query_success_and_finished_are_paid(trade_status: str) -> None:
    assert QUERY(wallet.query_answer({**QUERY_NODE, "trade_status": trade_status})) == PAID


@pytest.mark.parametrize(
    ("trade_status", "verdict"),
    [
        ("WAIT_BUYER_PAY", Pending(payer_prompted=True)),
        ("TRADE_CLOSED", Closed(code="TRADE_CLOSED")),
        ("TRADE_PENDING", Unknown(reason=ChannelReason.ASK_AGAIN, code="10000")),
        ("trade_closed", Unknown(reason=ChannelReason.ASK_AGAIN, code="10000")),
        ("", Unknown(reason=ChannelReason.ASK_AGAIN, code="10000")),
    ],
)
def test_other_trade_states(trade_status: str, verdict: object) -> None:
    assert QUERY(wallet.query_answer({**QUERY_NODE, "trade_status": trade_status})) == verdict


def test_query_of_a_trade_that_does_not_exist_is_not_found_even_when_amounts_are_zeros() -> None:
    node = {**refused("ACQ.TRADE_NOT_EXIST"), "out_trade_no": "", "total_amount": "0.00"}
    assert QUERY(wallet.query_answer(node)) == NotFound(code="ACQ.TRADE_NOT_EXIST")


@pytest.mark.parametrize(
    "node", [refused("ACQ.SYSTEM_ERROR"), refused("ACQ.BUYER_BALANCE_NOT_ENOUGH"), refused("", "20000")]
)
def test_a_query_is_never_settled_by_an_error(node: dict[str, object]) -> None:
    assert isinstance(QUERY(wallet.query_answer(node)), Unknown)


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"retry_flag": "N", "action": "close"}, UndoAcknowledged(action=UndoAction.CLOSE)),
        ({"retry_flag": "N", "action": "refund"}, UndoAcknowledged(action=UndoAction.REFUND)),
        ({"retry_flag": "N"}, UndoAcknowledged(action=UndoAction.NONE)),
        ({"retry_flag": "Y", "action": "close"}, UndoRetry(code="retry_flag")),
        ({"retry_flag": "N", "action": "new"}, Unknown(reason=ChannelReason.ASK_AGAIN, code="10000")),
        ({"retry_flag": "?"}, Unknown(reason=ChannelReason.ASK_AGAIN, code="10000")),
    ],
)
def test_cancel_says_whether_to_repeat_and_what_it_did(fields: dict[str, object], verdict: object) -> None:
    assert CANCEL(wallet.cancel_answer({"code": "10000", "out_trade_no": OUT_TRADE_NO, **fields})) == verdict


@pytest.mark.parametrize(
    ("sub_code", "verdict"),
    [
        ("ACQ.SYSTEM_ERROR", UndoRetry(code="ACQ.SYSTEM_ERROR")),
        ("AQC.SYSTEM_ERROR", UndoRetry(code="AQC.SYSTEM_ERROR")),
        ("ACQ.SELLER_BALANCE_NOT_ENOUGH", ChannelReason.SELLER_BALANCE_LOW),
        ("ACQ.REASON_TRADE_BEEN_FREEZEN", ChannelReason.TRADE_FROZEN),
        ("ACQ.TRADE_CANCEL_TIME_OUT", ChannelReason.UNDO_WINDOW_OVER),
        ("ACQ.TRADE_NOT_EXIST", ChannelReason.ORDER_NOT_FOUND),
        ("ACQ.TRADE_STATUS_ERROR", ChannelReason.ORDER_STATE),
        ("ACQ.NEW", Unknown(reason=ChannelReason.UNLISTED, code="ACQ.NEW")),
    ],
)
def test_refused_undos_are_named_and_never_a_state(sub_code: str, verdict: object) -> None:
    expected = UndoRefused(code=sub_code, reason=verdict) if isinstance(verdict, ChannelReason) else verdict
    close_answer = wallet.answer(wallet.body(refused(sub_code), name="alipay_trade_close_response"))
    assert CANCEL(wallet.cancel_answer(refused(sub_code))) == expected
    assert CLOSE(close_answer) == expected


def test_close_is_acknowledged() -> None:
    done: dict[str, object] = {
        "code": "10000",
        "out_trade_no": OUT_TRADE_NO,
        "trade_no": "2026112222001432790585537960",
    }
    content = wallet.body(done, name="alipay_trade_close_response")
    assert CLOSE(wallet.answer(content)) == UndoAcknowledged(action=UndoAction.CLOSE)


def test_precreate_gives_the_text_to_show() -> None:
    ready: dict[str, object] = {"code": "10000", "out_trade_no": OUT_TRADE_NO, "qr_code": "https://qr.alipay.com/bax01"}
    name = "alipay_trade_precreate_response"
    assert PRECREATE(wallet.answer(wallet.body(ready, name=name))) == QrReady(qr="https://qr.alipay.com/bax01")
    strange = wallet.body({**ready, "qr_code": "https://qr\u202e"}, name=name)
    assert isinstance(PRECREATE(wallet.answer(strange)), Unknown)
    other = wallet.body({**ready, "out_trade_no": "X"}, name=name)
    assert PRECREATE(wallet.answer(other)) == Mismatch(fields=("out_trade_no",))
    limit = wallet.body(refused("ACQ.TOTAL_FEE_EXCEED"), name=name)
    assert PRECREATE(wallet.answer(limit)) == Declined(code="ACQ.TOTAL_FEE_EXCEED", reason=ChannelReason.MERCHANT_LIMIT)


def test_a_genuine_node_moved_under_another_method_is_not_believed() -> None:
    """The signature covers the node only, so a query's "waiting" must not become "paid" under a pay answer's name."""
    for trade_status in ("WAIT_BUYER_PAY", "TRADE_CLOSED", "TRADE_SUCCESS"):
        moved = {**QUERY_NODE, "trade_status": trade_status, "gmt_payment": "2026-11-22 10:00:05"}
        assert isinstance(PAY(wallet.pay_answer(moved)), Unknown)
    assert isinstance(QUERY(wallet.query_answer(PAY_NODE)), Unknown)
    assert isinstance(CANCEL(wallet.cancel_answer(QUERY_NODE)), Unknown)


def test_an_error_node_counts_only_when_signed() -> None:
    node = refused("isv.invalid-signature", "40002")
    signed = wallet.answer(wallet.body(node, name="error_response"))
    assert PAY(signed) == Declined(code="isv.invalid-signature", reason=ChannelReason.MERCHANT_CONFIG)
    bare = wallet.answer(b'{"error_response":{"code":"40002","sub_code":"isv.invalid-signature"}}')
    assert PAY(bare) == Unknown(reason=ChannelReason.UNSIGNED)


@pytest.mark.parametrize("status", [201, 302, 400, 429, 500, 502, 504])
def test_only_http_200_is_read(status: int) -> None:
    response = ChannelResponse(status=status, headers={}, body=wallet.body(PAY_NODE))
    assert PAY(response) == Unknown(reason=ChannelReason.UNREADABLE, code=f"http {status}")


def test_a_short_or_strange_payer_id_is_not_shown_at_all() -> None:
    for payer in ("2794", "", "../../../../etc/passwd", "2088102363632794\n", ["2088102363632794"]):
        verdict = PAY(wallet.pay_answer({**PAY_NODE, "buyer_user_id": payer}))
        assert isinstance(verdict, Paid)
        assert verdict.payer_tail == ""


def test_a_hostile_code_does_not_reach_the_log_code() -> None:
    verdict = PAY(wallet.pay_answer(refused("ACQ.\nPAID " + "A" * 500)))
    assert verdict == Unknown(reason=ChannelReason.UNLISTED, code="40004")
