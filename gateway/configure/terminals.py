"""The owner's word about tills, as an order at the door: list them, switch one off, give one a new activation code.

A code of `reissue` is good for that till's device alone: it ends a freeze, and brings back what was switched off.
"""

from __future__ import annotations

from typing import assert_never

from gateway.configure.activation import NewCode, create_code
from gateway.configure.faults import Faults, one_fault
from gateway.configure.words import TerminalsAction, TerminalSaid, TerminalsOrder, TerminalsSaid
from gateway.store import standing
from gateway.store.units import Tx


def terminals_word(tx: Tx, order: TerminalsOrder, *, now_ms: int, random: bytes) -> TerminalsSaid | NewCode | Faults:
    """Does it and says how the tills stand afterwards, or the code. `random`: bytes for a code."""
    if order.action is TerminalsAction.LIST:
        return _list(tx, done=False)
    known = next((row for row in standing.all_terminals(tx) if row.terminal_id == order.terminal), None)
    if known is None:
        return one_fault("terminal", order.terminal[:32], "is not known; `guitai gateway terminals list` shows them")
    match order.action:
        case TerminalsAction.REVOKE:
            standing.revoke(tx, known.terminal_id, now_ms=now_ms)
            return _list(tx, done=True)
        case TerminalsAction.REISSUE:
            return create_code(
                tx,
                store_id=known.store_id,
                uses=1,
                days=order.days,
                now_ms=now_ms,
                random=random,
                terminal_id=known.terminal_id,
            )
        case _:
            assert_never(order.action)


def _list(tx: Tx, *, done: bool) -> TerminalsSaid:
    said = tuple(
        TerminalSaid(
            terminal=row.terminal_id,
            name=row.name,
            store=row.store_id,
            epoch=row.epoch,
            activated_ms=row.activated_ms,
            revoked_ms=row.revoked_ms,
            frozen_ms=row.frozen_ms,
        )
        for row in standing.all_terminals(tx)
    )
    return TerminalsSaid(terminals=said, done=done)
