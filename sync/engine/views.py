"""From the engine's memory to what the app is shown. No decision is made here."""

from __future__ import annotations

from msgspec import Struct

from protocol.messages import Light, Presented
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.cash_record import CashRecord
from sync.engine.events import Now
from sync.engine.line import SKEW_WARNING_MS, refusal_of, skew_ms, till_ms
from sync.engine.model import (
    CASH,
    CashPart,
    Line,
    LinkView,
    OfflineView,
    PaymentView,
    RefundView,
    safe_to_rescan,
)
from sync.engine.offline_record import OfflinePart
from sync.engine.record import PaymentRecord
from sync.engine.refund_record import RefundRecord
from sync.engine.state import EngineState, Live, LiveRefund


def payment_view(live: Live) -> PaymentView:
    """The picture of one live payment."""
    elapsed = None
    if live.settled_mono_ms is not None and live.scanned_mono_ms is not None:
        elapsed = max(0, live.settled_mono_ms - live.scanned_mono_ms)
    return record_view(live.record, request_id=live.request_id, elapsed_ms=elapsed)


def record_view(record: PaymentRecord, *, request_id: str | None = None, elapsed_ms: int | None = None) -> PaymentView:
    """The picture of a payment as the journal has it."""
    return PaymentView(
        payment_no=record.payment_no,
        order_no=record.order_no,
        n=record.n,
        sale_id=record.sale_id,
        amount=record.amount,
        presented=record.presented,
        state=record.state,
        light=_light(record),
        safe_to_rescan=_safe(record),
        reason=_reason(record),
        proof=record.proof,
        channel=record.channel,
        transaction_tail=record.transaction_tail,
        qr=record.qr,
        qr_expires_ms=record.qr_expires_ms,
        payer_prompted=record.payer_prompted,
        cancel_requested=record.cancel_intended or record.cancel_requested,
        late_money=record.late_money,
        started_at_ms=record.started_at_ms,
        settled_at_ms=record.settled_at_ms,
        elapsed_ms=elapsed_ms,
        request_id=request_id,
        refunded_fen=record.refunded_fen,
        refunding_fen=record.refunding_fen,
        offline=_offline(record.offline),
    )


def _offline(part: OfflinePart | None) -> OfflineView | None:
    if part is None:
        return None
    return OfflineView(
        status=part.status,
        qr=part.address,
        shown_at_ms=part.shown_at_ms,
        until_ms=part.until_ms,
        tries_left=part.tries_left,
        parked=part.parked,
        goods_handed=part.goods_handed,
        proven_at_ms=part.proof.taken_at_ms if part.proof is not None else None,
        typed=part.proof is not None and part.proof.kid is None,
    )


def refund_view(live: LiveRefund) -> RefundView:
    """The picture of one refund under way, or just over."""
    return refund_record_view(live.record, request_id=live.request_id, trouble=live.trouble)


def refund_record_view(
    record: RefundRecord, *, request_id: str | None = None, trouble: Reason | None = None
) -> RefundView:
    """The picture of a refund as the journal has it."""
    return RefundView(
        refund_no=record.refund_no,
        payment_no=record.payment_no,
        order_no=record.order_no,
        amount=record.amount,
        state=record.state,
        reason=record.reason or (None if record.state.final else trouble),
        channel=record.channel,
        refundable_fen=record.refundable_fen,
        operator=record.operator,
        started_at_ms=record.started_at_ms,
        settled_at_ms=record.settled_at_ms,
        request_id=request_id,
    )


def cash_view(record: CashRecord) -> PaymentView:
    """The picture of a tender in cash: paid the moment it is journaled."""
    returned = record.returned_at_ms is not None
    return PaymentView(
        payment_no=record.payment_no,
        order_no=record.order_no,
        n=1,
        sale_id=record.sale_id,
        amount=record.amount,
        presented=Presented.CUSTOMER,
        state=TerminalState.PAID,
        light=None,
        safe_to_rescan=False,
        reason=Reason.PAID,
        proof=None,
        channel=CASH,
        transaction_tail=None,
        qr=None,
        qr_expires_ms=None,
        payer_prompted=False,
        cancel_requested=False,
        late_money=None,
        started_at_ms=record.taken_at_ms,
        settled_at_ms=record.taken_at_ms,
        elapsed_ms=None,
        request_id=None,
        refunded_fen=record.amount.fen if returned else 0,
        cash=CashPart(
            received_fen=record.received_fen,
            change_fen=record.change_fen,
            returned_at_ms=record.returned_at_ms,
            why=record.returned_why,
        ),
    )


def _safe(record: PaymentRecord) -> bool:
    """Green by table P, and put out again when money came after all, or by another try, or two verified statements
    disagree."""
    if record.sale_has_money is not None:
        return False
    return safe_to_rescan(record.state, record.proof) and record.late_money is None and not record.conflict


def _light(record: PaymentRecord) -> Light | None:
    if _safe(record):
        return Light.GREEN
    return Light.AMBER if record.light is Light.AMBER and not record.state.final else None


def _reason(record: PaymentRecord) -> Reason | None:
    """A refused request's reason says more than the tombstone that settled it."""
    match record.state:
        case TerminalState.PAID:
            return record.reason or Reason.PAID
        case TerminalState.NOT_PAID:
            return record.refused or record.reason
        case TerminalState.UNKNOWN:
            return record.refused or record.reason or Reason.NOT_CONFIRMED
        case TerminalState.SENDING | TerminalState.AWAITING_PROOF | TerminalState.WAITING | TerminalState.CANCELLING:
            return record.refused or record.reason


class Undelivered(Struct, frozen=True, kw_only=True):
    """What the journal and the delivery know: entries that the gateway does not hold yet, their money, and those that
    it does not want."""

    entries: int
    fen: int
    oldest_at_ms: int | None
    parked: int
    parked_order: str
    stopped: Reason | None


def link_view(state: EngineState, undelivered: Undelivered, *, cash_offline_fen: int) -> LinkView:
    """The picture of the line; what is undelivered is the delivery's to say."""
    skew = skew_ms(state.line)
    refusal = refusal_of(state.line) if state.line.line is Line.UP else None
    kit = state.kit
    return LinkView(
        line=state.line.line,
        clock_skew_ms=skew,
        clock_warning=skew is not None and abs(skew) > SKEW_WARNING_MS,
        unsent=undelivered.entries,
        oldest_unsent_at_ms=undelivered.oldest_at_ms,
        last_contact_ms=state.line.gateway_ms,
        refusing=state.storage or refusal or state.standing,
        upload_stopped=undelivered.stopped,
        unsent_fen=undelivered.fen,
        parked=undelivered.parked,
        parked_order=undelivered.parked_order,
        cash_offline_fen=cash_offline_fen,
        kit_awaited=kit is not None and kit.fetched_at_ms is None and kit.job.in_flight is not None,
    )


def time_at_till(state: EngineState, now: Now) -> int:
    """Unix milliseconds of the till's clock, for entries and signatures."""
    return till_ms(state.line, now)
