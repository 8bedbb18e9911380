"""A tiny shop on a loopback port: a cashier page that signs customers in with WeChat and lets them pay, and a place for
notifications. It trades with the sandbox through a public SDK, and speaks the page's small convention by itself.
"""

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from queue import Queue
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

_PAGE = """<!doctype html><html><head><title>shop</title></head><body>
<p id="state">{state}</p><p id="agent">{agent}</p><button id="pay">pay</button>
<script type="application/json" id="guitai-page">{facts}</script>
<script nonce="n1">
"use strict";
const say = (text) => {{ document.getElementById("state").textContent = text; }};
async function pay() {{
  const request = {{method: "POST", headers: {{"content-type": "application/json"}}, body: "{{}}"}};
  const said = await (await fetch("{press}", request)).json();
  if (said.redirect) {{ location.href = said.redirect; return; }}
  const invoke = () => WeixinJSBridge.invoke("getBrandWCPayRequest", said.bridge, (answer) => say(answer.err_msg));
  if (typeof WeixinJSBridge === "undefined") document.addEventListener("WeixinJSBridgeReady", invoke, false);
  else invoke();
}}
document.getElementById("pay").addEventListener("click", pay);
</script></body></html>"""
_POLICY = "default-src 'none'; script-src 'nonce-n1'; connect-src 'self'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One request that reached the shop."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Shop:
    """`bridge` makes an order for an openid; `answers` are what notifications are answered with, one after the other,
    the last for ever."""

    url: str
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])
    bridge: Callable[[str], Mapping[str, str]] | None = None
    redirect: str | None = None
    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(200, b"success")])
    notified: Queue[Heard] = field(default_factory=Queue[Heard])
    pressed: list[Heard] = field(default_factory=list[Heard])

    @property
    def qr(self) -> str:
        return f"{self.url}/q/t1"

    def get(self, heard: Heard) -> tuple[int, Mapping[str, str], bytes]:
        parts = urlsplit(heard.path)
        if parts.path == "/q/t1/back":
            cookie = f"payer={self._openid(parse_qs(parts.query)['code'][0])}; Path=/q/t1; HttpOnly"
            return 303, {"location": "/q/t1", "set-cookie": cookie}, b""
        if "payer=" not in heard.headers.get("cookie", "") and self.bridge is not None:
            asked = {
                "appid": self.about["appid"],
                "redirect_uri": f"{self.url}/q/t1/back",
                "response_type": "code",
                "scope": "snsapi_base",
                "state": "s",
            }
            return 302, {"location": f"{self.about['authorize_url']}?{urlencode(asked)}#wechat_redirect"}, b""
        facts = json.dumps({"press": "/q/t1/press", "amount_fen": 1250, "state": "open"})
        agent = heard.headers.get("user-agent", "")
        page = _PAGE.format(state="open", facts=facts, agent=agent, press="/q/t1/press")
        return 200, {"content-type": "text/html; charset=utf-8", "content-security-policy": _POLICY}, page.encode()

    def post(self, heard: Heard) -> tuple[int, Mapping[str, str], bytes]:
        if heard.path.startswith("/notify"):
            status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            self.notified.put(heard)
            return status, {"content-type": "text/plain"}, body
        self.pressed.append(heard)
        openid = heard.headers.get("cookie", "").partition("payer=")[2]
        bridge = None if self.bridge is None else dict(self.bridge(openid))
        said = {"result": "open", "bridge": bridge, "redirect": self.redirect, "status": "s", "retry_after_ms": 0}
        return 200, {"content-type": "application/json"}, json.dumps(said).encode()

    def _openid(self, code: str) -> str:
        asked = {
            "appid": self.about["appid"],
            "secret": self.about["app_secret"],
            "code": code,
            "grant_type": "authorization_code",
        }
        with httpx.Client(trust_env=False) as client:
            return str(client.get(self.about["access_token_url"], params=asked).json()["openid"])


@contextlib.contextmanager
def stub_shop() -> Generator[Shop]:
    """Runs one; its threads are gone at the end."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            self._answer(*shop.get(self._heard()))

        def do_POST(self) -> None:
            self._answer(*shop.post(self._heard()))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
            """Says nothing."""

        def _heard(self) -> Heard:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            return Heard(method=self.command, path=self.path, headers=headers, body=body)

        def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        shop = Shop(url=f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield shop
        finally:
            server.shutdown()
            thread.join()
