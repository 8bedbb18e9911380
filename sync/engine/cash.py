"""Cash: taken for a sale that no wallet payment can still pay, and given back. Nothing is sent; the journal says it.

Rules (SAFETY.md section 2): a sale has one tender that counts. Cash is refused while a wallet payment of its sale may
still be paid, unless the gateway lit amber (it turns out paid: it is refunded by itself). A sale that cash covers is
never charged again. The owner's limits hold here, where the journal's own figures are.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from protocol.messages import Light
from protocol.money import CNY, MAX_AMOUNT_FEN
from protocol.numbers import PaymentNo
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.cash_record import fold_cash
from sync.engine.events import CashAsked, CashBackAsked
from sync.engine.model import CashLimits, Line, safe_to_rescan
from sync.engine.record import PaymentRecord
from sync.engine.statements import CashReturned, CashTaken
from sync.engine.turn import Turn
from sync.engine.views import cash_view

#: China has one zone; the owner's limit counts by its day.
_ZONE_MS: Final = 8 * 3_600_000
_DAY_MS: Final = 86_400_000


def day_start_ms(at_ms: int) -> int:
    """The first millisecond of the shop's day."""
    return at_ms - (at_ms + _ZONE_MS) % _DAY_MS


def decide(turn: Turn, event: CashAsked | CashBackAsked) -> None:
    """The cashier took cash, or gave it back."""
    if isinstance(event, CashAsked):
        _take(turn, event)
    else:
        _give_back(turn, event)


def _take(turn: Turn, event: CashAsked) -> None:
    """Journals the tender, or refuses with nothing taken."""
    command = event.command
    refusal = turn.storage or _refusal_of(turn, event)
    if refusal is not None:
        turn.refuse(command.request_id, refusal)
        return
    sale_id = event.of_sale[0].sale_id if event.of_sale else event.new_sale_id
    taken = CashTaken(
        payment_no=str(PaymentNo(event.new_order_no, 1)),
        order_no=event.new_order_no,
        sale_id=sale_id,
        amount_fen=command.amount.fen,
        currency=command.amount.currency,
        received_fen=command.received_fen,
        change_fen=command.received_fen - command.amount.fen,
        operator=command.operator,
        offline=turn.line.line is not Line.UP,
    )
    record = fold_cash(None, taken, at_ms=turn.at_ms)
    turn.state_cash(taken, replace(cash_view(record), request_id=command.request_id))


def _give_back(turn: Turn, event: CashBackAsked) -> None:
    """Journals that the cash went back. What went back already is shown again."""
    command, known = event.command, event.known
    if known is None:
        turn.refuse(command.request_id, Reason.UNKNOWN_PAYMENT)
    elif turn.storage is not None:
        turn.refuse(command.request_id, turn.storage)
    elif known.returned_at_ms is None:
        back = CashReturned(
            payment_no=known.payment_no,
            sale_id=known.sale_id,
            amount_fen=known.amount.fen,
            operator=command.operator,
            why=command.why,
        )
        turn.state_cash(back, cash_view(fold_cash(known, back, at_ms=turn.at_ms)))
    else:
        turn.show_cash(cash_view(known))


def limit_refusal(amount_fen: int, limits: CashLimits, *, offline: bool, offline_fen: int) -> Reason | None:
    """What the owner's limits say about one more sale in cash; `offline_fen` was taken offline today."""
    if limits.sale_fen == 0 or (offline and limits.offline_day_fen == 0):
        return Reason.CASH_NOT_ALLOWED
    if amount_fen > limits.sale_fen:
        return Reason.CASH_LIMIT
    if offline and offline_fen + amount_fen > limits.offline_day_fen:
        return Reason.CASH_OFFLINE_LIMIT
    return None


def may_take_cash(record: PaymentRecord) -> bool:
    """The lights: green, or amber."""
    doubted = record.late_money is not None or record.sale_has_money is not None or record.conflict
    green = safe_to_rescan(record.state, record.proof) and not doubted
    return green or (record.light is Light.AMBER and not record.state.final)


def _refusal_of(turn: Turn, event: CashAsked) -> Reason | None:
    command = event.command
    amount = command.amount
    if not 1 <= amount.fen <= MAX_AMOUNT_FEN or amount.currency != CNY:
        return Reason.BAD_AMOUNT
    if command.received_fen < amount.fen:
        return Reason.CASH_SHORT
    if command.order_no is not None:
        refusal = _refusal_of_sale(turn, event)
        if refusal is not None:
            return refusal
    offline = turn.line.line is not Line.UP
    return limit_refusal(amount.fen, command.limits, offline=offline, offline_fen=event.offline_fen)


def _refusal_of_sale(turn: Turn, event: CashAsked) -> Reason | None:
    """Why cash cannot close the sale of a wallet order."""
    if not event.of_sale:
        return Reason.UNKNOWN_PAYMENT
    if event.covered or any(record.state is TerminalState.PAID for record in event.of_sale):
        return Reason.ORDER_PAID
    waiting = turn.scan_waits(event.of_sale[0].sale_id)
    if waiting or not all(may_take_cash(record) for record in event.of_sale):
        return Reason.ORDER_OPEN
    same = any(record.amount == event.command.amount for record in event.of_sale)
    return None if same else Reason.CONTENT_DIFFERS
