"""What the till remembers while it runs. Nothing here is durable: money lives in sync's journal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta, timezone, tzinfo
from enum import StrEnum

from msgspec import Struct, field

from protocol.auth_code import CONFIRMED_RANGES, CodeRange
from protocol.money import MAX_AMOUNT_FEN
from protocol.secret import Secret
from sync.engine.model import Line, LinkView, PaymentView, StorePaidView
from terminal.cashier.keys import DEFAULT_KEYS, Command
from terminal.cashier.phrase import Phrase
from terminal.cashier.ports import CheckFound, DayRead, GunSeen, GunState, HistoryEntry, Identity, OrderRow
from terminal.cashier.view import Page, Tone

#: Before the first word of sync.
STARTING = LinkView(
    line=Line.CHECKING,
    clock_skew_ms=None,
    clock_warning=False,
    unsent=0,
    oldest_unsent_at_ms=None,
    last_contact_ms=None,
)
#: A shop's time zone when the settings name none: China has one.
CHINA = timezone(timedelta(hours=8), "CST")
#: How long a refused scan or amount stays on the screen.
NOTICE_MS = 6_000
#: A second press of cancel counts within this time; a shorter gap than the first is a bouncing key.
CANCEL_WINDOW_MS = 4_000
CANCEL_BOUNCE_MS = 250
#: Holding cancel this long is as good as a second press.
CANCEL_HOLD_MS = 1_200
#: The slow pulse of an unknown outcome.
PULSE_MS = 4_000
#: How long a payment at the store's static QR stays across the top.
RING_MS = 20_000
#: What a shop takes in cash unless its owner says otherwise: ¥5,000 a sale, ¥20,000 a day while offline.
CASH_SALE_FEN = 500_000
CASH_OFFLINE_DAY_FEN = 2_000_000
#: How many characters can be taken back; a code that is longer is not echoed.
UNDO_DEPTH = 64


class Settings(Struct, frozen=True, kw_only=True):
    """What the shop has chosen. Text values are those of the display panel. `cash_sale_fen` is the most that one sale
    takes in cash, `cash_offline_day_fen` a day's sum of it while the gateway cannot be reached; 0: none."""

    max_fen: int = MAX_AMOUNT_FEN
    ranges: tuple[CodeRange, ...] = CONFIRMED_RANGES
    keys: Mapping[Command, str] = field(default_factory=lambda: DEFAULT_KEYS)
    zone: tzinfo = CHINA
    language: str = "zh_CN"
    theme: str = "light"
    text_size: str = "100"
    keypad: str = "shown"
    sound: str = "on"
    cash_sale_fen: int = CASH_SALE_FEN
    cash_offline_day_fen: int = CASH_OFFLINE_DAY_FEN


class Notice(Struct, frozen=True, kw_only=True):
    """A sentence that answers the last key or scan and goes away by itself. It shows `after_ms` later, so that a
    character which proves to be a scan's never flashes one."""

    text: Phrase
    todo: Phrase | None
    at_ms: int
    after_ms: int = 0
    tone: Tone = Tone.NEUTRAL


class Sale(Struct, frozen=True, kw_only=True):
    """The purchase in the state panel. `payment` is None between the scan and sync's first word; `again`: the try that
    was proven not paid before this one; `status_ms`: since then its QR that only asks is shown."""

    request_id: str
    amount_fen: int
    started_ms: int
    by_qr: bool
    payment: PaymentView | None = None
    again: PaymentView | None = None
    shown_at_ms: int = 0
    pulsed_ms: int = 0
    status_ms: int | None = None


class CashEntry(Struct, frozen=True, kw_only=True):
    """The cash panel: what is due, what was received as it is typed, and the request once it was handed to sync."""

    amount_fen: int
    received: str = ""
    request_id: str = ""


class CancelPress(Struct, frozen=True, kw_only=True):
    """A first press of cancel: when, and whether the key is still down."""

    at_ms: int
    down: bool


class Asked(StrEnum):
    """What the cashier is asked about an offline order."""

    GOODS = "goods"
    PARK = "park"


class Question(Struct, frozen=True, kw_only=True):
    """A question in the panel; until it is answered or left nothing else can be pressed."""

    kind: Asked
    payment_no: str


class CodeEntry(Struct, frozen=True, kw_only=True):
    """The open field for a typed code."""

    payment_no: str
    digits: str = ""


class Settled(Struct, frozen=True, kw_only=True):
    """A parked payment that has settled: shown across the top until somebody acknowledges it."""

    payment: PaymentView


class StoreRing(Struct, frozen=True, kw_only=True):
    """The latest payment at the store's static QR, and how many more came while the bar was there."""

    paid: StorePaidView
    at_ms: int
    more: int


class OrdersState(Struct, frozen=True, kw_only=True):
    """The list of orders and its filter."""

    filter_text: str = ""
    rows: tuple[OrderRow, ...] = ()
    selected: str = ""
    history: tuple[HistoryEntry, ...] = ()
    loading: bool = False
    failed: bool = False


class TakingsState(Struct, frozen=True, kw_only=True):
    """The owner's day."""

    days_ago: int = 0
    day: DayRead | None = None
    failed: bool = False


class DoctorState(Struct, frozen=True, kw_only=True):
    """The last run of the checks, and the last test scan in words."""

    checks: tuple[CheckFound, ...] = ()
    running: bool = False
    scan: Phrase | None = None


class ActivationState(Struct, frozen=True, kw_only=True):
    """Two drawn fields and how it went."""

    code: str = ""
    gateway: str = ""
    field: str = "code"
    busy: bool = False
    message: Phrase | None = None
    tone: Tone = Tone.NEUTRAL


class BeforeTyping(Struct, frozen=True, kw_only=True):
    """What one typed character may change; kept so that a scan's characters can be taken back exactly."""

    page: Page
    entry: str
    sale: Sale | None
    cash: CashEntry | None
    notice: Notice | None
    filter_text: str
    selected: str
    code: str
    gateway: str
    digits: CodeEntry | None


class CashierState(Struct, frozen=True, kw_only=True):
    """Everything the screen is drawn from."""

    settings: Settings = field(default_factory=Settings)
    identity: Identity = field(default_factory=Identity)
    link: LinkView = STARTING
    gun: GunSeen = field(default_factory=lambda: GunSeen(gun=GunState.NONE))
    sound: bool = True
    page: Page = Page.HOME
    entry: str = ""
    sale: Sale | None = None
    cash: CashEntry | None = None
    return_row: int = 0
    parked: tuple[PaymentView, ...] = ()
    settled: tuple[Settled, ...] = ()
    recent: tuple[PaymentView, ...] = ()
    ring: StoreRing | None = None
    notice: Notice | None = None
    cancel: CancelPress | None = None
    question: Question | None = None
    code: CodeEntry | None = None
    last_code: Secret | None = None
    scans_taken: int = 0
    undo: tuple[BeforeTyping, ...] = ()
    orders: OrdersState = field(default_factory=OrdersState)
    takings: TakingsState = field(default_factory=TakingsState)
    doctor: DoctorState = field(default_factory=DoctorState)
    activation: ActivationState = field(default_factory=ActivationState)
    setting_row: int = 0
    blocked: Phrase | None = None
    now_ms: int = 0
    unix_ms: int = 0
