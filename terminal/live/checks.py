"""From what was seen to the doctor's checks: each with its light, what was found and what to do. Pure.

Keys are those of the catalogues (`check`, `found`, `check_todo`); `passed` None is a note: nothing is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocol.reasons import Reason
from sync.anchor import AnchorTrouble
from sync.engine.model import Line
from terminal.cashier.ports import CheckFound, GunSeen, GunState
from terminal.cashier.state import CHINA
from terminal.cashier.times import moment
from terminal.cashier.words import yuan_grouped

if TYPE_CHECKING:
    from terminal.live.looking import JournalSeen, LineSeen, Looked, OfflineSeen

#: A clock this far from the gateway's is worth a warning; it never stops a sale.
SKEW_WARNING_MS: Final = 60_000
#: Under this much free space the doctor says so; sales stop much later.
LOW_SPACE_MB: Final = 500

_LINE: Final = {
    Line.UP: (True, "gateway_up", ""),
    Line.DOWN: (False, "gateway_down", "check_network"),
    Line.UNTRUSTED: (False, "gateway_untrusted", "call_installer"),
}


_ANCHOR: Final = {
    AnchorTrouble.MISSING: ("anchor_missing", "go_online"),
    AnchorTrouble.OTHER_MACHINE: ("anchor_other_machine", "go_online"),
    AnchorTrouble.BEHIND: ("anchor_behind", "go_online"),
    AnchorTrouble.UNREADABLE: ("anchor_unreadable", "call_installer"),
    AnchorTrouble.FORKED: ("anchor_forked", "activate_again"),
}


def checks_of(looked: Looked) -> tuple[CheckFound, ...]:
    """Every check, in the order a person would look."""
    return (
        _activation(looked),
        *_gateway_and_clock(looked.line),
        _journal(looked.journal),
        *_unsent(looked.journal),
        *_offline(looked.offline),
        _disk(looked),
        *_guns(looked.guns),
        _sound(looked),
    )


def _activation(looked: Looked) -> CheckFound:
    identity = looked.identity
    if isinstance(identity, Reason):
        damaged = identity is not Reason.NOT_ACTIVATED
        return CheckFound(
            name="activation", passed=False, found="not_activated", todo="call_installer" if damaged else "activate"
        )
    values = (("store", identity.store_name), ("terminal", identity.terminal_name or identity.terminal_id))
    return CheckFound(name="activation", passed=True, found="activated", values=values)


def _gateway_and_clock(line: LineSeen) -> tuple[CheckFound, ...]:
    """A till that is nobody's yet has no gateway to ask."""
    return () if line.line is Line.CHECKING else (_gateway(line), _clock(line))


def _gateway(line: LineSeen) -> CheckFound:
    passed, found, todo = _LINE[line.line]
    return CheckFound(name="gateway", passed=passed, found=found, todo=todo)


def _clock(line: LineSeen) -> CheckFound:
    if line.skew_ms is None:
        return CheckFound(name="clock", passed=None, found="clock_unknown")
    good = abs(line.skew_ms) <= SKEW_WARNING_MS
    values = (("seconds", round(abs(line.skew_ms) / 1000)),)
    if good:
        return CheckFound(name="clock", passed=True, found="clock_ok", values=values)
    return CheckFound(name="clock", passed=False, found="clock_off", todo="set_clock", values=values)


def _journal(journal: JournalSeen | Reason | None) -> CheckFound:
    if journal is None:
        return CheckFound(name="journal", passed=None, found="journal_ok", values=(("entries", 0), ("unsent", 0)))
    if isinstance(journal, Reason) or journal.verdict.broken is not None:
        return CheckFound(name="journal", passed=False, found="journal_bad", todo="call_installer")
    values = (("entries", journal.verdict.entries), ("unsent", journal.unsent.count))
    return CheckFound(name="journal", passed=True, found="journal_ok", values=values)


def _unsent(journal: JournalSeen | Reason | None) -> tuple[CheckFound, ...]:
    """A note, not a fault: it goes out by itself. Whoever repairs or replaces this program must not lose it."""
    if journal is None or isinstance(journal, Reason):
        return ()
    unsent = journal.unsent
    found: list[CheckFound] = []
    if unsent.count and unsent.oldest_at_ms is not None:
        values = (
            ("count", unsent.count),
            ("amount", yuan_grouped(unsent.fen)),
            ("since", moment(unsent.oldest_at_ms, CHINA)),
        )
        found.append(CheckFound(name="unsent", passed=None, found="unsent", todo="keep_folder", values=values))
    if unsent.parked:
        values = (("count", unsent.parked),)
        found.append(CheckFound(name="unsent", passed=False, found="parked", todo="call_installer", values=values))
    return tuple(found)


def _offline(seen: OfflineSeen | None) -> tuple[CheckFound, ...]:
    """Nothing of it stops a sale over the line: what is missing is a note, what does not match is a fault."""
    if seen is None:
        return ()
    if seen.anchor is not AnchorTrouble.NONE:
        found, todo = _ANCHOR[seen.anchor]
        fault = seen.anchor is not AnchorTrouble.MISSING
        return (CheckFound(name="anchor", passed=False if fault else None, found=found, todo=todo),)
    if seen.codes is None:
        return (CheckFound(name="anchor", passed=None, found="offline_no_kit", todo="go_online"),)
    return (CheckFound(name="anchor", passed=True, found="offline_ready", values=(("codes", seen.codes),)),)


def _disk(looked: Looked) -> CheckFound:
    if looked.free_bytes is None or not looked.writable:
        return CheckFound(name="disk", passed=False, found="disk_bad", todo="call_installer")
    free_mb = looked.free_bytes // 1_000_000
    values = (("free_mb", free_mb),)
    if free_mb < LOW_SPACE_MB:
        return CheckFound(name="disk", passed=False, found="disk_low", todo="free_disk", values=values)
    return CheckFound(name="disk", passed=True, found="disk_ok", values=values)


def _guns(guns: tuple[GunSeen, ...]) -> tuple[CheckFound, ...]:
    if not guns:
        return (CheckFound(name="gun", passed=None, found="gun_keyboard"),)
    return tuple(_gun(gun) for gun in guns)


def _gun(gun: GunSeen) -> CheckFound:
    values = (("name", gun.name),)
    if gun.gun is GunState.READY:
        return CheckFound(name="gun", passed=True, found="gun_ready", values=values)
    return CheckFound(name="gun", passed=False, found="gun_lost", todo="plug_gun", values=values)


def _sound(looked: Looked) -> CheckFound:
    if looked.sound:
        return CheckFound(name="sound", passed=True, found="sound_ok")
    return CheckFound(name="sound", passed=None, found="sound_none", todo="plug_speaker")
