"""A scan goes where it belongs, from anywhere: a payment code charges, a receipt opens its order, an activation code
binds.

Rules: a scan without an amount, while a payment is open, with the line down or of a code that was used already charges
nothing and says why. A scan after NOT_PAID collects the same order again only on the green light (`safe_to_rescan`).
A scan in the doctor's panel is a test: it is named, never charged.
"""

from __future__ import annotations

from msgspec.structs import replace

from protocol.activation import ActivationTicket, read_ticket
from protocol.auth_code import PaymentCode, ScanRefusal, classify_scan
from protocol.messages import Presented
from protocol.money import AmountRefusal, Money
from protocol.numbers import order_of_out_trade_no, read_number, read_payment_no
from protocol.reasons import Reason
from protocol.secret import Secret
from sync.engine.model import Line, StartPayment
from terminal.cashier import offline, words
from terminal.cashier.effects import Activate, Effect, Play, ReadOrders, Sound, Submit
from terminal.cashier.phrase import say
from terminal.cashier.state import CashierState, Sale
from terminal.cashier.typing_keys import collectable_again, entry_amount, notice, sale_open
from terminal.cashier.view import Page, Tone

Result = tuple[CashierState, tuple[Effect, ...]]
#: Pages that give way to what a scan has to say.
_LOOKED_AT = (Page.ORDERS, Page.TAKINGS, Page.DISPLAY, Page.RETURNING, Page.LEAVING)


def scanned(state: CashierState, text: Secret, request_id: str) -> Result:
    """Takes one scan, from whichever gun."""
    raw = text.reveal()
    found = classify_scan(raw, ranges=state.settings.ranges)
    if state.page is Page.BLOCKED:
        return refused(state, "not_activated")
    if found is ScanRefusal.PROOF and state.identity.activated:
        return offline.proof_scanned(state, raw, request_id)
    if state.page is Page.ACTIVATION:
        return _activation_scan(state, raw)
    if state.page is Page.DOCTOR:
        return _test_scan(state, raw, found)
    if isinstance(found, PaymentCode):
        return _payment_code(state, found, request_id)
    order_no = _our_number(raw)
    if found is ScanRefusal.RECEIPT and order_no is not None:
        orders = replace(state.orders, filter_text=order_no, selected=order_no, loading=True)
        return replace(state, page=Page.ORDERS, orders=orders), (ReadOrders(),)
    return refused(state, _name(raw, found))


def refused(state: CashierState, name: str) -> Result:
    """Says what a scan is and what to do; nothing is charged."""
    page = Page.HOME if state.page in _LOOKED_AT else state.page
    text = words.scan_trouble(name)
    return notice(replace(state, page=page), text, say(f"scan_todo.{name}")), (Play(sound=Sound.REFUSED),)


def show_qr(state: CashierState, request_id: str) -> Result:
    """One key: the QR of the typed amount, or of the order that was proven not paid."""
    amount = _collectable(state)
    if isinstance(amount, AmountRefusal):
        return _amount_refused(state, amount)
    if line_trouble(state) is not None:
        return offline.show(state, amount, request_id)
    sale = _sale(state, request_id, amount, by_qr=True)
    command = _start(state, sale, Presented.MERCHANT, None)
    return replace(state, page=Page.HOME, sale=sale, notice=None, cancel=None), (Submit(command=command),)


def line_trouble(state: CashierState) -> str | None:
    """Why nothing can be charged right now, as a scan trouble; None when it can."""
    if state.link.line is Line.DOWN:
        return "offline"
    return "untrusted" if state.link.line is Line.UNTRUSTED else None


def _payment_code(state: CashierState, code: PaymentCode, request_id: str) -> Result:
    same = state.last_code == code.auth_code
    if not state.identity.activated:
        return refused(state, "not_activated")
    if sale_open(state.sale) or (state.cash is not None and state.cash.request_id):
        return refused(state, "duplicate" if same else "busy")
    trouble = line_trouble(state)
    if trouble is not None:
        return refused(state, trouble)
    if same:
        return refused(state, "used")
    amount = _collectable(state)
    if isinstance(amount, AmountRefusal):
        return _amount_refused(state, amount)
    sale = _sale(state, request_id, amount, by_qr=False)
    command = _start(state, sale, Presented.CUSTOMER, code.auth_code)
    taken = replace(
        state,
        page=Page.HOME,
        sale=sale,
        cash=None,
        notice=None,
        cancel=None,
        last_code=code.auth_code,
        scans_taken=state.scans_taken + 1,
    )
    return taken, (Play(sound=Sound.SCAN_TAKEN), Submit(command=command))


