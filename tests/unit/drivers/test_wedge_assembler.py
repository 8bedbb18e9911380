"""The keyboard wedge: what a gun typed becomes one burst, what a person typed stays, to the character."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.scanner.parsers.wedge import WedgeAssembler
from drivers.scanner.parsers.wedge_keys import (
    SLOW_GUN,
    AltCodes,
    Burst,
    Key,
    KeyStroke,
    Modifier,
    Passed,
    RefusalReason,
    Refused,
    StrokeKind,
    Typed,
    WedgeEvent,
    WedgeTiming,
    timing_of,
)
from drivers.scanner.uri import ScannerUri, parse_scanner_uri

CODE = "134567890123456789"
ALIPAY = "284567890123456789"


class Keyboard:
    """Presses keys at given moments, and keeps what a text field beside it would show."""

    def __init__(self, timing: WedgeTiming | None = None, alt: AltCodes = AltCodes.ASSEMBLED_HERE) -> None:
        self.assembler = WedgeAssembler(timing or WedgeTiming(), alt)
        self.now = 1_000
        self.field = ""
        self.events: list[WedgeEvent] = []

    def wait(self, ms: int) -> None:
        self.now += ms

    def take(self, events: list[WedgeEvent]) -> None:
        for event in events:
            match event:
                case Typed(text=text):
                    self.field += text
                case Burst(take_back=count) | Refused(take_back=count):
                    assert count <= len(self.field)
                    self.field = self.field[: len(self.field) - count]
                case Passed():
                    pass
            self.events.append(event)

    def settle(self) -> None:
        """Silence until nothing is waiting."""
        deadline = self.assembler.deadline_ms()
        if deadline is not None:
            self.now = max(self.now, deadline)
            self.take(self.assembler.expire(self.now))

    def stroke(self, kind: StrokeKind, key: Key, text: str, modifiers: Modifier = Modifier.NONE) -> KeyStroke:
        code = ord(text) if text else 100 + list(Key).index(key)
        return KeyStroke(kind=kind, key=key, code=code, text=text, modifiers=modifiers, timestamp_ms=self.now)

    def tap(self, text: str = "", key: Key = Key.TEXT, modifiers: Modifier = Modifier.NONE, down_ms: int = 0) -> None:
        self.take(self.assembler.key(self.stroke(StrokeKind.PRESS, key, text, modifiers)))
        self.now += down_ms
        self.take(self.assembler.key(self.stroke(StrokeKind.RELEASE, key, text, modifiers)))

    def type(self, text: str, gap_ms: int) -> None:
        for index, char in enumerate(text):
            self.now += gap_ms if index else 0
            self.tap(char)

    def scan(self, text: str, gap_ms: int = 4, end: Key | None = Key.ENTER) -> None:
        self.type(text, gap_ms)
        if end is not None:
            self.now += gap_ms
            self.tap(key=end)

    @property
    def bursts(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Burst)]

    @property
    def refusals(self) -> list[RefusalReason]:
        return [event.reason for event in self.events if isinstance(event, Refused)]

    @property
    def passed(self) -> list[Key]:
        return [event.stroke.key for event in self.events if isinstance(event, Passed)]


@pytest.mark.parametrize("gap_ms", [0, 1, 2, 8, 20, 34])
@pytest.mark.parametrize("end", [Key.ENTER, Key.TAB])
def test_a_terminated_burst_is_a_scan_at_once(gap_ms: int, end: Key) -> None:
    """A code ended by CR or TAB is known with its terminator, which no widget gets to see."""
    keyboard = Keyboard()
    keyboard.scan(CODE, gap_ms, end)
    assert keyboard.bursts == [CODE]
    assert keyboard.field == ""
    assert keyboard.passed == []


def test_a_burst_without_terminator_ends_by_silence() -> None:
    """Without suffix, 100 ms of silence end the code, and not a millisecond less."""
    keyboard = Keyboard()
    keyboard.scan(CODE, end=None)
    keyboard.take(keyboard.assembler.expire(keyboard.now + 100))
    assert keyboard.bursts == []
    keyboard.take(keyboard.assembler.expire(keyboard.now + 101))
    assert keyboard.bursts == [CODE]
    assert keyboard.assembler.deadline_ms() is None


def test_only_the_first_keys_of_a_scan_are_shown() -> None:
    """A scan flickers at most three characters, then the rest waits for the verdict."""
    keyboard = Keyboard()
    keyboard.type(CODE, 4)
    assert keyboard.field == CODE[:3]


@pytest.mark.parametrize("text", ["6901234567892", "4006381333931", "https://qr.example/a?b=C", "ABC-123", "12345678"])
def test_other_codes_are_reported_with_their_text(text: str) -> None:
    """Goods barcodes, letters and addresses come out as bursts too, so that their refusal can be named."""
    keyboard = Keyboard()
    keyboard.scan(text)
    assert (keyboard.bursts, keyboard.field) == ([text], "")


def test_typing_is_shown_at_once_and_enter_passes() -> None:
    """A person's keys are never delayed, and Enter reaches the application."""
    keyboard = Keyboard()
    for count, char in enumerate("12.5", start=1):
        keyboard.wait(140)
        keyboard.tap(char)
        assert keyboard.field == "12.5"[:count]
    keyboard.wait(160)
    keyboard.tap(key=Key.ENTER)
    assert (keyboard.field, keyboard.passed, keyboard.bursts) == ("12.5", [Key.ENTER], [])


