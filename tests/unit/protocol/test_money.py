"""Money: typed amounts are read exactly or refused with a named reason; no path through float."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.money import AmountRefusal, Money, parse_amount, yuan_to_fen


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("12.5", 1250),
        ("12.50", 1250),
        ("１２.５", 1250),
        ("１２．５", 1250),
        ("¥12.5", 1250),
        ("￥12.5", 1250),
        (" 12.5 ", 1250),
        ("12。5", 1250),
        ("12", 1200),
        ("12.", 1200),
        (".5", 50),
        ("0.01", 1),
        ("007", 700),
        ("99999.99", 9_999_999),
    ],
)
def test_what_a_cashier_types_is_read_exactly(text: str, fen: int) -> None:
    assert parse_amount(text) == Money(fen)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", AmountRefusal.EMPTY),
        ("  ", AmountRefusal.EMPTY),
        ("¥", AmountRefusal.EMPTY),
        ("0", AmountRefusal.ZERO),
        ("0.00", AmountRefusal.ZERO),
        ("-1", AmountRefusal.NEGATIVE),
        ("-0", AmountRefusal.NEGATIVE),
        ("1e9", AmountRefusal.NOT_A_NUMBER),
        ("abc", AmountRefusal.NOT_A_NUMBER),
        ("1,000", AmountRefusal.NOT_A_NUMBER),
        ("1.2.3", AmountRefusal.NOT_A_NUMBER),
        (".", AmountRefusal.NOT_A_NUMBER),
        ("٣", AmountRefusal.NOT_A_NUMBER),
        ("+5", AmountRefusal.NOT_A_NUMBER),
        ("1 2", AmountRefusal.NOT_A_NUMBER),
        ("nan", AmountRefusal.NOT_A_NUMBER),
        ("12.345", AmountRefusal.TOO_MANY_DECIMALS),
        ("12.000", AmountRefusal.TOO_MANY_DECIMALS),
        ("100000", AmountRefusal.TOO_LARGE),
        ("999999999999", AmountRefusal.TOO_LARGE),
        ("99999999999999999999999", AmountRefusal.TOO_LARGE),
    ],
)
def test_what_is_not_an_amount_is_named(text: str, refusal: AmountRefusal) -> None:
    assert parse_amount(text) is refusal


@given(st.integers(min_value=1, max_value=9_999_999))
def test_written_and_read_again_is_the_same_amount(fen: int) -> None:
    assert parse_amount(Money(fen).yuan()) == Money(fen)
    assert yuan_to_fen(Money(fen).yuan()) == fen


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    read = parse_amount(text)
    assert isinstance(read, AmountRefusal) or 1 <= read.fen <= 9_999_999


@pytest.mark.parametrize("text", ["1.234", "", "1e3", "-1", "１", "1,0", " 1", "0x1"])
def test_a_wire_amount_is_read_strictly(text: str) -> None:
    assert yuan_to_fen(text) is None


def test_two_currencies_are_never_added() -> None:
    with pytest.raises(AssertionError):
        _ = Money(1) + Money(1, "USD")
    assert Money(250) - Money(300) == Money(-50)
    assert str(Money(-50)) == "¥-0.50"
