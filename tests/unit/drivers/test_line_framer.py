"""Line framing: whatever the cuts, codes come out whole, one by one, and nothing else does."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.scanner.events import Noise, NoiseReason, Scan
from drivers.scanner.parsers.line import FRAGMENT_MS, Framing, LineFramer
from drivers.scanner.parsers.text import MAX_CODE_BYTES
from drivers.scanner.ports import ParserEvent
from drivers.scanner.uri import Terminator

A = b"134567890123456789"
B = b"284567890123456789"
NEVER_MS = 1_000_000


def framer(terminator: Terminator = Terminator.AUTO, prefix: str = "", idle_ms: int | None = None) -> LineFramer:
    return LineFramer(device="gun", framing=Framing(terminator=terminator, prefix=prefix, idle_ms=idle_ms))


def told(events: list[ParserEvent]) -> list[str | NoiseReason]:
    """Texts of scans and reasons of noise, in order."""
    result: list[str | NoiseReason] = []
    for event in events:
        match event:
            case Scan(text=text):
                result.append(text)
            case Noise(reason=reason):
                result.append(reason)
            case _:
                raise AssertionError("a line framer answers nothing")
    return result


def in_pieces(parser: LineFramer, data: bytes, cuts: list[int]) -> list[ParserEvent]:
    """Feed ``data`` cut at ``cuts`` (any numbers), then let silence end it."""
    events: list[ParserEvent] = []
    borders = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(borders):
        events += parser.feed(data[start:end], 1000)
    return events + parser.idle(NEVER_MS)


CUTS = st.lists(st.integers(0, 5000), max_size=12)

STREAMS: list[tuple[str, Terminator, bytes, list[str | NoiseReason]]] = [
    ("CR", Terminator.AUTO, A + b"\r", [A.decode()]),
    ("LF", Terminator.AUTO, A + b"\n", [A.decode()]),
    ("CRLF", Terminator.AUTO, A + b"\r\n", [A.decode()]),
    ("TAB", Terminator.AUTO, A + b"\t", [A.decode()]),
    ("STX ETX", Terminator.AUTO, b"\x02" + A + b"\x03", [A.decode()]),
    ("STX ETX EOT", Terminator.AUTO, b"\x02" + A + b"\x03\x04\x02" + B + b"\x03\x04", [A.decode(), B.decode()]),
    ("NUL", Terminator.AUTO, A + b"\x00", [A.decode()]),
    ("silence", Terminator.AUTO, A, [A.decode()]),
    ("silence only", Terminator.NONE, A, [A.decode()]),
    ("two codes in one read", Terminator.AUTO, A + b"\r" + B + b"\r", [A.decode(), B.decode()]),
    ("two codes, the second by silence", Terminator.AUTO, A + b"\r" + B, [A.decode(), B.decode()]),
    ("CR named", Terminator.CR, A + b"\r" + B + b"\r\n", [A.decode(), B.decode()]),
    ("CR named, cut off", Terminator.CR, A, [NoiseReason.FRAGMENT]),
    ("LF named, CRLF sent", Terminator.LF, A + b"\r\n", [A.decode()]),
    ("CRLF named", Terminator.CRLF, A + b"\r\n" + B + b"\r\n", [A.decode(), B.decode()]),
    ("CRLF named, only CR", Terminator.CRLF, A + b"\r", [NoiseReason.FRAGMENT]),
    ("TAB named", Terminator.TAB, A + b"\t", [A.decode()]),
    ("ETX named, CR inside", Terminator.ETX, b"\x021\r2\x03", [NoiseReason.CONTROL_BYTES]),
    ("NUL named", Terminator.NUL, A + b"\x00", [A.decode()]),
    ("new frame inside a frame", Terminator.AUTO, b"\x0212345\x02" + A + b"\x03", [NoiseReason.FRAGMENT, A.decode()]),
    ("empty lines", Terminator.AUTO, b"\r\n\r\n\x02\x03", []),
    ("control byte inside", Terminator.AUTO, b"1234\x0156\r" + A + b"\r", [NoiseReason.CONTROL_BYTES, A.decode()]),
    ("not UTF-8", Terminator.AUTO, b"12\xff34\r" + A + b"\r", [NoiseReason.BAD_ENCODING, A.decode()]),
    ("Chinese text", Terminator.AUTO, "柜台\r".encode(), ["柜台"]),
    ("GS in a goods code", Terminator.AUTO, b"0106901234567892\x1d10A\r", ["0106901234567892\x1d10A"]),
    ("AIM alone", Terminator.AUTO, b"]C0\r", [NoiseReason.EMPTY]),
    ("Honeywell menu reply", Terminator.AUTO, b"232BAD9\x06." + A + b"\r", [A.decode()]),
    ("Honeywell refusals", Terminator.AUTO, b"XXXXXX1\x05!232BAD999\x15." + A + b"\r", [A.decode()]),
    ("Newland reply", Terminator.AUTO, b"\x02\x010000#SCNTRG1\x06;\x03" + A + b"\r", [A.decode()]),
    ("Newland, two commands", Terminator.AUTO, b"\x02\x010000#A1\x06;B2\x15;\x03" + A + b"\r\n", [A.decode()]),
    ("$$% reply", Terminator.AUTO, b"\r\n$$%~OK\r\n" + A + b"\r\n", [A.decode()]),
    ("ACK, then silence, is damage", Terminator.AUTO, b"1345\x06", [NoiseReason.CONTROL_BYTES]),
    ("bare ACK", Terminator.AUTO, b"\x06" + A + b"\r", [A.decode()]),
    (
        "ACK inside a code is damage",
        Terminator.AUTO,
        b"1345\x0667\r" + A + b"\r",
        [NoiseReason.CONTROL_BYTES, A.decode()],
    ),
    (
        "ACK before the end is damage",
        Terminator.AUTO,
        b"1345\x06\r" + A + b"\r",
        [NoiseReason.CONTROL_BYTES, A.decode()],
    ),
]


@pytest.mark.parametrize(
    ("terminator", "stream", "expected"), [case[1:] for case in STREAMS], ids=[c[0] for c in STREAMS]
)
@settings(max_examples=25)
@given(cuts=CUTS)
def test_a_stream_gives_the_same_codes_however_it_is_cut(
    terminator: Terminator, stream: bytes, expected: list[str | NoiseReason], cuts: list[int]
) -> None:
    assert told(in_pieces(framer(terminator), stream, cuts)) == expected


@pytest.mark.parametrize(
    ("line", "prefix", "text", "aim_id", "symbology"),
    [
        (b"]C0" + A, "", A.decode(), "]C0", "code128"),
        (b"]Q1" + A, "", A.decode(), "]Q1", "qr"),
        (b"]E06901234567892", "", "6901234567892", "]E0", "ean13"),
        (b"]E41234567", "", "1234567", "]E4", "ean8"),
        (b"]C1" + A, "", A.decode(), "]C1", "gs1-128"),
        (b"]Y1" + A, "", A.decode(), "]Y1", None),
        (b"*" + A, "*", A.decode(), None, None),
        (b"*]Q0" + A, "*", A.decode(), "]Q0", "qr"),
        (b"]Q0*" + A, "*", A.decode(), "]Q0", "qr"),
        (b"**" + A, "*", "*" + A.decode(), None, None),
        (A, "*", A.decode(), None, None),
        (b"]9x" + A, "", "]9x" + A.decode(), None, None),
    ],
)
def test_prefix_and_aim_identifier_are_stripped_once_in_either_order(
    line: bytes, prefix: str, text: str, aim_id: str | None, symbology: str | None
) -> None:
    events = framer(prefix=prefix).feed(line + b"\r", 7)
    assert events == [Scan(text=text, at_ms=7, device="gun", aim_id=aim_id, symbology=symbology)]


def test_half_a_code_is_not_a_code_while_the_rest_may_come() -> None:
    parser = framer()
    assert parser.feed(A[:10], 0) == []
    assert parser.idle(200) == []
    assert told(parser.feed(A[10:] + b"\r", 200)) == [A.decode()]


def test_silence_ends_a_code_and_the_next_one_never_joins_it() -> None:
    parser = framer(idle_ms=80)
    assert parser.feed(A[:10], 0) == []
    assert parser.next_deadline_ms == 80
    assert told(parser.feed(B + b"\r", 80)) == [A[:10].decode(), B.decode()]


def test_a_gun_known_to_send_terminators_is_given_a_second_to_finish() -> None:
    parser = framer()
    assert told(parser.feed(A + b"\r", 0)) == [A.decode()]
    assert parser.feed(B[:9], 1000) == []
    assert parser.idle(1000 + FRAGMENT_MS - 1) == []
    assert told(parser.feed(B[9:] + b"\r", 1000 + FRAGMENT_MS - 1)) == [B.decode()]


def test_a_named_terminator_makes_an_unfinished_code_noise_after_a_second() -> None:
    parser = framer(Terminator.CR)
    parser.feed(A, 0)
    assert parser.idle(FRAGMENT_MS - 1) == []
    assert parser.idle(FRAGMENT_MS) == [
        Noise(reason=NoiseReason.FRAGMENT, length=len(A), at_ms=FRAGMENT_MS, device="gun")
    ]
    assert parser.next_deadline_ms is None


@settings(max_examples=25)
@given(cuts=CUTS)
def test_an_endless_line_is_told_once_and_the_next_code_is_read(cuts: list[int]) -> None:
    events = in_pieces(framer(), b"9" * (MAX_CODE_BYTES * 2) + b"\r" + A + b"\r", cuts)
    assert told(events) == [NoiseReason.TOO_LONG, A.decode()]


def test_the_longest_code_is_still_read() -> None:
    assert told(framer().feed(b"9" * MAX_CODE_BYTES + b"\r", 0)) == ["9" * MAX_CODE_BYTES]


def test_reset_forgets_what_is_under_way() -> None:
    parser = framer()
    parser.feed(A[:9], 0)
    parser.reset()
    assert parser.next_deadline_ms is None
    assert told(parser.feed(B + b"\r", 10)) == [B.decode()]


def test_what_was_scanned_never_shows_in_a_repr() -> None:
    [scan] = framer().feed(A + b"\r", 0)
    assert A.decode() not in repr(scan)
