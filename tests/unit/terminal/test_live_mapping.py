"""From sync's and the drivers' words to the screen's: every state has one, secrets are wrapped at the first moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.scanner.events import DeviceState, DeviceStatus, Noise, NoiseReason, Scan
from drivers.scanner.uri import BadScannerUri
from protocol.reasons import Reason
from sync.errors import DiskError, FolderLockedError, JournalDamagedError, NotActivatedError, SyncError
from sync.folder import TerminalIdentity
from terminal.cashier.ports import GunSeen, GunState, ScanRead
from terminal.cashier.words import BLOCKED_REASONS
from terminal.live.guns import Guns
from terminal.live.mapping import (
    BLOCKING,
    blocking_reason,
    gun_of,
    identity_of,
    most_urgent,
    noise_read,
    scan_read,
)

CODE = "281234567890123456"


def status(state: DeviceState, description: str = "") -> DeviceStatus:
    return DeviceStatus(state=state, device="serial:x", description=description)


@pytest.mark.parametrize(
    ("state", "gun"),
    [
        (DeviceState.READY, GunState.READY),
        (DeviceState.LOST, GunState.LOST),
        (DeviceState.MISSING, GunState.SEARCHING),
        (DeviceState.OPENING, GunState.SEARCHING),
        (DeviceState.ERROR, GunState.SEARCHING),
    ],
)
def test_every_device_state_is_a_state_of_the_lamp(state: DeviceState, gun: GunState) -> None:
    assert gun_of(status(state)) == GunSeen(gun=gun, name="serial:x")
    assert gun_of(status(state, "Honeywell 1900")).name == "Honeywell 1900"


def test_a_scan_is_a_secret_from_here_on() -> None:
    read = scan_read(Scan(text=CODE, at_ms=1, device="serial:x"))
    assert read.text.reveal() == CODE
    assert CODE not in repr(read)


def test_noise_is_heard_as_an_empty_scan_and_a_stray_byte_is_not() -> None:
    heard = noise_read(Noise(reason=NoiseReason.BAD_CHECKSUM, length=18, at_ms=1, device="x"))
    assert heard is not None
    assert heard.text.reveal() == ""
    assert noise_read(Noise(reason=NoiseReason.FRAGMENT, length=1, at_ms=1, device="x")) is None


@pytest.mark.parametrize(
    ("states", "lamp"),
    [
        ((), GunState.NONE),
        ((GunState.READY,), GunState.READY),
        ((GunState.SEARCHING,), GunState.SEARCHING),
        ((GunState.READY, GunState.SEARCHING), GunState.READY),
        ((GunState.READY, GunState.LOST), GunState.LOST),
        ((GunState.SEARCHING, GunState.LOST), GunState.LOST),
    ],
)
def test_one_lamp_says_what_needs_a_hand_first(states: tuple[GunState, ...], lamp: GunState) -> None:
    assert most_urgent(GunSeen(gun=state) for state in states).gun is lamp


def test_a_till_without_a_name_is_known_by_its_id() -> None:
    terminal = TerminalIdentity(
        terminal_id="T1", terminal_name="", epoch=1, store_id="s", store_name="茶店", merchant_id="m",
        merchant_name="M", gateway_url="https://g", gateway_keys={}, root_keys={},
    )  # fmt: skip
    identity = identity_of(terminal)
    assert (identity.store, identity.terminal, identity.activated) == ("茶店", "T1", True)


def test_every_blocking_reason_has_a_sentence_and_others_become_one_that_has() -> None:
    assert set(BLOCKED_REASONS) == BLOCKING
    errors: list[tuple[SyncError, Reason]] = [
        (FolderLockedError("f"), Reason.FOLDER_LOCKED),
        (JournalDamagedError("x"), Reason.JOURNAL_DAMAGED),
        (DiskError(Reason.DISK_FULL, "x"), Reason.DISK_FULL),
        (NotActivatedError(str(Path("x"))), Reason.FOLDER_UNREADABLE),
    ]
    assert [blocking_reason(error) for error, _ in errors] == [reason for _, reason in errors]


def test_a_gun_that_cannot_be_served_is_looked_for_and_the_lamp_changes_only_when_it_does() -> None:
    told: list[GunSeen | ScanRead] = []
    guns = Guns(
        ("serial:a", "camera:9"),
        told.append,
        start=lambda uri, on_event: BadScannerUri(text=uri, problem="no", suggestion="yes"),
    )
    assert told == [GunSeen(gun=GunState.SEARCHING, name="serial:a")]
    assert guns.now().gun is GunState.SEARCHING
    assert [gun.name for gun in guns.all()] == ["serial:a", "camera:9"]
    guns.close()
