"""What fingers and the mouse can do: the intents that widgets emit. The controller turns them into events."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from terminal.cashier.keys import Command


class Hands(Struct, frozen=True, kw_only=True):
    """`press` and `release` of a command's button, `pick` of a row or option, `type_text` and `erase` of the keypad."""

    press: Callable[[Command], None]
    release: Callable[[Command], None]
    pick: Callable[[str, str], None]
    type_text: Callable[[str], None]
    erase: Callable[[], None]
