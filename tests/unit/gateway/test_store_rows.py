"""Rules: a value's row is written and read as it is, an UPDATE sets what changed alone, and no statement needs a
conversion that the driver would not make."""

from __future__ import annotations

import pytest
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Boolean, Column, Integer, MetaData, Table, Text, bindparam, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from gateway.payments.values import FailedHow, PaymentKey
from gateway.store.rows import Rows
from gateway.store.runners import InlineStore
from gateway.store.statements import Statement
from gateway.store.units import Tx
from proof.stores import empty_store

KEY = PaymentKey(terminal_id="T1", order_no="O1", n=1)
SQLITE = sqlite.dialect()


class Thing(Struct, frozen=True, kw_only=True):
    name: str
    key: PaymentKey
    count: int
    seen: bool
    failed: FailedHow | None = None


TABLE = Table(
    "things",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("terminal_id", Text),
    Column("order_no", Text),
    Column("n", Integer),
    Column("count", Integer),
    Column("seen", Integer),
    Column("failed", Text),
)
THINGS = Rows(Thing, TABLE, identity=("name",))
FIND = Statement(select(*THINGS.columns).where(*THINGS.this))
THING = Thing(name="a", key=KEY, count=3, seen=True)


def _made(tx: Tx) -> None:
    TABLE.create(tx.connection)
    THINGS.add(tx, THING)


def _found(tx: Tx) -> Thing:
    row = tx.row(FIND, {"k_name": "a"})
    assert row is not None
    return THINGS.read(row)


def test_a_value_comes_back_as_it_was_written() -> None:
    store = InlineStore(empty_store())
    store.run_now(_made)
    assert store.run_now(_found) == THING
    changed = replace(THING, failed=FailedHow.TAKEN, seen=False)
    store.run_now(lambda tx: THINGS.save(tx, changed, before=THING))
    found = store.run_now(_found)
    assert found == changed
    assert found.failed is FailedHow.TAKEN
    assert found.seen is False


def test_an_update_leaves_columns_that_did_not_change_alone() -> None:
    """What somebody else wrote into them meanwhile stays."""
    store = InlineStore(empty_store())
    store.run_now(_made)
    store.run_now(lambda tx: tx.connection.execute(TABLE.update().values(seen=0)))
    store.run_now(lambda tx: THINGS.save(tx, replace(THING, count=4), before=THING))
    assert store.run_now(_found) == replace(THING, count=4, seen=False)


def test_what_did_not_change_is_not_written() -> None:
    store = InlineStore(empty_store())
    store.run_now(_made)

    def unit(tx: Tx) -> int:
        before = tx.connection.exec_driver_sql("SELECT total_changes()").scalar_one()
        THINGS.save(tx, replace(THING), before=THING)
        return tx.connection.exec_driver_sql("SELECT total_changes()").scalar_one() - before

    assert store.run_now(unit) == 0


def test_a_field_without_a_column_is_refused_when_the_rows_are_defined() -> None:
    class More(Struct, frozen=True, kw_only=True):
        name: str
        key: PaymentKey
        colour: str

    with pytest.raises(KeyError, match="colour"):
        Rows(More, TABLE, identity=("name",))


def test_a_statement_says_the_same_with_values_by_position_and_by_name() -> None:
    """SQLite counts its parameters, PostgreSQL names them; a value in the statement itself is one of them."""
    statement = Statement(select(TABLE.c.n).where(TABLE.c.seen == 1, TABLE.c.name == bindparam("k_name")))
    by_position, bind = statement.on(SQLITE)
    assert by_position.count("?") == 2
    assert bind({"k_name": "a"}) == (1, "a")
    by_name, bind = statement.on(postgresql.psycopg.dialect())
    assert "%(k_name)s" in by_name
    assert bind({"k_name": "a"}) == {"seen_1": 1, "k_name": "a"}


def test_only_a_select_is_known_to_change_nothing() -> None:
    assert Statement(select(TABLE.c.n)).reads
    assert not Statement(insert(TABLE)).reads
    assert not Statement(text("INSERT INTO things (name) VALUES (:name) RETURNING name")).reads


def test_what_would_have_to_be_converted_is_refused() -> None:
    flags = Table("flags", MetaData(), Column("yes", Boolean))
    with pytest.raises(AssertionError, match="converted"):
        Statement(select(flags.c.yes)).on(SQLITE)
    with pytest.raises(AssertionError, match="compiled once"):
        Statement(select(TABLE.c.n).where(TABLE.c.n.in_(bindparam("k_ns", expanding=True)))).on(SQLITE)
