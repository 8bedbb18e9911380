"""Kernel key events become scans by position on the keyboard, whatever the desktop would make of them."""

from __future__ import annotations

import struct
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.scanner.events import Noise, NoiseReason, Scan
from drivers.scanner.parsers.evdev_keys import NATIVE_EVENT, EvdevKeysParser
from drivers.scanner.parsers.line import Framing
from drivers.scanner.ports import ParserEvent
from drivers.scanner.uri import Terminator

CODE = "134567890123456789"
SYN, KEY, MSC, LED = 0, 1, 4, 17
ENTER, TAB, SHIFT, CTRL, ALT, CAPS, NUM = 28, 15, 42, 29, 56, 58, 69
TOP_ROW = {"1": 2, "2": 3, "3": 4, "4": 5, "5": 6, "6": 7, "7": 8, "8": 9, "9": 10, "0": 11}
KEYPAD = {"7": 71, "8": 72, "9": 73, "4": 75, "5": 76, "6": 77, "1": 79, "2": 80, "3": 81, "0": 82}


def event(kind: int, code: int, value: int, shape: struct.Struct = NATIVE_EVENT) -> bytes:
    return shape.pack(1_700_000_000, 123_456, kind, code, value)


def press(code: int, value: int = 1, shape: struct.Struct = NATIVE_EVENT) -> bytes:
    scan_code = event(MSC, 4, 0x70000 + code, shape)
    return scan_code + event(KEY, code, value, shape) + event(SYN, 0, 0, shape)


def tap(code: int, shape: struct.Struct = NATIVE_EVENT) -> bytes:
    return press(code, 1, shape) + press(code, 0, shape)


def typed(text: str, keys: dict[str, int] = TOP_ROW, shape: struct.Struct = NATIVE_EVENT) -> bytes:
    return b"".join(tap(keys[char], shape) for char in text)


def parser(terminator: Terminator = Terminator.AUTO) -> EvdevKeysParser:
    return EvdevKeysParser(device="evdev:", framing=Framing(terminator=terminator))


def texts(events: list[ParserEvent]) -> list[str]:
    return [one.text for one in events if isinstance(one, Scan)]


def noises(events: list[ParserEvent]) -> list[NoiseReason]:
    return [one.reason for one in events if isinstance(one, Noise)]


@pytest.mark.parametrize("keys", [TOP_ROW, KEYPAD], ids=["top row", "keypad"])
@pytest.mark.parametrize("end", [ENTER, 96, TAB])
def test_digits_and_an_end_are_a_scan(keys: dict[str, int], end: int) -> None:
    """Digits of either block, ended by Enter, keypad Enter or TAB."""
    assert texts(parser().feed(typed(CODE, keys) + tap(end), 0)) == [CODE]


@pytest.mark.parametrize("layout", ["<qqHHi", "<iiHHi"], ids=["64 bit", "32 bit"])
def test_both_sizes_of_the_kernel_structure(layout: str) -> None:
    """24 bytes where a long has 64 bits, 16 where it has 32."""
    shape = struct.Struct(layout)
    reader = EvdevKeysParser(device="evdev:", framing=Framing(), event=shape)
    assert texts(reader.feed(typed(CODE, shape=shape) + tap(ENTER, shape), 0)) == [CODE]


@pytest.mark.parametrize("lock", [CAPS, NUM])
def test_locks_change_no_digit(lock: int) -> None:
    """Caps Lock and Num Lock, pressed by the gun itself or told by the desktop's lights, leave digits alone."""
    data = tap(lock) + event(LED, 1, 1) + typed(CODE, KEYPAD) + typed("12") + tap(lock) + tap(ENTER)
    assert texts(parser().feed(data, 0)) == [CODE + "12"]


def test_letters_and_signs() -> None:
    """Shift gives capitals and signs of the US layout."""
    shift_a = press(SHIFT) + tap(30) + press(SHIFT, 0)
    colon = press(SHIFT) + tap(39) + press(SHIFT, 0)
    assert texts(parser().feed(shift_a + tap(48) + colon + tap(53) + tap(52) + tap(ENTER), 0)) == ["Ab:/."]


