"""Payment-code grammar: each wallet by its confirmed range, everything else by its name, no code in any repr."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.auth_code import (
    CONFIRMED_RANGES,
    UNSERVED_RANGES,
    CodeRange,
    PaymentCode,
    ScanRefusal,
    Wallet,
    classify_scan,
)
from protocol.numbers import new_number, new_out_trade_no
from protocol.secret import Secret

ORDER = new_number(b"\x05" * 15)


@pytest.mark.parametrize(
    ("text", "wallet"),
    [
        ("100000000000000000", Wallet.WECHAT),
        ("159999999999999999", Wallet.WECHAT),
        ("2500000000000000", Wallet.ALIPAY),
        ("283333333333333333", Wallet.ALIPAY),
        ("309999999999999999999999", Wallet.ALIPAY),
        ("6226359577513731196", Wallet.UNIONPAY),
        *((f"{first}0000000000000000", Wallet.WECHAT) for first in range(10, 16)),
        *((f"{first}00000000000000", Wallet.ALIPAY) for first in range(25, 31)),
        *((f"{first}".ljust(24, "9"), Wallet.ALIPAY) for first in range(25, 31)),
        ("153456789012345678", Wallet.WECHAT),
        ("6200000000000000000", Wallet.UNIONPAY),
        ("２８３３３３３３３３３３３３３３３３", Wallet.ALIPAY),
        (" 283333333333333333\r\n", Wallet.ALIPAY),
        ("\x02283333333333333333\x03", Wallet.ALIPAY),
    ],
)
def test_each_wallet_is_known_by_its_range(text: str, wallet: Wallet) -> None:
    found = classify_scan(text)
    assert isinstance(found, PaymentCode)
    assert found.wallet == wallet


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", ScanRefusal.EMPTY),
        ("\r\n", ScanRefusal.EMPTY),
        ("6901234567892", ScanRefusal.GOODS_BARCODE),
        ("96385074", ScanRefusal.GOODS_BARCODE),
        ("036000291452", ScanRefusal.GOODS_BARCODE),
        ("10614141000415", ScanRefusal.GOODS_BARCODE),
        ("6901234567891", ScanRefusal.TOO_SHORT),
        ("28333333333", ScanRefusal.TOO_SHORT),
        ("283333333333333", ScanRefusal.TOO_SHORT),
        ("2833333333333333333333333", ScanRefusal.TOO_LONG),
        ("160000000000000000", ScanRefusal.UNKNOWN_WALLET),
        ("10000000000000000", ScanRefusal.UNKNOWN_WALLET),
        ("1000000000000000000", ScanRefusal.UNKNOWN_WALLET),
        ("62263595775137311960", ScanRefusal.UNKNOWN_WALLET),
        ("622635957751373119", ScanRefusal.UNKNOWN_WALLET),
        ("2400000000000000", ScanRefusal.UNKNOWN_WALLET),
        ("3100000000000000", ScanRefusal.UNKNOWN_WALLET),
        ("0112345678901234567", ScanRefusal.ECNY),
        ("511111111111111111", ScanRefusal.BESTPAY),
        ("831111111111111111", ScanRefusal.SUNING),
        ("2019082922001432790585537960", ScanRefusal.RECEIPT),
        (ORDER, ScanRefusal.RECEIPT),
        (ORDER.lower(), ScanRefusal.RECEIPT),
        (f"{ORDER}-3", ScanRefusal.RECEIPT),
        (new_out_trade_no(ORDER, 5), ScanRefusal.RECEIPT),
        ("https://qr.alipay.com/bax01234", ScanRefusal.URL),
        ("weixin://wxpay/bizpayurl?pr=abc", ScanRefusal.URL),
        ("www.example.com/a", ScanRefusal.URL),
        ("GT1:http://127.0.0.1:80#ACTIVATE:ABCDEFGHJKMN:0123456789ABCDEF", ScanRefusal.ACTIVATION),
        ("fp0123456789abcdef01", ScanRefusal.LETTERS),
        ("28333333333333333a", ScanRefusal.LETTERS),
        ("2833333333 33333333", ScanRefusal.LETTERS),
        ("2833333333\n33333333", ScanRefusal.LETTERS),
        ("٢٨٣٣٣٣٣٣٣٣٣٣٣٣٣٣٣٣", ScanRefusal.LETTERS),
    ],
)
def test_everything_else_is_named(text: str, refusal: ScanRefusal) -> None:
    assert classify_scan(text) is refusal


def test_further_wallets_come_by_configuration() -> None:
    ranges = (*CONFIRMED_RANGES, CodeRange(wallet="bestpay", min_length=18, max_length=18, first=51, last=51))
    found = classify_scan("511111111111111111", ranges=ranges)
    assert isinstance(found, PaymentCode)
    assert found.wallet == "bestpay"
    assert classify_scan("511111111111111111") is ScanRefusal.BESTPAY


def test_confirmed_ranges_do_not_overlap() -> None:
    for length in range(16, 25):
        for first in range(100):
            digits = f"{first:02d}".ljust(length, "7")
            served = sum(known.holds(digits) for known in CONFIRMED_RANGES)
            assert served + sum(known.holds(digits) for known, _ in UNSERVED_RANGES) <= 1


@given(st.text())
def test_no_text_breaks_the_grammar(text: str) -> None:
    assert isinstance(classify_scan(text), (PaymentCode, ScanRefusal))


def test_the_code_is_in_no_text_of_its_result() -> None:
    found = classify_scan("283333333344443421")
    assert isinstance(found, PaymentCode)
    for text in (repr(found), str(found), f"{found}", f"{found.auth_code!s:>30}"):
        assert "2833333333" not in text
    assert found.hint == "28…3421"
    assert found.auth_code == Secret("283333333344443421")
