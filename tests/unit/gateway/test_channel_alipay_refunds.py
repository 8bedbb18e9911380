"""Rule: a refund is done when a verified answer says so of our order, number and amount; a repeat moves nothing."""

from __future__ import annotations

import json
from typing import cast
from urllib.parse import parse_qs

import pytest

from gateway.channels.alipay.codes import REFUND_LATER, REFUND_NEVER
from gateway.channels.port import (
    ChannelReason,
    Mismatch,
    RefundAbsent,
    RefundDone,
    RefundOpen,
    RefundOrder,
    RefundQueryVerdict,
    RefundRefused,
    RefundVerdict,
    Unknown,
)
from tests.unit.gateway import channel_alipay_wallet as wallet
from tests.unit.gateway.channel_alipay_wallet import NOW_MS, OUT_TRADE_NO, PAY_NODE, QUERY_NODE, REF

REFUND_NO = "ZYXWVTSRQPNMKJHGFEDCBA98765"
ORDER = RefundOrder(refund_no=REFUND_NO, order=REF, amount_fen=500, reason='cold "food" <b>', opened_ms=NOW_MS)
DONE = RefundDone(amount_fen=500, channel_refund_id="", done_at_ms=1_795_312_805_000)
REFUND_NODE: dict[str, object] = {
    "code": "10000",
    "fund_change": "Y",
    "gmt_refund_pay": "2026-11-22 10:00:05",
    "out_trade_no": OUT_TRADE_NO,
    "refund_fee": "5.00",
    "trade_no": "2026112222001432790585537960",
}
FOUND_NODE: dict[str, object] = {
    "code": "10000",
    "gmt_refund_pay": "2026-11-22 10:00:05",
    "out_request_no": REFUND_NO,
    "out_trade_no": OUT_TRADE_NO,
    "refund_amount": "5.00",
    "refund_status": "REFUND_SUCCESS",
    "total_amount": "12.50",
}


def refunded(**changes: object) -> RefundVerdict:
    return said({**REFUND_NODE, **changes})


def said(node: dict[str, object]) -> RefundVerdict:
    read = wallet.channel().refund(ORDER, now_ms=NOW_MS).read
    return read(wallet.answer(wallet.body(node, name="alipay_trade_refund_response")))


def found(**changes: object) -> RefundQueryVerdict:
    return told({name: value for name, value in {**FOUND_NODE, **changes}.items() if value is not None})


def told(node: dict[str, object]) -> RefundQueryVerdict:
    read = wallet.channel().refund_query(ORDER, now_ms=NOW_MS).read
    return read(wallet.answer(wallet.body(node, name="alipay_trade_fastpay_refund_query_response")))


def refused(sub_code: str, code: str = "40004") -> dict[str, object]:
    return {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "说明"}


def test_a_refund_always_carries_its_number() -> None:
    """Also the query; a repeat is the same request, and reserved marks in the reason do not fail it."""
    one, two = (wallet.channel().refund(ORDER, now_ms=NOW_MS).request for _ in range(2))
    assert one.body == two.body
    content = cast("dict[str, str]", json.loads(parse_qs(one.body.decode())["biz_content"][0]))
    assert content == {
        "out_trade_no": OUT_TRADE_NO,
        "out_request_no": REFUND_NO,
        "refund_amount": "5.00",
        "refund_reason": "cold  food   b",
    }
    asked = parse_qs(wallet.channel().refund_query(ORDER, now_ms=NOW_MS).request.body.decode())["biz_content"][0]
    assert json.loads(asked) == {"out_trade_no": OUT_TRADE_NO, "out_request_no": REFUND_NO}


def test_money_that_moved_is_done() -> None:
    assert refunded() == DONE


def test_the_fee_is_all_that_was_given_back_so_far() -> None:
    """Two earlier refunds: 12.50 in all, 5.00 of it ours. More than the order or less than ours is a difference."""
    assert refunded(refund_fee="12.5") == DONE
    for fee in ("12.51", "4.99", "0.00", "", "5.000"):
        assert refunded(refund_fee=fee) == Mismatch(fields=("refund_fee",))


@pytest.mark.parametrize("fund_change", ["N", "", "n", "?"])
def test_an_answer_that_moved_no_money_is_confirmed_by_the_query(fund_change: str) -> None:
    assert refunded(fund_change=fund_change) == RefundOpen(code="fund_change")


def test_another_order_or_number_is_a_difference() -> None:
    assert refunded(out_trade_no="X") == Mismatch(fields=("out_trade_no",))
    assert refunded(out_trade_no="") == Mismatch(fields=("out_trade_no",))
    assert refunded(out_request_no="X") == Mismatch(fields=("out_request_no",))
    assert refunded(seller_id="2088000000000002") == Mismatch(fields=("seller_id",))
    assert found(out_request_no="X") == Mismatch(fields=("out_request_no",))
    assert found(out_request_no=None) == Mismatch(fields=("out_request_no",))
    assert found(out_trade_no=None) == Mismatch(fields=("out_trade_no",))
    assert found(total_amount="12.51") == Mismatch(fields=("total_amount",))


