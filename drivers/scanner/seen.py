"""One device that this computer has, as set-up and `guitai doctor` list it. A value; must not know any device."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.uri import ScannerKind


class DeviceRole(StrEnum):
    """What a device is, as far as it tells."""

    SCANNER = "scanner"
    POSSIBLE = "possible"  # a keyboard or a converter: a gun may be behind it
    CAMERA = "camera"
    OTHER = "other"


class DeviceSeen(Struct, frozen=True, kw_only=True):
    """One device. `uri` is what to write to use it; `reason` and `hint` say why it cannot be used as it is."""

    kind: ScannerKind
    role: DeviceRole
    uri: str
    title: str
    reason: StatusReason | None = None
    hint: HintKey | None = None

    @property
    def usable(self) -> bool:
        """Whether nothing is known to stand in the way."""
        return self.reason is None
