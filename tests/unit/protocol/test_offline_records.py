"""ORDER, PROOF and typed codes: sizes, round trips, and that nothing altered is taken for what was signed."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocol.numbers import CROCKFORD, crockford, new_number, new_terminal_id
from protocol.offline.order import (
    ORDER_BYTES,
    ORDER_CHARACTERS,
    ClockQuality,
    OfflineOrder,
    OrderType,
    order_from,
    read_order,
    sign_order,
)
from protocol.offline.proof import (
    PROOF_BYTES,
    PROOF_CHARACTERS,
    OfflineProof,
    ProofType,
    is_proof_text,
    read_proof,
    sign_proof,
)
from protocol.offline.text import read_record
from protocol.offline.typed_code import CODE_DIGITS, derive_code, frees, read_code, verifier

TILL = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PROOFS = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
TERMINAL = new_terminal_id(bytes(range(8)))
ORDER = OfflineOrder(
    type=OrderType.PAY,
    terminal_id=TERMINAL,
    epoch=3,
    order_no=new_number(bytes(range(15))),
    amount_fen=1250,
    kid=7,
    oseq=20,
    cancelled=0b101,
    release=9,
    made_at_s=1_796_000_000,
    clock=ClockQuality.GATEWAY,
)
PAID = OfflineProof(
    type=ProofType.PAID, kid=7, order_no=ORDER.order_no, at_s=1_796_000_060, channel="alipay", tail="0042"
)
CLOSED = replace(PAID, type=ProofType.CLOSED, channel=None, tail=None)

orders = st.builds(
    OfflineOrder,
    type=st.sampled_from(OrderType),
    terminal_id=st.binary(min_size=8, max_size=8).map(new_terminal_id),
    epoch=st.integers(0, 2**16 - 1),
    order_no=st.binary(min_size=15, max_size=15).map(new_number),
    amount_fen=st.integers(1, 2**32 - 1),
    kid=st.integers(0, 255),
    oseq=st.integers(1, 2**32 - 1),
    cancelled=st.integers(0, 2**16 - 1),
    release=st.integers(0, 2**16 - 1),
    made_at_s=st.integers(0, 2**32 - 1),
    clock=st.sampled_from(ClockQuality),
)


def test_sizes_are_those_of_the_protocol() -> None:
    """110 bytes are 176 characters; a proof's 88 are 141 after its prefix."""
    assert (ORDER_BYTES, ORDER_CHARACTERS, PROOF_CHARACTERS) == (110, 176, 144)
    assert len(sign_order(ORDER, TILL).text) == 176
    assert len(sign_proof(PAID, PROOFS, order_digest=bytes(32)).text) == 144


@given(orders)
def test_an_order_reads_as_it_was_written_in_any_case(order: OfflineOrder) -> None:
    signed = sign_order(order, TILL)
    assert read_order(signed.text) == read_order(signed.text.lower()) == order_from(signed.raw) == signed
    assert signed.order == order
    assert signed.signed_by(TILL.public_key())


