"""The day's digest: the till and the gateway compute the same from what each holds; a change on either side shows."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from gateway.store.digests import HeldDay, held_days
from gateway.store.tables import JOURNAL_ENTRIES
from gateway.store.units import Tx
from guitai.cli import run
from protocol.digest import BEIJING, day_bounds_ms, day_digest
from protocol.messages import JournalEntry, JournalUpload, Presented, encode
from protocol.reasons import Reason
from sync.engine.statements import (
    AnyStatement,
    PaymentAcked,
    PaymentSettled,
    PaymentStarted,
    RefundSettled,
    RefundStarted,
)
from sync.journal.journal import Journal
from sync.journal.read import JournalReader
from tests.contract.gateway.gateway_world import START_MS, World, in_world, number_of
from tests.contract.gateway.test_gateway_cash import Chain

DAY = date(2027, 1, 15)  # START_MS, in Beijing


async def sold(world: World, folder: Path) -> tuple[Path, str]:
    """One sale of ¥12.50 with ¥2.00 given back, at the gateway and in the till's journal; all of it delivered."""
    till = await world.till()
    request = till.payment(world.show_code("pay"))
    await till.pay(request)
    await till.final(request.payment_no)
    number = request.payment_no
    statements: list[AnyStatement] = [
        PaymentStarted(
            payment_no=number,
            order_no=number_of(request),
            n=1,
            sale_id=request.sale_id,
            amount_fen=1250,
            currency="CNY",
            presented=request.presented,
            subject="",
            operator="01",
        ),
        PaymentSettled(payment_no=number, said_by="G", paid=True, state_seq=3),
        RefundStarted(payment_no=number, refund_no="R" * 25, amount_fen=200, currency="CNY", note="", operator="01"),
        RefundSettled(
            payment_no=number,
            refund_no="R" * 25,
            amount_fen=200,
            said_by="G",
            done=True,
            state_seq=2,
            refundable_fen=1050,
        ),
    ]
    path = folder / "journal.db"
    with closing(Journal.open(path, terminal_id=till.keyid)) as journal:
        for at_ms, statement in enumerate(statements, start=START_MS):
            journal.append([statement], at_ms=at_ms)
        entries = journal.entries_after(0, limit=50, max_bytes=10**6)
    response = await till.send(till.signed("POST", "/v1/journal", encode(JournalUpload(entries=entries))))
    assert response.status == 200
    return path, till.keyid


def held(world: World, day: date = DAY) -> list[HeldDay]:
    return world.store.run_now(lambda tx: held_days(tx, day))


