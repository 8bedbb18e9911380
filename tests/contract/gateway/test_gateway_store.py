"""The store on real SQLite files: durable settings, one process, migrations, units that fail alone, failed commits."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from msgspec.structs import replace
from sqlalchemy import create_engine, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.ledger.entries import Parties, paid
from gateway.payments.refunds import refund_asked
from gateway.store import ledger, payments, refunds
from gateway.store.migrate import HEAD, SchemaNewer
from gateway.store.runners import InlineStore, ThreadedStore
from gateway.store.sqlite import DatabaseInUse, DatabaseLock, open_sqlite
from gateway.store.statements import Statement
from gateway.store.tables import MERCHANTS, METADATA, STORES, TERMINALS
from gateway.store.units import StoreFailed, Tx
from protocol.messages import RefundRequest
from protocol.states import GatewayState
from tests.contract.gateway.gateway_world import START_MS, seed_places
from tests.unit.gateway.payment_rows import KEY, ORDER_NO, order, payment

ADD = Statement(insert(MERCHANTS), columns=("merchant_id", "name"))
NAMES = Statement(select(MERCHANTS.c.name))


def _add(name: str) -> Callable[[Tx], str]:
    def unit(tx: Tx) -> str:
        tx.connection.execute(insert(MERCHANTS), {"merchant_id": name, "name": name})
        return name

    return unit


def _names(path: Path) -> set[str]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        found = {row[0] for row in connection.execute("SELECT merchant_id FROM merchants")}
    connection.close()
    return found


def test_a_resolved_unit_is_durable_and_seen_by_a_reader(tmp_path: Path) -> None:
    async def story() -> None:
        store = ThreadedStore(open_sqlite(tmp_path / "g.db"))
        await asyncio.gather(*(store.run(_add(f"m{i}")) for i in range(200)))
        assert len(_names(tmp_path / "g.db")) == 200
        await store.aclose()

    asyncio.run(story())


def test_the_text_of_a_broken_constraint_repeats_no_value(tmp_path: Path) -> None:
    """Whoever meets it unforeseen prints it: the values may be an account's keys."""

    async def story() -> str:
        store = ThreadedStore(open_sqlite(tmp_path / "g.db"))
        await store.run(_add("PRIVATE"))
        with pytest.raises(IntegrityError) as broken:
            await store.run(_add("PRIVATE"))
        await store.aclose()
        return f"{broken.value} {broken.value!r}"

    assert "PRIVATE" not in asyncio.run(story())


def test_units_that_share_a_commit_fail_alone(tmp_path: Path) -> None:
    async def story() -> None:
        store = ThreadedStore(open_sqlite(tmp_path / "g.db"))

        def broken(tx: Tx) -> None:
            _add("half")(tx)
            raise ValueError("mine")

        answers = await asyncio.gather(
            store.run(_add("a")),
            store.run(broken),
            store.run(_add("a")),
            store.run(_add("b")),
            return_exceptions=True,
        )
        assert answers[0] == "a"
        assert isinstance(answers[1], ValueError)
        assert isinstance(answers[2], IntegrityError)
        assert answers[3] == "b"
        assert _names(tmp_path / "g.db") == {"a", "b"}
        await store.aclose()

    asyncio.run(story())


def test_a_unit_alone_in_its_transaction_fails_without_a_trace(tmp_path: Path) -> None:
    """Whether its statements went through the driver or through Core, and in whichever order."""

    async def story() -> None:
        store = ThreadedStore(open_sqlite(tmp_path / "g.db"))

        def broken(tx: Tx) -> None:
            tx.change(ADD, {"merchant_id": "by the driver", "name": "x"})
            _add("by Core")(tx)
            tx.change(ADD, {"merchant_id": "by the driver again", "name": "x"})
            raise ValueError("mine")

        with pytest.raises(ValueError, match="mine"):
            await store.run(broken)
        with pytest.raises(IntegrityError):
            await store.run(lambda tx: [tx.change(ADD, {"merchant_id": "twice", "name": "x"}) for _ in range(2)])
        await store.run(_add("a"))
        assert _names(tmp_path / "g.db") == {"a"}
        await store.aclose()

    asyncio.run(story())


