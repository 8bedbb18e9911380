"""What the journal has for the next offline order: whom its bitmap names, and who is at the counter."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from protocol.messages import Proof
from protocol.states import ProofKind
from sync.engine.offline_record import OfflineBook
from sync.engine.statements import (
    AnyStatement,
    CancelCause,
    CancelIntended,
    OfflineParked,
    ParkWhy,
    PaymentSettled,
    StatusShown,
)
from sync.journal.journal import Journal
from tests.contract.sync.samples import AT_MS, offline_shown, order, started

TERMINAL = "T000000000001"


def book(folder: Path, *statements: AnyStatement, epoch: int = 1) -> OfflineBook:
    with closing(Journal.open(folder / "journal.db", terminal_id=TERMINAL)) as journal:
        journal.append(statements, at_ms=AT_MS)
        return journal.offline_book(epoch=epoch, since_ms=0)


def cancelled(index: int) -> CancelIntended:
    return CancelIntended(payment_no=f"{order(index)}-1", operator="01", cause=CancelCause.CASHIER)


def parked(index: int) -> OfflineParked:
    return OfflineParked(payment_no=f"{order(index)}-1", operator="01", why=ParkWhy.LEFT)


def ended(index: int, *, paid: bool) -> PaymentSettled:
    proof = None if paid else Proof(kind=ProofKind.TOMBSTONE, said_by="gateway", at_ms=AT_MS)
    return PaymentSettled(payment_no=f"{order(index)}-1", said_by="G1", paid=paid, state_seq=2, proof=proof)


def status_shown(index: int) -> StatusShown:
    return StatusShown(
        payment_no=f"{order(index)}-1",
        amount_fen=1250,
        operator="01",
        order="ORDER",
        epoch=1,
        oseq=index,
        kid=1,
        base_url="https://gateway.test",
        until_ms=AT_MS,
        down_ms=None,
    )


def test_the_bitmap_names_orders_that_were_cancelled_here_whatever_became_of_them_but_paid(tmp_path: Path) -> None:
    """One that is paid heard its cancel over the line. A STATUS QR only asks: its payment has its own cancel."""
    found = book(
        tmp_path,
        *(offline_shown(1), cancelled(1)),
        *(offline_shown(2), parked(2)),
        *(offline_shown(3), cancelled(3), ended(3, paid=False)),
        *(offline_shown(4), cancelled(4), ended(4, paid=True)),
        *(started(5), status_shown(5), cancelled(5)),
    )
    assert (found.cancelled, found.last_oseq) == ((1, 3), 5)


def test_sixteen_orders_back_the_bitmap_ends(tmp_path: Path) -> None:
    shown = [part for index in range(1, 21) for part in (offline_shown(index), cancelled(index))]
    assert book(tmp_path, *shown).cancelled == tuple(range(5, 21))


def test_numbers_count_within_their_activation(tmp_path: Path) -> None:
    found = book(tmp_path, offline_shown(7), cancelled(7), epoch=2)
    assert (found.cancelled, found.last_oseq, found.last_release) == ((), 0, 0)


def test_the_order_at_the_counter_is_open_and_neither_parked_nor_cancelled_nor_a_question(tmp_path: Path) -> None:
    others = (
        *(offline_shown(1), cancelled(1)),
        *(offline_shown(2), parked(2)),
        *(offline_shown(3), ended(3, paid=True)),
        *(offline_shown(4), ended(4, paid=False)),
        *(started(5), status_shown(5)),
    )
    assert book(tmp_path, *others).waiting is None
    assert book(tmp_path, offline_shown(6)).waiting == f"{order(6)}-1"
