"""Selling while the line is down: the ORDER is signed and journaled, and only then shown (SAFETY.md section 3).

Rules: never while the line is up, without a kit, over its limit, for a till that the gateway has stopped, or from a
journal that may be a copy. One order is at the counter at a time; the one before is proven, cancelled or put aside with
a reason. `oseq` and the index of the typed code are never used twice. What is asked is read from the journal at that
moment (`Ground`); nothing of it is kept in memory.
"""

from __future__ import annotations

from msgspec.structs import replace

from protocol.money import CNY, MAX_AMOUNT_FEN, Money
from protocol.numbers import PaymentNo
from protocol.offline.order import BITMAP_ORDERS, ClockQuality, OfflineOrder, OrderType
from protocol.offline.typed_code import REFILL_BELOW
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.line import STANDING_REFUSALS, is_lost
from sync.engine.model import Line, safe_to_rescan
from sync.engine.offline_events import Ground, OfflineAsked, ParkAsked, StatusAsked
from sync.engine.offline_record import SHOWN_MS, KitRecord
from sync.engine.state import Job, Live
from sync.engine.statements import LineLost, OfflineParked, OfflineShown, StatusShown
from sync.engine.turn import Turn

#: The first question about an order that was just shown; the line is down, so nothing is urgent.
_FIRST_ASK_MS = 2_000
#: The gateway takes no order that it first sees later than this after it was made; then nobody can pay it any more.
FIRST_SEEN_MS = 10 * 60_000


def show(turn: Turn, event: OfflineAsked) -> None:
    """A new order of the sale, shown as an ORDER."""
    command = event.command
    ground = event.ground
    kit = ground.book.kit if ground is not None else None
    refusal = _refusal_of(turn, ground) or _refusal_of_amount(command.amount, kit) or _refusal_after(turn, event)
    if refusal is None and ground is not None and ground.book.waiting is not None:
        refusal = Reason.OFFLINE_WAITING
    if refusal is not None or ground is None or kit is None:
        turn.refuse(command.request_id, refusal or Reason.OFFLINE_NO_KIT)
        return
    may_be_typed = command.amount.fen <= kit.typed_order_limit_fen
    code = kit.code(after=_last_release(ground)) if may_be_typed else None
    release = code.index if code is not None else 0
    order = _order(turn, ground, kit, OrderType.PAY, event.new_order_no, command.amount, release)
    live = turn.state_first(
        OfflineShown(
            payment_no=str(PaymentNo(event.new_order_no, 1)),
            order_no=event.new_order_no,
            sale_id=event.last.sale_id if event.last is not None else event.new_sale_id,
            amount_fen=command.amount.fen,
            currency=command.amount.currency,
            subject=command.subject,
            operator=command.operator,
            order=ground.sign(order).text,
            epoch=order.epoch,
            oseq=order.oseq,
            kid=order.kid,
            base_url=kit.base_url,
            until_ms=turn.at_ms + SHOWN_MS,
            down_ms=_down_ms(turn),
            release=release,
            verifier=code.verifier if code is not None else None,
        )
    )
    turn.keep(
        replace(
            live,
            request_id=command.request_id,
            scanned_mono_ms=command.shown_at_ms,
            ask=Job(due_ms=turn.now.mono_ms + _FIRST_ASK_MS),
        )
    )
    if release and turn.kit is not None:
        held = turn.kit.held - 1
        job = replace(turn.kit.job, due_ms=turn.now.mono_ms) if held < REFILL_BELOW else turn.kit.job
        turn.kit = replace(turn.kit, held=held, job=job)


def status(turn: Turn, event: StatusAsked) -> None:
    """A payment that was sent and got no answer: a QR that only asks. Shown again, it is the same ORDER."""
    command, ground = event.command, event.ground
    live = turn.payments.get(command.payment_no)
    if live is None or live.record.state is not TerminalState.UNKNOWN:
        turn.refuse(command.request_id, Reason.UNKNOWN_PAYMENT)
        return
    refusal = turn.storage or _refusal_of_line(turn)
    if live.record.offline is not None and refusal is None:
        turn.show(live)
        return
    refusal = refusal or _refusal_of_ground(ground)
    kit = ground.book.kit if ground is not None else None
    if refusal is not None or ground is None or kit is None:
        turn.refuse(command.request_id, refusal or Reason.OFFLINE_NO_KIT)
        return
    order = _order(turn, ground, kit, OrderType.STATUS, live.record.order_no, live.record.amount, 0)
    turn.state_it(
        live,
        StatusShown(
            payment_no=command.payment_no,
            amount_fen=live.record.amount.fen,
            operator=command.operator,
            order=ground.sign(order).text,
            epoch=order.epoch,
            oseq=order.oseq,
            kid=order.kid,
            base_url=kit.base_url,
            until_ms=turn.at_ms + SHOWN_MS,
            down_ms=_down_ms(turn),
        ),
    )


