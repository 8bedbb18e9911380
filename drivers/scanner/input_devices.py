"""The Linux input devices: what is plugged in (from sysfs, no permission needed), and the exclusive grab.

A small reader of the kernel's interface (linux/input.h). Rules: a grabbed device types nowhere else; a device that is
gone is `Disconnected`. Linux only: elsewhere `list_input_devices` gives nothing and `grab` says so. Must not know what
keys mean.
"""

from __future__ import annotations

import errno
import os
import select
import struct
import sys
from pathlib import Path

from msgspec import Struct

from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.hidapi_backend import usb_place
from drivers.scanner.ports import Disconnected, OpenRefused, Transport

_SYSFS = Path("/sys/class/input")
_DEV = Path("/dev/input")
_EVIOCGRAB = 0x40044590  # _IOW('E', 0x90, int)
_READ_BYTES = 64 * 24
_LONG_BITS = 8 * struct.calcsize("@L")


class InputDevice(Struct, frozen=True, kw_only=True):
    """One event device. `keys` are the key numbers that it can send; `stable_path` survives replugging."""

    path: str
    name: str
    vid: int
    pid: int
    serial_number: str | None
    location: str | None
    keys: frozenset[int]
    stable_path: str | None = None


def list_input_devices(sysfs: Path = _SYSFS, dev: Path = _DEV) -> tuple[InputDevice, ...]:
    """List every event device, by number."""
    nodes = [node for node in sysfs.glob("event*") if node.name[5:].isdigit()]
    names = _stable_paths(dev)
    return tuple(_describe(node, dev, names) for node in sorted(nodes, key=lambda node: int(node.name[5:])))


def _describe(node: Path, dev: Path, names: dict[str, str]) -> InputDevice:
    device, path = node / "device", str(dev / node.name)
    return InputDevice(
        path=path,
        name=_text(device / "name"),
        vid=int(_text(device / "id" / "vendor") or "0", 16),
        pid=int(_text(device / "id" / "product") or "0", 16),
        serial_number=_text(device / "uniq") or None,
        location=usb_place(os.fsencode(os.path.realpath(device))),
        keys=_bits(_text(device / "capabilities" / "key")),
        stable_path=names.get(path),
    )


def _stable_paths(dev: Path) -> dict[str, str]:
    found = ((_link(link), str(link)) for link in sorted((dev / "by-id").glob("*")))
    return {str(dev / Path(target).name): link for target, link in found if target is not None}


def _link(path: Path) -> str | None:
    """Where it leads; None of what is none, or was taken away while it was being listed."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""  # a device that was pulled while it was being listed, or a kernel without this file


def _bits(words: str) -> frozenset[int]:
    """Take sysfs' bitmap apart: hexadecimal words of a C long, the highest first."""
    values = [int(word, 16) for word in reversed(words.split())]
    return frozenset(
        index * _LONG_BITS + bit for index, value in enumerate(values) for bit in range(_LONG_BITS) if value >> bit & 1
    )


class InputTransport:
    """One open event device, or anything else that gives its bytes by a file descriptor."""

    def __init__(self, fd: int) -> None:
        """Own `fd`, which does not block."""
        self._fd: int | None = fd
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def read(self, timeout_ms: int) -> bytes:
        """Give the events that have arrived, waiting for the first."""
        fd = self._live()
        ready, _, _ = select.select([fd, self._woken], [], [], timeout_ms / 1000)
        if self._woken in ready:
            os.read(self._woken, 4096)
        if fd not in ready:
            return b""
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise Disconnected(error.errno, "the keyboard device is gone") from error
        if not data:
            raise Disconnected("the keyboard device has ended")
        return data

    def write(self, data: bytes) -> None:
        """Refuse: a gun in keyboard mode takes no commands."""
        raise AssertionError("a keyboard has no command encoder")

    def flush_input(self) -> None:
        """Throw away what has arrived."""
        while self.read(0):
            pass

    def wake(self) -> None:
        """Make `read` return early."""
        if self._fd is not None:
            try:
                os.write(self._waker, b"w")
            except BlockingIOError:
                return  # the pipe is full of wake-ups already

    def close(self) -> None:
        """Let the device go; the kernel ends the grab with it."""
        fd, self._fd = self._fd, None
        if fd is not None:
            for one in (fd, self._woken, self._waker):
                os.close(one)

    def _live(self) -> int:
        if self._fd is None:
            raise Disconnected("closed")
        return self._fd


def grab(path: str) -> Transport | OpenRefused:
    """Open a device for this program alone."""
    if sys.platform != "linux":
        detail = "evdev exists on Linux only; set the gun to USB HID POS or USB serial"
        return OpenRefused(reason=StatusReason.LIBRARY_MISSING, hint=HintKey.CHECK_URI, detail=detail)
    import fcntl

    fd = -1
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(fd, _EVIOCGRAB, 1)
    except OSError as error:
        if fd >= 0:
            os.close(fd)
        return _refusal(error, path)
    return InputTransport(fd)


_REFUSALS = {
    errno.EBUSY: (StatusReason.BUSY, HintKey.CLOSE_OTHER_PROGRAM),
    errno.EACCES: (StatusReason.PERMISSION, HintKey.INSTALL_UDEV_RULE),
    errno.EPERM: (StatusReason.PERMISSION, HintKey.INSTALL_UDEV_RULE),
    errno.ENOENT: (StatusReason.NOT_FOUND, HintKey.PLUG_IN),
    errno.ENODEV: (StatusReason.NOT_FOUND, HintKey.PLUG_IN),
    errno.ENXIO: (StatusReason.NOT_FOUND, HintKey.PLUG_IN),
    errno.ENOTTY: (StatusReason.NOT_A_SCANNER, HintKey.CHECK_URI),
    errno.EINVAL: (StatusReason.NOT_A_SCANNER, HintKey.CHECK_URI),
    errno.EISDIR: (StatusReason.NOT_A_SCANNER, HintKey.CHECK_URI),
}


def _refusal(error: OSError, path: str) -> OpenRefused:
    reason, hint = _REFUSALS.get(error.errno or 0, (StatusReason.OPEN_FAILED, HintKey.CHECK_CABLE))
    return OpenRefused(reason=reason, hint=hint, detail=f"{path}: {error.strerror}")
