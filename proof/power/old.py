"""Files of every earlier version, with rows in them, and the recording of how the program of today takes each up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlite_utils import Database

import gateway.store.migrations
from gateway.store.migrate import HEAD
from gateway.store.sqlite import open_sqlite
from gateway.store.tables import METADATA
from proof.power.oracles import in_memory
from proof.power.recording import Recording, recording
from protocol.chain import genesis, link
from sync.engine.statements import read_statement
from sync.journal.apply import apply
from sync.journal.connection import open_writing
from sync.journal.schema import migrations

#: What each version of the journal was the first to know.
_SINCE: Final[Mapping[str, int]] = MappingProxyType(
    {"refund": 2, "store": 2, "cash": 3, "offline": 4, "line": 4, "terminal": 4}
)
#: Payments of the first version had one channel order each.
_SIMPLE: Final = (
    "(terminal_id, order_no, n) in (select terminal_id, order_no, n from channel_orders group by 1, 2, 3 "
    "having count(*) = 1)"
)


def record_migrations(folder: Path, *, journal: bytes, store: bytes) -> list[Recording]:
    """`journal`, `store`: databases of today, from which rows are taken."""
    return [*_journals(folder, journal), *_stores(folder, store)]


def _journals(folder: Path, today: bytes) -> Iterator[Recording]:
    names = [step.name for step in migrations().pending(Database(memory=True))]
    for number, name in enumerate(names[1:], start=1):
        path = folder / f"journal-{number}" / "journal.db"
        path.parent.mkdir()
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            migrations().apply(Database(db, execute_plugins=False), stop_before=name)
            _fill_journal(db, today, version=number)
        with recording(path.parent) as recorder:
            open_writing(path).close()
        yield from recorder.recordings


def _fill_journal(db: sqlite3.Connection, today: bytes, *, version: int) -> None:
    """The entries that a till of that version would have written, as a chain of their own."""
    with in_memory(today) as source:
        entries = source.execute("select kind, at_ms, about, body from entry order by seq").fetchall()
        settings = source.execute("select name, value from setting where name = 'terminal_id'").fetchall()
    later = {about for kind, _, about, _ in entries if _SINCE.get(kind.partition(".")[0], 1) > version}
    seq, head = 0, genesis(settings[0][1])
    db.execute("begin")
    db.executemany("insert into setting values (?, ?)", settings)
    for kind, at_ms, about, body in entries:
        statement = read_statement(body)
        assert statement is not None, "the program of today wrote it"
        if about in later:
            continue
        seq += 1
        head = link(head, seq=seq, kind=kind, at_ms=at_ms, body=body)
        row = (seq, kind, at_ms, about, body, head)
        db.execute("insert into entry (seq, kind, at_ms, about, body, hash) values (?, ?, ?, ?, ?, ?)", row)
        apply(db, statement, at_ms=at_ms)
    db.execute("commit")


def _stores(folder: Path, today: bytes) -> Iterator[Recording]:
    config = Config()
    place = Path(gateway.store.migrations.__file__).parent
    config.set_main_option("script_location", str(place).replace("%", "%%"))
    revisions = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
    for revision in sorted(set(revisions) - {HEAD}):
        path = folder / f"store-{revision}" / "gateway.db"
        path.parent.mkdir()
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        engine.dispose()
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            _fill_store(db, today)
        with recording(path.parent) as recorder:
            open_sqlite(path).dispose()
        yield from recorder.recordings


def _fill_store(db: sqlite3.Connection, today: bytes) -> None:
    """Rows of today, as far as the old tables have their columns; tasks about them in whatever form they had."""
    with in_memory(today) as source:
        db.execute("begin")
        one_order_each = "ended_kind" not in _columns(db, "channel_orders")
        for table in METADATA.sorted_tables:
            old, new = _columns(db, table.name), _columns(source, table.name)
            if not old or not set(old) <= set(new):
                continue
            simple = f" where {_SIMPLE}" if one_order_each and {"terminal_id", "order_no", "n"} <= set(old) else ""
            names = ", ".join(old)
            rows = source.execute(f"select {names} from {table.name}{simple}").fetchall()  # noqa: S608 - schema's names
            marks = ", ".join("?" * len(old))
            db.executemany(f"insert into {table.name} ({names}) values ({marks})", rows)  # noqa: S608
        columns = _columns(db, "tasks")
        order = db.execute("select * from channel_orders limit 1")
        known = dict(zip((one[0] for one in order.description), order.fetchone(), strict=True))
        known |= {"kind": "work", "due_ms": 1, "ref": known["out_trade_no"], "lease_until_ms": 0, "lease_owner": None}
        marks = ", ".join("?" * len(columns))
        db.execute(f"insert or ignore into tasks values ({marks})", [known.get(name, 0) for name in columns])  # noqa: S608
        db.execute("commit")


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in db.execute(f"pragma table_info({table})")]
