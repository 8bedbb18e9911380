"""Tamper evidence, each kind by itself: an entry edited, removed, reordered, added, a chain forked or cut at its end.

Whoever can write the file can take its triggers away first. What he cannot do is make the chain hold: `guitai verify`
names the entry. A chain that was made to hold anew is not the one that the gateway holds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from guitai.cli import run
from protocol.chain import genesis, link
from sync.anchor import AnchorRecord
from sync.anchor_places import anchor_place
from sync.journal.journal import Journal
from sync.journal.schema import DELIVERED_HEAD
from tests.contract.sync.fake_gateway import TERMINAL_ID
from tests.contract.sync.samples import settled, started, whole
from tests.contract.terminal.till_folder import fill, make_till

Forge = Callable[[sqlite3.Connection], object]
#: 2026-03-02 09:00:00 in the shop.
MORNING_MS = 1_772_413_200_000
ENTRIES = 9


@pytest.fixture
def till(tmp_path: Path) -> Path:
    """Nine entries, of which the gateway holds eight."""
    make_till(tmp_path)
    fill(tmp_path, [*whole(1), *whole(2, paid=False), started(3, fen=800)], at_ms=MORNING_MS)
    with closing(Journal.open(tmp_path / "journal.db", terminal_id=TERMINAL_ID)) as journal:
        journal.mark_delivered(8)
    return tmp_path


def forged(folder: Path, forge: Forge) -> None:
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        for name in ("entry_is_never_changed", "entry_is_never_deleted", "entry_leaves_no_gap"):
            connection.execute(f"drop trigger {name}")
        forge(connection)
        connection.commit()


def verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    run(["verify", "--data-dir", str(folder), "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def rehash(connection: sqlite3.Connection, start: int) -> None:
    """Makes the chain hold again from `start` on, as somebody would who knows how it is made."""
    rows = connection.execute("select seq, kind, at_ms, body, hash from entry order by seq").fetchall()
    head = genesis(TERMINAL_ID)
    for seq, kind, at_ms, body, kept in rows:
        head = link(head, seq=seq, kind=kind, at_ms=at_ms, body=body) if seq >= start else kept
        connection.execute("update entry set hash = ? where seq = ?", (head, seq))


def swap(connection: sqlite3.Connection, one: int, other: int) -> None:
    """Two entries change places; everything of them but their number."""
    columns = "kind, at_ms, about, body, hash"
    rows = {n: connection.execute(f"select {columns} from entry where seq = ?", (n,)).fetchone() for n in (one, other)}
    for to, source in ((one, other), (other, one)):
        connection.execute(
            "update entry set kind = ?, at_ms = ?, about = ?, body = ?, hash = ? where seq = ?", (*rows[source], to)
        )


def sql(*statements: str, rehash_from: int = 0) -> Forge:
    """Runs the statements; then makes the chain hold again where that is asked for."""

    def forge(connection: sqlite3.Connection) -> None:
        for statement in statements:
            connection.execute(statement)
        if rehash_from:
            rehash(connection, rehash_from)

    return forge


def swapped(connection: sqlite3.Connection) -> None:
    swap(connection, 4, 5)


EDIT = "update entry set body = replace(body, '1250', '1251') where seq = 1"
ADD = f"insert into entry select 10, kind, at_ms, about, body, '{'0' * 64}' from entry where seq = 9"


@pytest.mark.parametrize(
    ("forge", "entry"),
    [
        pytest.param(sql(EDIT), 1, id="edited"),
        pytest.param(sql("update entry set at_ms = at_ms - 1 where seq = 6"), 6, id="edited-time"),
        pytest.param(sql("update entry set at_ms = -5 where seq = 6"), 6, id="edited-to-no-time"),
        pytest.param(sql("update entry set kind = 'payment.acked' where seq = 7"), 7, id="edited-kind"),
        pytest.param(sql("delete from entry where seq = 5"), 6, id="removed"),
        pytest.param(sql("delete from entry where seq = 1"), 2, id="first-removed"),
        pytest.param(swapped, 4, id="reordered"),
        pytest.param(sql(ADD), 10, id="added"),
    ],
)
def test_an_entry_that_was_touched_is_named(
    till: Path, capsys: pytest.CaptureFixture[str], forge: Forge, entry: int
) -> None:
    assert verified(till, capsys)["broken"] is None
    forged(till, forge)
    found = verified(till, capsys)
    assert (found["broken"], found["entry"], found["reason"]) == ("chain", entry, "journal_damaged")
    assert run(["verify", "--data-dir", str(till)]) == 1
    assert f"breaks at entry {entry}:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("forge", "entry"),
    [
        pytest.param(sql(EDIT, rehash_from=1), 8, id="forked"),
        pytest.param(sql("delete from entry where seq >= 8"), 8, id="end-removed"),
        pytest.param(sql("delete from entry where seq >= 3"), 3, id="restored-from-a-backup"),
    ],
)
def test_a_chain_that_holds_and_is_not_the_gateways_is_named(
    till: Path, capsys: pytest.CaptureFixture[str], forge: Forge, entry: int
) -> None:
    """A fork: every hash is right, and the gateway holds another one."""
    forged(till, forge)
    found = verified(till, capsys)
    assert (found["broken"], found["entry"]) == ("delivered", entry)
    assert run(["verify", "--data-dir", str(till)]) == 1
    assert f"Entry {entry} is not the one that the gateway holds" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    ["body = '{'", "body = ''", "body = 'null'", "body = '" + "[" * 9_999 + "'", "kind = 'cash.taken'"],
    ids=["cut", "empty", "null", "nested", "another-kind"],
)
def test_an_entry_that_is_no_statement_is_named_although_the_chain_holds(
    till: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    """The gateway does not hold it yet: nothing but its words tells."""
    forged(till, sql(f"update entry set {change} where seq = 9", rehash_from=9))
    found = verified(till, capsys)
    assert (found["broken"], found["entry"]) == ("unreadable", 9)
    assert run(["orders", "--data-dir", str(till)]) == 0


def test_an_end_that_the_gateway_never_had_may_be_missing_only_there(
    till: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last entry was not delivered: without it the chain holds. The rows beside it tell of the removal."""
    forged(till, sql("delete from entry where seq = 9"))
    found = verified(till, capsys)
    assert (found["broken"], found["entry"]) == ("tables", None)
    assert found["payment_no"] == started(3).payment_no


