"""A line between two processes, as bad as its profile draws it: what is lost, late, doubled, cut, spoiled or refused.

Rules
- REFUSED and CONNECT_TIMEOUT mean that not one byte of the request arrived. After CUT and READ_TIMEOUT it may have
  arrived, may still arrive, and may arrive twice.
- A request that was sent travels on when its sender is dead; one that arrives runs inside the server's process and dies
  with it.
It must not know what the requests say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from proof.simulation.faults import LineFaults, Span
from proof.simulation.processes import Process, spawn_outside


class LineEnd(StrEnum):
    """How an exchange ended without an answer."""

    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    CUT = "cut"
    READ_TIMEOUT = "read_timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One whole HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Serve = Callable[[], Awaitable[Reply | None]]
Note = Callable[[str, str], None]

_HTML = b"<html><head><title>Sign in</title></head><body>Please accept the terms of this network</body></html>"
_SPOILS = ("html_200", "html_502", "empty_503", "half", "garbage", "json_500")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    there_s: float
    back_s: float
    refused: bool
    lost_request: bool
    lost_answer: bool
    cut: bool
    duplicate_s: float | None
    spoil: str | None


class Wire:
    """`note(what, about)` tells each fault that was drawn. `host` finds the server's process at that moment, if it is
    up; without one the server is not a process that can die."""

    def __init__(
        self, *, name: str, faults: LineFaults, chance: Random, host: Callable[[], Process | None] | None, note: Note
    ) -> None:
        self.name = name
        self._faults = faults
        self._chance = chance
        self._host = host
        self._note = note
        self._calm = False
        self._outage: str | None = None
        self.under_way = 0

    def calm(self) -> None:
        """No fault is drawn from now on; what is under way still arrives as it was drawn."""
        self._calm = True
        self._outage = None

    async def weather(self) -> None:
        """Outages come and go until the line is calm."""
        every = self._faults.outage_every
        while every is not None and not self._calm:
            await asyncio.sleep(_draw(self._chance, every))
            if self._calm:
                return
            self._outage = self._chance.choice(("refused", "silent", "portal"))
            self._note("outage", f"{self.name} {self._outage}")
            await asyncio.sleep(_draw(self._chance, self._faults.outage_lasts))
            self._outage = None

    async def exchange(self, about: str, serve: Serve, *, connect_s: float, read_s: float) -> Reply | LineEnd:
        """Carries one request there and its answer back, or says how it ended."""
        plan = self._plan(about)
        outage = self._outage
        if outage == "portal":
            await asyncio.sleep(plan.there_s)
            return _spoiled("html_200", None, self._chance)
        if outage == "silent":
            await asyncio.sleep(connect_s)
            return LineEnd.CONNECT_TIMEOUT
        if outage == "refused" or plan.refused or (self._host is not None and self._host() is None):
            await asyncio.sleep(self._faults.delay[0])
            return LineEnd.REFUSED
        answer: asyncio.Future[Reply | LineEnd] = asyncio.get_running_loop().create_future()
        spawn_outside(self._carry(plan, about, serve, answer))
        try:
            async with asyncio.timeout(read_s):
                return await answer
        except TimeoutError:
            return LineEnd.READ_TIMEOUT

    async def _carry(self, plan: _Plan, about: str, serve: Serve, answer: asyncio.Future[Reply | LineEnd]) -> None:
        self.under_way += 1
        try:
            await asyncio.sleep(plan.there_s)
            if plan.lost_request:
                _resolve(answer, LineEnd.CUT if plan.cut else None)
                return
            if plan.duplicate_s is not None:
                spawn_outside(self._carry_again(plan.duplicate_s, about, serve))
            reply = await self._serve(serve)
            await asyncio.sleep(plan.back_s)
            if plan.lost_answer:
                _resolve(answer, LineEnd.CUT if plan.cut else None)
            elif plan.spoil is not None and isinstance(reply, Reply):
                _resolve(answer, _spoiled(plan.spoil, reply, self._chance))
            else:
                _resolve(answer, reply)
        finally:
            self.under_way -= 1

    async def _carry_again(self, after_s: float, about: str, serve: Serve) -> None:
        """The same bytes a second time; nobody waits for their answer."""
        self.under_way += 1
        await asyncio.sleep(after_s)
        self._note("duplicate_arrives", about)
        await self._serve(serve)
        self.under_way -= 1

    async def _serve(self, serve: Serve) -> Reply | LineEnd:
        if self._host is None:
            reply = await serve()
            return LineEnd.CUT if reply is None else reply
        host = self._host()
        if host is None:
            return LineEnd.CUT
        answer: asyncio.Future[Reply | LineEnd] = asyncio.get_running_loop().create_future()
        host.on_death(lambda: _resolve(answer, LineEnd.CUT))

        async def inside() -> None:
            reply = await serve()
            _resolve(answer, LineEnd.CUT if reply is None else reply)

        host.spawn(inside())
        return await answer

    def _plan(self, about: str) -> _Plan:
        faults, chance = self._faults, self._chance
        there, back = _draw(chance, faults.delay), _draw(chance, faults.delay)
        if self._calm:
            return _Plan(
                there_s=there, back_s=back, refused=False, lost_request=False, lost_answer=False, cut=False,
                duplicate_s=None, spoil=None,
            )  # fmt: skip
        if self._drawn(faults.slow, "slow", about):
            extra = _draw(chance, faults.slow_delay)
            there, back = (there + extra, back) if chance.random() < 0.5 else (there, back + extra)
        doubled = self._drawn(faults.duplicated, "duplicated", about)
        spoiled = self._drawn(faults.spoiled, "spoiled", about)
        return _Plan(
            there_s=there,
            back_s=back,
            refused=self._drawn(faults.refused, "refused", about),
            lost_request=self._drawn(faults.lost_request, "lost_request", about),
            lost_answer=self._drawn(faults.lost_answer, "lost_answer", about),
            cut=chance.random() < 0.5,
            duplicate_s=_draw(chance, (0.0, 2.0)) if doubled else None,
            spoil=chance.choice(_SPOILS) if spoiled else None,
        )

    def _drawn(self, rate: float, what: str, about: str) -> bool:
        drawn = self._chance.random() < rate
        if drawn:
            self._note(what, f"{self.name} {about}")
        return drawn


def _draw(chance: Random, span: Span) -> float:
    return round(chance.uniform(*span), 3)


def _resolve(answer: asyncio.Future[Reply | LineEnd], outcome: Reply | LineEnd | None) -> None:
    """None: nobody ever answers."""
    if outcome is not None and not answer.done():
        answer.set_result(outcome)


def _spoiled(how: str, reply: Reply | None, chance: Random) -> Reply | LineEnd:
    """What a captive portal, a tired proxy or a broken router makes of an answer."""
    html = {"content-type": "text/html"}
    match how:
        case "html_200":
            return Reply(status=200, headers=html, body=_HTML)
        case "html_502":
            return Reply(status=502, headers=html, body=_HTML)
        case "empty_503":
            return Reply(status=503, headers={}, body=b"")
        case "json_500":
            return Reply(status=500, headers={"content-type": "application/json"}, body=b'{"state":"PAID"}')
        case "half" if reply is not None:
            return Reply(status=reply.status, headers=reply.headers, body=reply.body[: len(reply.body) // 2])
        case "garbage" if reply is not None:
            return Reply(status=reply.status, headers=reply.headers, body=chance.randbytes(40))
        case _:
            return LineEnd.CUT
