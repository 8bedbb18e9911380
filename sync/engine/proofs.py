"""What a scanned proof or a typed code is worth. PAID without the line comes from here and nowhere else.

The order of the checks (SAFETY.md section 3, 5): form, key, order in my journal, signature over my own stored ORDER,
anchor, and then what is known of the order; the proof is an entry of its own, UNIQUE, before anybody hears PAID. No
clock is looked at. A proof settles the order that it names, never the one at the counter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from protocol.keys import read_public
from protocol.offline.proof import ProofType, SignedProof, read_proof
from protocol.offline.typed_code import read_code
from protocol.reasons import Reason
from protocol.states import GatewayState, TerminalState
from sync.engine.answers import settle_jobs
from sync.engine.model import ProofView
from sync.engine.offline_events import CheckCode, CodeAsked, CodeChecked, Ground, ProofAsked
from sync.engine.offline_record import SHIFT_TRIES, TakenProof
from sync.engine.record import PaymentRecord
from sync.engine.statements import CodeTried, PaymentConflict, ProofTaken
from sync.engine.turn import Turn

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def scanned(turn: Turn, event: ProofAsked) -> None:
    """A proof, accepted or refused by name."""
    found = read_proof(event.command.text)
    if found is None:
        _refuse(turn, event, Reason.PROOF_UNREADABLE, None)
        return
    ground, kid = event.ground, found.proof.kid
    text = ground.book.kit.key(kid) if ground is not None and ground.book.kit is not None else None
    key = read_public(text) if text is not None else None
    if ground is None or key is None:
        _refuse(turn, event, Reason.PROOF_UNKNOWN_KEY, None)
        return
    if event.last is None:
        _refuse(turn, event, Reason.PROOF_OTHER_TILL, None)
        return
    known = next((record for record in event.known if _is_about(found, record, key)), None)
    if known is None:
        _refuse(turn, event, Reason.PROOF_BAD_SIGNATURE, None)
        return
    live = turn.payments.get(known.payment_no)
    record, last = (live.record if live is not None else known), _as_it_is(turn, event.last)
    paid = found.proof.type is ProofType.PAID
    # A STATUS QR asks about the order: what is proven now is about the payment that was begun since.
    later = last.n > record.n and _proven(record) is None
    refusal = turn.storage or (_refusal_later(ground, last, paid) if later else _refusal_of(ground, record, paid=paid))
    if refusal is Reason.PROOF_CONFLICT:
        _conflict(turn, last if later else record, found)
    if refusal is not None or live is None:
        _refuse(turn, event, refusal or Reason.PROOF_SETTLED, record)
        return
    _take(
        turn,
        event.command.request_id,
        ProofTaken(
            payment_no=record.payment_no,
            said_by=f"proof:{kid}",
            paid=paid,
            operator=event.command.operator,
            kid=kid,
            at_s=found.proof.at_s,
            channel=found.proof.channel,
            transaction_tail=found.proof.tail,
        ),
    )


def _is_about(found: SignedProof, record: PaymentRecord, key: Ed25519PublicKey) -> bool:
    """By the signature, over the ORDER that this journal holds."""
    signed = record.offline.signed if record.offline is not None else None
    return signed is not None and found.signed_by(key, order_digest=signed.digest)


def _as_it_is(turn: Turn, record: PaymentRecord) -> PaymentRecord:
    """Memory is never behind the journal."""
    live = turn.payments.get(record.payment_no)
    return record if live is None else live.record


def _proven(record: PaymentRecord) -> TakenProof | None:
    return record.offline.proof if record.offline is not None else None


def _refusal_later(ground: Ground, last: PaymentRecord, paid: bool) -> Reason:
    """What it says of the order's later payment, which it was not shown for: it never settles that one."""
    if not ground.anchored:
        return Reason.ANCHOR_FAILED
    if not last.state.final:
        return Reason.PROOF_LATER_TRY
    return Reason.PROOF_SETTLED if paid is (last.state is TerminalState.PAID) else Reason.PROOF_CONFLICT


def _refusal_of(ground: Ground, record: PaymentRecord, *, paid: bool) -> Reason | None:
    """Why a proof that is truly about this order changes nothing."""
    if not ground.anchored:
        return Reason.ANCHOR_FAILED
    taken = _proven(record)
    if taken is not None:
        return Reason.PROOF_USED if taken.paid is paid else Reason.PROOF_CONFLICT
    match record.state:
        case TerminalState.PAID:
            return Reason.PROOF_SETTLED if paid else Reason.PROOF_CONFLICT
        case TerminalState.NOT_PAID:
            return Reason.PROOF_CONFLICT if paid else Reason.PROOF_SETTLED
        case _:
            # What the cashier cancelled is given back when the line returns; that nobody paid it is good to know.
            return Reason.PROOF_CANCELLED if record.cancel_intended and paid else None


def _conflict(turn: Turn, record: PaymentRecord, found: SignedProof) -> None:
    """Two signed statements disagree: noted once, nothing changes, people must look."""
    live = turn.payments.get(record.payment_no) or turn.recalled(record)
    if not live.record.conflict:
        paid = found.proof.type is ProofType.PAID
        said = PaymentConflict(
            payment_no=record.payment_no,
            said_by=f"proof:{found.proof.kid}",
            gateway_state=GatewayState.PAID if paid else GatewayState.NOT_PAID,
            state_seq=record.state_seq,
        )
        turn.state_it(live, said)


