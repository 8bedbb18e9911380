"""Times as the shop reads them, in its own zone. Instants arrive as Unix milliseconds."""

from __future__ import annotations

from datetime import datetime, tzinfo


def clock(unix_ms: int, zone: tzinfo) -> str:
    """`14:03`."""
    return _at(unix_ms, zone).strftime("%H:%M")


def clock_seconds(unix_ms: int, zone: tzinfo) -> str:
    """`14:03:22`."""
    return _at(unix_ms, zone).strftime("%H:%M:%S")


def moment(unix_ms: int, zone: tzinfo) -> str:
    """`11-22 14:03`."""
    return _at(unix_ms, zone).strftime("%m-%d %H:%M")


def _at(unix_ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, zone)
