"""What the screens read costs what they show, not what the journal holds: 50,000 entries are read like 1,000.

Counted in SQLite's own steps, so a busy machine changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from sync.engine.statements import AnyStatement, CashTaken
from sync.journal.journal import Journal
from sync.journal.read import JournalReader, OrdersFilter
from tests.contract.sync.samples import AT_MS, order, whole

TERMINAL = "0000000000000"
FEW, MANY, AT_ONCE = 200, 10_000, 25
MINUTE = 60_000
DAY = 200 * MINUTE
#: Deeper trees cost some steps more, a walk would cost fifty times as many.
GROWTH = 1.5


def sale(index: int) -> list[AnyStatement]:
    """Five entries: a wallet order, and a tender in cash."""
    cash = order(index + 2_000_000)
    taken = CashTaken(
        payment_no=f"{cash}-1", order_no=cash, sale_id=cash, amount_fen=900, currency="CNY", received_fen=1000,
        change_fen=100, operator="01", offline=True,
    )  # fmt: skip
    return [*whole(index), taken]


def filled(path: Path, sales: int) -> Path:
    """A sale a minute, written twenty-five at once; all but the last ten are delivered."""
    journal = Journal.open(path, terminal_id=TERMINAL)
    for first in range(0, sales, AT_ONCE):
        statements = [said for index in range(first, first + AT_ONCE) for said in sale(index)]
        journal.append(statements, at_ms=AT_MS + first * MINUTE)
    journal.mark_delivered(journal.head.seq - 50)
    journal.close()
    return path


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("journals")
    return filled(folder / "few.db", FEW), filled(folder / "many.db", MANY)


def steps(path: Path, question: Callable[[JournalReader], object]) -> int:
    """How many steps SQLite's machine took."""
    taken = 0

    def step() -> int:
        nonlocal taken
        taken += 1
        return 0

    with JournalReader(path) as read:
        db: sqlite3.Connection = read._db  # pyright: ignore[reportPrivateUsage]  # the meter has to sit somewhere
        db.set_progress_handler(step, 10)
        question(read)
    return taken


def end_of(path: Path) -> int:
    return AT_MS + (FEW if path.name == "few.db" else MANY) * MINUTE


QUESTIONS: dict[str, Callable[[Path], Callable[[JournalReader], object]]] = {
    "orders": lambda path: lambda read: read.orders(OrdersFilter(limit=100)),
    "timeline": lambda path: lambda read: read.timeline(order(100)),
    "settled": lambda path: lambda read: read.settled(since_ms=end_of(path) - DAY, until_ms=end_of(path)),
    "cash": lambda path: lambda read: read.cash_taken(since_ms=end_of(path) - DAY, until_ms=end_of(path)),
    "returned": lambda path: lambda read: read.cash_returned(since_ms=end_of(path) - DAY, until_ms=end_of(path)),
    "refunds": lambda path: lambda read: read.refunds(since_ms=end_of(path) - DAY, until_ms=end_of(path)),
    "open": lambda path: lambda read: (read.open_payments(), read.open_refunds()),
    "unsent": lambda path: lambda read: read.unsent(),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_screen_reads_what_it_shows_and_no_more(journals: tuple[Path, Path], name: str) -> None:
    few, many = (steps(path, QUESTIONS[name](path)) for path in journals)
    assert many <= few * GROWTH + 20


def test_the_figures_of_a_long_queue_are_right(journals: tuple[Path, Path]) -> None:
    for path in journals:
        with JournalReader(path) as read:
            unsent = read.unsent()
            assert (unsent.count, unsent.fen) == (50, 10 * (1250 + 900))
            assert len(read.orders(OrdersFilter(limit=100, offset=50))) == 100


@pytest.mark.parametrize("at", [0, 1])
def test_the_writers_own_questions_do_not_walk_either(journals: tuple[Path, Path], at: int) -> None:
    """What a new payment, a tender and the status strip ask of the journal is answered by an index."""
    journal = Journal.open(journals[at], terminal_id=TERMINAL)
    db: sqlite3.Connection = journal._db  # pyright: ignore[reportPrivateUsage]  # as above
    asked: list[str] = []
    db.set_trace_callback(asked.append)
    journal.of_sale(order(1_000_000))
    journal.cash_covers(order(2_000_000))
    journal.cash(f"{order(2_000_000)}-1")
    journal.cash_offline_fen(since_ms=end_of(journals[at]))
    journal.last_of_order(order(3))
    journal.order_of(7)
    db.set_trace_callback(None)
    plans = [[str(row[3]) for row in db.execute(f"explain query plan {text}")] for text in asked]
    assert len(plans) == 6
    assert all(plan[0].startswith("SEARCH") for plan in plans), plans
    journal.close()
