"""What `/openapi.json` promises holds for whatever is sent: each answer has a status, a type and a shape it lists.

Requests are drawn from the document itself and signed like a terminal's, so that they get past the signature."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from starlette.applications import Starlette

from gateway.api.app import make_app
from gateway.api.openapi import document
from gateway.api.operations import pages
from gateway.channels.port import ChannelRequest, LineFault, NotSent
from gateway.core import Gateway
from gateway.keys import make_keys
from gateway.store import places
from gateway.store.runners import InlineStore
from gateway.store.tables import MERCHANTS, STORES
from gateway.store.units import Tx
from gateway.system import SystemClock, SystemEntropy
from proof.stores import empty_store
from proof.virtual_time import VirtualTimeLoop, run_virtual
from protocol.chain import genesis
from protocol.keys import device_keyid, public_text
from protocol.signature import RequestParts, sign_request

HOST = "127.0.0.1:8700"
TERMINAL = "0123456789ABC"


async def _no_line(request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int) -> NotSent:
    return NotSent(LineFault.CONNECT_FAILED)


def _gateway(device: Ed25519PrivateKey) -> Starlette:
    """The real gateway without a schedule, over a database in memory, with one store and one terminal."""
    store = InlineStore(empty_store())

    def install(tx: Tx) -> None:
        tx.connection.execute(MERCHANTS.insert(), {"merchant_id": "m1", "name": "老王"})
        tx.connection.execute(STORES.insert(), {"store_id": "s1", "merchant_id": "m1", "name": "一店"})
        places.add_terminal(
            tx,
            terminal_id=TERMINAL,
            store_id="s1",
            name="1号台",
            public_key=public_text(device),
            head=genesis(TERMINAL),
            now_ms=0,
        )

    store.run_now(install)
    clock, entropy = SystemClock(), SystemEntropy()
    gateway = Gateway(
        store=store, clock=clock, entropy=entropy, keys=make_keys(entropy), exchange_for=lambda _account: _no_line
    )
    return make_app(gateway.service, pages(gateway, clock))


# The library's types are not complete: what it gives is held as Any, here and nowhere else.
_SCHEMATHESIS: Any = import_module("schemathesis")
_CHECKS: Any = import_module("schemathesis.specs.openapi.checks")


def _signed(case: Any, device: Ed25519PrivateKey) -> RequestParts:
    """As a terminal signs, or a device that is to be activated."""
    drawn: dict[str, Any] = case.as_transport_kwargs(base_url=f"http://{HOST}")
    drawn["content"] = drawn.pop("data", None)
    request = httpx.Request(**{name: value for name, value in drawn.items() if value is not None})
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    body = request.read()
    headers = {name.lower(): value for name, value in request.headers.items() if value.isascii()}
    if body:
        headers.setdefault("content-type", "application/json")
    parts = RequestParts(method=request.method, authority=HOST, path=path, query=query, headers=headers, body=body)
    keyid = device_keyid(public_text(device)) if path.endswith("/activate") else TERMINAL
    created_s = SystemClock().now_ms() // 1000
    signed = sign_request(parts, key=device, keyid=keyid, created_s=created_s, nonce=os.urandom(16))
    return RequestParts(
        method=parts.method,
        authority=HOST,
        path=parts.path,
        query=parts.query,
        headers={**headers, **signed},
        body=body,
    )


async def _answer(app: Starlette, parts: RequestParts) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        url = parts.path + (f"?{parts.query}" if parts.query else "")
        return await client.request(parts.method, url, headers=parts.headers, content=parts.body)


@cache
def _device() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@cache
def _app() -> Starlette:
    return _gateway(_device())


def _listed(case: Any) -> None:
    """Every answer is one that the document lists, and no server error. Nobody waits for one that the gateway holds."""
    answer = run_virtual(_answer(_app(), _signed(case, _device())), VirtualTimeLoop())
    case.validate_response(
        answer,
        checks=[
            import_module("schemathesis.checks").not_a_server_error,
            _CHECKS.status_code_conformance,
            _CHECKS.content_type_conformance,
            _CHECKS.response_schema_conformance,
        ],
    )


_few = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
test_every_answer_is_one_that_the_document_lists: Any = _SCHEMATHESIS.openapi.from_dict(document()).parametrize()(
    _few(_listed)
)