def _collectable(state: CashierState) -> int | AmountRefusal:
    """The amount that a scan would collect now, in fen."""
    sale = state.sale
    if state.entry == "" and sale is not None and collectable_again(sale):
        return sale.amount_fen
    amount = entry_amount(state)
    return amount if isinstance(amount, AmountRefusal) else amount.fen


def _sale(state: CashierState, request_id: str, amount_fen: int, *, by_qr: bool) -> Sale:
    return Sale(
        request_id=request_id,
        amount_fen=amount_fen,
        started_ms=state.now_ms,
        by_qr=by_qr,
        again=offline.collected_again(state),
    )


def _start(state: CashierState, sale: Sale, presented: Presented, auth_code: Secret | None) -> StartPayment:
    """The same order once more after a proven NOT_PAID, a new one of the same sale after a cancel, else a new sale."""
    last = sale.again
    return StartPayment(
        request_id=sale.request_id,
        sale_id=last.sale_id if last is not None else None,
        order_no=last.order_no if last is not None and last.reason is not Reason.CANCELLED else None,
        amount=Money(sale.amount_fen),
        presented=presented,
        auth_code=auth_code,
        subject=state.identity.store or "Guitai",
        operator=state.identity.operator,
        scanned_at_ms=sale.started_ms,
    )


def _amount_refused(state: CashierState, why: AmountRefusal) -> Result:
    if why is AmountRefusal.EMPTY:
        return refused(state, "no_amount")
    text = words.amount_trouble(why, state.settings.max_fen)
    return notice(replace(state, page=Page.HOME), text, say("amount_todo")), (Play(sound=Sound.REFUSED),)


def _name(raw: str, found: ScanRefusal) -> str:
    """Two codes that one burst carried are named as such; everything else by the grammar."""
    parts = raw.split()
    digits = "".join(parts)
    if len(parts) > 1 and digits.isdigit():
        return "two_codes"
    if found is ScanRefusal.TOO_LONG and 32 <= len(digits) <= 48:
        return "two_codes"
    return found.value


def _our_number(raw: str) -> str | None:
    plain = raw.strip().upper()
    payment = read_payment_no(plain)
    return payment.order_no if payment is not None else order_of_out_trade_no(plain) or read_number(plain)


def _activation_scan(state: CashierState, raw: str) -> Result:
    ticket = read_ticket(raw)
    if ticket is None:
        fields = replace(state.activation, message=words.scan_trouble("not_activated"), tone=Tone.DANGER)
        return replace(state, activation=fields), (Play(sound=Sound.REFUSED),)
    gateway = ticket.gateway_url or state.activation.gateway
    return activate(replace(state, activation=replace(state.activation, gateway=gateway)), ticket)


def activate(state: CashierState, ticket: ActivationTicket) -> Result:
    """Starts binding, when an address is known."""
    fields = state.activation
    if fields.busy:
        return state, ()
    if fields.gateway.strip() == "" and not state.identity.activated:
        asked = replace(fields, field="gateway", message=say("activation.need_gateway"), tone=Tone.NEUTRAL)
        return replace(state, activation=asked), ()
    busy = replace(fields, busy=True, message=say("activation.busy"), tone=Tone.WAITING)
    return replace(state, activation=busy), (Activate(gateway=fields.gateway.strip(), ticket=ticket),)


def _test_scan(state: CashierState, raw: str, found: PaymentCode | ScanRefusal) -> Result:
    if isinstance(found, PaymentCode):
        text = say("doctor.scan_payment", wallet=words.wallet(found.wallet), hint=found.hint)
    else:
        text = say("doctor.scan_other", what=words.scan_trouble(_name(raw, found)))
    return replace(state, doctor=replace(state.doctor, scan=text)), (Play(sound=Sound.SCAN_TAKEN),)
