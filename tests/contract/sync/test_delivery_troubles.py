"""The delivery when the disk, the gateway or its clock is in trouble: it goes on by itself as soon as it can."""

from __future__ import annotations

import asyncio
from pathlib import Path

from protocol.chain import link
from protocol.messages import JournalEntry
from protocol.reasons import Reason
from sync.engine.model import LinkView
from tests.contract.sync.bad_disk import Unreadable
from tests.contract.sync.counter import Counter, at_the_counter

_DAYS_MS = 30 * 86_400_000


def test_a_disk_that_could_not_be_read_once_delays_the_delivery_and_does_not_end_it(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        disk = Unreadable(c.journal, "from entry where seq > ?")
        await c.view(c.take_cash(700))
        await asyncio.sleep(30)
        assert c.link is not None
        assert (c.link.unsent, c.link.unsent_fen) == (1, 700)
        assert len(c.gateway.seen) < 10, "a disk in trouble is no reason to ask without a pause"
        disk.broken = False
        await c.until(lambda: c.link is not None and c.link.unsent == 0)
        stops = {view.upload_stopped for view in c.heard if isinstance(view, LinkView)}
        assert stops == {None}, "the gateway refused nothing"

    c = at_the_counter(tmp_path, story)
    assert len(c.gateway.entries) == 1


def test_a_clock_that_leaps_back_does_not_put_the_next_try_off(tmp_path: Path) -> None:
    """A gateway that refused everything is asked again after a minute, whatever its clock says meanwhile."""

    async def story(c: Counter) -> None:
        await c.up()
        c.gateway.refuse_entry = lambda _: Reason.BAD_REQUEST
        for index in range(12):
            await c.view(c.take_cash(100 + index))
        await c.until(lambda: c.link is not None and c.link.upload_stopped is Reason.BAD_REQUEST)
        c.gateway_clock.wall_offset_ms -= _DAYS_MS
        c.gateway.refuse_entry = lambda _: None
        await c.until(lambda: c.link is not None and c.link.unsent == 0, within_s=300)

    at_the_counter(tmp_path, story)


def test_a_fork_stays_an_alarm_while_the_disk_cannot_be_read(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        foreign = link(c.gateway.head, seq=1, kind="k", at_ms=1, body="{}")
        c.gateway.entries.append(JournalEntry(seq=1, kind="k", at_ms=1, body="{}", hash=foreign))
        await c.until(lambda: c.link is not None and c.link.upload_stopped is Reason.JOURNAL_FORK)
        Unreadable(c.journal, "select hash from entry where seq = ?")
        told = len(c.heard)
        await asyncio.sleep(60)
        after = [view.upload_stopped for view in c.heard[told:] if isinstance(view, LinkView)]
        assert set(after) <= {Reason.JOURNAL_FORK}

    at_the_counter(tmp_path, story)
