"""What waits to be delivered: nothing is lost, nothing blocks the rest, and the till answers while it goes out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from protocol.chain import first_break, genesis
from protocol.messages import JournalEntry
from protocol.reasons import Reason
from protocol.states import GatewayState
from protocol.states import TerminalState as S
from sync.engine.model import Line, LinkView
from sync.journal.read import JournalReader, OrdersFilter
from tests.contract.sync.counter import Counter, at_the_counter
from tests.contract.sync.fake_gateway import TERMINAL_ID

ORDERS = 5_000
DAYS, DAY_S = 3, 86_400
#: One delivery's most, and what a screen is told around it: the queue, and the line's own lights.
BATCH, TOLD_PER_BATCH = 200, 3


def links(c: Counter) -> list[LinkView]:
    return [view for view in c.heard if isinstance(view, LinkView)]


def test_three_days_without_a_line_and_five_thousand_orders_go_out_whole_while_the_till_sells(tmp_path: Path) -> None:
    """Every order in its sequence, none lost; sales during the delivery are answered before it ends; the screen hears a
    bounded number of times."""

    async def story(c: Counter) -> None:
        c.gateway.down = True
        for day in range(DAYS):
            await c.open()
            await c.until(lambda: c.link is not None and c.link.line is Line.DOWN)
            for number in range(day, ORDERS, DAYS):
                c.take_cash(100 + number)
                await asyncio.sleep(0.2)
            await asyncio.sleep(60)
            await c.crash()
            await asyncio.sleep(DAY_S)
        await c.open()
        await c.until(lambda: c.link is not None and c.link.line is Line.DOWN)
        assert c.link is not None
        fen = sum(100 + number for number in range(ORDERS))
        assert (c.link.unsent, c.link.unsent_fen) == (ORDERS, fen)
        assert c.link.oldest_unsent_at_ms is not None
        assert c.clock.wall_ms() - c.link.oldest_unsent_at_ms > DAYS * DAY_S * 1000
        told = len(links(c))
        c.gateway.wallet = lambda _: GatewayState.PAID
        c.gateway.down = False
        c.gateway.delay_ms["journal"] = 400
        await c.until(lambda: len(c.gateway.entries) >= BATCH)
        paid = await c.view(c.scan(), S.PAID)
        assert paid.elapsed_ms is not None
        assert paid.elapsed_ms < 1_000
        assert len(c.gateway.entries) < ORDERS
        await c.until(lambda: c.link is not None and c.link.unsent == 0 and len(c.gateway.entries) > ORDERS)
        assert len(links(c)) - told <= TOLD_PER_BATCH * (ORDERS // BATCH + 10)

    c = at_the_counter(tmp_path, story, opened=False)
    assert [entry.seq for entry in c.gateway.entries] == list(range(1, len(c.gateway.entries) + 1))
    assert first_break(genesis(TERMINAL_ID), 0, c.gateway.entries) is None
    with JournalReader(c.path) as read:
        assert len(read.orders(OrdersFilter(limit=ORDERS + 10))) == ORDERS + 1


def test_the_oldest_that_waits_is_the_first_that_the_gateway_does_not_hold(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        await c.view(c.take_cash(100))
        await c.until(lambda: c.link is not None and c.link.unsent == 0)
        assert c.link is not None
        assert c.link.oldest_unsent_at_ms is None
        await asyncio.sleep(3_600)
        c.gateway.down = True
        await c.until(lambda: c.link is not None and c.link.line is Line.DOWN)
        taken = await c.view(c.take_cash(200))
        await asyncio.sleep(3_600)
        await c.view(c.take_cash(300))
        assert (c.link.unsent, c.link.unsent_fen) == (2, 500)
        assert c.link.oldest_unsent_at_ms == taken.started_at_ms

    at_the_counter(tmp_path, story)


def test_cash_that_went_back_is_no_unsent_money(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        c.gateway.down = True
        await c.until(lambda: c.link is not None and c.link.line is Line.DOWN)
        taken = await c.view(c.take_cash(700))
        await c.view(c.take_cash(50))
        c.return_cash(taken.payment_no)
        await asyncio.sleep(1)
        for _ in range(2):
            assert c.link is not None
            assert (c.link.unsent, c.link.unsent_fen) == (3, 50)
            await c.restart()
            await c.until(lambda: c.link is not None and c.link.line is Line.DOWN)
        with JournalReader(c.path) as read:
            assert (read.unsent().count, read.unsent().fen) == (3, 50)

    at_the_counter(tmp_path, story)


def test_what_the_gateway_lost_is_unsent_again_with_its_money(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        await c.view(c.take_cash(100))
        await c.view(c.take_cash(200))
        await c.until(lambda: c.link is not None and c.link.unsent == 0)
        await c.crash()
        del c.gateway.entries[1:]
        c.gateway.refuse_journal = Reason.INTERNAL
        await c.open()
        await c.until(lambda: c.link is not None and c.link.unsent == 1)
        assert c.link is not None
        assert c.link.unsent_fen == 200
        c.gateway.refuse_journal = None
        await c.until(lambda: c.link is not None and (c.link.unsent, c.link.unsent_fen) == (0, 0))

    at_the_counter(tmp_path, story)


def test_the_till_says_with_what_it_sends_how_far_its_chain_is_held(tmp_path: Path) -> None:
    """A gateway that holds less was put back from a backup, and its own rows prove nothing then."""

    async def story(c: Counter) -> None:
        await c.up()
        for _ in range(3):
            await c.view(c.take_cash(100))
        await c.until(lambda: c.link is not None and c.link.unsent == 0)
        c.cancel((await c.view(c.scan(), S.WAITING)).payment_no)
        await asyncio.sleep(12)
        told: dict[str, list[int]] = {"journal": [], "pay": [], "cancel": []}
        for kind, request in c.gateway.seen:
            if kind in told:
                told[kind].append(json.loads(request.body).get("told", 0))
        assert told["journal"][0] == 0, "the first word after a start: nothing was heard yet"
        assert told["pay"] == [3]
        assert told["cancel"][0] >= 3
        assert told["journal"][-1] == c.journal.head.seq

    at_the_counter(tmp_path, story)


def poison(*refused: int) -> dict[int, Reason]:
    return dict.fromkeys(refused, Reason.TOO_LARGE)


@pytest.mark.parametrize("refused", [(1,), (3,), (7,), (2, 3), (1, 4, 7)])
def test_an_entry_that_the_gateway_refuses_is_parked_and_all_the_others_arrive(
    tmp_path: Path, refused: tuple[int, ...]
) -> None:
    async def story(c: Counter) -> None:
        c.gateway.refuse_entry = lambda entry: poison(*refused).get(entry.seq)
        c.gateway.down = True
        takings = [await c.view(c.take_cash(100 + index)) for index in range(7)]
        c.gateway.down = False
        await c.until(lambda: c.link is not None and c.link.unsent == 0 and len(c.gateway.entries) == 7)
        assert c.link is not None
        assert (c.link.parked, c.link.upload_stopped) == (len(refused), None)
        assert c.link.parked_order == takings[refused[-1] - 1].order_no
        with JournalReader(c.path) as read:
            (entry,) = read.timeline(takings[refused[0] - 1].order_no)
            assert entry.parked is not None
            assert entry.parked.reason is Reason.TOO_LARGE
            assert read.unsent().parked == len(refused)
            assert read.verify().broken is None
        await c.restart()
        await c.view(c.take_cash(9))
        await c.until(lambda: len(c.gateway.entries) == 8)

    c = at_the_counter(tmp_path, story)
    held = [entry for entry in c.gateway.entries if entry.withheld is not None]
    assert [(entry.seq, entry.kind, entry.body) for entry in held] == [(seq, "", "") for seq in refused]
    assert first_break(genesis(TERMINAL_ID), 0, c.gateway.entries) is None


def test_a_gateway_that_refuses_everything_parks_little_and_is_asked_again_for_ever(tmp_path: Path) -> None:
    """That is no entry's fault: the contents stay deliverable, and go out when the gateway takes them."""

    async def story(c: Counter) -> None:
        await c.up()
        c.gateway.refuse_entry = lambda _: Reason.BAD_REQUEST
        for index in range(12):
            await c.view(c.take_cash(100 + index))
        await c.until(lambda: c.link is not None and c.link.upload_stopped is Reason.BAD_REQUEST)
        await asyncio.sleep(3_600)
        assert c.link is not None
        assert c.link.parked == 5
        c.gateway.refuse_entry = lambda _: None
        await c.until(lambda: len(c.gateway.entries) == 12, within_s=300)
        await c.until(lambda: c.link is not None and c.link.upload_stopped is None and c.link.unsent == 0)

    c = at_the_counter(tmp_path, story)
    assert sum(entry.withheld is None for entry in c.gateway.entries) == 7


def test_a_forged_content_never_fits_the_hash_that_was_delivered_without_it() -> None:
    whole = JournalEntry(seq=1, kind="note", at_ms=1, body="{}", hash="0" * 64)
    assert first_break(genesis(TERMINAL_ID), 0, [whole]) == 1
    bare = JournalEntry(seq=1, kind="", at_ms=0, body="", hash="0" * 64, withheld=Reason.TOO_LARGE)
    assert first_break(genesis(TERMINAL_ID), 0, [bare]) is None
    assert first_break(genesis(TERMINAL_ID), 0, [bare, whole]) == 1
