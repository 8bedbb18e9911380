"""The scripts: how they are read, and the first nine at Alipay on a virtual clock: the answers and the money."""

import pytest

from sandbox.plan import Plan
from sandbox.scripts import ARGUMENTS, Argument, Behaviour, parse_script, plan_for_code, plan_for_qr
from sandbox.wallet import MoneyState, ScanResult
from tests.unit.sandbox.alipay_bench import Bench, pay_biz, script

ALL = [f"{b.value}:5" if b in ARGUMENTS else b.value for b in Behaviour]


def pay_code(node: dict[str, str]) -> str:
    return node["sub_code"] if node["code"] == "40004" else node["code"]


@pytest.mark.parametrize(
    ("text", "answered", "then"),
    [
        ("pay", "10000", "TRADE_SUCCESS"),
        ("ask_password:5", "10003", "WAIT_BUYER_PAY"),
        ("balance_low", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "ACQ.TRADE_NOT_EXIST"),
        ("expired", "ACQ.PAYMENT_AUTH_CODE_INVALID", "ACQ.TRADE_NOT_EXIST"),
        ("system_error_charged", "ACQ.SYSTEM_ERROR", "TRADE_SUCCESS"),
        ("system_error_not_charged", "ACQ.SYSTEM_ERROR", "WAIT_BUYER_PAY"),
        ("never", "10003", "WAIT_BUYER_PAY"),
    ],
)
def test_a_scanned_code_answers_and_leaves_the_trade_as_its_script_says(text: str, answered: str, then: str) -> None:
    bench = Bench()
    assert pay_code(bench.pay("A1", bench.code(text))) == answered
    assert bench.status("A1") == then


def test_drop_after_charge_charges_and_cuts() -> None:
    bench = Bench()
    assert bench.cut("alipay.trade.pay", **pay_biz("A1", bench.code("drop_after_charge"))).after_effect
    assert bench.status("A1") == "TRADE_SUCCESS"


def test_drop_before_charge_cuts_before_anything_and_the_order_stays_unknown() -> None:
    bench = Bench()
    assert not bench.cut("alipay.trade.pay", **pay_biz("A1", bench.code("drop_before_charge"))).after_effect
    assert bench.status("A1") == "ACQ.TRADE_NOT_EXIST"


@pytest.mark.parametrize("text", ["never", "system_error_not_charged", "ask_password:300", "ask_password:60"])
def test_a_waiting_trade_is_closed_by_its_time_limit_without_taking_money(text: str) -> None:
    bench = Bench()
    bench.pay("A1", bench.code(text))
    bench.wait_s(59)
    assert bench.status("A1") == "WAIT_BUYER_PAY"
    bench.wait_s(1)
    assert bench.status("A1") == "TRADE_CLOSED"
    assert (bench.money("A1").captured_fen, bench.money("A1").state) == (0, MoneyState.CLOSED)


def test_the_password_is_typed_after_its_seconds_and_only_then_the_money_moves() -> None:
    bench = Bench()
    bench.pay("A1", bench.code("ask_password:5"))
    bench.wait_s(4)
    assert bench.status("A1") == "WAIT_BUYER_PAY"
    assert bench.money("A1").captured_fen == 0
    bench.wait_s(1)
    assert bench.status("A1") == "TRADE_SUCCESS"
    assert bench.money("A1").captured_fen == 1250


def test_a_payment_is_dated_when_the_password_was_typed_not_when_somebody_looked() -> None:
    bench = Bench()
    bench.pay("A1", bench.code("ask_password:5"))
    bench.wait_s(40)
    assert bench.query("A1")["send_pay_date"] == "2026-11-22 06:26:45"


@pytest.mark.parametrize("text", ["ask_password:5", "never"])
def test_a_password_typed_after_a_cancel_does_nothing(text: str) -> None:
    bench = Bench()
    bench.pay("A1", bench.code(text))
    bench.wait_s(4)
    assert bench.cancel("A1")["action"] == "close"
    bench.wait_s(60)
    assert bench.status("A1") == "TRADE_CLOSED"
    assert bench.money("A1").captured_fen == 0


