"""The hands for bills: wants each day's, fetches it when it is due, keeps the file and the lines in it.

Rules
- Which days are wanted, and what was tried, are rows: a gateway that was away for a week asks for the week.
- A file is kept as it came, deflated and sealed, by its SHA-256, before it is believed; a file that is not believed
  stays, and is asked for again.
- A bill's lines are there when it is KEPT, all of them; they are written in parts, so that no payment waits for them.
It must not know any wallet's columns, or compare a line with anything.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, TypeVar, assert_never

from gateway.bills.line import BillFile, ReadBill, Statement, StatementLine, Unreadable
from gateway.bills.parsers.reading import kinds_of, read_bill
from gateway.bills.plan import (
    BillOutcome,
    BillState,
    first_asked_ms,
    given_up,
    is_missing,
    next_plan_ms,
    next_try_ms,
    surely_in_bill_ms,
    wanted_days,
)
from gateway.channels.port import (
    BillKind,
    BillNotReady,
    BillOf,
    BillReady,
    BillVerdict,
    NoAnswer,
    NoBill,
    NotSent,
    PreparedCall,
    Unknown,
)
from gateway.jobs.calls import ChannelCalls
from gateway.payments.values import Alarm, AlarmKind
from gateway.store import alarms, bills, tasks
from gateway.store.bills import Bill, BillKey, KeptFile, bill_ref, read_ref
from gateway.store.sealing import Seal
from gateway.store.tasks import TaskKind
from gateway.store.units import Tx

V = TypeVar("V")
#: The task that wants the next day's bills.
PLAN: Final = "plan"
#: A file may take longer than an answer about a payment.
_READ_MS: Final = 45_000
_MOST_BYTES: Final = 64 * 1_048_576
_LINES_AT_ONCE: Final = 500
#: Reading a larger file would hold up everything else on the loop.
_INLINE_BYTES: Final = 1_048_576
_NO_ACCOUNT_MS: Final = 1_800_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetched:
    """A file, hashed, sealed and read."""

    kept: KeptFile
    read: ReadBill


class BillDesk:
    """`kinds`: which bills this gateway wants; none, where no wallet is there to make them."""

    def __init__(self, *, calls: ChannelCalls, seal: Seal, kinds: tuple[BillKind, ...]) -> None:
        self._calls = calls
        self._seal = seal
        self._kinds = kinds

    async def start(self) -> None:
        """Looks at once which days are wanted, and at each 10:00 from then on."""
        if not self._kinds:
            return
        now_ms = self._calls.clock.now_ms()
        await self._calls.store.run(lambda tx: tasks.put(tx, TaskKind.BILL, PLAN, due_ms=now_ms, account_id=None))

    async def work(self, ref: str) -> None:
        """Does what is due."""
        if ref == PLAN:
            await self._calls.store.run(self._plan)
            return
        key = read_ref(ref)
        bill = await self._calls.store.run(lambda tx: self._take_up(tx, key))
        if bill is None:
            return
        verdict = await self._ask(key)
        match verdict:
            case BillReady():
                await self._keep(bill, await self._fetched(bill, verdict.content))
            case BillNotReady():
                await self._settle(bill, BillOutcome(state=BillState.WANTED, code=verdict.code, soon=True))
            case NoBill():
                await self._settle(bill, BillOutcome(state=BillState.NONE, code=verdict.code))
            case Unknown():
                code = f"{verdict.reason.value} {verdict.code}".strip()
                await self._settle(bill, BillOutcome(state=BillState.WANTED, code=code))
            case NotSent() | NoAnswer():
                await self._settle(bill, BillOutcome(state=BillState.WANTED, code=verdict.reason.value))
            case _:
                assert_never(verdict)

    def opened(self, kept: KeptFile) -> bytes:
        """The file as it came. Raises SealBroken."""
        return zlib.decompress(self._seal.open(kept.sealed, about=f"bill {kept.sha256}"))

    def _plan(self, tx: Tx) -> None:
        now_ms = self._calls.clock.now_ms()
        for account in self._calls.accounts.candidates:
            first_ms = bills.first_order_ms(tx, account.account_id)
            for kind in (one for one in kinds_of(account.channel) if one in self._kinds):
                known = bills.days(tx, account.account_id, kind)
                for day in wanted_days(first_order_ms=first_ms, known=known, now_ms=now_ms):
                    key = BillKey(account_id=account.account_id, kind=kind, day=day)
                    if bills.want(tx, key, channel=account.channel):
                        due_ms = first_asked_ms(day)
                        tasks.put(tx, TaskKind.BILL, bill_ref(key), due_ms=due_ms, account_id=account.account_id)
        tasks.put(tx, TaskKind.BILL, PLAN, due_ms=next_plan_ms(now_ms), account_id=None)
        tasks.give_back(tx, TaskKind.BILL, PLAN, owner=self._calls.owner)

    def _take_up(self, tx: Tx, key: BillKey) -> Bill | None:
        bill = bills.find(tx, key)
        assert bill is not None, "a task has its bill"
        now_ms = self._calls.clock.now_ms()
        due_ms = first_asked_ms(key.day)
        if self._calls.accounts.find(key.account_id) is None:
            due_ms = now_ms + _NO_ACCOUNT_MS
        elif due_ms <= now_ms:
            return bill
        tasks.put(tx, TaskKind.BILL, bill_ref(key), due_ms=due_ms, account_id=key.account_id)
        tasks.give_back(tx, TaskKind.BILL, bill_ref(key), owner=self._calls.owner)
        return None

    async def _ask(self, key: BillKey) -> BillVerdict | NotSent | NoAnswer:
        """One call, or two: the address, and the file at once, while the address lives."""
        clock, about = self._calls.clock, BillOf(day=key.day, kind=key.kind)
        said = await self._calls.perform(
            key.account_id, lambda channel: _patient(channel.bill(about, now_ms=clock.now_ms()))
        )
        if not isinstance(said, PreparedCall):
            return said
        file = said
        return await self._calls.perform(key.account_id, lambda _channel: _patient(file))

    async def _fetched(self, bill: Bill, content: bytes) -> _Fetched:
        if len(content) <= _INLINE_BYTES:
            return self._seal_and_read(bill, content)
        return await asyncio.to_thread(self._seal_and_read, bill, content)

    def _seal_and_read(self, bill: Bill, content: bytes) -> _Fetched:
        digest = sha256(content).hexdigest()
        sealed = self._seal.seal(zlib.compress(content), about=f"bill {digest}")
        kept = KeptFile(sha256=digest, size=len(content), received_ms=self._calls.clock.now_ms(), sealed=sealed)
        file = BillFile(day=bill.key.day, sha256=digest)
        return _Fetched(kept=kept, read=read_bill(bill.channel, bill.key.kind, content, file))

    async def _keep(self, bill: Bill, fetched: _Fetched) -> None:
        kept = fetched.kept
        held = replace(bill, sha256=kept.sha256, size=kept.size)
        await self._calls.store.run(lambda tx: bills.add_file(tx, kept))
        match fetched.read:
            case Unreadable() as fault:
                code = f"{fault.why.value} line {fault.line} {fault.what}".strip()
                await self._settle(held, BillOutcome(state=BillState.UNREADABLE, code=code))
            case Statement(lines=lines):
                await self._calls.store.run(lambda tx: bills.drop_lines(tx, bill.key))
                for begin in range(0, len(lines), _LINES_AT_ONCE):
                    await self._write(bill.key, lines[begin : begin + _LINES_AT_ONCE])
                held = replace(held, lines=len(lines), kept_ms=self._calls.clock.now_ms())
                await self._settle(held, BillOutcome(state=BillState.KEPT, code=""))
            case _:
                assert_never(fetched.read)

    async def _write(self, key: BillKey, lines: tuple[StatementLine, ...]) -> None:
        await self._calls.store.run(lambda tx: bills.add_lines(tx, key, lines))

    async def _settle(self, bill: Bill, outcome: BillOutcome) -> None:
        await self._calls.store.run(lambda tx: self._settled(tx, bill, outcome))

    def _believed(self, tx: Tx, bill: Bill, outcome: BillOutcome) -> BillOutcome:
        """ "There is none", and a bill without a line, are believed of a day on which this account took nothing, by our
        own rows."""
        nothing = outcome.state is BillState.NONE or (outcome.state is BillState.KEPT and bill.lines == 0)
        if not nothing or bill.key.kind is not BillKind.TRADE:
            return outcome
        begin_ms, end_ms = surely_in_bill_ms(bill.key.day, bill.channel)
        if not bills.took_money(tx, bill.key.account_id, begin_ms=begin_ms, end_ms=end_ms):
            return outcome
        if outcome.state is BillState.NONE:
            return replace(outcome, state=BillState.WANTED)
        return BillOutcome(state=BillState.UNREADABLE, code="empty")

    def _settled(self, tx: Tx, bill: Bill, outcome: BillOutcome) -> None:
        now_ms, ref, day = self._calls.clock.now_ms(), bill_ref(bill.key), bill.key.day
        outcome = self._believed(tx, bill, outcome)
        if outcome.state in (BillState.WANTED, BillState.UNREADABLE) and given_up(day, now_ms=now_ms):
            outcome = replace(outcome, state=BillState.GIVEN_UP)
        tried = replace(bill, state=outcome.state, code=outcome.code, tries=bill.tries + 1, asked_ms=now_ms)
        bills.save(tx, tried)
        if is_missing(day, outcome, now_ms=now_ms):
            alarm = Alarm(kind=AlarmKind.BILL_MISSING, detail=f"{outcome.state.value}: {outcome.code}")
            alarms.raise_alarm(tx, alarm, about=ref, now_ms=now_ms)
        elif outcome.state in (BillState.KEPT, BillState.NONE):
            alarms.close_alarm(tx, AlarmKind.BILL_MISSING, about=ref, now_ms=now_ms)
        due_ms = next_try_ms(day, outcome, tries=tried.tries, now_ms=now_ms)
        tasks.put(tx, TaskKind.BILL, ref, due_ms=due_ms, account_id=bill.key.account_id)
        tasks.give_back(tx, TaskKind.BILL, ref, owner=self._calls.owner)


def _patient(call: PreparedCall[V]) -> PreparedCall[V]:
    """The same call, with room for a file in its answer."""
    request = replace(call.request, most_answer_bytes=_MOST_BYTES)
    return replace(call, request=request, read_timeout_ms=max(call.read_timeout_ms, _READ_MS))
