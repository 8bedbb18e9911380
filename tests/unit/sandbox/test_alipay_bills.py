"""The simulated Alipay's bills: when there is one, where it lies and for how long, and what is in it to the byte."""

import io
import zipfile
from datetime import date

import pytest

from sandbox.alipay.beijing import day_start_ms
from sandbox.alipay.bills import ADDRESS_LIFE_MS, DOWNLOAD_PATH
from sandbox.billing import BillDiscrepancy, DiscrepancyKind
from sandbox.wire import Answer, HttpRequestParts
from tests.unit.sandbox.alipay_bench import Bench, get, public_params, signed_form

DAY = date(2026, 11, 22)
TEN = day_start_ms(DAY) + 34 * 3_600_000
HOST = "127.0.0.1:8600"
METHOD = "alipay.data.dataservice.bill.downloadurl.query"
ACCOUNT = "20880000000000010156"


def asked(bench: Bench, bill_type: str = "trade", bill_date: str = "2026-11-22") -> dict[str, str]:
    query = signed_form(public_params(METHOD, {"bill_type": bill_type, "bill_date": bill_date}))
    body = bench.raw(HttpRequestParts(method="GET", query=query, headers={"host": HOST}))
    node: dict[str, str] = body[METHOD.replace(".", "_") + "_response"]
    return node


def fetched(bench: Bench, url: str) -> Answer:
    base, _, query = url.partition("?")
    assert base == f"http://{HOST}{DOWNLOAD_PATH}"
    (route,) = (one for one in bench.alipay.routes() if one.path == DOWNLOAD_PATH)
    answer = route.handle(get(query.encode()), bench.now_ms)
    assert isinstance(answer, Answer)
    return answer


def texts(bench: Bench, bill_type: str = "trade", day: date = DAY) -> tuple[list[str], list[str]]:
    """The lines of the rows and of the sums, asked for at ten the day after."""
    bench.now_ms = max(bench.now_ms, day_start_ms(day) + 34 * 3_600_000)
    answer = fetched(bench, asked(bench, bill_type, day.isoformat())["bill_download_url"])
    archive = zipfile.ZipFile(io.BytesIO(answer.body))
    assert archive.testzip() is None
    files = {
        info.filename.encode("cp437").decode("gbk"): archive.read(info).decode("gb18030")
        for info in archive.infolist()
        if not info.flag_bits & 0x800
    }
    name = "业务明细" if bill_type == "trade" else "账务明细"
    head = f"{ACCOUNT}_{day:%Y%m%d}_{name}"
    assert list(files) == [f"{head}(汇总).csv", f"{head}.csv"]
    sums, rows = files.values()
    assert rows.endswith("\r\n")
    return rows.removesuffix("\r\n").split("\r\n"), sums.removesuffix("\r\n").split("\r\n")


def cells(rows: list[str]) -> list[dict[str, str]]:
    """The rows by the names of their columns."""
    names, *held = [line for line in rows if not line.startswith("#")]
    assert all(line.endswith("\t") for line in held)
    values = [line.removesuffix("\t").split("\t,") for line in held]
    return [dict(zip(names.split(","), row, strict=True)) for row in values]


def trading() -> Bench:
    """A1: 12.50 with 2.50 given back; A2: 12.50 and cancelled; A3 never paid."""
    bench = Bench()
    bench.pay("A1", bench.code(), subject="早餐, 面\t大", store_id="S1", terminal_id="T1")
    bench.wait_s(60)
    bench.refund("A1", "2.50")
    bench.wait_s(60)
    bench.pay("A2", bench.code())
    bench.wait_s(60)
    bench.cancel("A2")
    bench.pay("A3", bench.code("never"))
    return bench


def test_the_trade_bill_has_a_row_for_each_payment_and_return_between_its_frame() -> None:
    rows, _ = texts(trading())
    assert rows[:4] == [
        "#支付宝业务明细查询",
        f"#账号：[{ACCOUNT}]",
        "#起始日期：[2026年11月22日 00:00:00]   终止日期：[2026年11月23日 00:00:00]",
        "#-----------------------------------------业务明细列表----------------------------------------",
    ]
    assert rows[4] == (
        "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
        "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,"
        "券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
    )
    assert rows[-4:] == [
        "#-----------------------------------------业务明细列表结束------------------------------------",
        "#交易合计：2笔，商家实收共25.00元，商家优惠共0.00元",
        "#退款合计：2笔，商家实收退款共-15.00元，商家优惠退款共0.00元",
        "#导出时间：[2026年11月23日 09:12:00]",
    ]
    names = ("商户订单号", "业务类型", "订单金额（元）", "退款批次号/请求号", "服务费（元）", "完成时间")
    assert [tuple(row[name] for name in names) for row in cells(rows)] == [
        ("A1", "交易", "12.50", "", "0.08", "2026-11-22 06:26:40"),
        ("A1", "退款", "-2.50", "R1", "-0.02", "2026-11-22 06:27:40"),
        ("A2", "交易", "12.50", "", "0.08", "2026-11-22 06:28:40"),
        ("A2", "退款", "-12.50", "", "-0.08", "2026-11-22 06:29:40"),
    ]
    first = cells(rows)[0]
    assert (first["门店编号"], first["门店名称"], first["终端号"]) == ("S1", "测试店", "T1")
    assert (first["商品名称"], first["商家实收（元）"], first["集分宝（元）"]) == ("早餐, 面 大", "12.50", "0.00")


def test_refunds_in_parts_give_back_the_whole_fee_and_no_more() -> None:
    bench = Bench()
    bench.pay("A1", bench.code())
    for number, amount in enumerate(("0.83", "0.83", "10.84")):
        bench.refund("A1", amount, f"R{number}")
    rows, _ = texts(bench)
    assert [row["服务费（元）"] for row in cells(rows)] == ["0.08", "0.00", "-0.01", "-0.07"]


