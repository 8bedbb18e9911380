"""A tiny HTTP/1.1 server on loopback for tests: it does to a connection exactly what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from protocol.signature import RequestParts, ResponseParts

Handler = Callable[[RequestParts], Awaitable[ResponseParts | bytes | None]]


@dataclass
class Loopback:
    """`handler` returns a response, raw bytes to write before cutting the connection, or None to cut it at once."""

    handler: Handler
    tls: ssl.SSLContext | None = None
    requests: list[RequestParts] = field(default_factory=list[RequestParts])
    connections: int = 0
    _serving: set[asyncio.Task[object]] = field(default_factory=set[asyncio.Task[object]])

    async def __aenter__(self) -> Loopback:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            while (request := await read_request(reader)) is not None:
                self.requests.append(request)
                answer = await self.handler(request)
                if answer is None:
                    break
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                    break
                writer.write(as_bytes(answer))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Swallowed on purpose: asyncio.streams in 3.11 logs an error for a connection task that was cancelled.
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()


async def read_request(reader: asyncio.StreamReader) -> RequestParts | None:
    line = (await reader.readline()).decode()
    if not line:
        return None
    method, target, _ = line.split(" ")
    path, _, query = target.partition("?")
    headers: dict[str, str] = {}
    while (field_line := (await reader.readline()).decode().strip()) != "":
        name, _, value = field_line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return RequestParts(method=method, authority=headers["host"], path=path, query=query, headers=headers, body=body)


def as_bytes(answer: ResponseParts) -> bytes:
    headers = {**answer.headers, "content-length": str(len(answer.body))}
    lines = [f"HTTP/1.1 {answer.status} X", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + answer.body
