"""The scenes of the gallery: an imaginary shop's till, brought into each state by the events of a counter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from msgspec.structs import replace

from protocol.messages import LateMoney, LateMoneyState, Light, Presented, Proof
from protocol.money import Money
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import ProofKind, TerminalState
from sync.engine.model import CashPart, Line, LinkView, PaymentView, StorePaidView
from terminal.cashier import events as e
from terminal.cashier import words
from terminal.cashier.keys import Command
from terminal.cashier.phrase import say
from terminal.cashier.ports import (
    CheckFound,
    DayRead,
    GunSeen,
    GunState,
    HistoryEntry,
    HourSum,
    Identity,
    OrderRow,
    WalletSum,
)
from terminal.cashier.state import CashierState, Settings
from terminal.cashier.step import start, step

#: 2026-11-22 14:03:22 in the shop's zone.
NOW_MS: Final = 1_795_327_402_000
SHOP: Final = Identity(store="喆犇手工面馆（人民路店）", terminal="1号机", operator="小王")
CODE: Final = "281234567890123456"
QR: Final = "https://pay.example.com/q/4F7K2M9QXW3D8RTN5VBH6YCJ"


def number(seed: int) -> str:
    """A well-formed order number."""
    return new_number(seed.to_bytes(15, "big"))


def payment(seed: int, state: TerminalState, fen: int, minutes_ago: float = 0, **changes: object) -> PaymentView:
    """A payment as sync would publish it."""
    at_ms = NOW_MS - round(minutes_ago * 60_000)
    final = state.final
    view = PaymentView(
        payment_no=f"{number(seed)}-1", order_no=number(seed), n=1, sale_id=number(seed + 5000), amount=Money(fen),
        presented=Presented.CUSTOMER, state=state, light=None, safe_to_rescan=False, reason=None, proof=None,
        channel="alipay", transaction_tail=f"{(seed * 7919) % 10_000:04d}" if state is TerminalState.PAID else None,
        qr=None, qr_expires_ms=None, payer_prompted=False, cancel_requested=False, late_money=None,
        started_at_ms=at_ms - 1_000, settled_at_ms=at_ms if final else None, elapsed_ms=820 if final else None,
        request_id=None,
    )  # fmt: skip
    if state is TerminalState.NOT_PAID:
        proof = Proof(kind=ProofKind.DECLINED, said_by="alipay", at_ms=at_ms)
        view = replace(view, proof=proof, light=Light.GREEN, safe_to_rescan=True, reason=Reason.BALANCE_LOW)
    return replace(view, **changes)


def run(state: CashierState, events: Iterable[e.Event], *, now_ms: int) -> CashierState:
    """Feeds events at one moment."""
    for event in events:
        state, _ = step(state, event, now_ms=now_ms, request_id="r1")
    return state


def typed(text: str) -> list[e.Event]:
    return [e.Typed(text=character) for character in text]


def till() -> CashierState:
    """A till that has sold today."""
    state = start(Settings(), SHOP)
    link = LinkView(
        line=Line.UP, clock_skew_ms=40, clock_warning=False, unsent=0, oldest_unsent_at_ms=None, last_contact_ms=NOW_MS
    )
    history = [
        payment(11, TerminalState.PAID, 1250, 2), payment(12, TerminalState.PAID, 800, 4, channel="wechat"),
        payment(13, TerminalState.NOT_PAID, 3000, 7), payment(14, TerminalState.PAID, 16_880, 11),
        payment(15, TerminalState.PAID, 650, 13, channel="wechat"),
        payment(16, TerminalState.PAID, 4_200, 19, refunded_fen=100),
        payment(17, TerminalState.PAID, 1_900, 24, channel="unionpay"),
        payment(18, TerminalState.PAID, 2_350, 31, refunded_fen=2_350),
    ]  # fmt: skip
    told: list[e.Event] = [e.Published(publication=link), e.Published(publication=GunSeen(gun=GunState.READY))]
    told += [e.Published(publication=view) for view in history]
    return run(state, [*told, e.Tick(unix_ms=NOW_MS)], now_ms=1_000)


def selling(view: PaymentView | None = None, *, after_ms: int = 8_000) -> CashierState:
    """`12.5`, one pull of the trigger, and what sync said `after_ms` later."""
    state = run(till(), [*typed("12.5"), e.Scanned(text=Secret(CODE))], now_ms=2_000)
    if view is not None:
        told = e.Published(publication=replace(view, request_id="r1"))
        state = run(state, [told, e.Tick(unix_ms=NOW_MS)], now_ms=2_000 + after_ms)
    return run(state, [e.Tick(unix_ms=NOW_MS)], now_ms=2_000 + after_ms)


def ours(state: TerminalState, **changes: object) -> PaymentView:
    return payment(99, state, 1250, **changes)  # pyright: ignore[reportArgumentType]  # names are those of PaymentView


def showing_qr() -> CashierState:
    state = run(till(), [*typed("12.5"), e.Pressed(command=Command.SHOW_QR)], now_ms=2_000)
    view = ours(
        TerminalState.WAITING,
        presented=Presented.MERCHANT,
        qr=QR,
        qr_expires_ms=NOW_MS + 119_000,
        request_id="r1",
        channel=None,
    )
    return run(state, [e.Published(publication=view), e.Tick(unix_ms=NOW_MS)], now_ms=25_000)


def restored() -> CashierState:
    """The gateway is a backup that nobody has looked at yet."""
    state = selling(ours(TerminalState.UNKNOWN), after_ms=14_000)
    link = replace(state.link, refusing=Reason.GATEWAY_RESTORED)
    return run(state, [e.Published(publication=link), e.Tick(unix_ms=NOW_MS)], now_ms=17_000)


def late() -> CashierState:
    """An unresolved sale was set aside, the next is being typed, and the first one's money arrives."""
    state = run(selling(ours(TerminalState.UNKNOWN)), [e.Pressed(command=Command.PARK), *typed("30")], now_ms=12_000)
    return run(state, [e.Published(publication=ours(TerminalState.PAID)), e.Tick(unix_ms=NOW_MS)], now_ms=13_000)


