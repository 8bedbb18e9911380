"""Cash in a till's journal decides where late wallet money goes; an entry that is refused never ends the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from sqlalchemy import update

from gateway.channels.port import Closed, PayOrder
from gateway.jobs.keeping import keep
from gateway.jobs.late_cases import accept, send_back
from gateway.jobs.schedule import DEFAULT_PACE
from gateway.payments.answers import answer_query
from gateway.payments.late import LateRefusal, LateWord
from gateway.payments.values import AlarmKind, PaymentKey
from gateway.store import payments
from gateway.store.alarms import close_by_person, open_alarms
from gateway.store.tables import MERCHANTS
from gateway.store.units import Tx
from protocol.cash import CASH_RETURNED, CASH_TAKEN
from protocol.chain import genesis, link
from protocol.messages import (
    JournalAnswer,
    JournalEntry,
    JournalUpload,
    LateMoneyState,
    PaymentRequest,
    PaymentStatus,
    Problem,
    decode,
    encode,
)
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import GatewayState
from tests.contract.gateway.gateway_world import Fault, Till, World, in_world, status_of

WORD = LateWord(person="老王", reason="客人走了")


class Chain:
    """A till's journal: entries follow each other."""

    def __init__(self, till: Till, *, at_ms: int = 0, terminal_id: str | None = None) -> None:
        self.till = till
        self.at_ms = at_ms
        self.head = genesis(terminal_id or till.keyid)
        self.seq = 0

    def entry(self, kind: str, body: str, *, withheld: Reason | None = None) -> JournalEntry:
        self.seq += 1
        at_ms = self.at_ms + self.seq
        self.head = link(self.head, seq=self.seq, kind=kind, at_ms=at_ms, body=body)
        if withheld is not None:
            kind, body, at_ms = "", "", 0
        return JournalEntry(seq=self.seq, kind=kind, at_ms=at_ms, body=body, hash=self.head, withheld=withheld)

    def back(self) -> None:
        """As if the last entry had not been written."""
        self.seq -= 1

    def cash(self, kind: str, sale_id: str, fen: int = 1250, *, tender: bytes = b"c") -> JournalEntry:
        number = f"{new_number(tender * 15)}-1"
        return self.entry(kind, f'{{"kind":"{kind}","payment_no":"{number}","sale_id":"{sale_id}","amount_fen":{fen}}}')

    async def upload(self, *entries: JournalEntry) -> int | Reason:
        upload = JournalUpload(entries=entries)
        response = await self.till.send(self.till.signed("POST", "/v1/journal", encode(upload)))
        if response.status != 200:
            return decode(Problem, response.body).reason
        answer = decode(JournalAnswer, response.body)
        assert answer.head == self.head
        return answer.accepted_through


async def unpaid(world: World, till: Till) -> tuple[PaymentRequest, PaymentStatus]:
    """A payment that is proven not paid, at a merchant whose late money waits for a person."""
    world.store.run_now(lambda tx: tx.connection.execute(update(MERCHANTS).values(late_money="hold")))
    request = till.payment(world.show_code("drop_before_charge"))
    await till.pay(request)
    status, _ = await till.final(request.payment_no)
    return request, status


def pay_behind(world: World, order_no: str) -> None:
    """The wallet charges although everything said that it cannot."""
    account = world.gateway.accounts.find("a1")
    assert account is not None
    order = PayOrder(
        out_trade_no=f"{order_no}00", amount_fen=1250, subject="早餐", auth_code=Secret(world.show_code("pay")),
        operator="01", terminal="T", store="", open_for_ms=60_000,
    )  # fmt: skip
    world.wallets.serve(account.channel.pay(order, now_ms=world.clock.now_ms()).request)


async def late_state(till: Till, status: PaymentStatus, wanted: LateMoneyState) -> PaymentStatus:
    """Within ten minutes."""
    for _ in range(24):
        status = status_of(await till.ask(status.payment_no, wait=25, after=status.state_seq))
        if status.late_money is not None and status.late_money.state is wanted:
            return status
    raise AssertionError(f"late money is {status.late_money}")


