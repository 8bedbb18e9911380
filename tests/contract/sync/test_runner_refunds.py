"""A till that gives money back and rings for the store's QR, over its real journal: losses, lies, crashes, restarts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from protocol.reasons import Reason
from protocol.states import GatewayState, RefundState
from sync.engine.model import CommandRefused
from sync.journal.journal import Journal
from sync.journal.read import JournalReader
from sync.journal.verify import Break
from tests.contract.sync.counter import Counter, at_the_counter
from tests.contract.sync.fake_gateway import TERMINAL_ID, Fault
from tests.contract.sync.samples import AT_MS, whole

S = RefundState


async def sold(counter: Counter, fen: int = 1250) -> str:
    """One paid payment; its order number."""
    await counter.up()
    counter.gateway.wallet = lambda _: GatewayState.PAID
    view = await counter.view(counter.scan(fen))
    await counter.until(lambda: bool(counter.gateway.acked))
    return view.order_no


def read(counter: Counter) -> JournalReader:
    return JournalReader(counter.path)


def test_a_refund_is_journaled_sent_followed_and_told(tmp_path: Path) -> None:
    async def story(counter: Counter) -> None:
        order_no = await sold(counter)
        counter.give_back(order_no, 100)
        await counter.until(lambda: any(view.refundable_fen == 1150 for view in counter.refunds))
        refund_no = counter.refunds[-1].refund_no
        counter.gateway.settle_refund(refund_no, S.DONE)
        await counter.until(lambda: counter.refunds[-1].state is S.DONE)
        with read(counter) as journal:
            (done,) = journal.refunds(since_ms=0, until_ms=1 << 60)
            assert (done.refund_no, done.amount.fen) == (refund_no, 100)
            assert [entry.kind for entry in journal.timeline(order_no)][-3:] == [
                "refund.started", "refund.observed", "refund.settled",
            ]  # fmt: skip
            (payment,) = journal.settled(since_ms=0, until_ms=1 << 60)
            assert payment.refunded_fen == 100
            assert journal.verify().broken is None

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.REQUEST_LOST, Fault.ANSWER_LOST, Fault.HTML, Fault.BAD_GATEWAY, Fault.CUT_BODY, Fault.UNSIGNED,
        Fault.WRONG_KEY, Fault.OTHER_REQUEST, Fault.OTHER_AMOUNT, Fault.OTHER_PAYMENT, Fault.OTHER_TERMINAL,
        Fault.INTERNAL, Fault.NOT_SENT,
    ],
)  # fmt: skip
def test_whatever_is_lost_or_forged_one_refund_is_made_and_its_outcome_found(tmp_path: Path, fault: Fault) -> None:
    async def story(counter: Counter) -> None:
        order_no = await sold(counter)
        counter.gateway.refunding = lambda _: S.DONE
        counter.gateway.faults["refunds"].append(fault)
        counter.give_back(order_no, 100)
        await counter.until(lambda: bool(counter.refunds) and counter.refunds[-1].state is S.DONE, within_s=300)
        assert len(counter.gateway.refunds) == 1

    at_the_counter(tmp_path, story)


def test_a_crash_after_the_intent_is_the_same_refund_at_the_next_start(tmp_path: Path) -> None:
    async def story(counter: Counter) -> None:
        order_no = await sold(counter)
        counter.gateway.faults["refunds"].append(Fault.REQUEST_LOST)
        counter.give_back(order_no, 100)
        await counter.until(lambda: bool(counter.refunds))
        refund_no = counter.refunds[0].refund_no
        assert counter.gateway.refunds == {}
        await counter.restart()
        await counter.until(lambda: refund_no in counter.gateway.refunds)
        counter.gateway.settle_refund(refund_no, S.DONE)
        await counter.until(lambda: counter.refunds[-1].state is S.DONE)
        assert {view.refund_no for view in counter.refunds} == {refund_no}
        assert counter.refunds[-1].amount.fen == 100

    at_the_counter(tmp_path, story)


def test_a_refund_over_the_rest_is_refused_here_and_one_that_others_used_up_by_the_gateway(tmp_path: Path) -> None:
    async def story(counter: Counter) -> None:
        order_no = await sold(counter)
        counter.gateway.refunding = lambda _: S.DONE
        counter.give_back(order_no, 1000)
        await counter.until(lambda: bool(counter.refunds) and counter.refunds[-1].state is S.DONE)
        assert await counter.refused(counter.give_back(order_no, 251)) is Reason.REFUND_EXCEEDS
        (refused,) = (view for view in counter.heard if isinstance(view, CommandRefused))
        assert refused.refundable_fen == 250
        assert len(counter.gateway.refunds) == 1
        taken = counter.gateway.refunds[counter.refunds[-1].refund_no]
        counter.gateway.refunds["elsewhere"] = taken
        counter.give_back(order_no, 250)
        await counter.until(lambda: counter.refunds[-1].state is S.FAILED)
        assert counter.refunds[-1].reason is Reason.REFUND_EXCEEDS
        assert counter.refunds[-1].refundable_fen == 0
        with read(counter) as journal:
            assert journal.refunds(since_ms=0, until_ms=1 << 60)[-1].refundable_fen == 0

    at_the_counter(tmp_path, story)


def test_offline_a_refund_is_refused_with_nothing_written(tmp_path: Path) -> None:
    async def story(counter: Counter) -> None:
        order_no = await sold(counter)
        counter.gateway.down = True
        await counter.until(lambda: counter.link is not None and counter.link.line.value == "down")
        seq = counter.journal.head.seq
        assert await counter.refused(counter.give_back(order_no, 100)) is Reason.GATEWAY_UNREACHABLE
        assert counter.journal.head.seq == seq

    at_the_counter(tmp_path, story)


def test_the_stores_qr_rings_once_across_restarts_and_is_acknowledged_after_the_journal(tmp_path: Path) -> None:
    async def story(counter: Counter) -> None:
        await counter.up()
        counter.gateway.store = []
        counter.listen()
        counter.gateway.store_pays(800)
        await counter.until(lambda: len(counter.rings) == 1 and counter.gateway.store_acked == 1)
        await counter.restart()
        await counter.up()
        counter.listen()
        counter.gateway.store_pays(300, channel="alipay")
        await counter.until(lambda: len(counter.rings) == 2)
        await counter.until(lambda: counter.gateway.store_acked == 2)
        assert [(ring.seq, ring.amount.fen, ring.channel) for ring in counter.rings] == [
            (1, 800, "wechat"), (2, 300, "alipay"),
        ]  # fmt: skip
        with read(counter) as journal:
            assert len(journal.store_paid(since_ms=0, until_ms=1 << 60)) == 2
            assert journal.verify().broken is None

    at_the_counter(tmp_path, story)


def test_a_new_till_does_not_ring_for_what_others_rang_for_before(tmp_path: Path) -> None:
    async def story(counter: Counter) -> None:
        await counter.up()
        counter.gateway.store_pays(100)
        counter.gateway.store_pays(200)
        counter.gateway.store_acked = 2
        counter.listen()
        await counter.until(lambda: "store" in counter.gateway.kinds())
        counter.gateway.store_pays(300)
        await counter.until(lambda: counter.gateway.store_acked == 3)
        assert [ring.amount.fen for ring in counter.rings] == [300]

    at_the_counter(tmp_path, story)


def test_an_older_gateway_is_not_asked_about_the_store_all_the_time(tmp_path: Path) -> None:
    async def story(counter: Counter) -> None:
        await counter.up()
        counter.listen()
        order_no = await sold(counter)
        assert order_no
        await counter.until(lambda: counter.link is not None and counter.link.unsent == 0)
        assert counter.gateway.kinds().count("store") == 1

    at_the_counter(tmp_path, story)


# --- files of an earlier version ------------------------------------------------------------------------------------


def as_version_1(path: Path) -> None:
    """Makes the file what the version before refunds would have written."""
    with closing(sqlite3.connect(path)) as old:
        old.execute("drop table refund")
        old.execute("drop table store_paid")
        old.execute("update payment set record = json_remove(record, '$.refunded_fen', '$.refunding_fen')")
        old.execute("delete from _sqlite_migrations where name = 'version_2'")
        old.execute("pragma user_version = 1")
        old.commit()


def test_an_earlier_versions_file_is_read_as_it_is_and_migrated_by_the_next_till(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(Journal.open(path, terminal_id=TERMINAL_ID)) as journal:
        journal.append(whole(1), at_ms=AT_MS)
    as_version_1(path)
    with JournalReader(path) as reader:
        assert reader.verify().broken is None
        assert reader.refunds(since_ms=0, until_ms=1 << 60) == reader.open_refunds() == ()
        assert reader.store_paid(since_ms=0, until_ms=1 << 60) == ()
    with closing(Journal.open(path, terminal_id=TERMINAL_ID)) as journal:
        assert journal.open_refunds() == ()
        assert journal.store_seen() == 0
    with JournalReader(path) as reader:
        assert reader.verify().broken is None


@pytest.mark.parametrize("forgery", ["update refund set amount_fen = 1", "delete from store_paid"])
def test_verify_sees_a_changed_refund_and_a_missing_store_payment(tmp_path: Path, forgery: str) -> None:
    async def story(counter: Counter) -> None:
        order_no = await sold(counter)
        counter.listen()
        counter.gateway.store_pays(800)
        await counter.until(lambda: len(counter.rings) == 1)
        counter.give_back(order_no, 100)
        await counter.until(lambda: bool(counter.refunds))

    counter = at_the_counter(tmp_path, story)
    with closing(sqlite3.connect(counter.path)) as forger:
        forger.execute(forgery)
        forger.commit()
    with read(counter) as journal:
        assert journal.verify().broken is Break.TABLES