@pytest.mark.parametrize("pause_ms", [101, 150, 400, 3_000])
@pytest.mark.parametrize("end", [Key.ENTER, None])
def test_a_scan_after_an_amount_leaves_exactly_the_amount(pause_ms: int, end: Key | None) -> None:
    """`12.5` and a trigger is a whole sale: the code comes out whole, the amount stays."""
    keyboard = Keyboard()
    keyboard.type("12.5", 130)
    keyboard.wait(pause_ms)
    keyboard.scan(CODE, end=end)
    keyboard.settle()
    assert (keyboard.field, keyboard.bursts) == ("12.5", [CODE])


def test_a_scan_hard_on_the_heels_of_typing_is_refused_not_guessed() -> None:
    """A digit typed less than 100 ms before a code cannot be told from its first digit: refuse, keep the digit."""
    keyboard = Keyboard()
    keyboard.type("6", 0)
    keyboard.wait(60)
    keyboard.scan(ALIPAY)
    assert keyboard.refusals == [RefusalReason.MIXED_WITH_TYPING]
    assert (keyboard.bursts, keyboard.field) == ([], "6")


def test_a_quick_double_digit_hard_before_a_scan_is_refused_too() -> None:
    """Two digits rolled fast and a code 60 ms later: the run could be one code of 20 digits, so nothing is guessed."""
    keyboard = Keyboard()
    keyboard.type("12", 20)
    keyboard.wait(60)
    keyboard.scan(ALIPAY)
    assert keyboard.refusals == [RefusalReason.MIXED_WITH_TYPING]
    assert (keyboard.bursts, keyboard.field) == ([], "12")


def test_a_decimal_amount_hard_before_a_scan_is_cut_off() -> None:
    """What cannot be part of a payment code (the point) settles where the code starts."""
    keyboard = Keyboard()
    keyboard.type("12.50", 80)
    keyboard.wait(80)
    keyboard.scan(CODE)
    assert (keyboard.field, keyboard.bursts) == ("12.50", [CODE])


def test_two_codes_never_merge() -> None:
    """A terminator ends a code even when the next one follows within the same milliseconds."""
    keyboard = Keyboard()
    keyboard.scan(CODE, 1)
    keyboard.wait(1)
    keyboard.scan(ALIPAY, 1)
    assert keyboard.bursts == [CODE, ALIPAY]
    assert keyboard.field == ""


