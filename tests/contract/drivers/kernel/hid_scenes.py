"""Scenes with HID POS guns. Run inside the virtual machine; what the facts must be is said by the tests."""

from __future__ import annotations

import time

from drivers.scanner.hidapi_backend import HidapiBackend
from drivers.scanner.inventory_hid import list_hid_devices
from tests.contract.drivers.kernel.listener import WAIT_S, Listener
from tests.contract.drivers.kernel.scene import (
    AWAY_S,
    FIRST,
    HONEYWELL,
    NEWLAND,
    SECOND,
    THIRD,
    Facts,
    ms_between,
    until,
)
from tests.contract.drivers.kernel.uhid_gun import VENDOR_OWN, VirtualHid


def aim_report(data: str, aim: str = "]C0", *, more: bool = False) -> bytes:
    """Give a report of the layout that has the AIM identifier before the data."""
    return (bytes([2, len(data)]) + (aim + data).encode()).ljust(63, b"\0") + bytes([more])


def plain_report(data: bytes, *, more: bool = False) -> bytes:
    """Give a report of the layout that has none."""
    return (bytes([2, len(data)]) + data).ljust(63, b"\0") + bytes([more])


# --- HID POS --------------------------------------------------------------------------------------------------------


def hid_layouts() -> Facts:
    """Both layouts, long codes, replies in between; what the gun is sent; a second program."""
    gun = VirtualHid(vid=HONEYWELL[0], pid=HONEYWELL[1], name="Guitai Test Gun", serial="H1")
    other = VirtualHid(vid=HONEYWELL[0], pid=0x0001, name="Maker's own", descriptor=VENDOR_OWN)
    until(lambda: len(HidapiBackend().entries()) == 2)
    listener = Listener("hid:")
    listener.wait_for("ready")
    gun.wait_for_sent(1, WAIT_S)
    for report in (
        aim_report(FIRST),
        aim_report("REVINF: made up", "]X0"),
        plain_report(SECOND.encode() + b"\r"),
        plain_report(b"\x02\x00\x00\x01\x00\x33\x31"),
        aim_report("https://example.com/".ljust(56, "a"), "]Q1", more=True),
        aim_report("and-its-end", "]Q1"),
        plain_report(b"https://example.com/".ljust(56, b"p"), more=True),
        plain_report(b"and-its-end\r"),
        aim_report(THIRD),
    ):
        gun.send(report)
    listener.wait_for(f"scan ]C0 {THIRD}")
    second = Listener("hid:")
    second.wait_for("error")
    told_second = second.close()
    triggered = listener.scanner.trigger().name
    gun.wait_for_sent(2, WAIT_S)
    seen = [[device.role, device.uri, device.reason] for device in list_hid_devices()]
    facts: Facts = {"events": listener.close(), "second": told_second, "triggered": triggered, "inventory": seen}
    gun.unplug()
    other.unplug()
    return facts | {"sent": [report.hex() for report in gun.sent]}


def hid_newland_trigger() -> Facts:
    """A Newland gun gets its text command in output report 4."""
    gun = VirtualHid(vid=NEWLAND[0], pid=NEWLAND[1], name="Newland")
    listener = Listener("hid:1eab:0d10")
    listener.wait_for("ready")
    listener.scanner.trigger()
    gun.wait_for_sent(1, WAIT_S)
    listener.close()
    gun.unplug()
    return {"sent": [report.hex() for report in gun.sent]}


def hid_replug() -> Facts:
    """The cable is pulled in the middle of a long code, and the gun comes back under another node."""
    gun = VirtualHid(vid=NEWLAND[0], pid=NEWLAND[1], name="Gun", serial="N1")
    listener = Listener("hid:")
    listener.wait_for("ready")
    before = hid_nodes(NEWLAND)
    gun.send(plain_report(b"9" * 56, more=True))
    gun.send(plain_report(b"9" * 56, more=True))
    pulled = time.monotonic()
    gun.unplug()
    lost_ms = ms_between(pulled, listener.wait_for("lost"))
    listener.wait_for("missing")
    other = VirtualHid(vid=0x1234, pid=0x0001, name="Takes the node", descriptor=VENDOR_OWN)
    time.sleep(AWAY_S)
    gun = VirtualHid(vid=NEWLAND[0], pid=NEWLAND[1], name="Gun", serial="N1")
    after = until(lambda: hid_nodes(NEWLAND))
    back_ms = ms_between(time.monotonic(), listener.wait_for("ready", 2))
    gun.send(plain_report(FIRST.encode()))
    listener.wait_for("scan")
    facts: Facts = {"events": listener.close(), "before": before, "after": after}
    gun.unplug()
    other.unplug()
    return facts | {"lost_ms": lost_ms, "back_ms": back_ms}


def hid_nodes(ids: tuple[int, int]) -> list[str]:
    """Give the nodes of the devices with these ids."""
    return [entry.path.decode() for entry in HidapiBackend().entries() if (entry.vid, entry.pid) == ids]
