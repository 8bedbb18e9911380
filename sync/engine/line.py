"""The line to the gateway and the till's clock, as far as signed answers tell. Pure.

Time at the till = the last signed gateway time + monotonic time since, and what the computer slept since; before the
first answer it is the wall clock. A wall clock that is wrong is a warning, never a reason not to sell.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from protocol.reasons import Reason
from sync.engine.events import Now
from sync.engine.model import Line
from sync.engine.statements import Silence

#: Wall clocks further off than this are shown as wrong.
SKEW_WARNING_MS: Final = 60_000
#: One lost answer is bad luck; this many in a row is a line that is down.
SILENCES_UNTIL_DOWN: Final = 2

#: Signed refusals of the terminal itself: no new payment can succeed until somebody acts.
TERMINAL_REFUSALS: Final = frozenset({Reason.UNKNOWN_TERMINAL, Reason.TERMINAL_REVOKED, Reason.BAD_SIGNATURE})
#: Signed refusals that stop new payments only, until the owner acts: asking and cancelling go on.
STANDING_REFUSALS: Final = frozenset({Reason.TERMINAL_REVOKED, Reason.TERMINAL_FROZEN})


class LineState(Struct, frozen=True, kw_only=True):
    """What the last words of the line were. `gateway_ms` was true at `gateway_mono_ms`; `wall_ms` and `slept_ms` were
    read then; `lost_mono_ms`: when it last went down after it had been up."""

    line: Line = Line.CHECKING
    gateway_ms: int | None = None
    gateway_mono_ms: int = 0
    wall_ms: int = 0
    slept_ms: int = 0
    silences: int = 0
    refused: Reason | None = None
    lost_mono_ms: int | None = None


def till_ms(line: LineState, now: Now) -> int:
    """Unix milliseconds of the till's clock."""
    if line.gateway_ms is None:
        return max(0, now.wall_ms)
    return line.gateway_ms + now.mono_ms - line.gateway_mono_ms + max(0, now.slept_ms - line.slept_ms)


def heard(line: LineState, *, server_time_ms: int, refused: Reason | None, now: Now) -> LineState:
    """The gateway's signature was seen on an answer that came at `now`. What waited sets no clock back."""
    line = replace(line, line=Line.UP, silences=0, refused=refused if refused in TERMINAL_REFUSALS else None)
    if line.gateway_ms is not None and now.mono_ms < line.gateway_mono_ms:
        return line
    return replace(
        line, gateway_ms=server_time_ms, gateway_mono_ms=now.mono_ms, wall_ms=now.wall_ms, slept_ms=now.slept_ms
    )


def trusted(line: LineState) -> LineState:
    """The gateway's signature was seen on an answer that carries no time."""
    return replace(line, line=Line.UP, silences=0)


def silent(line: LineState, why: Silence) -> LineState:
    """A call ended without a believable answer."""
    silences = line.silences + 1
    match why:
        case Silence.NOT_SENT:
            return replace(line, line=Line.DOWN, silences=silences)
        case Silence.NO_ANSWER:
            patient = line.line is Line.UP and silences < SILENCES_UNTIL_DOWN
            return replace(line, line=Line.UP if patient else Line.DOWN, silences=silences)
        case Silence.UNSIGNED | Silence.UNREADABLE:
            return replace(line, line=Line.UNTRUSTED, silences=silences)
        case Silence.MISMATCH | Silence.REFUSED | Silence.RESTARTED:
            return line


def is_lost(line: Line) -> bool:
    """Nothing that is said over it can be believed."""
    return line in (Line.DOWN, Line.UNTRUSTED)


def refusal_of(line: LineState) -> Reason | None:
    """Why a new payment is refused at once; None when it may be tried (or the line is still being checked)."""
    match line.line:
        case Line.DOWN:
            return Reason.GATEWAY_UNREACHABLE
        case Line.UNTRUSTED:
            return Reason.GATEWAY_NOT_TRUSTED
        case Line.UP | Line.CHECKING:
            return line.refused


def skew_ms(line: LineState) -> int | None:
    """Wall clock minus gateway time at the last contact."""
    return None if line.gateway_ms is None else line.wall_ms - line.gateway_ms
