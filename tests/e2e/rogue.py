"""A gateway that cannot be believed: stands between a till and the real one, and spoils answers about payments.

Every request is handed on unchanged, so the real gateway acts and the wallet charges; only what the till hears is
wrong. `spoil` is set by the test, also while a till is running. Shares no code with what it spoils.
"""

from __future__ import annotations

import threading
from enum import StrEnum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

_HTML = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"
_OURS = ("signature", "signature-input")
_LINE = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")


class Spoil(StrEnum):
    """What is done to an answer about a payment."""

    NOTHING = "nothing"
    HTML = "html"
    CUT = "cut"
    OTHER_PAYMENT = "other_payment"
    UNSIGNED = "unsigned"
    WRONGLY_SIGNED = "wrongly_signed"


Answer = tuple[int, list[tuple[str, str]], bytes]


class RogueGateway(ThreadingHTTPServer):
    """Listens on a free loopback port while it is entered."""

    daemon_threads = True

    def __init__(self, gateway: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(gateway).netloc
        self.spoil = Spoil.NOTHING
        self.spoiled = 0
        self.earlier: Answer | None = None
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="rogue")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> RogueGateway:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self._thread.join(10)
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A till that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RogueGateway  # pyright: ignore[reportIncompatibleVariableOverride] - what this handler is made for

    def do_GET(self) -> None:
        self._hand_on()

    def do_POST(self) -> None:
        self._hand_on()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the library
        """Quiet."""

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        behind = HTTPConnection(self.server.behind, timeout=40)
        try:
            # The till's own Host goes on: the request's signature covers it.
            behind.request(self.command, self.path, body or None, dict(self.headers.items()))
            got = behind.getresponse()
            answer: Answer = (got.status, got.getheaders(), got.read())
        finally:
            behind.close()
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        spoil = self.server.spoil
        about_payment = self.path.startswith("/v1/payments")
        if not about_payment or spoil is Spoil.NOTHING:
            if about_payment and self.path == "/v1/payments":
                self.server.earlier = answer
            return self._write(answer)
        self.server.spoiled += 1
        status, headers, body = answer
        match spoil:
            case Spoil.HTML:
                return self._write((200, [("Content-Type", "text/html")], _HTML))
            case Spoil.CUT:
                self.close_connection = True
                return self._write((status, headers, body), sent=len(body) // 2)
            case Spoil.OTHER_PAYMENT:
                assert self.server.earlier is not None, "an honest payment comes first"
                return self._write(self.server.earlier)
            case Spoil.UNSIGNED:
                return self._write((status, [pair for pair in headers if pair[0].lower() not in _OURS], body))
            case Spoil.WRONGLY_SIGNED:
                return self._write((status, [_resigned(pair) for pair in headers], body))

    def _write(self, answer: Answer, *, sent: int | None = None) -> None:
        status, headers, body = answer
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _LINE:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])


def _resigned(header: tuple[str, str]) -> tuple[str, str]:
    """Another signature of the same shape."""
    name, value = header
    if name.lower() != "signature":
        return header
    label, _, text = value.partition("=:")
    return name, f"{label}=:{'A' if text[0] != 'A' else 'B'}{text[1:]}"
