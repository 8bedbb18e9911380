"""The admin door of a running gateway: a local socket beside its database, for the owner of the files alone.

Rules
- A Unix socket of mode 0600 (where there are none: a loopback port), and a token from a 0600 file. Both are needed.
- One JSON line is one question; lines and waits are bounded. A wrong token ends the line without a word.
- It is opened by the process that holds the database's lock, so a socket that is found there is a dead one.
It must not know what is asked: `handler` does.
"""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from gateway.configure.words import (
    MOST_BYTES,
    CodeMade,
    Failed,
    Order,
    Planned,
    ProofKeysSaid,
    Said,
    TerminalsSaid,
    read_order,
    token_of,
    write_line,
)
from gateway.ports import Entropy
from gateway.store.units import StoreFailed
from protocol.keys import b64url
from protocol.reasons import Reason

Handler = Callable[[Order], Awaitable[Said]]

_PATIENCE_S: Final = 10.0
_MOST_LINES: Final = 4
#: A Unix socket's path has 108 bytes on Linux, 104 elsewhere, the last one a zero.
_MOST_PATH_BYTES: Final = 100
_FOLDER: Final = "guitai-door-"


class DoorPlate(Struct, frozen=True, kw_only=True):
    """The file beside the database that says where the door is. `socket` is a path, or `port` one on loopback."""

    token: str
    socket: str | None = None
    port: int | None = None

    def __repr__(self) -> str:
        return "DoorPlate(…)"


def plate_path(database: Path) -> Path:
    return database.with_name(database.name + ".door")


def read_plate(database: Path) -> DoorPlate | None:
    """Where the running gateway of this database listens; None while there is no plate, or half of one."""
    try:
        return msgspec.json.decode(plate_path(database).read_bytes(), type=DoorPlate)
    except (FileNotFoundError, msgspec.MsgspecError, RecursionError):
        return None


@dataclass(slots=True, kw_only=True)
class Door:
    """An open door. `aclose` takes its files away."""

    plate: DoorPlate = field(repr=False)
    _server: asyncio.Server
    _files: tuple[Path, ...]
    _post: _Post

    async def aclose(self) -> None:
        self._server.close()
        await self._post.aclose()
        await self._server.wait_closed()
        for path in self._files:
            path.unlink(missing_ok=True)
            if path.parent.name.startswith(_FOLDER):
                path.parent.rmdir()


async def open_door(
    database: Path, handler: Handler, entropy: Entropy, *, unix: bool = hasattr(socket, "AF_UNIX")
) -> Door:
    """Opens the door of this database. The caller holds the database's lock."""
    plate_file = plate_path(database)
    plate_file.unlink(missing_ok=True)
    token = b64url(entropy.bytes(32))
    post = _Post(token=token, handler=handler)
    if unix:
        path = _socket_path(database)
        server = await asyncio.start_unix_server(post.greet, sock=_unix_socket(path), limit=MOST_BYTES)
        plate, files = DoorPlate(token=token, socket=str(path)), (plate_file, path)
    else:
        server = await asyncio.start_server(post.greet, host="127.0.0.1", port=0, limit=MOST_BYTES)
        plate, files = DoorPlate(token=token, port=server.sockets[0].getsockname()[1]), (plate_file,)
    _write_private(plate_file, msgspec.json.encode(plate))
    return Door(plate=plate, _server=server, _files=files, _post=post)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """Receives connections."""

    token: str = field(repr=False)
    handler: Handler
    greeting: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])
    talks: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A line is a task of its own: to close the door lines are cancelled, and what greeted them ends by itself."""
        task = asyncio.current_task()
        assert task is not None, "asyncio runs each connection as a task"
        self.greeting.add(task)
        try:
            if len(self.talks) < _MOST_LINES:
                talk = asyncio.create_task(self._talk(reader, writer))
                self.talks.add(talk)
                talk.add_done_callback(self.talks.discard)
                await asyncio.wait({talk})
                if not talk.cancelled():
                    talk.result()  # a defect is the loop's to report, never swallowed
        finally:
            self.greeting.discard(task)
            writer.close()

    async def aclose(self) -> None:
        for talk in tuple(self.talks):
            talk.cancel()
        await asyncio.gather(*self.greeting, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(_PATIENCE_S):
                    line = await reader.readline()
                token = token_of(line) if line.endswith(b"\n") else None
                if token is None or not compare_digest(token.encode(), self.token.encode()):
                    return
                writer.write(write_line(await self._answer(line)))
                async with asyncio.timeout(_PATIENCE_S):
                    await writer.drain()
        except (TimeoutError, ValueError, ConnectionError):
            return  # too slow, too long, or gone: whoever is there may knock again

    async def _answer(self, line: bytes) -> Said:
        order = read_order(line)
        if order is None:
            return Failed(
                reason=Reason.BAD_REQUEST, hint="the running gateway does not know this order: another version?"
            )
        log = structlog.get_logger("gateway.configure")
        try:
            said = await self.handler(order)
        except StoreFailed:
            return Failed(reason=Reason.INTERNAL, hint="the gateway's database failed and it is stopping; see its log")
        except Exception as error:  # noqa: BLE001 - a defect here must not end the gateway; the caller is told
            log.error("an order at the door failed", error=type(error).__name__, at=_place(error))
            return Failed(reason=Reason.INTERNAL, hint="the gateway failed at this; its log says where")
        match said:
            case Planned(applied=True) if said.plan.changes:
                log.info("configuration applied", changes=[f"{i.verb} {i.kind} {i.id}" for i in said.plan.changes])
            case CodeMade():
                log.info("activation code made", store=said.store, uses=said.uses, expires_ms=said.expires_ms)
            case TerminalsSaid(done=True):
                log.info("a terminal was switched off")
            case ProofKeysSaid(done=True):
                log.info("proof keys changed", keys=[f"{key.kid} {key.state}" for key in said.keys])
            case _:
                pass
        return said


def _place(error: Exception) -> str:
    """Where it was raised. Neither its text nor any value: an order carries keys."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _socket_path(database: Path) -> Path:
    beside = database.with_name(database.name + ".sock").absolute()
    if len(os.fsencode(beside)) <= _MOST_PATH_BYTES:
        return beside
    return Path(tempfile.mkdtemp(prefix=_FOLDER)) / "door"


def _unix_socket(path: Path) -> socket.socket:
    """Private before anybody can connect: bound, closed to others, and only then listening."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener


def _write_private(path: Path, content: bytes) -> None:
    """Whole or not at all: whoever reads it sees a plate or none."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
