"""Rules about tills: what one shows, and what it puts on the wire. One function per rule.

The edges between states are written down here a second time on purpose: an oracle that imports its subject's table
agrees with its mistakes.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from proof.simulation.complaints import Complaints, Shown
from proof.simulation.evidence import Evidence
from proof.simulation.till_evidence import TillSight
from protocol.messages import LateMoneyState, Light, PaymentRequest, Presented, RefundRequest, decode
from protocol.signature import RequestParts
from protocol.states import GatewayState, RefundState, TerminalState
from sync.engine.model import RefundView

CERTAIN_WITHIN_MS: Final = 60_000
HEARD_WITHIN_MS: Final = 3_000
#: "+15 s" by the gateway's clock, which is known to a till as exactly as its line is quick.
LIFE_MS: Final = 15_000 + 500
#: How much of a wallet's number a screen shows.
TAIL: Final = 4

_T = TerminalState
_TILL_EDGES: Final = {
    _T.SENDING: {_T.WAITING, _T.UNKNOWN, _T.CANCELLING, _T.PAID, _T.NOT_PAID},
    _T.AWAITING_PROOF: {_T.WAITING, _T.CANCELLING, _T.PAID, _T.NOT_PAID},
    _T.WAITING: {_T.UNKNOWN, _T.CANCELLING, _T.PAID, _T.NOT_PAID},
    _T.UNKNOWN: {_T.WAITING, _T.CANCELLING, _T.PAID, _T.NOT_PAID},
    _T.CANCELLING: {_T.PAID, _T.NOT_PAID},
    _T.PAID: set[TerminalState](),
    _T.NOT_PAID: set[TerminalState](),
}


def paid_is_true(e: Evidence, shown: Shown) -> Complaints:
    """PAID on a screen: the wallet has charged exactly this amount and has not given it back."""
    if shown.view.state is TerminalState.PAID:
        kept, fen = e.paid_to(shown.view.payment_no), shown.view.amount.fen
        if not fen - e.refunded_of(shown.view.payment_no) <= kept <= fen:
            yield shown.view.payment_no, f"shown as PAID, and the wallet holds {kept} of {fen} fen"


def the_tail_is_its_wallets(e: Evidence, shown: Shown) -> Complaints:
    """The four digits beside PAID are the end of the wallet's own number: by them the customer's phone is compared."""
    view = shown.view
    row = e.gateway.payments().get(view.payment_no)
    if view.state is not TerminalState.PAID or view.transaction_tail is None or row is None or row.out_trade_no is None:
        return
    money = e.money(row.out_trade_no)
    if money is not None and view.transaction_tail != money.number[-TAIL:]:
        yield view.payment_no, f"shown with {view.transaction_tail}, and the wallet calls it …{money.number[-TAIL:]}"


def green_is_safe(e: Evidence, shown: Shown) -> Complaints:
    """The green light has a proof of table P, and the wallet holds nothing for the payment."""
    view = shown.view
    if view.safe_to_rescan and (view.state is not TerminalState.NOT_PAID or view.proof is None):
        yield view.payment_no, f"safe to rescan in {view.state} without a proof"
    if view.safe_to_rescan and e.strict and e.kept_of(view.payment_no):
        yield view.payment_no, f"safe to rescan while the wallet holds {e.kept_of(view.payment_no)} fen"
    if view.state is TerminalState.NOT_PAID and view.proof is None:
        yield view.payment_no, "NOT_PAID without a proof"


def a_light_is_true(e: Evidence, shown: Shown) -> Complaints:
    """Green is NOT_PAID with its proof and out while late money is not back, or once two verified statements disagreed;
    amber only while an undo is under way."""
    view, row = shown.view, e.rows.get(shown.view.payment_no)
    late = view.late_money is not None and view.late_money.state is not LateMoneyState.UNDONE
    if view.light is Light.GREEN and (not view.safe_to_rescan or late):
        yield view.payment_no, f"green in {view.state} while money that came late is not back"
    if view.safe_to_rescan and shown.till.file.has(view.payment_no, "payment.conflict"):
        yield view.payment_no, "safe to rescan, and its till heard two statements that disagree"
    if view.light is Light.AMBER and row is not None and row.state in (GatewayState.CREATED, GatewayState.SENT):
        yield view.payment_no, f"amber, and the gateway undoes nothing: {row.state}"


def what_is_shown_is_journaled(_e: Evidence, shown: Shown) -> Complaints:
    """An outcome is on the screen only after it is in the journal file: a power cut must not take it away again."""
    view, file = shown.view, shown.till.file
    if view.state.final and view.cash is None and (shown.before is None or shown.before.state is not view.state):
        if not file.has(view.payment_no, "payment.settled") and not file.has(view.payment_no, "offline.proof"):
            yield view.payment_no, f"shows {view.state}, and the journal knows nothing of it"


def a_qr_is_for_paying(_e: Evidence, shown: Shown) -> Complaints:
    """A QR is shown while it may be paid: not once the payment is being cancelled, nor when it is over."""
    view = shown.view
    newly = shown.before is not None and shown.before.state is not view.state
    if view.qr is not None and (view.state.final or (newly and view.light is Light.AMBER)):
        yield view.payment_no, f"still shows its QR in {view.state}"
    record = shown.till.file.payments().get(view.payment_no)
    if view.qr is not None and record is not None and record.cancel_requested:
        yield view.payment_no, "still shows its QR, and the gateway has taken its cancel"


def a_waiting_till_hears_at_once(e: Evidence, shown: Shown) -> Complaints:
    """Where nothing goes wrong, a till that waits shows what the gateway committed within moments."""
    view = shown.view
    paid_ms = e.paid_since_ms.get(view.payment_no)
    newly = view.state is TerminalState.PAID and (shown.before is None or shown.before.state is not view.state)
    if e.faultless and newly and paid_ms is not None and e.now_ms() - paid_ms > HEARD_WITHIN_MS:
        yield view.payment_no, f"PAID at the gateway, and shown {e.now_ms() - paid_ms} ms later"


def a_shown_refund_is_true(e: Evidence, till: TillSight, view: RefundView) -> Complaints:
    """DONE on a screen: the gateway has it from the wallet. FAILED: nothing is under way any more."""
    row = e.restored.every_refund(e.gateway.refunds()).get(view.refund_no)
    if view.state is RefundState.DONE and (row is None or row.state is not RefundState.DONE):
        yield view.refund_no, f"{till.name} shows DONE, and at the gateway it is {row and row.state}"
    elif view.state is RefundState.FAILED and row is not None and row.state is not RefundState.FAILED:
        yield view.refund_no, f"{till.name} shows FAILED, and at the gateway it is {row.state}"


def what_is_left_is_true(e: Evidence, _till: TillSight, view: RefundView) -> Complaints:
    """How much may still be asked back, as a till shows it beside a refund that is done: not what went back by it."""
    row = e.gateway.refunds().get(view.refund_no)
    if view.state is not RefundState.DONE or view.refundable_fen is None or row is None:
        return
    captured_fen = e.gateway.captured().get(row.out_trade_no, 0)
    if not 0 <= view.refundable_fen <= captured_fen - row.amount_fen:
        yield view.refund_no, f"{row.amount_fen} of {captured_fen} fen are back, and {view.refundable_fen} are left"


def till_never_goes_back(_e: Evidence, shown: Shown) -> Complaints:
    """A payment's state at a till moves along the allowed edges only, over restarts too."""
    before, after = shown.before, shown.view
    if before is not None and before.state is not after.state and after.state not in _TILL_EDGES[before.state]:
        yield after.payment_no, f"{shown.till.name} went from {before.state} to {after.state}"


