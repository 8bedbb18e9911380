"""What must hold of offline orders, their proofs, cash and frozen tills at every moment: one function per rule.

SAFETY.md section 3. See `proof.simulation.invariants` for how rules are written; ORDERs and PROOFs are read here from
their bytes, and what a till made of them from its own file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from proof.simulation.complaints import Complaints
from proof.simulation.evidence import Evidence, GatewayRow, RefundRow
from proof.simulation.evidence_side import ProofRow, SeenRow, SideRows
from proof.simulation.till_evidence import TillSight
from protocol.messages import LateMoneyState
from protocol.numbers import crockford, order_of_out_trade_no
from protocol.offline.order import ClockQuality, SignedOrder
from protocol.offline.proof import PREFIX, ProofType, SignedProof, read_proof
from protocol.reasons import Reason
from protocol.states import GatewayState, RefundState, TerminalState
from sync.engine.model import PaymentView, ProofView

#: "First sight <= made_at + 10 min", by the gateway's clock at that moment.
FIRST_SIGHT_MS: Final = 600_000
#: SAFETY.md section 3, 8: a cancelled order that was paid goes back by itself up to this; above it a person has a day.
BACK_BY_ITSELF_FEN: Final = 20_000
DAY_MS: Final = 86_400_000
#: Between the gateway's word on a bad line and an ORDER that a program which starts anew shows lie minutes, and not an
#: hour: by so much a wrong clock is off.
DATED_WITHIN_MS: Final = 900_000
#: Of how many earlier orders an ORDER says whether they were cancelled.
BITMAP: Final = 16
_OF_FORM: Final = (Reason.PROOF_UNREADABLE, Reason.PROOF_OTHER_TILL, Reason.PROOF_BAD_SIGNATURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A till said what a scanned proof is worth. `text`: what was under its gun."""

    till: TillSight
    view: ProofView
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOrder:
    """A till shows an ORDER (or a STATUS) that nobody saw before."""

    till: TillSight
    view: PaymentView
    signed: SignedOrder


# --- what the gateway commits -----------------------------------------------------------------------------------


def an_order_is_its_tills(e: Evidence, _before: SideRows, seen: SeenRow) -> Complaints:
    """The gateway takes an order only as its till showed it, and for that amount."""
    shown = e.side.shown.get(seen.digest)
    row = e.rows.get(f"{seen.order_no}-1")
    if shown is None or shown.signed.order.terminal_id != seen.terminal_id:
        yield f"{seen.order_no}-1", "the gateway took an ORDER that no till ever showed"
    elif row is None or row.amount_fen != shown.signed.order.amount_fen:
        yield f"{seen.order_no}-1", f"{shown.signed.order.amount_fen} fen in the ORDER, and the gateway has {row}"


def an_expired_order_never_begins(e: Evidence, _before: SideRows, seen: SeenRow) -> Complaints:
    """Whose till knew the time, and which is seen first after ten minutes, is never paid."""
    shown, row = e.side.shown.get(seen.digest), e.rows.get(f"{seen.order_no}-1")
    if shown is None or row is None or row.state is GatewayState.NOT_PAID:
        return
    order = shown.signed.order
    late_ms = e.now_ms() - order.made_at_s * 1000 - FIRST_SIGHT_MS - 2 * e.skew_ms
    if order.clock is ClockQuality.GATEWAY and late_ms > 0:
        yield row.payment_no, f"begun {late_ms} ms after its time was over"


def a_cancelled_order_never_begins(e: Evidence, before: SideRows, seen: SeenRow) -> Complaints:
    """What its till cancelled, as far as the gateway could know it, is never paid."""
    row = e.rows.get(f"{seen.order_no}-1")
    if row is None or row.state is GatewayState.NOT_PAID:
        return
    told = e.side.file is not None and e.side.file.cancel_was_told(seen.terminal_id, row.payment_no)
    if told or (seen.terminal_id, seen.epoch, seen.oseq) in before.cancelled:
        yield row.payment_no, "begun after the gateway was told that its till had cancelled it"


def the_bitmap_is_believed(e: Evidence, _before: SideRows, seen: SeenRow) -> Complaints:
    """With an order come the cancels of the sixteen before it: what they speak of can end in no other way."""
    shown = e.side.shown.get(seen.digest)
    if shown is None:
        return
    order = shown.signed.order
    for oseq in range(max(1, order.oseq - BITMAP), order.oseq):
        if order.cancelled >> (order.oseq - 1 - oseq) & 1:
            if (seen.terminal_id, order.epoch, oseq) not in e.side.rows.cancelled:
                yield f"{seen.order_no}-1", f"its bitmap says that {oseq} was cancelled, and the gateway forgot it"


