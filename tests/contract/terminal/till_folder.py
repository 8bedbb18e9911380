"""An activated folder without a network, a journal with given statements, and a gateway that answers on loopback."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from protocol.keys import b64url, public_text
from protocol.secret import Secret
from protocol.signature import RequestParts, ResponseParts
from protocol.states import GatewayState
from sync.engine.statements import AnyStatement
from sync.folder import Folder, TerminalIdentity
from sync.journal.journal import Journal
from sync.link.exchange import NoAnswer, NotSent, Timeouts
from tests.contract.sync.fake_gateway import GATEWAY_KEY, GATEWAY_KID, TERMINAL_ID, TILL_KEY, FakeGateway
from tests.contract.sync.loopback import Loopback

#: Nothing listens there.
NOBODY = "http://127.0.0.1:9"
DEADLINE_S = 20.0


def make_till(path: Path, *, gateway_url: str = NOBODY) -> TerminalIdentity:
    """Writes what an activation would have written."""
    folder = Folder(path)
    folder.make()
    seed = TILL_KEY.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    folder.write_pending_key(Secret(b64url(seed)))
    identity = TerminalIdentity(
        terminal_id=TERMINAL_ID,
        terminal_name="till 1",
        epoch=1,
        store_id="s",
        store_name="茶店",
        merchant_id="m",
        merchant_name="M",
        gateway_url=gateway_url,
        gateway_keys={GATEWAY_KID: public_text(GATEWAY_KEY)},
        root_keys={},
    )
    folder.adopt(identity)
    return identity


def fill(path: Path, statements: Sequence[AnyStatement], *, at_ms: int) -> None:
    """Appends to the folder's journal as the till would."""
    journal = Journal.open(Folder(path).journal, terminal_id=TERMINAL_ID)
    try:
        for number, statement in enumerate(statements):
            journal.append([statement], at_ms=at_ms + number * 1000)
    finally:
        journal.close()


@contextmanager
def gateway_on_loopback() -> Generator[tuple[str, FakeGateway]]:
    """A gateway with real signatures whose wallet pays everything."""
    gateway = FakeGateway(now_ms=lambda: time.time_ns() // 1_000_000)
    gateway.wallet = lambda _: GatewayState.PAID
    ready, ended = threading.Event(), threading.Event()
    urls: list[str] = []

    async def handle(request: RequestParts) -> ResponseParts | None:
        answer = await gateway("", request, Timeouts(connect_ms=1, write_ms=1, read_ms=50, total_ms=100))
        return None if isinstance(answer, (NotSent, NoAnswer)) else answer

    async def serve() -> None:
        async with Loopback(handle) as server:
            urls.append(server.url)
            ready.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(DEADLINE_S)
        yield urls[0], gateway
    finally:
        ended.set()
        thread.join(DEADLINE_S)
