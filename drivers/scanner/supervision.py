"""What the supervisor of one device decides: when to look for it, when to let go, what to tell.

One total function: (state, event, now) -> (state, actions). Rules: a dead handle is closed before the device is looked
for again (else it comes back under another name); looking backs off from 250 ms to 1 s, so a gun that is plugged in
again is in use within 2 s, and one that opens and dies at once cannot spin; a status is published once per change.
Pure; it must not know threads or devices.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from drivers.scanner.events import DeviceState, DeviceStatus, HintKey, StatusReason

FIRST_RETRY_MS = 250
LAST_RETRY_MS = 1000
SHORT_LIFE_MS = 1000
"""A device lost sooner than this after opening is looked for with the back-off, so that it cannot spin."""


class Supervised(Struct, frozen=True, kw_only=True):
    """Where the supervisor stands. ``next_try_ms`` is when to look again; None while open or being opened."""

    status: DeviceStatus
    failures: int = 0
    next_try_ms: int | None = None
    ready_since_ms: int = 0


class TimePassed(Struct, frozen=True, kw_only=True):
    """Nothing happened; it may be time to try again."""


class DeviceOpened(Struct, frozen=True, kw_only=True):
    """The opener found the device and opened it."""

    description: str


class OpeningRefused(Struct, frozen=True, kw_only=True):
    """The opener did not get the device open."""

    reason: StatusReason
    hint: HintKey


class DeviceGone(Struct, frozen=True, kw_only=True):
    """Reading or writing failed: the open device is gone."""


SupervisionEvent = TimePassed | DeviceOpened | OpeningRefused | DeviceGone


class Publish(Struct, frozen=True, kw_only=True):
    """Tell this status."""

    status: DeviceStatus


class TryOpen(Struct, frozen=True, kw_only=True):
    """Ask the opener now."""


class CloseHandle(Struct, frozen=True, kw_only=True):
    """Close the dead handle, before anything else."""


SupervisionAction = Publish | TryOpen | CloseHandle


def begin(device: str, now_ms: int) -> Supervised:
    """Start: nothing known, look at once."""
    return Supervised(status=DeviceStatus(state=DeviceState.MISSING, device=device), next_try_ms=now_ms)


def decide(state: Supervised, event: SupervisionEvent, now_ms: int) -> tuple[Supervised, tuple[SupervisionAction, ...]]:
    """Give the next state and what to do, in order."""
    match event:
        case TimePassed():
            if state.next_try_ms is None or now_ms < state.next_try_ms:
                return state, ()
            return _try_open(state)
        case DeviceOpened(description=description):
            status = DeviceStatus(state=DeviceState.READY, device=state.status.device, description=description)
            opened = Supervised(status=status, failures=state.failures, ready_since_ms=now_ms)
            return opened, (Publish(status=status),)
        case OpeningRefused(reason=reason, hint=hint):
            return _refused(state, reason, hint, now_ms)
        case DeviceGone():
            return _lost(state, now_ms)
        case _:
            assert_never(event)


def _try_open(state: Supervised) -> tuple[Supervised, tuple[SupervisionAction, ...]]:
    trying = replace(state, next_try_ms=None)
    if state.failures or state.status.state is DeviceState.LOST:  # not announced anew at every look
        return trying, (TryOpen(),)
    status = DeviceStatus(state=DeviceState.OPENING, device=state.status.device)
    return replace(trying, status=status), (Publish(status=status), TryOpen())


def _lost(state: Supervised, now_ms: int) -> tuple[Supervised, tuple[SupervisionAction, ...]]:
    status = replace(state.status, state=DeviceState.LOST, reason=StatusReason.UNPLUGGED, hint=HintKey.CHECK_CABLE)
    if now_ms - state.ready_since_ms < SHORT_LIFE_MS:
        lost = Supervised(status=status, failures=state.failures + 1, next_try_ms=now_ms + _wait_ms(state.failures))
    else:
        lost = Supervised(status=status, next_try_ms=now_ms)
    return lost, (CloseHandle(), Publish(status=status))


def _wait_ms(failures: int) -> int:
    return min(FIRST_RETRY_MS << min(failures, 8), LAST_RETRY_MS)


def _refused(
    state: Supervised, reason: StatusReason, hint: HintKey, now_ms: int
) -> tuple[Supervised, tuple[SupervisionAction, ...]]:
    missing = reason is StatusReason.NOT_FOUND
    status = DeviceStatus(
        state=DeviceState.MISSING if missing else DeviceState.ERROR,
        device=state.status.device,
        reason=reason,
        hint=hint,
    )
    refused = Supervised(status=status, failures=state.failures + 1, next_try_ms=now_ms + _wait_ms(state.failures))
    changed = status != state.status
    return refused, (Publish(status=status),) if changed else ()
