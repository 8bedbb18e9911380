"""Scanner URIs: each form of the contract is read, and a bad one says what is wrong and what to write."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.scanner.uri import (
    BadScannerUri,
    ScannerKind,
    ScannerProtocol,
    ScannerUri,
    Terminator,
    parse_scanner_uri,
)

SERIAL, HID, EVDEV = ScannerKind.SERIAL, ScannerKind.HID, ScannerKind.EVDEV


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("serial:/dev/ttyACM0?baud=9600", ScannerUri(text="", kind=SERIAL, path="/dev/ttyACM0")),
        ("serial:/dev/ttyS1?baud=115200", ScannerUri(text="", kind=SERIAL, path="/dev/ttyS1", baud=115200)),
        ("serial:COM3", ScannerUri(text="", kind=SERIAL, path="COM3")),
        ("SERIAL:com12", ScannerUri(text="", kind=SERIAL, path="COM12")),
        ("serial:?vid=1eab&pid=0d10", ScannerUri(text="", kind=SERIAL, vid=0x1EAB, pid=0x0D10)),
        ("serial:?vid=0x1EAB&serial=AB%201", ScannerUri(text="", kind=SERIAL, vid=0x1EAB, serial_number="AB 1")),
        ("serial:?location=1-1.2", ScannerUri(text="", kind=SERIAL, location="1-1.2")),
        (
            "serial:/dev/ttyUSB0?proto=ssi&prefix=%2A&terminator=CRLF&idle_ms=60",
            ScannerUri(
                text="",
                kind=SERIAL,
                path="/dev/ttyUSB0",
                proto=ScannerProtocol.SSI,
                prefix="*",
                terminator=Terminator.CRLF,
                idle_ms=60,
            ),
        ),
        ("serial:/dev/tty%3Fodd", ScannerUri(text="", kind=SERIAL, path="/dev/tty?odd")),
        ("hid:", ScannerUri(text="", kind=HID)),
        ("hid:0c2e:0b61", ScannerUri(text="", kind=HID, vid=0x0C2E, pid=0x0B61)),
        (
            "evdev:/dev/input/by-id/usb-Gun-event-kbd",
            ScannerUri(text="", kind=EVDEV, path="/dev/input/by-id/usb-Gun-event-kbd"),
        ),
        ("evdev:?vid=05fe&pid=1010", ScannerUri(text="", kind=EVDEV, vid=0x05FE, pid=0x1010)),
        ("keyboard:", ScannerUri(text="", kind=ScannerKind.KEYBOARD)),
        ("camera:0", ScannerUri(text="", kind=ScannerKind.CAMERA, path="0")),
        ("camera:", ScannerUri(text="", kind=ScannerKind.CAMERA, path="0")),
        ("camera:/tmp/a%20b.mp4", ScannerUri(text="", kind=ScannerKind.CAMERA, path="/tmp/a b.mp4")),
        (r"camera:C:\code.png", ScannerUri(text="", kind=ScannerKind.CAMERA, path=r"C:\code.png")),
    ],
)
def test_each_form_is_read(text: str, expected: ScannerUri) -> None:
    parsed = parse_scanner_uri(f" {text} ")
    assert isinstance(parsed, ScannerUri)
    assert parsed.text == text
    fields = [name for name in ScannerUri.__struct_fields__ if name != "text"]
    assert {name: getattr(parsed, name) for name in fields} == {name: getattr(expected, name) for name in fields}


@pytest.mark.parametrize(
    ("text", "problem", "suggestion"),
    [
        ("", "does not start with", "serial:"),
        ("/dev/ttyACM0", "does not start with", "serial:"),
        ("serial", "does not start with", "serial:"),
        ("usb:1", "does not start with", "serial:"),
        ("serial：/dev/ttyACM0", "full-width colon", "serial:/dev/ttyACM0"),
        ("serial:", "names no device", "serial:COM3"),
        ("serial:/dev/ttyACM0?vid=1eab", "exclude each other", "serial:"),
        ("serial:COM3?baud=fast", "baud 'fast'", "serial:"),
        ("serial:COM3?baud=1", "from 300 to", "serial:"),
        ("serial:COM3?baud=٩٦٠٠", "baud", "serial:"),
        ("serial:COM3?bauds=9600", "no option 'bauds'", "serial:"),
        ("serial:COM3?baud=9600&baud=4800", "given twice", "serial:"),
        ("serial:COM3?baud=", "has no value", "serial:"),
        ("serial:COM3?baud", "?name=value", "serial:"),
        ("serial:COM3?terminator=dot", "not one of auto, cr", "serial:"),
        ("serial:COM3?proto=magic", "not one of auto, line", "serial:"),
        ("serial:COM3?idle_ms=1", "from 10 to", "serial:"),
        ("serial:COM3?prefix=%02", "prefix", "serial:"),
        ("serial:?vid=zz", "four hexadecimal", "serial:"),
        ("hid:0c2e", "product id is missing", "hid:0c2e:0b61"),
        ("hid:0c2e:", "four hexadecimal", "hid:"),
        ("hid:?baud=9600", "no option 'baud'", "hid:"),
        ("evdev:", "names no device", "evdev:"),
        ("keyboard:0", "takes no device", "keyboard:"),
        ("camera:0?fps=3", "it has: none", "camera:0"),
    ],
)
def test_a_bad_one_says_what_is_wrong_and_what_to_write(text: str, problem: str, suggestion: str) -> None:
    parsed = parse_scanner_uri(text)
    assert isinstance(parsed, BadScannerUri)
    assert problem in parsed.problem
    assert suggestion in parsed.suggestion


@settings(max_examples=60)
@given(
    st.one_of(
        st.text(max_size=60), st.builds("{}:{}?{}".format, st.sampled_from(list(ScannerKind)), st.text(), st.text())
    )
)
def test_no_text_crashes_it(text: str) -> None:
    assert isinstance(parse_scanner_uri(text), ScannerUri | BadScannerUri)