def test_no_altered_bit_of_an_order_passes() -> None:
    for place in range(ORDER_BYTES * 8):
        raw = bytearray(sign_order(ORDER, TILL).raw)
        raw[place // 8] ^= 1 << place % 8
        altered = order_from(bytes(raw))
        assert altered is None or not altered.signed_by(TILL.public_key()), f"bit {place}"


@pytest.mark.parametrize("proof", [PAID, CLOSED], ids=["paid", "closed"])
def test_a_proof_speaks_of_its_order_only(proof: OfflineProof) -> None:
    """Another amount under the same number has another digest: the proof does not fit it."""
    order = sign_order(ORDER, TILL)
    dearer = sign_order(replace(ORDER, amount_fen=1251), TILL)
    signed = sign_proof(proof, PROOFS, order_digest=order.digest)
    read = read_proof(signed.text.lower())
    assert read is not None
    assert read == signed
    assert read.proof == proof
    assert read.signed_by(PROOFS.public_key(), order_digest=order.digest)
    assert not read.signed_by(PROOFS.public_key(), order_digest=dearer.digest)
    assert not read.signed_by(TILL.public_key(), order_digest=order.digest)


def test_no_altered_bit_of_a_proof_passes() -> None:
    order = sign_order(ORDER, TILL)
    for place in range(PROOF_BYTES * 8):
        raw = bytearray(sign_proof(PAID, PROOFS, order_digest=order.digest).raw)
        raw[place // 8] ^= 1 << place % 8
        altered = read_proof("GP1" + crockford(bytes(raw)))
        assert altered is None or not altered.signed_by(PROOFS.public_key(), order_digest=order.digest), f"bit {place}"


@pytest.mark.parametrize("cut", [0, 1, 3, 50, 143])
def test_a_cut_proof_is_known_as_a_proof_and_not_read(cut: int) -> None:
    text = sign_proof(PAID, PROOFS, order_digest=bytes(32)).text[:cut]
    assert read_proof(text) is None
    assert is_proof_text(text) == (cut >= 3)


def test_bytes_that_are_too_few_or_too_many_are_no_order() -> None:
    raw = sign_order(ORDER, key=TILL).raw
    assert order_from(raw) is not None
    for other in (raw[:-1], raw + b"\0", b""):
        assert order_from(other) is None


def test_a_proof_without_its_mark_is_none() -> None:
    """The mark keeps a gun's other codes out."""
    text = sign_proof(PAID, PROOFS, order_digest=b"d" * 32).text
    assert read_proof(text) is not None
    assert read_proof("XX" + text[2:]) is None


@pytest.mark.parametrize(
    ("proof", "place", "byte"),
    [(PAID, 0, 0x23), (PAID, 22, 0x28), (PAID, 21, 0), (PAID, 21, 9), (CLOSED, 23, 1), (CLOSED, 21, 1)],
    ids=["type", "five digits", "no channel", "unknown channel", "a tail and nobody paid", "a channel and nobody paid"],
)
def test_words_that_no_proof_has_are_not_read_however_they_are_signed(
    proof: OfflineProof, place: int, byte: int
) -> None:
    raw = bytearray(sign_proof(proof, PROOFS, order_digest=bytes(32)).raw)
    raw[place] = byte
    assert read_proof("GP1" + crockford(bytes(raw))) is None


@pytest.mark.parametrize("text", ["", "12345678901", "1234567890123", "12345678901a", "１２３４５６７８９０１２"])
def test_what_is_not_twelve_digits_is_no_code(text: str) -> None:
    assert read_code(text) is None


def test_only_one_text_means_one_record() -> None:
    """The spare bits of the last character must be zero."""
    text = sign_proof(PAID, PROOFS, order_digest=bytes(32)).text[3:]
    for character in CROCKFORD:
        if character != text[-1] and CROCKFORD.index(character) & 1:
            assert read_record(text[:-1] + character, PROOF_BYTES) is None


def test_the_bitmap_speaks_of_the_sixteen_orders_before() -> None:
    """Bits 0 and 2 of order 20: orders 19 and 17."""
    assert [oseq for oseq in range(1, 40) if ORDER.says_cancelled(oseq)] == [17, 19]


@given(st.binary(min_size=32, max_size=32), st.integers(1, 65_535))
def test_a_typed_code_is_twelve_digits_with_check_digits(key: bytes, index: int) -> None:
    code = derive_code(key, terminal_id=TERMINAL, epoch=1, index=index)
    assert len(code) == CODE_DIGITS
    assert read_code(f"{code[:4]} {code[4:8]}-{code[8:]}") == code


def test_a_typing_slip_is_found_before_it_counts() -> None:
    """One wrong digit, or two neighbours exchanged, is not a code."""
    code = derive_code(bytes(32), terminal_id=TERMINAL, epoch=1, index=5)
    for place in range(12):
        for digit in "0123456789":
            slip = code[:place] + digit + code[place + 1 :]
            assert slip == code or read_code(slip) is None
    for place in range(11):
        slip = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        assert slip == code or read_code(slip) is None


def test_a_code_frees_its_place_only() -> None:
    """Neither another index, another epoch nor another till."""
    code = derive_code(bytes(32), terminal_id=TERMINAL, epoch=1, index=5)
    held = verifier(code, terminal_id=TERMINAL, epoch=1, index=5)
    assert frees(code, held, terminal_id=TERMINAL, epoch=1, index=5)
    assert not frees(code, held, terminal_id=TERMINAL, epoch=1, index=6)
    assert not frees(code, held, terminal_id=TERMINAL, epoch=2, index=5)
    assert not frees(code, held, terminal_id=new_terminal_id(bytes(8)), epoch=1, index=5)
