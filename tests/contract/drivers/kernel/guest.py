"""Runs inside the virtual machine: plugs virtual devices into its kernel, runs our drivers on them, prints the facts.

One JSON line per scene: {"scene", "facts"} or {"scene", "error"}. What the facts must be is said by the tests, outside.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable

from tests.contract.drivers.kernel.evdev_scenes import evdev_grab, evdev_overrun, evdev_replug
from tests.contract.drivers.kernel.hid_scenes import hid_layouts, hid_newland_trigger, hid_replug
from tests.contract.drivers.kernel.scene import Facts
from tests.contract.drivers.kernel.usb_scenes import camera_replug, serial_replug

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