def one_number_per_command(_e: Evidence, shown: Shown) -> Complaints:
    """One command of the cashier makes at most one payment number, whatever is retried."""
    request = shown.view.request_id
    if request is not None and len(shown.till.by_request.get(request, ())) > 1:
        numbers = sorted(shown.till.by_request[request])
        yield shown.view.payment_no, f"one command made the numbers {', '.join(numbers)}"


def one_refund_per_command(_e: Evidence, till: TillSight, view: RefundView) -> Complaints:
    """One press gives money back once, however often it comes."""
    if view.request_id is None:
        return
    numbers = till.by_request.setdefault(view.request_id, set())
    numbers.add(view.refund_no)
    if len(numbers) > 1:
        yield view.refund_no, f"one command made the refunds {', '.join(sorted(numbers))}"


def one_live_payment_per_order(_e: Evidence, shown: Shown) -> Complaints:
    """An order has at most one payment that is open or paid at a till."""
    view = shown.view
    rivals = [
        v.payment_no
        for v in shown.till.views.values()
        if v.order_no == view.order_no and v.payment_no != view.payment_no and v.state is not TerminalState.NOT_PAID
    ]
    if rivals and view.state is not TerminalState.NOT_PAID:
        yield view.payment_no, f"live beside {', '.join(rivals)}"


