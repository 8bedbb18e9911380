"""The bill's way from a wallet into the rows, with a scripted wallet: retried, kept by hash, read, missed."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, TypeVar, cast

import pytest
from sqlalchemy import insert, update

from gateway.bills.desk import PLAN, BillDesk
from gateway.bills.line import LineKind
from gateway.bills.plan import BillState, day_start_ms
from gateway.channels.port import (
    BillKind,
    BillNotReady,
    BillOf,
    BillReady,
    BillVerdict,
    Channel,
    ChannelReason,
    ChannelRequest,
    ChannelResponse,
    LineFault,
    NoAnswer,
    NoBill,
    NotSent,
    PreparedCall,
    Unknown,
)
from gateway.jobs.calls import ChannelCalls
from gateway.jobs.waiters import Waiters
from gateway.payments.values import AlarmKind
from gateway.routing.accounts import Accounts, OpenAccount
from gateway.routing.choose import Candidate
from gateway.store import alarms, bills, payments, tasks
from gateway.store.bills import Bill, BillKey, bill_ref, read_ref
from gateway.store.runners import InlineStore
from gateway.store.sealing import Seal
from gateway.store.tables import CHANNEL_ACCOUNTS, CHANNEL_ORDERS, MERCHANTS, STORES, TERMINALS
from gateway.store.tasks import Task, TaskKind
from gateway.store.units import Tx
from proof.stores import empty_store
from sandbox.wechat.bill_text import BillType, trade_bill
from tests.contract.gateway.callback_world import CountingEntropy, FixedClock
from tests.unit.gateway.bill_files import AT_MS, wechat_rows
from tests.unit.gateway.payment_rows import KEY, order, payment

T = TypeVar("T")
V = TypeVar("V")
DAY = "2026-11-22"
TEN = day_start_ms(DAY) + 34 * 3_600_000
HALF_HOUR = 1_800_000
TRADE = BillKey(account_id="w1", kind=BillKind.TRADE, day=DAY)
FLOW = replace(TRADE, kind=BillKind.FUND_FLOW)

Said = BillVerdict | NotSent | NoAnswer


@dataclass
class ScriptedChannel:
    """Answers each kind of bill with what was written down, in order; the last for ever."""

    answers: dict[BillKind, list[Said]] = field(default_factory=dict[BillKind, "list[Said]"])
    asked: list[tuple[BillKind, str]] = field(default_factory=list[tuple[BillKind, str]])
    in_two: bool = False

    def bill(self, bill: BillOf, *, now_ms: int) -> PreparedCall[BillVerdict | PreparedCall[BillVerdict]]:
        self.asked.append((bill.kind, bill.day))
        planned = self.answers.get(bill.kind) or [NoBill(code="NO_STATEMENT_EXIST")]
        said = planned.pop(0) if len(planned) > 1 else planned[0]
        if isinstance(said, NotSent | NoAnswer):
            return _call(said.reason.value, NoBill(code="never read"))
        file: PreparedCall[BillVerdict] = _call("file", said)
        return _call("address", file) if self.in_two else _call("address", said)


def _call(what: str, said: V) -> PreparedCall[V]:
    return PreparedCall(
        request=ChannelRequest(method="GET", url=f"https://wallet.test/{what}", headers={}, body=b""),
        read=lambda _answer: said,
        connect_timeout_ms=1,
        read_timeout_ms=1,
    )


class OpenedByHand(Accounts):
    """Accounts whose channels are scripts."""

    def __init__(self) -> None:
        super().__init__(lambda _account: _no_line)
        self.opened: dict[str, OpenAccount] = {}

    def find(self, account_id: str) -> OpenAccount | None:
        return self.opened.get(account_id)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return tuple(account.candidate for account in self.opened.values())


async def _no_line(
    request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
) -> ChannelResponse | NotSent | NoAnswer:
    return NotSent(LineFault.CONNECT_FAILED)


class BillWorld:
    """One WeChat account whose line fails by the address that is called."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.clock.at_ms = TEN
        self.store = InlineStore(empty_store())
        self.store.run_now(_seed)
        self.channel = ScriptedChannel()
        self.lines: list[ChannelRequest] = []
        self.accounts = OpenedByHand()
        self.open("w1")
        self.calls = ChannelCalls(
            store=self.store,
            clock=self.clock,
            accounts=self.accounts,
            waiters=Waiters(),
            owner="test",
            heard=lambda _account, _verdict: None,
        )
        self.seal = Seal(bytes(32), CountingEntropy())
        self.desk = BillDesk(calls=self.calls, seal=self.seal, kinds=tuple(BillKind))

    def open(self, *names: str) -> None:
        candidates = [_candidate(name) for name in names]
        opened = {
            one.account_id: OpenAccount(
                candidate=one, channel=cast("Channel", self.channel), exchange=self._line, settings=""
            )
            for one in candidates
        }
        self.accounts.opened = opened

    async def _line(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NotSent | NoAnswer:
        self.lines.append(request)
        fault = request.url.rpartition("/")[2]
        if fault == LineFault.CONNECT_FAILED:
            return NotSent(LineFault.CONNECT_FAILED)
        if fault == LineFault.READ_TIMEOUT:
            return NoAnswer(LineFault.READ_TIMEOUT)
        return ChannelResponse(status=200, headers={}, body=b"")

    async def run_due(self) -> list[str]:
        """Does everything that is due now, once."""
        due = self.tasks(until_ms=self.clock.at_ms)
        for task in due:
            await self.desk.work(task.ref)
        return [task.ref for task in due]

    def tasks(self, *, until_ms: int = 2**60) -> list[Task]:
        found = self.store.run_now(lambda tx: tasks.due(tx, now_ms=until_ms, limit=200))
        return [task for task in found if task.kind is TaskKind.BILL]

    def bill(self, key: BillKey = TRADE) -> Bill:
        found = self.store.run_now(lambda tx: bills.find(tx, key))
        assert found is not None
        return found

    def alarms(self) -> dict[str, int]:
        return self.store.run_now(alarms.open_counts)


def in_bill_world(story: Callable[[BillWorld], Coroutine[Any, Any, T]]) -> T:
    async def played() -> T:
        world = BillWorld()
        try:
            return await story(world)
        finally:
            await world.store.aclose()

    return asyncio.run(played())


def _candidate(name: str) -> Candidate:
    fields: Mapping[str, Any] = {"account_id": name, "merchant_id": "m1", "channel": "wechat", "shown_default": False}
    return Candidate(**fields)


def _file() -> bytes:
    made = trade_bill(wechat_rows(), BillType.ALL, "1900000001")
    assert made is not None
    return gzip.compress(made, mtime=0)


def _empty() -> bytes:
    """A bill without a row, its own totals right."""
    header, *rest = gzip.decompress(_file()).decode("utf-8-sig").splitlines()
    (summary,) = (line for line in rest if not line.startswith("`"))
    zeros = ",".join(f"`{'0' if not place else '0.00'}" for place in range(len(summary.split(","))))
    return f"{header}\n{summary}\n{zeros}".encode("utf-8-sig")


def test_a_days_bill_is_fetched_kept_and_read() -> None:
    """In two calls, as where a wallet gives an address first; with room for a long answer."""

    async def story(world: BillWorld) -> None:
        world.channel.in_two = True
        world.channel.answers[BillKind.TRADE] = [BillReady(content=_file())]
        await world.desk.start()
        assert await world.run_due() == [PLAN]
        assert sorted(await world.run_due()) == sorted([bill_ref(TRADE), bill_ref(FLOW)])
        bill = world.bill()
        assert (bill.state, bill.lines, bill.size) == (BillState.KEPT, 3, len(_file()))
        assert bill.sha256 == sha256(_file()).hexdigest()
        kept = world.store.run_now(lambda tx: bills.kept_file(tx, bill.sha256 or ""))
        assert kept is not None
        assert world.desk.opened(kept) == _file()
        lines = world.store.run_now(lambda tx: bills.lines_of(tx, TRADE))
        assert [(one.kind, one.amount_fen) for one in lines] == [
            (LineKind.PAY, 1250),
            (LineKind.REFUND, -250),
            (LineKind.UNDO, -300),
        ]
        assert {one.sha256 for one in lines} == {bill.sha256}
        assert world.bill(FLOW).state is BillState.NONE
        assert {request.most_answer_bytes for request in world.lines} == {64 * 1_048_576}
        (plan,) = world.tasks()
        assert (plan.ref, plan.due_ms) == (PLAN, TEN + 24 * 3_600_000)
        assert world.alarms() == {}

    in_bill_world(story)


@pytest.mark.parametrize(("hour", "believed"), [(12, False), (-12, True), (36, True)])
def test_no_bill_of_a_day_on_which_money_was_taken_is_not_believed(hour: int, believed: bool) -> None:
    """A bill that is only late, or another account's word: money would never be compared with anything."""

    async def story(world: BillWorld) -> None:
        paid_ms = day_start_ms(DAY) + hour * 3_600_000
        world.store.run_now(lambda tx: tx.connection.execute(update(CHANNEL_ORDERS).values(paid_at_ms=paid_ms)))
        await world.desk.start()
        await world.run_due()
        await world.run_due()
        assert world.bill(FLOW).state is BillState.NONE  # not every wallet makes one
        assert world.bill().state is (BillState.NONE if believed else BillState.WANTED)
        world.clock.at_ms = TEN + 9 * 3_600_000
        await world.run_due()
        assert world.alarms() == ({} if believed else {AlarmKind.BILL_MISSING: 1})
        world.channel.answers[BillKind.TRADE] = [BillReady(content=_file())]
        world.clock.at_ms += 3 * 3_600_000
        await world.run_due()
        assert world.bill().state is (BillState.NONE if believed else BillState.KEPT)
        assert world.alarms() == {}

    in_bill_world(story)


@pytest.mark.parametrize(("hour", "believed"), [(22, True), (21, False)])
def test_what_unionpay_took_late_in_the_evening_is_in_the_next_days_bill(hour: int, believed: bool) -> None:
    """Its settlement day ends before midnight: that there is no bill of such a day is no lost money."""

    async def story(world: BillWorld) -> None:
        paid_ms = day_start_ms(DAY) + hour * 3_600_000
        world.store.run_now(lambda tx: tx.connection.execute(update(CHANNEL_ORDERS).values(paid_at_ms=paid_ms)))
        world.store.run_now(lambda tx: bills.want(tx, TRADE, channel="unionpay"))
        await world.desk.work(bill_ref(TRADE))
        assert world.bill().state is (BillState.NONE if believed else BillState.WANTED)

    in_bill_world(story)


def test_what_another_account_took_that_day_is_in_no_bill_of_this_one() -> None:
    async def story(world: BillWorld) -> None:
        await world.desk.start()
        await world.run_due()

        def others(tx: Tx) -> None:
            row = {"account_id": "w2", "merchant_id": "m1", "channel": "wechat", "shown_default": 0, "settings": "{}"}
            tx.connection.execute(insert(CHANNEL_ACCOUNTS), row)
            noon_ms = day_start_ms(DAY) + 12 * 3_600_000
            tx.connection.execute(update(CHANNEL_ORDERS).values(paid_at_ms=noon_ms, account_id="w2"))

        world.store.run_now(others)
        await world.run_due()
        assert world.bill().state is BillState.NONE

    in_bill_world(story)


def test_before_ten_nobody_asks() -> None:
    async def story(world: BillWorld) -> None:
        world.clock.at_ms = TEN - 1
        await world.desk.start()
        await world.run_due()
        assert await world.run_due() == []
        assert {task.due_ms for task in world.tasks()} == {TEN}
        world.clock.at_ms = TEN
        assert len(await world.run_due()) == 3

    in_bill_world(story)


def test_what_is_not_ready_comes_later_and_trouble_is_trouble() -> None:
    async def story(world: BillWorld) -> None:
        world.channel.answers[BillKind.TRADE] = [
            BillNotReady(code="STATEMENT_CREATING"),
            NoAnswer(LineFault.READ_TIMEOUT),
            NotSent(LineFault.CONNECT_FAILED),
            Unknown(reason=ChannelReason.UNREADABLE, code="http 500"),
            BillReady(content=_file()),
        ]
        await world.desk.start()
        await world.run_due()
        seen: list[tuple[str, int]] = []
        for _ in range(5):
            await world.run_due()
            bill = world.bill()
            due = [task.due_ms for task in world.tasks() if task.ref == bill_ref(TRADE)]
            seen.append((bill.code, (due[0] - world.clock.at_ms) if due else 0))
            world.clock.at_ms = due[0] if due else world.clock.at_ms
        assert seen == [
            ("STATEMENT_CREATING", HALF_HOUR),
            ("read_timeout", 300_000),
            ("connect_failed", 900_000),
            ("unreadable http 500", HALF_HOUR),
            ("", 0),
        ]
        assert world.bill().state is BillState.KEPT

    in_bill_world(story)


def test_a_cut_file_is_kept_not_believed_and_asked_for_again() -> None:
    async def story(world: BillWorld) -> None:
        whole = gzip.decompress(_file())
        world.channel.answers[BillKind.TRADE] = [
            BillReady(content=whole[: len(whole) // 2]),
            BillReady(content=whole),
        ]
        await world.desk.start()
        await world.run_due()
        await world.run_due()
        first = world.bill()
        assert (first.state, first.lines) == (BillState.UNREADABLE, 0)
        assert first.code.startswith(("truncated", "row"))
        assert world.store.run_now(lambda tx: bills.lines_of(tx, TRADE)) == []
        assert world.store.run_now(lambda tx: bills.kept_file(tx, first.sha256 or "")) is not None
        world.clock.at_ms += HALF_HOUR
        await world.run_due()
        assert (world.bill().state, world.bill().lines) == (BillState.KEPT, 3)
        assert world.bill().sha256 != first.sha256

    in_bill_world(story)


def test_a_missing_bill_is_told_at_its_deadline_and_no_longer_when_it_came() -> None:
    async def story(world: BillWorld) -> None:
        world.channel.answers[BillKind.TRADE] = [BillNotReady(code="STATEMENT_CREATING")]
        await world.desk.start()
        await world.run_due()
        while world.clock.at_ms < TEN + 8 * 3_600_000:
            assert world.alarms() == {}
            await world.run_due()
            world.clock.at_ms += HALF_HOUR
        await world.run_due()
        assert world.alarms() == {"bill_missing": 1}
        world.clock.at_ms += 2 * 3_600_000
        await world.run_due()
        assert world.alarms() == {"bill_missing": 1}
        world.channel.answers[BillKind.TRADE] = [BillReady(content=_file())]
        world.clock.at_ms += 2 * 3_600_000
        await world.run_due()
        assert world.alarms() == {}

    in_bill_world(story)


def test_a_gateway_that_was_away_asks_for_every_day_once() -> None:
    async def story(world: BillWorld) -> None:
        world.clock.at_ms = TEN + 3 * 24 * 3_600_000
        for _ in range(2):
            await world.desk.start()
            await world.run_due()
        await world.run_due()
        days = [day for kind, day in world.channel.asked if kind is BillKind.TRADE]
        assert days == ["2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25"]

    in_bill_world(story)


def test_a_day_that_a_person_asked_for_hides_none_before_it() -> None:
    """Asked for beside a gateway that was away: whatever lies between is wanted all the same."""

    async def story(world: BillWorld) -> None:
        later = replace(TRADE, day="2026-11-24")
        world.store.run_now(lambda tx: bills.want(tx, later, channel="wechat"))
        world.clock.at_ms = TEN + 3 * 24 * 3_600_000
        await world.desk.start()
        await world.run_due()
        await world.run_due()
        days = {day for kind, day in world.channel.asked if kind is BillKind.TRADE}
        assert days == {"2026-11-22", "2026-11-23", "2026-11-25"}

    in_bill_world(story)


@pytest.mark.parametrize("hour", [12, -12])
def test_an_empty_bill_of_a_day_on_which_money_was_taken_is_not_believed(hour: int) -> None:
    """Right in its own totals, and what a wallet gives before it has counted, or of another account."""

    async def story(world: BillWorld) -> None:
        paid_ms = day_start_ms(DAY) + hour * 3_600_000
        world.store.run_now(lambda tx: tx.connection.execute(update(CHANNEL_ORDERS).values(paid_at_ms=paid_ms)))
        world.channel.answers[BillKind.TRADE] = [BillReady(content=_empty()), BillReady(content=_file())]
        await world.desk.start()
        await world.run_due()
        await world.run_due()
        bill = world.bill()
        if hour < 0:
            assert (bill.state, bill.lines) == (BillState.KEPT, 0)
            return
        assert (bill.state, bill.code) == (BillState.UNREADABLE, "empty")
        assert world.store.run_now(lambda tx: bills.kept_file(tx, bill.sha256 or "")) is not None
        world.clock.at_ms += HALF_HOUR
        await world.run_due()
        assert (world.bill().state, world.bill().lines) == (BillState.KEPT, 3)

    in_bill_world(story)


def test_a_bill_of_an_account_that_is_broken_waits() -> None:
    async def story(world: BillWorld) -> None:
        await world.desk.start()
        await world.run_due()
        world.open()
        await world.run_due()
        assert world.channel.asked == []
        assert world.bill().tries == 0
        assert all(task.due_ms > TEN for task in world.tasks())

    in_bill_world(story)


def test_where_no_bills_are_wanted_none_is_asked_for() -> None:
    async def story(world: BillWorld) -> None:
        await BillDesk(calls=world.calls, seal=world.seal, kinds=()).start()
        assert world.tasks() == []
        assert read_ref(bill_ref(FLOW)) == FLOW

    in_bill_world(story)


def _seed(tx: Tx) -> None:
    connection = tx.connection
    connection.execute(insert(MERCHANTS), {"merchant_id": "m1", "name": "老王早餐"})
    connection.execute(insert(STORES), {"store_id": "s1", "merchant_id": "m1", "name": "一店"})
    account = {"account_id": "w1", "merchant_id": "m1", "channel": "wechat", "shown_default": 0}
    connection.execute(insert(CHANNEL_ACCOUNTS), {**account, "settings": json.dumps({})})
    terminal = {
        "terminal_id": KEY.terminal_id,
        "store_id": "s1",
        "name": "1",
        "public_key": "k",
        "epoch": 1,
        "activated_ms": 0,
        "journal_seq": 0,
        "journal_head": "",
    }
    connection.execute(insert(TERMINALS), terminal)
    payments.add(tx, payment(account_id="w1", channel="wechat"))
    payments.add_channel_order(tx, order(account_id="w1", channel="wechat", sent_ms=AT_MS))
