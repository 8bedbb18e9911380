"""The virtual gun on a real pseudo-terminal: what a till reads, and what happens when it does not."""

import asyncio
import os
import random
import select
import termios
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import serial

from sandbox.gun import VirtualGun, pieces
from sandbox.gun_port import Hold
from tests.contract.sandbox.running_sandbox import RunningSandbox

CODE = "281234567890123456"


def with_gun(work: Callable[[VirtualGun], Awaitable[None]]) -> None:
    async def run() -> None:
        gun = VirtualGun(random.Random(3).randbytes)
        try:
            await work(gun)
        finally:
            gun.close()

    asyncio.run(run())


def read_now(fd: int) -> bytes:
    readable, _, _ = select.select([fd], [], [], 0)
    return os.read(fd, 65536) if readable else b""


def read_codes(fd: int, count: int) -> bytes:
    """What is there once so many lines have come: the kernel hands a pseudo-terminal's bytes over in its own time."""
    got = b""
    while got.count(b"\r") < count:
        readable, _, _ = select.select([fd], [], [], 10)
        assert readable, f"{count} lines were sent, {got.count(13)} came"
        got += os.read(fd, 65536)
    return got


def open_till(gun: VirtualGun) -> int:
    return os.open(gun.path, os.O_RDWR | os.O_NOCTTY)


def test_a_till_reads_the_code_and_a_carriage_return_and_nothing_is_echoed() -> None:
    async def work(gun: VirtualGun) -> None:
        till = open_till(gun)
        assert await gun.hold(CODE) is Hold.SENT
        assert read_codes(till, 1) == CODE.encode() + b"\r"
        assert termios.tcgetattr(till)[3] & termios.ECHO == 0
        os.close(till)

    with_gun(work)


def test_the_line_survives_a_till_that_closes_and_opens_it_again() -> None:
    async def work(gun: VirtualGun) -> None:
        for _ in range(3):
            till = open_till(gun)
            assert await gun.hold(CODE) is Hold.SENT
            assert read_codes(till, 1) == CODE.encode() + b"\r"
            os.close(till)

    with_gun(work)


def test_without_a_reader_the_line_fills_and_says_so_instead_of_blocking() -> None:
    async def work(gun: VirtualGun) -> None:
        # One burst, so that nothing counts as stale: the line takes a few codes and then refuses.
        seen = [await gun.hold(CODE) for _ in range(10)]
        sent = seen.count(Hold.SENT)
        assert 7 <= sent <= 9, "how full the line is shows when the kernel has handed the bytes over"
        assert seen == [Hold.SENT] * sent + [Hold.LINE_FULL] * (10 - sent)
        till = open_till(gun)
        assert read_codes(till, sent) == (CODE.encode() + b"\r") * sent
        assert await gun.hold(CODE) is Hold.SENT
        os.close(till)

    with_gun(work)


def test_commands_of_the_till_are_taken_away_so_that_it_never_blocks() -> None:
    async def work(gun: VirtualGun) -> None:
        till = open_till(gun)
        os.set_blocking(till, False)
        sent = 0
        for _ in range(40):
            sent += os.write(till, b"\x16T\r" * 100)
            await asyncio.sleep(0)
        assert sent == 40 * 300
        assert read_now(till) == b""
        os.close(till)

    with_gun(work)


def test_pieces_make_up_the_line_and_are_of_different_sizes() -> None:
    cut = [tuple(pieces(b"0123456789" * 3, random.Random(seed).randbytes)) for seed in range(20)]
    assert all(b"".join(parts) == b"0123456789" * 3 for parts in cut)
    assert {len(part) for parts in cut for part in parts} == {1, 2, 3, 4, 5, 6, 7}


def test_hold_over_http_is_read_by_pyserial_at_the_uri_that_the_sandbox_names(sandbox: RunningSandbox) -> None:
    assert sandbox.gun is not None
    assert sandbox.gun.startswith("serial:/dev/")
    code = sandbox.code()
    with serial.Serial(sandbox.gun.removeprefix("serial:"), 9600, timeout=5) as port:
        answer = sandbox.post("/phone/hold", auth_code=code)
        assert (answer.status_code, answer.json()) == (200, {"held": True})
        assert port.read_until(b"\r") == code.encode() + b"\r"


def test_only_codes_of_this_sandbox_are_held(sandbox: RunningSandbox) -> None:
    answer = sandbox.post("/phone/hold", auth_code=CODE)
    assert (answer.status_code, answer.json()["reason"]) == (404, "unknown_code")
    assert CODE not in answer.text


@pytest.mark.parametrize("name", ["gun.py"])
def test_only_the_gun_needs_a_pseudo_terminal(name: str) -> None:
    """The rest imports on systems that have none."""
    room = Path(__file__).parents[3] / "sandbox"
    users = {path.name for path in room.rglob("*.py") if "import termios" in path.read_text("utf-8")}
    assert users == {name}
