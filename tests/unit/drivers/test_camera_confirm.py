"""What to believe of a camera: two pictures that agree, told once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.parsers.confirm import CameraParser, Confirmer, ConfirmRule
from drivers.camera.parsers.readings import Reading, decode_picture, encode_picture, is_too_small
from drivers.scanner.events import Noise, NoiseReason, Scan

A, B = "134567890123456789", "284567890123456789"
RULE = ConfirmRule(window_ms=1_000, away_ms=1_500)


def reading(text: str) -> Reading:
    return Reading(text=text, aim_id="]Q1")


def see(confirmer: Confirmer, now_ms: int, *texts: str) -> list[str]:
    return [one.text for one in confirmer.see([reading(text) for text in texts], now_ms)]


def test_one_picture_is_not_enough() -> None:
    """The second picture that agrees makes a code believed, pictures without a code between them do not matter."""
    confirmer = Confirmer(RULE)
    assert see(confirmer, 0, A) == []
    assert see(confirmer, 50) == []
    assert see(confirmer, 100, A) == [A]


def test_a_misread_between_two_pictures_starts_anew() -> None:
    """Where pictures disagree, the code needs two in succession that agree; the odd one is never told."""
    confirmer = Confirmer(RULE)
    assert see(confirmer, 0, A) == []
    assert see(confirmer, 50, B) == []
    assert see(confirmer, 100, A) == []
    assert see(confirmer, 150, A) == [A]


def test_two_pictures_far_apart_do_not_agree() -> None:
    """Beyond the window the first picture no longer counts."""
    confirmer = Confirmer(RULE)
    see(confirmer, 0, A)
    assert see(confirmer, 1_001, A) == []
    assert see(confirmer, 2_001, A) == [A]


def test_a_code_that_stays_is_told_once() -> None:
    """A phone that lies in the picture is one scan, however long, until it has been away."""
    confirmer = Confirmer(RULE)
    told = [text for now in range(0, 60_000, 100) for text in see(confirmer, now, A)]
    assert told == [A]
    assert see(confirmer, 61_399, A) == []
    assert see(confirmer, 63_000, A) == []
    assert see(confirmer, 63_050, A) == [A]


def test_a_flicker_is_not_a_new_scan() -> None:
    """Pictures in which the code could not be read for a moment do not make it new."""
    confirmer = Confirmer(RULE)
    see(confirmer, 0, A)
    see(confirmer, 50, A)
    assert see(confirmer, 1_549) == []
    assert see(confirmer, 1_549, A) == []
    assert see(confirmer, 1_600, A) == []


def test_two_codes_in_the_picture_are_both_told_in_order() -> None:
    """Several codes are told each, once."""
    confirmer = Confirmer(RULE)
    see(confirmer, 0, B, A)
    assert see(confirmer, 50, A, B) == [A, B]


def test_a_flush_forgets_what_was_seen_once_but_not_what_was_told() -> None:
    """When a sale arms, half-confirmed codes are gone, and the last customer's phone is still not a new scan."""
    confirmer = Confirmer(RULE)
    see(confirmer, 0, A)
    see(confirmer, 50, A)
    see(confirmer, 60, A, B)
    confirmer.forget_unconfirmed()
    assert see(confirmer, 100, A, B) == []
    assert see(confirmer, 150, A, B) == [B]


def test_memory_is_bounded() -> None:
    """Ever new codes do not pile up."""
    confirmer = Confirmer(ConfirmRule(away_ms=10**9))
    for number in range(500):
        assert see(confirmer, 2 * number, str(number)) == []
        assert see(confirmer, 2 * number + 1, str(number)) == [str(number)]
    assert see(confirmer, 2_000, "499") == []
    see(confirmer, 2_001, "0")
    assert see(confirmer, 2_002, "0") == ["0"]


def test_the_parser_gives_scans_with_their_symbology() -> None:
    """Confirmed readings come out as scans of this device."""
    parser = CameraParser(device="camera:0", rule=RULE)
    picture = encode_picture([Reading(text=A, aim_id="]C0", length_px=600)])
    assert parser.feed(picture, 0) == []
    assert parser.feed(picture, 40) == [
        Scan(text=A, at_ms=40, device="camera:0", aim_id="]C0", symbology="code128"),
    ]
    assert (parser.idle(5_000), parser.next_deadline_ms) == ([], None)


@given(st.lists(st.builds(Reading, text=st.text(max_size=50), aim_id=st.sampled_from(["", "]C0", "]Q1"])), max_size=16))
def test_readings_survive_as_bytes(readings: list[Reading]) -> None:
    """What goes into the bytes of a picture comes out again."""
    assert list(decode_picture(encode_picture(readings))) == readings


@given(st.binary(max_size=80))
def test_any_bytes_are_survived(data: bytes) -> None:
    """Bytes that are no picture are noise, never a crash, and never a scan by themselves."""
    parser = CameraParser(device="camera:0", rule=RULE)
    events = parser.feed(data, 0)
    assert all(isinstance(event, Noise) and event.reason is NoiseReason.BAD_PACKET for event in events)


@pytest.mark.parametrize(
    ("aim_id", "length_px", "small"),
    [("]C0", 134, True), ("]C0", 220, True), ("]C0", 268, False), ("]C0", 0, False), ("]Q1", 50, False)],
)
def test_thin_bars_are_not_trusted(aim_id: str, length_px: int, small: bool) -> None:
    """18 digits of Code 128 are 134 modules; under about two pixels a module the reading is thrown away."""
    assert is_too_small(Reading(text=A, aim_id=aim_id, length_px=length_px)) is small
