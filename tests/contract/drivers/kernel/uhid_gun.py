"""A virtual USB HID device of the kernel's uhid: what it is follows from its report descriptor, as with a real one.

Its reports go through the kernel's HID core to /dev/hidraw*; what a program sends it (output and feature reports) is
kept. Constants and structures are those of linux/uhid.h. Must not know drivers.
"""

from __future__ import annotations

import os
import struct
import threading

_DESTROY, _OUTPUT, _GET_REPORT, _GET_REPORT_REPLY, _CREATE2, _INPUT2 = 1, 6, 9, 10, 11, 12
_SET_REPORT, _SET_REPORT_REPLY = 13, 14
_BUS_USB = 3
_EVENT_BYTES = 4 + 4372
_DATA_BYTES = 4096
_EIO = 5


def _report(kind: int, number: int, count: int) -> bytes:
    """One report of ``count`` bytes: 0x81 input, 0x91 output, 0xB1 feature."""
    return bytes([0x85, number, 0x09, 0x12, 0x75, 0x08, 0x95, count, kind, 0x02])


def _application(page: bytes, usage: int, *reports: bytes) -> bytes:
    limits = bytes([0x15, 0x00, 0x26, 0xFF, 0x00])
    return page + bytes([0x09, usage, 0xA1, 0x01]) + limits + b"".join(reports) + b"\xc0"


SCANNER = _application(
    b"\x05\x8c", 0x02, _report(0x81, 0x02, 63), _report(0x91, 0x04, 63), _report(0x91, 0xFD, 63), _report(0xB1, 0xFE, 1)
)
"""Usage page 0x8C, usage 2: a bar code scanner with the reports of Honeywell's and Newland's guns."""

VENDOR_OWN = _application(b"\x06\x00\xff", 0x01, _report(0x81, 0x01, 8))
"""A device of a maker's own kind: has a hidraw node and is no scanner."""


class VirtualHid:
    """One plugged-in device, until ``unplug``."""

    def __init__(self, *, vid: int, pid: int, name: str, serial: str = "", descriptor: bytes = SCANNER) -> None:
        """Plug it in; the kernel's side is ready once it asks to start."""
        self.sent: list[bytes] = []
        self._changed = threading.Condition()
        self._uhid = os.open("/dev/uhid", os.O_RDWR | os.O_CLOEXEC)
        texts = struct.pack("=128s64s64s", name.encode(), b"", serial.encode())
        numbers = struct.pack("=HHIIII", len(descriptor), _BUS_USB, vid, pid, 0x0100, 0)
        self._tell(_CREATE2, texts + numbers + descriptor.ljust(_DATA_BYTES, b"\0"))
        self._serving = threading.Thread(target=self._serve, name=f"uhid {name}", daemon=True)
        self._serving.start()

    def send(self, report: bytes) -> None:
        """Send one input report, report id first."""
        self._tell(_INPUT2, struct.pack("=H", len(report)) + report.ljust(_DATA_BYTES, b"\0"))

    def unplug(self) -> None:
        """Pull the cable."""
        self._tell(_DESTROY, b"")

    def wait_for_sent(self, count: int, timeout_s: float) -> None:
        """Wait until a program has sent ``count`` reports, as (kind, bytes) in ``sent``."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.sent) >= count, timeout_s), self.sent

    def _tell(self, kind: int, payload: bytes) -> None:
        os.write(self._uhid, struct.pack("=I", kind) + payload)

    def _serve(self) -> None:
        while True:
            event = os.read(self._uhid, _EVENT_BYTES)
            kind, body = struct.unpack_from("=I", event)[0], event[4:]
            if kind == _OUTPUT:
                (size,) = struct.unpack_from("=H", body, _DATA_BYTES)
                self._keep(body[:size])
            elif kind == _SET_REPORT:
                request, _number, _kind, size = struct.unpack_from("=IBBH", body)
                self._keep(body[8 : 8 + size])
                self._tell(_SET_REPORT_REPLY, struct.pack("=IH", request, 0))
            elif kind == _GET_REPORT:
                (request,) = struct.unpack_from("=I", body)
                self._tell(_GET_REPORT_REPLY, struct.pack("=IHH", request, _EIO, 0) + bytes(_DATA_BYTES))

    def _keep(self, report: bytes) -> None:
        with self._changed:
            self.sent.append(report)
            self._changed.notify_all()