def a_given_proof_is_true(e: Evidence, before: SideRows, proof: ProofRow) -> Complaints:
    """PAID is proven of an order whose money is here, CLOSED of one that nothing is kept of; of one never both."""
    about = f"{proof.order_no}-1"
    rows = [row for row in e.rows.values() if row.order_no == proof.order_no and row.terminal_id == proof.terminal_id]
    paid = [row for row in rows if row.state is GatewayState.PAID]
    kept = sum(e.kept_of(row.payment_no) for row in rows)
    if proof.paid and not paid:
        yield about, "proven PAID, and no payment of it is"
    elif proof.paid and kept < paid[0].amount_fen - e.refunded_of(paid[0].payment_no):
        yield about, f"proven PAID, and the wallet holds {kept} of {paid[0].amount_fen} fen"
    elif not proof.paid and (not rows or any(row.state is not GatewayState.NOT_PAID for row in rows)):
        yield about, f"proven CLOSED, and its payments are {[row.state.value for row in rows]}"
    elif not proof.paid and any(row.late in (LateMoneyState.FOUND, LateMoneyState.ACCEPTED) for row in rows):
        yield about, "proven CLOSED, and money that came late for it is here"
    elif not proof.paid and kept and e.strict:
        yield about, f"proven CLOSED, and the wallet holds {kept} fen"
    if any(other.order_no == proof.order_no and other.paid is not proof.paid for other in before.proofs.values()):
        yield about, "proven PAID and CLOSED"


def a_proof_says_the_order(e: Evidence, _before: SideRows, proof: ProofRow) -> Complaints:
    """What is signed names the order of the ORDER that it was asked for, and its outcome."""
    shown, said = e.side.shown.get(proof.digest), _read(proof)
    if said is None or said.proof.order_no != proof.order_no:
        yield f"{proof.order_no}-1", "a proof that names another order was given"
    elif (said.proof.type is ProofType.PAID) is not proof.paid:
        yield f"{proof.order_no}-1", f"{said.proof.type.name} was signed, paid is {proof.paid}"
    elif shown is None or shown.signed.order.order_no != proof.order_no:
        yield f"{proof.order_no}-1", "proven of an ORDER that no till showed for it"


def a_frozen_till_begins_nothing(e: Evidence, before: SideRows, row: GatewayRow) -> Complaints:
    """Once the gateway holds a terminal as frozen nothing begins under it, whichever of the two asks; and when the
    owner chose one of them, nothing of the other."""
    standing = before.standings.get(row.terminal_id)
    if row.state is GatewayState.NOT_PAID:
        return
    if standing is not None and standing.frozen:
        yield row.payment_no, f"taken as {row.state} while its terminal is frozen"
    chosen, by = e.side.goes_on.get(row.terminal_id), e.till_of.get(row.order_no)
    if chosen is not None and by is not None and by != chosen:
        yield row.payment_no, f"taken of {by}, and the owner chose {chosen}"


def only_the_cancelled_goes_back(e: Evidence, before: RefundRow | None, after: RefundRow) -> Complaints:
    """A refund because the till had cancelled an order that was paid has that cancel in a till's journal."""
    if before is not None or after.cause != "cancelled" or after.state is RefundState.FAILED:
        return
    order = e.gateway.channel_orders().get(after.out_trade_no)
    if order is None:
        return
    if not any(till.file.has(order.payment_no, "payment.cancel_intended") for till in e.tills.values()):
        yield order.payment_no, "given back as cancelled, and no till cancelled it"


def the_large_waits_for_a_person(e: Evidence, before: RefundRow | None, after: RefundRow) -> Complaints:
    """Above what goes back by itself a supervisor decides; what nobody decided goes back after a day."""
    if before is not None or after.cause != "cancelled" or after.amount_fen <= BACK_BY_ITSELF_FEN:
        return
    order_no = order_of_out_trade_no(after.out_trade_no) or ""
    seen = e.side.rows.seen.get(order_no)
    heard_ms = None if seen is None else e.side.cancelled_since_ms.get((seen.terminal_id, seen.epoch, seen.oseq))
    if heard_ms is not None and e.now_ms() - heard_ms < DAY_MS - 2 * e.skew_ms and not e.leapt_since(1):
        yield f"{order_no}-1", f"{after.amount_fen} fen given back, and nobody had a day to decide"


def only_copies_are_frozen(e: Evidence, before: SideRows, terminal_id: str) -> Complaints:
    """There are two of a till only where a disk was copied or restored."""
    standing, was = e.side.rows.standings[terminal_id], before.standings.get(terminal_id)
    if standing.frozen and not (was is not None and was.frozen) and terminal_id not in e.unruly:
        yield terminal_id, "frozen, and there is only one of it"


# --- what a till shows ------------------------------------------------------------------------------------------


