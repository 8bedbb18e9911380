"""The states of one payment, as two enums and one total table for each side. The diagrams in ARCHITECTURE.md are drawn
from these tables.

Source: SAFETY.md section 2. A table has an entry for every (state, event); there is no default. What is not a move is
`Verdict.STAY` (noted, nothing changes), `Verdict.LATE` (money on a payment that was given up: a case of its own),
`Verdict.CONFLICT` (two verified statements disagree: an alarm, the state stays) or `Verdict.FORBIDDEN` (a bug of the
caller). Timeouts, 5xx answers and unreadable bodies are not events: they move nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """What a table says when an event is not a move."""

    STAY = "stay"
    LATE = "late"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"


class GatewayState(StrEnum):
    """One payment at the gateway. PAID and NOT_PAID are final; NOT_PAID always keeps its proof (`ProofKind`)."""

    CREATED = "CREATED"
    SENT = "SENT"
    PAID = "PAID"
    NOT_PAID = "NOT_PAID"
    REVERSING = "REVERSING"
    UNDO_BY_REFUND = "UNDO_BY_REFUND"

    @property
    def final(self) -> bool:
        return self in (GatewayState.PAID, GatewayState.NOT_PAID)


class GatewayEvent(StrEnum):
    """What may move a payment at the gateway; each is durable before or with the effect that it names."""

    SEND = "send"  # the channel order is durable; the channel is about to be called
    TOMBSTONE = "tombstone"  # our own row says that no channel order exists or can start
    PROVEN_PAID = "proven_paid"  # a verified channel statement, and no cancel intent
    PROVEN_PAID_CANCELLED = "proven_paid_cancelled"  # a verified channel statement, a cancel intent is durable
    PROVEN_NOT_PAID = "proven_not_paid"  # a row of table P
    REVERSE = "reverse"  # an undo is about to be sent: from here the payment can only end undone
    REVERSE_IMPOSSIBLE = "reverse_impossible"  # the channel cannot reverse any more: the money goes back by refund
    REFUNDED = "refunded"  # the undoing refund is proven done


class ProofKind(StrEnum):
    """Table P: the only proofs of NOT_PAID."""

    NOT_SENT = "NOT_SENT"
    DECLINED = "DECLINED"
    CLOSED = "CLOSED"
    ABSENT = "ABSENT"
    NEVER_OPENED = "NEVER_OPENED"
    TOMBSTONE = "TOMBSTONE"
    REFUNDED = "REFUNDED"


class TerminalState(StrEnum):
    """One payment as the till knows it. `safe_to_rescan` is NOT_PAID with a proof and nothing else."""

    SENDING = "SENDING"
    AWAITING_PROOF = "AWAITING_PROOF"  # shown as an offline QR; nothing was sent over the till's own line
    WAITING = "WAITING"
    UNKNOWN = "UNKNOWN"
    CANCELLING = "CANCELLING"
    PAID = "PAID"
    NOT_PAID = "NOT_PAID"

    @property
    def final(self) -> bool:
        return self in (TerminalState.PAID, TerminalState.NOT_PAID)


class TerminalEvent(StrEnum):
    """What may move a payment at the till. All but SILENCE and CANCEL come from a signed, bound answer or proof."""

    OPEN = "open"  # the gateway has it and the outcome is open
    SILENCE = "silence"  # no answer, or one that cannot be believed
    CANCEL = "cancel"  # the cashier's intent, durable before it is sent
    PAID = "paid"
    NOT_PAID = "not_paid"


class RefundState(StrEnum):
    """One refund, at both ends. FAILED: the channel refused it for good and nothing was given back."""

    CREATED = "CREATED"
    SENT = "SENT"
    DONE = "DONE"
    FAILED = "FAILED"

    @property
    def final(self) -> bool:
        return self in (RefundState.DONE, RefundState.FAILED)


class RefundEvent(StrEnum):
    """What may move a refund. Time-outs and unreadable answers are no events: the same number goes out again."""

    SEND = "send"
    DONE = "done"
    REFUSED = "refused"


_G, _E, _V = GatewayState, GatewayEvent, Verdict

GATEWAY_TABLE: Final[Mapping[GatewayState, Mapping[GatewayEvent, GatewayState | Verdict]]] = {
    _G.CREATED: {
        _E.SEND: _G.SENT,
        _E.TOMBSTONE: _G.NOT_PAID,
        _E.PROVEN_PAID: _V.FORBIDDEN,
        _E.PROVEN_PAID_CANCELLED: _V.FORBIDDEN,
        _E.PROVEN_NOT_PAID: _V.FORBIDDEN,
        _E.REVERSE: _V.FORBIDDEN,
        _E.REVERSE_IMPOSSIBLE: _V.FORBIDDEN,
        _E.REFUNDED: _V.FORBIDDEN,
    },
    _G.SENT: {
        _E.SEND: _V.FORBIDDEN,
        _E.TOMBSTONE: _V.FORBIDDEN,
        _E.PROVEN_PAID: _G.PAID,
        _E.PROVEN_PAID_CANCELLED: _G.UNDO_BY_REFUND,
        _E.PROVEN_NOT_PAID: _G.NOT_PAID,
        _E.REVERSE: _G.REVERSING,
        _E.REVERSE_IMPOSSIBLE: _V.FORBIDDEN,
        _E.REFUNDED: _V.FORBIDDEN,
    },
    _G.REVERSING: {
        _E.SEND: _V.FORBIDDEN,
        _E.TOMBSTONE: _V.FORBIDDEN,
        _E.PROVEN_PAID: _V.STAY,
        _E.PROVEN_PAID_CANCELLED: _V.STAY,
        _E.PROVEN_NOT_PAID: _G.NOT_PAID,
        _E.REVERSE: _V.STAY,
        _E.REVERSE_IMPOSSIBLE: _G.UNDO_BY_REFUND,
        _E.REFUNDED: _V.FORBIDDEN,
    },
    _G.UNDO_BY_REFUND: {
        _E.SEND: _V.FORBIDDEN,
        _E.TOMBSTONE: _V.FORBIDDEN,
        _E.PROVEN_PAID: _V.STAY,
        _E.PROVEN_PAID_CANCELLED: _V.STAY,
        _E.PROVEN_NOT_PAID: _G.NOT_PAID,
        _E.REVERSE: _V.STAY,
        _E.REVERSE_IMPOSSIBLE: _V.STAY,
        _E.REFUNDED: _G.NOT_PAID,
    },
    _G.PAID: {
        _E.SEND: _V.FORBIDDEN,
        _E.TOMBSTONE: _V.FORBIDDEN,
        _E.PROVEN_PAID: _V.STAY,
        _E.PROVEN_PAID_CANCELLED: _V.STAY,
        _E.PROVEN_NOT_PAID: _V.CONFLICT,
        _E.REVERSE: _V.FORBIDDEN,
        _E.REVERSE_IMPOSSIBLE: _V.FORBIDDEN,
        _E.REFUNDED: _V.FORBIDDEN,
    },
    _G.NOT_PAID: {
        _E.SEND: _V.FORBIDDEN,
        _E.TOMBSTONE: _V.STAY,
        _E.PROVEN_PAID: _V.LATE,
        _E.PROVEN_PAID_CANCELLED: _V.LATE,
        _E.PROVEN_NOT_PAID: _V.STAY,
        _E.REVERSE: _V.FORBIDDEN,
        _E.REVERSE_IMPOSSIBLE: _V.FORBIDDEN,
        _E.REFUNDED: _V.STAY,
    },
}

_T, _H = TerminalState, TerminalEvent

TERMINAL_TABLE: Final[Mapping[TerminalState, Mapping[TerminalEvent, TerminalState | Verdict]]] = {
    _T.SENDING: {
        _H.OPEN: _T.WAITING,
        _H.SILENCE: _T.UNKNOWN,
        _H.CANCEL: _T.CANCELLING,
        _H.PAID: _T.PAID,
        _H.NOT_PAID: _T.NOT_PAID,
    },
    # A second way to begin. Silence says nothing new: the line is down, which is why it was shown so.
    _T.AWAITING_PROOF: {
        _H.OPEN: _T.WAITING,
        _H.SILENCE: _V.STAY,
        _H.CANCEL: _T.CANCELLING,
        _H.PAID: _T.PAID,
        _H.NOT_PAID: _T.NOT_PAID,
    },
    _T.WAITING: {
        _H.OPEN: _V.STAY,
        _H.SILENCE: _T.UNKNOWN,
        _H.CANCEL: _T.CANCELLING,
        _H.PAID: _T.PAID,
        _H.NOT_PAID: _T.NOT_PAID,
    },
    _T.UNKNOWN: {
        _H.OPEN: _T.WAITING,
        _H.SILENCE: _V.STAY,
        _H.CANCEL: _T.CANCELLING,
        _H.PAID: _T.PAID,
        _H.NOT_PAID: _T.NOT_PAID,
    },
    # The gateway decides between a cancel and a payment that was already proven: PAID here means "paid before the
    # cancel arrived". Once the gateway sent a reverse it never answers PAID again.
    _T.CANCELLING: {
        _H.OPEN: _V.STAY,
        _H.SILENCE: _V.STAY,
        _H.CANCEL: _V.STAY,
        _H.PAID: _T.PAID,
        _H.NOT_PAID: _T.NOT_PAID,
    },
    _T.PAID: {
        _H.OPEN: _V.CONFLICT,
        _H.SILENCE: _V.STAY,
        _H.CANCEL: _V.STAY,
        _H.PAID: _V.STAY,
        _H.NOT_PAID: _V.CONFLICT,
    },
    _T.NOT_PAID: {
        _H.OPEN: _V.CONFLICT,
        _H.SILENCE: _V.STAY,
        _H.CANCEL: _V.STAY,
        _H.PAID: _V.CONFLICT,
        _H.NOT_PAID: _V.STAY,
    },
}


_R, _N = RefundState, RefundEvent

REFUND_TABLE: Final[Mapping[RefundState, Mapping[RefundEvent, RefundState | Verdict]]] = {
    # Nothing was sent, so nothing can be said of it.
    _R.CREATED: {_N.SEND: _R.SENT, _N.DONE: _V.FORBIDDEN, _N.REFUSED: _V.FORBIDDEN},
    _R.SENT: {_N.SEND: _V.STAY, _N.DONE: _R.DONE, _N.REFUSED: _R.FAILED},
    _R.DONE: {_N.SEND: _V.FORBIDDEN, _N.DONE: _V.STAY, _N.REFUSED: _V.CONFLICT},
    _R.FAILED: {_N.SEND: _V.FORBIDDEN, _N.DONE: _V.CONFLICT, _N.REFUSED: _V.STAY},
}


def gateway_next(state: GatewayState, event: GatewayEvent) -> GatewayState | Verdict:
    """The one place that says where a payment goes at the gateway."""
    return GATEWAY_TABLE[state][event]


def terminal_next(state: TerminalState, event: TerminalEvent) -> TerminalState | Verdict:
    """The one place that says where a payment goes at the till."""
    return TERMINAL_TABLE[state][event]


def refund_next(state: RefundState, event: RefundEvent) -> RefundState | Verdict:
    """The one place that says where a refund goes."""
    return REFUND_TABLE[state][event]
