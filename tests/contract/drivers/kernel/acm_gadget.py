"""A virtual USB serial gun: a CDC-ACM gadget on the kernel's dummy controller, plugged into the same kernel.

The gun's end is /dev/ttyGS*, the computer's end /dev/ttyACM* with vendor, product, serial number and USB place. The
dummy controller has as many sockets as it was loaded with. Must not know drivers.
"""

from __future__ import annotations

import os
import select
import tty
from pathlib import Path

_GADGETS = Path("/sys/kernel/config/usb_gadget")


class VirtualSerialGun:
    """One gun; ``plug_in`` and ``unplug`` as often as wanted."""

    def __init__(self, name: str, *, socket: int, vid: int, pid: int, serial: str) -> None:
        """Describe it; ``socket`` is the number of the dummy controller."""
        self._controller = f"dummy_udc.{socket}"
        self._gadget = _GADGETS / name
        strings, config = self._gadget / "strings" / "0x409", self._gadget / "configs" / "c.1"
        function = self._gadget / "functions" / f"acm.{name}"
        for folder in (self._gadget, strings, config, function):
            folder.mkdir()
        (self._gadget / "idVendor").write_text(hex(vid))
        (self._gadget / "idProduct").write_text(hex(pid))
        (strings / "serialnumber").write_text(serial)
        (strings / "product").write_text(name)
        (config / function.name).symlink_to(function)
        self._end = -1
        self._node = f"/dev/ttyGS{(function / 'port_num').read_text().strip()}"

    def plug_in(self) -> None:
        """Put the cable in."""
        self._end = os.open(self._node, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        tty.setraw(self._end)  # before anybody can send: a line that is not raw echoes
        (self._gadget / "UDC").write_text(self._controller)

    def unplug(self) -> None:
        """Pull the cable."""
        os.close(self._end)
        (self._gadget / "UDC").write_text("\n")

    def send(self, *parts: bytes) -> None:
        """Send ``parts``, one after the other."""
        for part in parts:
            os.write(self._end, part)

    def receive(self, count: int, timeout_s: float) -> bytes:
        """Give the first ``count`` bytes that a program sends, or what came in time."""
        data = b""
        while len(data) < count and select.select([self._end], [], [], timeout_s)[0]:
            data += os.read(self._end, count - len(data))
        return data
