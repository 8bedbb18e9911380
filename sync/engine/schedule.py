"""When a payment is asked about again. Numbers and why; pure.

Money has no retry ceiling: the pauses stop growing, the asking does not stop.
"""

from __future__ import annotations

from typing import Final

from protocol.messages import LateMoneyState
from protocol.states import ProofKind, TerminalState
from sync.engine.record import PaymentRecord

#: How long the gateway may hold a status query before it answers "nothing new".
LONG_POLL_S: Final = 25
#: A status that did not change is asked for again no sooner than this after the question before.
CALM_MS: Final = 1_000
#: A cancel that was answered without being taken is sent again after this.
CANCEL_AGAIN_MS: Final = 2_000

#: The gateway takes no request older than 300 s by its own clock (SAFETY.md section 4): after this, a transmission that
#: nobody answered can have no effect any more.
TRANSMISSION_LIFE_MS: Final = 310_000
#: An offline order that the gateway has not seen yet is asked for again after this.
UNSEEN_AGAIN_MS: Final = 5_000
#: A gateway that has forgotten a payment that was not paid is told so again after this: it may be taken up by then.
FORGOTTEN_AGAIN_MS: Final = 60 * 60_000
#: A gateway that does not know a path yet is asked again after this.
UNKNOWN_PATH_PAUSE_MS: Final = 15 * 60_000

_FIRST_PAUSE_MS: Final = 500
_LONGEST_PAUSE_MS: Final = 8_000
_LONGEST_REFUSED_PAUSE_MS: Final = 60_000

_MINUTE: Final = 60_000
#: The gateway watches DECLINED, CLOSED and ABSENT for late money at +1, 5, 15 min, 1, 6, 24 h; the till asks
#: 15 s later.
WATCH_MS: Final = tuple(15_000 + m * _MINUTE for m in (1, 5, 15, 60, 360, 1440))
#: How long a payment that was given up stays in the engine's memory.
WATCH_DAYS_MS: Final = 3 * 1440 * _MINUTE
_WATCHED: Final = frozenset({ProofKind.DECLINED, ProofKind.CLOSED, ProofKind.ABSENT})
_LATE_MONEY_PAUSE_MS: Final = _MINUTE
#: After the last look: the channel's bill of the next day may find money, and a larger cancelled order goes back then.
_AFTERWARDS_MS: Final = 60 * _MINUTE


def pause_ms(failures: int) -> int:
    """Before the next try after that many silences in a row."""
    return min(_FIRST_PAUSE_MS << min(failures, 10), _LONGEST_PAUSE_MS)


def refused_pause_ms(failures: int, told_ms: int | None = None) -> int:
    """Before the next try after that many signed refusals in a row. `told_ms`: no sooner, said the gateway."""
    pause_ms = max(_FIRST_PAUSE_MS << min(failures, 10), told_ms or 0)
    return min(pause_ms, _LONGEST_REFUSED_PAUSE_MS)


def watched(record: PaymentRecord) -> bool:
    """Whether late money on it is possible, or is not yet undone; or whether it is paid and may go back."""
    if record.may_go_back:
        return True
    if record.late_money is not None and record.late_money.state is not LateMoneyState.UNDONE:
        return record.late_money.state is LateMoneyState.FOUND
    # What went back may come once more.
    return record.state is TerminalState.NOT_PAID and record.proof is not None and record.proof.kind in _WATCHED


def next_watch_ms(record: PaymentRecord, *, watched_ms: int) -> int | None:
    """Milliseconds until the next look at a settled payment; None when it is left alone. `watched_ms`: how long it has
    been watched, by the clock since boot: the gateway's, by which the till's goes, leaps both ways."""
    if not watched(record):
        return None
    if record.late_here:
        # A person may take days to decide: what the screen says of it must not grow old.
        return _LATE_MONEY_PAUSE_MS
    if watched_ms > WATCH_DAYS_MS:
        return None
    ahead = next((offset - watched_ms for offset in WATCH_MS if offset > watched_ms), None)
    return _AFTERWARDS_MS if ahead is None else ahead
