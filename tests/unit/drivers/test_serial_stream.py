"""Serial stream: replies of scan modules never look like scans, and damage costs a line, never makes a wrong code."""

from __future__ import annotations

import itertools
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.scanner.events import Noise, NoiseReason, Scan
from drivers.scanner.parsers import module_7e
from drivers.scanner.parsers.line import Framing
from drivers.scanner.parsers.serial_stream import SerialStreamParser
from drivers.scanner.parsers.ssi import SsiParser
from drivers.scanner.ports import Parser, ParserEvent
from drivers.scanner.uri import Terminator

A = b"134567890123456789"
OK = bytes.fromhex("02000001003331")
NEVER_MS = 1_000_000


def stream(terminator: Terminator = Terminator.AUTO) -> SerialStreamParser:
    return SerialStreamParser(device="gun", framing=Framing(terminator=terminator))


def in_pieces(parser: Parser, data: bytes, cuts: list[int]) -> list[ParserEvent]:
    events: list[ParserEvent] = []
    borders = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(borders):
        events += parser.feed(data[start:end], 1000)
    return events + parser.idle(NEVER_MS)


def told(events: list[ParserEvent]) -> list[str | NoiseReason]:
    return [
        event.text if isinstance(event, Scan) else event.reason for event in events if isinstance(event, Scan | Noise)
    ]


CUTS = st.lists(st.integers(0, 5000), max_size=12)


@pytest.mark.parametrize(
    ("body", "crc"),
    [("08 01 00 00 D5", "EF41"), ("08 01 00 02 01", "02DA"), ("08 01 00 02 02", "32B9"), ("00 00 01 00", "3331")],
)
def test_crc_agrees_with_the_vendors_samples(body: str, crc: str) -> None:
    raw = bytes.fromhex(body)
    assert module_7e.crc16(raw) == bytes.fromhex(crc)


def test_requests_are_the_vendors_bytes() -> None:
    assert module_7e.trigger_request() == bytes.fromhex("7E000801000201 02DA")
    assert module_7e.stop_request() == bytes.fromhex("7E000801000202 32B9")
    assert module_7e.command_mode_request() == bytes.fromhex("7E00080100 00D5 EF41")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (OK + A + b"\r", [A.decode()]),
        (A + b"\r" + OK, [A.decode()]),
        (OK + OK + A + b"\r\n" + OK, [A.decode()]),
        (bytes.fromhex("0200000100ABCD") + A + b"\r", [A.decode()]),
        (bytes.fromhex("020000020102") + module_7e.crc16(bytes.fromhex("00020102")) + A + b"\r", [A.decode()]),
        (b"\x02" + A + b"\x03", [A.decode()]),
        (b"\x02\x02" + A + b"\x03", [A.decode()]),
        (bytes.fromhex("02000001003332") + A + b"\r" + A + b"\r", [NoiseReason.BAD_CHECKSUM, A.decode()]),
        (b"\x02\x00" + A + b"\r", [A.decode()]),
    ],
    ids=["before", "after", "around", "no check", "two bytes", "STX ETX", "STX STX", "damaged", "not a reply"],
)
@settings(max_examples=25)
@given(cuts=CUTS)
def test_module_replies_are_cut_out_however_the_stream_is_cut(
    data: bytes, expected: list[str | NoiseReason], cuts: list[int]
) -> None:
    assert told(in_pieces(stream(), data, cuts)) == expected


def test_half_a_reply_is_given_up_after_a_silence_and_does_not_eat_the_next_code() -> None:
    parser = stream()
    assert parser.feed(OK[:3], 0) == []
    deadline_ms = parser.next_deadline_ms
    assert deadline_ms is not None
    assert told(parser.idle(deadline_ms)) == []
    assert told(parser.feed(A + b"\r", deadline_ms + 1)) == [A.decode()]
    assert parser.next_deadline_ms is None


def test_a_reply_split_from_its_scan_by_a_pause_still_vanishes() -> None:
    parser = stream()
    assert parser.feed(OK[:4], 0) == []
    assert parser.feed(OK[4:], 100) == []
    assert told(parser.feed(A + b"\r", 900)) == [A.decode()]


@pytest.mark.parametrize("terminator", list(Terminator))
@settings(max_examples=25)
@given(chunks=st.lists(st.binary(max_size=200), max_size=20), steps=st.lists(st.integers(0, 1500), max_size=20))
def test_no_bytes_crash_it_and_every_deadline_ends(
    terminator: Terminator, chunks: list[bytes], steps: list[int]
) -> None:
    for parser in (stream(terminator), SsiParser(device="gun")):
        now_ms = 0
        for chunk, step in zip(chunks, steps, strict=False):
            parser.feed(chunk, now_ms)
            now_ms += step
        for _ in range(5):
            deadline_ms = parser.next_deadline_ms
            if deadline_ms is None:
                break
            parser.idle(deadline_ms)
        assert parser.next_deadline_ms is None


@pytest.mark.parametrize("fill", [b"9", b"\x02\x00\x00\x20", b"\xff\xf3\x00", b"\x06A", b"\x02"])
def test_memory_stays_bounded_under_endless_garbage(fill: bytes) -> None:
    for parser in (stream(Terminator.NUL), SsiParser(device="gun")):
        tracemalloc.start()
        for _ in range(60):
            parser.feed(fill * 1000, 0)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < 64_000
