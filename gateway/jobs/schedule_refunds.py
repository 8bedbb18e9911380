"""What is to be done next for a refund, and when. Pure: the row and `now` decide. Times in ms.

The same number goes out for ever: again when the channel says that it knows no such refund, or that it cannot do it
now; otherwise it is asked about. There is no last try: a refund ends DONE, or FAILED by the channel's final word. What
must go back and is refused for good is sent once a day in the end: a person was told, and the wallet may learn better.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from gateway.payments.answers import brought_back_ms
from gateway.payments.values import Refund, RefundHeard
from protocol.states import RefundState

_SECOND: Final = 1_000
_ASK_S: Final = (1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600, 1_800)
_SEND_S: Final = (3, 5, 10, 20, 60, 300, 900, 1_800, 3_600)
#: After a wallet's "never".
_NEVER_S: Final = (60, 300, 900, 3_600, 21_600, 86_400)
#: What only a bad line keeps from us is asked each minute: the wallet would say it at once.
_DOUBT_S: Final = 60
#: A send without an answer is asked about after this: longer than any read limit of a channel's line.
_LOST_S: Final = 25


class RefundActionKind(StrEnum):
    SEND = "send"
    QUERY = "query"


class RefundAction(Struct, frozen=True, kw_only=True):
    kind: RefundActionKind
    due_ms: int


def next_refund_action(refund: Refund, *, even_since_ms: int, now_ms: int) -> RefundAction | None:
    """None when the refund is final. `even_since_ms`: since when the clock has not leapt (`gateway.ports.Clock`)."""
    refund = _brought_back(refund, even_since_ms, now_ms)
    match refund.state:
        case RefundState.DONE | RefundState.FAILED:
            return None
        case RefundState.CREATED:
            return RefundAction(kind=RefundActionKind.SEND, due_ms=refund.created_ms)
        case RefundState.SENT:
            return _while_sent(refund)
        case _:
            assert_never(refund.state)


def _brought_back(refund: Refund, even_since_ms: int, now_ms: int) -> Refund:
    """The clock was put back: what lies in the future counts as having been at that leap. Otherwise money would not go
    back until the clock is there again."""
    moments = (refund.created_ms, refund.sent_ms, refund.asked_ms)
    if max(moment or 0 for moment in moments) <= now_ms:
        return refund
    created, sent, asked = (
        None if moment is None else brought_back_ms(moment, even_since_ms, now_ms) for moment in moments
    )
    return replace(refund, created_ms=created or 0, sent_ms=sent, asked_ms=asked)


def _while_sent(refund: Refund) -> RefundAction:
    sent = refund.sent_ms
    assert sent is not None, "a refund that was sent has its time"
    last = max(sent, refund.asked_ms or 0)
    match refund.heard:
        case RefundHeard.NOTHING:
            return RefundAction(kind=RefundActionKind.QUERY, due_ms=sent + _LOST_S * _SECOND)
        case RefundHeard.OPEN:
            return RefundAction(kind=RefundActionKind.QUERY, due_ms=last + _step(_ASK_S, refund.asks) * _SECOND)
        case RefundHeard.UNSETTLED | RefundHeard.DENIED:
            pause_s = min(_step(_ASK_S, refund.asks), _DOUBT_S)
            return RefundAction(kind=RefundActionKind.QUERY, due_ms=last + pause_s * _SECOND)
        case RefundHeard.ABSENT:
            pause_s = min(_step(_SEND_S, refund.tries - 1), _DOUBT_S)
            return RefundAction(kind=RefundActionKind.SEND, due_ms=last + pause_s * _SECOND)
        case RefundHeard.REFUSED:
            return RefundAction(kind=RefundActionKind.SEND, due_ms=last + _step(_SEND_S, refund.tries - 1) * _SECOND)
        case RefundHeard.NEVER:
            return RefundAction(kind=RefundActionKind.SEND, due_ms=last + _step(_NEVER_S, refund.tries - 1) * _SECOND)
        case _:
            assert_never(refund.heard)


def _step(steps: tuple[int, ...], index: int) -> int:
    return steps[min(max(index, 0), len(steps) - 1)]
