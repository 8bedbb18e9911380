"""What the screen shows, complete: widgets draw these values and decide nothing.

Texts are phrases; amounts are ready text (`12.50`). A view is compared with the one before, so equal means "no
repaint".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from terminal.cashier.keys import Command, KeyHint
from terminal.cashier.phrase import Phrase


class Page(StrEnum):
    """The panels of the one window."""

    HOME = "home"
    ORDERS = "orders"
    TAKINGS = "takings"
    DOCTOR = "doctor"
    DISPLAY = "display"
    ACTIVATION = "activation"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountView:
    """The typed amount. `text` is as typed; `editable` is False while a payment of it is open."""

    text: str
    caption: Phrase
    editable: bool
    pulse: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Seconds that have passed, out of `of_s` when a limit is known."""

    elapsed_s: int
    of_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelView:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LampView:
    """One light with its word."""

    icon: str
    light: Light
    word: Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """The strip on top: who sells where, and whether the till can sell."""

    place: str
    lamps: tuple[LampView, ...]
    clock: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BannerView:
    """A bar across the top: offline, late money, a warning."""

    sign: Sign
    tone: Tone
    text: Phrase
    action: KeyHint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeView:
    """Selling."""

    amount: AmountView
    panel: PanelView
    recent: tuple[RowView, ...]
    keypad: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineLine:
    """One event of an order: when, who said it, what."""

    time: str
    who: Phrase
    what: Phrase
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersView:
    """The list that filters as you type, and the timeline of the selected order."""

    filter_text: str
    rows: tuple[RowView, ...]
    heading: Phrase | None
    number: str
    timeline: tuple[TimelineLine, ...]
    empty: Phrase | None
    loading: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of a picture: its label, its value as text, its height as a share of the largest, in thousandths."""

    label: str
    value: str
    share: int
    phrase: Phrase | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakingsView:
    """The owner's day at a glance: what needs attention first, then numbers, then pictures."""

    day: str
    attention: tuple[RowView, ...]
    total: str
    count: int
    average: str
    not_paid: int
    wallets: tuple[Bar, ...]
    hours: tuple[Bar, ...]
    loading: bool
    is_today: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """One check of the doctor: its light, what was found, what to do."""

    icon: str
    light: Light
    title: Phrase
    found: Phrase
    todo: Phrase | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorView:
    """A column of checks; runs again at any time."""

    checks: tuple[CheckView, ...]
    scan: Phrase
    running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceView:
    """One setting and its possible values."""

    title: Phrase
    options: tuple[tuple[str, Phrase], ...]
    chosen: str
    name: str
    selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView:
    """A typed field that is drawn, not a text box: no input method reaches it."""

    title: Phrase
    text: str
    hint: Phrase
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationView:
    """Binding the till: the code, the gateway's address, how it went."""

    code: FieldView
    gateway: FieldView
    message: Phrase
    tone: Tone
    busy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedView:
    """The app cannot sell at all (folder in use, damaged journal): a sentence and what to do."""

    big: Phrase
    todo: Phrase


PageView = HomeView | OrdersView | TakingsView | DoctorView | ActivationView | BlockedView | tuple[ChoiceView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenView:
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
