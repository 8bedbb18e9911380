"""A row beside the chain that cannot be read, or a number that no entry has: damage that is named, never a crash."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from protocol.messages import CodeVerifier, OfflineKit
from protocol.reasons import Reason
from sync.engine.statements import CashBack, CashReturned, CashTaken, KitStored, ProofTaken, StandingChanged
from sync.errors import JournalDamagedError, JournalGuardError
from sync.journal.journal import Journal
from sync.journal.read import JournalReader, OrdersFilter
from sync.journal.verify import Break
from tests.contract.sync.samples import AT_MS, offline_shown, order, started, whole

TERMINAL = "T000000000001"


def opened(folder: Path) -> Journal:
    return Journal.open(folder / "journal.db", terminal_id=TERMINAL)


def damaged(folder: Path, *statements: str) -> None:
    with closing(opened(folder)) as journal:
        journal.append([*whole(1, paid=False), started(2)], at_ms=AT_MS)
        journal.mark_delivered(2)
        journal.park(3, Reason.TOO_LARGE, at_ms=AT_MS)
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(("drop trigger entry_is_never_changed", "update entry set at_ms = -5 where seq = 4"), id="time"),
        pytest.param(("update parked set reason = 'whim'",), id="parked"),
        pytest.param(("update setting set value = '2x' where name = 'delivered_through'",), id="delivered"),
        pytest.param((f"update setting set value = '{9 * '999'}' where name = 'delivered_through'",), id="beyond"),
    ],
)
def test_a_journal_with_a_row_that_cannot_be_read_is_not_opened(tmp_path: Path, statements: tuple[str, ...]) -> None:
    damaged(tmp_path, *statements)
    with pytest.raises(JournalDamagedError):
        opened(tmp_path)


def test_cash_given_back_for_no_reason_of_ours_is_damage_for_the_till_and_for_its_lists(
    tmp_path: Path,
) -> None:
    tender = CashTaken(
        payment_no=f"{order(5)}-1",
        order_no=order(5),
        sale_id=order(6),
        amount_fen=100,
        currency="CNY",
        received_fen=100,
        change_fen=0,
        operator="01",
    )
    back = CashReturned(
        payment_no=tender.payment_no, sale_id=tender.sale_id, amount_fen=100, operator="01", why=CashBack.OTHER
    )
    with closing(opened(tmp_path)) as journal:
        journal.append([tender, back], at_ms=AT_MS)
    damaged(tmp_path, "update cash set returned_why = 'whim'")
    with closing(opened(tmp_path)) as journal, pytest.raises(JournalDamagedError):
        journal.cash(tender.payment_no)
    with JournalReader(tmp_path / "journal.db") as reader, pytest.raises(JournalDamagedError):
        reader.orders(OrdersFilter())


@pytest.mark.parametrize("cell", ["{", "{}", "[]"])
def test_a_payment_whose_row_cannot_be_read_is_damage_for_the_till_and_for_its_lists(tmp_path: Path, cell: str) -> None:
    damaged(tmp_path, f"update payment set record = '{cell}' where order_no = '{order(2)}'")
    with closing(opened(tmp_path)) as journal, pytest.raises(JournalDamagedError):
        journal.unfinished(settled_since_ms=0)
    with JournalReader(tmp_path / "journal.db") as reader, pytest.raises(JournalDamagedError):
        reader.orders(OrdersFilter())


@pytest.mark.parametrize(("name", "value"), [("kit", "{"), ("kit", '{"deep":' + "[" * 9_999), ("standing", "whim")])
def test_a_kit_or_a_standing_that_cannot_be_read_is_damage(tmp_path: Path, name: str, value: str) -> None:
    damaged(tmp_path, f"insert into offline_state (name, value) values ('{name}', '{value}')")
    with closing(opened(tmp_path)) as journal:
        read = {"kit": lambda: journal.offline_book(epoch=1, since_ms=0), "standing": journal.standing}
        with pytest.raises(JournalDamagedError):
            read[name]()


KIT = OfflineKit(
    epoch=1,
    base_url="https://gateway.test",
    proof_keys=(),
    codes=(CodeVerifier(index=1, verifier="0" * 32),),
    order_limit_fen=1,
    typed_order_limit_fen=1,
    typed_shift_limit_fen=1,
    server_time_ms=AT_MS,
)


@pytest.mark.parametrize(
    ("forgery", "where"),
    [
        ("update offline_order set oseq = 9", f"{order(1)}-1"),
        ("update offline_order set cancelled = 1", f"{order(1)}-1"),
        ("delete from offline_order", f"{order(1)}-1"),
        ("delete from offline_proof", order(1)),
        ("update offline_proof set paid = 0", order(1)),
        ("delete from offline_state where name = 'kit'", "kit"),
        ("update offline_state set value = '' where name = 'standing'", "kit"),
    ],
)
def test_verify_sees_a_changed_row_of_an_offline_order_its_proof_the_kit_and_the_standing(
    tmp_path: Path, forgery: str, where: str
) -> None:
    shown = offline_shown(1)
    proof = ProofTaken(payment_no=shown.payment_no, said_by="proof:1", paid=True, operator="01", kid=1, at_s=1)
    kit = KitStored(payment_no="", said_by="G1", kit=KIT)
    stopped = StandingChanged(payment_no="", said_by="G1", refused=Reason.TERMINAL_FROZEN)
    with closing(opened(tmp_path)) as journal:
        journal.append([kit, shown, proof, stopped], at_ms=AT_MS)
    with JournalReader(tmp_path / "journal.db") as reader:
        assert reader.verify().broken is None
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as connection:
        connection.execute(forgery)
    with JournalReader(tmp_path / "journal.db") as reader:
        verdict = reader.verify()
    assert (verdict.broken, verdict.payment_no) == (Break.TABLES, where)


def test_the_database_itself_refuses_a_second_proof_of_an_order(tmp_path: Path) -> None:
    shown = offline_shown(1)
    proof = ProofTaken(payment_no=shown.payment_no, said_by="proof:1", paid=True, operator="01", kid=1, at_s=1)
    with closing(opened(tmp_path)) as journal:
        journal.append([started(2), shown, proof], at_ms=AT_MS)
        head = journal.head
        with pytest.raises(JournalGuardError):
            journal.append([proof], at_ms=AT_MS)
        assert journal.head == head