@pytest.mark.parametrize("stall_ms", [40, 70, 100])
def test_a_stall_within_a_code_is_bridged(stall_ms: int) -> None:
    """Wireless guns stop for a moment in the middle; up to 100 ms it is still one code."""
    keyboard = Keyboard()
    keyboard.type(CODE[:9], 5)
    keyboard.wait(stall_ms)
    keyboard.scan(CODE[9:], 5)
    assert (keyboard.bursts, keyboard.field) == ([CODE], "")


def test_a_slow_gun_needs_its_own_timing() -> None:
    """At 50 ms a key the default sees typing (nothing is lost), and the slow profile sees the code."""
    usual, slow = Keyboard(), Keyboard(SLOW_GUN)
    usual.scan(CODE, 50)
    slow.scan(CODE, 50)
    slow.wait(1_000)
    slow.type(CODE[:9], 30)
    slow.wait(290)
    slow.scan(CODE[9:], 30)
    assert (usual.bursts, usual.field, usual.passed) == ([], CODE, [Key.ENTER])
    assert (slow.bursts, slow.field) == ([CODE, CODE], "")


@pytest.mark.parametrize("seed", range(40))
def test_fast_human_typing_is_never_a_scan(seed: int) -> None:
    """Keys with a person's rhythm (median 110 ms, rolls down to 30) all stay, in order, whatever the text."""
    draw = Random(seed)
    keyboard = Keyboard()
    text = "".join(draw.choice("0123456789.") for _ in range(draw.randint(1, 30)))
    for char in text:
        keyboard.wait(max(30, int(draw.lognormvariate(4.7, 0.35))))
        keyboard.tap(char)
    keyboard.wait(80)
    keyboard.tap(key=Key.ENTER)
    assert (keyboard.field, keyboard.bursts, keyboard.refusals) == (text, [], [])
    assert keyboard.passed == [Key.ENTER]


@pytest.mark.parametrize("text", ["5", "88", "1250", "12.50", "1250.00", "0.01"])
def test_scripted_amounts_stay_amounts(text: str) -> None:
    """Short input and decimal amounts are typing even at machine speed."""
    keyboard = Keyboard()
    keyboard.scan(text, 1)
    assert (keyboard.field, keyboard.bursts, keyboard.passed) == (text, [], [Key.ENTER])


def test_a_finger_in_the_burst_refuses_it() -> None:
    """A key held down by a finger while a code comes in may have put a digit into it: nobody pays with that."""
    keyboard = Keyboard()
    keyboard.type(CODE[:5], 4)
    finger = keyboard.stroke(StrokeKind.PRESS, Key.TEXT, "+")
    keyboard.take(keyboard.assembler.key(finger))
    keyboard.wait(4)
    keyboard.scan(CODE[5:])
    assert keyboard.refusals == [RefusalReason.MIXED_WITH_TYPING]
    assert keyboard.bursts == []
    keyboard.wait(400)
    keyboard.take(keyboard.assembler.key(replace(finger, kind=StrokeKind.RELEASE, timestamp_ms=keyboard.now)))
    keyboard.wait(400)
    keyboard.scan(ALIPAY)
    assert keyboard.bursts == [ALIPAY]


def test_an_event_seen_twice_counts_once() -> None:
    """Toolkits hand an ignored key to the parent too: the same event again is dropped, equal digits are not."""
    keyboard = Keyboard()
    for char in "112233445566778899":
        for kind in (StrokeKind.PRESS, StrokeKind.PRESS, StrokeKind.RELEASE, StrokeKind.RELEASE):
            keyboard.take(keyboard.assembler.key(keyboard.stroke(kind, Key.TEXT, char)))
    keyboard.tap(key=Key.ENTER)
    assert keyboard.bursts == ["112233445566778899"]