def kept_by_a_person(world: World, status: PaymentStatus) -> PaymentKey | LateRefusal:
    return world.store.run_now(
        lambda tx: accept(tx, f"{status.order_no}00", WORD, lambda _: DEFAULT_PACE, now_ms=world.clock.now_ms())
    )


def says_closed(world: World, status: PaymentStatus) -> None:
    """One answer of the wallet that is wrong, or soon no longer true."""

    def unit(tx: Tx) -> None:
        found = payments.with_order(tx, f"{status.order_no}00")
        assert found is not None
        payment, order = found
        now_ms = world.clock.now_ms()
        step = answer_query(
            payment, order, Closed(code="TRADE_CLOSED"), said_by="alipay", asked_ms=now_ms, now_ms=now_ms,
            even_since_ms=0,
        )  # fmt: skip
        keep(tx, payment, step, lambda _: DEFAULT_PACE, now_ms=now_ms, order_before=order)

    world.store.run_now(unit)


@pytest.mark.parametrize("covered", [False, True])
def test_late_money_that_its_wallet_called_closed_is_found_again_when_it_says_paid(covered: bool) -> None:
    """The light goes out again, a person decides again, and each time it is booked."""

    async def story(world: World) -> None:
        till = await world.till()
        request, status = await unpaid(world, till)
        pay_behind(world, status.order_no)
        status = await late_state(till, status, LateMoneyState.FOUND)
        await asyncio.sleep(1)
        says_closed(world, status)
        status = await late_state(till, status, LateMoneyState.UNDONE)
        assert world.alarms() == {}
        if covered:
            chain = Chain(till)
            await chain.upload(chain.cash(CASH_TAKEN, request.sale_id))
        status = await late_state(till, status, LateMoneyState.FOUND)
        if covered:
            await late_state(till, status, LateMoneyState.UNDONE)
            assert world.money(status)[:2] == (1250, 1250)
        else:
            assert world.alarms() == {AlarmKind.LATE_MONEY: 1}
            assert isinstance(kept_by_a_person(world, status), PaymentKey)
        assert world.alarms() == {}
        world.ledger_agrees()
        calls = len(world.line.sent)
        await asyncio.sleep(25 * 3_600)
        assert len(world.line.sent) == calls

    in_world(story)


def test_a_refund_that_is_done_after_the_wallet_said_closed_ends_the_watch() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request, status = await unpaid(world, till)
        pay_behind(world, status.order_no)
        status = await late_state(till, status, LateMoneyState.FOUND)
        world.line.faults["refund"] = [Fault(lose="before")]
        chain = Chain(till)
        await chain.upload(chain.cash(CASH_TAKEN, request.sale_id))
        await asyncio.sleep(1)
        says_closed(world, status)
        status = await late_state(till, status, LateMoneyState.UNDONE)
        await asyncio.sleep(600)
        assert world.money(status)[:2] == (1250, 1250)
        world.ledger_agrees()
        calls = len(world.line.sent)
        await asyncio.sleep(25 * 3_600)
        assert len(world.line.sent) == calls

    in_world(story)


def test_late_money_for_a_sale_that_cash_covers_goes_back_by_itself() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request, status = await unpaid(world, till)
        chain = Chain(till)
        assert await chain.upload(chain.cash(CASH_TAKEN, request.sale_id)) == 1
        pay_behind(world, status.order_no)
        await late_state(till, status, LateMoneyState.UNDONE)
        assert world.money(status)[:2] == (1250, 1250)

    in_world(story)


def test_held_late_money_goes_back_when_cash_is_heard_of_and_nobody_can_keep_it() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request, status = await unpaid(world, till)
        pay_behind(world, status.order_no)
        status = await late_state(till, status, LateMoneyState.FOUND)
        chain = Chain(till)
        assert await chain.upload(chain.cash(CASH_TAKEN, request.sale_id)) == 1
        assert kept_by_a_person(world, status) is LateRefusal.GOING_BACK
        await late_state(till, status, LateMoneyState.UNDONE)

    in_world(story)


