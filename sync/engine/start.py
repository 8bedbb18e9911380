"""Starting and cancelling: the cashier's two commands. Nothing here looks at an answer."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from protocol.messages import PAY_REQUEST_LIFE_MS, PaymentRequest, Presented
from protocol.money import CNY, MAX_AMOUNT_FEN
from protocol.numbers import PaymentNo
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.events import CancelAsked, StartAsked
from sync.engine.line import refusal_of
from sync.engine.model import Line, StartPayment, safe_to_rescan
from sync.engine.record import PaymentRecord
from sync.engine.state import Job
from sync.engine.statements import CancelCause, CancelIntended, PaymentStarted
from sync.engine.turn import Turn

_LAST_N: Final = 9999
#: A sale that is named again within this is the same one.
_SAME_SALE_MS: Final = 12 * 3_600_000


def start(turn: Turn, event: StartAsked) -> None:
    """Journal the intent, then send; or refuse with nothing live. While the line is being checked the command waits:
    the first word of the gateway also sets the clock that the request's life is counted by."""
    command = event.command
    if turn.taken_before(command.request_id):
        return
    if turn.line.line is Line.CHECKING and turn.storage is None:
        turn.held = (*turn.held, event)
        return
    last = _last(turn, event)
    if last is not None and _asked_again(last, command, at_ms=turn.at_ms):
        _show_again(turn, last, command.request_id)
        return
    refusal = _refusal_beside(last, command) or turn.storage or refusal_of(turn.line) or turn.standing
    refusal = refusal or _refusal_of(turn, event, last)
    if refusal is not None:
        turn.refuse(command.request_id, refusal)
        return
    number = PaymentNo(event.new_order_no, 1)
    if last is not None and command.order_no is not None and not _ended(last):
        number = PaymentNo(last.order_no, last.n + 1)
    if str(number) in turn.payments:
        # It waited for the line, and its commit was in doubt: the journal has it.
        turn.took(command.request_id, str(number))
        _show_again(turn, turn.payments[str(number)].record, command.request_id)
        return
    sale_id = last.sale_id if last is not None else command.sale_id or event.new_sale_id
    live = turn.state_first(
        PaymentStarted(
            payment_no=str(number),
            order_no=number.order_no,
            n=number.n,
            sale_id=sale_id,
            amount_fen=command.amount.fen,
            currency=command.amount.currency,
            presented=command.presented,
            subject=command.subject,
            operator=command.operator,
        )
    )
    request = PaymentRequest(
        payment_no=str(number),
        sale_id=sale_id,
        amount_fen=command.amount.fen,
        currency=CNY,
        presented=command.presented,
        subject=command.subject,
        operator=command.operator,
        expires=turn.at_ms + PAY_REQUEST_LIFE_MS,
        auth_code=command.auth_code,
    )
    turn.took(command.request_id, str(number))
    begun_here = turn.began_here(str(PaymentNo(number.order_no, 1)))
    turn.keep(
        replace(
            live,
            begun_here=begun_here,
            request=request,
            request_id=command.request_id,
            scanned_mono_ms=command.scanned_at_ms,
            ask=Job(due_ms=turn.now.mono_ms),
        )
    )


def _last(turn: Turn, event: StartAsked) -> PaymentRecord | None:
    """The last payment of the order that is named; of a sale that is named alone, the one that pays or may pay."""
    order_no, sale_id = event.command.order_no, event.command.sale_id
    known = {record.payment_no: record for record in event.of_sale}
    if event.last is not None:
        known[event.last.payment_no] = event.last
    known |= {number: live.record for number, live in turn.payments.items()}
    if order_no is not None:
        of_order = (record for record in known.values() if record.order_no == order_no)
        return max(of_order, key=lambda record: record.n, default=None)
    of_sale = (record for record in known.values() if sale_id is not None and record.sale_id == sale_id)
    return max(of_sale, key=_foremost, default=None)


def _foremost(record: PaymentRecord) -> tuple[bool, bool, int, int]:
    is_open = not safe_to_rescan(record.state, record.proof)
    return record.state is TerminalState.PAID, is_open, record.started_at_ms, record.n


def _asked_again(last: PaymentRecord, command: StartPayment, *, at_ms: int) -> bool:
    """Whether the command, which names a sale and no order, is one more word for what collects that sale already. What
    was begun long ago is refused: its name was used for another sale rather than a second time for this one."""
    settled_otherwise = last.conflict or last.late_money is not None or last.refunded_fen or last.refunding_fen
    return (
        command.order_no is None
        and command.amount == last.amount
        and at_ms - last.started_at_ms < _SAME_SALE_MS
        and not safe_to_rescan(last.state, last.proof)
        and not (last.cancel_intended or last.cancel_requested or settled_otherwise)
    )