def test_autorepeat_of_a_character_is_ignored() -> None:
    """A digit held down is one digit, neither typed on nor scanned."""
    keyboard = Keyboard()
    keyboard.tap("5")
    for gap_ms in (500, *[30] * 20):
        keyboard.wait(gap_ms)
        press = keyboard.stroke(StrokeKind.PRESS, Key.TEXT, "5")
        keyboard.take(keyboard.assembler.key(replace(press, autorepeat=True)))
    keyboard.settle()
    assert (keyboard.field, keyboard.bursts, keyboard.refusals) == ("5", [], [])


def test_equal_digits_that_the_toolkit_calls_autorepeat_count() -> None:
    """Two equal digits within a burst may look like a repeat to the toolkit; the code keeps both."""
    keyboard = Keyboard()
    for index, char in enumerate(CODE + "99"):
        keyboard.wait(1)
        press = keyboard.stroke(StrokeKind.PRESS, Key.TEXT, char)
        keyboard.take(keyboard.assembler.key(replace(press, autorepeat=index >= len(CODE))))
        keyboard.take(keyboard.assembler.key(keyboard.stroke(StrokeKind.RELEASE, Key.TEXT, char)))
    keyboard.tap(key=Key.ENTER)
    assert keyboard.bursts == [CODE + "99"]


@pytest.mark.parametrize(
    "tail",
    [("j", Modifier.CTRL), ("m", Modifier.CTRL), ("c", Modifier.CTRL)],
    ids=["LF as Ctrl+J", "CR as Ctrl+M", "ETX as Ctrl+C"],
)
def test_control_letters_frame_a_code(tail: tuple[str, Modifier]) -> None:
    """STX arrives as Ctrl+B and the suffix as a Ctrl letter: no shortcut of the application fires."""
    keyboard = Keyboard()
    keyboard.tap("b", modifiers=Modifier.CTRL)
    keyboard.wait(3)
    keyboard.type(CODE, 3)
    keyboard.wait(3)
    keyboard.tap(tail[0], modifiers=tail[1])
    assert (keyboard.bursts, keyboard.field, keyboard.passed) == ([CODE], "", [])


def test_cr_lf_is_one_end() -> None:
    """Enter followed by Ctrl+J ends one code and leaks no shortcut."""
    keyboard = Keyboard()
    keyboard.scan(CODE)
    keyboard.wait(4)
    keyboard.tap("j", modifiers=Modifier.CTRL)
    assert (keyboard.bursts, keyboard.passed) == ([CODE], [])


def test_a_late_suffix_is_not_the_cashiers_enter() -> None:
    """A suffix that comes after the silence ended the code belongs to the code, not to a button."""
    keyboard = Keyboard()
    keyboard.scan(CODE, end=None)
    keyboard.wait(150)
    keyboard.tap(key=Key.ENTER)
    keyboard.wait(900)
    keyboard.tap(key=Key.ENTER)
    assert (keyboard.bursts, keyboard.passed) == ([CODE], [Key.ENTER])


def test_shortcuts_of_a_person_pass() -> None:
    """Ctrl, Alt and Meta combinations and keys without text reach the application, Ctrl+B after its wait."""
    keyboard = Keyboard()
    keyboard.tap("p", modifiers=Modifier.CTRL)
    keyboard.tap("a", modifiers=Modifier.ALT)
    keyboard.tap(key=Key.OTHER)
    keyboard.tap("j", modifiers=Modifier.CTRL)
    keyboard.tap("b", modifiers=Modifier.CTRL)
    keyboard.settle()
    assert keyboard.passed == [Key.TEXT, Key.TEXT, Key.OTHER, Key.TEXT, Key.TEXT]
    assert keyboard.field == ""


@pytest.mark.parametrize(("sent", "aim"), [("]C0" + CODE, "C0"), ("]Q1" + CODE, "Q1"), (CODE, "")])
def test_the_aim_id_is_no_part_of_the_code(sent: str, aim: str) -> None:
    """An AIM id in front is taken off and told beside the text."""
    keyboard = Keyboard()
    keyboard.scan(sent)
    assert keyboard.events[-1] == Burst(text=CODE, take_back=3, aim=aim)
    assert keyboard.field == ""


