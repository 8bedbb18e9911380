"""The gate before every endpoint: counts calls, and refuses requests that are too long before anything reads them.

Rules
- Every route passes it: it wraps those that no terminal signs, and the signed calls ask it once they know who calls.
- What it remembers is bounded; when it is full the one that was quiet longest is forgotten, in the caller's favour.
- A refusal says when to come again, and nothing is known of an effect because there is none.
It must not know messages or the store.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.api.limits import (
    MOST_HEADER_BYTES,
    MOST_HEADERS,
    MOST_PATH,
    MOST_QUERY,
    Caller,
    EndpointLimit,
    Limits,
    open_limit,
    place_of,
)
from gateway.jobs.bucket import Bucket, full
from gateway.ports import Clock

_MOST_CALLERS: Final = 50_000
_NUMBER: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
Endpoint = Callable[[Request], Awaitable[Response]]


class Gate:
    """One for the whole gateway."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: dict[tuple[Caller, str], Bucket] = {}

    def wait_ms(self, caller: Caller, who: str) -> int:
        """Counts one call; 0, or how long until there is room for it. `who`: a terminal's id or an address."""
        pace, now_ms = self._limits.pace(caller), self._clock.now_ms()
        place = (caller, who if caller is Caller.TERMINAL else place_of(who))
        bucket = self._buckets.pop(place, None)
        if bucket is None:
            bucket = full(capacity=pace.at_once, per_second=pace.per_second, now_ms=now_ms)
        after = bucket.take(now_ms=now_ms)
        # Put back at the end: the first is always the one that was quiet longest.
        self._buckets[place] = bucket if after is None else after
        while len(self._buckets) > _MOST_CALLERS:
            del self._buckets[next(iter(self._buckets))]
        return 0 if after is not None else bucket.wait_ms(now_ms=now_ms)

    def guarded(self, route: Route) -> Route:
        """The same route behind the gate. Raises NoLimit for one that nobody gave limits."""
        limit, endpoint = open_limit(route.path), route.endpoint

        async def behind(request: Request) -> Response:
            refusal = self._refusal(request, limit)
            return refusal if refusal is not None else await endpoint(request)

        return Route(route.path, behind, methods=sorted(route.methods or {"GET"}))

    def _refusal(self, request: Request, limit: EndpointLimit) -> Response | None:
        status = too_long(request) or _too_much(request.headers, limit)
        if status is not None:
            return refused(status)
        address = request.client.host if request.client is not None else ""
        wait_ms = self.wait_ms(limit.by, address)
        return None if wait_ms == 0 else refused(429, wait_ms=wait_ms)


def too_long(request: Request) -> int | None:
    """The status for a request line or headers that are longer than any of ours; None when they are not."""
    path, query = request.scope.get("raw_path") or b"", request.scope.get("query_string") or b""
    if len(path) > MOST_PATH or len(query) > MOST_QUERY:
        return 414
    headers = request.headers.raw
    size = sum(len(name) + len(value) for name, value in headers)
    return 431 if len(headers) > MOST_HEADERS or size > MOST_HEADER_BYTES else None


def _too_much(headers: Mapping[str, str], limit: EndpointLimit) -> int | None:
    """By what is announced; what comes unannounced is counted by who reads it."""
    announced = headers.get("content-length", "0")
    return None if _NUMBER.fullmatch(announced) and int(announced) <= limit.body else 413


def refused(status: int, *, wait_ms: int = 0) -> Response:
    """Plain words; `Retry-After` where waiting helps."""
    again = {"retry-after": str(-(-wait_ms // 1000))} if wait_ms else {}
    return PlainTextResponse("refused\n", status_code=status, headers={"cache-control": "no-store", **again})