def late_in_panel() -> CashierState:
    found = LateMoney(state=LateMoneyState.FOUND, amount_fen=1250, found_at_ms=NOW_MS)
    lost = ours(TerminalState.NOT_PAID)
    state = selling(lost)
    told = e.Published(publication=replace(lost, late_money=found, request_id="r1"))
    return run(state, [told, e.Tick(unix_ms=NOW_MS)], now_ms=12_000)


def late_kept() -> CashierState:
    """The same, after a person decided to keep the money for its sale."""
    kept = LateMoney(state=LateMoneyState.ACCEPTED, amount_fen=1250, found_at_ms=NOW_MS)
    lost = ours(TerminalState.NOT_PAID)
    told = e.Published(publication=replace(lost, late_money=kept, request_id="r1"))
    return run(selling(lost), [told, e.Tick(unix_ms=NOW_MS)], now_ms=12_000)


def store_rings() -> CashierState:
    """A customer pays at the shop's own QR while another one is still looking at the wallet."""
    paid = StorePaidView(
        seq=1, payment_no=f"{number(90)}-1", amount=Money(800), channel="wechat", transaction_tail="3421",
        paid_at_ms=NOW_MS,
    )  # fmt: skip
    return run(selling(ours(TerminalState.WAITING)), [e.Published(publication=paid)], now_ms=10_000)


def offline() -> CashierState:
    down = LinkView(
        line=Line.DOWN, clock_skew_ms=40, clock_warning=False, unsent=3, oldest_unsent_at_ms=NOW_MS, last_contact_ms=1
    )
    return run(till(), [e.Published(publication=down), *typed("12.5"), e.Scanned(text=Secret(CODE))], now_ms=3_000)


def outage() -> CashierState:
    """The line has been down for three days, and an entry was refused before that."""
    down = LinkView(
        line=Line.DOWN, clock_skew_ms=40, clock_warning=False, unsent=5_000, oldest_unsent_at_ms=NOW_MS - 259_200_000,
        last_contact_ms=1, unsent_fen=12_345_600, parked=1, parked_order=number(13), cash_offline_fen=1_990_000,
    )  # fmt: skip
    return run(till(), [e.Published(publication=down), e.Tick(unix_ms=NOW_MS)], now_ms=3_000)


def counting_cash(received: str = "") -> CashierState:
    """The amount is typed, the cash key pressed, and what the customer gave is typed."""
    return run(till(), [*typed("12.5"), e.Pressed(command=Command.CASH), *typed(received)], now_ms=3_000)


def in_cash(**changes: object) -> PaymentView:
    """A tender as sync would publish it."""
    part = CashPart(received_fen=2_000, change_fen=750)
    return ours(TerminalState.PAID, channel="cash", transaction_tail=None, elapsed_ms=None, cash=part, **changes)


def cash_done() -> CashierState:
    state = run(counting_cash("20"), [e.Pressed(command=Command.CASH)], now_ms=4_000)
    return run(state, [e.Published(publication=in_cash(request_id="r1"))], now_ms=4_100)


