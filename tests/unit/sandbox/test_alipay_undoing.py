"""The scripts for every way in which an undo goes wrong, at the simulated Alipay: what the shop hears, what is so."""

from sandbox.wallet import MoneyState, ScanResult
from tests.unit.sandbox.alipay_bench import Bench


def scanned(text: str) -> Bench:
    """A1 by a scanned code whose customer behaves like that."""
    bench = Bench()
    bench.pay("A1", bench.code(text))
    return bench


def shown(text: str) -> Bench:
    """Q1 by a QR that such a customer scans."""
    bench = Bench()
    bench.scan(bench.precreate("Q1", timeout_express="1m")["qr_code"], text)
    return bench


def close(bench: Bench, number: str) -> dict[str, object]:
    return bench.call("alipay.trade.close", out_trade_no=number)


def test_reverse_recall_asks_for_the_cancel_again_and_does_nothing_before() -> None:
    bench = scanned("reverse_recall:2")
    for _ in range(2):
        node = bench.cancel("A1")
        assert (node["retry_flag"], "action" in node) == ("Y", False)
        assert bench.status("A1") == "WAIT_BUYER_PAY"
    last = bench.cancel("A1")
    assert (last["retry_flag"], last["action"], bench.status("A1")) == ("N", "close", "TRADE_CLOSED")


def test_reverse_recall_of_a_close_is_an_unknown_outcome() -> None:
    bench = scanned("reverse_recall:1")
    assert close(bench, "A1")["sub_code"] == "ACQ.SYSTEM_ERROR"
    assert close(bench, "A1")["code"] == "10000"
    assert bench.status("A1") == "TRADE_CLOSED"


def test_pay_after_reverse_takes_the_money_of_a_closed_trade() -> None:
    bench = scanned("pay_after_reverse")
    assert bench.cancel("A1")["action"] == "close"
    assert bench.status("A1") == "TRADE_CLOSED"
    bench.wait_s(2)
    assert bench.status("A1") == "TRADE_SUCCESS"
    assert bench.money("A1").state is MoneyState.PAID
    assert bench.cancel("A1")["action"] == "refund"
    money = bench.money("A1")
    assert (money.captured_fen, money.refunded_fen, money.state) == (1250, 1250, MoneyState.REVERSED)


def test_reverse_ack_not_applied_says_yes_and_leaves_the_trade_open_once() -> None:
    bench = scanned("reverse_ack_not_applied")
    first = bench.cancel("A1")
    assert (first["retry_flag"], first["action"], bench.status("A1")) == ("N", "close", "WAIT_BUYER_PAY")
    bench.cancel("A1")
    assert bench.status("A1") == "TRADE_CLOSED"


def test_reverse_applies_late_says_yes_now_and_closes_later() -> None:
    bench = scanned("reverse_applies_late:10")
    assert bench.cancel("A1")["retry_flag"] == "N"
    bench.wait_s(9)
    assert bench.status("A1") == "WAIT_BUYER_PAY"
    bench.wait_s(1)
    assert bench.status("A1") == "TRADE_CLOSED"
    assert bench.money("A1").captured_fen == 0


def test_pay_executes_late_is_unknown_to_every_query_until_the_money_is_taken() -> None:
    bench = Bench()
    bench.cut(
        "alipay.trade.pay",
        out_trade_no="A1",
        scene="bar_code",
        auth_code=bench.code("pay_executes_late:20"),
        subject="收款",
        total_amount="12.50",
    )
    assert bench.status("A1") == "ACQ.TRADE_NOT_EXIST"
    assert bench.cancel("A1") == {"code": "10000", "msg": "Success", "out_trade_no": "A1", "retry_flag": "N"}
    assert bench.alipay.order("A1", bench.now_ms) is None
    bench.wait_s(19)
    assert bench.status("A1") == "ACQ.TRADE_NOT_EXIST"
    bench.wait_s(1)
    assert bench.status("A1") == "TRADE_SUCCESS"
    assert bench.money("A1").captured_fen == 1250
    assert bench.cancel("A1")["action"] == "refund"


def test_close_ack_still_payable_says_yes_to_close_and_cancel_and_is_paid_all_the_same() -> None:
    for undo in (close, Bench.cancel):
        bench = shown("close_ack_still_payable")
        assert undo(bench, "Q1")["code"] == "10000"
        assert bench.status("Q1") == "WAIT_BUYER_PAY"
        bench.wait_s(3)
        assert bench.status("Q1") == "TRADE_SUCCESS"


def test_pay_after_time_expire_pays_a_trade_that_its_time_has_closed() -> None:
    bench = shown("pay_after_time_expire")
    bench.wait_s(60)
    assert bench.status("Q1") == "TRADE_CLOSED"
    bench.wait_s(2)
    assert bench.status("Q1") == "TRADE_SUCCESS"
    coded = scanned("pay_after_time_expire")
    coded.cancel("A1")
    coded.wait_s(45)
    assert coded.status("A1") == "TRADE_CLOSED"
    coded.wait_s(1)
    assert coded.status("A1") == "TRADE_SUCCESS"


def test_precreate_cancel_then_scan_pays_the_qr_of_a_cancelled_order() -> None:
    bench = Bench()
    qr = bench.precreate("Q1")["qr_code"]
    assert bench.cancel("Q1")["retry_flag"] == "N"
    assert bench.scan(qr, "precreate_cancel_then_scan") is ScanResult.PAID
    assert bench.status("Q1") == "TRADE_SUCCESS"
    assert bench.money("Q1").captured_fen == 1250


def test_the_qr_of_a_cancelled_order_is_paid_once_also_after_that_money_went_back() -> None:
    bench = Bench()
    qr = bench.precreate("Q1")["qr_code"]
    bench.cancel("Q1")
    bench.scan(qr, "precreate_cancel_then_scan")
    assert bench.scan(qr, "precreate_cancel_then_scan") is not ScanResult.PAID
    bench.cancel("Q1")
    assert bench.scan(qr, "precreate_cancel_then_scan") is ScanResult.ORDER_CLOSED
    assert bench.money("Q1").refunded_fen == 1250


def test_precreate_cancel_then_scan_waits_for_the_cancel() -> None:
    bench = shown("precreate_cancel_then_scan")
    assert bench.status("Q1") == "ACQ.TRADE_NOT_EXIST"
    bench.cancel("Q1")
    bench.wait_s(1)
    assert bench.status("Q1") == "TRADE_SUCCESS"


def test_an_undo_of_paid_money_works_whatever_the_script() -> None:
    for text in ("reverse_recall:3", "reverse_applies_late:60", "reverse_ack_not_applied"):
        bench = Bench()
        qr = bench.precreate("Q1")["qr_code"]
        bench.scan(qr, text)
        assert bench.scan(qr, "pay") is ScanResult.PAID
        node = bench.cancel("Q1")
        assert (node["retry_flag"], node["action"]) == ("N", "refund")
        assert bench.money("Q1").refunded_fen == 1250
