"""Refunds at the simulated Alipay: a request number is one refund for ever, and never more goes back than was paid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.alipay.trades import REFUND_WINDOW_MS
from sandbox.wallet import MoneyState
from tests.unit.sandbox.alipay_bench import Bench


def paid(text: str = "pay") -> Bench:
    bench = Bench()
    bench.pay("A1", bench.code(text))
    return bench


def test_a_part_comes_back_and_the_trade_stays_paid() -> None:
    bench = paid()
    node = bench.refund("A1", "2.50")
    assert (node["code"], node["fund_change"], node["refund_fee"]) == ("10000", "Y", "2.50")
    assert node["gmt_refund_pay"] == "2026-11-22 06:26:40"
    assert bench.status("A1") == "TRADE_SUCCESS"
    money = bench.money("A1")
    assert (money.captured_fen, money.refunded_fen, money.state) == (1250, 250, MoneyState.REFUNDED)


def test_the_fee_of_the_answer_is_what_all_refunds_gave_back() -> None:
    bench = paid()
    assert [bench.refund("A1", "2.50", number)["refund_fee"] for number in ("R1", "R2")] == ["2.50", "5.00"]


def test_the_same_request_again_moves_nothing_even_after_the_trade_was_closed() -> None:
    bench = paid()
    bench.refund("A1", "2.50")
    assert bench.refund("A1", "2.5")["fund_change"] == "N"
    bench.refund("A1", "10.00", "R2")
    bench.wait_s(86_400 * 400)
    again = bench.refund("A1", "2.50")
    assert (again["code"], again["fund_change"], again["refund_fee"]) == ("10000", "N", "12.50")
    assert bench.money("A1").refunded_fen == 1250


def test_the_same_number_with_another_amount_is_refused() -> None:
    bench = paid()
    bench.refund("A1", "2.50")
    assert bench.refund("A1", "2.51")["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert bench.money("A1").refunded_fen == 250


def test_a_refund_of_everything_closes_the_trade_and_needs_no_number() -> None:
    bench = paid()
    part = bench.call("alipay.trade.refund", out_trade_no="A1", refund_amount="12.49")
    assert part["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert bench.call("alipay.trade.refund", out_trade_no="A1", refund_amount="12.50")["fund_change"] == "Y"
    assert bench.status("A1") == "TRADE_CLOSED"
    assert bench.refund_query("A1", "A1")["refund_status"] == "REFUND_SUCCESS"
    assert bench.refund("A1", "0.01", "R9")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


def test_more_than_is_left_is_refused_and_leaves_the_rest_refundable() -> None:
    bench = paid()
    bench.refund("A1", "12.00")
    assert bench.refund("A1", "0.51", "R2")["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert bench.refund("A1", "0.50", "R2")["fund_change"] == "Y"


@given(asked=st.lists(st.tuples(st.integers(1, 700), st.integers(1, 6)), max_size=12))
def test_never_more_goes_back_than_was_paid(asked: list[tuple[int, int]]) -> None:
    bench = paid("refund_processing:2")
    for fen, number in asked:
        bench.refund("A1", f"{fen // 100}.{fen % 100:02d}", f"R{number}")
        bench.wait_s(1)
        assert bench.money("A1").refunded_fen <= 1250
    bench.wait_s(60)
    money = bench.money("A1")
    assert money.refunded_fen <= money.captured_fen == 1250
    assert (bench.status("A1") == "TRADE_CLOSED") == (money.refunded_fen == 1250)


def test_a_refund_under_way_is_found_without_a_status_until_it_lands() -> None:
    bench = paid("refund_processing:30")
    asked = bench.refund("A1", "2.50")
    assert (asked["code"], asked["fund_change"], asked["refund_fee"]) == ("10000", "N", "2.50")
    under_way = bench.refund_query("A1")
    assert (under_way["refund_amount"], under_way["total_amount"]) == ("2.50", "12.50")
    assert "refund_status" not in under_way
    bench.wait_s(29)
    assert bench.money("A1").refunded_fen == 0
    bench.wait_s(1)
    landed = bench.refund_query("A1")
    assert (landed["refund_status"], landed["gmt_refund_pay"]) == ("REFUND_SUCCESS", "2026-11-22 06:27:10")
    assert bench.money("A1").refunded_fen == 250


def test_what_is_under_way_counts_against_what_is_left() -> None:
    bench = paid("refund_processing:30")
    bench.refund("A1", "12.00")
    assert bench.refund("A1", "0.51", "R2")["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"


def test_a_number_that_the_trade_never_saw_is_success_without_a_refund() -> None:
    bench = paid()
    bench.refund("A1", "2.50")
    node = bench.refund_query("A1", "R2")
    assert node["code"] == "10000"
    assert not {"refund_status", "refund_amount", "out_request_no"} & node.keys()
    missing = bench.call("alipay.trade.fastpay.refund.query", out_trade_no="A1")
    assert missing["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert bench.refund_query("A2")["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_a_shop_without_money_is_refused_and_may_ask_again_under_the_same_number() -> None:
    bench = paid("refund_balance_low")
    said = [bench.refund("A1", "2.50") for _ in range(3)]
    assert [one.get("sub_code") for one in said] == ["ACQ.SELLER_BALANCE_NOT_ENOUGH"] * 2 + [None]
    assert said[2]["fund_change"] == "Y"
    assert bench.money("A1").refunded_fen == 250


def test_what_goes_back_whole_only_is_refused_in_part_for_ever() -> None:
    bench = paid("refund_whole_only")
    said = [bench.refund("A1", "2.50").get("sub_code") for _ in range(2)]
    assert said == ["ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"] * 2
    assert bench.money("A1").refunded_fen == 0
    assert bench.refund("A1", "12.50", "R2")["fund_change"] == "Y"


@pytest.mark.parametrize("amount", ["0", "-1", "1e1", "0.001", ""])
def test_a_malformed_amount_is_refused(amount: str) -> None:
    bench = paid()
    assert bench.refund("A1", amount)["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert bench.money("A1").refunded_fen == 0


def test_only_a_paid_trade_within_its_year_is_given_back() -> None:
    bench = paid()
    bench.pay("A2", bench.code("never"))
    assert bench.refund("A2", "1.00")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    assert bench.refund("A3", "1.00")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    bench.cancel("A2")
    assert bench.refund("A2", "1.00")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
    bench.now_ms += REFUND_WINDOW_MS
    assert bench.refund("A1", "1.00")["sub_code"] == "ACQ.TRADE_HAS_FINISHED"


def test_a_cancel_after_a_part_gives_back_the_rest_and_no_more() -> None:
    bench = paid()
    bench.refund("A1", "2.50")
    assert bench.cancel("A1")["action"] == "refund"
    assert bench.money("A1").refunded_fen == 1250
    assert bench.refund("A1", "0.01", "R2")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"
