"""Supervision: a lost device is closed before it is looked for, looked for soon and often, and told about once."""

from __future__ import annotations

import itertools

from drivers.scanner.events import DeviceState, DeviceStatus, HintKey, StatusReason
from drivers.scanner.supervision import (
    CloseHandle,
    DeviceGone,
    DeviceOpened,
    OpeningRefused,
    Publish,
    Supervised,
    TimePassed,
    TryOpen,
    begin,
    decide,
)

NOT_FOUND = OpeningRefused(reason=StatusReason.NOT_FOUND, hint=HintKey.PLUG_IN)
FORBIDDEN = OpeningRefused(reason=StatusReason.PERMISSION, hint=HintKey.JOIN_DIALOUT)


def states(actions: tuple[object, ...]) -> list[DeviceState]:
    return [action.status.state for action in actions if isinstance(action, Publish)]


def ready() -> Supervised:
    state, _ = decide(begin("gun", 0), TimePassed(), 0)
    state, _ = decide(state, DeviceOpened(description="Gun (ttyACM0)"), 0)
    return state


def test_it_looks_at_once_and_says_so() -> None:
    state, actions = decide(begin("gun", 0), TimePassed(), 0)
    assert actions == (Publish(status=DeviceStatus(state=DeviceState.OPENING, device="gun")), TryOpen())
    assert state.next_try_ms is None


def test_an_opened_device_is_ready_under_its_name() -> None:
    state = ready()
    assert state.status == DeviceStatus(state=DeviceState.READY, device="gun", description="Gun (ttyACM0)")
    assert decide(state, TimePassed(), 10**9) == (state, ())


def test_the_dead_handle_is_closed_first_and_the_search_starts_at_once() -> None:
    state, actions = decide(ready(), DeviceGone(), 5000)
    assert isinstance(actions[0], CloseHandle)
    assert states(actions) == [DeviceState.LOST]
    assert state.status.description == "Gun (ttyACM0)"
    assert decide(state, TimePassed(), 5000)[1] == (TryOpen(),)


def test_a_missing_device_is_looked_for_within_a_second_and_told_once() -> None:
    state, _ = decide(ready(), DeviceGone(), 5000)
    now_ms = 5000
    tries: list[int] = []
    told: list[DeviceState] = []
    while now_ms <= 15_000:
        state, actions = decide(state, TimePassed(), now_ms)
        told += states(actions)
        if TryOpen() in actions:
            tries.append(now_ms)
            state, actions = decide(state, NOT_FOUND, now_ms)
            told += states(actions)
        now_ms += 10
    assert tries[:4] == [5000, 5250, 5750, 6750]
    assert max(later - sooner for sooner, later in itertools.pairwise(tries)) == 1000
    assert told == [DeviceState.MISSING]


def test_a_refusal_is_an_error_with_its_hint_and_a_change_of_reason_is_told() -> None:
    state, _ = decide(begin("gun", 0), TimePassed(), 0)
    state, actions = decide(state, FORBIDDEN, 0)
    assert actions == (
        Publish(
            status=DeviceStatus(
                state=DeviceState.ERROR, device="gun", reason=StatusReason.PERMISSION, hint=HintKey.JOIN_DIALOUT
            )
        ),
    )
    state, actions = decide(state, FORBIDDEN, 250)
    assert actions == ()
    state, actions = decide(state, NOT_FOUND, 750)
    assert states(actions) == [DeviceState.MISSING]


def test_after_it_was_ready_the_search_starts_quickly_again() -> None:
    state = begin("gun", 0)
    for _ in range(6):
        state, _ = decide(state, NOT_FOUND, 0)
    state, _ = decide(state, DeviceOpened(description=""), 10_000)
    state, _ = decide(state, DeviceGone(), 60_000)
    assert state.next_try_ms == 60_000
    state, _ = decide(state, NOT_FOUND, 60_000)
    assert state.next_try_ms == 60_250


def test_a_device_that_opens_and_dies_at_once_is_tried_ever_slower() -> None:
    state, now_ms = begin("gun", 0), 0
    waits: list[int] = []
    for _ in range(5):
        state, _ = decide(state, TimePassed(), now_ms)
        state, _ = decide(state, DeviceOpened(description=""), now_ms)
        state, _ = decide(state, DeviceGone(), now_ms + 5)
        assert state.next_try_ms is not None
        waits.append(state.next_try_ms - now_ms - 5)
        now_ms = state.next_try_ms
    assert waits == [250, 500, 1000, 1000, 1000]
