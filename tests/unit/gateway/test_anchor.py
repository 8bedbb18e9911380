"""The file beside the database tells a backup from the latest; it is never ahead of what was committed."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from gateway.store.anchor import Anchor
from gateway.store.runners import InlineStore
from gateway.store.sqlite import open_sqlite
from gateway.store.units import StoreFailed, Tx


class Ones:
    def bytes(self, count: int) -> bytes:
        return b"\x01" * count


def event(tx: Tx) -> None:
    """Anything that happens to a payment; the keys of other tables are not what is looked at."""
    tx.connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    tx.connection.exec_driver_sql("INSERT INTO merchants (merchant_id, name) VALUES ('m', 'm') ON CONFLICT DO NOTHING")
    tx.connection.exec_driver_sql(
        "INSERT INTO stores (store_id, merchant_id, name) VALUES ('s', 'm', 's') ON CONFLICT DO NOTHING"
    )
    tx.connection.exec_driver_sql(
        "INSERT INTO terminals (terminal_id, store_id, name, public_key, epoch, activated_ms, journal_seq,"
        " journal_head) VALUES ('t', 's', '', 'k', 1, 1, 0, '') ON CONFLICT DO NOTHING"
    )
    tx.connection.exec_driver_sql(
        "INSERT INTO payments (terminal_id, order_no, n, amount_fen, currency, presented, subject, operator,"
        " created_ms, state, state_seq, amber, payer_prompted) VALUES ('t', 'o', 1, 1, 'CNY', 'merchant', '', '', 1,"
        " 'CREATED', 1, 0, 0) ON CONFLICT DO NOTHING"
    )
    tx.connection.exec_driver_sql(
        "INSERT INTO payment_events (terminal_id, order_no, n, at_ms, what, said_by, detail)"
        " VALUES ('t', 'o', 1, 1, 'accepted', 'till', '')"
    )


def started(folder: Path, *, events: int = 0, begins: bool = True) -> str | None:
    """What a start finds; then so many events, each followed by the file, as the store does. `begins`: false, the
    process ends before the file was there."""
    store, anchor = InlineStore(open_sqlite(folder / "gateway.db")), Anchor(folder / "gateway.db")
    how = store.run_now(lambda tx: anchor.compare(tx, Ones()))
    if begins:
        anchor.begin()
        store.run_now(anchor.begun)
    for _ in range(events):
        store.run_now(event)
        store.run_now(anchor.write)
    anchor.close()
    asyncio.run(store.aclose())
    return how


def test_a_database_that_goes_on_is_the_latest(tmp_path: Path) -> None:
    assert started(tmp_path) is None
    assert started(tmp_path, events=2) is None
    assert started(tmp_path) is None


def test_an_older_database_is_found_out_and_once(tmp_path: Path) -> None:
    assert started(tmp_path, events=1) is None
    kept = (tmp_path / "gateway.db").read_bytes()
    assert started(tmp_path, events=2) is None
    (tmp_path / "gateway.db").write_bytes(kept)
    assert started(tmp_path) == "3 payment events were written, 1 are here"
    assert started(tmp_path) is None


def test_a_file_that_is_behind_is_no_sign_of_anything(tmp_path: Path) -> None:
    """A power cut may take its latest words: it is not synced each time."""
    assert started(tmp_path, events=2) is None
    path = tmp_path / "gateway.db.anchor"
    path.write_text(path.read_text().replace(f"{2:020d}", f"{1:020d}"))
    assert started(tmp_path) is None


@pytest.mark.parametrize("text", [None, "", "guitai-anchor", f"guitai-anchor {0:032x} {0:020d}\n", "\0" * 70])
def test_a_database_without_its_file_may_be_a_backup(tmp_path: Path, text: str | None) -> None:
    assert started(tmp_path, events=1) is None
    path = tmp_path / "gateway.db.anchor"
    path.unlink()
    if text is not None:
        path.write_text(text)
    assert started(tmp_path) is not None
    assert started(tmp_path) is None


def test_an_upgraded_shop_whose_first_start_ended_before_the_file_was_there_is_no_backup(tmp_path: Path) -> None:
    store = InlineStore(open_sqlite(tmp_path / "gateway.db"))
    store.run_now(event)
    asyncio.run(store.aclose())
    assert started(tmp_path, begins=False) is None
    assert started(tmp_path) is None
    (tmp_path / "gateway.db.anchor").unlink()
    assert started(tmp_path) is not None


def test_an_empty_database_without_its_file_is_new(tmp_path: Path) -> None:
    assert started(tmp_path) is None
    (tmp_path / "gateway.db.anchor").unlink()
    assert started(tmp_path) is None


def test_a_file_beside_a_database_that_never_had_one_is_a_newer_ones(tmp_path: Path) -> None:
    assert started(tmp_path, events=1) is None
    (tmp_path / "gateway.db").unlink()
    assert started(tmp_path) is not None


def test_a_file_that_cannot_be_written_fails_the_store(tmp_path: Path) -> None:
    class Worn(Anchor):
        worn = False

        def _put(self, place: int) -> int:
            if self.worn:
                raise OSError(errno.EIO, "I/O error")
            return super()._put(place)

    store, anchor = InlineStore(open_sqlite(tmp_path / "gateway.db")), Worn(tmp_path / "gateway.db")
    store.run_now(lambda tx: anchor.compare(tx, Ones()))
    anchor.begin()
    anchor.worn = True
    store.run_now(event)
    with pytest.raises(StoreFailed, match=r"gateway\.db\.anchor cannot be written: I/O error"):
        store.run_now(anchor.write)
    anchor.close()
    asyncio.run(store.aclose())