def test_nobody_keeps_late_money_of_a_till_that_withholds_an_entry_until_a_person_looked() -> None:
    """It may be the cash of this very sale."""

    async def story(world: World) -> None:
        till = await world.till()
        _, status = await unpaid(world, till)
        chain = Chain(till)
        withheld = chain.entry(CASH_TAKEN, "{}", withheld=Reason.BAD_REQUEST)
        assert await chain.upload(withheld) == 1
        pay_behind(world, status.order_no)
        status = await late_state(till, status, LateMoneyState.FOUND)
        assert kept_by_a_person(world, status) is LateRefusal.WITHHELD
        (held,) = (a for a in world.store.run_now(open_alarms) if a.kind == AlarmKind.ENTRY_WITHHELD)
        world.store.run_now(
            lambda tx: close_by_person(tx, held.alarm_id, person="老王", reason="看过了", now_ms=world.clock.now_ms())
        )
        assert isinstance(kept_by_a_person(world, status), PaymentKey)

    in_world(story)


def test_an_entry_that_another_till_withholds_stands_in_nobodys_way() -> None:
    async def story(world: World) -> None:
        till, other = await world.till(), await world.till()
        _, status = await unpaid(world, till)
        chain = Chain(other)
        assert await chain.upload(chain.entry(CASH_TAKEN, "{}", withheld=Reason.BAD_REQUEST)) == 1
        pay_behind(world, status.order_no)
        status = await late_state(till, status, LateMoneyState.FOUND)
        assert isinstance(kept_by_a_person(world, status), PaymentKey)

    in_world(story)


def test_cash_that_was_given_back_covers_nothing() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request, status = await unpaid(world, till)
        chain = Chain(till)
        await chain.upload(chain.cash(CASH_TAKEN, request.sale_id), chain.cash(CASH_RETURNED, request.sale_id))
        pay_behind(world, status.order_no)
        status = await late_state(till, status, LateMoneyState.FOUND)
        assert isinstance(kept_by_a_person(world, status), PaymentKey)

    in_world(story)


def test_cash_of_another_till_under_the_same_number_hides_none() -> None:
    """Numbers are each till's own words: one may repeat another's."""

    async def story(world: World) -> None:
        till, other = await world.till(), await world.till()
        request, status = await unpaid(world, till)
        theirs, mine = Chain(other), Chain(till)
        await theirs.upload(theirs.cash(CASH_TAKEN, request.sale_id))
        await mine.upload(mine.cash(CASH_TAKEN, request.sale_id))
        pay_behind(world, status.order_no)
        await late_state(till, status, LateMoneyState.UNDONE)
        assert world.money(status)[:2] == (1250, 1250)

    in_world(story)


def test_cash_that_is_given_back_is_that_one_tender() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request, status = await unpaid(world, till)
        chain = Chain(till)
        await chain.upload(
            chain.cash(CASH_TAKEN, request.sale_id),
            chain.cash(CASH_TAKEN, new_number(b"s" * 15), tender=b"d"),
            chain.cash(CASH_RETURNED, new_number(b"s" * 15), tender=b"d"),
        )
        pay_behind(world, status.order_no)
        await late_state(till, status, LateMoneyState.UNDONE)
        assert world.money(status)[:2] == (1250, 1250)

    in_world(story)


def test_what_another_till_calls_the_same_sale_covers_nothing_here() -> None:
    """Names of sales are each till's own words: nobody else's cash or payment sends this till's money back."""

    async def story(world: World) -> None:
        till, other = await world.till(), await world.till()
        request, status = await unpaid(world, till)
        pay_behind(world, status.order_no)
        status = await late_state(till, status, LateMoneyState.FOUND)
        chain = Chain(other)
        await chain.upload(chain.cash(CASH_TAKEN, request.sale_id))
        theirs = other.payment(world.show_code("pay"), sale_id=request.sale_id)
        await other.pay(theirs)
        assert (await other.final(theirs.payment_no))[0].state is GatewayState.PAID
        await asyncio.sleep(60)
        assert world.money(status)[:2] == (1250, 0)
        assert isinstance(kept_by_a_person(world, status), PaymentKey)

    in_world(story)


