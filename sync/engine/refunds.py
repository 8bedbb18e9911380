"""Giving money back: the intent, and what an answer does to a refund.

A refund ends by a verified statement and by nothing else: DONE or FAILED from the gateway, or its signed refusal to
take it at all, which is believed only once no earlier transmission can still arrive. Silence, mismatch and every other
refusal mean: not known, ask again, for ever, under the same number.
"""

from __future__ import annotations

from typing import Final, assert_never

from msgspec.structs import replace

from protocol.messages import LateMoneyState, RefundStatus
from protocol.money import CNY, MAX_AMOUNT_FEN
from protocol.reasons import Reason
from protocol.states import RefundState, TerminalState
from sync.engine.events import (
    AcceptedAnswer,
    Answer,
    KitAnswer,
    ProblemAnswer,
    RefundAnswer,
    RefundAsked,
    RefundCall,
    RefundingCall,
    Reread,
    SilentAnswer,
    StatusAnswer,
    StoreAnswer,
)
from sync.engine.line import refusal_of
from sync.engine.model import Line
from sync.engine.record import PaymentRecord
from sync.engine.refund_record import RefundRecord
from sync.engine.schedule import CALM_MS, TRANSMISSION_LIFE_MS, pause_ms, refused_pause_ms
from sync.engine.state import Job, Live, LiveRefund
from sync.engine.statements import RefundObserved, RefundRefused, RefundSettled, RefundStarted, Silence
from sync.engine.turn import Turn

#: Signed refusals that say "this refund was not taken and will not be"; every other one is asked again.
FINAL_REFUSALS: Final = frozenset(
    {
        Reason.PAYMENT_NOT_PAID,
        Reason.REFUND_EXCEEDS,
        Reason.UNKNOWN_PAYMENT,
        Reason.BAD_REQUEST,
        Reason.AMOUNT_REFUSED,
        Reason.NO_CHANNEL,
    }
)


def start(turn: Turn, event: RefundAsked) -> None:
    """Journal the intent, then send; or refuse with nothing live. Waits while the line is being checked."""
    command = event.command
    if turn.taken_before(command.request_id):
        return
    known = _known(turn, event)
    if known is not None:
        _show_again(turn, event, known)
        return
    if turn.line.line is Line.CHECKING and turn.storage is None:
        turn.held = (*turn.held, event)
        return
    paid = _newest(turn, event.last)
    refusal = turn.storage or refusal_of(turn.line) or _refusal_of(event, paid)
    if refusal is not None or paid is None:
        left_fen = _left_fen(paid) if refusal is Reason.REFUND_EXCEEDS and paid is not None else None
        turn.refuse(command.request_id, refusal or Reason.UNKNOWN_PAYMENT, refundable_fen=left_fen)
        return
    turn.payments.setdefault(paid.payment_no, Live(record=paid))
    turn.took(command.request_id, event.new_refund_no)
    live = turn.state_refund(
        RefundStarted(
            payment_no=paid.payment_no,
            refund_no=event.new_refund_no,
            amount_fen=command.amount.fen,
            currency=command.amount.currency,
            note=command.note,
            operator=command.operator,
        )
    )
    turn.keep_refund(replace(live, request_id=command.request_id, ask=Job(due_ms=turn.now.mono_ms)))


def _known(turn: Turn, event: RefundAsked) -> LiveRefund | None:
    """The refund that a named command began before, in memory or in the journal."""
    live = turn.refunds.get(event.new_refund_no)
    return LiveRefund(record=event.known) if live is None and event.known is not None else live


def _show_again(turn: Turn, event: RefundAsked, known: LiveRefund) -> None:
    """Gives nothing back: shows what was begun, as this command's own. Its name is no other refund's."""
    command, record = event.command, known.record
    same_payment = command.order_no == record.order_no and command.payment_no in (None, record.payment_no)
    if not same_payment or command.amount != record.amount:
        turn.refuse(command.request_id, Reason.CONTENT_DIFFERS)
        return
    turn.took(command.request_id, record.refund_no)
    turn.show_refund(turn.keep_refund(replace(known, request_id=command.request_id)))


def _newest(turn: Turn, last: PaymentRecord | None) -> PaymentRecord | None:
    """Memory equals the journal, and is newer than what a waiting command brought along."""
    if last is None:
        return None
    live = turn.payments.get(last.payment_no)
    return last if live is None else live.record


def _refusal_of(event: RefundAsked, paid: PaymentRecord | None) -> Reason | None:
    """An early, clear no. The gateway decides: it also knows what other tills gave back."""
    amount = event.command.amount
    if not 1 <= amount.fen <= MAX_AMOUNT_FEN or amount.currency != CNY:
        return Reason.BAD_AMOUNT
    if paid is None:
        return Reason.UNKNOWN_PAYMENT
    if event.command.payment_no not in (None, paid.payment_no):
        return Reason.PAYMENT_NOT_PAID
    kept = paid.late_money is not None and paid.late_money.state is LateMoneyState.ACCEPTED
    if paid.state is not TerminalState.PAID and not kept:
        return Reason.PAYMENT_NOT_PAID
    return Reason.REFUND_EXCEEDS if amount.fen > _left_fen(paid) else None


def _left_fen(paid: PaymentRecord) -> int:
    """What has neither gone back nor been asked back, as far as this till knows."""
    return paid.amount.fen - paid.refunded_fen - paid.refunding_fen


