"""A line between two processes, as bad as its profile draws it: what is lost, late, doubled, cut, spoiled or refused.

Rules
- REFUSED, NO_NAME and CONNECT_TIMEOUT: not one byte of the request arrived. After CUT and READ_TIMEOUT it may have
  arrived, may still arrive, and may arrive twice.
- A request that was sent travels on when its sender is dead; one that arrives runs inside the server's process and dies
  with it.
It must not know what the requests say.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from random import Random
from typing import TypeVarTuple, Unpack

from msgspec import Struct
from msgspec.structs import replace

from proof.simulation.faults import LineFaults, Span
from proof.simulation.processes import Process, outside


class LineEnd(StrEnum):
    """How an exchange ended without an answer."""

    REFUSED = "refused"
    NO_NAME = "no_name"
    CONNECT_TIMEOUT = "connect_timeout"
    CUT = "cut"
    READ_TIMEOUT = "read_timeout"


class Reply(Struct, frozen=True, kw_only=True):
    """One whole HTTP answer; header names are lower case. `true`: as its server gave it to this very request."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    true: bool = True


#: What is told when the server has answered; CUT: it did not.
Then = Callable[[Reply | LineEnd], None]
#: A request arrives; the server answers now or later.
Serve = Callable[[Then], None]
Note = Callable[[str, str], None]
Forge = Callable[[str, Reply], Reply]
Ts = TypeVarTuple("Ts")

_HTML = b"<html><head><title>Sign in</title></head><body>Please accept the terms of this network</body></html>"
_SPOILS = ("html_200", "html_502", "empty_503", "half", "garbage", "json_500", "busy_429", "forged", "swapped")
#: Answers of a captive portal, of a tired proxy, of one that counts.
_WEATHER = {"portal": ("html_200",), "storm": ("html_502", "empty_503", "json_500"), "busy": ("busy_429",)}
#: So many earlier answers of a line may come again in the place of another.
_REMEMBERED = 8
#: So long before its time is over the last byte of an answer comes that drips.
_LAST_MOMENT_S = 0.002


class _Plan(Struct, frozen=True, kw_only=True):
    there_s: float
    back_s: float
    refused: bool
    lost_request: bool
    lost_answer: bool
    cut: bool
    duplicate_s: float | None
    spoil: str | None


class _Carried(Struct, frozen=True, kw_only=True):
    """One request on its way, and who waits for its answer."""

    about: str
    plan: _Plan
    serve: Serve
    answer: asyncio.Future[Reply | LineEnd]


def inside(host: Callable[[], Process | None], work: Callable[[], Awaitable[Reply | None]]) -> Serve:
    """A server that is a process: the request runs in it and dies with it."""

    def serve(then: Then) -> None:
        process = host()
        if process is None:
            then(LineEnd.REFUSED)
            return
        told = False

        def once(reply: Reply | None) -> None:
            nonlocal told
            if not told:
                told = True
                then(LineEnd.CUT if reply is None else reply)

        process.on_death(lambda: once(None))

        async def handle() -> None:
            once(await work())

        process.spawn(handle())

    return serve