def an_order_is_journaled_first(_e: Evidence, shown: ShownOrder) -> Complaints:
    """ORDER and STATUS are in the journal, byte for byte, before anybody sees them."""
    record = shown.till.file.payments().get(shown.view.payment_no)
    if record is None or record.offline is None or record.offline.signed != shown.signed:
        yield shown.view.payment_no, "an ORDER is shown that the journal does not have"
    elif record.amount.fen != shown.signed.order.amount_fen:
        yield shown.view.payment_no, f"an ORDER over {shown.signed.order.amount_fen} of {record.amount.fen} fen"


def an_order_is_dated_truly(e: Evidence, shown: ShownOrder) -> Complaints:
    """A till that says that it knows the gateway's time knows it: by that time the gateway judges whether an ORDER is
    too old."""
    order = shown.signed.order
    off_ms = order.made_at_s * 1000 - e.gateway_ms()
    if order.clock is ClockQuality.GATEWAY and abs(off_ms) > DATED_WITHIN_MS + 2 * e.skew_ms and not e.leapt_since(1):
        yield shown.view.payment_no, f"dated {off_ms // 1000} s from now by a till that says that it knows the time"


def an_order_is_anchored_first(_e: Evidence, shown: ShownOrder) -> Complaints:
    """How far its counters went stands outside of the data folder before anybody sees them: a disk that is put back
    does not give them twice."""
    order = shown.signed.order
    anchored = None if shown.till.anchored is None else shown.till.anchored()
    reached = anchored is not None and anchored.epoch == order.epoch
    if not reached or anchored is None or anchored.oseq < order.oseq or anchored.release < order.release:
        yield shown.view.payment_no, f"its counter {order.oseq} is shown, and the anchor is {anchored}"


def an_order_tells_of_the_cancelled(_e: Evidence, shown: ShownOrder) -> Complaints:
    """Its bitmap names every one of the sixteen before it that was cancelled at the till."""
    order = shown.signed.order
    for number, record in shown.till.file.payments().items():
        part = record.offline
        if part is None or not record.cancel_intended or part.epoch != order.epoch or part.status:
            continue
        if record.state is TerminalState.PAID:
            continue  # the gateway itself said so, and heard of the cancel over the line
        if 0 < order.oseq - part.oseq <= BITMAP and not order.cancelled >> (order.oseq - part.oseq - 1) & 1:
            yield shown.view.payment_no, f"{number} was cancelled before it, and it does not say so"


def an_order_tells_of_no_other(_e: Evidence, shown: ShownOrder) -> Complaints:
    """What was not cancelled is not told as cancelled: the gateway would end it, or give it back."""
    order = shown.signed.order
    told = {order.oseq - 1 - place for place in range(BITMAP) if order.cancelled >> place & 1}
    for record in shown.till.file.payments().values():
        part = record.offline
        if part is not None and part.epoch == order.epoch and part.oseq in told:
            told.discard(part.oseq)
            if not record.cancel_intended:
                yield shown.view.payment_no, f"it tells of {record.payment_no} as cancelled, and nobody cancelled that"
    if told:
        yield shown.view.payment_no, f"it tells of {sorted(told)} as cancelled, which this till never showed"


def one_order_awaits_its_proof(_e: Evidence, shown: ShownOrder) -> Complaints:
    """At the counter stands one order; the others were put aside with a reason."""
    waiting = [
        number
        for number, record in shown.till.file.payments().items()
        if record.state is TerminalState.AWAITING_PROOF and record.offline is not None and record.offline.parked is None
    ]
    if len(waiting) > 1:
        yield shown.view.payment_no, f"await their proof at once: {', '.join(waiting)}"


def a_copy_sells_nothing_alone(_e: Evidence, shown: ShownOrder) -> Complaints:
    """A disk that was just put into this machine shows no ORDER before the gateway agreed to its journal."""
    if not shown.till.agreed:
        yield shown.view.payment_no, "shown from a journal that the gateway was never asked about"


def no_number_twice(e: Evidence, shown: ShownOrder) -> Complaints:
    """A counter is given to one ORDER, a copied disk apart: what one machine has shown its anchor knows."""
    order = shown.signed.order
    for other in e.side.shown.values():
        same = other.signed.order
        if (same.terminal_id, same.epoch, same.oseq) == (order.terminal_id, order.epoch, order.oseq):
            mine = order.terminal_id not in e.unruly or other.till == shown.till.name
            if same.order_no != order.order_no and mine:
                yield shown.view.payment_no, f"its counter {order.oseq} is that of {same.order_no}"


# --- what a till makes of a proof -------------------------------------------------------------------------------


