"""What the screen shows, complete: widgets draw these values and decide nothing.

Texts are phrases; amounts are ready text (`12.50`). A view is compared with the one before, so equal means "no
repaint".
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from terminal.cashier.keys import Command, KeyHint
from terminal.cashier.phrase import Phrase

if TYPE_CHECKING:
    from terminal.cashier.view_pages import OtherView


class Page(StrEnum):
    """The panels of the one window."""

    HOME = "home"
    ORDERS = "orders"
    TAKINGS = "takings"
    DOCTOR = "doctor"
    DISPLAY = "display"
    ACTIVATION = "activation"
    RETURNING = "returning"
    LEAVING = "leaving"
    BLOCKED = "blocked"


class Sign(StrEnum):
    """The glyph and frame of a state (never colour alone)."""

    NONE = "none"
    PULSE = "pulse"
    RING = "ring"
    RING_OPEN = "ring_open"
    DISC_TICK = "disc_tick"
    SQUARE_CROSS = "square_cross"
    HATCHED_QUESTION = "hatched_question"
    DISC_CLOCK = "disc_clock"
    PLUG = "plug"
    NOTE = "note"


class Tone(StrEnum):
    """The colour role of a state."""

    NEUTRAL = "neutral"
    WAITING = "waiting"
    PAID = "paid"
    NOT_PAID = "not_paid"
    UNKNOWN = "unknown"
    DANGER = "danger"
    OFFLINE = "offline"


class AmountView(Struct, frozen=True, kw_only=True):
    """The typed amount. `text` is as typed; `editable` is False while a payment of it is open."""

    text: str
    caption: Phrase
    editable: bool
    pulse: int = 0


class Ring(Struct, frozen=True, kw_only=True):
    """Seconds that have passed, out of `of_s` when a limit is known."""

    elapsed_s: int
    of_s: int | None = None


class PanelView(Struct, frozen=True, kw_only=True):
    """The state panel: one big line, what the customer sees, what to do, at most two keys, the proof."""

    sign: Sign
    tone: Tone
    big: Phrase
    customer: Phrase | None = None
    todo: Phrase | None = None
    proof: Phrase | None = None
    support: str = ""
    ring: Ring | None = None
    qr: str = ""
    actions: tuple[KeyHint, ...] = ()


class RowView(Struct, frozen=True, kw_only=True):
    """One order in a list."""

    order_no: str
    time: str
    amount: str
    wallet: Phrase | None
    sign: Sign
    tone: Tone
    word: Phrase
    detail: str = ""
    selected: bool = False


class Light(StrEnum):
    """A light of the status strip; told apart by its sign too."""

    OK = "ok"
    BUSY = "busy"
    BAD = "bad"
    NONE = "none"


class LampView(Struct, frozen=True, kw_only=True):
    """One light with its word; a `loud` one keeps its word however narrow the strip is."""

    icon: str
    light: Light
    word: Phrase
    loud: bool = False


class StatusView(Struct, frozen=True, kw_only=True):
    """The strip on top: who sells where, and whether the till can sell."""

    place: str
    lamps: tuple[LampView, ...]
    clock: str


class BannerView(Struct, frozen=True, kw_only=True):
    """A bar across the top: offline, late money, a warning."""

    sign: Sign
    tone: Tone
    text: Phrase
    action: KeyHint | None = None


class HomeView(Struct, frozen=True, kw_only=True):
    """Selling."""

    amount: AmountView
    panel: PanelView
    recent: tuple[RowView, ...]
    keypad: bool


class ChoiceView(Struct, frozen=True, kw_only=True):
    """One setting and its possible values."""

    title: Phrase
    options: tuple[tuple[str, Phrase], ...]
    chosen: str
    name: str
    selected: bool


PageView: TypeAlias = "HomeView | OtherView | tuple[ChoiceView, ...]"


class ScreenView(Struct, frozen=True, kw_only=True):
    """Everything at once."""

    page: Page
    body: PageView
    status: StatusView
    banners: tuple[BannerView, ...]
    keys: tuple[KeyHint, ...]
    title: Phrase


def command_hint(hints: tuple[KeyHint, ...], command: Command) -> KeyHint | None:
    """The hint of one command, if it works right now."""
    return next((hint for hint in hints if hint.command is command), None)
