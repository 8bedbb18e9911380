"""The journal on a real disk: append-only, chained, one writer, durable before it returns, honest about damage."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.record import PaymentRecord
from sync.errors import (
    ConfigDamagedError,
    FolderLockedError,
    JournalDamagedError,
    JournalGuardError,
    JournalNewerError,
    SyncError,
)
from sync.journal.connection import open_writing
from sync.journal.journal import Journal
from sync.journal.read import JournalReader, OrdersFilter
from sync.journal.room import Room
from sync.journal.schema import VERSION
from sync.journal.verify import Break, verify
from sync.lock import FolderLock
from tests.contract.sync.bad_disk import fail_commit, spoil
from tests.contract.sync.samples import AT_MS, order, settled, started, whole

TERMINAL = "T000000000001"
ROOT = Path(__file__).parents[3]


def opened(folder: Path) -> Journal:
    return Journal.open(folder / "journal.db", terminal_id=TERMINAL)


def filled(folder: Path, payments: int) -> Path:
    with closing(opened(folder)) as journal:
        for index in range(payments):
            journal.append(whole(index, paid=index % 3 != 0), at_ms=AT_MS + index * 1000)
    return folder / "journal.db"


# --- settings and guards ------------------------------------------------------------------------------------------


def test_the_writing_connection_is_wal_and_full_on_every_open_and_the_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    for _ in range(2):
        with closing(open_writing(path)) as connection:
            assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
            assert connection.execute("pragma synchronous").fetchone() == (2,)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "statement",
    [
        "update entry set body = '{}' where seq = 1",
        "delete from entry where seq = 1",
        "delete from entry",
        "insert or replace into entry select * from entry where seq = 1",
        "insert into entry (seq, kind, at_ms, about, body, hash) values (99, 'k', 1, 'a', '{}', 'h')",
    ],
)
def test_no_sql_changes_removes_replaces_or_skips_an_entry(tmp_path: Path, statement: str) -> None:
    path = filled(tmp_path, 2)
    with closing(sqlite3.connect(path)) as stranger:
        before = stranger.execute("select * from entry").fetchall()
        with pytest.raises(sqlite3.IntegrityError):
            stranger.execute(statement)
        stranger.rollback()
        assert stranger.execute("select * from entry").fetchall() == before


def test_the_database_itself_refuses_a_second_payment_in_force_for_an_order(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        journal.append([started(1)], at_ms=AT_MS)
        head = journal.head
        with pytest.raises(JournalGuardError):
            journal.append([started(1, n=2)], at_ms=AT_MS)
        assert journal.head == head
        journal.append([settled(1, paid=False)], at_ms=AT_MS)
        journal.append([started(1, n=2)], at_ms=AT_MS)
        journal.append([settled(1, n=2)], at_ms=AT_MS)
        with pytest.raises(JournalGuardError):
            journal.append([started(1, n=3)], at_ms=AT_MS)


def test_all_statements_of_an_append_are_one_transaction(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        journal.append([started(1)], at_ms=AT_MS)
        with pytest.raises(JournalGuardError):
            journal.append([started(2), started(1, n=2)], at_ms=AT_MS)
        assert journal.last_of_order(order(2)) is None
        assert journal.head.seq == 1


def test_what_was_appended_is_what_a_restart_reads(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        journal.append(whole(1), at_ms=AT_MS)
        journal.append([started(2)], at_ms=AT_MS + 5)
        head, record = journal.head, journal.payment(f"{order(1)}-1")
    with closing(opened(tmp_path)) as journal:
        assert journal.head == head
        assert journal.payment(f"{order(1)}-1") == record
        assert isinstance(record, PaymentRecord)
        assert (record.state, record.acked_seq, record.settled_at_ms) == (TerminalState.PAID, 3, AT_MS)
        assert [r.payment_no for r in journal.unfinished(settled_since_ms=AT_MS)] == [f"{order(2)}-1"]


def test_a_journal_belongs_to_one_terminal(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    with pytest.raises(ConfigDamagedError):
        Journal.open(tmp_path / "journal.db", terminal_id="T000000000002")


# --- versions and damage ------------------------------------------------------------------------------------------


def test_a_newer_file_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = filled(tmp_path, 2)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"pragma user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(JournalNewerError) as refusal:
        opened(tmp_path)
    assert refusal.value.reason is Reason.JOURNAL_NEWER
    with pytest.raises(JournalNewerError):
        JournalReader(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["header", "page", "entry"])
def test_a_damaged_file_is_named_and_kept(tmp_path: Path, damage: str) -> None:
    path = filled(tmp_path, 40)
    raw = bytearray(path.read_bytes())
    match damage:
        case "header":
            raw[:100] = b"\0" * 100
        case "page":
            raw[4096 * 2 : 4096 * 3] = b"\xa5" * 4096
        case _:
            at = raw.index(b'"amount_fen":1250')
            raw[at : at + 17] = b'"amount_fen":1251'
    path.write_bytes(raw)
    with pytest.raises(JournalDamagedError) as refusal:
        opened(tmp_path)
    assert refusal.value.reason is Reason.JOURNAL_DAMAGED
    assert "kept" in refusal.value.hint
    assert path.read_bytes() == bytes(raw)


def test_a_killed_migration_leaves_a_file_that_the_next_start_completes(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as half:
        half.execute("pragma journal_mode = wal")
    with closing(opened(tmp_path)) as journal:
        journal.append([started(1)], at_ms=AT_MS)
        assert journal.head.seq == 1


# --- verify -------------------------------------------------------------------------------------------------------


def test_verify_says_well_and_counts(tmp_path: Path) -> None:
    with JournalReader(filled(tmp_path, 5)) as reader:
        verdict = reader.verify()
    assert (verdict.broken, verdict.entries, verdict.payments) == (None, 20, 5)


def test_verify_names_the_first_changed_entry_and_a_changed_table(tmp_path: Path) -> None:
    path = filled(tmp_path, 5)
    with closing(sqlite3.connect(path)) as forger:
        forger.execute("update payment set amount_fen = 1 where order_no = ?", (order(3),))
        forger.commit()
        verdict = verify(forger, TERMINAL)
        assert (verdict.broken, verdict.payment_no) == (Break.TABLES, f"{order(3)}-1")
        forger.execute("drop trigger entry_is_never_changed")
        forger.execute("update entry set at_ms = at_ms + 1 where seq = 7")
        forger.commit()
        verdict = verify(forger, TERMINAL)
        assert (verdict.broken, verdict.seq, verdict.entries) == (Break.CHAIN, 7, 6)
        forger.execute("drop trigger entry_is_never_deleted")
        forger.execute("delete from entry where seq = 2")
        forger.commit()
        assert verify(forger, TERMINAL).seq == 3


# --- crash, lock, disk --------------------------------------------------------------------------------------------

_CHILD = """
import os, signal, sys
from pathlib import Path
from sync.journal.journal import Journal
from tests.contract.sync.samples import AT_MS, started, whole
journal = Journal.open(Path(sys.argv[1]), terminal_id="T000000000001")
index = 0
while True:
    journal.append([started(index)], at_ms=AT_MS + index)
    os.write(1, b"%d\\n" % index)  # said only after the commit returned: from here the request may be on the wire
    if index == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    index += 1
