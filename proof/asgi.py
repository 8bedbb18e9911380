"""One request to a web application without a socket: for pages in worlds with a virtual clock. Only whole answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from sandbox.line import LineAnswer, LineRequest

App = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]


async def ask(app: App, request: LineRequest) -> LineAnswer:
    """The application's answer to one request, as a browser on this computer makes it."""
    parts = urlsplit(request.url)
    headers = {"host": parts.netloc, **{name.lower(): value for name, value in request.headers.items()}}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": parts.scheme,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode("ascii"),
        "query_string": parts.query.encode("ascii"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 40_000),
        "server": (parts.hostname, parts.port or 443),
    }
    body = [request.body]
    status = 500
    answered: list[tuple[str, str]] = []
    said = bytearray()

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body.pop() if body else b"", "more_body": False}

    async def send(event: MutableMapping[str, Any]) -> None:
        nonlocal status
        if event["type"] == "http.response.start":
            status = event["status"]
            answered.extend(
                (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in event["headers"]
            )
        elif event["type"] == "http.response.body":
            said.extend(event.get("body", b""))

    await app(scope, receive, send)
    return LineAnswer(status=status, headers=tuple(answered), body=bytes(said))
