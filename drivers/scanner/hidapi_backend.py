"""The one typed wrapper round hidapi, and the lock that makes a hidraw node ours.

Rules: on Linux the module is `hidraw`; `hid` of the same wheel is its libusb backend, which knows no usage pages and
takes the device from the kernel. Elsewhere it is `hid`. hidraw is not exclusive (every open handle gets every report,
so two programs would be two payments): an advisory lock on the node keeps two of ours apart. Only `OSError` leaves.
Must not know reports, scans or URIs.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from msgspec import Struct

_USB_PLACE = re.compile(r"/(\d+-[0-9.]+):\d+\.\d+/")


class HidEntry(Struct, frozen=True, kw_only=True):
    """One HID collection that the system lists. `location` is the USB place such as `1-1.2`, where it is known."""

    path: bytes
    vid: int
    pid: int
    usage_page: int
    usage: int
    serial_number: str | None = None
    location: str | None = None
    maker: str = ""
    product: str = ""


class HidHandle(Protocol):
    """An open device, as hidapi's `device`."""

    def read(self, max_length: int, timeout_ms: int = 0, /) -> Sequence[int]:
        """Give one report, or nothing on time-out. A time-out of 0 blocks."""
        ...

    def write(self, buff: bytes, /) -> int:
        """Send one output report, report id first; -1 on failure."""
        ...

    def send_feature_report(self, buff: bytes, /) -> int:
        """Send one feature report, report id first; -1 on failure."""
        ...

    def close(self) -> None:
        """Let the device go."""
        ...


class NodeLocked(OSError):
    """Another program of ours holds this device."""


class HidBackend(Protocol):
    """What a scanner needs of hidapi."""

    def entries(self) -> tuple[HidEntry, ...]:
        """List every HID collection now."""
        ...

    def may_open(self, path: bytes) -> bool:
        """Whether this user may open the node; True where the system cannot tell beforehand."""
        ...

    def open(self, path: bytes) -> HidHandle:
        """Open one. Raises `NodeLocked` or another OSError."""
        ...


class _HidapiDevice(HidHandle, Protocol):
    def open_path(self, device_path: bytes, /) -> None: ...


class _Hidapi(Protocol):
    def enumerate(self) -> list[dict[str, object]]: ...

    def device(self) -> _HidapiDevice: ...


class HidapiBackend:
    """The installed hidapi."""

    def __init__(self) -> None:
        """Raise ImportError where hidapi is not installed."""
        name = "hidraw" if sys.platform == "linux" else "hid"
        self._hidapi = cast(_Hidapi, importlib.import_module(name))

    def entries(self) -> tuple[HidEntry, ...]:
        """List every HID collection now."""
        return tuple(_entry(row) for row in self._hidapi.enumerate())

    def may_open(self, path: bytes) -> bool:
        """Whether this user may open the node."""
        return sys.platform != "linux" or not os.path.exists(path) or os.access(path, os.R_OK | os.W_OK)

    def open(self, path: bytes) -> HidHandle:
        """Open one, locked where the system has locks on nodes."""
        lock = lock_node(path)
        handle = self._hidapi.device()
        try:
            handle.open_path(path)
        except OSError:
            _unlock(lock)
            raise
        return _LockedHandle(handle, lock)


class _LockedHandle:
    """A handle and the lock that goes with it."""

    def __init__(self, handle: HidHandle, lock: int | None) -> None:
        self._handle = handle
        self._lock = lock

    def read(self, max_length: int, timeout_ms: int = 0, /) -> Sequence[int]:
        return self._handle.read(max_length, timeout_ms)

    def write(self, buff: bytes, /) -> int:
        return self._handle.write(buff)

    def send_feature_report(self, buff: bytes, /) -> int:
        return self._handle.send_feature_report(buff)

    def close(self) -> None:
        lock, self._lock = self._lock, None
        try:
            self._handle.close()
        finally:
            _unlock(lock)


def lock_node(path: bytes) -> int | None:
    """Lock a device node for this process; None where the path is no node. Raises `NodeLocked` where it is taken."""
    if sys.platform == "win32" or not os.path.exists(path):
        return None
    import fcntl  # POSIX only

    node = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(node, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(node)
        raise NodeLocked(error.errno, "another program reads this scanner") from error
    return node


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


def _entry(row: Mapping[str, object]) -> HidEntry:
    path = cast(bytes, row["path"])
    return HidEntry(
        path=path,
        vid=cast(int, row["vendor_id"]),
        pid=cast(int, row["product_id"]),
        usage_page=cast(int, row.get("usage_page") or 0),
        usage=cast(int, row.get("usage") or 0),
        serial_number=cast(str | None, row.get("serial_number")) or None,
        location=usb_place(os.path.realpath(b"/sys/class/hidraw/" + os.path.basename(path))),
        maker=cast(str | None, row.get("manufacturer_string")) or "",
        product=cast(str | None, row.get("product_string")) or "",
    )


def usb_place(sysfs_path: bytes) -> str | None:
    """Give the USB place within a sysfs path: `.../1-1.2:1.0/0003:...` is `1-1.2`."""
    found = _USB_PLACE.search(os.fsdecode(sysfs_path))
    return found.group(1) if found else None