"""


def test_what_was_committed_before_a_kill_is_there_and_the_chain_holds(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path), "17"], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    assert child.returncode == -9
    said = child.stdout.split()
    assert len(said) == 18
    with closing(opened(tmp_path)) as journal:
        assert journal.head.seq == 18
        assert len(journal.unfinished(settled_since_ms=0)) == 18
    with JournalReader(path) as reader:
        assert reader.verify().broken is None


_HOLDER = """
import sys
from pathlib import Path
from sync.lock import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_till_per_folder_and_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(lock)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderLockedError) as refusal:
            FolderLock(lock)
        assert refusal.value.reason is Reason.FOLDER_LOCKED
        holder.kill()
    with FolderLock(lock), pytest.raises(FolderLockedError):
        FolderLock(lock)


_FULL = """
import resource, sys
from pathlib import Path
from sync.errors import SyncError
from sync.journal.journal import Journal
from tests.contract.sync.samples import AT_MS, started
path = Path(sys.argv[1])
journal = Journal.open(path, terminal_id="T000000000001")
journal.append([started(0)], at_ms=AT_MS)
size = path.with_name("journal.db-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, resource.RLIM_INFINITY))
index, refused = 1, None
while refused is None:
    try:
        journal.append([started(index)], at_ms=AT_MS)
        index += 1
    except SyncError as error:
        refused = error
assert journal.head.seq == index, (journal.head, index)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert journal.ready().seq == index
journal.append([started(index)], at_ms=AT_MS)
print(refused.reason, index + 1)
"""


