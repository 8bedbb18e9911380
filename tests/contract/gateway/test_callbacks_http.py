"""The address itself: a body is read to its limit and no longer than a wallet waits; the rest is the gateway's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.applications import Starlette

from gateway.callbacks.letter import MOST_BYTES
from gateway.callbacks.routes import callback_routes
from proof.virtual_time import VirtualTimeLoop, run_virtual
from protocol.states import GatewayState
from tests.contract.gateway.callback_world import (
    CallbackWorld,
    alipay_form,
    alipay_letter,
    in_callback_world,
    open_order,
)

Message = MutableMapping[str, Any]


async def _call(
    world: CallbackWorld,
    receive: Callable[[], Awaitable[Message]],
    path: str = "/notify/alipay/a1",
    method: str = "POST",
) -> tuple[int, bytes]:
    """One request through the web framework, without a socket."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"Content-Type", b"application/x-www-form-urlencoded; text/html; charset=utf-8")],
        "client": ("203.0.113.9", 5),
    }
    app = Starlette(routes=callback_routes(world.gateway))
    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return sent[0]["status"], body


class Parts:
    """Gives a body out in parts and counts them; `hang`: then nothing more comes."""

    def __init__(self, *parts: bytes, hang: bool = False) -> None:
        self._parts = list(parts)
        self._hang = hang
        self.given = 0

    async def __call__(self) -> Message:
        if not self._parts:
            if self._hang:
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}
        self.given += 1
        part = self._parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(self._parts) or self._hang}


def test_a_notification_in_parts_is_taken_whole() -> None:
    async def story(world: CallbackWorld) -> None:
        world.put(*open_order())
        body = alipay_letter(alipay_form())
        assert await _call(world, Parts(body[:100], body[100:])) == (200, b"success")
        assert world.payment().state is GatewayState.PAID
        (row,) = world.kept()
        assert row.remote == "203.0.113.9"

    in_callback_world(story)


def test_a_body_that_is_too_long_is_not_read_to_its_end() -> None:
    async def story(world: CallbackWorld) -> None:
        parts = Parts(*[b"x" * 8_192] * 100)
        assert await _call(world, parts) == (200, b"fail")
        assert parts.given == MOST_BYTES // 8_192 + 1
        assert world.outcomes() == ["oversized"]

    in_callback_world(story)


def test_a_body_that_stops_is_given_up_before_the_wallet_gives_up() -> None:
    loop = VirtualTimeLoop()

    async def played() -> tuple[int, bytes]:
        world = CallbackWorld()
        try:
            return await _call(world, Parts(b"sign=", hang=True))
        finally:
            await world.store.aclose()

    assert run_virtual(played(), loop) == (400, b"")
    assert loop.time() < 5


def test_nothing_but_post_is_taken_and_a_cut_body_is_nothing() -> None:
    async def story(world: CallbackWorld) -> None:
        assert (await _call(world, Parts(b""), method="GET"))[0] == 405
        assert (await _call(world, Parts()))[0] == 400
        assert (await _call(world, Parts(b"x"), path="/notify/alipay/nobody"))[0] == 404
        assert world.kept() == []

    in_callback_world(story)
