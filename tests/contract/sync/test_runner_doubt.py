"""A command whose commit nobody could read back: it is answered by what the journal holds, and by nothing else."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from protocol.reasons import Reason
from protocol.states import GatewayState, TerminalState
from sync.engine.cash_record import CashRecord
from sync.engine.events import LineHeard, LineSilent
from sync.engine.model import Line, PaymentView, Published, ReadProof, RefundView
from sync.engine.statements import Silence
from sync.errors import DiskError
from sync.journal.journal import Journal
from sync.journal.read import JournalReader, OrdersFilter
from tests.contract.sync.bad_disk import hidden
from tests.contract.sync.counter import Counter, at_the_counter
from tests.contract.sync.fake_gateway import TERMINAL_ID
from tests.contract.sync.offline_counter import OfflineCounter, code_of, without_line

S = TerminalState


async def unanswered(c: Counter, request_id: str, views: int) -> None:
    """Neither begun nor refused, however long it takes; what is asked after it is refused at once."""
    await asyncio.sleep(30)
    assert not c.refusals(request_id)
    assert sum(isinstance(view, (PaymentView, RefundView)) for view in c.heard) == views
    assert await c.refused(c.take_cash(1)) in (Reason.DISK_READ_ONLY, Reason.FOLDER_UNREADABLE)


def pictures(c: Counter) -> int:
    return sum(isinstance(view, (PaymentView, RefundView)) for view in c.heard)


@pytest.mark.parametrize("happened", [True, False])
def test_cash_in_doubt_is_answered_by_what_the_journal_holds(tmp_path: Path, happened: bool) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        with hidden(c.journal, tmp_path, happened=happened):
            taken = c.take_cash(1250)
            await unanswered(c, taken, pictures(c))
        if happened:
            view = await c.view(taken, S.PAID)
        else:
            assert await c.refused(taken)
            view = await c.view(c.take_cash(1250), S.PAID)
        with hidden(c.journal, tmp_path, happened=happened):
            back = c.return_cash(view.payment_no)
            await unanswered(c, back, pictures(c))
        if happened:
            assert (await c.view(back)).refunded_fen == 1250
        else:
            assert await c.refused(back)
        tender = c.journal.cash(view.payment_no)
        assert tender is not None
        assert (tender.returned_at_ms is not None) is happened
        with JournalReader(c.path) as reader:
            assert len(reader.orders(OrdersFilter())) == 1

    at_the_counter(tmp_path, story)


def test_what_waited_for_the_disk_keeps_its_order_after_the_journal_was_read_again(tmp_path: Path) -> None:
    """A silence from before the gateway's word, told after it, would call the line down that is up."""

    async def story(c: Counter) -> None:
        await c.up()
        with hidden(c.journal, tmp_path, happened=True):
            taken = c.take_cash(1250)
            await asyncio.sleep(5)
            events = vars(c.runner)["_events"]
            events.put_nowait(LineSilent(why=Silence.NOT_SENT))
            events.put_nowait(LineHeard(server_time_ms=c.gateway.now_ms()))
            await asyncio.sleep(0.05)
        await c.view(taken, S.PAID)
        await asyncio.sleep(0.05)
        assert c.link is not None
        assert c.link.line is Line.UP

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize("happened", [True, False])
def test_a_refund_in_doubt_goes_out_only_if_it_was_not_refused(tmp_path: Path, happened: bool) -> None:
    """Refused aloud and sent later, it would go out beside the one that is asked for anew."""

    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        paid = await c.view(c.scan(), S.PAID)
        with hidden(c.journal, tmp_path, happened=happened):
            asked = c.give_back(paid.order_no, 500)
            await unanswered(c, asked, pictures(c))
        if happened:
            await c.until(lambda: any(view.request_id == asked for view in c.refunds))
            await c.until(lambda: bool(c.gateway.refunds))
        else:
            assert await c.refused(asked)
            await asyncio.sleep(30)
            assert not c.refunds
        assert not happened or not c.refusals(asked)
        assert len(c.gateway.refunds) == happened

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize("happened", [True, False])
def test_a_scan_in_doubt_is_never_sent_and_ends_proven(tmp_path: Path, happened: bool) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        with hidden(c.journal, tmp_path, happened=happened):
            scanned = c.scan()
            await unanswered(c, scanned, pictures(c))
        if happened:
            await c.view(scanned)
            pictures_of = [view for view in c.heard if isinstance(view, PaymentView)]
            assert {view.request_id for view in pictures_of} == {scanned}, "the panel knows it as its own"
            ended = await c.view(scanned, S.NOT_PAID)
            assert ended.safe_to_rescan
            assert not c.refusals(scanned)
        else:
            assert await c.refused(scanned)

    c = at_the_counter(tmp_path, story)
    assert c.gateway.codes == []