def cash_order() -> CashierState:
    """The order of a tender in cash, whose entry the gateway refused."""
    state = run(cash_done(), [e.Pressed(command=Command.ORDERS)], now_ms=5_000)
    entries = (
        HistoryEntry(at_ms=NOW_MS - 60_000, kind="cash_taken", said_by="cashier", detail="12.50 20.00 7.50"),
        HistoryEntry(at_ms=NOW_MS - 50_000, kind="parked", said_by="gateway"),
    )
    state = run(state, [e.OrdersArrived(rows=()), e.Picked(name="order", value=number(99))], now_ms=5_100)
    return run(state, [e.HistoryArrived(order_no=number(99), entries=entries)], now_ms=5_200)


def amber() -> CashierState:
    """The gateway cannot prove it for long: cash is allowed, no second charge."""
    return selling(ours(TerminalState.CANCELLING, cancel_requested=True, light=Light.AMBER))


def troubled() -> CashierState:
    """A gun unplugged and a clock ten minutes fast, while a sale is typed."""
    skewed = LinkView(
        line=Line.UP, clock_skew_ms=600_000, clock_warning=True, unsent=2, oldest_unsent_at_ms=NOW_MS, last_contact_ms=1
    )
    gun = GunSeen(gun=GunState.LOST, name="Honeywell 1900")
    return run(till(), [e.Published(publication=skewed), e.Published(publication=gun), *typed("8")], now_ms=3_000)


def orders(filter_text: str = "") -> CashierState:
    rows = tuple(OrderRow(payment=payment(40 + i, TerminalState.PAID, 900 + i * 275, 40 + i * 9)) for i in range(30))
    state = run(till(), [e.Pressed(command=Command.ORDERS)], now_ms=3_000)
    state = run(state, [e.OrdersArrived(rows=rows), *typed(filter_text)], now_ms=3_100)
    chosen = number(13)
    entries = (
        HistoryEntry(at_ms=NOW_MS - 429_000, kind="scan_accepted", said_by="till"),
        HistoryEntry(at_ms=NOW_MS - 428_100, kind="waiting", said_by="gateway"),
        HistoryEntry(at_ms=NOW_MS - 425_000, kind="password", said_by="gateway"),
        HistoryEntry(at_ms=NOW_MS - 420_400, kind="not_paid", said_by="gateway", reason=Reason.BALANCE_LOW),
        HistoryEntry(at_ms=NOW_MS - 420_300, kind="acknowledged", said_by="till"),
    )
    return run(state, [e.Picked(name="order", value=chosen), e.HistoryArrived(order_no=chosen, entries=entries)],
               now_ms=3_200)  # fmt: skip


_HOURS: Final = ((8, 3, 4_150), (9, 9, 15_800), (10, 6, 9_900), (11, 21, 48_350), (12, 38, 91_240), (13, 24, 52_600),
             (14, 2, 2_050))  # fmt: skip
DAY: Final = DayRead(
        day="2026-11-22", count=103, amount_fen=224_090, not_paid=4,
        wallets=(
            WalletSum(channel="alipay", count=58, amount_fen=131_240),
            WalletSum(channel="wechat", count=41, amount_fen=86_350),
            WalletSum(channel="cash", count=4, amount_fen=6_500),
        ),
        hours=tuple(HourSum(hour=hour, count=count, amount_fen=fen) for hour, count, fen in _HOURS),
        unresolved=(payment(71, TerminalState.UNKNOWN, 3_000, 5, channel=None),),
        refunds=2, refunded_fen=3_150, cash_back=1, cash_back_fen=1_250,
        store=(WalletSum(channel="wechat", count=3, amount_fen=2_400),),
    )  # fmt: skip


def takings() -> CashierState:
    return run(till(), [e.Pressed(command=Command.TAKINGS), e.DayArrived(days_ago=0, day=DAY)], now_ms=3_000)


def doctor() -> CashierState:
    checks = (
        CheckFound(name="activation", passed=True, found="activated",
                   values=(("store", SHOP.store), ("terminal", SHOP.terminal))),
        CheckFound(name="gateway", passed=True, found="gateway_up"),
        CheckFound(name="clock", passed=True, found="clock_ok", values=(("seconds", 0),)),
        CheckFound(name="journal", passed=True, found="journal_ok", values=(("entries", 1_204), ("unsent", 0))),
        CheckFound(name="disk", passed=True, found="disk_ok", values=(("free_mb", 48_210),)),
        CheckFound(name="gun", passed=False, found="gun_lost", todo="plug_gun", values=(("name", "Honeywell 1900"),)),
        CheckFound(name="sound", passed=None, found="sound_none", todo="plug_speaker"),
    )  # fmt: skip
    state = run(till(), [e.Pressed(command=Command.DOCTOR), e.ChecksArrived(checks=checks)], now_ms=3_000)
    return run(state, [e.Scanned(text=Secret(CODE))], now_ms=3_500)


