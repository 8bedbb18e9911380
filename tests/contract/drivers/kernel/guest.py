"""Runs inside the virtual machine: plugs virtual devices into its kernel, runs our drivers on them, prints the facts.

One JSON line per scene: {"scene", "facts"} or {"scene", "error"}. What the facts must be is said by the tests, outside.
The codes are made up here and pay nothing.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable
from typing import TypeVar

from drivers.camera.inventory import list_cameras
from drivers.scanner.hidapi_backend import HidapiBackend
from drivers.scanner.input_devices import list_input_devices
from drivers.scanner.inventory import list_serial_devices
from drivers.scanner.inventory_evdev import list_keyboards
from drivers.scanner.inventory_hid import list_hid_devices
from drivers.scanner.serial_port import list_serial_ports
from tests.contract.drivers.kernel import vivid_camera
from tests.contract.drivers.kernel.acm_gadget import VirtualSerialGun
from tests.contract.drivers.kernel.listener import WAIT_S, Listener
from tests.contract.drivers.kernel.uhid_gun import VENDOR_OWN, VirtualHid
from tests.contract.drivers.kernel.uinput_keys import Desktop, VirtualKeyboard

_Result = TypeVar("_Result")
Facts = dict[str, object]

HONEYWELL, NEWLAND, KEYBOARD_GUN, OTHER_KEYBOARD = (
    (0x0C2E, 0x0B61),
    (0x1EAB, 0x0D10),
    (0x05FE, 0x1010),
    (0x046D, 0xC31C),
)
FIRST, SECOND, THIRD = "134567890123456789", "284567890123456789", "6212345678901234567"
NEWLAND_TRIGGER_BYTES = 16
LOOK_EVERY_S = 0.02
QUIET_S = 1.5
"""Longer than any silence that ends a code."""
LONGER_THAN_A_HANG_S = 7.0
AWAY_S = 2.5
"""How long a cable stays out: by then the driver looks at its slowest."""


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


# --- evdev ----------------------------------------------------------------------------------------------------------


def evdev_grab() -> Facts:
    """A grabbed gun types into our program alone; the others get it back afterwards."""
    gun = VirtualKeyboard(vid=KEYBOARD_GUN[0], pid=KEYBOARD_GUN[1], name="Guitai Test Keys")
    [path] = until(lambda: event_nodes(KEYBOARD_GUN))
    desktop = Desktop(path)
    listener = Listener("evdev:?vid=05fe&pid=1010")
    listener.wait_for("ready")
    gun.type(FIRST)
    listener.wait_for("scan")
    facts: Facts = {"node": path, "desktop_while_grabbed": desktop.keys_seen(), "second_grab": desktop.try_to_grab()}
    second = Listener(f"evdev:{path}")
    second.wait_for("error")
    facts["second"] = second.close()
    facts["inventory"] = [[device.role, device.uri, device.reason] for device in list_keyboards()]
    facts["events"] = listener.close()
    gun.type("7")
    facts["desktop_afterwards"] = until(desktop.keys_seen)
    gun.unplug()
    facts["desktop_unplugged"] = error_number(desktop.keys_seen)
    desktop.close()
    return facts


def evdev_overrun() -> Facts:
    """More keys than the kernel keeps come at once, then a code at a gun's pace."""
    gun = VirtualKeyboard(vid=KEYBOARD_GUN[0], pid=KEYBOARD_GUN[1], name="Gun")
    listener = Listener("evdev:?vid=05fe&pid=1010")
    listener.wait_for("ready")
    gun.type_at_once(FIRST * 20)
    listener.wait_for("noise")
    time.sleep(QUIET_S)
    gun.type(SECOND)
    listener.wait_for("scan")
    events = listener.close()
    gun.unplug()
    return {"events": events}


def evdev_replug() -> Facts:
    """The gun of a numbered path comes back under another number, and the cashier's keyboard has taken the old one."""
    gun = VirtualKeyboard(vid=KEYBOARD_GUN[0], pid=KEYBOARD_GUN[1], name="Gun")
    [before] = until(lambda: event_nodes(KEYBOARD_GUN))
    listener = Listener(f"evdev:{before}")
    listener.wait_for("ready")
    gun.type(FIRST)
    listener.wait_for("scan")
    pulled = time.monotonic()
    gun.unplug()
    lost_ms = ms_between(pulled, listener.wait_for("lost"))
    listener.wait_for("missing")
    keyboard = VirtualKeyboard(vid=OTHER_KEYBOARD[0], pid=OTHER_KEYBOARD[1], name="Cashier's keyboard")
    [taken] = until(lambda: event_nodes(OTHER_KEYBOARD))
    time.sleep(AWAY_S)
    gun = VirtualKeyboard(vid=KEYBOARD_GUN[0], pid=KEYBOARD_GUN[1], name="Gun")
    after = until(lambda: event_nodes(KEYBOARD_GUN))
    back_ms = ms_between(time.monotonic(), listener.wait_for("ready", 2))
    desktop = Desktop(taken)
    keyboard.type("42")
    typed = until(desktop.keys_seen)
    gun.type(SECOND)
    listener.wait_for("scan", 2)
    facts: Facts = {"events": listener.close(), "before": [before], "taken": [taken], "after": after}
    desktop.close()
    gun.unplug()
    keyboard.unplug()
    return facts | {"lost_ms": lost_ms, "back_ms": back_ms, "keyboard_typed": typed}


def event_nodes(ids: tuple[int, int]) -> list[str]:
    """Give the nodes of the input devices with these ids."""
    return [device.path for device in list_input_devices() if (device.vid, device.pid) == ids]


def error_number(call: Callable[[], object]) -> int:
    """Give the number of the OSError of ``call``, 0 if there is none."""
    try:
        call()
    except OSError as error:
        return error.errno or -1
    return 0


# --- USB serial -----------------------------------------------------------------------------------------------------


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


# --- camera ---------------------------------------------------------------------------------------------------------


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


def ms_between(start_s: float, end_s: float) -> int:
    """Give the time from one monotonic second to another; negative if the driver was there first."""
    return round((end_s - start_s) * 1000)


def until(look: Callable[[], _Result]) -> _Result:
    """Look until there is something: the kernel registers devices in its own time."""
    deadline = time.monotonic() + WAIT_S
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(LOOK_EVERY_S)
    return found


SCENES = (
    hid_layouts,
    hid_newland_trigger,
    hid_replug,
    evdev_grab,
    evdev_overrun,
    evdev_replug,
    serial_replug,
    camera_replug,
)


def play(scene: Callable[[], Facts]) -> None:
    """Play one scene and print its line."""
    try:
        line: Facts = {"scene": scene.__name__, "facts": scene()}
    except Exception:  # noqa: BLE001 - whatever went wrong in a scene is its result
        line = {"scene": scene.__name__, "error": traceback.format_exc()}
    print(json.dumps(line), flush=True)


def main() -> None:
    """Play every scene in a process of its own: when it ends, the kernel unplugs what a failed scene has left."""
    for scene in SCENES:
        child = os.fork()
        if child == 0:
            play(scene)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