@pytest.mark.parametrize("happened", [True, False])
@pytest.mark.parametrize("what", ["scan", "refund"])
def test_a_press_that_comes_twice_is_in_doubt_as_a_whole(tmp_path: Path, happened: bool, what: str) -> None:
    """A key bounces: "nothing was begun", said of the second, is heard of the first, and it is pressed anew."""

    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        paid = await c.view(c.scan(), S.PAID)
        with hidden(c.journal, tmp_path, happened=happened):
            asked = c.scan() if what == "scan" else c.give_back(paid.order_no, 500)
            c.press_again()
            await unanswered(c, asked, pictures(c))
            c.press_again()
            await unanswered(c, asked, pictures(c))
        if happened:
            await c.until(lambda: any(getattr(view, "request_id", None) == asked for view in c.heard))
        else:
            assert await c.refused(asked)
        await asyncio.sleep(60)
        assert len(c.refusals(asked)) == (0 if happened else 1)

    at_the_counter(tmp_path, story)


def test_a_press_that_began_is_not_refused_when_it_comes_again(tmp_path: Path) -> None:
    """Neither by a disk that meanwhile takes nothing, nor by a program that ends."""

    async def story(c: Counter) -> None:
        await c.up()
        scanned = c.scan()
        await c.view(scanned, S.WAITING)
        with hidden(c.journal, tmp_path):
            c.take_cash(1)
            c.press_again()
            await asyncio.sleep(30)
        assert not c.refusals(scanned)
        await c.close()
        c.press_again()
        await asyncio.sleep(1)
        assert not c.refusals(scanned), "it is open, and the next start goes on with it"
        await c.open()

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize("happened", [True, False])
def test_a_proof_and_an_order_in_doubt_are_answered_by_what_the_journal_holds(tmp_path: Path, happened: bool) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        with hidden(c.journal, tmp_path, happened=happened):
            asked = c.show_offline()
            await unanswered(c, asked, pictures(c))
        if happened:
            view = await c.view(asked, S.AWAITING_PROOF)
        else:
            assert await c.refused(asked)
            view = await c.shown()
        assert c.anchor.record is not None
        assert c.anchor.record.oseq == 1
        proof = c.proof_of(view)
        with hidden(c.journal, tmp_path, happened=happened):
            c.runner.submit(ReadProof(request_id="P", text=proof, operator="01"))
            await unanswered(c, "P", pictures(c))
            assert not c.worths("P")
        await c.until(lambda: bool(c.worths("P")))
        (worth,) = c.worths("P")
        assert worth.accepted is happened
        again = await c.read(proof)
        assert again.reason is (Reason.PROOF_USED if happened else Reason.PAID)
        paid = c.by_number(view.payment_no)
        assert paid is not None
        assert paid.state is S.PAID

    without_line(tmp_path, story)