def park(turn: Turn, event: ParkAsked) -> None:
    """Journals why the order leaves the counter without its proof. It stays open."""
    command = event.command
    live = turn.payments.get(command.payment_no)
    if live is None or live.record.offline is None:
        turn.refuse(command.payment_no, Reason.UNKNOWN_PAYMENT)
    elif live.final or live.record.offline.parked is not None:
        turn.show(live)
    else:
        parked = OfflineParked(payment_no=command.payment_no, operator=command.operator, why=command.why)
        turn.state_it(live, parked)


def line_lost(turn: Turn) -> None:
    """The line went down: notes it with the payment that was open at the counter, and since when."""
    turn.line = replace(turn.line, lost_mono_ms=turn.now.mono_ms)
    at_counter = [live for live in turn.payments.values() if live.scanned_mono_ms is not None and not live.final]
    if turn.kit is not None and at_counter:
        newest = max(at_counter, key=lambda live: live.scanned_mono_ms or 0)
        turn.state_it(newest, LineLost(payment_no=newest.record.payment_no, operator=newest.record.operator))


def is_over(turn: Turn, live: Live) -> bool:
    """Whether an order that the gateway does not know can surely not be paid any more: nobody may begin to."""
    part = live.record.offline
    if part is None or part.status:
        return True
    waited_ms = 0 if live.unknown_since_ms is None else turn.now.mono_ms - live.unknown_since_ms
    return turn.at_ms - part.shown_at_ms >= FIRST_SEEN_MS or waited_ms >= FIRST_SEEN_MS


# --- refusals ---------------------------------------------------------------------------------------------------


def _refusal_of(turn: Turn, ground: Ground | None) -> Reason | None:
    return turn.storage or _refusal_of_line(turn) or _refusal_of_ground(ground)


def _refusal_of_line(turn: Turn) -> Reason | None:
    if turn.standing is not None:
        return turn.standing
    if turn.line.refused in STANDING_REFUSALS:
        return turn.line.refused
    return Reason.LINE_UP if turn.line.line is Line.UP else None


def _refusal_of_ground(ground: Ground | None) -> Reason | None:
    if ground is None or ground.book.kit is None or ground.book.kit.epoch != ground.epoch:
        return Reason.OFFLINE_NO_KIT
    return None if ground.anchored else Reason.ANCHOR_FAILED


def _refusal_of_amount(amount: Money, kit: KitRecord | None) -> Reason | None:
    if not 1 <= amount.fen <= MAX_AMOUNT_FEN or amount.currency != CNY:
        return Reason.BAD_AMOUNT
    return Reason.OFFLINE_AMOUNT if kit is not None and amount.fen > kit.order_limit_fen else None


def _refusal_after(turn: Turn, event: OfflineAsked) -> Reason | None:
    """Why the sale's last order does not let another one begin."""
    if event.command.order_no is None:
        return None
    last = event.last
    if last is None:
        return Reason.UNKNOWN_PAYMENT
    if event.cash_covers or last.state is TerminalState.PAID:
        return Reason.ORDER_PAID
    if turn.scan_waits(last.sale_id):
        return Reason.ORDER_OPEN
    if last.late_money is not None or event.late_here:
        return Reason.LATE_MONEY
    if not safe_to_rescan(last.state, last.proof) or last.conflict:
        return Reason.ORDER_OPEN
    if last.sale_has_money is not None:
        return last.sale_has_money
    return None if last.amount == event.command.amount else Reason.CONTENT_DIFFERS


# --- the ORDER --------------------------------------------------------------------------------------------------


def _order(
    turn: Turn, ground: Ground, kit: KitRecord, kind: OrderType, order_no: str, amount: Money, release: int
) -> OfflineOrder:
    oseq = max(ground.book.last_oseq, ground.floor_oseq) + 1
    places = (oseq - 1 - earlier for earlier in ground.book.cancelled)
    return OfflineOrder(
        type=kind,
        terminal_id=turn.terminal_id,
        epoch=ground.epoch,
        order_no=order_no,
        amount_fen=amount.fen,
        kid=kit.proof_keys[0].kid,
        oseq=oseq,
        cancelled=sum(1 << place for place in set(places) if 0 <= place < BITMAP_ORDERS),
        release=release,
        made_at_s=turn.at_ms // 1000,
        clock=ClockQuality.GUESSED if turn.line.gateway_ms is None else ClockQuality.GATEWAY,
    )


def _last_release(ground: Ground) -> int:
    return max(ground.book.last_release, ground.floor_release)


def _down_ms(turn: Turn) -> int | None:
    lost_ms = turn.line.lost_mono_ms
    return None if lost_ms is None or not is_lost(turn.line.line) else turn.now.mono_ms - lost_ms