class Wire:
    """`note(what, about)` tells each fault that was drawn. `forge` makes an impostor's answer of a true one."""

    def __init__(
        self,
        *,
        name: str,
        faults: LineFaults,
        chance: Random,
        note: Note,
        forge: Forge | None = None,
    ) -> None:
        self.name = name
        self._faults = faults
        self._chance = chance
        self._note = note
        self._forge = forge
        self._loop = asyncio.get_running_loop()
        self._outside = outside()
        self._calm = False
        self._outage: str | None = None
        self._earlier: deque[Reply] = deque(maxlen=_REMEMBERED)
        self.under_way = 0
        #: Whether an earlier answer may come in the place of another: not where only TLS binds one to its request.
        self.swaps = forge is not None

    def calm(self) -> None:
        """No fault is drawn from now on; what is under way still arrives as it was drawn."""
        self._calm = True
        self._outage = None

    async def weather(self, *, first: Span | None = None) -> None:
        """Outages come and go until the line is calm. `first`: it begins with one that lasts so long."""
        every = self._faults.outage_every
        if first is not None:
            self._outage = self._chance.choice(self._faults.outages)
            await asyncio.sleep(_draw(self._chance, first))
            self._outage = None
        while every is not None and not self._calm:
            await asyncio.sleep(_draw(self._chance, every))
            if self._calm:
                return
            self._outage = self._chance.choice(self._faults.outages)
            self._note(f"outage_{self._outage}", self.name)
            await asyncio.sleep(_draw(self._chance, self._faults.outage_lasts))
            self._outage = None

    async def exchange(self, about: str, serve: Serve, *, connect_s: float, read_s: float) -> Reply | LineEnd:
        """Carries one request there and its answer back, or says how it ended."""
        plan = self._plan(about)
        match self._outage:
            case "portal" | "storm" | "busy" as weather:
                await asyncio.sleep(min(plan.there_s, read_s))
                return _spoiled(self._chance.choice(_WEATHER[weather]), None, self._chance)
            case "silent":
                await asyncio.sleep(connect_s)
                return LineEnd.CONNECT_TIMEOUT
            case "dns":
                await asyncio.sleep(self._faults.delay[1])
                return LineEnd.NO_NAME
            case "refused":
                await asyncio.sleep(self._faults.delay[0])
                return LineEnd.REFUSED
            case _:
                pass
        if plan.refused:
            await asyncio.sleep(self._faults.delay[0])
            return LineEnd.REFUSED
        if not self._calm and self._drawn(self._faults.drip, "drip", about):
            plan = replace(plan, back_s=max(plan.back_s, round(read_s - plan.there_s - _LAST_MOMENT_S, 3)))
        answer: asyncio.Future[Reply | LineEnd] = self._loop.create_future()
        carried = _Carried(about=about, plan=plan, serve=serve, answer=answer)
        self.under_way += 1
        self._later(plan.there_s, self._arrives, carried)
        late = self._later(read_s, _resolve, answer, LineEnd.READ_TIMEOUT)
        reply = await answer
        late.cancel()
        return reply

    def _later(self, after_s: float, act: Callable[[Unpack[Ts]], object], *args: *Ts) -> asyncio.TimerHandle:
        """What is on its way belongs to no process."""
        return self._loop.call_later(after_s, act, *args, context=self._outside)

    def _arrives(self, carried: _Carried) -> None:
        plan = carried.plan
        if plan.lost_request or self._outage == "mute":
            self.under_way -= 1
            _resolve(carried.answer, LineEnd.CUT if plan.cut else None)
            return
        again = None
        if plan.duplicate_s is not None:
            self.under_way += 1
            again = self._later(plan.duplicate_s, self._arrives_again, carried)

        def answered(reply: Reply | LineEnd) -> None:
            if reply is LineEnd.REFUSED and again is not None and again.when() > self._loop.time():
                # Nobody listened: no byte was taken, and none can come again.
                again.cancel()
                self.under_way -= 1
            self._answered(carried, reply)

        carried.serve(answered)

    def _arrives_again(self, carried: _Carried) -> None:
        """The same bytes a second time; nobody waits for their answer."""
        self._note("duplicate_arrives", carried.about)
        carried.serve(self._unheard)

    def _unheard(self, _reply: Reply | LineEnd) -> None:
        self.under_way -= 1

    def _answered(self, carried: _Carried, reply: Reply | LineEnd) -> None:
        self._later(carried.plan.back_s, self._returns, carried, reply)

    def _returns(self, carried: _Carried, reply: Reply | LineEnd) -> None:
        self.under_way -= 1
        plan = carried.plan
        if plan.lost_answer or self._outage == "deaf":
            _resolve(carried.answer, LineEnd.CUT if plan.cut else None)
        elif plan.spoil is not None and isinstance(reply, Reply):
            _resolve(carried.answer, self._spoil(plan.spoil, carried.about, reply))
        else:
            _resolve(carried.answer, reply)
        if isinstance(reply, Reply):
            self._earlier.append(reply)

    def _spoil(self, how: str, about: str, reply: Reply) -> Reply | LineEnd:
        if how == "forged" and self._forge is not None:
            return replace(self._forge(about, reply), true=False)
        if how == "swapped" and self.swaps and self._earlier:
            return replace(self._chance.choice(self._earlier), true=False)
        return _spoiled(how, reply, self._chance)

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
        if self._drawn(faults.stray, "stray", about):
            there += _draw(chance, faults.stray_delay)
        doubled = self._drawn(faults.duplicated, "duplicated", about)
        spoiled = self._drawn(faults.spoiled, "spoiled", about)
        return _Plan(
            there_s=there,
            back_s=back,
            refused=self._drawn(faults.refused, "refused", about),
            lost_request=self._drawn(faults.lost_request, "lost_request", about),
            lost_answer=self._drawn(faults.lost_answer, "lost_answer", about),
            cut=chance.random() < 0.5,
            duplicate_s=_draw(chance, faults.duplicate_delay) if doubled else None,
            spoil=chance.choice(_SPOILS) if spoiled else None,
        )

    def _drawn(self, rate: float, what: str, about: str) -> bool:
        drawn = rate > 0.0 and self._chance.random() < rate
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
            return Reply(status=200, headers=html, body=_HTML, true=False)
        case "html_502":
            return Reply(status=502, headers=html, body=_HTML, true=False)
        case "empty_503":
            return Reply(status=503, headers={}, body=b"", true=False)
        case "json_500":
            return Reply(status=500, headers={"content-type": "application/json"}, body=b'{"state":"PAID"}', true=False)
        case "busy_429":
            return Reply(status=429, headers={"retry-after": "1"}, body=b"", true=False)
        case "half" if reply is not None:
            return Reply(
                status=reply.status, headers=reply.headers, body=reply.body[: len(reply.body) // 2], true=False
            )
        case "garbage" if reply is not None:
            return Reply(status=reply.status, headers=reply.headers, body=chance.randbytes(40), true=False)
        case _:
            return LineEnd.CUT