class CashUnread(Journal):
    """A journal of which one table cannot be read for a while after its file came back."""

    reads_that_fail = 0

    def cash(self, payment_no: str) -> CashRecord | None:
        if self.reads_that_fail:
            self.reads_that_fail -= 1
            raise DiskError(Reason.FOLDER_UNREADABLE, "the disk failed")
        return super().cash(payment_no)


def test_a_disk_that_fails_once_more_while_a_doubt_is_answered_loses_no_call_and_no_answer(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        vars(c)["open_journal"] = lambda: CashUnread.open(c.path, terminal_id=TERMINAL_ID)
        await c.open()
        waits = await c.view(c.scan(), S.WAITING)
        journal = c.journal
        assert isinstance(journal, CashUnread)
        with hidden(journal, tmp_path, happened=True):
            taken = c.take_cash(1250)
            await asyncio.sleep(30)
            journal.reads_that_fail = 1
        await c.view(taken, S.PAID)
        assert not c.refusals(taken), "it stands in the journal"
        c.gateway.settle(waits.payment_no, GatewayState.PAID)
        await c.number_in(waits.payment_no, S.PAID)

    at_the_counter(tmp_path, story, opened=False)


@pytest.mark.parametrize("again", [False, True])
def test_a_scan_that_waited_for_the_line_and_whose_commit_was_in_doubt_is_not_refused(
    tmp_path: Path, again: bool
) -> None:
    """Right after a start of the program: the line is being checked, the order may have had a try before."""

    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.NOT_PAID
        first = await c.view(c.scan(), S.NOT_PAID)
        await c.crash()
        for kind in ("journal", "query", "ack"):
            c.gateway.delay_ms[kind] = 2_000
        await c.open()
        scanned = c.scan(order_no=first.order_no if again else None)
        await asyncio.sleep(1)
        assert c.last(scanned) is None, "it waits for the line"
        with hidden(c.journal, tmp_path, happened=True):
            await asyncio.sleep(30)
        await asyncio.sleep(60)
        print(
            [
                (
                    type(v).__name__,
                    getattr(v, "request_id", None),
                    getattr(v, "reason", None),
                    getattr(v, "state", None),
                )
                for v in c.heard
            ][-12:],
            c.gateway.codes,
        )
        ended = await c.view(scanned, S.NOT_PAID)
        assert (ended.order_no == first.order_no, ended.n) == (again, 2 if again else 1)
        assert not c.refusals(scanned), "it had begun"

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize("happened", [True, False])
def test_a_refund_in_doubt_is_not_refused_when_the_program_ends(tmp_path: Path, happened: bool) -> None:
    """It waited for the line; the next start finds it in the journal, or does not."""

    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        paid = await c.view(c.scan(), S.PAID)
        await c.until(lambda: paid.payment_no in c.gateway.acked and c.link is not None and c.link.unsent == 0)
        await c.crash()
        c.gateway.delay_ms["journal"] = 2_000
        await c.open()
        asked = c.give_back(paid.order_no, 500)
        await asyncio.sleep(1)
        with hidden(c.journal, tmp_path, happened=happened):
            await asyncio.sleep(30)
            await c.close()
        assert not c.refusals(asked)
        await c.open()
        await asyncio.sleep(30)
        assert len(c.gateway.refunds) == happened

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize("happened", [True, False])
def test_a_right_code_whose_commit_was_in_doubt_is_said_to_have_paid(tmp_path: Path, happened: bool) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        with ExitStack() as trouble:

            def tried(seen: Published) -> None:
                if isinstance(seen, PaymentView):
                    c.watch = None
                    trouble.enter_context(hidden(c.journal, tmp_path, happened=happened))

            c.watch = tried
            worth = asyncio.create_task(c.type_code(view.payment_no, code_of(1)))
            await asyncio.sleep(10)
            assert not worth.done()
        said = await worth
        assert (said.accepted, said.reason) == (True, Reason.PAID)
        paid = c.by_number(view.payment_no)
        assert paid is not None
        assert paid.state is S.PAID

    without_line(tmp_path, story)
