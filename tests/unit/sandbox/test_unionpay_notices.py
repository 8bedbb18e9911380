"""Rule: UnionPay tells of success only, to each request's own backUrl, until HTTP 200 answers it."""

from urllib.parse import parse_qsl

import pytest
from cryptography.exceptions import InvalidSignature

from sandbox.notifying import UNIONPAY_RETRIES_MS
from sandbox.unionpay.codes import Code
from tests.unit.sandbox.unionpay_bench import BACK_URL, ORDER, REFUND, Bench, checked, merchant, script


@pytest.mark.parametrize("by_key", [False, True])
def test_a_payment_is_told_url_encoded_and_signed_as_it_was_asked(by_key: bool) -> None:
    bench = Bench(by_key=by_key)
    bench.pay(reqReserved="a+b=c {中&d}")
    (outgoing,) = bench.wallet.due_notifications(bench.now_ms)
    assert outgoing.url == BACK_URL
    assert outgoing.headers["content-type"].startswith("application/x-www-form-urlencoded")
    said = checked(dict(parse_qsl(outgoing.body.decode("ascii"), strict_parsing=True)))
    assert said["signMethod"] == ("11" if by_key else "01")
    assert (said["respCode"], said["orderId"], said["txnAmt"], said["txnType"]) == ("00", ORDER, "1250", "01")
    assert (said["reqReserved"], said["merId"]) == ("a+b=c {中&d}", merchant().mer_id)
    assert said["queryId"] == bench.query()["queryId"]


def test_nothing_is_told_without_an_address_without_success_or_of_a_reversal() -> None:
    silent, failed, open_ = Bench(), Bench(), Bench()
    silent.pay(backUrl="http://www.specialUrl.com")
    failed.pay("balance_low")
    open_.pay("never")
    open_.reverse()
    assert [one.told() for one in (silent, failed, open_)] == [[], [], []]


@pytest.mark.parametrize("end", [Code.PAST_DEADLINE, Code.WRITE_OFF_UNKNOWN, Code.WRITE_OFF_FAILED])
def test_money_taken_without_success_is_never_told(end: Code) -> None:
    bench = Bench()
    bench.wallet.end_next_charge(end)
    bench.pay()
    assert bench.told() == []


def test_success_with_a_defect_is_told_as_such() -> None:
    bench = Bench()
    bench.wallet.end_next_charge(Code.DEFECT)
    bench.pay()
    assert [one["respCode"] for one in bench.told()] == ["A6"]


def test_a_refund_and_a_cancel_are_told_when_they_land() -> None:
    bench, cancelled = Bench(), Bench()
    bench.pay("refund_processing:20")
    bench.told()
    bench.refund(250, backUrl="https://shop.test/refunds", reqReserved=ORDER)
    assert bench.told() == []
    assert bench.wallet.next_event_ms() == bench.now_ms + 20_000
    bench.later(20)
    (outgoing,) = bench.wallet.due_notifications(bench.now_ms)
    said = checked(dict(parse_qsl(outgoing.body.decode("ascii"))))
    assert outgoing.url == "https://shop.test/refunds"
    assert (said["txnType"], said["orderId"], said["txnAmt"], said["respCode"]) == ("04", REFUND, "250", "00")
    assert (said["origQryId"], said["reqReserved"]) == (bench.query()["queryId"], ORDER)
    cancelled.pay()
    cancelled.told()
    cancelled.cancel()
    assert [one["txnType"] for one in cancelled.told()] == ["31"]


def test_any_200_ends_it_and_anything_else_brings_it_again_on_the_schedule() -> None:
    bench = Bench()
    bench.pay()
    first = bench.wallet.due_notifications(bench.now_ms)[0]
    for status, gap_ms in zip((500, 302, 404, None), UNIONPAY_RETRIES_MS, strict=False):
        bench.wallet.notified(first.id, status=status, body=b"ok", now_ms=bench.now_ms)
        bench.now_ms += gap_ms - 1
        assert bench.wallet.due_notifications(bench.now_ms) == ()
        bench.now_ms += 1
        (first,) = bench.wallet.due_notifications(bench.now_ms)
    bench.wallet.notified(first.id, status=200, body=b"whatever", now_ms=bench.now_ms)
    assert bench.wallet.next_event_ms() is None


def test_it_gives_up_after_the_last_of_the_schedule() -> None:
    bench = Bench()
    bench.pay()
    for _ in range(len(UNIONPAY_RETRIES_MS) + 1):
        (outgoing,) = bench.wallet.due_notifications(bench.now_ms)
        bench.wallet.notified(outgoing.id, status=500, body=b"", now_ms=bench.now_ms)
        bench.now_ms = bench.wallet.next_event_ms() or bench.now_ms
    assert bench.wallet.next_event_ms() is None


def test_the_forged_are_forged_each_time_and_in_one_way_only() -> None:
    wrong, other, bad = Bench(), Bench(), Bench()
    wrong.pay("callback_wrong_amount")
    other.pay("callback_other_merchant")
    bad.pay("callback_bad_signature")
    (amount,), (merchant_,), (spoiled,) = wrong.told(), other.told(), bad.told()
    assert checked(amount)["txnAmt"] == "1251"
    assert checked(merchant_)["merId"] != merchant().mer_id
    assert spoiled["txnAmt"] == "1250"
    with pytest.raises(InvalidSignature):
        checked(spoiled)


def test_lost_late_twice_and_before_the_answer() -> None:
    lost, late, twice, early = Bench(), Bench(), Bench(), Bench()
    for bench, text in (
        (lost, "callback_lost"),
        (late, "callback_late:9"),
        (twice, "callback_twice"),
        (early, "callback_before_answer"),
    ):
        bench.pay(text)
    assert lost.wallet.next_event_ms() is None
    assert late.told() == []
    late.later(9)
    assert len(late.told()) == 1
    assert len(twice.told()) == 2
    assert [one.before_answer for one in early.wallet.due_notifications(early.now_ms)] == [True]


def test_a_scanned_qr_is_told_a_second_later() -> None:
    bench = Bench()
    bench.wallet.scan(bench.make_qr(), script("callback_twice"), bench.now_ms)
    assert bench.told() == []
    bench.later(1)
    assert [one["txnSubType"] for one in bench.told()] == ["07", "07"]