def test_a_refund_repeated_with_another_amount_is_a_difference_in_both_answers() -> None:
    """The number has moved money, only not ours: a refusal would free the reservation of what is gone."""
    assert said(refused("ACQ.DISCORDANT_REPEAT_REQUEST")) == Mismatch(fields=("refund_amount",))
    assert found(refund_amount="5.01") == Mismatch(fields=("refund_amount",))
    assert found(refund_amount=None) == Mismatch(fields=("refund_amount",))


@pytest.mark.parametrize(("sub_code", "reason"), sorted(REFUND_NEVER.items()))
def test_what_can_never_move_money_is_refused_for_good(sub_code: str, reason: ChannelReason) -> None:
    assert said(refused(sub_code)) == RefundRefused(code=sub_code, reason=reason, final=True)


@pytest.mark.parametrize(("sub_code", "reason"), sorted(REFUND_LATER.items()))
def test_what_may_change_is_refused_for_now(sub_code: str, reason: ChannelReason) -> None:
    assert said(refused(sub_code)) == RefundRefused(code=sub_code, reason=reason, final=False)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (refused("ACQ.SYSTEM_ERROR"), ChannelReason.CHANNEL_ERROR),
        (refused("isp.unknow-error", "20000"), ChannelReason.CHANNEL_ERROR),
        (refused("ACQ.TRADE_HAS_FINISHED", "20000"), ChannelReason.CHANNEL_ERROR),
        (refused("isv.app-call-limited", "40005"), ChannelReason.TOO_OFTEN),
        (refused("ACQ.NEW"), ChannelReason.UNLISTED),
        ({}, ChannelReason.UNLISTED),
    ],
)
def test_everything_else_settles_nothing(node: dict[str, object], reason: ChannelReason) -> None:
    for verdict in (said(node), told(node)):
        assert isinstance(verdict, Unknown)
        assert verdict.reason is reason


def test_a_refusal_about_another_order_is_a_difference() -> None:
    assert said({**refused("ACQ.TRADE_HAS_FINISHED"), "out_trade_no": "X"}) == Mismatch(fields=("out_trade_no",))
    assert told({**refused("ACQ.TRADE_NOT_EXIST"), "out_trade_no": "X"}) == Mismatch(fields=("out_trade_no",))


def test_the_query_s_success_is_done() -> None:
    assert found() == DONE
    assert found(gmt_refund_pay=None) == RefundDone(amount_fen=500, channel_refund_id="", done_at_ms=None)


def test_without_a_status_it_is_under_way_or_absent() -> None:
    """An amount: the wallet knows it. Nothing at all: it does not, and the same number may be sent again."""
    assert found(refund_status=None) == RefundOpen(code="refund_status")
    assert found(refund_status="REFUND_PROCESSING") == RefundOpen(code="refund_status")
    assert told({"code": "10000", "msg": "Success"}) == RefundAbsent(code="refund_status")
    assert told({"code": "10000", "out_trade_no": OUT_TRADE_NO}) == RefundAbsent(code="refund_status")
    assert told({"code": "10000", "out_trade_no": "X"}) == Mismatch(fields=("out_trade_no",))
    assert told(refused("ACQ.TRADE_NOT_EXIST")) == RefundAbsent(code="ACQ.TRADE_NOT_EXIST")


@pytest.mark.parametrize("status", ["REFUND_FAIL", "refund_success", "SUCCESS", "REFUND_CLOSED"])
def test_a_status_that_is_not_listed_settles_nothing(status: str) -> None:
    assert isinstance(found(refund_status=status), Unknown)


def test_absence_is_believed_only_when_it_is_signed_and_of_this_method() -> None:
    read = wallet.channel().refund_query(ORDER, now_ms=NOW_MS).read
    bare = b'{"alipay_trade_fastpay_refund_query_response":{"code":"10000"}}'
    assert read(wallet.answer(bare)) == Unknown(reason=ChannelReason.UNSIGNED)
    assert read(wallet.answer(b"<html>")) == Unknown(reason=ChannelReason.UNREADABLE)
    for other in (PAY_NODE, QUERY_NODE, REFUND_NODE, {"code": "10000", "retry_flag": "N"}):
        assert isinstance(told(dict(other)), Unknown)
    for other in (PAY_NODE, QUERY_NODE):
        assert isinstance(said({**other, "fund_change": "Y", "refund_fee": "5.00"}), Unknown)
