"""Whether this computer has a screen that the app could show its window on, and what is said when it has none."""

from __future__ import annotations

import os
import sys

NO_DISPLAY = "No display was found: the app runs offscreen, without a window."


def has_display() -> bool:
    """True where a window can be shown; outside Linux always."""
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