def test_the_till_and_the_gateway_say_the_same_of_a_day(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        path, terminal_id = await sold(world, tmp_path)
        (one,) = held(world)
        with JournalReader(path) as journal:
            digest = journal.digest(DAY)
        assert one.digest == digest
        assert one.broken is None
        assert (digest.terminal_id, digest.entries, digest.first_seq, digest.last_seq) == (terminal_id, 4, 1, 4)
        assert (digest.paid, digest.paid_fen, digest.refunded, digest.refunded_fen) == (1, 1250, 1, 200)
        assert len(digest.text.replace(" ", "")) == 25
        assert held(world, date(2027, 1, 14)) == []

    in_world(story)


@pytest.mark.parametrize("column", ["body", "at_ms", "hash"])
def test_an_entry_that_is_changed_at_the_gateway_is_named_and_changes_the_digest_or_the_chain(
    tmp_path: Path, column: str
) -> None:
    async def story(world: World) -> None:
        await sold(world, tmp_path)
        (before,) = held(world)
        values = {"body": "{}", "at_ms": START_MS + 7, "hash": "0" * 64}

        def forge(tx: Tx) -> None:
            connection = tx.connection
            for (name,) in connection.exec_driver_sql(
                "select name from sqlite_master where type = 'trigger' and tbl_name = 'journal_entries'"
            ).fetchall():
                connection.exec_driver_sql(f"drop trigger {name}")
            connection.execute(
                update(JOURNAL_ENTRIES).where(JOURNAL_ENTRIES.c.seq == 2).values({column: values[column]})
            )

        world.store.run_now(forge)
        (after,) = held(world)
        assert after.broken == 2
        assert before.broken is None

    in_world(story)


def test_an_entry_whose_content_stays_at_the_till_breaks_no_chain() -> None:
    """Its hash is held: what follows must follow it, and does. It is of the day that it stands in."""

    async def story(world: World) -> None:
        chain = Chain(await world.till(), at_ms=START_MS)
        entries = (
            chain.entry("note", "{}"),
            chain.entry("cash.taken", '{"odd":1}', withheld=Reason.BAD_REQUEST),
            chain.entry("note", "{}"),
        )
        assert await chain.upload(*entries) == 3
        (one,) = held(world)
        assert (one.digest.entries, one.digest.head, one.broken) == (3, chain.head, None)

    in_world(story)


@pytest.mark.parametrize(
    "parked", [{1}, {2}, {3}, {4}, {5}, {6}, {1, 2}, {3, 4}, {4, 5}, {1, 2, 3, 4}, set(range(1, 7))]
)
def test_what_the_gateway_refused_is_of_one_day_and_of_the_same_on_both_sides(tmp_path: Path, parked: set[int]) -> None:
    """A parked entry may be the first or the last of its day, or what says that a payment was paid."""

    async def story(world: World) -> None:
        till = await world.till()
        days, numbers = (DAY, DAY + timedelta(days=1)), (f"{'A' * 25}-1", f"{'B' * 25}-1")
        with closing(Journal.open(tmp_path / "journal.db", terminal_id=till.keyid)) as journal:
            for day, number in zip(days, numbers, strict=True):
                started = PaymentStarted(
                    payment_no=number,
                    order_no=number[:25],
                    n=1,
                    sale_id="S" * 25,
                    amount_fen=1250,
                    currency="CNY",
                    presented=Presented.MERCHANT,
                    subject="",
                    operator="01",
                )
                settled = PaymentSettled(payment_no=number, said_by="G", paid=True, state_seq=3)
                acked = PaymentAcked(payment_no=number, said_by="G", state_seq=3)
                for at_ms, said in enumerate((started, settled, acked), start=day_bounds_ms(day)[0]):
                    journal.append([said], at_ms=at_ms)
            for seq in parked:
                journal.park(seq, Reason.BAD_REQUEST, at_ms=START_MS)
            entries = journal.entries_after(0, limit=50, max_bytes=10**6)
        response = await till.send(till.signed("POST", "/v1/journal", encode(JournalUpload(entries=entries))))
        assert response.status == 200
        counted = 0
        for day in days:
            with JournalReader(tmp_path / "journal.db") as journal:
                digest = journal.digest(day)
            here = held(world, day)
            assert [replace(one.digest, paid_fen=digest.paid_fen).text for one in here] == [digest.text] * len(here)
            assert bool(here) is bool(digest.entries)
            assert all(one.broken is None for one in here)
            counted += digest.entries
        assert counted == (6 if len(parked) < 6 else 0)

    in_world(story)


def test_a_day_is_beijings_and_its_entries_are_bound_by_the_head() -> None:
    from_ms, until_ms = day_bounds_ms(DAY)
    assert until_ms - from_ms == 86_400_000
    assert BEIJING.utcoffset(None) is not None
    assert from_ms == 1_799_942_400_000
    entry = JournalEntry(seq=1, kind="k", at_ms=from_ms, body="{}", hash="1" * 64)
    one = day_digest((entry,), {}, terminal_id="T", day=DAY)
    other = day_digest(
        (JournalEntry(seq=1, kind="k", at_ms=from_ms, body="{}", hash="2" * 64),), {}, terminal_id="T", day=DAY
    )
    assert one.text != other.text
    assert one.text != day_digest((entry,), {}, terminal_id="U", day=DAY).text
    assert day_digest((), {}, terminal_id="T", day=DAY).entries == 0


@pytest.mark.parametrize("body", ["", "{", "[" * 5_000, '{"paid":"yes"}', '{"amount_fen":1e400,"done":true}', "null"])
def test_a_body_that_is_no_statement_counts_as_an_entry_and_nothing_else(body: str) -> None:
    entries = [
        JournalEntry(seq=seq, kind=kind, at_ms=0, body=body, hash="0" * 64)
        for seq, kind in enumerate(("payment.settled", "refund.settled"), start=1)
    ]
    digest = day_digest(entries, {}, terminal_id="T", day=DAY)
    assert (digest.entries, digest.paid, digest.refunded, digest.refunded_fen) == (2, 0, 0, 0)


def test_the_command_prints_what_the_tills_report_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside a gateway's database in a file; exit status 1 when the chain is broken there."""

    async def story(world: World) -> None:
        path, _ = await sold(world, tmp_path)
        with JournalReader(path) as journal:
            text = journal.digest(DAY).text
        with closing(sqlite3.connect(tmp_path / "gateway.db")) as copy:
            raw = world.engine.raw_connection()
            raw.driver_connection.backup(copy)  # pyright: ignore[reportOptionalMemberAccess]
            raw.close()
        arguments = ["gateway", "digests", "--database", str(tmp_path / "gateway.db"), "--date", DAY.isoformat()]
        assert run([*arguments, "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert [(one["digest"], one["paid_fen"], one["broken"]) for one in said["digests"]] == [(text, 1250, None)]
        assert run(arguments) == 0
        assert text in capsys.readouterr().out

    in_world(story)


def test_amounts_are_the_gateways_own(tmp_path: Path) -> None:
    """A till whose journal says another amount than the gateway took has another digest."""

    async def story(world: World) -> None:
        path, _ = await sold(world, tmp_path)
        with closing(sqlite3.connect(path)) as forger:
            forger.execute("update payment set amount_fen = 1251")
            forger.commit()
        with JournalReader(path) as journal:
            assert journal.digest(DAY).text != held(world)[0].digest.text

    in_world(story)
