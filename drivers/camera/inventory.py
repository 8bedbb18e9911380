"""The cameras of this computer, without switching one on.

Linux names them in sysfs; elsewhere no system call that needs no library lists them, so camera 0 is named as something
to try. Rules: OpenCV is looked for, not imported; a camera's second node (metadata) is not listed.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.seen import DeviceRole, DeviceSeen
from drivers.scanner.uri import ScannerKind

_SYSFS = Path("/sys/class/video4linux")
_DEV = Path("/dev")
_LIBRARIES = ("cv2", "numpy", "zxingcpp")


def missing_library() -> str | None:
    """Name the first library of the camera extra that is not installed."""
    return next((name for name in _LIBRARIES if importlib.util.find_spec(name) is None), None)


def list_cameras(
    sysfs: Path = _SYSFS, dev: Path = _DEV, missing: Callable[[], str | None] = missing_library
) -> tuple[DeviceSeen, ...]:
    """List every camera, by number."""
    if sys.platform != "linux":
        reason, hint = _library_hindrance(missing)
        return (_seen("0", "camera 0 (not tried)", reason, hint),)
    nodes = [node for node in sysfs.glob("video*") if node.name[5:].isdigit() and _text(node / "index") in ("", "0")]
    return tuple(_look_at(node, dev, missing) for node in sorted(nodes, key=lambda node: int(node.name[5:])))


def _look_at(node: Path, dev: Path, missing: Callable[[], str | None]) -> DeviceSeen:
    number, path = node.name[5:], dev / node.name
    reason, hint = _library_hindrance(missing)
    if not os.access(path, os.R_OK | os.W_OK):
        reason, hint = StatusReason.PERMISSION, HintKey.JOIN_VIDEO
    return _seen(number, f"{_text(node / 'name') or 'camera'} ({path})", reason, hint)


def _library_hindrance(missing: Callable[[], str | None]) -> tuple[StatusReason | None, HintKey | None]:
    if missing() is None:
        return None, None
    return StatusReason.LIBRARY_MISSING, HintKey.INSTALL_LIBRARY


def _seen(number: str, title: str, reason: StatusReason | None, hint: HintKey | None) -> DeviceSeen:
    uri = f"camera:{number}"
    return DeviceSeen(kind=ScannerKind.CAMERA, role=DeviceRole.CAMERA, uri=uri, title=title, reason=reason, hint=hint)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""  # pulled while it was being listed
