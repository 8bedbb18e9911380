"""Scenes with a USB serial gun and a camera. Run inside the virtual machine; the tests say what the facts must be."""

from __future__ import annotations

import time

from drivers.camera.inventory import list_cameras
from drivers.scanner.inventory import list_serial_devices
from drivers.scanner.serial_port import list_serial_ports
from tests.contract.drivers.kernel import vivid_camera
from tests.contract.drivers.kernel.acm_gadget import VirtualSerialGun
from tests.contract.drivers.kernel.listener import WAIT_S, Listener
from tests.contract.drivers.kernel.scene import AWAY_S, FIRST, NEWLAND, SECOND, THIRD, Facts, ms_between, until

NEWLAND_TRIGGER_BYTES = 16
LONGER_THAN_A_HANG_S = 7.0
"""A camera without pictures is given up before this."""


def serial_replug() -> Facts:
    """A CDC-ACM gun: codes cut anywhere, a command, and back under another name: its own was taken."""
    gun = VirtualSerialGun("gun", socket=0, vid=NEWLAND[0], pid=NEWLAND[1], serial="S1")
    other = VirtualSerialGun("other", socket=1, vid=0x1234, pid=0x0001, serial="S2")
    gun.plug_in()
    until(lambda: acm_nodes(NEWLAND))
    listener = Listener("serial:?vid=1eab&pid=0d10")
    listener.wait_for("ready")
    before = acm_nodes(NEWLAND)
    gun.send(FIRST[:7].encode(), FIRST[7:].encode() + b"\r" + SECOND[:3].encode(), SECOND[3:].encode() + b"\r\n")
    listener.wait_for("scan", 2)
    listener.scanner.trigger()
    received = gun.receive(NEWLAND_TRIGGER_BYTES, WAIT_S)
    inventory = [[seen.guess, seen.uri, seen.reason] for seen in list_serial_devices() if seen.vid is not None]
    pulled = time.monotonic()
    gun.unplug()
    lost_ms = ms_between(pulled, listener.wait_for("lost"))
    listener.wait_for("missing")
    other.plug_in()
    until(lambda: acm_nodes((0x1234, 0x0001)))
    time.sleep(AWAY_S)
    gun.plug_in()
    after = until(lambda: acm_nodes(NEWLAND))
    back_ms = ms_between(time.monotonic(), listener.wait_for("ready", 2))
    gun.send(THIRD.encode() + b"\r")
    listener.wait_for("scan", 3)
    facts: Facts = {"events": listener.close(), "before": before, "after": after, "received": received.hex()}
    gun.unplug()
    other.unplug()
    return facts | {"lost_ms": lost_ms, "back_ms": back_ms, "inventory": inventory}


def acm_nodes(ids: tuple[int, int]) -> list[str]:
    """Give the nodes of the serial ports with these ids."""
    return [port.path for port in list_serial_ports() if (port.vid, port.pid) == ids]


def camera_replug() -> Facts:
    """A webcam is in use for longer than a camera may hang, is pulled and comes back."""
    listener = Listener("camera:0")
    listener.wait_for("ready")
    time.sleep(LONGER_THAN_A_HANG_S)
    in_use = list(listener.lines)
    inventory = [[device.role, device.uri, device.reason] for device in list_cameras()]
    pulled = time.monotonic()
    vivid_camera.unplug()
    lost_ms = ms_between(pulled, listener.wait_for("lost"))
    listener.wait_for("missing")
    time.sleep(AWAY_S)
    vivid_camera.plug_in()
    back_ms = ms_between(time.monotonic(), listener.wait_for("ready", 2))
    return {
        "in_use": in_use,
        "events": listener.close(),
        "inventory": inventory,
        "lost_ms": lost_ms,
        "back_ms": back_ms,
    }
