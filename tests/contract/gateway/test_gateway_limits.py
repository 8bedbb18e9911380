"""Every endpoint has its limits: bytes, nesting, calls. A till is told to come again; a flood reaches no store."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.api.app import EVERY_PATH, make_app
from gateway.api.gate import Gate
from gateway.api.limits import (
    CALLS,
    MOST_HEADER_BYTES,
    MOST_PATH,
    MOST_QUERY,
    OPEN,
    Limits,
    NoLimit,
    Pace,
    open_limit,
    place_of,
)
from gateway.api.limits import Caller as Counted
from gateway.api.operations import pages
from gateway.api.routes import Call, read_route
from gateway.callbacks.routes import callback_routes
from gateway.cashier_page.asking import Press
from gateway.store.units import Tx
from protocol.messages import (
    AckRequest,
    ActivationRequest,
    CancelRequest,
    JournalUpload,
    OfflineKitRequest,
    PaymentRequest,
    Problem,
    RefundRequest,
    StoreAckRequest,
    UndecodableError,
    decode,
)
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.signature import ResponseParts
from tests.contract.gateway.gateway_world import Till, World, in_world, problem_of
from tests.contract.gateway.page_world import PageWorld, in_page_world

T = TypeVar("T")
PATH = f"/v1/payments/{new_number(bytes(15))}-1"
PACE = Pace(at_once=2, per_second=1)
BODIES: dict[Call, type[msgspec.Struct]] = {
    Call.ACTIVATE: ActivationRequest,
    Call.TAKE: PaymentRequest,
    Call.CANCEL: CancelRequest,
    Call.ACK: AckRequest,
    Call.REFUND: RefundRequest,
    Call.KIT: OfflineKitRequest,
    Call.STORE_ACK: StoreAckRequest,
    Call.JOURNAL: JournalUpload,
    Call.KIT: OfflineKitRequest,
}


class CountingStore:
    """How often the store was asked."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.asked = 0

    async def run(self, unit: Callable[[Tx], T]) -> T:
        self.asked += 1
        return await self._inner.run(unit)

    async def aclose(self) -> None:
        """The world closes the store behind it."""


def served(world: World) -> list[Route]:
    """Every route of the gateway with its page, as `gateway serve` puts it together."""
    page = world.gateway.page
    assert page is not None, "a world with a page"
    opened = [*callback_routes(world.gateway.callbacks), *page.routes()]
    app = make_app(world.gateway.service, pages(world.gateway, world.clock), opened)
    return [route for route in app.routes if isinstance(route, Route)]


# --- the list is complete -----------------------------------------------------------------------------------------


def test_every_route_has_its_limits_and_every_limit_a_body_that_is_bounded() -> None:
    async def story(world: PageWorld) -> None:
        paths = {route.path for route in served(world)} - {EVERY_PATH}
        assert len(paths) >= 10
        for path in paths:
            limit = OPEN[path.removeprefix("/").partition("/")[0]]
            assert 0 <= limit.body <= 65_536, path

    in_page_world(story)
    assert set(CALLS) == set(Call)
    assert all(limit.body <= 8 * 1_048_576 for limit in CALLS.values())


def test_a_route_that_nobody_gave_limits_is_not_served() -> None:
    async def nothing(_request: Request) -> Response:
        return PlainTextResponse("")

    async def story(world: World) -> None:
        with pytest.raises(NoLimit, match="limits"):
            make_app(world.gateway.service, {}, [Route("/forgotten/{x}", nothing)])

    in_world(story)


def test_a_call_that_takes_a_body_has_a_message_of_bounded_depth() -> None:
    """Each message names all its fields, and none of them is free: nothing deeper than the type can be read."""
    assert set(BODIES) == {call for call, limit in CALLS.items() if limit.body}
    for call, kind in BODIES.items():
        assert depth_of(kind) <= CALLS[call].depth, call
    assert depth_of(Press) <= OPEN["q"].depth


def test_the_offline_page_has_limits_in_both_ways_of_writing_its_address() -> None:
    assert open_limit("/O/{token}") == open_limit("/o/{token}") == OPEN["o"]


def depth_of(kind: Any) -> int:
    """How deep JSON of this type nests; a type that takes anything has no depth."""
    return _depth(msgspec.inspect.type_info(kind))


