"""What must hold of codes that a cashier types instead of scanning, and of every word by which a till refuses a proof:
one function per rule.

SAFETY.md section 3, 5 and 6; the numbers stand here once more. See `proof.simulation.invariants` for how rules are
written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from proof.simulation.complaints import Complaints
from proof.simulation.evidence import Evidence
from proof.simulation.evidence_side import ProofRow
from proof.simulation.invariants_begun import ORDER_LIMIT_FEN, TYPED_LIMIT_FEN
from proof.simulation.invariants_offline import Read, ShownOrder
from proof.simulation.till_evidence import TillSight
from protocol.offline.order import OrderType
from protocol.offline.proof import read_proof
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.record import PaymentRecord

SHIFT_LIMIT_FEN: Final = 300_000
ORDER_TRIES: Final = 3
SHIFT_TRIES: Final = 10
_ZONE_MS: Final = 8 * 3_600_000
_DAY_MS: Final = 86_400_000
_OVER: Final = (TerminalState.PAID, TerminalState.NOT_PAID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A till is about to compare a typed code with the verifier of this index. `before`: how often it did already."""

    till: TillSight
    epoch: int
    index: int
    before: int


# --- typed codes ------------------------------------------------------------------------------------------------


def a_try_is_counted_first(_e: Evidence, compared: Compared) -> Complaints:
    """Before a code is compared, the journal has the try."""
    record = _freed_by(compared)
    if record is None or record.offline is None:
        yield compared.till.name, f"a code is compared with verifier {compared.index}, which is no order's"
    elif record.offline.tries <= compared.before:
        yield record.payment_no, f"compared {compared.before + 1} times, and {record.offline.tries} tries are journaled"


def a_code_has_three_tries(_e: Evidence, compared: Compared) -> Complaints:
    """Three for an order, ten in a shift."""
    today = _today(compared.till.file.codes_tried_ms())
    if compared.before >= ORDER_TRIES:
        yield compared.till.name, f"the code {compared.index} is compared for the {compared.before + 1}th time"
    if today > SHIFT_TRIES:
        yield compared.till.name, f"{today} codes were compared in one shift"


def a_typed_code_frees_its_order(e: Evidence, read: Read) -> Complaints:
    """Goods go out for the digits that the page showed for this very order, and for no others."""
    number = read.view.payment_no or ""
    shown = e.side.typed_of.get(number.rpartition("-")[0])
    if read.view.accepted and (shown is None or _digits(shown) != _digits(read.text)):
        yield number, f"freed by a code, and the page showed {'none' if shown is None else 'another'}"


def a_typed_order_is_small(_e: Evidence, read: Read) -> Complaints:
    """¥500 for one order, ¥3,000 in a shift."""
    number = read.view.payment_no or ""
    record = read.till.file.payments().get(number)
    if not read.view.accepted or record is None:
        return
    if record.amount.fen > TYPED_LIMIT_FEN:
        yield number, f"{record.amount.fen} fen freed by a code"
    freed_fen = _freed_fen(read.till, record)
    if freed_fen > SHIFT_LIMIT_FEN:
        yield number, f"{freed_fen} fen freed by codes in one shift"


def a_right_code_is_taken(e: Evidence, read: Read) -> Complaints:
    """The digits that the page showed are refused for a limit that is reached, for what the order is, or not at all."""
    number = read.view.payment_no or ""
    shown, record = e.side.typed_of.get(number.rpartition("-")[0]), read.till.file.payments().get(number)
    part = None if record is None else record.offline
    if read.view.accepted or record is None or part is None or shown is None or _digits(shown) != _digits(read.text):
        return
    till = read.till
    match read.view.reason:
        case Reason.TYPED_WRONG | Reason.TYPED_SLIP | Reason.TYPED_NOT_OFFERED:
            wrong = True
        case Reason.TYPED_TRIES:
            wrong = part.tries < ORDER_TRIES
        case Reason.TYPED_SHIFT_TRIES:
            wrong = len(till.file.codes_tried_ms()) < SHIFT_TRIES
        case Reason.TYPED_AMOUNT:
            wrong = record.amount.fen <= TYPED_LIMIT_FEN
        case Reason.TYPED_SHIFT_AMOUNT:
            freed = [one for one in till.file.payments().values() if _is_typed(one)]
            wrong = sum(one.amount.fen for one in freed) + record.amount.fen <= SHIFT_LIMIT_FEN
        case reason:
            wrong = _is_wrong(e, till, record, reason, paid=True)
    if wrong:
        yield number, f"its own code was refused as {read.view.reason}"


def no_code_for_two(e: Evidence, shown: ShownOrder) -> Complaints:
    """The index of a typed code is given to one ORDER, a copied disk apart."""
    order = shown.signed.order
    for other in e.side.shown.values():
        same = other.signed.order
        if order.release and (same.terminal_id, same.epoch, same.release) == (
            order.terminal_id,
            order.epoch,
            order.release,
        ):
            mine = order.terminal_id not in e.unruly or other.till == shown.till.name
            if same.order_no != order.order_no and mine:
                yield shown.view.payment_no, f"its code {order.release} is that of {same.order_no}"