def test_a_wallets_money_and_cash_kept_for_one_sale_are_an_alarm_until_the_cash_goes_back() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request, status = await unpaid(world, till)
        pay_behind(world, status.order_no)
        status = await late_state(till, status, LateMoneyState.FOUND)
        assert isinstance(kept_by_a_person(world, status), PaymentKey)
        chain = Chain(till)
        await chain.upload(chain.cash(CASH_TAKEN, request.sale_id))
        assert world.alarms()[AlarmKind.PAID_TWICE] == 1
        await chain.upload(chain.cash(CASH_RETURNED, request.sale_id))
        assert AlarmKind.PAID_TWICE not in world.alarms()

    in_world(story)


def test_a_wallet_that_pays_for_a_sale_after_cash_did_is_an_alarm_at_once() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("ask_password:10"))
        await till.pay(request)
        chain = Chain(till)
        assert await chain.upload(chain.cash(CASH_TAKEN, request.sale_id)) == 1
        assert world.alarms() == {}
        status, _ = await till.final(request.payment_no)
        assert status.state is GatewayState.PAID
        assert world.alarms() == {AlarmKind.PAID_TWICE: 1}

    in_world(story)


@pytest.mark.parametrize("late_first", [False, True])
def test_held_late_money_for_a_sale_that_another_wallet_payment_pays_goes_back_by_itself(late_first: bool) -> None:
    """Whichever of the two is known first: it is a duplicate, and its alarm ends when it is back."""

    async def story(world: World) -> None:
        till = await world.till()
        request, status = await unpaid(world, till)
        if late_first:
            pay_behind(world, status.order_no)
            status = await late_state(till, status, LateMoneyState.FOUND)
            assert world.alarms() == {AlarmKind.LATE_MONEY: 1}
        other = till.payment(world.show_code("pay"), sale_id=request.sale_id)
        await till.pay(other)
        paid, _ = await till.final(other.payment_no)
        await till.ack(paid)
        if not late_first:
            pay_behind(world, status.order_no)
        status = await late_state(till, status, LateMoneyState.UNDONE)
        assert (world.money(status)[:2], world.money(paid)[:2]) == ((1250, 1250), (1250, 0))
        assert world.alarms() == {}
        world.ledger_agrees()

    in_world(story)


@pytest.mark.parametrize(
    "wrong", [{"amount_fen": 0}, {"sale_id": "x"}, {"payment_no": "1"}], ids=lambda wrong: next(iter(wrong))
)
def test_cash_that_cannot_be_read_is_refused_and_the_chain_goes_on_without_its_content(
    wrong: Mapping[str, object],
) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        chain = Chain(till)
        number = f"{new_number(b'c' * 15)}-1"
        right: dict[str, object] = {"payment_no": number, "sale_id": new_number(b"s" * 15), "amount_fen": 5}
        body = str({**right, **wrong}).replace("'", '"')
        before = chain.head
        assert await chain.upload(chain.entry(CASH_TAKEN, body)) is Reason.BAD_REQUEST
        chain.head = before
        chain.back()
        held = chain.entry(CASH_TAKEN, body, withheld=Reason.BAD_REQUEST)
        assert await chain.upload(held, chain.entry("note", "{}")) == 2
        assert await chain.upload(held) == 2
        assert world.alarms() == {AlarmKind.ENTRY_WITHHELD: 1}
        forged = chain.entry("note", '{"after":"another past"}')
        bad = JournalEntry(seq=forged.seq, kind="note", at_ms=forged.at_ms, body="{}", hash=forged.hash)
        assert await chain.upload(bad) is Reason.JOURNAL_FORK

    in_world(story)


def test_nobody_sends_back_as_late_what_was_paid_in_time() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        await till.pay(request)
        status, _ = await till.final(request.payment_no)
        said = world.store.run_now(
            lambda tx: send_back(tx, f"{status.order_no}00", WORD, lambda _: DEFAULT_PACE, now_ms=world.clock.now_ms())
        )
        assert said is LateRefusal.NOT_LATE
        assert kept_by_a_person(world, status) is LateRefusal.NOT_LATE
        await asyncio.sleep(60)
        assert world.money(status)[:2] == (1250, 0)

    in_world(story)