def numbers_are_unique(e: Evidence, shown: Shown) -> Complaints:
    """No two terminals share an order."""
    owner = e.till_of.get(shown.view.order_no)
    if owner is not None and e.tills[owner].terminal_id != shown.till.terminal_id:
        yield shown.view.payment_no, f"{shown.till.name} and {owner} made the same order number"


def certain_within_a_minute(e: Evidence, shown: Shown) -> Complaints:
    """With both lines up, the outcome is known within 60 s of the scan; of a QR, within 60 s of its cancel or end."""
    view = shown.view
    if not e.faultless or not view.state.final or (shown.before is not None and shown.before.state.final):
        return
    number = view.payment_no
    since = shown.till.first_shown_ms[number]
    if view.presented is Presented.MERCHANT:
        since = shown.till.cancelled_ms.get(number, shown.till.qr_until_ms.get(number, since))
    if e.now_ms() - since > CERTAIN_WITHIN_MS:
        yield view.payment_no, f"certain only after {(e.now_ms() - since) / 1000:.1f} s"


def journal_before_send(_e: Evidence, till: TillSight, request: RequestParts) -> Complaints:
    """A pay or cancel request is on the wire only after its intent is committed in the journal file."""
    match (request.method, request.path.split("/")):
        case ("POST", ["", "v1", "payments"]):
            number = decode(PaymentRequest, request.body).payment_no
            if not till.file.has(number, "payment.started"):
                yield number, "a pay request left before the journal knew of it"
        case ("POST", ["", "v1", "payments", _, "refunds"]):
            number = decode(RefundRequest, request.body).refund_no
            if number not in till.file.refunds():
                yield number, "a refund left before the journal knew of it"
        case ("POST", ["", "v1", "payments", number, "ack"]):
            if not till.file.has(number, "payment.settled"):
                yield number, "an outcome was acknowledged before the journal knew of it"
        case ("POST", ["", "v1", "payments", number, "cancel"]):
            if not till.file.has(number, "payment.cancel_intended"):
                yield number, "a cancel left before the journal knew of it"
        case _:
            return


def no_sale_is_sold_over_late_money(_e: Evidence, till: TillSight, request: RequestParts) -> Complaints:
    """Of which money came after all, as far as its till knows: it pays for the sale, or is about to go back."""
    if request.method != "POST" or request.path != "/v1/payments":
        return
    asked = decode(PaymentRequest, request.body)
    if asked.payment_no in till.sent:
        return  # it was sent before, and repeats itself
    for number, record in till.file.payments().items():
        late = record.late_money
        if record.sale_id == asked.sale_id and late is not None and late.state is not LateMoneyState.UNDONE:
            yield asked.payment_no, f"begins while {number} of its sale holds money that came late"


def a_retry_repeats_itself(e: Evidence, till: TillSight, request: RequestParts) -> Complaints:
    """The same number always carries the same content, and lives for a quarter of a minute; one scanned code goes out
    under one number only."""
    if request.method != "POST" or request.path != "/v1/payments":
        return
    asked = decode(PaymentRequest, request.body)
    life_ms = asked.expires - e.latest_ms() - e.skew_ms
    if life_ms > LIFE_MS:
        yield asked.payment_no, f"a request that lives for {life_ms} ms"
    e.expires_ms[asked.payment_no] = asked.expires
    content = (asked.sale_id, asked.amount_fen, asked.currency, asked.presented, asked.subject, asked.operator)
    if till.sent.setdefault(asked.payment_no, content) != content:
        yield asked.payment_no, "sent again under the same number with other content"
    if asked.auth_code is not None:
        code = asked.auth_code.reveal().encode()
        e.codes.add(code)
        mark = sha256(code).digest()
        first = till.by_code.setdefault(mark, asked.payment_no)
        if first != asked.payment_no:
            yield asked.payment_no, f"carries the scanned code of {first}"
        e.code_of[asked.payment_no] = mark


ON_SHOWN: Final = (
    paid_is_true,
    the_tail_is_its_wallets,
    green_is_safe,
    a_light_is_true,
    what_is_shown_is_journaled,
    a_qr_is_for_paying,
    a_waiting_till_hears_at_once,
    till_never_goes_back,
    one_number_per_command,
    one_live_payment_per_order,
    numbers_are_unique,
    certain_within_a_minute,
)
ON_REFUND_SHOWN: Final = (a_shown_refund_is_true, what_is_left_is_true, one_refund_per_command)
ON_SENT: Final = (journal_before_send, no_sale_is_sold_over_late_money, a_retry_repeats_itself)
