"""The admin door over real sockets: only the owner of the files is heard, hostile bytes end their own line, and one
process at a time writes a database."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.configure.door import Door, open_door, plate_path, read_plate
from gateway.configure.knock import Silence, call_door
from gateway.configure.reach import Unreached, perform
from gateway.configure.words import (
    MOST_BYTES,
    AlarmsAction,
    AlarmSaid,
    AlarmsOrder,
    AlarmsSaid,
    ApplyOrder,
    CodeMade,
    CodeOrder,
    Failed,
    Order,
    Planned,
    Question,
    Refused,
    Said,
    read_said,
    write_line,
)
from gateway.store.sqlite import DatabaseLock
from gateway.store.units import StoreFailed
from gateway.system import SystemEntropy
from protocol.reasons import Reason
from tests.unit.gateway.configure_shop import MERCHANT, STORE

MADE = CodeMade(code="ABCDEFGHJKMN", store="s1", uses=1, expires_ms=1, ticket=None)
ORDER = CodeOrder(store="s1")

Handler = Callable[[Order], Awaitable[Said]]


async def _make(_order: Order) -> Said:
    return MADE


@asynccontextmanager
async def opened(database: Path, handler: Handler = _make, *, unix: bool = True) -> AsyncGenerator[Door, None]:
    door = await open_door(database, handler, SystemEntropy(), unix=unix)
    try:
        yield door
    finally:
        await door.aclose()


async def _say(door: Door, *parts: bytes, end: bool = False) -> bytes:
    """What comes back until the door hangs up or one line is there."""
    assert door.plate.socket is not None
    reader, writer = await asyncio.open_unix_connection(door.plate.socket, limit=2 * MOST_BYTES)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if end:
            writer.write_eof()
        async with asyncio.timeout(5):
            return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("unix", [True, False])
def test_an_order_reaches_the_handler_and_its_answer_comes_back(tmp_path: Path, unix: bool):
    heard: list[Order] = []

    async def handler(order: Order) -> Said:
        heard.append(order)
        return MADE

    async def scene() -> Said | Silence:
        async with opened(tmp_path / "g.db", handler, unix=unix):
            return await asyncio.to_thread(call_door, tmp_path / "g.db", ORDER)

    assert asyncio.run(scene()) == MADE
    assert heard == [ORDER]


def test_an_answer_may_be_longer_than_any_question(tmp_path: Path):
    """What is open is listed whole: "whether it was done is not known" would be said of what was done."""
    alarms = tuple(
        AlarmSaid(alarm=number, kind="paid_unnoticed", about="A" * 40, detail="1250 fen " * 8, raised_ms=1)
        for number in range(20_000)
    )
    listed = AlarmsSaid(alarms=alarms, done=True)
    assert len(write_line(listed)) > 2 * MOST_BYTES

    async def answer(_order: Order) -> Said:
        return listed

    async def story() -> None:
        async with opened(tmp_path / "g.db", answer):
            said = await asyncio.to_thread(call_door, tmp_path / "g.db", AlarmsOrder(action=AlarmsAction.LIST))
            assert said == listed

    asyncio.run(story())


def test_the_doors_files_are_for_their_owner_alone_and_go_when_it_closes(tmp_path: Path):
    async def scene() -> dict[str, int]:
        async with opened(tmp_path / "g.db"):
            return {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert asyncio.run(scene()) == {"g.db.door": 0o600, "g.db.sock": 0o600}
    assert list(tmp_path.iterdir()) == []


def test_a_database_far_down_in_the_tree_has_a_door_too(tmp_path: Path):
    """A Unix socket's path is short; where the database's is not, the socket lies in a private folder of its own."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)

    async def scene() -> tuple[Said | Silence, Path]:
        async with opened(deep / "g.db") as door:
            assert door.plate.socket is not None
            path = Path(door.plate.socket)
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            return await asyncio.to_thread(call_door, deep / "g.db", ORDER), path.parent

    said, folder = asyncio.run(scene())
    assert said == MADE
    assert not folder.exists()