def test_an_end_that_no_gateway_holds_is_missed_by_the_anchor(till: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An older copy of the folder is whole in itself: only this computer's own note tells that it went on."""
    older = till / "older.db"
    with closing(Journal.open(till / "journal.db", terminal_id=TERMINAL_ID)) as journal:
        journal.backup(older)
        journal.append([settled(3)], at_ms=MORNING_MS)
        place = anchor_place(TERMINAL_ID)
        head = journal.head
        place.write(AnchorRecord(machine=place.machine(), epoch=1, seq=head.seq, head=head.hash))
    assert verified(till, capsys)["broken"] is None
    older.replace(till / "journal.db")
    found = verified(till, capsys)
    assert (found["broken"], found["entries"], found["reason"]) == ("behind", ENTRIES, "journal_damaged")
    assert run(["verify", "--data-dir", str(till)]) == 1
    assert "ends at entry 9, and this computer saw another end" in capsys.readouterr().out
    place.write(AnchorRecord(machine="another", epoch=1, seq=head.seq, head=head.hash))
    assert verified(till, capsys)["broken"] is None, "another computer's note says nothing here"


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(sql("delete from orders where order_no = (select min(order_no) from orders)"), id="order-removed"),
        pytest.param(sql("update orders set made_at_ms = 1"), id="order-moved"),
        pytest.param(sql("update orders set last_n = 2"), id="order-of-more-tries"),
        pytest.param(sql("insert into orders select 'X', sale_id, 1, 'CNY', 1, 1 from orders limit 1"), id="added"),
        pytest.param(sql("delete from payment where order_no = (select min(order_no) from payment)"), id="unpaid"),
        pytest.param(sql("update payment set record = '{' where n = 1"), id="record-damaged"),
        pytest.param(sql("""update payment set record = replace(record, '"PAID"', '"WON"')"""), id="no-state"),
    ],
)
def test_a_row_that_its_entries_do_not_say_is_named(
    till: Path, capsys: pytest.CaptureFixture[str], forge: Forge
) -> None:
    """Rows beside the chain are what people read: an order without its row stands in no list of orders."""
    forged(till, forge)
    found = verified(till, capsys)
    assert (found["broken"], found["reason"]) == ("tables", "journal_damaged")
    assert found["payment_no"]
    assert run(["verify", "--data-dir", str(till)]) == 1
    assert "is not what its entries say" in capsys.readouterr().out


def test_an_entry_that_is_filed_under_another_payment_is_named(till: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it is filed is not in its hash: it would be missing from its order's history."""
    forged(till, sql("update entry set about = (select about from entry where seq = 9) where seq = 2"))
    found = verified(till, capsys)
    assert (found["broken"], found["entry"]) == ("tables", 2)
    assert run(["verify", "--data-dir", str(till)]) == 1
    assert "Entry 2 is filed under another payment" in capsys.readouterr().out


def test_a_chain_that_holds_and_tells_no_story_is_named(till: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The beginning of an order that the gateway never had is taken out of the chain: its end follows nothing."""
    with closing(Journal.open(till / "journal.db", terminal_id=TERMINAL_ID)) as journal:
        journal.append([settled(3)], at_ms=MORNING_MS)
    forged(till, sql("delete from entry where seq = 9", "update entry set seq = 9 where seq = 10", rehash_from=9))
    found = verified(till, capsys)
    assert (found["broken"], found["entry"]) == ("story", 9)
    assert run(["verify", "--data-dir", str(till)]) == 1
    assert "Entry 9 cannot follow" in capsys.readouterr().out


def test_a_journal_of_before_has_no_word_of_the_gateway_and_is_whole(
    till: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(till / "journal.db")) as connection:
        connection.execute("delete from setting where name = ?", (DELIVERED_HEAD,))
        connection.commit()
    assert verified(till, capsys)["broken"] is None
