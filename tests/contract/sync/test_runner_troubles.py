"""The runner when its disk or the gateway's end of the chain is in trouble: nothing skipped, nothing sent twice."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from protocol.chain import link
from protocol.messages import JournalEntry
from protocol.reasons import Reason
from protocol.states import GatewayState, TerminalState
from sync.engine.model import LinkView
from tests.contract.sync.bad_disk import fail_commit, hidden, spoil
from tests.contract.sync.counter import CODE, Counter, PlentyOfRoom, at_the_counter
from tests.contract.sync.fake_gateway import TERMINAL_ID, Fault
from tests.contract.sync.offline_counter import OfflineCounter, without_line

S = TerminalState


@pytest.mark.parametrize("happened", [True, False])
def test_an_outcome_whose_commit_failed_is_shown_only_when_it_is_durable(tmp_path: Path, happened: bool) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        fail_commit(c.journal, happened=happened)
        c.gateway.settle(view.payment_no, GatewayState.PAID)
        await c.view(view.request_id or "", S.PAID)
        record = c.journal.payment(view.payment_no)
        assert record is not None
        assert record.state is S.PAID
        await c.until(lambda: view.payment_no in c.gateway.acked)

    at_the_counter(tmp_path, story)


def test_a_payment_whose_intent_was_not_durable_is_refused_and_never_sent(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        fail_commit(c.journal, happened=False)
        assert await c.refused(c.scan()) is Reason.FOLDER_UNREADABLE
        assert c.gateway.codes == []
        await asyncio.sleep(5)
        await c.view(c.scan(), S.WAITING)

    c = at_the_counter(tmp_path, story)
    assert c.gateway.codes == [CODE]


def test_cash_that_was_not_durable_is_refused_and_never_taken_later(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        fail_commit(c.journal, happened=False)
        assert await c.refused(c.take_cash(1250)) is Reason.FOLDER_UNREADABLE
        await asyncio.sleep(5)
        taken = await c.view(c.take_cash(1250), S.PAID)
        fail_commit(c.journal, happened=False)
        assert await c.refused(c.return_cash(taken.payment_no)) is Reason.FOLDER_UNREADABLE
        await asyncio.sleep(5)
        tender = c.journal.cash(taken.payment_no)
        assert tender is not None
        assert tender.returned_at_ms is None
        assert c.journal.head.seq == 1

    at_the_counter(tmp_path, story)


def test_an_intent_that_was_durable_after_all_goes_on_under_its_number(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        fail_commit(c.journal, happened=True)
        view = await c.view(c.scan(), S.WAITING)
        assert c.journal.payment(view.payment_no) is not None

    c = at_the_counter(tmp_path, story)
    assert c.gateway.codes == [CODE]


def test_while_the_file_cannot_be_opened_outcomes_wait_and_new_payments_are_refused(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        with hidden(c.journal, tmp_path):
            c.gateway.settle(view.payment_no, GatewayState.PAID)
            await asyncio.sleep(3)
            assert c.last(view.request_id or "") == view
            assert await c.refused(c.scan()) in (Reason.DISK_READ_ONLY, Reason.FOLDER_UNREADABLE)
            assert c.link is not None
            assert c.link.refusing is not None
        await c.view(view.request_id or "", S.PAID)

    c = at_the_counter(tmp_path, story)
    assert len(c.gateway.codes) == 1


class FullDisk(PlentyOfRoom):
    """No commit fits until the reserve is given up, which there is once."""

    def release(self) -> bool:
        self.released += 1
        self.reason = Reason.DISK_FULL
        return self.released == 1


def test_on_a_full_disk_the_reserve_is_given_up_for_what_runs_and_nothing_new_begins(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        disk = vars(c.runner)["_room"] = FullDisk()
        spoil(
            c.journal,
            lambda statement: statement == "commit" and not disk.released,
            instead="rollback",
            code=sqlite3.SQLITE_FULL,
        )
        c.gateway.settle(view.payment_no, GatewayState.PAID)
        await c.view(view.request_id or "", S.PAID, within_s=1)
        assert disk.released == 1
        assert await c.refused(c.scan()) is Reason.DISK_FULL

    at_the_counter(tmp_path, story)


def test_a_disk_that_works_again_is_said_to_although_a_payment_is_open(tmp_path: Path) -> None:
    """What the screen says of the disk decides whether cash is taken."""

    async def story(c: Counter) -> None:
        await c.view(c.scan(), S.WAITING)
        fail_commit(c.journal, happened=False)
        assert await c.refused(c.take_cash(1250)) is Reason.FOLDER_UNREADABLE
        assert c.link is not None
        assert c.link.refusing is Reason.FOLDER_UNREADABLE
        await c.until(lambda: c.link is not None and c.link.refusing is None, within_s=30)
        c.room.reason = Reason.DISK_FULL
        await c.until(lambda: c.link is not None and c.link.refusing is Reason.DISK_FULL, within_s=30)

    at_the_counter(tmp_path, story)


def test_a_till_without_a_place_for_its_anchor_outlives_a_disk_that_fails(tmp_path: Path) -> None:
    """Two troubles at once: the anchor cannot be written, and the journal cannot be opened for a while."""

    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.crash()
        c.anchor.record, c.anchor.broken = None, True
        await c.open()
        view = await c.view(c.scan(), S.WAITING)
        await c.settle()
        with hidden(c.journal, tmp_path):
            c.gateway.settle(view.payment_no, GatewayState.PAID)
            await asyncio.sleep(30)
        await c.view(view.request_id or "", S.PAID)

    without_line(tmp_path, story)


def test_everything_that_waits_for_the_disk_is_told_when_it_returns_and_nothing_is_skipped(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        views = [await c.view(c.scan(), S.WAITING) for _ in range(3)]
        with hidden(c.journal, tmp_path):
            for view in views:
                c.gateway.settle(view.payment_no, GatewayState.PAID)
            await asyncio.sleep(10)
        for view in views:
            await c.view(view.request_id or "", S.PAID)
            await c.until(lambda number=view.payment_no: number in c.gateway.acked)

    at_the_counter(tmp_path, story)


def test_while_the_journal_cannot_be_read_what_is_unsent_is_as_old_as_it_was(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        c.gateway.down = True
        await asyncio.sleep(60)
        first = await c.view(c.take_cash(700), S.PAID)
        await asyncio.sleep(3_600)
        told = len(c.heard)
        with hidden(c.journal, tmp_path):
            c.take_cash(800)
            await asyncio.sleep(30)
            links = [view for view in c.heard[told:] if isinstance(view, LinkView)]
            assert links
            assert {(link.unsent, link.unsent_fen) for link in links} == {(1, 700)}
            assert {link.oldest_unsent_at_ms for link in links} == {first.started_at_ms}

    at_the_counter(tmp_path, story)


def test_a_command_that_comes_first_when_the_disk_returns_holds_nothing_back_that_waits(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        with hidden(c.journal, tmp_path):
            c.gateway.settle(view.payment_no, GatewayState.PAID)
            await asyncio.sleep(10.3)
        await c.view(c.take_cash(700), S.PAID, within_s=0.1)
        await c.view(view.request_id or "", S.PAID, within_s=3)

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize("happened", [True, False])
def test_what_waited_for_the_disk_does_not_set_the_clock_back(tmp_path: Path, happened: bool) -> None:
    """The time that an answer told was that of its coming: a request that is signed later lives by it."""

    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        with hidden(c.journal, tmp_path, happened=happened):
            c.gateway.settle(view.payment_no, GatewayState.PAID)
            await asyncio.sleep(240)
        told = len(c.heard)
        await c.view(view.request_id or "", S.PAID)
        await asyncio.sleep(60)
        links = [seen for seen in c.heard[told:] if isinstance(seen, LinkView)]
        assert links
        assert {seen.clock_warning for seen in links} == {False}
        assert all(seen.clock_skew_ms is None or abs(seen.clock_skew_ms) < 1_000 for seen in links)

    at_the_counter(tmp_path, story)


def test_an_answer_whose_commit_was_in_doubt_is_heard_and_asking_goes_on(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        c.gateway.delay_ms["pay"] = 1_000
        scanned = c.scan()
        await c.view(scanned, S.SENDING)
        with hidden(c.journal, tmp_path, happened=True):
            await asyncio.sleep(10)
        view = await c.view(scanned, S.WAITING)
        await asyncio.sleep(60)
        c.gateway.settle(view.payment_no, GatewayState.PAID)
        await c.view(scanned, S.PAID)

    at_the_counter(tmp_path, story)


# --- the chain's other end ------------------------------------------------------------------------------------------


def test_a_gap_is_closed_by_sending_again_from_where_the_gateway_is(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        await c.view(c.scan(), S.PAID)
        await c.until(lambda: c.link is not None and c.link.unsent == 0)
        await asyncio.sleep(11)
        del c.gateway.entries[1:]  # the gateway was restored from a backup
        await c.view(c.scan(), S.PAID)
        await c.until(lambda: len(c.gateway.entries) == c.journal.head.seq)
        assert c.link is not None
        assert c.link.upload_stopped is None

    at_the_counter(tmp_path, story)


def test_a_restored_disk_that_is_behind_the_gateway_raises_the_alarm_and_sells(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        await c.view(c.scan(), S.PAID)
        await c.until(lambda: c.link is not None and c.link.unsent == 0)
        await asyncio.sleep(11)
        for _ in range(3):
            seq = len(c.gateway.entries) + 1
            digest = link(c.gateway.head, seq=seq, kind="k", at_ms=1, body="{}")
            c.gateway.entries.append(JournalEntry(seq=seq, kind="k", at_ms=1, body="{}", hash=digest))
        await c.until(lambda: c.link is not None and c.link.upload_stopped is Reason.JOURNAL_FORK)
        await c.view(c.scan(), S.PAID)

    at_the_counter(tmp_path, story)


def test_a_fork_that_the_till_sees_first_is_shown_to_the_gateway(tmp_path: Path) -> None:
    """A restored or copied disk finds out by its first heartbeat that the gateway holds another chain. Only the gateway
    can stop both tills and tell the owner: it gets an entry that it can compare, until it said that it saw the fork."""

    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        held = link(c.gateway.head, seq=1, kind="k", at_ms=1, body="{}")
        c.gateway.entries.append(JournalEntry(seq=1, kind="k", at_ms=1, body="{}", hash=held))
        await c.until(lambda: c.link is not None and c.link.upload_stopped is Reason.JOURNAL_FORK)
        assert c.gateway.forks_seen == 0, "an empty journal has nothing to compare"
        before = len(c.gateway.seen)
        await asyncio.sleep(120)
        assert len(c.gateway.seen) - before < 20, "nothing to show is no reason to ask without a pause"
        await c.view(c.scan(), S.PAID)
        await c.until(lambda: c.gateway.forks_seen == 1)
        await asyncio.sleep(60)
        assert c.gateway.forks_seen == 1
        assert len(c.gateway.entries) == 1

    at_the_counter(tmp_path, story)


def test_an_entry_that_the_gateway_cannot_read_stops_the_delivery_after_what_it_can(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        c.gateway.refuse_journal = Reason.BAD_REQUEST
        await c.view(c.scan(), S.PAID)
        await c.until(lambda: c.link is not None and c.link.upload_stopped is Reason.BAD_REQUEST)
        assert c.link is not None
        assert c.link.unsent > 0
        await c.view(c.scan(), S.PAID)

    at_the_counter(tmp_path, story)


def test_a_flapping_line_is_down_soon_up_soon_and_never_stops_being_asked(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        for _ in range(20):
            c.gateway.down = not c.gateway.down
            await asyncio.sleep(7)
        c.gateway.faults["query"].extend([Fault.HTML, Fault.CUT_BODY, Fault.REQUEST_LOST])
        c.gateway.settle(view.payment_no, GatewayState.PAID)
        await c.view(view.request_id or "", S.PAID)

    c = at_the_counter(tmp_path, story)
    assert all(request.headers["signature-input"].count(TERMINAL_ID) == 1 for _, request in c.gateway.seen)
    assert len({request.headers["signature-input"] for _, request in c.gateway.seen}) == len(c.gateway.seen)