def test_a_dead_socket_and_plate_of_a_killed_process_are_replaced(tmp_path: Path):
    (tmp_path / "g.db.sock").touch()
    plate_path(tmp_path / "g.db").write_text('{"token": "old", "socket": "/nowhere"}')

    async def scene() -> Said | Silence:
        async with opened(tmp_path / "g.db"):
            return await asyncio.to_thread(call_door, tmp_path / "g.db", ORDER)

    assert asyncio.run(scene()) == MADE


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"hello\n",
        b"{}\n",
        b"\xff\xfe\n",
        b'{"token": 5}\n',
        b'{"deep": ' + b"[" * 100_000 + b"\n",
        b'{"token": "", "order": {"do": "activation_code", "store": "s1"}}\n',
        write_line(Question(token="0" * 43, order=ORDER)),
    ],
)
def test_without_the_token_the_line_ends_without_a_word(tmp_path: Path, line: bytes):
    async def never(_order: Order) -> Said:
        raise AssertionError("nobody may be heard without the token")

    async def scene() -> bytes:
        async with opened(tmp_path / "g.db", never) as door:
            return await _say(door, line)

    assert asyncio.run(scene()) == b""


def test_a_line_that_is_too_long_or_never_ends_is_not_heard(tmp_path: Path):
    """The line ends, and the next caller is served."""

    async def scene() -> tuple[bytes, bytes, bytes]:
        async with opened(tmp_path / "g.db") as door:
            long = await _say(door, *[b"x" * 65_536] * 20)
            token = door.plate.token
            cut = await _say(door, write_line(Question(token=token, order=ORDER))[:-2], end=True)
            good = await _say(door, write_line(Question(token=token, order=ORDER)))
            return long, cut, good

    long, cut, good = asyncio.run(scene())
    assert (long, cut) == (b"", b"")
    assert read_said(good) == MADE


def test_an_order_of_another_version_is_told_so(tmp_path: Path):
    async def scene() -> bytes:
        async with opened(tmp_path / "g.db") as door:
            asked = json.dumps({"token": door.plate.token, "order": {"do": "fly"}})
            return await _say(door, asked.encode() + b"\n")

    said = read_said(asyncio.run(scene()))
    assert isinstance(said, Failed)
    assert said.reason == Reason.BAD_REQUEST


def test_a_crowd_at_the_door_is_sent_away_and_the_door_stays_open(tmp_path: Path):
    """Four lines at a time; one more is hung up on at once; when one leaves, there is room again."""

    async def scene() -> tuple[bytes, bytes]:
        async with opened(tmp_path / "g.db") as door:
            assert door.plate.socket is not None
            idle = [await asyncio.open_unix_connection(door.plate.socket) for _ in range(4)]
            question = write_line(Question(token=door.plate.token, order=ORDER))
            for reader, writer in idle:  # an answered question shows that the line was taken
                writer.write(question)
                await reader.readline()
            crowded = await _say(door, question)
            for reader, writer in idle:
                writer.write_eof()
                await reader.read()
                writer.close()
            return crowded, await _say(door, question)

    crowded, after = asyncio.run(scene())
    assert crowded == b""
    assert read_said(after) == MADE