def test_a_configured_prefix_is_taken_off() -> None:
    """A marker that the gun was told to send never reaches the code."""
    keyboard = Keyboard(WedgeTiming(prefix="*"))
    keyboard.scan("*]C0" + CODE)
    assert keyboard.bursts == [CODE]


def test_full_width_digits_are_digits() -> None:
    """A Chinese input method in full-width mode does not change the code, nor a typed amount."""
    keyboard = Keyboard()
    keyboard.type("１２．５", 150)
    keyboard.wait(300)
    keyboard.scan("".join(chr(ord(char) + 0xFEE0) for char in CODE))
    assert (keyboard.field, keyboard.bursts) == ("12.5", [CODE])


def test_shift_and_caps_lock_strokes_do_not_break_a_burst() -> None:
    """Guns press Shift for capitals and toggle Caps Lock around a code; neither is a character."""
    keyboard = Keyboard()
    keyboard.tap(key=Key.MODIFIER)
    for char in "AB12cd34":
        if char.isupper():
            keyboard.tap(key=Key.MODIFIER)
        keyboard.wait(3)
        keyboard.tap(char, modifiers=Modifier.SHIFT if char.isupper() else Modifier.NONE)
    keyboard.tap(key=Key.MODIFIER)
    keyboard.tap(key=Key.ENTER)
    assert keyboard.bursts == ["AB12cd34"]


def alt_sequence(keyboard: Keyboard, number: str, gap_ms: int = 3) -> None:
    keyboard.wait(gap_ms)
    keyboard.take(keyboard.assembler.key(keyboard.stroke(StrokeKind.PRESS, Key.ALT, "")))
    for digit in number:
        keyboard.wait(gap_ms)
        keyboard.tap(digit, modifiers=Modifier.ALT | Modifier.KEYPAD)
    keyboard.wait(gap_ms)
    keyboard.take(keyboard.assembler.key(keyboard.stroke(StrokeKind.RELEASE, Key.ALT, "")))


@pytest.mark.parametrize("gap_ms", [1, 5, 12])
def test_alt_numpad_sequences_become_their_characters(gap_ms: int) -> None:
    """A gun in ALT mode types Alt+0049 for `1`: the code is read, not its key sequence; Alt+013 ends it."""
    keyboard = Keyboard()
    for char in CODE:
        alt_sequence(keyboard, f"0{ord(char)}", gap_ms)
    alt_sequence(keyboard, "013", gap_ms)
    assert (keyboard.bursts, keyboard.field, keyboard.passed) == ([CODE], "", [])


def test_alt_numbers_that_are_no_character_refuse_the_code_by_name() -> None:
    """Half-understood Alt sequences never become a guessed code."""
    keyboard = Keyboard()
    for number in ["049"] * 9 + ["9999"] + ["050"] * 8:
        alt_sequence(keyboard, number)
    keyboard.tap(key=Key.ENTER)
    assert (keyboard.refusals, keyboard.bursts, keyboard.field) == ([RefusalReason.ALT_CODE], [], "")


def test_where_the_system_composes_alt_codes_nothing_doubles() -> None:
    """On Windows the character itself follows the sequence: only that one counts."""
    keyboard = Keyboard(alt=AltCodes.BY_SYSTEM)
    for char in CODE:
        alt_sequence(keyboard, f"0{ord(char)}")
        keyboard.tap(char)
    keyboard.tap(key=Key.ENTER)
    assert (keyboard.bursts, keyboard.field) == ([CODE], "")