def a_till_keeps_the_limit(_e: Evidence, shown: ShownOrder) -> Complaints:
    """No ORDER over more than one may be is shown, and none that a code would free over more than a code may."""
    order = shown.signed.order
    if order.release and order.amount_fen > TYPED_LIMIT_FEN:
        yield shown.view.payment_no, f"an ORDER over {order.amount_fen} fen has the code {order.release}"
    if order.type is OrderType.PAY and order.amount_fen > ORDER_LIMIT_FEN:
        yield shown.view.payment_no, f"an ORDER over {order.amount_fen} fen"


# --- refusals ---------------------------------------------------------------------------------------------------


def a_refusal_is_true(e: Evidence, read: Read) -> Complaints:
    """The gateway's own proof of an ORDER that this journal holds is refused for what is so, and for nothing else."""
    given, record = _given(e, read), None
    shown = None if given is None else e.side.shown.get(given.digest)
    if shown is not None:
        record = read.till.file.payments().get(shown.payment_no)
    part = None if record is None else record.offline
    if read.view.accepted or given is None or record is None or part is None or shown is None:
        return
    if part.signed != shown.signed or _has_more(read.till, record):
        return
    if _is_wrong(e, read.till, record, read.view.reason, paid=given.paid, kid=_kid(read.text)):
        yield record.payment_no, f"its own proof was refused as {read.view.reason}, and it is {record.state}"


def _is_wrong(
    e: Evidence, till: TillSight, record: PaymentRecord, reason: Reason, *, paid: bool, kid: int | None = None
) -> bool:
    """Whether a proof of this outcome is refused for what is not so."""
    taken = record.offline.proof if record.offline is not None else None
    over, agrees = record.state in _OVER, (record.state is TerminalState.PAID) is paid
    match reason:
        case Reason.PROOF_USED:
            return taken is None or taken.paid is not paid
        case Reason.PROOF_SETTLED:
            return not over or not agrees
        case Reason.PROOF_CONFLICT:
            return not over or agrees
        case Reason.PROOF_CANCELLED:
            return not record.cancel_intended or not paid
        case Reason.PROOF_LATER_TRY:
            return True
        case Reason.PROOF_UNKNOWN_KEY:
            kit, named = till.file.kit(), None if record.offline is None else record.offline.kid
            held = kid is not None and kit is not None and kit.key(kid) is not None
            return held or (kid == named and kid not in e.side.bad_keys)
        case Reason.ANCHOR_FAILED:
            return till.agreed and till.terminal_id not in e.unruly
        case _:
            return False  # a disk that takes nothing, or one that `a_good_proof_is_read` judges


def _given(e: Evidence, read: Read) -> ProofRow | None:
    found = read_proof(read.text)
    if found is None or e.side.file is None:
        return None
    rows = e.side.file.rows().proofs.values()
    return next((row for row in rows if row.raw == found.raw and row.terminal_id == read.till.terminal_id), None)


def _kid(text: str) -> int | None:
    found = read_proof(text)
    return None if found is None else found.proof.kid


def _has_more(till: TillSight, record: PaymentRecord) -> bool:
    """A later payment of its order: a proof speaks of the order, and what it is worth is another question."""
    return sum(one.order_no == record.order_no for one in till.file.payments().values()) > 1


def _freed_by(compared: Compared) -> PaymentRecord | None:
    for record in compared.till.file.payments().values():
        part = record.offline
        if part is not None and not part.status and (part.epoch, part.release) == (compared.epoch, compared.index):
            return record
    return None


def _is_typed(record: PaymentRecord) -> bool:
    return record.offline is not None and record.offline.proof is not None and record.offline.proof.kid is None


def _freed_fen(till: TillSight, last: PaymentRecord) -> int:
    """By codes, on the day of this one."""
    day = _day(_taken_ms(last))
    freed = [one for one in till.file.payments().values() if _is_typed(one) and _day(_taken_ms(one)) == day]
    return sum(one.amount.fen for one in freed)


def _taken_ms(record: PaymentRecord) -> int:
    taken = record.offline.proof if record.offline is not None else None
    return 0 if taken is None else taken.taken_at_ms


def _day(at_ms: int) -> int:
    """A day of the one zone that China has, by the till's own clock."""
    return (at_ms + _ZONE_MS) // _DAY_MS


def _today(moments: Iterable[int]) -> int:
    """How many of them are on the day of the last."""
    days = [_day(at_ms) for at_ms in moments]
    return sum(day == days[-1] for day in days) if days else 0


def _digits(text: str) -> str:
    return "".join(one for one in text if one.isdigit())


ON_COMPARED: Final = (a_try_is_counted_first, a_code_has_three_tries)
ON_TYPED: Final = (a_typed_code_frees_its_order, a_typed_order_is_small, a_right_code_is_taken)
ON_READ: Final = (a_refusal_is_true,)
ON_ORDER_SHOWN: Final = (no_code_for_two, a_till_keeps_the_limit)
