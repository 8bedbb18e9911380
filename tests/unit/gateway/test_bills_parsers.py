"""Rule: a bill is read whole into one kind of line, or it is no bill: cut, altered, swollen and foreign files."""

from __future__ import annotations

import dataclasses
import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.bills.line import BadBill, BillFault, BillFile, LineKind, Statement, Unreadable
from gateway.bills.parsers.cells import fen_of, millifen_of, ms_of
from gateway.bills.parsers.packing import members, plain
from gateway.bills.parsers.reading import READERS, kinds_of, read_bill
from gateway.channels.port import BillKind
from sandbox.unionpay.file_text import settlement_zip
from sandbox.wechat.bill_text import BillType, fund_flow, trade_bill
from tests.unit.gateway.bill_files import (
    ALIPAY_COLUMNS,
    AT_MS,
    DAY,
    FILE,
    alipay_row,
    alipay_text,
    alipay_zip,
    flow_text,
    unionpay_rows,
    wechat_rows,
    zipped,
)

K = LineKind
TRADE, FLOW = BillKind.TRADE, BillKind.FUND_FLOW


def _read(channel: str, content: bytes, kind: BillKind = TRADE, file: BillFile = FILE) -> Statement:
    found = read_bill(channel, kind, content, file)
    assert isinstance(found, Statement), found
    return found


def _fault(channel: str, content: bytes, kind: BillKind = TRADE, file: BillFile = FILE) -> BillFault:
    found = read_bill(channel, kind, content, file)
    assert isinstance(found, Unreadable), "it is no bill"
    return found.why


def _wechat(kind: BillType = BillType.ALL) -> bytes:
    made = trade_bill(wechat_rows(), kind, "1900000001")
    assert made is not None
    return made


def _short(found: Statement) -> list[tuple[LineKind, str, str | None, int, int]]:
    return [(one.kind, one.out_trade_no, one.refund_no, one.amount_fen, one.fee_millifen) for one in found.lines]


# --- WeChat


def test_a_wechat_bill_is_read_by_its_column_names() -> None:
    paid = (K.PAY, "ORDER1", None, 1250, 8_000)
    refund = (K.REFUND, "ORDER1", "REFUND1", -250, -2_000)
    undo = (K.UNDO, "ORDER2", "ORDER2", -300, -2_000)
    assert _short(_read("wechat", _wechat())) == [paid, refund, undo]
    assert _short(_read("wechat", _wechat(BillType.SUCCESS))) == [paid]
    assert _short(_read("wechat", _wechat(BillType.REFUND))) == [refund, undo]


def test_a_wechat_line_says_when_in_which_state_and_where_it_stands() -> None:
    first, second, _ = _read("wechat", gzip.compress(_wechat())).lines
    assert (first.at_ms, first.state, first.transaction_id, first.channel_refund_id) == (
        AT_MS,
        "SUCCESS",
        "4200001",
        None,
    )
    assert (second.state, second.channel_refund_id, second.sha256, second.line) == (
        "SUCCESS",
        "5030001",
        FILE.sha256,
        3,
    )


@pytest.mark.parametrize("name", ["豆浆,油条", "`反引号`", "a,`b,`c", "", "==", "=HYPERLINK(1)", "`", ",`"])
def test_commas_and_backticks_in_a_shops_text_part_nothing(name: str) -> None:
    """Whether the wallet escapes them or not."""
    text = _wechat().decode("utf-8-sig").replace("`豆浆", f"`{name}")
    assert _short(_read("wechat", b"\xef\xbb\xbf" + text.encode())) == _short(_read("wechat", _wechat()))


def test_line_ends_may_be_lf_and_columns_may_stand_elsewhere() -> None:
    text = _wechat().decode("utf-8-sig").replace("\r\n", "\n")
    assert _short(_read("wechat", text.encode())) == _short(_read("wechat", _wechat()))
    lines = text.split("\n")
    swapped = [",".join([*line.split(",")[::-1]]) if "`" in line or "," in line else line for line in lines]
    reversed_first = "\n".join(swapped)
    assert _fault("wechat", reversed_first.encode()) is BillFault.NOT_A_BILL


