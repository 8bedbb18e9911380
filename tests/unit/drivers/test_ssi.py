"""Zebra SSI: every good packet is answered, a repeated one gives no second scan, a damaged one is asked for again."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.scanner.events import Noise, NoiseReason, Scan
from drivers.scanner.parsers import ssi
from drivers.scanner.ports import Outgoing, ParserEvent

A = b"134567890123456789"
ACK = Outgoing(data=bytes.fromhex("04D00400FF28"))
NAK = Outgoing(data=bytes.fromhex("05D1040001FF25"))
NEVER_MS = 1_000_000
CUTS = st.lists(st.integers(0, 5000), max_size=12)


def packet(data: bytes, status: int = 0, opcode: int = 0xF3) -> bytes:
    body = bytes((4 + len(data), opcode, 0x00, status)) + data
    return body + (0x10000 - sum(body)).to_bytes(2, "big")


def code(text: bytes, status: int = 0, kind: int = 0x03) -> bytes:
    return packet(bytes((kind,)) + text, status)


def scan(text: bytes = A, symbology: str | None = "code128", at_ms: int = 1000) -> Scan:
    return Scan(text=text.decode(), at_ms=at_ms, device="gun", symbology=symbology)


def noise(reason: NoiseReason, length: int, at_ms: int = 1000) -> Noise:
    return Noise(reason=reason, length=length, at_ms=at_ms, device="gun")


def in_pieces(data: bytes, cuts: list[int]) -> list[ParserEvent]:
    parser = ssi.SsiParser(device="gun")
    events: list[ParserEvent] = []
    borders = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(borders):
        events += parser.feed(data[start:end], 1000)
    return events


@pytest.mark.parametrize(
    ("made", "vector"),
    [
        (ssi.start_packet(), "04E40400FF14"),
        (ssi.ack_packet(), "04D00400FF28"),
        (ssi.nak_packet(), "05D1040001FF25"),
        (ssi.beep_packet(), "05E6040000FF11"),
        (ssi.packeted_decode_packet(), "07C60400FFEE01FD41"),
        (ssi.stop_packet(), "04E50400FF13"),
        (ssi.enable_packet(), "04E90400FF0F"),
        (ssi.led_packet(on=True), "05E7040001FF0F"),
        (ssi.led_packet(on=False), "05E8040001FF0E"),
    ],
)
def test_host_packets_are_the_known_bytes(made: bytes, vector: str) -> None:
    assert made == bytes.fromhex(vector)


BROKEN = code(A)[:-1] + b"\x00"
CASES: list[tuple[str, bytes, list[ParserEvent]]] = [
    ("a code", code(A), [ACK, scan()]),
    ("with CR suffix", code(A + b"\r"), [ACK, scan()]),
    ("QR", code(A, kind=0x1C), [ACK, scan(symbology="qr")]),
    ("unknown kind", code(A, kind=0x7F), [ACK, scan(symbology=None)]),
    ("wake-up zeros first", b"\x00\x00" + code(A), [ACK, scan()]),
    ("two codes", code(A) + code(b"12"), [ACK, scan(), ACK, scan(b"12")]),
    ("sent again", code(A) + code(A, status=1), [ACK, scan(), ACK]),
    ("scanned twice", code(A) + code(A), [ACK, scan(), ACK, scan()]),
    ("only the repeat arrives", code(A, status=1), [ACK, scan()]),
    ("in two packets", code(A[:9], status=2) + code(A[9:]), [ACK, ACK, scan()]),
    ("in two packets, kind once", code(A[:9], status=2) + packet(A[9:]), [ACK, ACK, scan()]),
    ("first part sent again", code(A[:9], status=2) + code(A[:9], status=3) + code(A[9:]), [ACK, ACK, ACK, scan()]),
    ("damaged", BROKEN, [noise(NoiseReason.BAD_CHECKSUM, len(BROKEN)), NAK]),
    (
        "damaged, then sent again",
        BROKEN + code(A, status=1),
        [noise(NoiseReason.BAD_CHECKSUM, len(BROKEN)), NAK, ACK, scan()],
    ),
    ("garbage first", b"hello\r" + code(A), [noise(NoiseReason.BAD_PACKET, 6), ACK, scan()]),
    ("event", packet(b"\x0a", opcode=0xF6), [ACK]),
    ("answers to us", packet(b"", opcode=0xD0) + packet(b"\x06", opcode=0xD1), []),
    ("empty code", packet(b""), [ACK, noise(NoiseReason.EMPTY, 0)]),
    ("control bytes", code(b"12\x0134"), [ACK, noise(NoiseReason.CONTROL_BYTES, 5)]),
]


@pytest.mark.parametrize(("data", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@settings(max_examples=25)
@given(cuts=CUTS)
def test_a_stream_gives_the_same_events_however_it_is_cut(
    data: bytes, expected: list[ParserEvent], cuts: list[int]
) -> None:
    assert in_pieces(data, cuts) == expected


def test_an_identical_packet_much_later_is_a_new_scan_even_if_its_first_try_was_lost() -> None:
    parser = ssi.SsiParser(device="gun")
    assert parser.feed(code(A), 0) == [ACK, scan(at_ms=0)]
    assert parser.feed(code(A, status=1), 4_999) == [ACK]
    assert parser.feed(code(A, status=1), 60_000) == [ACK, scan(at_ms=60_000)]


def test_half_a_packet_is_asked_for_again_after_a_silence() -> None:
    parser = ssi.SsiParser(device="gun")
    parser.feed(code(A)[:9], 0)
    deadline_ms = parser.next_deadline_ms
    assert deadline_ms is not None
    assert parser.idle(deadline_ms - 1) == []
    assert parser.idle(deadline_ms) == [noise(NoiseReason.FRAGMENT, 9, deadline_ms), NAK]
    assert parser.feed(code(A, status=1), deadline_ms + 50) == [ACK, scan(at_ms=deadline_ms + 50)]


def test_a_code_whose_rest_never_came_is_not_finished_with_the_next_one() -> None:
    parser = ssi.SsiParser(device="gun")
    assert parser.feed(code(b"13", status=2), 0) == [ACK]
    assert parser.feed(code(b"45", status=2), 2_900) == [ACK]
    assert parser.feed(code(A), 60_000) == [ACK, noise(NoiseReason.FRAGMENT, 4, 60_000), scan(at_ms=60_000)]


def test_a_code_in_too_many_packets_is_noise() -> None:
    parser = ssi.SsiParser(device="gun")
    reasons: list[NoiseReason] = []
    for number in range(20):
        for event in parser.feed(code(b"9" * 249 + bytes((48 + number,)), status=2), 0):
            if isinstance(event, Noise):
                reasons.append(event.reason)
    assert reasons == [NoiseReason.TOO_LONG]
