"""Rule: an order's money moves at the simulated UnionPay as the script says, and query, reversal and money agree."""

import pytest

from sandbox.scripts import ARGUMENTS, Behaviour
from sandbox.unionpay.codes import Code, words_of
from sandbox.unionpay.trades import CHARGE_ENDS, TRADE_MOVES, TradeEvent, TradeState
from sandbox.wallet import MoneyState, ScanResult
from sandbox.wire import CutConnection
from tests.unit.sandbox.unionpay_bench import BACK, ORDER, QUERY, Bench, consume, encoded, named, script, signed

NOT_PAID = (0, 0)
PAID = (1250, 0)
RETURNED = (1250, 1250)


def every_script() -> list[str]:
    return [f"{one.value}:3" if one in ARGUMENTS else one.value for one in Behaviour]


def test_the_table_of_moves_is_total_and_nothing_but_a_charge_leaves_an_end() -> None:
    assert set(TRADE_MOVES) == {(state, event) for state in TradeState for event in TradeEvent}
    for state in (TradeState.FAILED, TradeState.VOID):
        leads = {event: TRADE_MOVES[state, event] for event in TradeEvent}
        out = {event for event, to in leads.items() if to not in (None, state)}
        assert out == {TradeEvent.CHARGE_EXECUTES}


def test_every_code_has_words() -> None:
    assert all(words_of(code).endswith("]") for code in Code)


def test_00_to_a_consume_means_accepted_and_the_query_says_paid() -> None:
    bench = Bench()
    said = bench.pay()
    assert (said["respCode"], "origRespCode" in said, "txnAmt" in said) == ("00", False, False)
    found = bench.query()
    assert (found["respCode"], found["origRespCode"], found["txnAmt"], found["currencyCode"]) == (
        "00",
        "00",
        "1250",
        "156",
    )
    assert found["queryId"] == said["queryId"]
    assert (found["txnType"], found["txnSubType"], found["traceTime"], found["settleDate"]) == (
        "01",
        "06",
        "1122100000",
        "1122",
    )
    assert bench.moved() == PAID


def test_a_code_has_the_right_form_is_good_once_and_for_a_minute() -> None:
    bench = Bench()
    code = bench.code()
    assert len(code) == 19
    assert code.startswith("62")
    assert bench.wallet.has_shown(code)
    assert not bench.wallet.has_shown("6" * 19)
    assert bench.call(BACK, consume(qrNo=code))["respCode"] == "00"
    assert bench.call(BACK, consume(qrNo=code, orderId=ORDER + "X"))["respCode"] == "61"
    late = bench.code()
    bench.later(60)
    assert bench.call(BACK, consume(qrNo=late, orderId=ORDER + "Y"))["respCode"] == "80"
    assert bench.call(BACK, consume(qrNo="6226359577513731196", orderId=ORDER + "Z"))["respCode"] == "61"
    assert bench.call(BACK, consume(qrNo="28763443825664394", orderId=ORDER + "W"))["respCode"] == "61"


def test_orderid_and_txntime_together_name_a_trade() -> None:
    """The same orderId under another txnTime is another trade, and charges again: a shop must never do it."""
    bench = Bench()
    bench.pay()
    assert bench.pay()["respCode"] == "12"
    assert bench.trade_code(txnTime="20261122100001") == "34"
    assert bench.pay(txnTime="20261122100001")["respCode"] == "00"
    assert len(bench.wallet.orders(bench.now_ms)) == 2
    assert sum(one.captured_fen for one in bench.wallet.orders(bench.now_ms)) == 2500


@pytest.mark.parametrize(
    ("text", "said", "found", "moved"),
    [
        ("pay", "00", "00/00", PAID),
        ("ask_password:5", "00", "00/05", NOT_PAID),
        ("balance_low", "64", "00/64", NOT_PAID),
        ("expired", "80", "34", NOT_PAID),
        ("system_error_charged", "03", "00/00", PAID),
        ("system_error_not_charged", "03", "00/04", NOT_PAID),
        ("never", "00", "00/05", NOT_PAID),
        ("maintenance", "02", "02", PAID),
        ("refund_balance_low", "00", "00/00", PAID),
        ("callback_lost", "00", "00/00", PAID),
    ],
)
def test_what_a_scanned_code_is_answered(text: str, said: str, found: str, moved: tuple[int, int]) -> None:
    bench = Bench()
    assert bench.pay(text)["respCode"] == said
    assert bench.trade_code() == found
    assert bench.moved() == moved


