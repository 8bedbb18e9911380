"""A simulated Alipay on a virtual clock with seeded randomness, and a merchant's client that signs by hand.

The client shares no code with the sandbox's own signing: it is written from the protocol's description.
"""

import base64
import json
import random
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, cast
from urllib.parse import parse_qsl, quote_plus

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox.alipay.merchant import Merchant
from sandbox.alipay.server import AlipayServer
from sandbox.alipay_papers import alipay_chain
from sandbox.codes import CodeBook
from sandbox.phone import Phone
from sandbox.scripts import Script, parse_script
from sandbox.wallet import OrderMoney, Outgoing, ScanResult
from sandbox.wire import Answer, CutConnection, HttpRequestParts

START_MS = 1_795_300_000_000
"""2026-11-22 06:26:40 in Beijing."""
NOTIFY_URL = "http://127.0.0.1:9/told"


@cache
def key_pair(name: str) -> RSAPrivateKey:
    """One RSA key per name for the whole test run: making one takes longer than most tests."""
    assert name
    return generate_private_key(public_exponent=65537, key_size=2048)


@cache
def merchant() -> Merchant:
    return Merchant(
        app_id="2021000000000001",
        seller_id="2088000000000001",
        store_name="测试店",
        merchant_key=key_pair("merchant"),
        wallet_key=key_pair("wallet"),
    )


@cache
def certified_merchant() -> Merchant:
    """The same with certificates over its keys."""
    keys = {
        "alipay-root": key_pair("root"),
        "alipay-merchant": key_pair("merchant"),
        "alipay-wallet": key_pair("wallet"),
    }
    return replace(merchant(), chain=alipay_chain(keys, now_ms=START_MS))


def script(text: str) -> Script:
    parsed = parse_script(text)
    assert parsed is not None, text
    return parsed


def signed_form(params: dict[str, str], charset: str = "utf-8") -> bytes:
    """The parameters, signed with the merchant's key, as one form-encoded text."""
    covered = "&".join(f"{name}={params[name]}" for name in sorted(params) if params[name])
    signature = key_pair("merchant").sign(covered.encode(charset), PKCS1v15(), SHA256())
    params = {**params, "sign": base64.b64encode(signature).decode()}
    return "&".join(f"{name}={quote_plus(value.encode(charset))}" for name, value in params.items()).encode()


def public_params(method: str, biz: dict[str, Any]) -> dict[str, str]:
    return {
        "app_id": "2021000000000001",
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": "2026-11-22 06:26:40",
        "version": "1.0",
        "biz_content": json.dumps(biz, ensure_ascii=False),
    }


def get(query: bytes) -> HttpRequestParts:
    return HttpRequestParts(method="GET", query=query)


@dataclass
class Bench:
    """`now_ms` is the virtual clock: tests move it themselves."""

    cancel_retries: int = 0
    certified: bool = False
    now_ms: int = START_MS
    alipay: AlipayServer = field(init=False)
    phone: Phone = field(init=False)

    def __post_init__(self) -> None:
        seeded = random.Random(7)
        codes = CodeBook(seeded.randbytes)
        self.alipay = AlipayServer(
            merchant=certified_merchant() if self.certified else merchant(),
            codes=codes,
            random_bytes=seeded.randbytes,
            cancel_retries=self.cancel_retries,
        )
        self.phone = Phone({"alipay": self.alipay})

    def wait_s(self, seconds: int) -> None:
        self.now_ms += seconds * 1000

    def code(self, text: str = "pay") -> str:
        return self.phone.show_code("alipay", script(text), self.now_ms)

    def raw(self, request: HttpRequestParts) -> dict[str, Any]:
        """The whole answer, its signature verified over the raw node text when there is one."""
        answer = self.alipay.handle(request, self.now_ms)
        assert isinstance(answer, Answer)
        return checked_body(answer)

    def call(self, method: str, **biz: Any) -> dict[str, Any]:
        """One signed call, to be notified at `NOTIFY_URL`; gives the node of the answer."""
        return self.asked({**public_params(method, biz), "notify_url": NOTIFY_URL})

    def asked(self, params: dict[str, str]) -> dict[str, Any]:
        """The node of the answer to these parameters, signed."""
        body = self.raw(get(signed_form(params)))
        name = params["method"].replace(".", "_") + "_response"
        return cast("dict[str, Any]", body[name] if name in body else body["error_response"])

    def cut(self, method: str, **biz: Any) -> CutConnection:
        reply = self.alipay.handle(get(signed_form(public_params(method, biz))), self.now_ms)
        assert isinstance(reply, CutConnection)
        return reply

    def pay(self, number: str, auth_code: str, **more: Any) -> dict[str, Any]:
        return self.call("alipay.trade.pay", **{**pay_biz(number, auth_code), **more})

    def precreate(self, number: str, **more: Any) -> dict[str, Any]:
        biz = {"out_trade_no": number, "total_amount": "12.50", "subject": "收款", **more}
        return self.call("alipay.trade.precreate", **biz)

    def query(self, number: str) -> dict[str, Any]:
        return self.call("alipay.trade.query", out_trade_no=number)

    def status(self, number: str) -> str:
        """The trade's status, or the sub_code of a refused query."""
        node = self.query(number)
        return str(node.get("trade_status") or node["sub_code"])

    def cancel(self, number: str) -> dict[str, Any]:
        return self.call("alipay.trade.cancel", out_trade_no=number)

    def scan(self, qr: str, text: str) -> ScanResult:
        return self.phone.scan("alipay", qr, script(text), self.now_ms).result

    def refund(self, number: str, amount: str, request_no: str = "R1") -> dict[str, Any]:
        biz = {"out_trade_no": number, "refund_amount": amount, "out_request_no": request_no}
        return self.call("alipay.trade.refund", **biz)

    def refund_query(self, number: str, request_no: str = "R1") -> dict[str, Any]:
        return self.call("alipay.trade.fastpay.refund.query", out_trade_no=number, out_request_no=request_no)

    def deliveries(self) -> tuple[Outgoing, ...]:
        """What goes out to the shop now."""
        return self.alipay.due_notifications(self.now_ms)

    def told(self) -> list[dict[str, str]]:
        """The fields of what goes out now."""
        return [dict(parse_qsl(one.body.decode("ascii"), strict_parsing=True)) for one in self.deliveries()]

    def money(self, number: str) -> OrderMoney:
        (found,) = (order for order in self.alipay.orders(self.now_ms) if order.out_trade_no == number)
        return found


def pay_biz(number: str, auth_code: str) -> dict[str, str]:
    return {
        "out_trade_no": number,
        "scene": "bar_code",
        "auth_code": auth_code,
        "subject": "收款",
        "total_amount": "12.50",
        "timeout_express": "1m",
    }


def checked_body(answer: Answer) -> dict[str, Any]:
    body = cast("dict[str, Any]", json.loads(answer.body))
    if "sign" in body:
        head, _, tail = answer.body.partition(b":")
        assert head.startswith(b'{"alipay_')
        raw = tail[: tail.rindex(b',"alipay_cert_sn":"' if "alipay_cert_sn" in body else b',"sign":"')]
        key_pair("wallet").public_key().verify(base64.b64decode(body["sign"]), raw, PKCS1v15(), SHA256())
    return body
