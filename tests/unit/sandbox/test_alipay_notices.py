"""What the simulated Alipay tells the shop by itself: when, signed how, how often, and the forged ones."""

import base64
import json
from urllib.parse import parse_qsl

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests.unit.sandbox.alipay_bench import NOTIFY_URL, Bench, key_pair, pay_biz, public_params

GAPS_S = (240, 600, 600, 3_600, 7_200, 21_600, 54_000)


def paid(text: str = "pay") -> Bench:
    bench = Bench()
    bench.pay("A1", bench.code(text), subject="豆腐 + 面")
    return bench


def check(fields: dict[str, str]) -> dict[str, str]:
    """The fields, once the wallet's signature over all but `sign` and `sign_type` holds."""
    covered = {name: value for name, value in fields.items() if name not in ("sign", "sign_type") and value}
    text = "&".join(f"{name}={covered[name]}" for name in sorted(covered))
    key_pair("wallet").public_key().verify(base64.b64decode(fields["sign"]), text.encode(), PKCS1v15(), SHA256())
    assert fields["sign_type"] == "RSA2"
    return fields


def test_a_payment_is_told_to_the_address_of_its_call_signed_without_the_signatures_kind() -> None:
    bench = paid()
    (delivery,) = bench.deliveries()
    assert delivery.url == NOTIFY_URL
    assert delivery.headers["content-type"] == "application/x-www-form-urlencoded; text/html; charset=utf-8"
    bench = paid()
    (said,) = map(check, bench.told())
    assert (said["trade_status"], said["out_trade_no"], said["total_amount"]) == ("TRADE_SUCCESS", "A1", "12.50")
    assert (said["app_id"], said["seller_id"]) == ("2021000000000001", "2088000000000001")
    assert (said["subject"], said["notify_type"]) == ("豆腐 + 面", "trade_status_sync")
    assert (said["gmt_payment"], said["notify_time"]) == ("2026-11-22 06:26:40", "2026-11-22 06:26:40")
    assert json.loads(said["fund_bill_list"]) == [{"amount": "12.50", "fundChannel": "ALIPAYACCOUNT"}]
    assert "refund_fee" not in said


def test_nothing_is_told_without_an_address_or_while_a_trade_waits() -> None:
    bench = Bench()
    bench.asked(public_params("alipay.trade.pay", pay_biz("A1", bench.code())))
    bench.pay("A2", bench.code("never"))
    assert bench.told() == []


def test_the_end_of_an_unpaid_trade_is_told_as_closed() -> None:
    bench = Bench()
    bench.pay("A1", bench.code("never"))
    bench.pay("A2", bench.code("never"))
    bench.pay("A3", bench.code("never"))
    bench.cancel("A1")
    bench.call("alipay.trade.close", out_trade_no="A2")
    assert [one["out_trade_no"] for one in bench.told()] == ["A1", "A2"]
    bench.wait_s(60)
    (said,) = map(check, bench.told())
    assert (said["out_trade_no"], said["trade_status"]) == ("A3", "TRADE_CLOSED")
    assert said["gmt_close"] == "2026-11-22 06:27:40"
    assert not {"gmt_payment", "receipt_amount", "refund_fee"} & said.keys()


def test_a_part_given_back_is_told_as_a_paid_trade_with_the_refunds_number() -> None:
    bench = paid()
    bench.deliveries()
    bench.refund("A1", "2.50", "R1")
    bench.refund("A1", "1.00", "R2")
    first, second = map(check, bench.told())
    assert {first["trade_status"], second["trade_status"]} == {"TRADE_SUCCESS"}
    assert (first["refund_fee"], first["out_biz_no"]) == ("2.50", "R1")
    assert (second["refund_fee"], second["out_biz_no"]) == ("3.50", "R2")
    assert first["gmt_refund"] == "2026-11-22 06:26:40"


def test_the_last_fen_given_back_is_told_once_as_closed() -> None:
    bench = paid()
    bench.deliveries()
    bench.refund("A1", "12.50")
    (said,) = map(check, bench.told())
    assert (said["trade_status"], said["refund_fee"], said["out_biz_no"]) == ("TRADE_CLOSED", "12.50", "R1")
    assert bench.told() == []


