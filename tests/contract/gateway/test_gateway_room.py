"""The gateway's disk: the ballast is given up for what is running, new payments are refused in words, and it comes
back; a commit that failed is unknown, and the process ends."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.store.room import Room
from gateway.store.runners import ThreadedStore
from gateway.store.sqlite import open_sqlite
from gateway.store.units import StoreFailed, Tx
from protocol.messages import PaymentStatus
from protocol.reasons import Reason
from protocol.states import GatewayState
from tests.contract.gateway.gateway_world import World, in_world

_MIB = 1024 * 1024


def _note(number: int, size: int = 10) -> Callable[[Tx], None]:
    def unit(tx: Tx) -> None:
        row = {"t": f"t{number}", "b": "x" * size}
        tx.connection.execute(text("insert into nonces (keyid, nonce, at_ms) values (:t, :b, 1)"), row)

    return unit


async def _kept(store: ThreadedStore, number: int) -> int:
    """1 when the store promised it."""
    try:
        await store.run(_note(number, 100_000))
    except StoreFailed:
        return 0
    return 1


def _count(tx: Tx) -> int:
    return int(tx.connection.execute(text("select count(*) from nonces")).scalar_one())


class TestRoom:
    def test_the_ballast_is_real_blocks_and_is_made_again_only_when_there_is_plenty(self, tmp_path: Path) -> None:
        free = [100 * _MIB]
        room = Room(tmp_path / "g.db", ballast_bytes=_MIB, floor_bytes=_MIB, free=lambda _: free[0])
        assert room.full(), "without a ballast nothing new begins"
        assert room.fill()
        assert room.ballast.stat().st_blocks * 512 >= _MIB
        assert not room.full()
        free[0] = _MIB - 1
        assert room.full()
        assert room.release()
        assert not room.release()
        assert not room.fill(), "there is no plenty"
        free[0] = 100 * _MIB
        assert room.full()
        assert room.fill()
        assert not room.full()

    def test_a_folder_that_cannot_be_asked_counts_as_full(self, tmp_path: Path) -> None:
        room = Room(tmp_path / "gone" / "g.db", ballast_bytes=_MIB, floor_bytes=1)
        assert room.full()
        assert not room.fill()


class TestNewPayments:
    def test_a_new_payment_on_a_full_disk_ends_unpaid_with_its_reason_and_nothing_is_sent(self) -> None:
        async def story(world: World) -> None:
            till = await world.till()
            running = till.payment(world.show_code("ask_password:8"))
            await till.pay(running)
            world.disk_full = True
            fresh = till.payment(world.show_code("pay"))
            answer = await till.pay(fresh)
            assert isinstance(answer, PaymentStatus)
            assert (answer.state, answer.reason) == (GatewayState.NOT_PAID, Reason.GATEWAY_FULL)
            assert answer.proof is not None
            settled, _ = await till.final(running.payment_no)
            assert settled.state is GatewayState.PAID, "what runs is recorded to its end"
            assert [order.out_trade_no[:25] for order in world.wallets.orders()] == [running.payment_no[:25]]
            world.disk_full = False
            again, _ = await till.final(_paid(await till.pay(till.payment(world.show_code("pay")))))
            assert again.state is GatewayState.PAID

        in_world(story)


def _paid(answer: object) -> str:
    assert isinstance(answer, PaymentStatus)
    return answer.payment_no


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A disk of 24 MiB, where a mount is allowed."""
    place = tmp_path / "small"
    place.mkdir()
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    command = ("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place))
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(("umount", "--lazy", str(place)), check=True)


def test_what_is_committed_is_not_run_again_when_the_disk_is_full_for_what_follows_it(tmp_path: Path) -> None:
    """Some file systems need room to write a block in place: the file beside the database is written once more, and
    the units of the transaction are not."""
    full, ran = [True], [0]

    def follows(_tx: Tx) -> None:
        if full[0]:
            raise StoreFailed("g.db.anchor cannot be written", code=sqlite3.SQLITE_FULL)

    def make_room() -> bool:
        full[0] = False
        return True

    def once(tx: Tx) -> None:
        ran[0] += 1
        _note(ran[0])(tx)

    async def story() -> int:
        store = ThreadedStore(open_sqlite(tmp_path / "g.db"), make_room=make_room, committed=follows)
        await store.run(once)
        kept = await store.run(_count)
        await store.aclose()
        return kept

    assert (asyncio.run(story()), ran[0]) == (1, 1)


class TestSmallDisk:
    def test_on_a_full_disk_the_ballast_lets_what_runs_be_recorded_and_nothing_is_lost(self, small_disk: Path) -> None:
        path = small_disk / "gateway.db"
        failures: list[StoreFailed] = []
        room = Room(path, ballast_bytes=4 * _MIB, floor_bytes=_MIB)
        released: list[bool] = []

        def make_room() -> bool:
            released.append(room.release())
            return released[-1]

        async def story() -> int:
            store = ThreadedStore(open_sqlite(path), on_failed=failures.append, make_room=make_room)
            assert room.fill()
            written = 0
            while not released:
                await store.run(_note(written, 100_000))
                written += 1
            assert released == [True]
            assert room.full(), "new payments are refused from here on"
            for _ in range(20):
                await store.run(_note(written, 100))
                written += 1
            assert await store.run(_count) == written
            await store.aclose()
            return written

        written = asyncio.run(story())
        assert failures == []
        engine = open_sqlite(path)
        with engine.connect() as connection:
            assert _count(Tx(connection)) == written
        engine.dispose()

    def test_without_a_ballast_a_full_disk_fails_the_store_and_keeps_what_was_promised(self, small_disk: Path) -> None:
        path = small_disk / "gateway.db"
        failures: list[StoreFailed] = []

        async def story() -> int:
            store = ThreadedStore(open_sqlite(path), on_failed=failures.append)
            written = 0
            while not failures:
                written += await _kept(store, written)
            with pytest.raises(StoreFailed):
                await store.run(_count)
            await store.aclose()
            return written

        written = asyncio.run(story())
        assert len(failures) == 1
        (small_disk / "gateway.db-shm").unlink(missing_ok=True)
        subprocess.run(("mount", "-o", "remount,size=64m", str(small_disk)), check=True)
        engine = open_sqlite(path)
        with engine.connect() as connection:
            assert _count(Tx(connection)) == written
        engine.dispose()