def test_a_disk_that_takes_no_more_loses_nothing_and_goes_on_when_it_does(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    child = subprocess.run(
        [sys.executable, "-c", _FULL, str(path)], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    assert child.returncode == 0, child.stderr.decode()
    reason, count = child.stdout.decode().split()
    assert reason in (Reason.DISK_FULL, Reason.FOLDER_UNREADABLE)
    with closing(opened(tmp_path)) as journal:
        assert journal.head.seq == int(count)


@pytest.mark.parametrize("happened", [True, False])
def test_a_failed_commit_is_unknown_until_the_file_was_read_again(tmp_path: Path, happened: bool) -> None:
    with closing(opened(tmp_path)) as journal:
        journal.append([started(1)], at_ms=AT_MS)
        fail_commit(journal, happened=happened)
        if happened:
            assert journal.append([started(2)], at_ms=AT_MS).seq == 2
        else:
            with pytest.raises(SyncError):
                journal.append([started(2)], at_ms=AT_MS)
            assert journal.head.seq == 1
        assert (journal.last_of_order(order(2)) is not None) == happened
        journal.append([started(3)], at_ms=AT_MS)


def test_a_folder_that_cannot_be_written_is_named_and_stays_readable(tmp_path: Path) -> None:
    path = filled(tmp_path, 3)
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as frozen:
        assert frozen.execute("select count(*) from entry").fetchone() == (12,)
    if os.geteuid() == 0:
        # Root writes through permissions; an immutable attribute or a read-only mount is not ours to set in a test.
        path.with_name("journal.db-wal").mkdir()
        with pytest.raises(SyncError) as refusal:
            opened(tmp_path)
        assert refusal.value.reason in (Reason.DISK_READ_ONLY, Reason.FOLDER_UNREADABLE)
        return
    tmp_path.chmod(0o500)
    path.chmod(0o400)
    try:
        with pytest.raises(SyncError) as refusal:
            opened(tmp_path)
        assert refusal.value.reason is Reason.DISK_READ_ONLY
        with JournalReader(path) as reader:
            assert len(reader.orders(OrdersFilter())) == 3
    finally:
        tmp_path.chmod(0o700)


def test_ballast_is_real_space_given_up_once_and_made_again_when_there_is_room(tmp_path: Path) -> None:
    free = 10_000_000

    def free_bytes(_: Path) -> int:
        return free

    room = Room(tmp_path, ballast_bytes=1_000_000, floor_bytes=2_000_000, free=free_bytes)
    assert room.refusing() is Reason.DISK_FULL
    room.fill()
    assert room.refusing() is None
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= 1_000_000
    free = 1_000_000
    assert room.refusing() is Reason.DISK_FULL
    assert room.release()
    assert not room.release()
    room.fill()
    assert not (tmp_path / "ballast").exists()
    free = 10_000_000
    room.fill()
    assert room.refusing() is None


# --- upkeep and reading -------------------------------------------------------------------------------------------


def test_a_disk_that_answers_nothing_about_its_ballast_is_a_reason_and_no_crash(tmp_path: Path) -> None:
    """Its free space is told, its files are not: a name that no file system takes stands for a disk that fails."""
    room = Room(tmp_path / ("x" * 300), free=lambda _: 10**12)
    assert room.refusing() is Reason.FOLDER_UNREADABLE
    room.fill()
    assert not room.release()
    left_over = Room(tmp_path, free=lambda _: 10**12)
    (tmp_path / "ballast.part").mkdir()
    left_over.fill()
    assert left_over.refusing() is Reason.DISK_FULL


def test_a_checkpoint_that_meets_damage_leaves_it_to_the_next_entry(tmp_path: Path) -> None:
    """Whoever reads or writes next says what it is; idle upkeep ends no till."""
    with closing(opened(tmp_path)) as journal:
        journal.append([started(1)], at_ms=AT_MS)
        spoil(journal, lambda statement: "wal_checkpoint" in statement, error=sqlite3.DatabaseError)
        assert not journal.checkpoint()
        journal.append([started(2)], at_ms=AT_MS)


def test_a_backup_is_whole_and_never_replaces_a_file(tmp_path: Path) -> None:
    target = tmp_path / "copy" / "journal.db"
    target.parent.mkdir()
    with closing(opened(tmp_path)) as journal:
        for index in range(20):
            journal.append(whole(index), at_ms=AT_MS)
        journal.backup(target)
        journal.append(whole(99), at_ms=AT_MS)
        with pytest.raises(FileExistsError):
            journal.backup(target)
    with JournalReader(target) as reader:
        verdict = reader.verify()
    assert (verdict.broken, verdict.entries) == (None, 80)


def test_a_checkpoint_at_idle_empties_the_wal_unless_somebody_reads(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        journal.append(whole(1), at_ms=AT_MS)
        wal = tmp_path / "journal.db-wal"
        assert wal.stat().st_size > 0
        with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as reading:
            reading.execute("begin")
            reading.execute("select count(*) from entry").fetchone()
            journal.append(whole(2), at_ms=AT_MS)
            assert not journal.checkpoint()
            reading.execute("commit")
        assert journal.checkpoint()
        assert wal.stat().st_size == 0


def test_a_reader_works_beside_the_writer_and_cannot_write(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        journal.append(whole(1), at_ms=AT_MS)
        journal.append(whole(2, paid=False), at_ms=AT_MS + 1)
        journal.append([started(3, operator="02")], at_ms=AT_MS + 2)
        journal.mark_delivered(4)
        with JournalReader(tmp_path / "journal.db") as reader:
            assert [line.order_no for line in reader.orders(OrdersFilter())] == [order(3), order(2), order(1)]
            assert [o.order_no for o in reader.orders(OrdersFilter(operator="02"))] == [order(3)]
            assert [o.order_no for o in reader.orders(OrdersFilter(text=order(2)[-6:].lower()))] == [order(2)]
            assert [o.order_no for o in reader.orders(OrdersFilter(states=frozenset({TerminalState.PAID})))] == [
                order(1)
            ]
            assert [o.order_no for o in reader.orders(OrdersFilter(since_ms=AT_MS + 1, until_ms=AT_MS + 2))] == [
                order(2)
            ]
            assert [o.order_no for o in reader.orders(OrdersFilter(limit=1, offset=1))] == [order(2)]
            assert [view.order_no for view in reader.open_payments()] == [order(3)]
            (taking,) = reader.takings(since_ms=AT_MS, until_ms=AT_MS + 10)
            assert (taking.order_no, taking.amount.fen, taking.channel) == (order(1), 1250, "alipay")
            assert [(e.kind, e.said_by) for e in reader.timeline(order(1))] == [
                ("payment.started", "01"),
                ("payment.observed", "G1"),
                ("payment.settled", "G1"),
                ("payment.acked", "G1"),
            ]
            unsent = reader.unsent()
            assert (unsent.count, unsent.oldest_at_ms) == (5, AT_MS + 1)
            journal.append(whole(4), at_ms=AT_MS + 3)
            assert len(reader.orders(OrdersFilter())) == 4
            with pytest.raises(sqlite3.OperationalError):
                vars(reader)["_db"].execute("delete from setting")
