"""A virtual keyboard of the kernel's uinput: what it types comes out of /dev/input/event*, as from a gun that types.

Constants and structures are those of linux/uinput.h and linux/input.h. Must not know drivers.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time

_SET_EVBIT, _SET_KEYBIT, _SETUP, _CREATE, _DESTROY = 0x40045564, 0x40045565, 0x405C5503, 0x5501, 0x5502
_SYN, _KEY = 0, 1
_BUS_USB = 3
_ENTER = 28
_POLLED_EVERY_S = 0.005
_EVENT = struct.Struct("@llHHi")
_GRAB = 0x40044590


class VirtualKeyboard:
    """One plugged-in keyboard with digits and Enter, until ``unplug``."""

    def __init__(self, *, vid: int, pid: int, name: str) -> None:
        """Plug it in."""
        self._uinput = os.open("/dev/uinput", os.O_WRONLY | os.O_CLOEXEC)
        for event_type in (_SYN, _KEY):
            fcntl.ioctl(self._uinput, _SET_EVBIT, event_type)
        for key in (*range(2, 12), _ENTER):
            fcntl.ioctl(self._uinput, _SET_KEYBIT, key)
        fcntl.ioctl(self._uinput, _SETUP, struct.pack("=HHHH80sI", _BUS_USB, vid, pid, 1, name.encode(), 0))
        fcntl.ioctl(self._uinput, _CREATE)

    def type(self, digits: str) -> None:
        """Press and release the keys of ``digits`` and Enter, at the pace of a USB keyboard."""
        for report in _reports(digits):
            os.write(self._uinput, report)
            time.sleep(_POLLED_EVERY_S)

    def type_at_once(self, digits: str) -> None:
        """The same without any pause: no reader can follow, and the kernel keeps 64 events."""
        os.write(self._uinput, b"".join(_reports(digits)))

    def unplug(self) -> None:
        """Pull the cable."""
        fcntl.ioctl(self._uinput, _DESTROY)
        os.close(self._uinput)


def _reports(digits: str) -> list[bytes]:
    keys = [11 if digit == "0" else int(digit) + 1 for digit in digits] + [_ENTER]
    ends = _EVENT.pack(0, 0, _SYN, 0, 0)
    return [_EVENT.pack(0, 0, _KEY, key, pressed) + ends for key in keys for pressed in (1, 0)]


class Desktop:
    """What a desktop does with a keyboard: it has it open, and reads what comes."""

    def __init__(self, path: str) -> None:
        """Open ``path`` without grabbing it."""
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def keys_seen(self) -> int:
        """Count the key events that have arrived. Raises OSError once the device is gone."""
        try:
            data = os.read(self._fd, 256 * _EVENT.size)
        except BlockingIOError:
            return 0
        return sum(1 for event in _EVENT.iter_unpack(data) if event[2] == _KEY)

    def try_to_grab(self) -> int:
        """Ask for the device alone; give the error number, 0 if that was granted."""
        try:
            fcntl.ioctl(self._fd, _GRAB, 1)
        except OSError as error:
            return error.errno or -1
        fcntl.ioctl(self._fd, _GRAB, 0)
        return 0

    def close(self) -> None:
        """Let it go."""
        os.close(self._fd)
