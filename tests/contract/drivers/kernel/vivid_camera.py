"""The kernel's virtual camera (vivid), a webcam that films a test pattern. Must not know drivers."""

from __future__ import annotations

from pathlib import Path

MODULE = "vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0"
"""How it is loaded: one webcam and no other nodes."""

_DRIVER = Path("/sys/bus/platform/drivers/vivid")
_DEVICE = "vivid.0"


def unplug() -> None:
    """Pull its cable: the node vanishes under whoever has it open."""
    (_DRIVER / "unbind").write_text(_DEVICE)


def plug_in() -> None:
    """Put it in again."""
    (_DRIVER / "bind").write_text(_DEVICE)