def test_autorepeat_is_ignored() -> None:
    """A key that is reported as held types once."""
    data = press(2) + press(2, 2) + press(2, 2) + press(2, 0) + tap(3) + tap(ENTER)
    assert texts(parser().feed(data, 0)) == ["12"]


def test_control_letters_frame_a_code() -> None:
    """STX as Ctrl+B before and LF as Ctrl+J after the code are its frame."""
    ctrl_b = press(CTRL) + tap(48) + press(CTRL, 0)
    ctrl_j = press(CTRL) + tap(36) + press(CTRL, 0)
    assert texts(parser().feed(ctrl_b + typed(CODE) + ctrl_j, 0)) == [CODE]


def alt(number: str) -> bytes:
    return press(ALT) + typed(number, KEYPAD) + press(ALT, 0)


def test_alt_sequences_become_their_character() -> None:
    """A gun in ALT mode types Alt+049 for `1`, and Alt+013 at the end."""
    assert texts(parser().feed(b"".join(alt(f"0{ord(c)}") for c in CODE) + alt("013"), 0)) == [CODE]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (tap(103), NoiseReason.NOT_KEYS),
        (tap(0x110), NoiseReason.NOT_KEYS),
        (alt("9999"), NoiseReason.NOT_KEYS),
        (event(SYN, 3, 0) + event(KEY, ENTER, 1) + event(KEY, ENTER, 0) + event(SYN, 0, 0), NoiseReason.FRAGMENT),
    ],
    ids=["arrow", "mouse button", "impossible Alt number", "events dropped by the kernel"],
)
def test_a_damaged_code_is_lost_whole(damage: bytes, reason: NoiseReason) -> None:
    """Where a character is missing no shorter code comes out, and the next code is read."""
    reader = parser()
    events = reader.feed(typed(CODE[:9]) + damage + typed(CODE[9:]) + tap(ENTER), 0)
    assert (texts(events), noises(events)) == ([], [reason])
    assert texts(reader.feed(typed(CODE) + tap(ENTER), 50)) == [CODE]


def test_silence_ends_a_code_without_suffix() -> None:
    """A gun without suffix is read when it falls silent."""
    reader = parser(Terminator.NONE)
    assert reader.feed(typed(CODE), 0) == []
    deadline_ms = reader.next_deadline_ms
    assert deadline_ms is not None
    assert texts(reader.idle(deadline_ms)) == [CODE]


def test_reset_forgets_half_a_code_and_held_keys() -> None:
    """After a reopen neither characters nor a held Shift are left."""
    reader = parser()
    reader.feed(typed("99") + press(SHIFT) + press(2)[:10], 0)
    reader.reset()
    assert texts(reader.feed(typed(CODE) + tap(ENTER), 5)) == [CODE]


@pytest.mark.parametrize("seed", range(10))
def test_how_the_bytes_are_cut_makes_no_difference(seed: int) -> None:
    """Events cut anywhere give the same scans."""
    draw, reader, found = Random(seed), parser(), list[ParserEvent]()
    data = (typed(CODE) + tap(ENTER)) * 3
    while data:
        size = draw.randint(1, 60)
        found += reader.feed(data[:size], 0)
        data = data[size:]
    assert texts(found) == [CODE] * 3


@settings(max_examples=150)
@given(
    st.lists(
        st.one_of(st.binary(max_size=100), st.builds(event, st.integers(0, 5), st.integers(0, 300), st.integers(-1, 3)))
    )
)
def test_any_bytes_are_survived(reads: list[bytes]) -> None:
    """Nothing that a device node could give crashes the parser."""
    reader = parser()
    for tick, data in enumerate(reads):
        reader.feed(data, tick * 40)
    reader.reset()
    assert texts(reader.feed(typed(CODE) + tap(ENTER), 10_000)) == [CODE]