def activation() -> CashierState:
    state = start(Settings(), Identity(), gateway="https://pay.example.com")
    return run(state, typed("7K3M9QXW"), now_ms=1_000)


SCENES: Final[dict[str, Callable[[], CashierState]]] = {
    "ready": till,
    "typing": lambda: run(till(), typed("12.5"), now_ms=2_000),
    "scan_taken": lambda: selling(after_ms=300),
    "waiting": lambda: selling(ours(TerminalState.WAITING)),
    "password": lambda: selling(ours(TerminalState.WAITING, payer_prompted=True), after_ms=12_000),
    "qr": showing_qr,
    "cancel_armed": lambda: run(
        selling(ours(TerminalState.WAITING)), [e.Pressed(command=Command.CANCEL)], now_ms=11_000
    ),
    "paid": lambda: selling(ours(TerminalState.PAID)),
    "not_paid": lambda: selling(ours(TerminalState.NOT_PAID)),
    "not_kept": lambda: selling(
        ours(
            TerminalState.NOT_PAID,
            proof=Proof(kind=ProofKind.REFUNDED, said_by="alipay", at_ms=NOW_MS),
            reason=Reason.TIMED_OUT,
        )
    ),
    "sale_paid": lambda: selling(
        ours(
            TerminalState.NOT_PAID,
            proof=Proof(kind=ProofKind.TOMBSTONE, said_by="gateway", at_ms=NOW_MS),
            reason=Reason.ORDER_PAID,
        )
    ),
    "sale_open": lambda: selling(
        ours(
            TerminalState.NOT_PAID,
            proof=Proof(kind=ProofKind.TOMBSTONE, said_by="gateway", at_ms=NOW_MS),
            reason=Reason.ORDER_OPEN,
            light=None,
            safe_to_rescan=False,
        )
    ),
    "gateway_restored": restored,
    "cancelling": lambda: selling(ours(TerminalState.CANCELLING, cancel_requested=True)),
    "unknown": lambda: selling(ours(TerminalState.UNKNOWN), after_ms=14_000),
    "late": late,
    "late_in_panel": late_in_panel,
    "late_kept": late_kept,
    "store_rings": store_rings,
    "offline": offline,
    "offline_typing": lambda: run(outage(), typed("12.5"), now_ms=4_000),
    "outage": outage,
    "cash": counting_cash,
    "cash_short": lambda: counting_cash("10"),
    "cash_change": lambda: counting_cash("20"),
    "cash_done": cash_done,
    "cash_over_day": lambda: run(outage(), [*typed("125"), e.Pressed(command=Command.CASH)], now_ms=4_000),
    "cash_sale_open": lambda: run(
        selling(ours(TerminalState.UNKNOWN)), [e.Pressed(command=Command.CASH)], now_ms=11_000
    ),
    "amber": amber,
    "cash_order": cash_order,
    "cash_returning": lambda: run(cash_order(), [e.Pressed(command=Command.RETURN_CASH)], now_ms=6_000),
    "leaving": lambda: run(till(), [e.Pressed(command=Command.LEAVE)], now_ms=4_000),
    "leaving_unsent": lambda: run(
        run(outage(), [e.Published(publication=ours(TerminalState.UNKNOWN))], now_ms=3_500),
        [e.CloseAsked()],
        now_ms=4_000,
    ),
    "takings_unsent": lambda: run(
        outage(), [e.Pressed(command=Command.TAKINGS), e.DayArrived(days_ago=0, day=DAY)], now_ms=4_000
    ),
    "troubled": troubled,
    "refused_goods": lambda: run(till(), [*typed("12.5"), e.Scanned(text=Secret("6901234567892"))], now_ms=2_000),
    "refused_busy": lambda: run(
        selling(ours(TerminalState.WAITING)), [e.Scanned(text=Secret("288888888888888888"))], now_ms=10_500
    ),
    "large_amount": lambda: run(till(), typed("99999.99"), now_ms=2_000),
    "orders": orders,
    "orders_filtered": lambda: orders("12.5"),
    "takings": takings,
    "doctor": doctor,
    "display": lambda: run(till(), [e.Pressed(command=Command.DISPLAY)], now_ms=2_000),
    "activation": activation,
    "blocked": lambda: start(Settings(), SHOP, blocked=say(f"blocked.{words.BLOCKED_REASONS[0].value}")),
}
