"""State tables are total, final states never leave, and nothing comes back from REVERSING to PAID."""

import pytest

from protocol.states import (
    GATEWAY_TABLE,
    TERMINAL_TABLE,
    GatewayEvent,
    GatewayState,
    TerminalEvent,
    TerminalState,
    Verdict,
    gateway_next,
    terminal_next,
)


def test_tables_are_total() -> None:
    assert set(GATEWAY_TABLE) == set(GatewayState)
    assert all(set(row) == set(GatewayEvent) for row in GATEWAY_TABLE.values())
    assert set(TERMINAL_TABLE) == set(TerminalState)
    assert all(set(row) == set(TerminalEvent) for row in TERMINAL_TABLE.values())


def test_final_states_never_leave() -> None:
    for state in GatewayState:
        if state.final:
            assert all(isinstance(to, Verdict) for to in GATEWAY_TABLE[state].values())
    for till in TerminalState:
        if till.final:
            assert all(isinstance(to, Verdict) for to in TERMINAL_TABLE[till].values())


def _reachable(start: GatewayState) -> set[GatewayState]:
    seen, todo = {start}, [start]
    while todo:
        for to in GATEWAY_TABLE[todo.pop()].values():
            if isinstance(to, GatewayState) and to not in seen:
                seen.add(to)
                todo.append(to)
    return seen


@pytest.mark.parametrize("start", [GatewayState.REVERSING, GatewayState.UNDO_BY_REFUND, GatewayState.NOT_PAID])
def test_there_is_no_way_back_to_paid(start: GatewayState) -> None:
    assert GatewayState.PAID not in _reachable(start)


def test_every_open_state_can_end() -> None:
    for state in GatewayState:
        assert state.final or GatewayState.NOT_PAID in _reachable(state)


def test_a_payment_is_paid_only_from_sent() -> None:
    sources = [state for state in GatewayState if GatewayState.PAID in GATEWAY_TABLE[state].values()]
    assert sources == [GatewayState.SENT]


def test_paid_with_a_cancel_intent_is_undone() -> None:
    assert gateway_next(GatewayState.SENT, GatewayEvent.PROVEN_PAID_CANCELLED) is GatewayState.UNDO_BY_REFUND


def test_money_on_a_given_up_payment_is_late_money() -> None:
    assert gateway_next(GatewayState.NOT_PAID, GatewayEvent.PROVEN_PAID) is Verdict.LATE


def test_silence_never_ends_a_payment_at_the_till() -> None:
    for state in TerminalState:
        to = terminal_next(state, TerminalEvent.SILENCE)
        assert to in (Verdict.STAY, TerminalState.UNKNOWN)


def test_a_cancel_intent_alone_never_proves_not_paid() -> None:
    for state in TerminalState:
        assert terminal_next(state, TerminalEvent.CANCEL) is not TerminalState.NOT_PAID
