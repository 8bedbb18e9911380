"""Our scanner drivers on devices of a real Linux kernel: hidraw, evdev with its grab, USB serial, a camera.

The devices are virtual (uhid, uinput, a USB gadget on dummy_hcd, vivid) but everything between them and our code is the
kernel's own, in an emulated machine that boots Debian's stock kernel once for all tests here. How to run it, on
Debian, x86-64; nothing of it needs root except the first line, and no KVM is used::

    apt-get install --no-install-recommends qemu-system-x86 busybox-static
    export GUITAI_KERNEL_CACHE=$HOME/.cache/guitai-kernel && mkdir -p "$GUITAI_KERNEL_CACHE"
    cd "$GUITAI_KERNEL_CACHE"
    apt-get download "$(apt-cache depends linux-image-amd64 | awk '/Depends:/ {print $2}')"
    cd -
    GUITAI_KERNEL_TESTS=1 .venv/bin/pytest tests/contract/drivers/kernel

What is missing is said as the reason of the skip. The kernel package (70 MB) is unpacked in that folder once (400 MB)
and never installed. The machine reads this computer's files with the rights of whoever runs it and cannot write any.
A run takes about a minute on two cores. If it fails, ``console.txt`` in pytest's temporary folder has the kernel's
words.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from tests.contract.drivers.kernel.machine import CACHE, run_module, unpack_kernel, what_is_missing
from tests.contract.drivers.kernel.vivid_camera import MODULE as VIVID

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

_DEVICES = ("hid_generic", "uhid", "evdev", "uinput", "dummy_hcd num=2", "libcomposite", "usb_f_acm", "cdc_acm", VIVID)
_FIRST, _SECOND, _THIRD = "134567890123456789", "284567890123456789", "6212345678901234567"
_EBUSY, _ENODEV = 16, 19
_BACK_WITHIN_MS = 2000
"""A gun that is plugged in again is in use this soon after the system lists it."""

Facts = dict[str, object]
Scene = Callable[[str], Facts]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Run the machine once; give the facts of one scene of ``guest`` by its name."""
    missing = what_is_missing()
    if missing is not None:
        pytest.skip(f"missing: {missing}")
    kernel = unpack_kernel(Path(os.environ[CACHE]))
    lines = run_module(kernel, "tests.contract.drivers.kernel.guest", _DEVICES, tmp_path_factory.mktemp("machine"))
    told = {str(line["scene"]): line for line in (cast(Facts, json.loads(text)) for text in lines)}

    def facts_of(name: str) -> Facts:
        assert name in told, f"the machine did not play it; it played {list(told)}"
        assert "facts" in told[name], told[name]["error"]
        return cast(Facts, told[name]["facts"])

    return facts_of


def came_back(facts: Facts) -> bool:
    """Whether the gun was in use again in time, under another name."""
    return cast(int, facts["back_ms"]) < _BACK_WITHIN_MS and facts["before"] != facts["after"]


def test_hid_reports_of_both_layouts_become_scans_and_replies_do_not(scene: Scene) -> None:
    """Reports with and without AIM identifier, codes over two reports, replies to commands in between: five scans."""
    long = "https://example.com/"
    assert scene("hid_layouts")["events"] == [
        "opening",
        "ready Guitai Test Gun (0c2e:0b61)",
        f"scan ]C0 {_FIRST}",
        f"scan - {_SECOND}",
        f"scan ]Q1 {long.ljust(56, 'a')}and-its-end",
        f"scan - {long.ljust(56, 'p')}and-its-end",
        f"scan ]C0 {_THIRD}",
    ]


def test_a_hid_gun_gets_what_its_maker_asks_for(scene: Scene) -> None:
    """Honeywell: output is turned on by feature report 0xFE, commands go in 0xFD; Newland: in 4."""
    honeywell = scene("hid_layouts")
    assert (honeywell["triggered"], honeywell["sent"]) == ("QUEUED", ["fe01", "fd0316540d"])
    newland = b"\x04\x10~\x010000#SCNTRG1;\x03".ljust(64, b"\0")
    assert scene("hid_newland_trigger")["sent"] == [newland.hex()]