def test_keypad_digits_without_num_lock_are_named() -> None:
    """A gun that types on the keypad with Num Lock off only moves the cursor: say so instead of nothing."""
    keyboard = Keyboard()
    for _ in range(18):
        keyboard.wait(4)
        keyboard.tap(key=Key.KEYPAD_MOTION)
    assert keyboard.refusals == [RefusalReason.NUM_LOCK_OFF]


def test_an_endless_burst_is_refused_and_bounded() -> None:
    """A stuck gun or a pasted book is one refusal, and nothing of it stays on screen."""
    keyboard = Keyboard()
    keyboard.type("7" * 5_000, 1)
    keyboard.settle()
    assert (keyboard.refusals, keyboard.field) == ([RefusalReason.TOO_LONG], "")


def test_no_value_shows_a_code_when_printed() -> None:
    """A payment code never reaches a log through the text form of a value."""
    keyboard = Keyboard()
    keyboard.scan(CODE)
    shown = repr(keyboard.events) + repr(keyboard.stroke(StrokeKind.PRESS, Key.TEXT, "8"))
    assert all(pair not in shown for pair in ("13456", "'8'"))


@pytest.mark.parametrize(
    ("text", "timing"),
    [
        ("keyboard:", WedgeTiming()),
        ("keyboard:?idle_ms=300", SLOW_GUN),
        ("keyboard:?idle_ms=50&prefix=*", WedgeTiming(max_gap_ms=50, prefix="*")),
    ],
)
def test_the_uri_sets_the_timing(text: str, timing: WedgeTiming) -> None:
    """`idle_ms` is the longest pause within a code, and a longer one allows a slower gun."""
    uri = parse_scanner_uri(text)
    assert isinstance(uri, ScannerUri)
    assert timing_of(uri) == timing


STROKES = st.tuples(
    st.sampled_from(StrokeKind),
    st.sampled_from(Key),
    st.integers(0, 80),
    st.one_of(st.just(""), st.characters(), st.sampled_from("0123456789bcjm")),
    st.sampled_from([Modifier.NONE, Modifier.CTRL, Modifier.ALT | Modifier.KEYPAD, Modifier.SHIFT, Modifier.META]),
    st.sampled_from([0, 1, 3, 10, 34, 35, 60, 100, 101, 500]),
    st.booleans(),
)


@settings(max_examples=150)
@given(st.lists(STROKES, max_size=120))
def test_any_strokes_are_survived(
    strokes: list[tuple[StrokeKind, Key, int, str, Modifier, int, bool]],
) -> None:
    """Whatever is pressed, nothing crashes and no more is taken back than was shown."""
    keyboard = Keyboard()
    for kind, key, code, text, modifiers, gap_ms, autorepeat in strokes:
        keyboard.wait(gap_ms)
        stroke = KeyStroke(
            kind=kind,
            key=key,
            code=code,
            text=text,
            modifiers=modifiers,
            timestamp_ms=keyboard.now,
            autorepeat=autorepeat,
        )
        keyboard.take(keyboard.assembler.key(stroke))
    keyboard.settle()
    assert keyboard.assembler.deadline_ms() is None


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.text("0123456789.", min_size=1, max_size=8), st.integers(0, 2)), max_size=6),
    st.integers(0, 30),
)
def test_typing_and_scans_in_any_order_are_told_apart(parts: list[tuple[str, int]], gap_ms: int) -> None:
    """With a person's pause between them, every scan comes out whole and the typed characters stay exactly."""
    keyboard = Keyboard()
    typed, scanned = "", list[str]()
    for text, scans in parts:
        keyboard.wait(120)
        keyboard.type(text, 120)
        typed += text
        for _ in range(scans):
            keyboard.wait(101)
            keyboard.scan(CODE, gap_ms)
            scanned.append(CODE)
    keyboard.settle()
    assert (keyboard.field, keyboard.bursts) == (typed, scanned)
    times = [event.stroke.timestamp_ms for event in keyboard.events if isinstance(event, Passed)]
    assert all(earlier <= later for earlier, later in pairwise(times))