def reopen(turn: Turn) -> None:
    """After a start of the program: every open refund is sent again under its number. When it was last sent is not
    known any more."""
    for live in list(turn.refunds.values()):
        turn.show_refund(live)
        turn.keep_refund(
            replace(live, ask=Job(due_ms=turn.now.mono_ms), doubt_until_ms=turn.now.mono_ms + TRANSMISSION_LIFE_MS)
        )


def reread(turn: Turn, event: Reread) -> None:
    """The journal is right: what it holds is asked for, what it does not hold never was."""
    before = turn.refunds
    turn.refunds = {}
    for record in event.refunds:
        if record.state.final:
            continue
        known = before.get(record.refund_no)
        doubt_ms = turn.now.mono_ms + TRANSMISSION_LIFE_MS
        live = LiveRefund(record=record, doubt_until_ms=doubt_ms) if known is None else replace(known, record=record)
        if live.ask.in_flight is None:
            live = replace(live, ask=Job(due_ms=turn.now.mono_ms))
        if record.refund_no in event.asked:
            live = replace(live, request_id=event.asked[record.refund_no])
            turn.took(event.asked[record.refund_no], record.refund_no)
        turn.show_refund(turn.keep_refund(live))


def line_came_up(turn: Turn) -> None:
    """After a silence nobody waits out a pause."""
    for live in list(turn.refunds.values()):
        turn.keep_refund(replace(live, ask=live.ask.hurried(turn.now.mono_ms)))


def take(turn: Turn, call_id: int, call: RefundingCall, answer: Answer) -> None:
    """One call about a refund came back."""
    live = turn.refunds.get(call.refund_no)
    if live is None or live.ask.in_flight != call_id:
        return
    match answer:
        case RefundAnswer() if believable(turn.terminal_id, live.record, answer.status):
            _status(turn, live, answer)
        case RefundAnswer() | StatusAnswer() | StoreAnswer() | KitAnswer() | AcceptedAnswer():
            _silence(turn, live, call, Silence.MISMATCH)
        case ProblemAnswer():
            _problem(turn, live, call, answer)
        case SilentAnswer():
            _silence(turn, live, call, answer.why)
        case _:
            assert_never(answer)


def believable(terminal_id: str, record: RefundRecord, status: RefundStatus) -> bool:
    """Whether a verified status is about this refund."""
    return (
        status.terminal_id == terminal_id
        and status.refund_no == record.refund_no
        and status.payment_no == record.payment_no
        and status.amount_fen == record.amount.fen
        and status.currency == record.amount.currency
    )


def _status(turn: Turn, live: LiveRefund, answer: RefundAnswer) -> None:
    status, before = answer.status, live.record
    match status.state:
        case RefundState.DONE | RefundState.FAILED:
            done = status.state is RefundState.DONE
            turn.state_refund(
                RefundSettled(
                    payment_no=before.payment_no,
                    refund_no=before.refund_no,
                    amount_fen=before.amount.fen,
                    said_by=answer.said_by,
                    done=done,
                    state_seq=status.state_seq,
                    refundable_fen=status.refundable_fen,
                    channel=status.channel,
                    reason=status.reason or (Reason.REFUNDED if done else Reason.REFUND_REFUSED),
                )
            )
            return
        case RefundState.CREATED | RefundState.SENT:
            if status.state_seq > before.state_seq:
                live = turn.state_refund(
                    RefundObserved(
                        payment_no=before.payment_no,
                        refund_no=before.refund_no,
                        amount_fen=before.amount.fen,
                        said_by=answer.said_by,
                        state_seq=status.state_seq,
                        refundable_fen=status.refundable_fen,
                        channel=status.channel,
                    )
                )
    now_ms = turn.now.mono_ms
    due_ms = now_ms if live.record != before else max(now_ms, live.ask.started_ms + CALM_MS)
    turn.keep_refund(replace(live, heard=True, trouble=status.reason, ask=live.ask.again(due_ms)))


def _problem(turn: Turn, live: LiveRefund, call: RefundingCall, answer: ProblemAnswer) -> None:
    reason, now_ms, record = answer.problem.reason, turn.now.mono_ms, live.record
    final = isinstance(call, RefundCall) and reason in FINAL_REFUSALS
    if final and now_ms >= live.doubt_until_ms:
        turn.state_refund(
            RefundRefused(
                payment_no=record.payment_no,
                refund_no=record.refund_no,
                amount_fen=record.amount.fen,
                said_by=answer.said_by,
                reason=reason,
                refundable_fen=answer.problem.refundable_fen,
            )
        )
        return
    # A number that the gateway does not hold (any more) is sent again.
    heard = live.heard and reason is not Reason.UNKNOWN_REFUND
    again = live.ask.failed(now_ms + refused_pause_ms(live.ask.failures, answer.problem.retry_after_ms))
    turn.show_refund(turn.keep_refund(replace(live, heard=heard, trouble=reason, ask=again)))


def _silence(turn: Turn, live: LiveRefund, call: RefundingCall, why: Silence) -> None:
    now_ms = turn.now.mono_ms
    if isinstance(call, RefundCall) and why is not Silence.NOT_SENT:
        live = replace(live, doubt_until_ms=now_ms + TRANSMISSION_LIFE_MS)
    turn.keep_refund(replace(live, ask=live.ask.failed(now_ms + pause_ms(live.ask.failures))))
