"""The commands a key or a button can give, and which key gives which. Keys can be rebound; doubles are refused.

Rule: a key strip shows exactly the commands that work right now (`present.keys_of`), and a key that is not shown does
nothing. Digits, the point and Backspace are typing, not commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

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
    STATUS_QR = "status_qr"
    TYPE_CODE = "type_code"
    RESUME = "resume"
    ANSWER_1 = "answer_1"
    ANSWER_2 = "answer_2"
    ANSWER_3 = "answer_3"
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
    REACTIVATE = "reactivate"


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
        Command.STATUS_QR: "F2",
        Command.TYPE_CODE: "F5",
        Command.RESUME: "F4",
        Command.ANSWER_1: "F1",
        Command.ANSWER_2: "F2",
        Command.ANSWER_3: "F3",
        Command.REACTIVATE: "F2",
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
EXCLUSIVE: Final = (
    frozenset({Command.CANCEL, Command.BACK, Command.CLEAR, Command.LEAVE}),
    frozenset({Command.SHOW_QR, Command.STATUS_QR, Command.REACTIVATE}),
    frozenset({Command.TYPE_CODE, Command.RUN_AGAIN}),
    frozenset({Command.PARK, Command.RESUME}),
)
#: A question is alone on its screen, but for the way back.
ANSWERS: Final = (Command.ANSWER_1, Command.ANSWER_2, Command.ANSWER_3)
#: The likely sums of the cash panel, which offers these, the cash key and the way back, and nothing else.
QUICK: Final = (Command.QUICK_1, Command.QUICK_2, Command.QUICK_3, Command.QUICK_4)
_BESIDE_QUICK: Final = frozenset({Command.CASH, Command.BACK})


class KeyHint(Struct, frozen=True, kw_only=True):
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
    taken: dict[str, list[Command]] = {}
    for command, key in bound.items():
        others = taken.setdefault(key, [])
        if not all(_may_share(other, command) for other in others):
            return command.value
        others.append(command)
    return MappingProxyType(bound)


def _may_share(one: Command, other: Command) -> bool:
    """Whether no state offers both."""
    pair = frozenset({one, other})
    if any(pair <= group for group in EXCLUSIVE):
        return True
    if len(pair & frozenset(QUICK)) == 1 and not pair & _BESIDE_QUICK:
        return True
    return (one in ANSWERS) is not (other in ANSWERS) and Command.BACK not in pair