def test_a_unit_that_read_before_it_failed_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    """Its savepoint begins with its first write: before it there is nothing to undo."""

    async def story() -> None:
        store = ThreadedStore(open_sqlite(tmp_path / "g.db"))

        def reads(tx: Tx) -> int:
            return len(tx.rows(NAMES))

        def reads_and_fails(tx: Tx) -> None:
            reads(tx)
            raise ValueError("nothing was written")

        def writes_and_fails(tx: Tx) -> None:
            reads(tx)
            tx.change(ADD, {"merchant_id": "half", "name": "x"})
            raise ValueError("half was written")

        units: list[Callable[[Tx], object]] = [_add("a"), reads, reads_and_fails, writes_and_fails, reads, _add("b")]
        answers = await asyncio.gather(*(store.run(unit) for unit in units), return_exceptions=True)
        assert [type(answer).__name__ for answer in answers] == ["str", "int", "ValueError", "ValueError", "int", "str"]
        assert answers[1] == answers[4] == 1
        assert _names(tmp_path / "g.db") == {"a", "b"}
        await store.aclose()

    asyncio.run(story())


@pytest.mark.parametrize("beside", [0, 3])
def test_a_failed_commit_is_unknown_whatever_it_says(tmp_path: Path, beside: int) -> None:
    """Even "a constraint is broken": said by COMMIT it is nobody's own error, and nothing is answered any more."""
    told: list[StoreFailed] = []

    async def story() -> None:
        store = ThreadedStore(open_sqlite(tmp_path / "g.db"), on_failed=told.append)

        def broken_at_the_end(tx: Tx) -> None:
            tx.connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            row = {"store_id": "s", "merchant_id": "nobody", "name": "x", "time_zone": "UTC"}
            tx.connection.execute(insert(STORES), row)

        units = [broken_at_the_end, *(_add(f"m{number}") for number in range(beside))]
        answers = await asyncio.gather(*(store.run(unit) for unit in units), return_exceptions=True)
        later = await asyncio.gather(store.run(_add("later")), return_exceptions=True)
        assert all(isinstance(answer, StoreFailed) for answer in (*answers, *later))
        await store.aclose()

    asyncio.run(story())
    assert len(told) == 1
    assert _names(tmp_path / "g.db") == set()


def test_an_error_of_the_database_carries_no_values(tmp_path: Path) -> None:
    store = InlineStore(open_sqlite(tmp_path / "g.db"))
    row = {"merchant_id": "CANARY", "name": "CANARY"}
    store.run_now(lambda tx: tx.change(ADD, row))
    with pytest.raises(IntegrityError) as caught:
        store.run_now(lambda tx: tx.change(ADD, row))
    assert "CANARY" not in f"{caught.value!r} {caught.value} {caught.value.params}"
    asyncio.run(store.aclose())


def test_a_failed_database_answers_nothing_more_and_says_so(tmp_path: Path) -> None:
    """What a failed commit left behind is unknown: the process must end and read."""
    told: list[StoreFailed] = []

    async def story() -> None:
        engine = open_sqlite(tmp_path / "g.db")
        store = ThreadedStore(engine, on_failed=told.append)

        def full(tx: Tx) -> None:
            tx.connection.exec_driver_sql("PRAGMA max_page_count=1")
            tx.connection.exec_driver_sql("CREATE TABLE filler (x BLOB)")
            for _ in range(100):
                tx.connection.exec_driver_sql("INSERT INTO filler VALUES (zeroblob(100000))")

        with pytest.raises(StoreFailed):
            await store.run(full)
        with pytest.raises(StoreFailed):
            await store.run(_add("later"))
        await store.aclose()

    asyncio.run(story())
    assert len(told) == 1
    assert _names(tmp_path / "g.db") == set()


