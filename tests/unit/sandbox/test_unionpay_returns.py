"""Rule: refunds and cancels are trades of their own, never more than was paid, and accepted before they land."""

import pytest

from sandbox.unionpay.codes import Code
from sandbox.wallet import MoneyState
from tests.unit.sandbox.unionpay_bench import BACK, ORDER, QUERY, REFUND, Bench, consume, named

SECOND = "20261122010101003"


def test_a_refund_is_accepted_and_its_own_query_says_done() -> None:
    bench = Bench()
    bench.pay()
    said = bench.refund(250, reqReserved=ORDER)
    assert (said["respCode"], said["txnType"], said["origQryId"], said["reqReserved"]) == (
        "00",
        "04",
        bench.query()["queryId"],
        ORDER,
    )
    found = bench.query(orderId=REFUND)
    assert (found["origRespCode"], found["txnType"], found["txnAmt"], found["queryId"]) == (
        "00",
        "04",
        "250",
        said["queryId"],
    )
    assert bench.trade_code() == "00/00"
    assert bench.moved() == (1250, 250)
    assert bench.wallet.orders(bench.now_ms)[0].state is MoneyState.REFUNDED


def test_refunds_repeat_in_parts_and_never_exceed_what_was_paid() -> None:
    bench = Bench()
    bench.pay()
    assert bench.refund(1000)["respCode"] == "00"
    assert bench.refund(251, SECOND)["respCode"] == "33"
    assert bench.trade_code(orderId=SECOND) == "34"
    assert bench.refund(250, SECOND)["respCode"] == "00"
    assert bench.refund(1, "20261122010101004")["respCode"] == "45"
    assert bench.moved() == (1250, 1250)


def test_the_same_name_again_is_a_duplicate_whatever_it_asks() -> None:
    bench = Bench()
    bench.pay()
    bench.refund(250)
    assert [bench.refund(250)["respCode"], bench.refund(300)["respCode"]] == ["12", "12"]
    assert bench.refund(250, ORDER)["respCode"] == "12"
    assert bench.moved() == (1250, 250)
    assert bench.pay(orderId=REFUND)["respCode"] == "12"


def test_only_paid_money_goes_back() -> None:
    bench = Bench()
    bench.pay("never")
    assert bench.refund(250)["respCode"] == "35"
    assert bench.refund(250, origQryId="0" * 21)["respCode"] == "35"
    bench.later(5)
    bench.reverse()
    assert bench.refund(250)["respCode"] == "35"


def test_a_reversed_trade_has_nothing_to_give_and_a_refunded_one_is_not_reversed() -> None:
    bench, partly = Bench(), Bench()
    bench.pay()
    bench.reverse()
    assert bench.refund(250)["respCode"] == "45"
    partly.pay()
    partly.refund(250)
    assert partly.reverse() == "35"
    assert partly.moved() == (1250, 250)


def test_a_reversal_is_of_a_consume_only() -> None:
    bench = Bench()
    bench.pay()
    bench.refund(250)
    assert bench.reverse(orderId=REFUND) == "35"
    assert bench.moved() == (1250, 250)


def test_a_refund_under_way_lands_by_itself() -> None:
    bench = Bench()
    bench.pay("refund_processing:20")
    bench.refund(250)
    assert (bench.trade_code(orderId=REFUND), bench.moved()) == ("00/05", (1250, 0))
    bench.later(20)
    assert (bench.trade_code(orderId=REFUND), bench.moved()) == ("00/00", (1250, 250))


def test_a_low_balance_refuses_and_records_nothing() -> None:
    bench = Bench()
    bench.pay("refund_balance_low")
    assert [bench.refund(250)["respCode"] for _ in range(3)] == ["64", "64", "00"]
    assert bench.moved() == (1250, 250)


def test_a_cancel_gives_all_back_on_the_settlement_day_only() -> None:
    bench, late = Bench(), Bench()
    bench.pay()
    assert bench.cancel(1249) == "36"
    assert bench.cancel() == "00"
    assert (bench.moved(), bench.trade_code(orderId=REFUND)) == ((1250, 1250), "00/00")
    assert bench.query(orderId=REFUND)["txnType"] == "31"
    assert bench.wallet.orders(bench.now_ms)[0].state is MoneyState.REVERSED
    assert bench.cancel(number=SECOND) == "45"
    late.pay()
    late.later(13 * 3600)
    assert (late.cancel(), late.moved()) == ("39", (1250, 0))


def test_a_cancel_comes_before_any_refund() -> None:
    bench = Bench()
    bench.pay()
    bench.refund(250)
    assert bench.cancel(number=SECOND) == "35"


@pytest.mark.parametrize("end", [Code.PAST_DEADLINE, Code.WRITE_OFF_UNKNOWN, Code.WRITE_OFF_FAILED])
def test_money_that_was_taken_without_success_can_be_given_back(end: Code) -> None:
    bench = Bench()
    bench.wallet.end_next_charge(end)
    bench.pay()
    assert bench.refund(1250)["respCode"] == "00"
    assert bench.moved() == (1250, 1250)


def test_a_refund_needs_its_original_and_its_amount() -> None:
    bench = Bench()
    bench.pay()
    fields = bench.back_fields(250, REFUND)
    for name in ("origQryId", "txnAmt", "orderId", "txnTime"):
        assert bench.call(BACK, fields, drop=name)["respCode"] == "13"
    assert bench.call(QUERY, named(txnType="00", txnSubType="00"), drop="orderId")["respCode"] == "13"


def test_maintenance_stops_refunds_too() -> None:
    bench = Bench()
    bench.call(BACK, consume(qrNo=bench.code("maintenance")))
    bench.later(20)
    query_id = bench.query()["queryId"]
    assert bench.refund(250, origQryId=query_id)["respCode"] == "00"
