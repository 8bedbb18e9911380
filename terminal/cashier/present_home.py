"""The home screen's other parts: the amount, the recent list, the lamps, the bars across the top."""

from __future__ import annotations

from protocol.messages import LateMoneyState
from protocol.states import TerminalState
from sync.engine.model import Line, PaymentView
from terminal.cashier import words
from terminal.cashier.keys import Command
from terminal.cashier.keys_now import keys_of
from terminal.cashier.offline import awaits_proof
from terminal.cashier.orders import row_of
from terminal.cashier.phrase import Phrase, say
from terminal.cashier.ports import GunState
from terminal.cashier.present_panel import panel_of
from terminal.cashier.state import CashierState, StoreRing
from terminal.cashier.times import clock
from terminal.cashier.typing_keys import sale_open
from terminal.cashier.unsent import unsent_words
from terminal.cashier.view import (
    AmountView,
    BannerView,
    HomeView,
    LampView,
    Light,
    Page,
    RowView,
    Sign,
    StatusView,
    Tone,
    command_hint,
)

RECENT_SHOWN = 12


def home_of_state(state: CashierState) -> HomeView:
    """Selling."""
    return HomeView(
        amount=amount_of(state),
        panel=panel_of(state),
        recent=recent_of(state),
        keypad=state.settings.keypad == "shown",
    )


def amount_of(state: CashierState) -> AmountView:
    """What is being typed, or the amount of the sale in the panel."""
    sale, cash = state.sale, state.cash
    if cash is not None:
        caption, free = say("amount_caption.received"), cash.request_id == ""
        return AmountView(text=cash.received, caption=caption, editable=free, pulse=state.scans_taken)
    if sale is not None and state.entry == "":
        caption = say("amount_caption.open" if sale_open(sale) else "amount_caption.last")
        return AmountView(text=words.yuan(sale.amount_fen), caption=caption, editable=False, pulse=state.scans_taken)
    if sale is not None and sale_open(sale):
        text = words.yuan(sale.amount_fen)
        return AmountView(text=text, caption=say("amount_caption.open"), editable=False, pulse=state.scans_taken)
    return AmountView(text=state.entry, caption=say("amount_caption.typing"), editable=True, pulse=state.scans_taken)


def recent_of(state: CashierState) -> tuple[RowView, ...]:
    """Unresolved orders first, then the latest."""
    open_ones = sorted((payment for payment in state.recent if not payment.state.final), key=_proof_first)
    done = [payment for payment in state.recent if payment.state.final]
    return tuple(row_of(state, payment) for payment in (*open_ones, *done)[:RECENT_SHOWN])


def _proof_first(payment: PaymentView) -> bool:
    """Orders that wait for their proof stand above what the gateway settles by itself."""
    return not awaits_proof(payment)


def status_of(state: CashierState) -> StatusView:
    """Who sells where, the lamps, the time."""
    who = state.identity
    place = " · ".join(part for part in (who.store, who.terminal, who.operator) if part)
    time = clock(state.unix_ms, state.settings.zone) if state.unix_ms else ""
    return StatusView(place=place, lamps=_lamps(state), clock=time)


def banners_of(state: CashierState) -> tuple[BannerView, ...]:
    """Bars across the top, most pressing first."""
    found: list[BannerView] = []
    for settled in state.settled[:1]:
        found.append(_settled(state, settled.payment, more=len(state.settled) - 1))
    if state.ring is not None:
        found.append(_ring(state.ring))
    if state.link.line is Line.DOWN and state.page is not Page.ACTIVATION:
        found.append(BannerView(sign=Sign.PLUG, tone=Tone.OFFLINE, text=_offline(state)))
    if state.link.line is Line.UNTRUSTED:
        found.append(BannerView(sign=Sign.PLUG, tone=Tone.DANGER, text=say("banner.untrusted")))
    trouble = words.reason(state.link.refusing)
    if trouble is not None:
        found.append(BannerView(sign=Sign.NOTE, tone=Tone.DANGER, text=trouble))
    if state.link.upload_stopped is not None:
        found.append(BannerView(sign=Sign.NOTE, tone=Tone.DANGER, text=say("banner.upload_stopped")))
    if state.link.parked:
        text = say("banner.parked_entries", count=state.link.parked, order=state.link.parked_order[-6:])
        found.append(BannerView(sign=Sign.NOTE, tone=Tone.UNKNOWN, text=text))
    if state.gun.gun is GunState.LOST:
        found.append(BannerView(sign=Sign.PLUG, tone=Tone.UNKNOWN, text=say("banner.gun_lost")))
    if state.link.clock_warning and state.link.clock_skew_ms is not None:
        found.append(_clock(state.link.clock_skew_ms))
    if state.parked and state.page is Page.HOME:
        total = words.yuan(sum(payment.amount.fen for payment in state.parked))
        text = say("banner.parked", count=len(state.parked), amount=total)
        found.append(BannerView(sign=Sign.HATCHED_QUESTION, tone=Tone.UNKNOWN, text=text))
    if _busy_notice(state) is not None:
        found.insert(0, _busy_notice(state) or found[0])
    return tuple(found[:2])