def _refuse(turn: Turn, event: ProofAsked, reason: Reason, record: PaymentRecord | None) -> None:
    turn.answer(_about(event.command.request_id, record, reason, accepted=False, typed=False))


# --- typed codes ------------------------------------------------------------------------------------------------


def typed(turn: Turn, event: CodeAsked) -> None:
    """A try is made durable, then the code is compared; what cannot be a code costs no try."""
    command, ground = event.command, event.ground
    live = turn.payments.get(command.payment_no)
    record = live.record if live is not None else event.known
    code = read_code(command.code.reveal())
    refusal = _typed_refusal(turn, ground, record, code)
    part = record.offline if record is not None else None
    if refusal is not None or live is None or part is None or part.verifier is None:
        view = _about(command.request_id, record, refusal or Reason.TYPED_NOT_OFFERED, accepted=False, typed=True)
        turn.answer(view)
        return
    turn.state_it(live, CodeTried(payment_no=command.payment_no, operator=command.operator))
    turn.check(
        CheckCode(
            request_id=command.request_id,
            payment_no=command.payment_no,
            operator=command.operator,
            code=command.code,
            verifier=part.verifier,
            epoch=part.epoch,
            release=part.release,
        )
    )


def _typed_refusal(turn: Turn, ground: Ground | None, record: PaymentRecord | None, code: str | None) -> Reason | None:
    part = record.offline if record is not None else None
    kit = ground.book.kit if ground is not None else None
    if turn.storage is not None:
        return turn.storage
    if record is None or part is None or ground is None or kit is None:
        return Reason.TYPED_NOT_OFFERED
    if code is None:
        return Reason.TYPED_SLIP
    settled = _refusal_of(ground, record, paid=True)
    if settled is not None:
        return settled
    if record.amount.fen > kit.typed_order_limit_fen:
        return Reason.TYPED_AMOUNT
    if not part.release or part.verifier is None:
        return Reason.TYPED_NOT_OFFERED
    if ground.book.typed_fen + record.amount.fen > kit.typed_shift_limit_fen:
        return Reason.TYPED_SHIFT_AMOUNT
    if part.tries_left == 0:
        return Reason.TYPED_TRIES
    return Reason.TYPED_SHIFT_TRIES if ground.book.typed_tries >= SHIFT_TRIES else None


def checked(turn: Turn, event: CodeChecked) -> None:
    """What the comparison said. Meanwhile the order may have been settled by something else, which stays, and another
    code may have taken what the shift had left."""
    live = turn.payments.get(event.payment_no)
    if live is None or live.final:
        turn.answer(_about(event.request_id, None if live is None else live.record, Reason.PROOF_SETTLED,
                           accepted=False, typed=True))  # fmt: skip
        return
    if live.record.cancel_intended:
        turn.answer(_about(event.request_id, live.record, Reason.PROOF_CANCELLED, accepted=False, typed=True))
        return
    if not event.right:
        turn.answer(_about(event.request_id, live.record, Reason.TYPED_WRONG, accepted=False, typed=True))
        return
    refusal = _typed_too_late(event.ground, live.record)
    if refusal is not None:
        turn.answer(_about(event.request_id, live.record, refusal, accepted=False, typed=True))
        return
    taken = ProofTaken(payment_no=event.payment_no, said_by="typed", paid=True, operator=event.operator)
    _take(turn, event.request_id, taken)


def _typed_too_late(ground: Ground | None, record: PaymentRecord) -> Reason | None:
    """Codes that are typed at the same time are compared one after the other: together they keep the shift's limit."""
    kit = ground.book.kit if ground is not None else None
    if ground is None or kit is None:
        return Reason.TYPED_NOT_OFFERED
    if not ground.anchored:
        return Reason.ANCHOR_FAILED
    return Reason.TYPED_SHIFT_AMOUNT if ground.book.typed_fen + record.amount.fen > kit.typed_shift_limit_fen else None


# --- both -------------------------------------------------------------------------------------------------------


def _take(turn: Turn, request_id: str, taken: ProofTaken) -> None:
    """The order is settled by its proof. The gateway is asked until it said so itself over the line."""
    live = turn.state_it(turn.payments[taken.payment_no], taken)
    live = turn.keep(replace(live, request=None, settled_mono_ms=turn.now.mono_ms))
    settle_jobs(turn, live)
    reason = Reason.PAID if taken.paid else Reason.EXPIRED
    turn.answer(_about(request_id, live.record, reason, accepted=True, typed=taken.kid is None))


def _about(request_id: str, record: PaymentRecord | None, reason: Reason, *, accepted: bool, typed: bool) -> ProofView:
    part = record.offline if record is not None else None
    return ProofView(
        request_id=request_id,
        accepted=accepted,
        reason=reason,
        typed=typed,
        payment_no=record.payment_no if record is not None else None,
        amount=record.amount if record is not None else None,
        started_at_ms=record.started_at_ms if record is not None else None,
        at_ms=record.settled_at_ms if record is not None else None,
        tries_left=part.tries_left if part is not None and typed else None,
    )
