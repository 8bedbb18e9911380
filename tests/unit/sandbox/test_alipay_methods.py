"""The counter's methods of the simulated Alipay: idempotency, limits in time, cancel, close, what the nodes say."""

from typing import Any

import pytest

from sandbox.alipay.methods import CANCEL_WINDOW_MS
from sandbox.alipay.trades import REFUND_WINDOW_MS, TRADE_MOVES, TradeEvent, TradeStatus
from sandbox.wallet import MoneyState, ScanResult
from tests.unit.sandbox.alipay_bench import START_MS, Bench, pay_biz


def test_the_table_of_moves_is_total_and_only_a_charge_under_way_leaves_a_shut_trade() -> None:
    assert set(TRADE_MOVES) == {(status, event) for status in TradeStatus for event in TradeEvent}
    shut = (TradeStatus.TRADE_CLOSED, TradeStatus.TRADE_FINISHED)
    out = {(status, event) for status in shut for event in TradeEvent if TRADE_MOVES[status, event] is not None}
    assert out == {(TradeStatus.TRADE_CLOSED, TradeEvent.CHARGE_EXECUTES)}


def test_a_paid_trade_answers_with_the_fields_a_shop_sees() -> None:
    bench = Bench()
    node = bench.pay("A1", bench.code(), store_id="S1", terminal_id="T1")
    assert node.pop("buyer_logon_id")[3:9] == "******"
    assert node.pop("buyer_user_id")[:4] == "2088"
    trade_no = node.pop("trade_no")
    assert len(trade_no) == 28
    assert trade_no.startswith("20261122")
    assert node == {
        "code": "10000",
        "msg": "Success",
        "out_trade_no": "A1",
        "total_amount": "12.50",
        "receipt_amount": "12.50",
        "buyer_pay_amount": "12.50",
        "invoice_amount": "12.50",
        "point_amount": "0.00",
        "gmt_payment": "2026-11-22 06:26:40",
        "fund_bill_list": [{"amount": "12.50", "fund_channel": "ALIPAYACCOUNT"}],
        "store_id": "S1",
        "store_name": "测试店",
        "terminal_id": "T1",
    }
    assert bench.call("alipay.trade.query", trade_no=trade_no)["trade_status"] == "TRADE_SUCCESS"


def test_the_same_request_again_is_the_same_trade_and_charges_once() -> None:
    bench = Bench()
    code = bench.code()
    assert bench.pay("A1", code) == bench.pay("A1", code)
    waiting = bench.code("ask_password:5")
    assert bench.pay("A2", waiting) == bench.pay("A2", waiting)
    assert sum(order.captured_fen for order in bench.alipay.orders(bench.now_ms)) == 1250