@pytest.mark.parametrize(("text", "moved"), [("drop_after_charge", PAID), ("drop_before_charge", NOT_PAID)])
def test_a_cut_answer_says_nothing_about_the_money(text: str, moved: tuple[int, int]) -> None:
    bench = Bench()
    code = bench.code(text)
    reply = bench.post(BACK, encoded(signed(consume(qrNo=code))))
    assert reply == CutConnection(after_effect=bool(moved[0]))
    assert bench.moved() == moved
    assert bench.trade_code() == ("00/00" if moved[0] else "34")


def test_a_password_in_time_pays_and_one_too_late_finds_the_trade_over() -> None:
    bench, late = Bench(), Bench()
    bench.pay("ask_password:5")
    bench.later(5)
    assert bench.trade_code() == "00/00"
    late.pay("ask_password:70")
    late.later(60)
    assert late.trade_code() == "00/69"
    late.later(20)
    assert (late.trade_code(), late.moved()) == ("00/69", NOT_PAID)


def test_a_reversal_ends_an_open_trade_and_gives_a_paid_one_back() -> None:
    bench, paid = Bench(), Bench()
    bench.pay("never")
    assert (bench.reverse(), bench.trade_code(), bench.moved()) == ("00", "00/45", NOT_PAID)
    assert bench.wallet.orders(bench.now_ms)[0].state is MoneyState.CLOSED
    paid.pay()
    assert (paid.reverse(), paid.trade_code(), paid.moved()) == ("00", "00/45", RETURNED)
    assert paid.wallet.orders(paid.now_ms)[0].state is MoneyState.REVERSED
    assert paid.reverse() == "00"


def test_a_reversal_of_a_name_never_seen_says_yes_and_kills_the_name() -> None:
    bench = Bench()
    assert (bench.reverse(), bench.trade_code()) == ("00", "34")
    assert bench.pay()["respCode"] == "12"
    assert bench.moved() == NOT_PAID


def test_a_reversal_must_name_the_same_amount_if_it_names_one() -> None:
    bench = Bench()
    bench.pay()
    assert bench.reverse(txnAmt="1251", currencyCode="156") == "36"
    assert bench.reverse(txnAmt="1250", currencyCode="156") == "00"


def test_paid_money_is_reversed_until_its_settlement_day_ends_and_an_open_trade_always() -> None:
    bench, waiting = Bench(), Bench()
    bench.pay()
    bench.later(13 * 3600)
    assert (bench.reverse(), bench.moved()) == ("39", PAID)
    waiting.pay("never")
    waiting.later(20 * 3600)
    assert waiting.reverse() == "00"


def test_reverse_recall_answers_again_so_often_and_does_nothing() -> None:
    bench = Bench()
    bench.pay("reverse_recall:2")
    assert [bench.reverse() for _ in range(3)] == ["05", "05", "00"]
    assert bench.trade_code() == "00/45"


def test_reverse_ack_not_applied_says_yes_once_too_early() -> None:
    bench = Bench()
    bench.pay("reverse_ack_not_applied")
    assert (bench.reverse(), bench.trade_code()) == ("00", "00/05")
    assert (bench.reverse(), bench.trade_code()) == ("00", "00/45")


def test_reverse_applies_late() -> None:
    bench = Bench()
    bench.pay("reverse_applies_late:7")
    assert (bench.reverse(), bench.trade_code()) == ("00", "00/05")
    bench.later(7)
    assert bench.trade_code() == "00/45"


def test_pay_after_reverse_charges_a_trade_that_is_over_and_can_be_reversed_again() -> None:
    bench = Bench()
    bench.pay("pay_after_reverse")
    assert (bench.reverse(), bench.trade_code()) == ("00", "00/45")
    bench.later(2)
    assert (bench.trade_code(), bench.moved()) == ("00/00", PAID)
    assert (bench.reverse(), bench.moved()) == ("00", RETURNED)


def test_pay_executes_late_is_found_by_nobody_until_it_charges_after_the_undo() -> None:
    bench = Bench()
    assert bench.cut(BACK, consume(qrNo=bench.code("pay_executes_late:9")))
    assert (bench.trade_code(), bench.wallet.orders(bench.now_ms)) == ("34", ())
    bench.later(45)
    assert (bench.reverse(), bench.trade_code()) == ("00", "34")
    bench.later(9)
    assert (bench.trade_code(), bench.moved()) == ("00/00", PAID)


