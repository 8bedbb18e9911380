"""Power cuts at each disk operation of recorded transactions: nothing promised is lost, nothing is half; and the judge
finds what a lying disk loses."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("apsw", reason="apsw, of the extra `proof`, makes the images")

from proof.power.images import Tally, final_state, replay
from proof.power.kinds import Reached, kinds_in_code
from proof.power.oracles import in_memory, judge_journal, judge_store, open_journal
from proof.power.recording import Recording, recording
from proof.power.run import Recorded, cut_power, record
from protocol.messages import Presented
from sync.engine.statements import PaymentStarted
from sync.journal.journal import Journal


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    return record(1)


def test_every_kind_of_transaction_that_code_has_was_recorded(recorded: Recorded) -> None:
    assert recorded.unreached == ()
    assert recorded.kinds == len(kinds_in_code())


def test_a_kind_that_nothing_reached_is_named() -> None:
    kinds = kinds_in_code()
    reached = Reached(functions=set(kinds.functions - {"gateway.store.acks.add"}))
    reached.words = {f"entry {kind}" for kind in kinds.entries if kind != "payment.settled"}
    reached.words |= {f"payment_events {event.rstrip('*')}CLOSED" for event in kinds.events if event.endswith("*")}
    reached.words |= {f"payment_events {event}" for event in kinds.events if event != "sent"}
    assert reached.missing(kinds) == ["entry payment.settled", "event sent", "gateway.store.acks.add"]


def test_no_image_of_any_kind_of_transaction_or_migration_loses_or_halves_anything(recorded: Recorded) -> None:
    """A slice: each kind once, after one of several operations. `guitai torture --images` makes all of them."""
    found = cut_power(recorded, seed=1, limit=900, processes=1)
    assert (found.lost, found.half, found.complaints) == (0, 0, ())
    assert found.clean
    assert found.images > 900
    assert min(found.images_by_damage[damage] for damage in ("none", "all", "some", "torn")) > 50
    assert found.migrations >= 2
    assert found.second_opinions >= 3


def test_a_disk_that_lies_about_syncs_is_found_out(recorded: Recorded) -> None:
    smallest = min(recorded.recordings, key=lambda one: len(one.statements))
    lying = replace(recorded, recordings=(smallest,))
    found = cut_power(lying, seed=1, limit=200, processes=1, swallows_syncs=True)
    assert found.lost > 0
    assert not found.clean


def test_synchronous_off_is_found_out(tmp_path: Path) -> None:
    """The canary: the journal's own statements, with the one setting that makes them last taken away."""
    original = _journal_of_one_payment(tmp_path)
    careless = Recording(path=original.path, begin=original.begin)
    careless.statements = [
        replace(one, sql="pragma synchronous = off") if one.sql == "pragma synchronous = full" else one
        for one in original.statements
    ]
    assert careless.statements != original.statements
    assert _replayed(original, tmp_path / "a").lost == 0
    assert _replayed(careless, tmp_path / "b").lost > 0


def test_an_order_in_halves_is_found_though_no_byte_is_lost(recorded: Recorded, tmp_path: Path) -> None:
    """The rules over whole states: a payment row without its entry, a paid payment without its booking."""
    journal = next(one for one in recorded.recordings if one.path.name == "journal.db")
    whole = final_state(journal, tmp_path)
    assert judge_journal(whole) == []
    assert judge_journal(_changed(whole, "update payment set state = 'PAID' where state = 'NOT_PAID'")) != []
    store = next(one for one in recorded.recordings if one.path.name == "gateway.db")
    whole = final_state(store, tmp_path)
    assert judge_store(whole) == []
    halved = {
        "a paid payment has its order, its room for refunds and its booking": "delete from refund_room",
        "what was promised back is reserved, no more and no less": "update refund_room set reserved_fen = 0",
        "a payment has its first event": "delete from payment_events",
        "an acknowledgement is in both places": "delete from acks",
        "a terminal's chain ends where its head says": "delete from journal_entries where seq = 2",
        "a bill that is kept has its file and its lines": "delete from statement_lines",
    }
    for rule, change in halved.items():
        assert rule in judge_store(_changed(whole, change)), rule


def _changed(state: bytes, sql: str) -> bytes:
    with in_memory(state) as db:
        db.execute("pragma ignore_check_constraints = on")
        db.execute(sql)
        db.commit()
        return db.serialize()


def _journal_of_one_payment(folder: Path) -> Recording:
    with recording(folder) as recorder:
        journal = Journal.open(folder / "journal.db", terminal_id="0000000000000")
        started = PaymentStarted(
            payment_no="A-1",
            order_no="A",
            n=1,
            sale_id="S",
            amount_fen=1,
            currency="CNY",
            presented=Presented.CUSTOMER,
            subject="",
            operator="01",
        )
        journal.append([started], at_ms=1)
        journal.close()
    (found,) = recorder.recordings
    return found


def _replayed(recorded: Recording, folder: Path) -> Tally:
    tally = Tally()
    replay(
        recorded,
        folder=folder,
        name="one",
        chance=Random(1),
        tally=tally,
        judge_state=judge_journal,
        open_as_product=open_journal,
    )
    return tally


def test_a_recording_is_replayed_to_the_very_same_rows(tmp_path: Path) -> None:
    original = _journal_of_one_payment(tmp_path)
    with sqlite3.connect(original.path) as written, in_memory(final_state(original, tmp_path)) as replayed:
        assert list(written.iterdump()) == list(replayed.iterdump())