def test_a_wechat_bill_that_is_cut_anywhere_is_no_bill() -> None:
    made = _wechat()
    for at in range(3, len(made) - 2, 7):
        found = read_bill("wechat", TRADE, made[:at], FILE)
        # What lacks only the last digit of its last total lacks no row.
        assert isinstance(found, Unreadable) or _short(found) == _short(_read("wechat", made)), at
        assert isinstance(found, Unreadable) or at > len(made) - 8
    packed = gzip.compress(made)
    assert _fault("wechat", packed[:-9]) in (BillFault.TRUNCATED, BillFault.ARCHIVE)
    assert _fault("wechat", packed + b"more") is BillFault.TRUNCATED


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("`3,", "`2,", BillFault.TOTALS),
        ("`12.50,`5.50,", "`12.51,`5.50,", BillFault.TOTALS),
        (",`0.08000,`0.60%", ",`0.07000,`0.60%", BillFault.TOTALS),
        ("`12.50,`0.00,`\r\n", "`12.60,`0.00,`\r\n", BillFault.TOTALS),
        (",`12.50,", ",`12.5O,", BillFault.ROW),
        ("`2026-11-22 10:00:00", "`2026-11-22 25:00:00", BillFault.ROW),
        (",订单金额,", ",金额,", BillFault.HEADER),
    ],
)
def test_a_wechat_bill_with_an_altered_total_cell_or_column_is_no_bill(old: str, new: str, why: BillFault) -> None:
    text = _wechat().decode("utf-8")
    assert old in text
    assert _fault("wechat", text.replace(old, new, 1).encode()) in (why, BillFault.HEADER)


def test_a_row_that_is_missing_or_twice_is_found_by_the_summary() -> None:
    lines = _wechat().decode("utf-8").split("\r\n")
    assert _fault("wechat", "\r\n".join([*lines[:1], *lines[2:]]).encode()) is BillFault.TOTALS
    assert _fault("wechat", "\r\n".join([*lines[:2], *lines[1:]]).encode()) is BillFault.TOTALS
    assert _fault("wechat", "\r\n".join([*lines[:-1], lines[1]]).encode()) is BillFault.TOTALS


def test_a_bill_of_another_day_is_not_this_days_bill() -> None:
    assert _fault("wechat", _wechat(), file=replace(FILE, day="2026-11-21")) is BillFault.OTHER_DAY


def test_a_wechat_fund_flow_tells_each_movement() -> None:
    made = fund_flow(wechat_rows(), 0)
    assert made is not None
    assert _short(_read("wechat", made, FLOW)) == [
        (K.PAY, "ORDER1", None, 1250, 0),
        (K.FEE, "ORDER1", None, -8, 0),
        (K.REFUND, "", "REFUND1", -250, 0),
        (K.FEE, "REFUND1", None, 2, 0),
        (K.REFUND, "", "ORDER2", -300, 0),
        (K.FEE, "ORDER2", None, 2, 0),
    ]
    assert _fault("wechat", made.replace(b"`12.54", b"`12.55"), FLOW) is BillFault.TOTALS
    head, _, summary = made.rpartition(b"`6,`3,`12.54,`3,")
    assert head
    for counts in (b"`7,`3,`12.54,`3,", b"`6,`4,`12.54,`3,", b"`6,`3,`12.54,`4,"):
        assert _fault("wechat", head + counts + summary, FLOW) is BillFault.TOTALS


@pytest.mark.parametrize("error", [b"<xml><return_code>FAIL</return_code></xml>", b"{}", b"", b"\xef\xbb\xbf", b"\xff"])
def test_what_is_not_a_bill_is_said_to_be_none(error: bytes) -> None:
    assert _fault("wechat", error) in (BillFault.NOT_A_BILL, BillFault.ENCODING)


# --- Alipay


def _alipay_rows() -> list[str]:
    return [
        alipay_row("ORDER1", "交易", "12.50"),
        alipay_row("ORDER2", "交易", "3.00", name="豆浆,油条\t，`x`", fee="0.02"),
        alipay_row("ORDER1", "退款", "-2.50", request_no="REFUND1", fee="0.02"),
        alipay_row("ORDER2", "退款", "-3.00", fee="-0.02"),
    ]


def _alipay(**changes: str) -> str:
    totals = {"paid": "2笔，商家实收共15.50", "back": "2笔，商家实收退款共-5.50", **changes}
    return alipay_text(_alipay_rows(), **totals)


@pytest.mark.parametrize("summary_first", [True, False])
def test_an_alipay_bill_is_found_in_its_zip_by_a_name_in_gbk(summary_first: bool) -> None:
    """Python shows such a name as cp437; whatever sign the file gives a fee, it is kept of a payment."""
    packed = alipay_zip(_alipay(), summary_first=summary_first)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert not any("业务明细" in name for name in archive.namelist())
    assert _short(_read("alipay", packed)) == [
        (K.PAY, "ORDER1", None, 1250, 8_000),
        (K.PAY, "ORDER2", None, 300, 2_000),
        (K.REFUND, "ORDER1", "REFUND1", -250, -2_000),
        (K.UNDO, "ORDER2", None, -300, -2_000),
    ]