def test_a_charge_that_executes_past_the_payment_deadline_is_42_and_its_money_can_be_returned() -> None:
    bench = Bench()
    bench.cut(BACK, consume(qrNo=bench.code("pay_executes_late:30")))
    bench.later(45)
    bench.reverse()
    bench.later(30)
    assert (bench.trade_code(), bench.moved()) == ("00/42", PAID)
    assert bench.refund(1250)["respCode"] == "00"
    assert bench.moved() == RETURNED


def test_pay_after_time_expire_is_42_where_paytimeout_is_over_and_00_where_it_is_not() -> None:
    early, late = Bench(), Bench()
    early.pay("pay_after_time_expire")
    early.later(46)
    assert early.trade_code() == "00/00"
    late.pay("pay_after_time_expire", payTimeout="20261122100030")
    late.later(30)
    assert late.trade_code() == "00/69"
    late.later(16)
    assert (late.trade_code(), late.moved()) == ("00/42", PAID)


@pytest.mark.parametrize("end", CHARGE_ENDS)
def test_a_charge_can_be_made_to_end_in_each_way_that_took_money(end: Code) -> None:
    bench = Bench()
    bench.wallet.end_next_charge(end)
    bench.pay()
    assert (bench.trade_code(), bench.moved()) == (f"00/{end.value}", PAID)
    assert bench.reverse() == "00"
    assert bench.moved() == RETURNED


def test_queries_beyond_the_limit_hear_37_until_ten_seconds_are_over() -> None:
    bench = Bench()
    bench.pay("query_limit:2")
    assert [bench.trade_code() for _ in range(3)] == ["00/05", "00/05", "37"]
    bench.later(10)
    assert bench.trade_code() == "00/00"


def test_maintenance_answers_02_to_everything_about_the_trade_for_twenty_seconds() -> None:
    bench = Bench()
    bench.pay("maintenance")
    assert (bench.trade_code(), bench.reverse()) == ("02", "02")
    assert bench.pay()["respCode"] == "02"
    bench.later(20)
    assert bench.trade_code() == "00/00"


def test_a_qr_is_no_trade_before_it_is_scanned() -> None:
    bench = Bench()
    qr = bench.make_qr()
    assert qr.startswith("https://qr.95516.com/")
    assert bench.wallet.owns_qr(qr)
    assert (bench.trade_code(), bench.wallet.orders(bench.now_ms)) == ("34", ())
    assert [one.qr for one in bench.wallet.open_qrs(bench.now_ms)] == [qr]
    assert bench.wallet.scan(qr, script("pay"), bench.now_ms).result is ScanResult.PAID
    assert (bench.trade_code(), bench.moved()) == ("00/00", PAID)
    assert bench.query()["txnSubType"] == "07"
    assert bench.wallet.scan(qr, script("pay"), bench.now_ms).result is ScanResult.ALREADY_PAID
    assert bench.wallet.open_qrs(bench.now_ms) == ()


def test_a_qr_that_was_reversed_unscanned_is_never_paid_and_never_found() -> None:
    bench = Bench()
    qr = bench.make_qr()
    assert (bench.reverse(), bench.trade_code()) == ("00", "34")
    assert bench.wallet.scan(qr, script("pay"), bench.now_ms).result is ScanResult.ORDER_CLOSED
    assert bench.moved() == NOT_PAID


def test_an_expired_qr_is_not_paid() -> None:
    own, given = Bench(), Bench()
    qr = own.make_qr()
    own.later(300)
    assert own.wallet.scan(qr, script("pay"), own.now_ms).result is ScanResult.QR_EXPIRED
    qr = given.make_qr(payTimeout="20261122100200")
    given.later(120)
    assert given.wallet.scan(qr, script("pay"), given.now_ms).result is ScanResult.QR_EXPIRED
    assert (given.trade_code(), given.moved()) == ("34", NOT_PAID)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("pay", ScanResult.PAID),
        ("ask_password:5", ScanResult.WAITING),
        ("balance_low", ScanResult.WAITING),
        ("expired", ScanResult.QR_EXPIRED),
        ("never", ScanResult.WAITING),
        ("maintenance", ScanResult.PAID),
    ],
)
def test_what_a_customer_sees_who_scans(text: str, result: ScanResult) -> None:
    bench = Bench()
    assert bench.wallet.scan(bench.make_qr(), script(text), bench.now_ms).result is result


