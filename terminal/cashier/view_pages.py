"""What the other pages show: orders, takings, doctor, activation, blocked. Apart from the home screen: the first
window does not need them.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import Light, RowView, Sign, Tone


class TimelineLine(Struct, frozen=True, kw_only=True):
    """One event of an order: when, who said it, what."""

    time: str
    who: Phrase
    what: Phrase
    tone: Tone


class OrdersView(Struct, frozen=True, kw_only=True):
    """The list that filters as you type, and the timeline of the selected order."""

    filter_text: str
    rows: tuple[RowView, ...]
    heading: Phrase | None
    number: str
    timeline: tuple[TimelineLine, ...]
    empty: Phrase | None
    loading: bool


class BarKind(Enum):
    """What a bar's money is: taken, gone back, or no part of this till's sum."""

    TAKEN = "taken"
    BACK = "back"
    BESIDE = "beside"


class Bar(Struct, frozen=True, kw_only=True):
    """One bar of a picture: its label, its value as text, its height as a share of the largest, in thousandths."""

    label: str
    value: str
    share: int
    phrase: Phrase | None = None
    kind: BarKind = BarKind.TAKEN


class TakingsView(Struct, frozen=True, kw_only=True):
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
    refunded: str = ""
    digest: str = ""
    unsent: Phrase | None = None


class CheckView(Struct, frozen=True, kw_only=True):
    """One check of the doctor: its light, what was found, what to do."""

    icon: str
    light: Light
    title: Phrase
    found: Phrase
    todo: Phrase | None


class DoctorView(Struct, frozen=True, kw_only=True):
    """A column of checks; runs again at any time."""

    checks: tuple[CheckView, ...]
    scan: Phrase
    running: bool


class FieldView(Struct, frozen=True, kw_only=True):
    """A typed field that is drawn, not a text box: no input method reaches it."""

    title: Phrase
    text: str
    hint: Phrase
    active: bool


class ActivationView(Struct, frozen=True, kw_only=True):
    """Binding the till: the code, the gateway's address, how it went."""

    code: FieldView
    gateway: FieldView
    message: Phrase
    tone: Tone
    busy: bool


class BlockedView(Struct, frozen=True, kw_only=True):
    """The app cannot sell at all (folder in use, damaged journal): a sentence and what to do."""

    big: Phrase
    todo: Phrase


class AskView(Struct, frozen=True, kw_only=True):
    """One question before something is done: what it is, what has to be known, and the reasons to choose from."""

    sign: Sign
    tone: Tone
    big: Phrase
    lines: tuple[Phrase, ...]
    options: tuple[tuple[str, Phrase], ...] = ()
    chosen: str = ""


OtherView = OrdersView | TakingsView | DoctorView | ActivationView | BlockedView | AskView