def test_the_sums_are_a_file_of_their_own() -> None:
    _, sums = texts(trading())
    (total,) = cells(sums)
    assert (total["交易订单总笔数"], total["退款订单总笔数"], total["实收净额（元）"]) == ("2", "2", "9.94")


def test_the_account_bill_moves_amounts_and_fees_and_keeps_the_balance() -> None:
    rows, sums = texts(trading(), "signcustomer")
    names = ("业务类型", "收入金额（+元）", "支出金额（-元）", "账户余额（元）")
    assert [tuple(row[name] for name in names) for row in cells(rows)] == [
        ("交易付款", "12.50", "", "12.50"),
        ("收费", "", "-0.08", "12.42"),
        ("交易退款", "", "-2.50", "9.92"),
        ("退费", "0.02", "", "9.94"),
        ("交易付款", "12.50", "", "22.44"),
        ("收费", "", "-0.08", "22.36"),
        ("交易退款", "", "-12.50", "9.86"),
        ("退费", "0.08", "", "9.94"),
    ]
    assert rows[-3:-1] == ["#支出合计：4笔，共-15.16元", "#收入合计：4笔，共25.10元"]
    assert cells(sums)[0]["总金额（元）"] == "9.94"


def test_a_refund_of_the_next_day_is_in_the_next_days_bill_which_begins_with_the_balance() -> None:
    bench = Bench()
    bench.pay("A1", bench.code())
    bench.wait_s(86_400)
    bench.refund("A1", "2.50")
    assert [row["业务类型"] for row in cells(texts(bench)[0])] == ["交易"]
    after = date(2026, 11, 23)
    assert [row["业务类型"] for row in cells(texts(bench, day=after)[0])] == ["退款"]
    flow = cells(texts(bench, "signcustomer", after)[0])
    assert [row["账户余额（元）"] for row in flow] == ["9.92", "9.94"]


def test_money_is_of_the_day_it_was_paid_on_not_the_day_it_was_asked_on() -> None:
    bench = Bench(now_ms=day_start_ms(date(2026, 11, 23)) - 1_000)
    bench.pay("A1", bench.code("ask_password:5"))
    bench.now_ms = TEN
    assert asked(bench)["sub_code"] == "isp.bill_not_exist"
    assert [row["完成时间"] for row in cells(texts(bench, day=date(2026, 11, 23))[0])] == ["2026-11-23 00:00:04"]


@pytest.mark.parametrize(("at_ms", "there"), [(TEN - 1, False), (TEN, True), (TEN + 86_400_000 * 300, True)])
def test_a_bill_can_be_had_from_ten_the_day_after(at_ms: int, there: bool) -> None:
    bench = trading()
    bench.now_ms = at_ms
    node = asked(bench)
    assert (node["code"] == "10000") == there
    assert ("bill_download_url" in node) == there
    assert there or (node["code"], node["sub_code"]) == ("40004", "isp.bill_not_exist")


@pytest.mark.parametrize("bill_type", ["trade", "signcustomer"])
def test_a_day_without_money_has_no_bill(bill_type: str) -> None:
    bench = Bench()
    bench.pay("A1", bench.code("never"))
    bench.now_ms = TEN
    assert asked(bench, bill_type)["sub_code"] == "isp.bill_not_exist"


@pytest.mark.parametrize(
    ("bill_type", "bill_date"), [("all", "2026-11-22"), ("", "2026-11-22"), ("trade", "20261122"), ("trade", "")]
)
def test_a_malformed_wish_is_refused(bill_type: str, bill_date: str) -> None:
    bench = trading()
    bench.now_ms = TEN
    assert asked(bench, bill_type, bill_date)["sub_code"] == "isv.invalid-parameter"


def test_an_address_lives_for_30_seconds_and_then_a_page_lies_there() -> None:
    bench = trading()
    bench.now_ms = TEN
    url = asked(bench)["bill_download_url"]
    bench.now_ms += ADDRESS_LIFE_MS - 1
    first = fetched(bench, url)
    assert (first.status, first.body[:2]) == (200, b"PK")
    assert fetched(bench, url) == first
    bench.now_ms += 1
    assert fetched(bench, url).body.startswith(b"<!doctype html>")
    assert ADDRESS_LIFE_MS == 30_000
    assert fetched(bench, url.partition("token=")[0] + "token=0").body.startswith(b"<!doctype html>")


def test_discrepancies_are_in_the_bill_of_their_day_and_its_totals_agree_with_them() -> None:
    bench = trading()
    wrong = (
        BillDiscrepancy(kind=DiscrepancyKind.MISSING_ROW, out_trade_no="A2"),
        BillDiscrepancy(kind=DiscrepancyKind.OTHER_AMOUNT, out_trade_no="A1", amount_fen=1_300),
        BillDiscrepancy(kind=DiscrepancyKind.EXTRA_ROW, out_trade_no="X9", amount_fen=999),
    )
    bench.alipay.distort_bill(DAY, wrong)
    rows, _ = texts(bench)
    said = [(row["商户订单号"], row["订单金额（元）"]) for row in cells(rows)]
    assert said == [("A1", "13.00"), ("A1", "-2.50"), ("X9", "9.99")]
    assert rows[-3] == "#交易合计：2笔，商家实收共22.99元，商家优惠共0.00元"
    bench.alipay.distort_bill(DAY, ())
    assert len(cells(texts(bench)[0])) == 4
    assert bench.money("A1").captured_fen == 1250