def _depth(info: Any) -> int:
    inner = msgspec.inspect
    match info:
        case inner.AnyType() | inner.DictType() | inner.RawType():
            raise AssertionError("a free field has no depth")
        case inner.StructType(fields=fields, cls=cls):
            assert cls is Press or cls.__struct_config__.forbid_unknown_fields, cls
            return 1 + max(_depth(field.type) for field in fields)
        case inner.VarTupleType(item_type=item):
            return 1 + _depth(item)
        case inner.UnionType(types=types):
            return max(_depth(one) for one in types)
        case _:
            return 0


@pytest.mark.parametrize("kind", BODIES.values())
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"entries":['])
def test_a_deep_body_is_no_message_and_costs_nothing(kind: type[msgspec.Struct], opening: bytes) -> None:
    body = opening * (65_536 // len(opening))
    began = time.process_time()
    with pytest.raises(UndecodableError):
        decode(kind, body)
    assert time.process_time() - began < 1.0


# --- tills --------------------------------------------------------------------------------------------------------


def slow(world: World, **paces: Pace) -> None:
    world.gateway.service.gate = Gate(Limits(**paces), world.clock)


def told(response: ResponseParts) -> Problem:
    assert response.status == 429
    problem = decode(Problem, response.body)
    assert problem.reason is Reason.RATE_LIMITED
    assert problem.retry_after_ms is not None
    assert response.headers["retry-after"] == str(-(-problem.retry_after_ms // 1000))
    return problem


def test_a_till_that_asks_too_often_is_told_when_to_come_again_and_no_other_is() -> None:
    """The refusal is signed and bound like every answer: the till believes it (`Till.send` verifies)."""

    async def story(world: World) -> None:
        till, other = await world.till(), await world.till()
        slow(world, terminal=Pace(at_once=3, per_second=1))
        reasons = [problem_of(await till.call("GET", PATH)).reason for _ in range(3)]
        assert set(reasons) == {Reason.UNKNOWN_PAYMENT}
        problem = told(await till.send(till.signed("GET", PATH)))
        assert problem.retry_after_ms == 1_000
        assert problem_of(await other.call("GET", PATH)).reason is Reason.UNKNOWN_PAYMENT
        world.clock.offset_ms += 1_000
        assert problem_of(await till.call("GET", PATH)).reason is Reason.UNKNOWN_PAYMENT

    in_world(story)


def test_a_payment_refused_for_its_pace_was_not_taken_and_is_taken_under_the_same_number() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        slow(world, terminal=Pace(at_once=1, per_second=1))
        request = till.payment(world.show_code("pay"))
        await till.call("GET", PATH)
        assert problem_of(await till.pay(request)).reason is Reason.RATE_LIMITED
        assert world.wallets.orders() == []
        world.clock.offset_ms += 5_000
        assert not isinstance(await till.pay(request), Problem)

    in_world(story)


def test_a_flood_of_strangers_reaches_no_store_and_takes_nothing_from_the_till_beside_them() -> None:
    """Unknown keys, no signature, wrong signatures, no such path: counted by address, before the store is asked."""

    async def story(world: World) -> None:
        till = await world.till()
        await till.call("GET", PATH)
        store = CountingStore(world.store)
        slow(world, stranger=Pace(at_once=8, per_second=1))
        world.gateway.service._store = store  # pyright: ignore[reportPrivateUsage]
        stranger = Till(world=world, keyid="ZZZZZZZZZZZZZ")
        wrong = Till(world=world, keyid=till.keyid)
        unsigned = stranger.signed("GET", PATH)
        bare = type(unsigned)(method="GET", authority="x", path=PATH, query="", headers={}, body=b"")
        nowhere = stranger.signed("GET", "/v1/nothing")
        for request in (*[stranger.signed("GET", PATH) for _ in range(5)], bare, wrong.signed("GET", PATH), nowhere):
            response = await stranger.send(request, "198.51.100.7")
            assert response.status in (401, 404)
        asked = store.asked
        for request in (stranger.signed("GET", PATH), bare, wrong.signed("GET", PATH), nowhere):
            told(await stranger.send(request, "198.51.100.7"))
        assert store.asked == asked
        answer = await till.send(till.signed("GET", PATH), "198.51.100.7")
        assert decode(Problem, answer.body).reason is Reason.UNKNOWN_PAYMENT

    in_world(story)


def test_a_question_has_no_body() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        answer = await till.call("GET", PATH, b"{}")
        assert problem_of(answer).reason is Reason.TOO_LARGE

    in_world(story)


def test_a_path_with_a_line_end_is_counted_and_answered_as_every_path() -> None:
    async def story(world: World) -> None:
        slow(world, stranger=PACE)
        app = make_app(world.gateway.service, {})
        transport = httpx.ASGITransport(app=app, client=("198.51.100.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            answers = [await client.get("/v1/refunds/a%0Ab%0A") for _ in range(PACE.at_once + 1)]
        reasons = [decode(Problem, answer.content).reason for answer in answers]
        assert reasons == [*[Reason.UNKNOWN_PATH] * PACE.at_once, Reason.RATE_LIMITED]

    in_world(story)


# --- what is not signed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", OPEN)
def test_what_is_open_is_counted_by_address_and_refuses_what_is_too_long(first: str) -> None:
    """For each row of the table one endpoint that would answer 200 to anything that reached it."""

    async def reached(_request: Request) -> Response:
        return PlainTextResponse("reached")

    async def story(world: World) -> None:
        slow(world, guest=PACE, wallet=PACE, operations=PACE)
        service = world.gateway.service
        app = make_app(service, {}, [Route(f"/{first}", reached, methods=["GET", "POST"])])
        transport = httpx.ASGITransport(app=app, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://g") as client:
            limit = OPEN[first]
            assert (await client.get(f"/{first}?{'x' * (MOST_QUERY + 1)}")).status_code == 414
            assert (await client.get(f"/{first}", headers={"x": "y" * MOST_HEADER_BYTES})).status_code == 431
            assert (await client.get(f"/{first}", headers=[(f"x{n}", "y") for n in range(99)])).status_code == 431
            assert (await client.post(f"/{first}", content=b"x" * (limit.body + 1))).status_code == 413
            for announced in ("-1", "1e9", "9" * 5_000, "٣"):
                bad = await client.post(f"/{first}", headers=[(b"content-length", announced.encode())])
                assert bad.status_code == 413, announced
            said = [(await client.get(f"/{first}")).status_code for _ in range(PACE.at_once + 1)]
            assert said == [200] * PACE.at_once + [429]
            assert (await client.get(f"/{first}")).headers["retry-after"] == "1"
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, client=("192.0.2.2", 1)), base_url="http://g"
        ) as other:
            assert (await other.get(f"/{first}")).status_code == 200

    in_world(story)


def test_a_signed_call_with_an_endless_line_is_refused_before_it_is_read() -> None:
    async def story(world: World) -> None:
        app = make_app(world.gateway.service, {})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://g") as client:
            assert (await client.get("/v1/" + "x" * MOST_PATH)).status_code == 414
            assert (await client.get("/v1/x", headers={"a": "b" * MOST_HEADER_BYTES})).status_code == 431

    in_world(story)


def test_who_has_one_address_of_ipv6_has_them_all() -> None:
    assert place_of("2001:db8::1") == place_of("2001:db8::ffff:1") != place_of("2001:db8:0:1::1")
    assert place_of("::ffff:192.0.2.1") == place_of("192.0.2.1") == "192.0.2.1"
    assert len(place_of("x" * 9_999)) <= 64


def test_what_the_gate_remembers_is_bounded() -> None:
    class Still:
        def now_ms(self) -> int:
            return 1

        def even_since_ms(self) -> int:
            return 1

    gate = Gate(Limits(guest=Pace(at_once=1, per_second=1)), Still())
    for number in range(60_000):
        assert gate.wait_ms(Counted.GUEST, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}") == 0
    assert len(gate._buckets) == 50_000  # pyright: ignore[reportPrivateUsage]
    assert gate.wait_ms(Counted.GUEST, "10.0.234.95") > 0


def test_every_call_of_the_table_is_reached_by_an_address() -> None:
    """No row is dead: each call has an address that leads to it."""
    number = "0" * 25
    addresses = {
        ("POST", "/v1/terminals/activate"),
        ("POST", "/v1/payments"),
        ("GET", f"/v1/payments/{number}-1"),
        ("POST", f"/v1/payments/{number}-1/cancel"),
        ("POST", f"/v1/payments/{number}-1/ack"),
        ("POST", f"/v1/payments/{number}-1/refunds"),
        ("GET", f"/v1/refunds/{number}"),
        ("POST", "/v1/journal"),
        ("POST", "/v1/offline/kit"),
        ("GET", "/v1/store/paid"),
        ("POST", "/v1/store/paid/ack"),
        ("POST", "/v1/offline/kit"),
    }
    found = {route.call for method, path in addresses if (route := read_route(method, path, "")) is not None}
    assert found == set(CALLS)