@pytest.mark.parametrize("other", [{"total_amount": "12.51"}, {"subject": "别的"}, {"store_id": "S2"}])
def test_the_same_number_with_other_content_is_refused(other: dict[str, str]) -> None:
    bench = Bench()
    code = bench.code()
    bench.pay("A1", code)
    again = bench.call("alipay.trade.pay", **{**pay_biz("A1", code), **other})
    assert again["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    assert bench.money("A1").captured_fen == 1250


@pytest.mark.parametrize(
    ("first", "sub_code"),
    [("pay", "ACQ.TRADE_HAS_SUCCESS"), ("never", "ACQ.TRADE_BUYER_NOT_MATCH")],
)
def test_another_customers_code_on_a_known_number_is_refused_and_stays_fresh(first: str, sub_code: str) -> None:
    bench = Bench()
    bench.pay("A1", bench.code(first))
    other = bench.code()
    assert bench.pay("A1", other)["sub_code"] == sub_code
    assert bench.pay("A2", other)["code"] == "10000"


def test_a_closed_number_cannot_be_paid_again_with_the_old_or_a_new_code() -> None:
    bench = Bench()
    code = bench.code("never")
    bench.pay("A1", code)
    bench.cancel("A1")
    for tried in (code, bench.code()):
        assert bench.pay("A1", tried)["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


def test_cancel_of_a_paid_trade_gives_everything_back_once() -> None:
    bench = Bench()
    bench.pay("A1", bench.code())
    first = bench.cancel("A1")
    assert (first["retry_flag"], first["action"]) == ("N", "refund")
    assert bench.cancel("A1") == first
    assert bench.status("A1") == "TRADE_CLOSED"
    money = bench.money("A1")
    assert (money.captured_fen, money.refunded_fen, money.state) == (1250, 1250, MoneyState.REVERSED)


def test_cancel_of_an_unknown_number_says_yes_and_of_an_unknown_trade_no_says_it_does_not_exist() -> None:
    bench = Bench()
    assert bench.cancel("A9") == {"code": "10000", "msg": "Success", "out_trade_no": "A9", "retry_flag": "N"}
    unknown = bench.call("alipay.trade.cancel", trade_no="2026112222001234567890123456")
    assert unknown["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_cancel_works_for_24_hours() -> None:
    bench = Bench()
    bench.pay("A1", bench.code())
    bench.now_ms = START_MS + CANCEL_WINDOW_MS
    assert bench.cancel("A1")["sub_code"] == "ACQ.TRADE_CANCEL_TIME_OUT"
    bench.now_ms -= 1
    assert bench.cancel("A1")["action"] == "refund"


def test_a_cancel_that_is_put_off_changes_nothing_until_it_is_repeated() -> None:
    bench = Bench(cancel_retries=2)
    bench.pay("A1", bench.code())
    assert [bench.cancel("A1")["retry_flag"] for _ in range(2)] == ["Y", "Y"]
    assert bench.status("A1") == "TRADE_SUCCESS"
    assert bench.cancel("A1")["retry_flag"] == "N"
    assert bench.status("A1") == "TRADE_CLOSED"


def test_a_paid_trade_is_finished_after_the_refund_window_and_stays_paid() -> None:
    bench = Bench()
    bench.pay("A1", bench.code())
    bench.now_ms += REFUND_WINDOW_MS
    assert bench.status("A1") == "TRADE_FINISHED"
    assert bench.cancel("A1")["sub_code"] == "ACQ.TRADE_HAS_FINISHED"
    assert bench.money("A1").state is MoneyState.PAID


def test_close_is_only_for_a_trade_that_exists_and_waits() -> None:
    bench = Bench()
    bench.pay("A1", bench.code("never"))
    bench.pay("A2", bench.code())
    assert bench.call("alipay.trade.close", out_trade_no="A1")["code"] == "10000"
    assert bench.status("A1") == "TRADE_CLOSED"
    for number, sub_code in (
        ("A1", "ACQ.TRADE_STATUS_ERROR"),
        ("A2", "ACQ.TRADE_STATUS_ERROR"),
        ("A3", "ACQ.TRADE_NOT_EXIST"),
    ):
        assert bench.call("alipay.trade.close", out_trade_no=number)["sub_code"] == sub_code


def test_a_precreated_order_does_not_exist_until_it_is_scanned() -> None:
    bench = Bench()
    qr = bench.precreate("Q1")["qr_code"]
    assert qr.startswith("https://qr.alipay.com/bax")
    assert bench.status("Q1") == "ACQ.TRADE_NOT_EXIST"
    assert bench.alipay.orders(bench.now_ms) == ()
    bench.scan(qr, "pay")
    assert bench.status("Q1") == "TRADE_SUCCESS"


def test_precreating_the_same_again_gives_the_same_qr_and_other_content_is_refused() -> None:
    bench = Bench()
    assert bench.precreate("Q1") == bench.precreate("Q1")
    assert bench.precreate("Q1", total_amount="1")["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    assert bench.pay("Q1", bench.code())["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"


def test_precreating_a_settled_number_says_how_it_was_settled() -> None:
    bench = Bench()
    for number, text, sub_code in (("Q1", "pay", "ACQ.TRADE_HAS_SUCCESS"), ("Q2", "never", "ACQ.TRADE_HAS_CLOSE")):
        bench.scan(bench.precreate(number)["qr_code"], text)
        if text == "never":
            bench.cancel(number)
        assert bench.precreate(number)["sub_code"] == sub_code


def test_a_cancelled_qr_that_nobody_scanned_can_never_be_paid() -> None:
    bench = Bench()
    qr = bench.precreate("Q1")["qr_code"]
    assert bench.cancel("Q1")["retry_flag"] == "N"
    assert bench.scan(qr, "pay") is ScanResult.QR_VOID
    assert bench.precreate("Q1")["sub_code"] == "ACQ.TRADE_HAS_CLOSE"
    assert bench.alipay.orders(bench.now_ms) == ()


def test_a_customer_who_comes_back_to_a_waiting_order_pays_it_once() -> None:
    bench = Bench()
    qr = bench.precreate("Q1")["qr_code"]
    results = [bench.scan(qr, text) for text in ("never", "balance_low", "pay", "pay")]
    assert results == [ScanResult.WAITING, ScanResult.WAITING, ScanResult.PAID, ScanResult.ALREADY_PAID]
    assert bench.money("Q1").captured_fen == 1250


def test_only_qrs_that_can_still_be_paid_are_open() -> None:
    bench = Bench()
    for number in ("Q1", "Q2", "Q3", "Q4"):
        bench.precreate(number, timeout_express="3m" if number == "Q4" else "2m")
    bench.cancel("Q1")
    bench.scan(bench.precreate("Q2")["qr_code"], "pay")
    assert [qr.offer.out_trade_no for qr in bench.phone.open_qrs(bench.now_ms)] == ["Q4", "Q3"]
    bench.wait_s(120)
    assert [qr.offer.out_trade_no for qr in bench.phone.open_qrs(bench.now_ms)] == ["Q4"]


@pytest.mark.parametrize(
    ("limit", "lives_s"),
    [
        ({"timeout_express": "1m"}, 60),
        ({"timeout_express": "2h"}, 7200),
        ({"timeout_express": "1c"}, 63_200),
        ({"time_expire": "2026-11-22 06:27:00"}, 20),
        ({"time_expire": "2026-11-22 06:27:00", "timeout_express": "5m"}, 20),
    ],
)
def test_a_time_limit_closes_the_waiting_trade_at_its_moment(limit: dict[str, str], lives_s: int) -> None:
    bench = Bench()
    biz: dict[str, Any] = {**pay_biz("A1", bench.code("never")), "timeout_express": "", **limit}
    bench.call("alipay.trade.pay", **biz)
    bench.now_ms += lives_s * 1000 - 1
    assert bench.status("A1") == "WAIT_BUYER_PAY"
    bench.now_ms += 1
    assert bench.status("A1") == "TRADE_CLOSED"


def test_without_a_time_limit_a_scanned_code_waits_for_ever() -> None:
    bench = Bench()
    bench.call("alipay.trade.pay", **{**pay_biz("A1", bench.code("never")), "timeout_express": ""})
    bench.wait_s(86_400 * 30)
    assert bench.status("A1") == "WAIT_BUYER_PAY"


@pytest.mark.parametrize(
    "wrong",
    [
        {"total_amount": "0"},
        {"total_amount": "-1"},
        {"total_amount": "1e3"},
        {"total_amount": "12.345"},
        {"total_amount": "100000000.01"},
        {"total_amount": ""},
        {"out_trade_no": "a-b"},
        {"out_trade_no": "x" * 65},
        {"subject": ""},
        {"scene": "wave_code"},
        {"auth_code": ""},
        {"timeout_express": "0m"},
        {"timeout_express": "16d"},
        {"time_expire": "tomorrow"},
        {"time_expire": "2026-11-22 06:26:40"},
    ],
)
def test_a_malformed_pay_is_refused_without_using_up_the_code(wrong: dict[str, str]) -> None:
    bench = Bench()
    code = bench.code()
    assert bench.call("alipay.trade.pay", **{**pay_biz("A1", code), **wrong})["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert bench.pay("A1", code)["code"] == "10000"


@pytest.mark.parametrize(
    ("amount", "fen"), [("0.01", 1), ("1", 100), ("12.5", 1250), ("100000000", 10_000_000_000), (8, 800), (0.29, 29)]
)
def test_amounts_are_read_to_the_fen_whether_text_or_number(amount: Any, fen: int) -> None:
    bench = Bench()
    bench.call("alipay.trade.pay", **{**pay_biz("A1", bench.code()), "total_amount": amount})
    assert bench.money("A1").captured_fen == fen


def test_the_same_calls_on_the_same_clock_and_randomness_give_the_same_answers() -> None:
    def played() -> list[dict[str, Any]]:
        bench = Bench()
        answers = [bench.pay("A1", bench.code("ask_password:5")), bench.precreate("Q1")]
        bench.wait_s(5)
        return [*answers, bench.query("A1"), bench.cancel("A1"), bench.query("A1")]

    assert played() == played()