def test_a_defect_behind_the_door_is_told_and_logged_without_the_order(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    async def broken(_order: Order) -> Said:
        raise ValueError("a defect")

    async def scene() -> Said | Silence:
        async with opened(tmp_path / "g.db", broken):
            order = ApplyOrder(toml="x", files={"k": "PRIVATE"})
            return await asyncio.to_thread(call_door, tmp_path / "g.db", order)

    said = asyncio.run(scene())
    assert isinstance(said, Failed)
    assert said.reason == Reason.INTERNAL
    shown = capfd.readouterr()
    assert "an order at the door failed" in shown.out + shown.err
    assert "PRIVATE" not in shown.out + shown.err


def test_a_failed_store_is_told(tmp_path: Path):
    async def failed(_order: Order) -> Said:
        raise StoreFailed("disk I/O error")

    async def scene() -> Said | Silence:
        async with opened(tmp_path / "g.db", failed):
            return await asyncio.to_thread(call_door, tmp_path / "g.db", ORDER)

    assert isinstance(asyncio.run(scene()), Failed)


def test_closing_ends_lines_that_are_open(tmp_path: Path):
    async def scene() -> bytes:
        begun = asyncio.Event()

        async def forever(_order: Order) -> Said:
            begun.set()
            await asyncio.Event().wait()
            return MADE

        door = await open_door(tmp_path / "g.db", forever, SystemEntropy())
        asking = asyncio.create_task(_say(door, write_line(Question(token=door.plate.token, order=ORDER))))
        await begun.wait()
        async with asyncio.timeout(5):
            await door.aclose()
        return await asking

    assert asyncio.run(scene()) == b""


def test_nobody_listens(tmp_path: Path):
    """No plate, half a plate, a plate of a process that is gone: nothing was asked."""
    database = tmp_path / "g.db"
    assert call_door(database, ORDER) is Silence.NO_DOOR
    plate_path(database).write_bytes(b'{"tok')
    assert read_plate(database) is None
    plate_path(database).write_text(json.dumps({"token": "t", "socket": str(tmp_path / "gone")}))
    assert call_door(database, ORDER) is Silence.NO_DOOR


def test_a_line_that_is_cut_after_the_question_is_not_an_answer(tmp_path: Path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    plate_path(tmp_path / "g.db").write_text(json.dumps({"token": "t", "socket": str(tmp_path / "s")}))

    async def scene() -> Said | Silence:
        asking = asyncio.create_task(asyncio.to_thread(call_door, tmp_path / "g.db", ORDER))
        line, _ = await asyncio.to_thread(listener.accept)
        line.recv(65_536)
        line.sendall(b'{"said": "code", "co')
        line.close()
        return await asking

    assert asyncio.run(scene()) is Silence.CUT
    listener.close()


def test_without_a_gateway_the_order_is_done_on_the_file(tmp_path: Path):
    database = tmp_path / "new" / "g.db"
    said = perform(database, ApplyOrder(toml=MERCHANT + STORE))
    assert isinstance(said, Planned)
    again = perform(database, ApplyOrder(toml=MERCHANT + STORE))
    assert isinstance(again, Planned)
    assert again.plan.changes == ()
    made = perform(database, CodeOrder(store="s1"), url="https://pay.example.com")
    assert isinstance(made, CodeMade)
    assert made.ticket is not None


def test_a_dry_run_makes_no_database(tmp_path: Path):
    said = perform(tmp_path / "g.db", ApplyOrder(toml=MERCHANT + STORE, dry_run=True))
    assert isinstance(said, Planned)
    assert len(said.plan.changes) == 2
    assert not (tmp_path / "g.db").exists()


def test_what_does_not_fit_through_the_door_is_refused_either_way(tmp_path: Path):
    said = perform(tmp_path / "g.db", ApplyOrder(toml="#" * MOST_BYTES))
    assert isinstance(said, Refused)


def test_a_database_that_is_held_in_silence_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The lock is held and nobody answers: after its patience the order is given up, and nothing was written."""
    monkeypatch.setattr("gateway.configure.reach._PATIENCE_S", 0.05)
    lock = DatabaseLock(tmp_path / "g.db")
    try:
        assert perform(tmp_path / "g.db", ORDER) is Unreached.HELD
    finally:
        lock.release()
    assert not (tmp_path / "g.db").exists()


def test_a_running_gateway_takes_orders_and_a_killed_one_leaves_no_obstacle(tmp_path: Path):
    """Over a real process: plan, code with its ticket, kill -9, then the file itself."""
    database, file = tmp_path / "g.db", tmp_path / "shop.toml"
    file.write_text(MERCHANT + STORE, encoding="utf-8")
    guitai = [sys.executable, "-m", "guitai", "gateway"]
    serve = [*guitai, "serve", "--database", str(database), "--listen", "127.0.0.1:0", "--announce"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["gateway"]
            first = perform(database, ApplyOrder(toml=file.read_text(encoding="utf-8")))
            assert isinstance(first, Planned)
            assert len(first.plan.changes) == 2
            made = perform(database, CodeOrder(store="s1"), url="https://elsewhere.example.com")
            assert isinstance(made, CodeMade)
            assert made.ticket is not None
            assert made.ticket.startswith(f"GT1:{url}#")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=5)
    again = perform(database, ApplyOrder(toml=file.read_text(encoding="utf-8")))
    assert isinstance(again, Planned)
    assert again.plan.changes == ()
