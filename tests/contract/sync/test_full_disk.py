"""Opening a till on a disk that takes nothing: it is named as full, and a reserve is given up for what is open."""

from __future__ import annotations

import asyncio
import resource
import shutil
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from protocol.reasons import Reason
from protocol.states import GatewayState, TerminalState
from sync.errors import DiskError
from sync.journal.connection import open_reading
from sync.journal.journal import Journal
from sync.till import open_journal
from tests.contract.sync.bad_disk import spoil
from tests.contract.sync.counter import Counter, PlentyOfRoom, at_the_counter
from tests.contract.sync.samples import AT_MS, started


@contextmanager
def nothing_can_be_written() -> Generator[None]:
    """Files of this process cannot grow, which SQLite meets where it meets a full disk: at the WAL's index."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    Journal.open(path, terminal_id="T000000000001").close()
    return path


def test_a_journal_that_cannot_be_opened_for_want_of_room_says_full_not_failing(journal: Path) -> None:
    with nothing_can_be_written(), pytest.raises(DiskError) as caught:
        Journal.open(journal, terminal_id="T000000000001")
    assert caught.value.reason is Reason.DISK_FULL


class Reserve(PlentyOfRoom):
    """What is given up lets files grow again, if there is anything to give up."""

    def __init__(self, *, held: bool) -> None:
        super().__init__()
        self._held = held

    def release(self) -> bool:
        self.released += 1
        if self._held:
            soft_and_hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft_and_hard, soft_and_hard))
        return self._held


def test_a_till_opens_on_a_full_disk_by_its_reserve_and_not_without_one(journal: Path) -> None:
    for held in (False, True):
        reserve = Reserve(held=held)
        with nothing_can_be_written():
            if held:
                open_journal(journal, "T000000000001", reserve).close()
            else:
                with pytest.raises(DiskError):
                    open_journal(journal, "T000000000001", reserve)
        assert reserve.released == 1


@pytest.mark.parametrize("delivery_first", [True, False])
def test_the_reserve_is_given_up_whoever_meets_the_full_disk_first(tmp_path: Path, delivery_first: bool) -> None:
    """A delivery that could not note how far it came leaves the journal closed; what runs is still to be recorded."""

    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), TerminalState.WAITING)
        if not delivery_first:
            await c.until(lambda: c.link is not None and c.link.unsent == 0)
        reserve = vars(c.runner)["_room"] = Reserve(held=True)
        with nothing_can_be_written():
            await asyncio.sleep(20)
            c.gateway.settle(view.payment_no, GatewayState.PAID)
            await c.view(view.request_id or "", TerminalState.PAID)
        assert reserve.released == 1

    at_the_counter(tmp_path, story)


def test_what_a_delivery_could_not_note_leaves_the_journal_open_on_a_full_disk(tmp_path: Path) -> None:
    """Nothing can be written, but what waits can still be read and delivered."""
    with closing(Journal.open(tmp_path / "journal.db", terminal_id="T000000000001")) as journal:
        journal.append([started(1)], at_ms=AT_MS)
        spoil(journal, lambda statement: statement.startswith("insert"), code=sqlite3.SQLITE_FULL)
        with nothing_can_be_written():
            for note in (lambda: journal.mark_delivered(1), lambda: journal.park(1, Reason.TOO_LARGE, at_ms=AT_MS)):
                with pytest.raises(DiskError) as caught:
                    note()
                assert caught.value.reason is Reason.DISK_FULL
            assert len(journal.entries_after(0, limit=9, max_bytes=9)) == 1
        assert (journal.delivered_through, dict(journal.parked)) == (0, {})


def test_a_closed_journal_is_read_although_nothing_can_be_written(journal: Path) -> None:
    """Also after a writer tried and left an empty WAL."""
    with nothing_can_be_written():
        with pytest.raises(DiskError):
            Journal.open(journal, terminal_id="T000000000001")
        reading = open_reading(journal)
        assert reading.execute("select count(*) from sqlite_master").fetchone()[0] > 0
        reading.close()


def test_a_wal_that_holds_entries_is_never_read_past(journal: Path, tmp_path: Path) -> None:
    """With frames beside it the file alone is not the journal: that it cannot be read is said."""
    writing = Journal.open(journal, terminal_id="T000000000001")
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    shutil.copy(journal, crashed / "journal.db")
    (crashed / "journal.db-wal").write_bytes(b"\0" * 64)
    writing.close()
    with nothing_can_be_written(), pytest.raises(DiskError) as caught:
        open_reading(crashed / "journal.db")
    assert caught.value.reason is Reason.DISK_FULL