def test_a_hid_gun_is_read_by_one_program_only(scene: Scene) -> None:
    """hidraw would give both every code: the second is told BUSY, and the list of devices says so too."""
    facts = scene("hid_layouts")
    assert facts["second"] == ["opening", "error busy"]
    assert facts["inventory"] == [
        ["scanner", "hid:0c2e:0b61?serial=H1", "busy"],
        ["possible", "hid:0c2e:0001", "not_a_scanner"],
    ]


def test_a_hid_gun_comes_back_under_another_node(scene: Scene) -> None:
    """Pulled in the middle of a long code: LOST, in use again in time, and nothing of the old code is in the next."""
    facts = scene("hid_replug")
    assert facts["events"] == [
        "opening",
        "ready Gun (1eab:0d10)",
        "lost unplugged",
        "missing not_found",
        "ready Gun (1eab:0d10)",
        f"scan - {_FIRST}",
    ]
    assert came_back(facts), facts


def test_a_grabbed_gun_types_into_our_program_alone(scene: Scene) -> None:
    """EVIOCGRAB: no key reaches another reader, nobody else can grab; afterwards the desktop has its keyboard back."""
    facts = scene("evdev_grab")
    node = cast(str, facts["node"])
    assert facts["events"] == ["opening", f"ready Guitai Test Keys (05fe:1010, {node})", f"scan - {_FIRST}"]
    assert facts["desktop_while_grabbed"] == 0
    assert facts["second_grab"] == _EBUSY
    assert facts["second"] == ["opening", "error busy"]
    assert facts["desktop_afterwards"] == 4  # one digit and Enter, down and up
    assert facts["desktop_unplugged"] == _ENODEV
    assert ["scanner", f"evdev:{node}", None] in cast(list[object], facts["inventory"])


def test_keys_that_the_kernel_dropped_never_make_a_shorter_code(scene: Scene) -> None:
    """More keys than the kernel keeps become noise; the next code is whole."""
    events = cast(list[str], scene("evdev_overrun")["events"])
    assert any(line.startswith("noise") for line in events), events
    assert [line for line in events if line.startswith("scan")] == [f"scan - {_SECOND}"]


def test_a_grabbed_gun_comes_back_and_the_cashiers_keyboard_is_left_alone(scene: Scene) -> None:
    """The keyboard that took the gun's number is neither read nor grabbed; the gun is found by what it is."""
    facts = scene("evdev_replug")
    [before], [after] = cast(list[str], facts["before"]), cast(list[str], facts["after"])
    assert facts["events"] == [
        "opening",
        f"ready Gun (05fe:1010, {before})",
        f"scan - {_FIRST}",
        "lost unplugged",
        "missing not_found",
        f"ready Gun (05fe:1010, {after})",
        f"scan - {_SECOND}",
    ]
    assert facts["taken"] == [before]
    assert facts["keyboard_typed"] == 6
    assert came_back(facts), facts


def test_a_usb_serial_gun_is_read_commanded_and_found_again(scene: Scene) -> None:
    """CDC-ACM: codes cut by transfers are whole, the maker's command arrives, another ttyACM name is no obstacle."""
    facts = scene("serial_replug")
    [before], [after] = cast(list[str], facts["before"]), cast(list[str], facts["after"])
    assert facts["events"] == [
        "opening",
        f"ready gun ({before})",
        f"scan - {_FIRST}",
        f"scan - {_SECOND}",
        "lost unplugged",
        "missing not_found",
        f"ready gun ({after})",
        f"scan - {_THIRD}",
    ]
    assert bytes.fromhex(cast(str, facts["received"])) == b"~\x010000#SCNTRG1;\x03"
    assert facts["inventory"] == [["scanner", "serial:?vid=1eab&pid=0d10&serial=S1", "busy"]]
    assert came_back(facts), facts


def test_a_camera_is_lost_when_it_is_pulled_and_found_again(scene: Scene) -> None:
    """V4L2: pictures keep coming (else it would be given up after 5 s), a pattern is no code, the cable may go."""
    facts = scene("camera_replug")
    assert facts["in_use"] == ["opening", "ready camera 0"]
    assert facts["events"] == ["opening", "ready camera 0", "lost unplugged", "missing not_found", "ready camera 0"]
    assert facts["inventory"] == [["camera", "camera:0", None]]
    assert cast(int, facts["back_ms"]) < _BACK_WITHIN_MS, facts