def test_a_name_with_the_flag_is_read_too_and_half_width_brackets() -> None:
    text = _alipay().replace("（", "(").replace("）", ")")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x_业务明细.csv", text.encode("gb18030"))
    assert len(_read("alipay", packed.getvalue()).lines) == 4


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (_alipay(paid="3笔，商家实收共15.50"), BillFault.TOTALS),
        (_alipay(paid="2笔，商家实收共15.51"), BillFault.TOTALS),
        (_alipay(back="2笔，商家实收退款共-5.49"), BillFault.TOTALS),
        (_alipay(back="1笔，商家实收退款共-5.50"), BillFault.TOTALS),
        (_alipay().partition("#交易合计")[0], BillFault.TRUNCATED),
        (_alipay().partition("#退款合计")[0], BillFault.TRUNCATED),
        (_alipay().partition("#-----------------------------------------业务明细列表结束")[0], BillFault.TRUNCATED),
        (_alipay().replace("订单金额（元）", "金额（元）"), BillFault.HEADER),
        (_alipay().replace("12.50\t", "12.5x\t"), BillFault.ROW),
        (_alipay().replace("2026年11月22日", "2026年11月21日"), BillFault.OTHER_DAY),
        (_alipay().replace("支付宝交易号,", "交易号,"), BillFault.NOT_A_BILL),
        (_alipay() + alipay_row() + "\r\n", BillFault.TOTALS),
        ("", BillFault.NOT_A_BILL),
    ],
)
def test_an_alipay_bill_that_is_cut_or_altered_is_no_bill(text: str, why: BillFault) -> None:
    assert _fault("alipay", alipay_zip(text)) is why


def test_an_idle_day_is_a_bill_without_lines() -> None:
    empty = alipay_text([], paid="0笔，商家实收共0.00", back="0笔，商家实收退款共0.00")
    assert _read("alipay", alipay_zip(empty)) == Statement(lines=())


def test_an_alipay_fund_flow_tells_each_movement() -> None:
    rows = [
        ("1", "T1", "ORDER1", "早餐", "2026-11-22 10:00:00", "138", "12.50", "", "12.50", "支付宝", "在线支付", ""),
        ("2", "T1", "ORDER1", "早餐", "2026-11-22 10:00:01", "", "", "-0.08", "12.42", "支付宝", "收费", ""),
        ("3", "T1", "ORDER1", "早餐", "2026-11-22 11:00:00", "138", "", "-2.50", "9.92", "支付宝", "交易退款", ""),
    ]
    text = flow_text(rows, went="2笔，共-2.58", came="1笔，共12.50")
    packed = alipay_zip(text, name="账务明细")
    assert _short(_read("alipay", packed, FLOW)) == [
        (K.PAY, "ORDER1", None, 1250, 0),
        (K.FEE, "ORDER1", None, -8, 0),
        (K.REFUND, "ORDER1", None, -250, 0),
    ]
    assert [line.channel_refund_id for line in _read("alipay", packed, FLOW).lines] == [None, None, "3"]
    assert _fault("alipay", packed, TRADE) is BillFault.ARCHIVE
    wrong = alipay_zip(flow_text(rows, went="2笔，共-2.59", came="1笔，共12.50"), name="账务明细")
    assert _fault("alipay", wrong, FLOW) is BillFault.TOTALS


def test_bytes_that_are_not_gb18030_are_no_bill() -> None:
    held = ("x_业务明细.csv", _alipay().encode("gb18030") + b"\xff\xff")
    assert _fault("alipay", zipped(held)) is BillFault.ENCODING


# --- packing


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped(("x_业务明细.csv", b"0" * 5_000_000))
    assert len(bomb) < 10_000
    with pytest.raises(BadBill, match="too_large"):
        members(bomb, most_bytes=1_000_000)
    with pytest.raises(BadBill, match="too_large"):
        plain(gzip.compress(b"0" * 5_000_000), most_bytes=1_000_000)
    with pytest.raises(BadBill, match="too_large"):
        members(zipped(*((f"{at}.csv", b"") for at in range(65))))


def test_a_zip_that_is_cut_or_flipped_is_no_bill() -> None:
    packed = alipay_zip(_alipay())
    for at in range(0, len(packed), 13):
        cut = read_bill("alipay", TRADE, packed[:at], FILE)
        assert isinstance(cut, Unreadable), at
        flipped = read_bill("alipay", TRADE, packed[:at] + bytes([packed[at] ^ 0x41]) + packed[at + 1 :], FILE)
        assert isinstance(flipped, Unreadable) or _short(flipped) == _short(_read("alipay", packed)), at


# --- UnionPay


def test_a_unionpay_file_is_cut_by_its_widths_in_bytes() -> None:
    found = _read("unionpay", settlement_zip(unionpay_rows(), "777290058110048", DAY))
    assert _short(found) == [
        (K.PAY, "ORDER1", None, 1250, 8_000),
        (K.REFUND, "ORDER1", "REFUND1", -250, -2_000),
        (K.UNDO, "ORDER1", "CANCEL1", -1250, -8_000),
    ]
    first, second, third = found.lines
    assert (first.at_ms, first.state, first.line) == (AT_MS, "01", 1)
    assert {first.transaction_id, second.transaction_id, third.transaction_id} == {first.transaction_id}
    assert second.channel_refund_id == "052611221100004785748"