def an_accepted_proof_was_given(e: Evidence, read: Read) -> Complaints:
    """Byte for byte the gateway's proof of the very ORDER that this till showed for this payment."""
    if not read.view.accepted:
        return
    number, found = read.view.payment_no or "", read_proof(read.text)
    given = [row for row in _proofs(e) if found is not None and row.raw == found.raw]
    if not given:
        yield number, "a proof was accepted that the gateway never gave"
        return
    shown = e.side.shown.get(given[0].digest)
    if given[0].terminal_id != read.till.terminal_id:
        yield number, "the proof of another till was accepted"
    elif shown is None or shown.payment_no != number:
        yield number, f"the proof of {given[0].order_no} was accepted for it"
    elif (read.view.reason is Reason.PAID) is not given[0].paid:
        yield number, f"a proof of paid={given[0].paid} was accepted as {read.view.reason}"


def an_accepted_proof_is_durable(_e: Evidence, read: Read) -> Complaints:
    """The till says it only when its journal has it."""
    if not read.view.accepted:
        return
    number = read.view.payment_no or ""
    record = read.till.file.payments().get(number)
    wanted = TerminalState.PAID if read.view.reason is Reason.PAID else TerminalState.NOT_PAID
    if record is None or record.state is not wanted or record.offline is None or record.offline.proof is None:
        yield number, f"said as {read.view.reason}, and the journal has {None if record is None else record.state}"


def a_copy_believes_no_proof(_e: Evidence, read: Read) -> Complaints:
    """A disk that was just put into this machine takes no proof before the gateway agreed to its journal."""
    if read.view.accepted and not read.till.agreed:
        yield read.view.payment_no or "", "its proof was accepted from a journal that the gateway was never asked about"


def a_proof_is_taken_once(_e: Evidence, read: Read) -> Complaints:
    """A proof frees goods once."""
    number = read.view.payment_no or ""
    if read.view.accepted and number in read.till.proven:
        yield number, "its proof was accepted a second time"


def a_cancelled_order_takes_no_proof(_e: Evidence, read: Read) -> Complaints:
    """What the cashier cancelled goes back: no proof frees its goods."""
    number = read.view.payment_no or ""
    if not read.view.accepted or read.view.reason is not Reason.PAID:
        return
    if read.till.file.has(number, "payment.cancel_intended"):
        yield number, "PAID by a proof after it was cancelled at the till"


def a_good_proof_is_read(e: Evidence, read: Read) -> Complaints:
    """The gateway's own proof of this till's own order is never refused as if it were somebody else's."""
    if read.view.accepted or read.view.reason not in _OF_FORM:
        return
    found = read_proof(read.text)
    given = next((row for row in _proofs(e) if found is not None and row.raw == found.raw), None)
    if given is None or given.terminal_id != read.till.terminal_id:
        return
    shown = e.side.shown.get(given.digest)
    record = None if shown is None else read.till.file.payments().get(shown.payment_no)
    part = None if record is None else record.offline
    if shown is not None and part is not None and part.signed == shown.signed:
        yield shown.payment_no, f"its own proof was refused as {read.view.reason}"


def _proofs(e: Evidence) -> list[ProofRow]:
    """As they are now: a till may scan a proof before the judge looked at the commit that keeps it."""
    return [] if e.side.file is None else list(e.side.file.rows().proofs.values())


def _read(proof: ProofRow) -> SignedProof | None:
    return read_proof(PREFIX + crockford(proof.raw))


ON_SEEN: Final = (
    an_order_is_its_tills,
    an_expired_order_never_begins,
    a_cancelled_order_never_begins,
    the_bitmap_is_believed,
)
ON_GIVEN: Final = (a_given_proof_is_true, a_proof_says_the_order)
ON_BEGUN: Final = (a_frozen_till_begins_nothing,)
ON_REFUND: Final = (only_the_cancelled_goes_back, the_large_waits_for_a_person)
ON_READ: Final = (
    an_accepted_proof_was_given,
    an_accepted_proof_is_durable,
    a_proof_is_taken_once,
    a_cancelled_order_takes_no_proof,
    a_good_proof_is_read,
    a_copy_believes_no_proof,
)
#: Of a typed code, too.
ON_TYPED: Final = (
    an_accepted_proof_is_durable,
    a_proof_is_taken_once,
    a_cancelled_order_takes_no_proof,
    a_copy_believes_no_proof,
)
ON_ORDER_SHOWN: Final = (
    an_order_is_journaled_first,
    an_order_is_dated_truly,
    an_order_is_anchored_first,
    an_order_tells_of_the_cancelled,
    an_order_tells_of_no_other,
    one_order_awaits_its_proof,
    a_copy_sells_nothing_alone,
    no_number_twice,
)
ON_STANDING: Final = (only_copies_are_frozen,)
