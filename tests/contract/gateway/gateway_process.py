"""What the gateway's contract tests share: a real gateway process, a real sandbox process, and a till that signs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.system import SystemClock
from protocol.keys import device_keyid, public_text, read_public
from protocol.messages import (
    ActivationAnswer,
    ActivationRequest,
    CancelRequest,
    PaymentRequest,
    PaymentStatus,
    Presented,
    Problem,
    decode,
    encode,
)
from protocol.numbers import new_number
from protocol.secret import Secret
from protocol.signature import RequestParts, ResponseParts, Verified, sign_request, verify_response

_GATEWAY = """
import sys
from gateway.serve import print_ready, serve_forever
sys.exit(serve_forever(database={!r}, ready=print_ready, qr_shown_ms={}, listen={!r}, public_url={!r}))
"""
_SANDBOX = "from sandbox.serve import run_sandbox; run_sandbox('127.0.0.1:0')"

Running: TypeAlias = AbstractContextManager[tuple[subprocess.Popen[str], dict[str, Any]]]


@contextmanager
def running(code: str, log: Path | None = None) -> Generator[tuple[subprocess.Popen[str], dict[str, Any]], None, None]:
    """A Python process that prints one JSON line when it is ready; ended with SIGTERM."""
    with open(log or os.devnull, "ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ.copy()
        )
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=5)
        process.stdout.close()


def gateway_process(database: Path, qr_shown_ms: int = 120_000, *, listen: str | None = None) -> Running:
    """`listen`: an address that the wallets know already; its QRs then go through the cashier page there."""
    page_url = None if listen is None else f"http://{listen}"
    code = _GATEWAY.format(str(database), qr_shown_ms, listen or "127.0.0.1:0", page_url)
    return running(code, database.with_name(database.name + ".log"))


def free_address() -> str:
    """A port of this computer that nobody listened on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def sandbox_process() -> Running:
    return running(_SANDBOX)


@dataclass
class Till:
    """Signs requests and verifies answers like a terminal."""

    url: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    keyid: str = ""
    trusted: dict[str, Ed25519PublicKey] = field(default_factory=dict[str, Ed25519PublicKey])
    skew_s: int = 0

    def call(self, method: str, path: str, body: bytes = b"", *, query: str = "", timeout: float = 40) -> ResponseParts:
        parts, headers = self.signed(method, path, body, query=query)
        with httpx.Client(trust_env=False, timeout=timeout) as client:
            answer = client.request(
                method, self.url + path + (f"?{query}" if query else ""), content=body, headers=headers
            )
        response = ResponseParts(
            status=answer.status_code, headers={k.lower(): v for k, v in answer.headers.items()}, body=answer.content
        )
        if self.trusted:
            request = RequestParts(
                method=method, authority=parts.authority, path=path, query=query, headers=headers, body=body
            )
            assert isinstance(verify_response(response, request=request, find_key=self.trusted.get), Verified)
        return response

    def signed(self, method: str, path: str, body: bytes, *, query: str = "") -> tuple[RequestParts, dict[str, str]]:
        headers = {"content-type": "application/json"} if body else {}
        authority = urlsplit(self.url).netloc
        parts = RequestParts(method=method, authority=authority, path=path, query=query, headers=headers, body=body)
        created = SystemClock().now_ms() // 1000 + self.skew_s
        signed = sign_request(
            parts,
            key=self.key,
            keyid=self.keyid or device_keyid(public_text(self.key)),
            created_s=created,
            nonce=os.urandom(16),
        )
        return parts, signed

    def activate(self, code: str) -> ActivationAnswer:
        request = ActivationRequest(code=code, public_key=public_text(self.key), device_name="till")
        response = self.call("POST", "/v1/terminals/activate", encode(request))
        assert response.status == 200, response.body
        answer = decode(ActivationAnswer, response.body)
        for entry in answer.keys:
            public = read_public(entry.public_key)
            assert public is not None
            self.trusted[entry.kid] = public
        self.keyid = answer.terminal_id
        return answer

    def pay(self, request: PaymentRequest) -> PaymentStatus | Problem:
        return self.read(self.call("POST", "/v1/payments", encode(request)))

    def ask(self, payment_no: str, *, wait: int = 0, after: int | None = None) -> PaymentStatus | Problem:
        query = f"wait={wait}" + ("" if after is None else f"&after={after}")
        return self.read(self.call("GET", f"/v1/payments/{payment_no}", query=query))

    def cancel(self, payment_no: str, amount_fen: int) -> PaymentStatus | Problem:
        body = encode(CancelRequest(amount_fen=amount_fen, operator="01"))
        return self.read(self.call("POST", f"/v1/payments/{payment_no}/cancel", body))

    def final(self, payment_no: str, seconds: int = 70) -> PaymentStatus:
        until = SystemClock().now_ms() + seconds * 1000
        while SystemClock().now_ms() < until:
            status = self.ask(payment_no, wait=25)
            assert isinstance(status, PaymentStatus), status
            if status.state.final:
                return status
        raise AssertionError(f"{payment_no} is not settled after {seconds} s")

    @staticmethod
    def read(response: ResponseParts) -> PaymentStatus | Problem:
        return decode(PaymentStatus if response.status == 200 else Problem, response.body)


def new_payment(
    auth_code: str | None,
    amount_fen: int = 1250,
    *,
    n: int = 1,
    order_no: str | None = None,
    sale_id: str | None = None,
) -> PaymentRequest:
    return PaymentRequest(
        payment_no=f"{order_no or new_number(os.urandom(15))}-{n}",
        sale_id=sale_id or new_number(os.urandom(15)),
        amount_fen=amount_fen,
        currency="CNY",
        presented=Presented.MERCHANT if auth_code is None else Presented.CUSTOMER,
        subject="早餐",
        operator="01",
        expires=SystemClock().now_ms() + 15_000,
        auth_code=None if auth_code is None else Secret(auth_code),
    )