def test_a_unionpay_file_without_blanks_between_and_without_the_reserve_is_read_too() -> None:
    (name, held), *_ = members(settlement_zip(unionpay_rows(), "777290058110048", DAY)).items()
    from gateway.bills.parsers.unionpay import WIDTHS

    joined: list[bytes] = []
    for line in held.split(b"\r\n")[:-1]:
        at, columns = 0, list[bytes]()
        for width in WIDTHS[:-1]:
            columns.append(line[at : at + width])
            at += width + 1
        joined.append(b"".join(columns))
    assert _short(_read("unionpay", zipped((name, b"\n".join(joined))))) == _short(
        _read("unionpay", settlement_zip(unionpay_rows(), "777290058110048", DAY))
    )


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"000000001250", b"00000000125x", BillFault.ROW),
        (b"1122100000", b"1322100000", BillFault.ROW),
        (b"D000000000008", b"?000000000008", BillFault.ROW),
        (b"6226****3766", b"\xff226****3766", BillFault.ENCODING),
    ],
)
def test_a_unionpay_record_that_is_spoiled_ends_the_bill(old: bytes, new: bytes, why: BillFault) -> None:
    (name, held), *_ = members(settlement_zip(unionpay_rows(), "777290058110048", DAY)).items()
    assert old in held
    assert _fault("unionpay", zipped((name, held.replace(old, new, 1)))) is why


def test_a_unionpay_record_that_is_cut_ends_the_bill() -> None:
    (name, held), *_ = members(settlement_zip(unionpay_rows(), "777290058110048", DAY)).items()
    for cut in range(150, 600, 37):
        assert _fault("unionpay", zipped((name, held[:-cut]))) is BillFault.TRUNCATED, cut
    assert _fault("unionpay", zipped(("readme.txt", held))) is BillFault.ARCHIVE


def test_a_reversal_has_the_payments_own_number() -> None:
    (name, held), *_ = members(settlement_zip(unionpay_rows(), "777290058110048", DAY)).items()
    first = held.split(b"\r\n")[0]
    spot = 215
    assert first[spot - 1 : spot + 3] == b" 01 "
    (line,) = _read("unionpay", zipped((name, first[:spot] + b"99" + first[spot + 2 :]))).lines
    assert (line.kind, line.out_trade_no, line.refund_no, line.amount_fen) == (K.UNDO, "ORDER1", None, -1250)


@pytest.mark.parametrize("day", ["2026-11-20", "2026-11-21", "2026-11-23"])
def test_a_unionpay_file_of_another_day_is_not_this_days_bill(day: str) -> None:
    content = settlement_zip(unionpay_rows(), "777290058110048", DAY)
    assert _fault("unionpay", content, file=replace(FILE, day=day)) is BillFault.OTHER_DAY
    assert _read("unionpay", settlement_zip((), "777290058110048", DAY), file=replace(FILE, day=day)).lines == ()


def test_the_year_of_a_unionpay_moment_is_the_one_next_to_the_day() -> None:
    """A file of New Year's day holds the evening before."""
    rows = (dataclasses.replace(unionpay_rows()[0], at_ms=ms_of("2026-12-31 23:30:00") or 0),)
    content = settlement_zip(rows, "777290058110048", DAY)
    (line,) = _read("unionpay", content, file=replace(FILE, day="2027-01-01")).lines
    assert line.at_ms == ms_of("2026-12-31 23:30:00")


# --- all


@pytest.mark.parametrize(("channel", "kind"), sorted(READERS))
@given(content=st.binary(max_size=400))
def test_no_bytes_are_an_error(channel: str, kind: BillKind, content: bytes) -> None:
    assert isinstance(read_bill(channel, kind, content, FILE), Unreadable | Statement)


@given(st.integers(-(10**13), 10**13))
def test_amounts_are_read_exactly(millifen: int) -> None:
    text = f"{'-' if millifen < 0 else ''}{abs(millifen) // 100_000}.{abs(millifen) % 100_000:05d}"
    assert millifen_of(text) == millifen
    assert fen_of(text) == (millifen // 1_000 if millifen % 1_000 == 0 else None)


def test_each_wallet_names_the_bills_that_it_makes() -> None:
    assert kinds_of("wechat") == (TRADE, FLOW)
    assert kinds_of("alipay") == (TRADE, FLOW)
    assert kinds_of("unionpay") == (TRADE,)
    assert kinds_of("other") == ()
    assert "订单金额（元）" in ALIPAY_COLUMNS