def test_a_qr_of_another_wallet_is_not_ours_and_an_unknown_one_pays_nothing() -> None:
    bench = Bench()
    assert not bench.wallet.owns_qr("https://qr.alipay.com/bax0123")
    assert not bench.wallet.owns_qr("https://shop.test/q/abc")
    unknown = "https://qr.95516.com/00010000/01" + "0" * 30
    assert bench.wallet.scan(unknown, script("pay"), bench.now_ms).result is ScanResult.UNKNOWN_QR


def test_precreate_cancel_then_scan_pays_an_order_that_was_given_up() -> None:
    before, after = Bench(), Bench()
    before.wallet.scan(before.make_qr(), script("precreate_cancel_then_scan"), before.now_ms)
    assert (before.trade_code(), before.reverse(), before.trade_code()) == ("34", "00", "34")
    before.later(1)
    assert (before.trade_code(), before.moved()) == ("00/00", PAID)
    qr = after.make_qr()
    after.reverse()
    scanned = after.wallet.scan(qr, script("precreate_cancel_then_scan"), after.now_ms)
    assert (scanned.result, after.moved()) == (ScanResult.PAID, PAID)


def test_close_ack_still_payable_leaves_the_qr_open_until_it_is_paid() -> None:
    bench = Bench()
    bench.wallet.scan(bench.make_qr(), script("close_ack_still_payable"), bench.now_ms)
    assert [bench.reverse(), bench.reverse()] == ["00", "00"]
    assert bench.trade_code() == "00/05"
    bench.later(3)
    assert (bench.trade_code(), bench.moved()) == ("00/00", PAID)


def test_a_qr_paid_after_its_own_expiry_is_42() -> None:
    bench = Bench()
    bench.wallet.scan(bench.make_qr(), script("pay_after_time_expire"), bench.now_ms)
    bench.later(302)
    assert (bench.trade_code(), bench.moved()) == ("00/42", PAID)


def test_faults_of_queries_come_in_their_order() -> None:
    bench, cut = Bench(), Bench()
    bench.wallet.scan(bench.make_qr(), script("system_error_charged"), bench.now_ms)
    assert [bench.trade_code() for _ in range(3)] == ["03", "03", "00/00"]
    cut.wallet.scan(cut.make_qr(), script("drop_after_charge"), cut.now_ms)
    assert cut.cut(QUERY, named(txnType="00", txnSubType="00"))
    assert cut.trade_code() == "00/00"


@pytest.mark.parametrize("text", every_script())
@pytest.mark.parametrize("by_code", [True, False])
def test_after_every_script_a_shop_that_reverses_and_refunds_ends_square(text: str, by_code: bool) -> None:
    """Nothing is captured that cannot be given back, and money never goes back twice."""
    bench = Bench()
    if by_code:
        bench.post(BACK, encoded(signed(consume(qrNo=bench.code(text)))))
    else:
        bench.wallet.scan(bench.make_qr(), script(text), bench.now_ms)
    for _ in range(8):
        bench.later(11)
        assert bench.reverse() in ("00", "05", "02")
    bench.later(600)
    bench.reverse()
    captured, refunded = bench.moved()
    assert captured == refunded
    assert captured in (0, 1250)


@pytest.mark.parametrize("text", every_script())
def test_time_works_alike_however_often_somebody_looks(text: str) -> None:
    seldom, often = Bench(), Bench()
    for bench, step_s in ((seldom, 400.0), (often, 0.5)):
        bench.post(BACK, encoded(signed(consume(qrNo=bench.code(text)))))
        bench.later(45)
        bench.reverse()
        for _ in range(int(400 / step_s)):
            bench.later(step_s)
            bench.wallet.advance(bench.now_ms)
    assert seldom.moved() == often.moved()
    at_ms = often.wallet.next_event_ms()
    assert at_ms is None or at_ms <= often.now_ms


def test_the_next_event_is_when_something_changes() -> None:
    bench = Bench()
    bench.pay("ask_password:5")
    assert bench.wallet.next_event_ms() == bench.now_ms + 5_000
    bench.later(5)
    bench.wallet.advance(bench.now_ms)
    assert bench.moved() == PAID