def test_a_refund_is_told_when_it_lands_and_not_before() -> None:
    bench = paid("refund_processing:30")
    bench.deliveries()
    bench.refund("A1", "2.50")
    assert bench.told() == []
    assert bench.alipay.next_event_ms() == bench.now_ms + 30_000
    bench.wait_s(30)
    assert [one["refund_fee"] for one in bench.told()] == ["2.50"]


def test_a_cancel_of_paid_money_is_told_as_closed_without_a_refunds_number() -> None:
    bench = paid()
    bench.deliveries()
    bench.cancel("A1")
    (said,) = map(check, bench.told())
    assert (said["trade_status"], said["refund_fee"], "out_biz_no" in said) == ("TRADE_CLOSED", "12.50", False)


def test_a_delivery_that_is_not_acknowledged_comes_eight_times_within_25_hours() -> None:
    bench = paid()
    ids: set[str] = set()
    for gap_s in (*GAPS_S, None):
        (delivery,) = bench.deliveries()
        ids.add(delivery.id)
        bench.alipay.notified(delivery.id, status=None, body=b"", now_ms=bench.now_ms)
        assert bench.deliveries() == ()
        if gap_s is not None:
            bench.now_ms += gap_s * 1000 - 1
            assert bench.deliveries() == ()
            bench.now_ms += 1
    assert len(ids) == 8
    assert sum(GAPS_S) < 25 * 3_600
    bench.wait_s(86_400 * 30)
    assert bench.deliveries() == ()


def test_a_later_try_is_the_same_notification_signed_anew() -> None:
    bench = paid()
    (delivery,) = bench.deliveries()
    bench.alipay.notified(delivery.id, status=500, body=b"", now_ms=bench.now_ms)
    bench.wait_s(240)
    (again,) = map(check, bench.told())
    assert again["notify_time"] == "2026-11-22 06:30:40"
    first = dict(parse_qsl(delivery.body.decode("ascii")))
    assert first["notify_id"] == again["notify_id"]
    assert first["sign"] != again["sign"]


@pytest.mark.parametrize(
    ("status", "body", "received"),
    [
        (200, b"success", True),
        (200, b"SUCCESS", False),
        (200, b"success\n", False),
        (200, b'"success"', False),
        (200, b"", False),
        (200, b"fail", False),
        (204, b"success", False),
        (500, b"success", False),
        (None, b"success", False),
    ],
)
def test_only_the_seven_letters_mean_received(status: int | None, body: bytes, received: bool) -> None:
    bench = paid()
    (delivery,) = bench.deliveries()
    bench.alipay.notified(delivery.id, status=status, body=body, now_ms=bench.now_ms)
    bench.wait_s(240)
    assert (bench.deliveries() == ()) == received


def test_lost_late_doubled_and_hurried_notifications() -> None:
    assert paid("callback_lost").deliveries() == ()
    late = paid("callback_late:30")
    assert late.deliveries() == ()
    late.wait_s(30)
    assert len(late.deliveries()) == 1
    first, second = paid("callback_twice").deliveries()
    assert first.id != second.id
    assert first.body == second.body
    assert [one.before_answer for one in paid("callback_before_answer").deliveries()] == [True]


def test_a_wrong_amount_is_rightly_signed() -> None:
    (said,) = map(check, paid("callback_wrong_amount").told())
    assert (said["total_amount"], said["receipt_amount"]) == ("12.51", "12.50")


def test_another_merchants_notification_is_rightly_signed() -> None:
    (said,) = map(check, paid("callback_other_merchant").told())
    assert said["app_id"] != "2021000000000001"
    assert said["seller_id"] != "2088000000000001"
    assert said["out_trade_no"] == "A1"


def test_a_bad_signature_is_wrong_and_nothing_else_is() -> None:
    (said,) = paid("callback_bad_signature").told()
    assert (said["total_amount"], said["seller_id"]) == ("12.50", "2088000000000001")
    with pytest.raises(InvalidSignature):
        check(said)
