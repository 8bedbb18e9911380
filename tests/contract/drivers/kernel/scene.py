"""What all scenes of the virtual machine share: codes, ids, times, and waiting for the kernel.

The codes are made up here and pay nothing. Must not know drivers or devices.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests.contract.drivers.kernel.listener import WAIT_S

_Result = TypeVar("_Result")
Facts = dict[str, object]

HONEYWELL, NEWLAND, KEYBOARD_GUN, OTHER_KEYBOARD = (
    (0x0C2E, 0x0B61),
    (0x1EAB, 0x0D10),
    (0x05FE, 0x1010),
    (0x046D, 0xC31C),
)
FIRST, SECOND, THIRD = "134567890123456789", "284567890123456789", "6212345678901234567"
AWAY_S = 2.5
"""How long a cable stays out: by then the driver looks at its slowest."""
_LOOK_EVERY_S = 0.02


def ms_between(start_s: float, end_s: float) -> int:
    """Give the time from one monotonic second to another; negative if the driver was there first."""
    return round((end_s - start_s) * 1000)


def until(look: Callable[[], _Result]) -> _Result:
    """Look until there is something: the kernel registers devices in its own time."""
    deadline = time.monotonic() + WAIT_S
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(_LOOK_EVERY_S)
    return found
