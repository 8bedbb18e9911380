"""An order's history in words: every event, who said it, when."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocol.states import ProofKind
from terminal.cashier import words
from terminal.cashier.phrase import Phrase, say
from terminal.cashier.ports import HistoryEntry
from terminal.cashier.state import CashierState
from terminal.cashier.times import clock_seconds
from terminal.cashier.view import Tone
from terminal.cashier.view_pages import TimelineLine

#: What each kind of history entry is called, and its tone.
KINDS: Final[Mapping[str, Tone]] = MappingProxyType(
    {
        "scan_accepted": Tone.NEUTRAL,
        "qr_asked": Tone.NEUTRAL,
        "waiting": Tone.WAITING,
        "password": Tone.WAITING,
        "unknown": Tone.UNKNOWN,
        "cancel_asked": Tone.NOT_PAID,
        "cancelling": Tone.NOT_PAID,
        "paid": Tone.PAID,
        "not_paid": Tone.NOT_PAID,
        "late_money": Tone.UNKNOWN,
        "late_undone": Tone.UNKNOWN,
        "late_kept": Tone.PAID,
        "offline_shown": Tone.NEUTRAL,
        "status_shown": Tone.NEUTRAL,
        "offline_parked": Tone.UNKNOWN,
        "code_tried": Tone.NEUTRAL,
        "proof_paid": Tone.PAID,
        "proof_closed": Tone.NOT_PAID,
        "code_paid": Tone.PAID,
        "line_lost": Tone.UNKNOWN,
        "goods_kept": Tone.NOT_PAID,
        "goods_handed": Tone.DANGER,
        "refund_asked": Tone.UNKNOWN,
        "refund_taken": Tone.WAITING,
        "refunded": Tone.NEUTRAL,
        "refund_refused": Tone.NOT_PAID,
        "store_paid": Tone.PAID,
        "cash_taken": Tone.PAID,
        "cash_returned": Tone.NEUTRAL,
        "parked": Tone.DANGER,
        "conflict": Tone.DANGER,
        "acknowledged": Tone.NEUTRAL,
        "resumed": Tone.NEUTRAL,
    }
)


def line_of(state: CashierState, entry: HistoryEntry) -> TimelineLine:
    """One line of the timeline."""
    what = say(f"event.{entry.kind}") if entry.kind in KINDS else say("event.other", kind=entry.kind)
    extra = _extra(entry)
    if extra is not None:
        what = say("event.with", what=what, extra=extra)
    return TimelineLine(
        time=clock_seconds(entry.at_ms, state.settings.zone),
        who=words.speaker(entry.said_by),
        what=what,
        tone=KINDS.get(entry.kind, Tone.NEUTRAL),
    )


def _extra(entry: HistoryEntry) -> Phrase | None:
    """Why, or by which proof or wallet; never a code word of the journal."""
    reason = words.reason(entry.reason) if entry.kind in ("not_paid", "unknown", "cancel_asked") else None
    if entry.kind == "refund_refused":
        reason = words.refund_reason(entry.reason)
    if reason is not None:
        return reason
    if entry.kind == "cash_taken":
        amount, received, change = entry.detail.split(" ")
        return say("event.cash_detail", amount=amount, received=received, change=change)
    if entry.kind == "cash_returned":
        return say(f"cash_why.{entry.detail}")
    first, _, tail = entry.detail.partition(" ")
    if entry.kind == "not_paid" and first in ProofKind.__members__:
        return say(f"proof_kind.{first.lower()}")
    if entry.kind == "paid" and first and not first.startswith("…"):
        return say("event.by_wallet", wallet=words.wallet(first), tail=tail)
    return say("event.detail", detail=entry.detail) if entry.detail else None
