"""What a power cut leaves of a folder, and how recorded statements become steps."""

from __future__ import annotations

from random import Random

import pytest

from proof.power.disk import SECTOR, Cut, Damage, Disk, Made, Removed, Synced, Wrote
from proof.power.recording import Statement
from proof.power.steps import steps_of, words_of

_OLD = b"o" * (2 * SECTOR)
_NEW = b"n" * (2 * SECTOR)


def _after(disk: Disk, damage: Damage, seed: int = 1) -> dict[str, bytes]:
    return disk.after(damage, Random(seed))


class TestDisk:
    def test_what_was_not_synced_may_be_lost_and_may_be_there(self) -> None:
        disk = Disk({"f": _OLD})
        disk.do(Wrote("f", 0, _NEW))
        assert _after(disk, Damage.NONE) == {"f": _OLD}
        assert _after(disk, Damage.ALL) == {"f": _NEW}
        assert not disk.settled

    def test_what_was_synced_is_there_whatever_happens(self) -> None:
        disk = Disk({"f": _OLD})
        disk.do(Wrote("f", 0, _NEW))
        disk.do(Synced("f", folder=False))
        assert disk.settled
        assert all(_after(disk, damage) == {"f": _NEW} for damage in Damage)

    def test_some_writes_may_be_there_without_the_ones_before_them(self) -> None:
        disk = Disk({"f": _OLD})
        disk.do(Wrote("f", 0, _NEW[:SECTOR]))
        disk.do(Wrote("f", SECTOR, _NEW[SECTOR:]))
        found = {_after(disk, Damage.SOME, seed)["f"] for seed in range(40)}
        assert found == {_OLD, _NEW, _NEW[:SECTOR] + _OLD[SECTOR:], _OLD[:SECTOR] + _NEW[SECTOR:]}

    def test_one_write_may_be_torn_at_a_sector_and_nowhere_else(self) -> None:
        disk = Disk({"f": _OLD})
        disk.do(Wrote("f", 100, _NEW[: SECTOR + 10]))
        found = {_after(disk, Damage.TORN, seed)["f"] for seed in range(60)}
        first = _OLD[:100] + _NEW[: SECTOR - 100] + _OLD[SECTOR:]
        assert first in found
        assert len(found) == 4

    def test_a_write_behind_the_end_leaves_zeros_where_nothing_was_written(self) -> None:
        disk = Disk({"f": b""})
        disk.do(Wrote("f", SECTOR, b"x"))
        assert _after(disk, Damage.ALL) == {"f": bytes(SECTOR) + b"x"}

    def test_a_file_that_was_cut_may_still_be_long(self) -> None:
        disk = Disk({"f": _OLD})
        disk.do(Cut("f", 0))
        assert _after(disk, Damage.NONE) == {"f": _OLD}
        assert _after(disk, Damage.ALL) == {"f": b""}

    @pytest.mark.parametrize("folder", [False, True])
    def test_a_name_is_lasting_with_its_folder(self, folder: bool) -> None:
        disk = Disk({})
        disk.do(Made("new"))
        disk.do(Wrote("new", 0, b"x"))
        disk.do(Synced("new", folder=folder))
        assert _after(disk, Damage.NONE) == ({"new": b"x"} if folder else {})
        assert _after(disk, Damage.ALL) == {"new": b"x"}

    @pytest.mark.parametrize("folder", [False, True])
    def test_a_removed_file_may_come_back_until_the_folder_was_synced(self, folder: bool) -> None:
        disk = Disk({"f": _OLD})
        disk.do(Removed("f", folder=folder))
        assert _after(disk, Damage.NONE) == ({} if folder else {"f": _OLD})
        assert _after(disk, Damage.ALL) == {}


def _statements(*sql: str, connection: int = 1) -> list[Statement]:
    return [Statement(connection=connection, sql=one) for one in sql]


class TestSteps:
    def test_a_transaction_is_one_step_and_is_promised_by_its_commit(self) -> None:
        steps = steps_of(_statements("BEGIN IMMEDIATE", "insert into t (a) values (1)", "COMMIT", "update t set a = 2"))
        assert [(step.kind, step.promised) for step in steps] == [("insert t", True), ("update t", True)]

    def test_what_was_rolled_back_or_cut_off_is_not_promised(self) -> None:
        rolled = _statements("BEGIN", "delete from t", "SAVEPOINT unit", "ROLLBACK TO SAVEPOINT unit", "ROLLBACK")
        steps = steps_of([*rolled, *_statements("BEGIN", "delete from t"), *_statements("pragma x = 1", connection=2)])
        assert [step.promised for step in steps] == [False, False, False]

    def test_a_row_that_speaks_names_the_kind(self) -> None:
        said = "INSERT INTO payment_events (order_no, n, what) VALUES ('it''s, (x)', 1, 'not_paid:CLOSED')"
        assert words_of(said) == ("payment_events not_paid:CLOSED",)
        assert words_of("insert into orders (order_no) values ('a')") == ()
        (step,) = steps_of(_statements(said))
        assert step.kind == "payment_events not_paid:CLOSED"
