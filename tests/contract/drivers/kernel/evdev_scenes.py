"""Scenes with guns in keyboard mode. Run inside the virtual machine; what the facts must be is said by the tests."""

from __future__ import annotations

import time
from collections.abc import Callable

from drivers.scanner.input_devices import list_input_devices
from drivers.scanner.inventory_evdev import list_keyboards
from tests.contract.drivers.kernel.listener import Listener
from tests.contract.drivers.kernel.scene import (
    AWAY_S,
    FIRST,
    KEYBOARD_GUN,
    OTHER_KEYBOARD,
    SECOND,
    Facts,
    ms_between,
    until,
)
from tests.contract.drivers.kernel.uinput_keys import Desktop, VirtualKeyboard

QUIET_S = 1.5
"""Longer than any silence that ends a code."""


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
