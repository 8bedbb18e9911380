"""Rule: a settlement day's file is a ZIP with one ZM file of fixed columns, of that day's money and nothing else, from
nine o'clock of the day after."""

import base64
import io
import zipfile
import zlib
from datetime import date

import pytest

from sandbox.billing import BillDiscrepancy, DiscrepancyKind
from tests.unit.sandbox.unionpay_bench import BACK, FILE, ORDER, REFUND, Bench, consume, merchant, script

DAY = date(2026, 11, 22)
WIDTHS = [
    *[3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32],
    *[13, 13, 8, 32, 13, 13, 12, 2, 1, 32, 98],
]


def ask(bench: Bench, day: str = "1122", **more: str) -> dict[str, str]:
    asked = {
        "txnType": "76",
        "txnSubType": "01",
        "bizType": "000000",
        "accessType": "0",
        "txnTime": "20261123100000",
        "settleDate": day,
        "fileType": "00",
        **more,
    }
    return dict(bench.call(FILE, asked))


def rows(bench: Bench, day: str = "1122") -> list[dict[int, str]]:
    """Cut as UnionPay's demo cuts it: each width, then one byte."""
    said = ask(bench, day)
    assert said["respCode"] == "00"
    packed = zlib.decompress(base64.b64decode(said["fileContent"], validate=True))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        (name,) = archive.namelist()
        assert name == f"INN26{day}88ZM_{merchant().mer_id}"
        lines = archive.read(name).splitlines()
    return [_cut(line) for line in lines]


def _cut(line: bytes) -> dict[int, str]:
    assert len(line) == sum(WIDTHS) + len(WIDTHS) - 1
    columns: dict[int, str] = {}
    left = 0
    for number, width in enumerate(WIDTHS, start=1):
        columns[number] = line[left : left + width].decode("gbk").rstrip()
        left += width + 1
    return columns


def next_morning(bench: Bench) -> Bench:
    bench.later(23 * 3600)
    return bench


def test_a_payment_and_its_refund_have_a_row_each_with_the_fee_returned() -> None:
    bench = Bench()
    bench.pay(reqReserved="门店一号")
    bench.refund(1250)
    paid, back = rows(next_morning(bench))
    query_id = bench.query()["queryId"]
    assert [paid[n] for n in (1, 5, 7, 10, 12, 20, 21, 28, 34)] == [
        *("S22", "1122100000", "000000001250", query_id, ORDER, "01", "06"),
        *(merchant().mer_id, "49000002"),
    ]
    assert [paid[n] for n in (16, 17, 33, 35, 42)] == [
        *("D000000000008", "C000000001242", "C000000001242", "门店一号", "C000000001250"),
    ]
    assert [back[n] for n in (1, 7, 12, 20, 27, 41)] == ["S30", "000000001250", REFUND, "04", query_id, ORDER]
    assert [back[n] for n in (15, 16, 17)] == ["1122100000", "C000000000008", "D000000001242"]
    assert "****" in paid[6]


def test_a_cancel_has_a_row_and_what_was_reversed_or_never_paid_has_none() -> None:
    bench = Bench()
    bench.pay(orderId=ORDER + "A")
    assert bench.reverse(orderId=ORDER + "A") == "00"
    bench.pay("never", orderId=ORDER + "B")
    bench.make_qr(orderId=ORDER + "C")
    bench.pay()
    bench.cancel()
    assert [(row[1], row[12]) for row in rows(next_morning(bench))] == [("S22", ORDER), ("S31", REFUND)]


def test_parts_of_a_refund_return_the_fee_to_the_fen() -> None:
    bench = Bench()
    bench.pay()
    for index, amount_fen in enumerate((333, 334, 583)):
        bench.refund(amount_fen, f"2026112201010200{index}")
    fees = [int(row[16][1:]) for row in rows(next_morning(bench))]
    assert fees[0] == sum(fees[1:]) == 8


def test_the_settlement_day_ends_at_its_own_hour() -> None:
    bench, natural = Bench(), Bench(settlement_hour=24)
    for one in (bench, natural):
        one.later(13 * 3600)
        assert one.pay()["respCode"] == "00"
        one.later(34 * 3600)
    assert ask(bench)["respCode"] == "98"
    assert len(rows(bench, "1123")) == 1
    assert len(rows(natural)) == 1


def test_a_file_is_not_there_before_nine_of_the_day_after_nor_for_a_day_without_money() -> None:
    bench = Bench()
    bench.pay()
    assert ask(bench)["respCode"] == "98"
    bench.later(23 * 3600 - 1)
    assert ask(bench)["respCode"] == "98"
    bench.later(1)
    assert ask(bench)["respCode"] == "00"
    assert ask(bench, "1121")["respCode"] == "98"
    assert ask(bench, "1231")["respCode"] == "98"
    assert ask(bench, fileType="01")["respCode"] == "98"


@pytest.mark.parametrize("day", ["1322", "11-2", "0230"])
def test_a_day_that_is_none_has_no_file(day: str) -> None:
    assert ask(next_morning(Bench()), day)["respCode"] in ("10", "98")


def test_only_a_file_request_is_answered_with_a_file() -> None:
    assert ask(Bench(), txnType="00", txnSubType="00")["respCode"] == "10"


def test_discrepancies_are_exactly_those_that_were_asked_for() -> None:
    bench = Bench()
    for suffix in "ABC":
        bench.pay(orderId=ORDER + suffix)
    wanted = (
        BillDiscrepancy(kind=DiscrepancyKind.MISSING_ROW, out_trade_no=ORDER + "A"),
        BillDiscrepancy(kind=DiscrepancyKind.OTHER_AMOUNT, out_trade_no=ORDER + "B", amount_fen=1300),
        BillDiscrepancy(kind=DiscrepancyKind.EXTRA_ROW, out_trade_no="9" * 20, amount_fen=77),
    )
    bench.wallet.distort_bill(DAY, wanted)
    next_morning(bench)
    assert [(row[12], int(row[7])) for row in rows(bench)] == [(ORDER + "B", 1300), (ORDER + "C", 1250), ("9" * 20, 77)]
    bench.wallet.distort_bill(DAY, ())
    assert len(rows(bench)) == 3


def test_money_taken_without_success_is_in_the_file() -> None:
    bench = Bench()
    bench.wallet.scan(bench.make_qr(), script("pay_after_time_expire"), bench.now_ms)
    bench.later(400)
    assert bench.trade_code() == "00/42"
    assert [row[12] for row in rows(next_morning(bench))] == [ORDER]


def test_long_and_foreign_texts_stay_inside_their_columns() -> None:
    bench = Bench()
    bench.call(BACK, consume(qrNo=bench.code(), reqReserved="中" * 40 + "€🙂"))
    (row,) = rows(next_morning(bench))
    assert row[35] == "中" * 16


def test_the_same_day_gives_the_same_bytes() -> None:
    bench = Bench()
    bench.pay()
    next_morning(bench)
    assert ask(bench)["fileContent"] == ask(bench)["fileContent"]
