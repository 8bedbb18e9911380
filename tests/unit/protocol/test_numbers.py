"""Numbers: made from randomness alone, check character finds slips, read as people type them."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.numbers import (
    BASE36,
    check_character,
    crockford,
    grouped,
    is_number,
    new_activation_code,
    new_number,
    new_out_trade_no,
    new_terminal_id,
    order_of_out_trade_no,
    ordinal_of,
    read_activation_code,
    read_number,
    read_payment_no,
)

RAW15 = st.binary(min_size=15, max_size=15)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        # ISO 7064 MOD 37,36: GRid (IFPI standard 3.0, section on the check character) uses this system.
        ("A12425GABC1234002", "M"),
        # GLN-like sample of the ISO system computed by hand: product runs 36 -> 35 -> 33.
        ("0", "2"),
    ],
)
def test_check_character_follows_iso_7064_mod_37_36(text: str, check: str) -> None:
    assert check_character(text) == check


@given(RAW15)
def test_a_number_is_25_characters_that_check(raw: bytes) -> None:
    number = new_number(raw)
    assert len(number) == 25
    assert is_number(number)
    assert len(grouped(number).split(" ")) == 5
    assert read_number(grouped(number).lower()) == number
    for other in (number[:-1], number + number[-1], ""):
        assert read_number(other) is None


@given(RAW15, st.integers(0, 24), st.sampled_from(BASE36))
def test_one_wrong_character_is_always_found(raw: bytes, place: int, other: str) -> None:
    number = new_number(raw)
    altered = number[:place] + other + number[place + 1 :]
    assert is_number(altered) == (altered == number)


def test_nearly_all_swapped_neighbours_are_found() -> None:
    """ISO 7064 hybrid systems find every single slip, and all but a few swaps (here under one in a hundred)."""
    dice = Random(7064)
    missed = swaps = 0
    for _ in range(500):
        number = new_number(dice.randbytes(15))
        for place in range(23):
            swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
            if swapped != number:
                swaps += 1
                missed += is_number(swapped)
    assert swaps > 10_000
    assert missed < swaps / 100


def test_crockford_is_big_endian_and_padded() -> None:
    assert crockford(b"\x00" * 15) == "0" * 24
    assert crockford(b"\xff" * 15) == "Z" * 24
    assert len(new_terminal_id(b"\x01" * 8)) == 13


@given(RAW15, st.integers(0, 1295))
def test_out_trade_no_is_27_characters_of_its_order(raw: bytes, ordinal: int) -> None:
    order = new_number(raw)
    out = new_out_trade_no(order, ordinal)
    assert len(out) == 27
    assert set(out) <= set(BASE36)
    assert order_of_out_trade_no(out) == order
    assert ordinal_of(out) == ordinal


def test_out_trade_numbers_of_an_order_never_repeat() -> None:
    order = new_number(b"\x07" * 15)
    assert len({new_out_trade_no(order, i) for i in range(1296)}) == 1296


def test_payment_number_is_order_and_try() -> None:
    order = new_number(b"\x09" * 15)
    read = read_payment_no(f"{order}-12")
    assert read is not None
    assert (read.order_no, read.n, str(read)) == (order, 12, f"{order}-12")
    for wrong in (order, f"{order}-0", f"{order}-01", f"{order}-", f"{order[:-1]}?-1", f"{order}-10000", f" {order}-1"):
        assert read_payment_no(wrong) is None


@given(st.binary(min_size=8, max_size=8))
def test_activation_code_survives_typing(raw: bytes) -> None:
    code = new_activation_code(raw)
    typed = f"{code[:4]}-{code[4:8]} {code[8:]}".lower().replace("0", "o").replace("1", "l")
    assert read_activation_code(typed) == code


@pytest.mark.parametrize(
    "text", ["", "ABC", "ABCDEFGHJKM", "ABCDEFGHJKMNP", "ABCDEFGHJKM!", "付款码付款码付款码付款码"]
)
def test_what_cannot_be_an_activation_code(text: str) -> None:
    assert read_activation_code(text) is None


def test_a_number_inside_a_number_is_checked_too() -> None:
    order = new_number(bytes(15))
    wrong = order[:-1] + ("0" if order[-1] != "0" else "1")
    assert read_payment_no(f"{order}-1") is not None
    assert read_payment_no(f"{wrong}-1") is None
    assert order_of_out_trade_no(f"{order}0A") == order
    assert order_of_out_trade_no(f"{wrong}0A") is None