def test_the_durable_settings_hold_on_every_open(tmp_path: Path) -> None:
    for _ in range(2):
        store = InlineStore(open_sqlite(tmp_path / "g.db"))
        found = store.run_now(
            lambda tx: [
                tx.connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
        )
        assert found == ["wal", 2, 1]
        asyncio.run(store.aclose())
    assert (tmp_path / "g.db").stat().st_mode & 0o077 == 0


def test_one_process_holds_a_database(tmp_path: Path) -> None:
    lock = DatabaseLock(tmp_path / "g.db")
    with pytest.raises(DatabaseInUse):
        DatabaseLock(tmp_path / "g.db")
    lock.release()
    DatabaseLock(tmp_path / "g.db").release()


def test_the_migrations_make_exactly_the_schema(tmp_path: Path) -> None:
    asyncio.run(InlineStore(open_sqlite(tmp_path / "g.db")).aclose())
    engine = create_engine(f"sqlite:///{tmp_path / 'g.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == HEAD
        made = _constraints(connection.connection.dbapi_connection)
    engine.dispose()
    fresh = create_engine("sqlite://")
    with fresh.connect() as connection:
        METADATA.create_all(connection)
        assert _constraints(connection.connection.dbapi_connection) == made
    fresh.dispose()


def _constraints(connection: object) -> dict[str, int]:
    """How many checks, uniques and references each table has, and every index as written."""
    assert isinstance(connection, sqlite3.Connection)
    found: dict[str, int] = {}
    for name, sql in connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'trigger'"
    ):
        if name != "alembic_version":
            found[name] = sum(sql.upper().count(word) for word in ("CHECK", "UNIQUE", "FOREIGN KEY", "WHERE"))
    return found


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    asyncio.run(InlineStore(open_sqlite(tmp_path / "g.db")).aclose())
    with sqlite3.connect(tmp_path / "g.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(SchemaNewer):
        open_sqlite(tmp_path / "g.db")


def _seed(tx: Tx) -> None:
    seed_places(tx, {"id": "a1"})
    row = {
        "terminal_id": KEY.terminal_id,
        "store_id": "s1",
        "name": "1",
        "public_key": "k",
        "epoch": 1,
        "activated_ms": START_MS,
        "journal_seq": 0,
        "journal_head": "",
    }
    tx.connection.execute(insert(TERMINALS), row)


@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [
        (GatewayState.NOT_PAID, GatewayState.SENT, True),
        (GatewayState.SENT, GatewayState.SENT, False),
        (GatewayState.REVERSING, GatewayState.SENT, False),
        (GatewayState.PAID, GatewayState.SENT, False),
    ],
)
def test_the_index_allows_one_live_payment_per_order(first: GatewayState, second: GatewayState, allowed: bool) -> None:
    """The guard is a unique index: it holds whatever the code above it does."""
    store = InlineStore(open_sqlite(None))
    store.run_now(_seed)
    store.run_now(lambda tx: payments.add(tx, payment(first)))
    next_key = type(KEY)(terminal_id=KEY.terminal_id, order_no=KEY.order_no, n=2)
    another = payment(second, key=next_key)
    if allowed:
        store.run_now(lambda tx: payments.add(tx, another))
    else:
        with pytest.raises(IntegrityError):
            store.run_now(lambda tx: payments.add(tx, another))
    asyncio.run(store.aclose())


def test_rows_come_back_as_they_were() -> None:
    store = InlineStore(open_sqlite(None))
    store.run_now(_seed)
    row, sent = payment(GatewayState.NOT_PAID, amber=True, payer_prompted=True, cancel_requested_ms=3), order(calls=2)
    store.run_now(lambda tx: (payments.add(tx, row), payments.add_channel_order(tx, sent)))
    found = store.run_now(lambda tx: (payments.find(tx, KEY), payments.order(tx, sent.out_trade_no)))
    assert found == (row, sent)
    assert store.run_now(lambda tx: tx.connection.execute(select(MERCHANTS.c.name)).all()) != []
    asyncio.run(store.aclose())


@pytest.mark.parametrize("statement", ["UPDATE ledger_lines SET amount_fen = 1", "DELETE FROM ledger_entries"])
def test_the_ledger_is_append_only(statement: str) -> None:
    """Nobody changes or removes what was booked, not even this program."""
    store = InlineStore(open_sqlite(None))
    entry = paid(Parties(merchant_id="m1", account_id="a1", out_trade_no="X"), 1250)
    store.run_now(lambda tx: ledger.book(tx, [entry], now_ms=1))
    with pytest.raises(IntegrityError, match="append-only"):
        store.run_now(lambda tx: tx.connection.exec_driver_sql(statement))
    store.run_now(lambda tx: ledger.book(tx, [entry], now_ms=2))
    booked = store.run_now(lambda tx: ledger.of_order(tx, "X"))
    assert [(line.account, line.amount_fen) for line in booked] == [("receivable:a1", 1250), ("to_settle:m1", -1250)]
    asyncio.run(store.aclose())


def test_refunds_are_reserved_by_a_check_and_never_exceed_what_was_taken() -> None:
    store = InlineStore(open_sqlite(None))
    store.run_now(_seed)
    row, sent = payment(GatewayState.PAID), order()
    store.run_now(lambda tx: (payments.add(tx, row), payments.add_channel_order(tx, sent)))
    store.run_now(lambda tx: refunds.open_room(tx, sent.out_trade_no, captured_fen=1250))
    asked = RefundRequest(refund_no=ORDER_NO, amount_fen=300, currency="CNY", note="", operator="01")
    taken: list[bool] = []
    for number in range(6):
        refund = replace(refund_asked(asked, sent, now_ms=1), refund_no=f"R{number}")
        taken.append(store.run_now(lambda tx, refund=refund: refunds.reserve(tx, refund)))
    assert taken == [True] * 4 + [False] * 2
    assert store.run_now(lambda tx: refunds.refundable_fen(tx, sent.out_trade_no)) == 50
    asyncio.run(store.aclose())
