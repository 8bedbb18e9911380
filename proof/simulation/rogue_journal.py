"""A terminal that delivers a journal as no till would: with a gap, with another hash, with other words in an old place,
with cash that nobody can read. What the gateway keeps of it is a chain all the same, and a person is told.
"""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import structs

from proof.simulation.rogue import Act, Rogue
from protocol.cash import CASH_TAKEN
from protocol.chain import genesis, link
from protocol.messages import JournalEntry
from protocol.reasons import Reason
from sync.engine.events import ProblemAnswer
from sync.link.calls import UploadAnswer, UploadCall, build, read_upload

_KIND: Final = "till.note"
#: What a gateway says of an entry; anything else is about the moment, and is asked again.
_WORDS: Final = (Reason.JOURNAL_GAP, Reason.JOURNAL_FORK, Reason.BAD_REQUEST)
_TRIES: Final = 6


class Scribe(Rogue):
    """See the module. `_held`: what the gateway said that it holds."""

    _held: tuple[JournalEntry, ...] = ()

    def _acts(self) -> list[Act]:
        return [self._keeps_a_journal]

    async def _keeps_a_journal(self) -> None:
        """A fork comes last: it freezes the terminal."""
        for _ in range(3):
            await self._delivers(self._next())
        if len(self._held) < 3:
            return
        acts: list[Act] = [self._repeats, self._leaves_one_out, self._leaves_one_out_inside, self._has_unreadable_cash]
        self._chance.shuffle(acts)
        forks: list[Act] = [self._has_another_hash, self._writes_anew]
        self._chance.shuffle(forks)
        for act in (*acts, *forks):
            await act()
        held = [(entry.seq, entry.hash) for entry in self._held]
        await self._delivers(self._next())
        kept = self._chain()[: len(held)]
        if kept != held:
            self._broken(
                "a_chain_is_kept", self._who.terminal_id, f"{len(held)} entries were taken, {len(kept)} are kept"
            )

    async def _repeats(self) -> None:
        """What is held is delivered once more: it is the same again."""
        answer = await self._upload(self._held[1])
        if isinstance(answer, ProblemAnswer):
            self._broken("a_chain_is_kept", self._who.terminal_id, f"the same again is {answer.problem.reason}")

    async def _leaves_one_out(self) -> None:
        missing = self._next()
        await self._is_refused("a gap", "journal_gap", self._next(after=missing))

    async def _leaves_one_out_inside(self) -> None:
        """Between two that are delivered together."""
        first = self._next()
        missing = self._next(after=first)
        await self._is_refused("a gap between two", "journal_gap", first, self._next(after=missing))

    async def _has_another_hash(self) -> None:
        wrong = structs.replace(self._next(), hash=self._chance.randbytes(32).hex())
        await self._is_refused("another hash", "journal_fork", wrong)

    async def _writes_anew(self) -> None:
        """Other words in a place that is held."""
        other = self._entry(self._held[0], body='{"payment_no":"","other":1}')
        await self._is_refused("other words in an old place", "journal_fork", other)

    async def _has_unreadable_cash(self) -> None:
        """Nobody can know which sale it pays for. Without its content the chain goes on over it, and a person looks."""
        cash = self._entry(self._held[-1], kind=CASH_TAKEN, body='{"payment_no":""}')
        answer = await self._upload(cash)
        if isinstance(answer, UploadAnswer) and answer.answer.accepted_through >= cash.seq:
            self._broken("cash_is_read", self._who.terminal_id, "cash was taken that says of no sale that it is paid")
        withheld = structs.replace(cash, kind="", at_ms=0, body="", withheld=Reason.BAD_REQUEST)
        if await self._delivers(withheld) and ("entry_withheld", self._about(withheld)) not in self._alarms():
            self._broken(
                "a_withheld_entry_is_told", self._about(withheld), "its content stays at the till, and no alarm"
            )

    # --- how it does it ------------------------------------------------------------------------------------------

    async def _is_refused(self, what: str, alarm: str, *entries: JournalEntry) -> None:
        answer = await self._upload(*entries)
        about = self._who.terminal_id
        if isinstance(answer, UploadAnswer):
            self._broken("a_chain_is_kept", about, f"{what} was taken")
        elif answer is not None and (alarm, about) not in self._alarms():
            self._broken("a_chain_is_kept", about, f"{what} was refused as {answer.problem.reason}, and no alarm")

    async def _delivers(self, entry: JournalEntry) -> bool:
        """Whether it is held now."""
        answer = await self._upload(entry)
        if not isinstance(answer, UploadAnswer) or answer.answer.head != entry.hash:
            return False
        self._held = (*self._held, entry)
        return True

    def _next(self, *, after: JournalEntry | None = None) -> JournalEntry:
        return self._entry(after or (self._held[-1] if self._held else None))

    def _entry(
        self, before: JournalEntry | None, *, kind: str = _KIND, body: str = '{"payment_no":""}'
    ) -> JournalEntry:
        head, seq = (genesis(self._who.terminal_id), 1) if before is None else (before.hash, before.seq + 1)
        at_ms = self._now_ms()
        hashed = link(head, seq=seq, kind=kind, at_ms=at_ms, body=body)
        return JournalEntry(seq=seq, kind=kind, at_ms=at_ms, body=body, hash=hashed)

    async def _upload(self, *entries: JournalEntry) -> UploadAnswer | ProblemAnswer | None:
        """None: nothing was said about them."""
        for _ in range(_TRIES):
            request = build(UploadCall(entries=entries), self._who, self._stamp())
            answer = read_upload(request, await self._exchange(request), self._who)
            if isinstance(answer, UploadAnswer) or (
                isinstance(answer, ProblemAnswer) and answer.problem.reason in _WORDS
            ):
                return answer
            await asyncio.sleep(self._chance.uniform(1.0, 5.0))
        return None

    def _about(self, entry: JournalEntry) -> str:
        return f"{self._who.terminal_id}#{entry.seq}"
