"""The commands a key or a button can give, and which key gives which. Keys can be rebound; doubles are refused.

Rule: a key strip shows exactly the commands that work right now (`present.keys_of`), and a key that is not shown does
nothing. Digits, the point and Backspace are typing, not commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from terminal.cashier.phrase import Phrase


class Command(StrEnum):
    """What a key or a button asks for."""

    SHOW_QR = "show_qr"
    CASH = "cash"
    QUICK_1 = "quick_1"
    QUICK_2 = "quick_2"
    QUICK_3 = "quick_3"
    QUICK_4 = "quick_4"
    RETURN_CASH = "return_cash"
    LEAVE = "leave"
    LEAVE_NOW = "leave_now"
    PARK = "park"
    CANCEL = "cancel"
    BACK = "back"
    CLEAR = "clear"
    ACKNOWLEDGE = "acknowledge"
    ORDERS = "orders"
    TAKINGS = "takings"
    DOCTOR = "doctor"
    DISPLAY = "display"
    UP = "up"
    DOWN = "down"
    PREVIOUS = "previous"
    NEXT = "next"
    SUBMIT = "submit"
    SWITCH_FIELD = "switch_field"
    RUN_AGAIN = "run_again"


#: Names of keys as Qt and every keyboard print them.
DEFAULT_KEYS: Final[Mapping[Command, str]] = MappingProxyType(
    {
        Command.SHOW_QR: "F2",
        Command.CASH: "F3",
        Command.QUICK_1: "F5",
        Command.QUICK_2: "F6",
        Command.QUICK_3: "F7",
        Command.QUICK_4: "F8",
        Command.RETURN_CASH: "F7",
        Command.LEAVE: "Esc",
        Command.LEAVE_NOW: "F10",
        Command.PARK: "F4",
        Command.RUN_AGAIN: "F5",
        Command.ORDERS: "F6",
        Command.ACKNOWLEDGE: "F8",
        Command.TAKINGS: "F9",
        Command.DISPLAY: "F11",
        Command.DOCTOR: "F12",
        Command.CANCEL: "Esc",
        Command.BACK: "Esc",
        Command.CLEAR: "Esc",
        Command.UP: "Up",
        Command.DOWN: "Down",
        Command.PREVIOUS: "Left",
        Command.NEXT: "Right",
        Command.SUBMIT: "Enter",
        Command.SWITCH_FIELD: "Tab",
    }
)
#: Commands that share a key because no state offers two of them.
EXCLUSIVE: Final = frozenset({Command.CANCEL, Command.BACK, Command.CLEAR, Command.LEAVE})
#: The likely sums of the cash panel, which offers these, the cash key and the way back, and nothing else.
QUICK: Final = (Command.QUICK_1, Command.QUICK_2, Command.QUICK_3, Command.QUICK_4)
_BESIDE_QUICK: Final = frozenset({Command.CASH, Command.BACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHint:
    """One entry of the key strip: also a button of the same name."""

    command: Command
    key: str
    word: Phrase
    urgent: bool = False


def bind(changes: Mapping[str, str]) -> Mapping[Command, str] | str:
    """The default keys with `changes` (command name → key) applied; the offending name when a change cannot be."""
    bound = dict(DEFAULT_KEYS)
    for name, key in changes.items():
        if name not in Command._value2member_map_:
            return name
        bound[Command(name)] = key
    taken: dict[str, Command] = {}
    for command, key in bound.items():
        other = taken.setdefault(key, command)
        if other is not command and not _may_share(frozenset({other, command})):
            return command.value
    return MappingProxyType(bound)


def _may_share(pair: frozenset[Command]) -> bool:
    """Whether no state offers both."""
    quick = pair & frozenset(QUICK)
    return pair <= EXCLUSIVE or (len(quick) == 1 and not pair & _BESIDE_QUICK)