def _show_again(turn: Turn, last: PaymentRecord, request_id: str) -> None:
    """Charges nothing: shows what was begun, as this command's own."""
    live = turn.payments.get(last.payment_no)
    if live is None:
        turn.show_record(last, request_id=request_id)
    else:
        turn.keep(replace(live, request_id=request_id))
        turn.show(live)


def _ended(last: PaymentRecord) -> bool:
    """A cancel ends its order for ever, whatever the payment's own reason became, and so does a proof that it is
    closed: the sale goes on under a new one."""
    proven = last.offline is not None and last.offline.proof is not None
    return last.cancel_intended or last.cancel_requested or proven


def _refusal_of(turn: Turn, event: StartAsked, last: PaymentRecord | None) -> Reason | None:
    command = event.command
    if event.cash_covers:
        return Reason.ORDER_PAID
    if not 1 <= command.amount.fen <= MAX_AMOUNT_FEN or command.amount.currency != CNY:
        return Reason.BAD_AMOUNT
    if (command.presented is Presented.CUSTOMER) != (command.auth_code is not None):
        return Reason.NOT_A_PAYMENT_CODE
    if command.order_no is not None:
        refusal = Reason.UNKNOWN_PAYMENT if last is None else _refusal_after(last, command)
        if refusal is not None:
            return refusal
    sale_id = command.sale_id if last is None else last.sale_id
    return Reason.LATE_MONEY if _late_here(turn, event, sale_id) else None


def _late_here(turn: Turn, event: StartAsked, sale_id: str | None) -> bool:
    """Money of any order of this sale has come after all. A command that waited brings what was known before."""
    known = (live.record for live in turn.payments.values() if live.record.sale_id == sale_id)
    return event.late_here or any(record.late_here for record in known)


def _refusal_beside(last: PaymentRecord | None, command: StartPayment) -> Reason | None:
    """Why a sale that is named alone may not have one more order. Said before any trouble: "unreachable" would sound as
    if the sale had not begun."""
    if last is None or command.order_no is not None:
        return None
    if last.state is TerminalState.PAID:
        return Reason.ORDER_PAID
    if not safe_to_rescan(last.state, last.proof) or last.conflict:
        return Reason.ORDER_OPEN
    return last.sale_has_money


def _refusal_after(last: PaymentRecord, command: StartPayment) -> Reason | None:
    """Why payment n+1 of this order may not start."""
    if last.state is TerminalState.PAID:
        return Reason.ORDER_PAID
    if last.late_money is not None:
        return Reason.LATE_MONEY
    if not safe_to_rescan(last.state, last.proof) or last.conflict:
        return Reason.ORDER_OPEN
    if last.sale_has_money is not None:
        return last.sale_has_money
    if last.amount != command.amount or command.sale_id not in (None, last.sale_id):
        return Reason.CONTENT_DIFFERS
    return Reason.ORDER_CANCELLED if last.n >= _LAST_N and not _ended(last) else None


def cancel(turn: Turn, event: CancelAsked) -> None:
    """The intent is durable before it is sent. What is final stays final and is shown again."""
    live = turn.payments.get(event.command.payment_no)
    if live is None and event.known is not None:
        turn.show_record(event.known)
    elif live is None:
        turn.refuse(event.command.payment_no, Reason.UNKNOWN_PAYMENT)
    elif live.final or live.record.cancel_intended:
        turn.show(live)
    else:
        command = event.command
        intend_cancel(
            turn, command.payment_no, command.operator, CancelCause.CASHIER, goods_handed=command.goods_handed
        )


def intend_cancel(
    turn: Turn, payment_no: str, operator: str, cause: CancelCause, *, goods_handed: bool | None = None
) -> None:
    """Journals the intent once and makes the cancel due now."""
    live = turn.payments[payment_no]
    if live.record.cancel_intended or live.final:
        return
    intent = CancelIntended(payment_no=payment_no, operator=operator, cause=cause, goods_handed=goods_handed)
    turn.state_it(live, intent)
    cancel_again(turn, payment_no)


def cancel_again(turn: Turn, payment_no: str) -> None:
    """An intended cancel is told now, unless it is on its way: also once more, to a gateway that does not know it."""
    live = turn.payments[payment_no]
    if not live.record.cancel_intended or live.cancel.in_flight is not None or live.cancel.due_ms is not None:
        return
    turn.keep(replace(live, cancel=Job(due_ms=turn.now.mono_ms)))
