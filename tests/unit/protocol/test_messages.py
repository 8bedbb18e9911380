"""Messages: strict in, exact out; a bad field is named and its content is not repeated."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.activation import read_ticket, ticket_text
from protocol.chain import first_break, genesis, link
from protocol.messages import (
    JournalEntry,
    JournalUpload,
    PaymentRequest,
    PaymentStatus,
    Presented,
    UndecodableError,
    decode,
    encode,
    schema_of,
)
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.secret import Secret

ORDER = new_number(b"\x05" * 15)
CODE = "283333333344443421"


def request() -> PaymentRequest:
    return PaymentRequest(
        payment_no=f"{ORDER}-1",
        sale_id=ORDER,
        amount_fen=1250,
        currency="CNY",
        presented=Presented.CUSTOMER,
        subject="手工面",
        operator="小王",
        expires=1_700_000_000_000,
        auth_code=Secret(CODE),
    )


def test_a_request_survives_the_wire() -> None:
    assert decode(PaymentRequest, encode(request())) == request()


def test_a_code_shows_in_no_text_of_a_request() -> None:
    assert CODE not in repr(request())
    assert CODE in encode(request()).decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"1250", b"-1"),
        (b"1250", b"0"),
        (b"1250", b"12.5"),
        (b"1250", b'"1250"'),
        (b"1250", b"1e9"),
        (b'"CNY"', b'"USD"'),
        (b'"customer"', b'"nobody"'),
        (b'-1"', b'-0"'),
        (b'"subject"', b'"subjekt"'),
        (CODE.encode(), b"2" * 65),
        (b"{", b"["),
        (b"}", b""),
        (b"1700000000000", b"-5"),
    ],
)
def test_what_is_wrong_is_refused_without_repeating_it(old: bytes, new: bytes) -> None:
    body = encode(request()).replace(old, new, 1)
    with pytest.raises(UndecodableError) as refused:
        decode(PaymentRequest, body)
    assert CODE not in str(refused.value)
    assert refused.value.__cause__ is None


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode(JournalUpload, b"\xff" + body)


def test_deep_json_is_refused() -> None:
    with pytest.raises(UndecodableError):
        decode(PaymentStatus, b"[" * 100_000)


def test_a_secret_is_not_copied_to_disk() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(CODE))
    assert copy.deepcopy(Secret(CODE)).reveal() == CODE


def test_every_message_has_a_schema() -> None:
    references, components = schema_of(PaymentRequest, PaymentStatus)
    assert references[0] == {"$ref": "#/components/schemas/PaymentRequest"}
    assert components["PaymentRequest"]["additionalProperties"] is False
    assert components["PaymentRequest"]["properties"]["auth_code"]["anyOf"][0]["writeOnly"] is True


def chain(bodies: list[str]) -> list[JournalEntry]:
    head, entries = genesis("T1"), list[JournalEntry]()
    for seq, body in enumerate(bodies, start=1):
        head = link(head, seq=seq, kind="note", at_ms=seq, body=body)
        entries.append(JournalEntry(seq=seq, kind="note", at_ms=seq, body=body, hash=head))
    return entries


@given(st.lists(st.text(max_size=20), min_size=2, max_size=8), st.data())
def test_an_edited_removed_or_reordered_entry_breaks_the_chain(bodies: list[str], data: st.DataObject) -> None:
    entries = chain(bodies)
    assert first_break(genesis("T1"), 0, entries) is None
    assert first_break(genesis("T2"), 0, entries) == 1
    place = data.draw(st.integers(0, len(entries) - 2))
    removed = entries[:place] + entries[place + 1 :]
    assert first_break(genesis("T1"), 0, removed) == entries[place + 1].seq
    swapped = [*entries[:place], entries[place + 1], entries[place], *entries[place + 2 :]]
    assert first_break(genesis("T1"), 0, swapped) is not None
    one = entries[place]
    edited = JournalEntry(seq=one.seq, kind=one.kind, at_ms=one.at_ms, body=one.body + "x", hash=one.hash)
    assert first_break(genesis("T1"), 0, [*entries[:place], edited, *entries[place + 1 :]]) == one.seq


def test_an_activation_qr_is_read_back() -> None:
    text = ticket_text(gateway_url="http://127.0.0.1:8080", code="ABCDEFGHJKMN", root_fingerprint="0123456789ABCDEF")
    ticket = read_ticket(text)
    assert ticket is not None
    assert ticket.gateway_url == "http://127.0.0.1:8080"
    assert ticket.root_fingerprint == "0123456789ABCDEF"
    assert ticket.code.reveal() == "ABCDEFGHJKMN"
    assert "ABCDEFGHJKMN" not in repr(ticket)
    typed = read_ticket("abcd-efgh jkmn")
    assert typed is not None
    assert typed.gateway_url is None
    assert read_ticket("hello") is None


def test_a_chain_has_no_gap_where_only_hashes_are_known() -> None:
    """Of withheld entries nothing but their place and their hash can be looked at."""
    first, second, later = (
        JournalEntry(seq=seq, kind="", at_ms=1, body="", hash=f"{seq:064x}", withheld=Reason.TOO_LARGE)
        for seq in (1, 2, 4)
    )
    assert first_break(genesis("T1"), 0, [first, second]) is None
    assert first_break(genesis("T1"), 0, [first, second, later]) == 4
    assert first_break(genesis("T1"), 0, [second]) == 2