def _offline(state: CashierState) -> Phrase:
    """What still works: cash, as far as the owner allows it."""
    settings = state.settings
    cash = settings.cash_sale_fen and settings.cash_offline_day_fen
    return say("banner.offline_cash" if cash else "banner.offline")


def _busy_notice(state: CashierState) -> BannerView | None:
    """An answer to a key or scan while the panel belongs to an open payment."""
    notice = state.notice
    if notice is None or state.now_ms - notice.at_ms < notice.after_ms or not sale_open(state.sale):
        return None
    return BannerView(sign=Sign.NOTE, tone=notice.tone, text=notice.text)


def _settled(state: CashierState, payment: PaymentView, *, more: int) -> BannerView:
    amount, time = words.yuan(payment.amount.fen), clock(payment.started_at_ms, state.settings.zone)
    action = command_hint(keys_of(state), Command.ACKNOWLEDGE)
    late = payment.late_money
    part = payment.offline
    proven = part is not None and part.proven_at_ms is not None
    if late is None and proven and payment.state is TerminalState.PAID:
        text, sign, tone = say("banner.proof_paid", amount=amount, time=time), Sign.DISC_TICK, Tone.PAID
    elif late is None and proven:
        text, sign, tone = say("banner.proof_closed", amount=amount, time=time), Sign.SQUARE_CROSS, Tone.NOT_PAID
    elif late is None and part is not None and payment.cancel_requested and payment.state is TerminalState.PAID:
        text, sign, tone = say("banner.cancelled_paid", amount=amount, time=time), Sign.DISC_CLOCK, Tone.UNKNOWN
    elif late is not None and late.state is LateMoneyState.UNDONE:
        text, sign, tone = say("banner.late_undone", amount=amount, time=time), Sign.DISC_CLOCK, Tone.UNKNOWN
    elif late is not None and late.state is LateMoneyState.ACCEPTED:
        text, sign, tone = say("banner.late_kept", amount=amount, time=time), Sign.DISC_CLOCK, Tone.PAID
    elif late is not None or payment.state is TerminalState.PAID:
        tone = Tone.PAID if late is None else Tone.UNKNOWN  # late money pays for no goods until it is decided
        text, sign = say("banner.late", amount=amount, time=time), Sign.DISC_CLOCK
    else:
        text, sign, tone = say("banner.settled_not_paid", amount=amount, time=time), Sign.SQUARE_CROSS, Tone.NOT_PAID
    if more > 0:
        text = say("banner.and_more", text=text, count=more)
    return BannerView(sign=sign, tone=tone, text=text, action=action)


def _ring(ring: StoreRing) -> BannerView:
    """Money of the store's static QR: no sale of this till, so it stays out of the state panel."""
    paid = ring.paid
    amount, wallet = words.yuan(paid.amount.fen), words.wallet(paid.channel)
    if paid.transaction_tail:
        text = say("banner.store_paid_tail", amount=amount, wallet=wallet, tail=paid.transaction_tail)
    else:
        text = say("banner.store_paid", amount=amount, wallet=wallet)
    if ring.more > 0:
        text = say("banner.and_more", text=text, count=ring.more)
    return BannerView(sign=Sign.DISC_TICK, tone=Tone.PAID, text=text)


def _clock(skew_ms: int) -> BannerView:
    return BannerView(sign=Sign.NOTE, tone=Tone.UNKNOWN, text=words.clock_off(skew_ms))


def _lamps(state: CashierState) -> tuple[LampView, ...]:
    line = {
        Line.UP: ("wifi", Light.OK, say("lamp.gateway_up")),
        Line.CHECKING: ("wifi", Light.BUSY, say("lamp.gateway_checking")),
        Line.DOWN: ("wifi-off", Light.BAD, say("lamp.gateway_down")),
        Line.UNTRUSTED: ("circle-alert", Light.BAD, say("lamp.gateway_untrusted")),
    }[state.link.line]
    gun = {
        GunState.NONE: ("keyboard", Light.NONE, say("lamp.gun_keyboard")),
        GunState.READY: ("scan-barcode", Light.OK, say("lamp.gun_ready")),
        GunState.SEARCHING: ("scan-barcode", Light.BUSY, say("lamp.gun_searching")),
        GunState.LOST: ("unplug", Light.BAD, say("lamp.gun_lost")),
    }[state.gun.gun]
    unsent = state.link.unsent
    skew = state.link.clock_warning
    return (
        LampView(icon=line[0], light=line[1], word=line[2]),
        LampView(icon=gun[0], light=gun[1], word=gun[2]),
        LampView(
            icon="cloud-upload",
            light=Light.BUSY if unsent else Light.OK,
            word=unsent_words(state, "lamp.unsent") if unsent else say("lamp.sent"),
            loud=unsent > 0,
        ),
        LampView(
            icon="clock", light=Light.BAD if skew else Light.OK, word=say("lamp.clock_bad" if skew else "lamp.clock_ok")
        ),
    )