@pytest.mark.parametrize(
    ("text", "result", "captured_fen", "after_60_s"),
    [
        ("pay", ScanResult.PAID, 1250, 1250),
        ("ask_password:5", ScanResult.WAITING, 0, 1250),
        ("balance_low", ScanResult.WAITING, 0, 0),
        ("system_error_charged", ScanResult.PAID, 1250, 1250),
        ("system_error_not_charged", ScanResult.WAITING, 0, 0),
        ("drop_after_charge", ScanResult.PAID, 1250, 1250),
        ("drop_before_charge", ScanResult.WAITING, 0, 0),
        ("never", ScanResult.WAITING, 0, 0),
    ],
)
def test_a_scanned_qr_moves_money_as_its_script_says(
    text: str, result: ScanResult, captured_fen: int, after_60_s: int
) -> None:
    bench = Bench()
    qr = bench.precreate("Q1", timeout_express="2m")["qr_code"]
    assert bench.phone.scan("alipay", qr, script(text), bench.now_ms).result is result
    assert bench.money("Q1").captured_fen == captured_fen
    bench.wait_s(60)
    assert bench.money("Q1").captured_fen == after_60_s
    bench.wait_s(60)
    expected = MoneyState.PAID if after_60_s else MoneyState.CLOSED
    assert bench.money("Q1").state is expected


def test_a_qr_opened_after_its_expiry_brings_no_trade_into_being() -> None:
    bench = Bench()
    qr = bench.precreate("Q1", timeout_express="2m")["qr_code"]
    assert bench.phone.scan("alipay", qr, script("expired"), bench.now_ms).result is ScanResult.QR_EXPIRED
    bench.wait_s(120)
    assert bench.phone.scan("alipay", qr, script("pay"), bench.now_ms).result is ScanResult.QR_EXPIRED
    assert bench.alipay.orders(bench.now_ms) == ()
    assert bench.status("Q1") == "ACQ.TRADE_NOT_EXIST"


@pytest.mark.parametrize(
    ("text", "then"), [("system_error_charged", "TRADE_SUCCESS"), ("system_error_not_charged", "WAIT_BUYER_PAY")]
)
def test_after_a_system_error_scan_exactly_two_queries_say_unknown_in_both_ways(text: str, then: str) -> None:
    bench = Bench()
    bench.phone.scan("alipay", bench.precreate("Q1")["qr_code"], script(text), bench.now_ms)
    assert bench.query("Q1")["code"] == "20000"
    assert bench.query("Q1")["sub_code"] == "ACQ.SYSTEM_ERROR"
    assert bench.status("Q1") == then


@pytest.mark.parametrize(
    ("text", "then"), [("drop_after_charge", "TRADE_SUCCESS"), ("drop_before_charge", "WAIT_BUYER_PAY")]
)
def test_after_a_drop_scan_exactly_one_query_is_cut(text: str, then: str) -> None:
    bench = Bench()
    bench.phone.scan("alipay", bench.precreate("Q1")["qr_code"], script(text), bench.now_ms)
    bench.cut("alipay.trade.query", out_trade_no="Q1")
    assert bench.status("Q1") == then


def test_next_event_names_the_moment_at_which_time_alone_changes_a_trade() -> None:
    bench = Bench()
    assert bench.phone.next_event_ms() is None
    bench.pay("A1", bench.code("never"))
    bench.pay("A2", bench.code("ask_password:5"))
    assert bench.phone.next_event_ms() == bench.now_ms + 5000
    bench.wait_s(5)
    bench.phone.advance(bench.now_ms)
    assert bench.phone.next_event_ms() == bench.now_ms, "the notification that it is paid"
    assert len(bench.deliveries()) == 1
    assert bench.phone.next_event_ms() == bench.now_ms + 55_000
    assert [order.money.state.value for order in bench.phone.orders(bench.now_ms)] == ["waiting", "paid"]


@pytest.mark.parametrize("text", ALL)
def test_every_script_is_read_back_from_its_own_name_and_has_both_plans(text: str) -> None:
    parsed = parse_script(text)
    assert parsed is not None
    assert str(parsed) == text
    assert all(isinstance(plan, Plan) for plan in (plan_for_code(parsed), plan_for_qr(parsed)))


@pytest.mark.parametrize("behaviour", ARGUMENTS)
def test_an_argument_changes_what_happens_and_is_read_in_its_unit(behaviour: Behaviour) -> None:
    three, four = (script(f"{behaviour.value}:{number}") for number in (3, 4))
    assert plan_for_qr(three) != plan_for_qr(four)
    assert plan_for_code(three) != plan_for_code(four)
    if ARGUMENTS[behaviour] is Argument.SECONDS:
        assert (three.delay_ms, three.count) == (3_000, None)
    else:
        assert (three.delay_ms, three.count) == (None, 3)


@pytest.mark.parametrize(
    "text",
    ["", "Pay", "pay ", "ask_password", "ask_password:", "ask_password:-1", "ask_password:٣", "pay:5", "x", "never:1"],
)
def test_anything_else_is_not_a_script(text: str) -> None:
    assert parse_script(text) is None
