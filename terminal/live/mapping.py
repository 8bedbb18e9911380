"""From the words of sync and drivers to those of the screen. Pure tables; must not know threads, files or devices.

A scan's text is wrapped as a secret here, at the first moment it is ours; noise has no text to pass on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from drivers.scanner.events import DeviceState, DeviceStatus, Noise, NoiseReason, Scan
from protocol.reasons import Reason
from protocol.secret import Secret
from terminal.cashier.ports import GunSeen, GunState, Identity, ScanRead

if TYPE_CHECKING:
    from sync.errors import SyncError
    from sync.folder import TerminalIdentity

_GUN: Final = {
    DeviceState.READY: GunState.READY,
    DeviceState.LOST: GunState.LOST,
    DeviceState.MISSING: GunState.SEARCHING,
    DeviceState.OPENING: GunState.SEARCHING,
    DeviceState.ERROR: GunState.SEARCHING,
}
#: Which gun is told about when several are set up: what needs a hand comes first.
_URGENCY: Final = (GunState.LOST, GunState.SEARCHING, GunState.READY, GunState.NONE)

#: Reasons that a folder cannot be used with, as the screen knows them; anything else is its unreadable folder.
BLOCKING: Final = frozenset(
    {
        Reason.FOLDER_LOCKED, Reason.FOLDER_UNREADABLE, Reason.JOURNAL_DAMAGED, Reason.JOURNAL_NEWER,
        Reason.DISK_FULL, Reason.DISK_READ_ONLY, Reason.CONFIG_DAMAGED,
    }
)  # fmt: skip

_EMPTY_NOISE: Final = frozenset({NoiseReason.EMPTY, NoiseReason.FRAGMENT})


def identity_of(terminal: TerminalIdentity, *, operator: str = "") -> Identity:
    """Who sells here."""
    name = terminal.terminal_name or terminal.terminal_id
    return Identity(store=terminal.store_name, terminal=name, operator=operator)


def scan_read(scan: Scan) -> ScanRead:
    """What a gun read."""
    return ScanRead(text=Secret(scan.text))


def noise_read(noise: Noise) -> ScanRead | None:
    """A burst that cannot be believed is an empty scan: the cashier hears of it. Line noise is nothing."""
    return None if noise.reason in _EMPTY_NOISE and noise.length < 2 else ScanRead(text=Secret(""))


def gun_of(status: DeviceStatus) -> GunSeen:
    """One gun's state; its name is the device, or the URI while nothing is open."""
    return GunSeen(gun=_GUN[status.state], name=status.description or status.device)


def most_urgent(guns: Iterable[GunSeen]) -> GunSeen:
    """What the one lamp says about all guns. One that works is enough unless another was there and is gone."""
    seen = tuple(guns)
    if not seen:
        return GunSeen(gun=GunState.NONE)
    if any(gun.gun is GunState.READY for gun in seen):
        seen = tuple(gun for gun in seen if gun.gun is not GunState.SEARCHING)
    return min(seen, key=lambda gun: _URGENCY.index(gun.gun))


def blocking_reason(error: SyncError) -> Reason:
    """Why a folder's till cannot be opened, as a reason that has a sentence."""
    return error.reason if error.reason in BLOCKING else Reason.FOLDER_UNREADABLE
