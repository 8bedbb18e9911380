"""HID POS reports: both layouts become the same scan; replies, rests and garbage never do."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.scanner.events import Noise, NoiseReason, Scan
from drivers.scanner.parsers.hid_pos import (
    CONTINUATION_MS,
    HidPosParser,
    honeywell_output,
    newland_output,
)
from drivers.scanner.ports import ParserEvent

CODE = b"134567890123456789"


def aim_report(data: bytes, aim: bytes = b"]C0", *, continued: int = 0, vendor: bytes = b"j") -> bytes:
    head = bytes([2, len(data)]) + aim + data
    return head.ljust(61, b"\0") + vendor + b"\0" + bytes([continued])


def plain_report(data: bytes, *, continued: int = 0) -> bytes:
    return (bytes([2, len(data)]) + data).ljust(63, b"\0") + bytes([continued])


def parse(*reports: bytes, gap_ms: int = 2) -> list[ParserEvent]:
    parser = HidPosParser(device="hid:")
    return [event for i, report in enumerate(reports) for event in parser.feed(report, 1_000 + i * gap_ms)]


def texts(events: list[ParserEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, Scan)]


def noises(events: list[ParserEvent]) -> list[NoiseReason]:
    return [event.reason for event in events if isinstance(event, Noise)]


RECORDED = {
    "Honeywell": "02125d4330" + CODE.hex() + "00" * 38 + "6a0000",
    "Honeywell QR": "02125d5131" + CODE.hex() + "00" * 38 + "730000",
    "Honeywell with CR inside": "02135d4330" + CODE.hex() + "0d" + "00" * 37 + "6a0000",
    "Newland": "0212" + CODE.hex() + "00" * 44,
    "Newland with CR LF inside": "0214" + CODE.hex() + "0d0a" + "00" * 42,
    "Newland that sends AIM ids": "02155d4330" + CODE.hex() + "00" * 41,
    "AIM id one byte later": "0212005d4330" + CODE.hex() + "00" * 40,
    "AIM place left empty": "0212000000" + CODE.hex() + "00" * 41,
    "Microscan": "0112" + CODE.hex() + "00" * 44,
    "without report id": "125d4330" + CODE.hex() + "00" * 38 + "6a0000",
}


@pytest.mark.parametrize("report", RECORDED.values(), ids=RECORDED.keys())
def test_every_layout_gives_the_same_code(report: str) -> None:
    """Report bytes of each maker come out as the bare digits."""
    events = parse(bytes.fromhex(report))
    assert texts(events) == [CODE.decode()]
    assert len(events) == 1


def test_the_aim_id_names_the_symbology() -> None:
    """The three AIM characters come along, with the symbology they stand for."""
    (scan,) = parse(aim_report(CODE, b"]Q1"))
    assert isinstance(scan, Scan)
    assert (scan.aim_id, scan.symbology) == ("]Q1", "qr")


@pytest.mark.parametrize(
    "report",
    [
        aim_report(b"REVINF: PROD_ID Voyager", b"]X0"),
        aim_report(b"232BAD9\x06.", b"]Z6"),
        plain_report(bytes.fromhex("02000001003331")),
        plain_report(b"\x02\x010000#SCNTRG1\x06;\x03"),
        plain_report(b"$$%~OK\r\n"),
    ],
    ids=["Honeywell menu", "Honeywell menu end", "7E-00 ok", "Newland text", "short set"],
)
def test_replies_to_commands_are_no_scans(report: bytes) -> None:
    """What a gun answers to a command is left out, and the code after it is read."""
    assert texts(parse(report, plain_report(CODE))) == [CODE.decode()]
    assert parse(report) == []


def test_a_long_reply_is_left_out_as_a_whole() -> None:
    """A reply over several reports does not leak its later parts."""
    part = aim_report(b"R" * 56, b"]X0", continued=1)
    assert parse(part, part, aim_report(b"end", b"]X0")) == []


@pytest.mark.parametrize("layout", ["aim", "aim first only", "plain"])
def test_a_long_code_is_put_together(layout: str) -> None:
    """Reports with the continuation bit make one text, in either layout."""
    text = ("https://qr.example/" + "0123456789abcdef" * 12).encode()
    parts = [text[i : i + 56] for i in range(0, len(text), 56)]
    reports = list[bytes]()
    for index, part in enumerate(parts):
        more = int(index < len(parts) - 1)
        in_aim = layout == "aim" or (layout == "aim first only" and index == 0)
        reports.append(aim_report(part, b"]Q1", continued=more) if in_aim else plain_report(part, continued=more))
    assert texts(parse(*reports)) == [text.decode()]
    assert texts(parse(b"".join(reports))) == [text.decode()]


def test_a_code_whose_rest_is_missing_is_dropped() -> None:
    """After the time-out the beginning is noise, and the next code is not glued to it."""
    parser = HidPosParser(device="hid:")
    assert parser.feed(plain_report(b"9" * 56, continued=1), 0) == []
    assert parser.next_deadline_ms == CONTINUATION_MS
    assert parser.idle(CONTINUATION_MS - 1) == []
    events = parser.feed(plain_report(CODE), CONTINUATION_MS)
    assert (noises(events), texts(events)) == ([NoiseReason.FRAGMENT], [CODE.decode()])
    assert parser.next_deadline_ms is None


def test_reset_forgets_a_code_under_way() -> None:
    """After a reopen nothing of the old code is left."""
    parser = HidPosParser(device="hid:")
    parser.feed(plain_report(b"9" * 56, continued=1), 0)
    parser.reset()
    assert texts(parser.feed(plain_report(CODE), 1)) == [CODE.decode()]


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (b"\x02", NoiseReason.BAD_PACKET),
        (plain_report(CODE)[:40], NoiseReason.BAD_PACKET),
        (plain_report(CODE) + b"\0", NoiseReason.BAD_PACKET),
        (b"\x02\x39" + b"1" * 62, NoiseReason.BAD_PACKET),
        (b"\x01\x3f" + b"1" * 62, NoiseReason.BAD_PACKET),
        (b"\x07" + plain_report(CODE)[1:], NoiseReason.BAD_PACKET),
        (plain_report(b""), NoiseReason.EMPTY),
        (plain_report(b"\xff\xfe12"), NoiseReason.BAD_ENCODING),
        (plain_report(b"12\x0034"), NoiseReason.CONTROL_BYTES),
    ],
)
def test_garbage_is_noise_with_a_reason(report: bytes, reason: NoiseReason) -> None:
    """Wrong lengths, foreign reports and undecodable bytes are told, never guessed, and the next code is read."""
    assert noises(parse(report)) == [reason]
    assert texts(parse(report, aim_report(CODE))) == [CODE.decode()]


def test_an_endless_code_is_one_noise() -> None:
    """A gun that never ends its code costs no memory and gives one noise at its end."""
    parser = HidPosParser(device="hid:")
    for tick in range(2_000):
        assert parser.feed(plain_report(b"7" * 56, continued=1), tick) == []
    events = parser.feed(plain_report(b"7"), 2_001)
    assert noises(events) == [NoiseReason.TOO_LONG]
    assert texts(parser.feed(plain_report(CODE), 2_002)) == [CODE.decode()]


def test_a_configured_prefix_is_taken_off() -> None:
    """A marker that the gun was told to send never reaches the text."""
    parser = HidPosParser(device="hid:", prefix="*")
    assert texts(parser.feed(aim_report(b"*" + CODE), 0)) == [CODE.decode()]


def test_output_reports() -> None:
    """Trigger as each family expects it: report FD with a length, report 4 padded to 64 bytes."""
    assert honeywell_output(b"\x16T\r") == bytes.fromhex("fd0316540d")
    newland = newland_output(bytes.fromhex("7e000801000201abcd"))
    assert newland == bytes.fromhex("0409" + "7e000801000201abcd" + "00" * 53)


@settings(max_examples=200)
@given(st.lists(st.one_of(st.binary(max_size=130), st.binary(min_size=62, max_size=62).map(lambda b: b"\x02\x12" + b))))
def test_any_bytes_are_survived(reads: list[bytes]) -> None:
    """Whatever arrives, nothing crashes, and a good report after the time-out is read."""
    parser = HidPosParser(device="hid:")
    for tick, data in enumerate(reads):
        parser.feed(data, tick * 7)
    late = len(reads) * 7 + CONTINUATION_MS
    assert texts(parser.feed(aim_report(CODE), late))[-1:] == [CODE.decode()]


@pytest.mark.parametrize("seed", range(5))
def test_reports_in_one_read_or_many_are_the_same(seed: int) -> None:
    """How many reports one read returns makes no difference."""
    draw = Random(seed)
    reports = [draw.choice([aim_report, plain_report])(CODE) for _ in range(20)]
    parser, events = HidPosParser(device="hid:"), list[ParserEvent]()
    while reports:
        count = draw.randint(1, 4)
        events += parser.feed(b"".join(reports[:count]), 5)
        del reports[:count]
    assert texts(events) == [CODE.decode()] * 20
