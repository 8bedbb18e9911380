"""`POST /v1/journal`: a terminal's entries.

Known ones with the same hash are accepted again; a gap or a fork is refused with an alarm that survives the refusal,
because it may mean a copied or restored disk. A gap's alarm ends when everything is here that the till has. A fork
freezes the terminal: which of the two is the shop's till only its owner knows. What the other one sends after the owner
chose is refused, and changes nothing. An entry about cash that cannot be read is refused as a bad request; the till
then sends it without its content, and an alarm names it: the chain goes on over it.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from gateway.api.answers import Answer, Refusal
from gateway.api.caller import Caller
from gateway.jobs.cash_heard import cash_heard
from gateway.jobs.keeping import PaceOf
from gateway.jobs.offline_orders import hear_cancels
from gateway.jobs.offline_sales import name_sales
from gateway.payments.values import Alarm, AlarmKind
from gateway.ports import Clock
from gateway.store import alarms, journal, standing
from gateway.store.journal import Head
from gateway.store.units import Store, Tx
from protocol.cash import CASH_RETURNED, CASH_TAKEN, CashEntry, read_cash
from protocol.chain import first_break, link
from protocol.messages import JournalAnswer, JournalEntry, JournalUpload
from protocol.reasons import Reason


class JournalCalls:
    def __init__(self, *, store: Store, clock: Clock, pace_of: PaceOf) -> None:
        self._store = store
        self._clock = clock
        self._pace_of = pace_of

    async def upload(self, caller: Caller, upload: JournalUpload) -> Answer:
        found = await self._store.run(lambda tx: self._take(tx, caller, upload.entries, told=upload.told))
        if isinstance(found, Reason):
            raise Refusal(found)
        return Answer(JournalAnswer(accepted_through=found.seq, head=found.hash, server_time_ms=self._clock.now_ms()))

    def _take(self, tx: Tx, caller: Caller, entries: tuple[JournalEntry, ...], *, told: int) -> Head | Reason:
        """A refusal is returned, not raised, so that its alarm is committed."""
        terminal_id = caller.terminal.terminal_id
        held = journal.head(tx, terminal_id)
        if entries and caller.lost_its_place(tx):
            return Reason.JOURNAL_FORK
        caller.tells(tx, told)
        caller.speaks(tx)
        known = [entry for entry in entries if entry.seq <= held.seq]
        fresh = [entry for entry in entries if entry.seq > held.seq]
        if any(_forks(tx, terminal_id, entry) for entry in known):
            return self._refuse(tx, terminal_id, Reason.JOURNAL_FORK, f"at {known[0].seq}, held {held.seq}")
        if not fresh:
            return held
        caller.fresh(tx)
        if fresh[0].seq != held.seq + 1:
            if held.seq == 0 and caller.epoch > 1:
                return Reason.JOURNAL_GAP  # activated again: its chain is wanted from the beginning
            return self._refuse(tx, terminal_id, Reason.JOURNAL_GAP, f"after {held.seq} came {fresh[0].seq}")
        broken = first_break(held.hash, held.seq, fresh)
        if broken is not None:
            first = fresh[0]
            follows = link(held.hash, seq=first.seq, kind=first.kind, at_ms=first.at_ms, body=first.body) == first.hash
            gap = follows and any(b.seq != a.seq + 1 for a, b in pairwise(fresh))
            return self._refuse(tx, terminal_id, Reason.JOURNAL_GAP if gap else Reason.JOURNAL_FORK, f"at {broken}")
        tenders = _tenders(fresh)
        if tenders is None:
            return Reason.BAD_REQUEST
        now_ms = self._clock.now_ms()
        after = journal.append(tx, terminal_id, fresh, now_ms=now_ms)
        if caller.journal_seq is None or after.seq >= caller.journal_seq:
            alarms.close_alarm(tx, AlarmKind.JOURNAL_GAP, about=terminal_id, now_ms=now_ms)
        # Of an entry that stays at the till only the hash is believed, whatever else came with it.
        whole = [entry for entry in fresh if entry.withheld is None]
        name_sales(tx, terminal_id, whole, self._pace_of, now_ms=now_ms)
        hear_cancels(tx, terminal_id, whole, self._pace_of, now_ms=now_ms)
        if tenders:
            cash_heard(tx, terminal_id, tenders, self._pace_of, now_ms=now_ms)
        for entry in fresh:
            if entry.withheld is not None:
                alarm = Alarm(kind=AlarmKind.ENTRY_WITHHELD, detail=f"its content stays at the till: {entry.withheld}")
                alarms.raise_alarm(tx, alarm, about=f"{terminal_id}#{entry.seq}", now_ms=now_ms)
        return after

    def _refuse(self, tx: Tx, terminal_id: str, reason: Reason, detail: str) -> Reason:
        now_ms = self._clock.now_ms()
        if reason is Reason.JOURNAL_GAP:
            alarm = Alarm(kind=AlarmKind.JOURNAL_GAP, detail=detail)
            alarms.raise_alarm(tx, alarm, about=terminal_id, now_ms=now_ms)
        else:
            standing.freeze(tx, terminal_id, Alarm(kind=AlarmKind.JOURNAL_FORK, detail=detail), now_ms=now_ms)
        return reason


def _tenders(entries: Iterable[JournalEntry]) -> list[tuple[str, CashEntry]] | None:
    """What the entries say about cash; None when one of them does not say what it must."""
    found: list[tuple[str, CashEntry]] = []
    for entry in entries:
        if entry.kind in (CASH_TAKEN, CASH_RETURNED) and entry.withheld is None:
            said = read_cash(entry.body)
            if said is None:
                return None
            found.append((entry.kind, said))
    return found


def _forks(tx: Tx, terminal_id: str, entry: JournalEntry) -> bool:
    return journal.hash_at(tx, terminal_id, entry.seq) != entry.hash
