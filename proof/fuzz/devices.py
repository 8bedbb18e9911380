"""What scan guns, keyboards and cameras send, and what a scan's text is taken for.

Rules: the same bytes cut anywhere are the same events; what is a scan has no control character and a bounded length; a
text becomes a number, a code or a ticket in one way only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from unicodedata import category

from drivers.camera.parsers.confirm import CameraParser, ConfirmRule
from drivers.camera.parsers.readings import Reading, decode_picture, encode_picture
from drivers.scanner.events import Noise, Scan
from drivers.scanner.parsers.evdev_keys import EvdevKeysParser
from drivers.scanner.parsers.hid_pos import REPORT_BYTES, HidPosParser
from drivers.scanner.parsers.line import Framing
from drivers.scanner.parsers.serial_stream import SerialStreamParser
from drivers.scanner.parsers.ssi import SsiParser
from drivers.scanner.parsers.text import MAX_CODE_BYTES
from drivers.scanner.parsers.wedge import WedgeAssembler
from drivers.scanner.parsers.wedge_keys import Burst, Key, KeyStroke, Modifier, StrokeKind, Typed, WedgeTiming
from drivers.scanner.ports import Outgoing, Parser, ParserEvent
from drivers.scanner.uri import BadScannerUri, Terminator, parse_scanner_uri
from proof.fuzz.target import Target, keepable
from protocol.activation import read_ticket, ticket_text
from protocol.auth_code import PaymentCode, classify_scan
from protocol.money import Money, parse_amount, yuan_to_fen
from protocol.numbers import (
    is_number,
    order_of_out_trade_no,
    read_activation_code,
    read_number,
    read_payment_no,
)

_CODE = b"134567890123456789"
_GS = "\x1d"
#: A shorter text may stand in a repr by chance.
_TELLING = 12


def _checked(events: Sequence[ParserEvent]) -> list[ParserEvent]:
    for event in events:
        match event:
            case Scan():
                assert 0 < len(event.text.encode()) <= MAX_CODE_BYTES
                assert not any(category(char) == "Cc" and char != _GS for char in event.text)
                assert len(event.text) < _TELLING or event.text not in repr(event), "a scan's text shows"
            case Noise():
                assert event.length >= 0
            case Outgoing():
                assert len(event.data) <= 260
    return list(events)


def _cut_anywhere(make: Callable[[], Parser], data: bytes, whole: int = 1) -> None:
    """`whole`: what the transport hands over in one piece. The first byte says where it is cut."""
    if not data:
        return
    at, sent = data[0] * whole, data[1:]
    at = min(at, len(sent)) // whole * whole
    once, twice = make(), make()
    first = _checked(once.feed(sent, 1_000))
    second = [*_checked(twice.feed(sent[:at], 1_000)), *_checked(twice.feed(sent[at:], 1_000))]
    assert first == second, "where the bytes were cut made a difference"
    assert len(first) <= len(sent) + 1
    assert _checked(once.idle(60_000)) == _checked(twice.idle(60_000))
    assert once.next_deadline_ms is None, "silence of a minute left something under way"
    once.reset()


def serial(data: bytes) -> None:
    for terminator in Terminator:
        framing = Framing(terminator=terminator, prefix="*")
        _cut_anywhere(lambda framing=framing: SerialStreamParser(device="d", framing=framing), data)


def ssi(data: bytes) -> None:
    _cut_anywhere(lambda: SsiParser(device="d", prefix="*"), data)


def hid_report(data: bytes) -> None:
    """Also with whole reports, however long the input is."""
    _cut_anywhere(lambda: HidPosParser(device="d", prefix="*"), data[:1] + data[1 : 1 + REPORT_BYTES], REPORT_BYTES)
    padded = data + bytes(-len(data[1:]) % REPORT_BYTES)
    _cut_anywhere(lambda: HidPosParser(device="d", prefix="*"), padded, REPORT_BYTES)


def evdev(data: bytes) -> None:
    _cut_anywhere(lambda: EvdevKeysParser(device="d", framing=Framing()), data)


def camera(data: bytes) -> None:
    parser = CameraParser(device="d", rule=ConfirmRule())
    _checked(parser.feed(data, 1_000))
    _checked(parser.feed(data, 1_100))
    try:
        readings = decode_picture(data)
    except ValueError:
        return
    assert decode_picture(encode_picture(readings)) == readings[:16]


def wedge(data: bytes) -> None:
    """Five bytes a stroke. What was shown and taken back is never more than what was shown."""
    assembler = WedgeAssembler(WedgeTiming(prefix="*", max_length=64))
    shown, now_ms = 0, 0
    kinds, keys = tuple(StrokeKind), tuple(Key)
    for at in range(0, len(data) - 4, 5):
        kind, key, code, text, gap = data[at : at + 5]
        now_ms += gap
        stroke = KeyStroke(
            kind=kinds[kind % len(kinds)],
            key=keys[key % len(keys)],
            code=code,
            timestamp_ms=now_ms,
            text=chr(text) if text else "",
            modifiers=Modifier(kind >> 3 & 31),
            autorepeat=bool(key & 128),
        )
        for event in (*assembler.expire(now_ms), *assembler.key(stroke)):
            match event:
                case Typed():
                    shown += len(event.text)
                case Burst():
                    assert 0 <= event.take_back <= shown, "more is taken back than was shown"
                    assert 0 < len(event.text) <= 64
                    assert len(event.text) < _TELLING or event.text not in repr(event)
                case _:
                    continue
    assembler.expire(now_ms + 60_000)
    assert assembler.deadline_ms() is None


def scanned_text(data: bytes) -> None:
    """Payment codes, numbers, tickets, amounts: each reader on the same text."""
    text = data.decode("utf-8", "surrogateescape")
    code = classify_scan(text)
    if isinstance(code, PaymentCode):
        assert text.strip() not in repr(code)
    number = read_number(text)
    assert number is None or (is_number(number) and read_number(number) == number)
    payment = read_payment_no(text)
    assert payment is None or read_payment_no(str(payment)) == payment
    activation = read_activation_code(text)
    assert activation is None or read_activation_code(activation) == activation
    assert (order_of_out_trade_no(text) or "") in text
    ticket = read_ticket(text)
    if ticket is not None and ticket.gateway_url is not None and ticket.root_fingerprint is not None:
        again = ticket_text(
            gateway_url=ticket.gateway_url, code=ticket.code.reveal(), root_fingerprint=ticket.root_fingerprint
        )
        assert read_ticket(again) == ticket
    amount = parse_amount(text)
    assert not isinstance(amount, Money) or 0 < amount.fen <= 9_999_999_99
    keepable(yuan_to_fen(text))


def scanner_uri(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    found = parse_scanner_uri(text)
    assert not isinstance(found, BadScannerUri) or found.problem


_PICTURE = encode_picture([Reading(text=_CODE.decode(), aim_id="]C0"), Reading(text="中", aim_id="")])
TARGETS = (
    Target(
        name="scanner-serial",
        about="serial guns: lines, terminators, replies of modules",
        run=serial,
        seeds=(
            b"\x05" + _CODE + b"\r\n",
            b"\x01\x02" + _CODE + b"\x03",
            b"\x00*]C0" + _CODE + b"\t$$%~",
            b"\x09\x02\x00\x00\x01\x00\x33\x31" + _CODE,
        ),
    ),
    Target(
        name="scanner-ssi",
        about="serial guns that speak SSI packets",
        run=ssi,
        seeds=(b"\x03\x05\xd1\x00\x00\x01\xff\x29", b"\x00\x17\xf3\x00\x00\x03" + _CODE + b"\xfa\x00"),
    ),
    Target(
        name="scanner-hid",
        about="reports of HID POS scanners",
        run=hid_report,
        seeds=(b"\x00\x02\x12" + b"]C0" + _CODE + bytes(35) + b"\x00", b"\x01" + b"\x02\x38]Q1" + b"9" * 56 + b"\x01"),
        most_bytes=1_024,
    ),
    Target(
        name="scanner-evdev",
        about="events of grabbed keyboards",
        run=evdev,
        seeds=(
            b"\x07"
            + b"".join(bytes(16) + b"\x01\x00" + bytes([key]) + b"\x00\x01\x00\x00\x00" for key in (2, 3, 4, 5, 28)),
        ),
    ),
    Target(
        name="scanner-wedge",
        about="key strokes of keyboard guns among a person's",
        run=wedge,
        seeds=(b"".join(bytes([0, 0, 10 + n, 48 + n % 10, 5]) for n in range(18)) + b"\x00\x01\x1c\x0d\x05",),
        most_bytes=2_048,
    ),
    Target(name="camera-picture", about="what the decoders read in one picture", run=camera, seeds=(_PICTURE, b"\x00")),
    Target(
        name="scanned-text",
        about="payment codes, order numbers, activation codes, tickets, amounts",
        run=scanned_text,
        seeds=(
            _CODE,
            b"287700112233445566",
            b"0000000000000000000000000-1",
            b"GT1:https://pay.example#ACTIVATE:ABCDEFGH0123:0123456789ABCDEF",
            b"12.50",
            "１２.５０".encode(),
        ),
        most_bytes=512,
    ),
    Target(
        name="scanner-uri",
        about="the address of a scanner, as a person writes it",
        run=scanner_uri,
        seeds=(b"serial:/dev/ttyACM0?baud=9600&terminator=none", b"hid:0c2e:0b61", b"keyboard:?idle_ms=300&prefix=*"),
        most_bytes=512,
    ),
)
