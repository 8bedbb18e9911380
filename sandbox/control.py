"""The sandbox's control calls: what a person's fingers do to a phone, and what an outside SDK needs to know.

JSON in, JSON out; a wrong call gets a problem that says what would be right. Decides nothing about money.
"""

import json
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.alipay.merchant import Merchant, pkcs1_pem, pkcs8_pem, public_pem
from sandbox.alipay.methods import ScanResult
from sandbox.clock import Clock
from sandbox.gun_port import Gun, Hold
from sandbox.phone import WALLETS, Phone
from sandbox.problems import problem
from sandbox.scripts import Behaviour, Script, parse_script

Body = TypeVar("Body")

_SCRIPTS = ", ".join(f"{b.value}:S" if b is Behaviour.ASK_PASSWORD else b.value for b in Behaviour)


class CodeRequest(msgspec.Struct, frozen=True, kw_only=True):
    wallet: str
    script: str


class HoldRequest(msgspec.Struct, frozen=True, kw_only=True):
    auth_code: str

    def __repr__(self) -> str:
        return "HoldRequest()"


class ScanRequest(msgspec.Struct, frozen=True, kw_only=True):
    qr: str
    wallet: str
    script: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The handlers of the control calls over one phone."""

    phone: Phone
    merchant: Merchant
    gun: Gun | None
    clock: Clock

    def routes(self) -> list[Route]:
        return [
            Route("/phone/codes", self.show_code, methods=["POST"]),
            Route("/phone/hold", self.hold, methods=["POST"]),
            Route("/phone/scan", self.scan, methods=["POST"]),
            Route("/phone/money", self.money, methods=["GET"]),
            Route("/merchant/{wallet}", self.about_merchant, methods=["GET"]),
        ]

    async def show_code(self, request: Request) -> Response:
        asked = await read_body(request, CodeRequest)
        if isinstance(asked, Response):
            return asked
        script = script_for(asked.wallet, asked.script)
        if isinstance(script, Response):
            return script
        return JSONResponse({"auth_code": self.phone.show_code(script, self.clock())})

    async def hold(self, request: Request) -> Response:
        asked = await read_body(request, HoldRequest)
        if isinstance(asked, Response):
            return asked
        if self.gun is None:
            return problem(
                409, "no_gun", "No scan gun", "This sandbox runs without a virtual gun; start it with --gun."
            )
        if not self.phone.has_shown(asked.auth_code):
            return problem(404, "unknown_code", "Unknown code", "No phone of this sandbox has shown that code.")
        match await self.gun.hold(asked.auth_code):
            case Hold.SENT:
                return JSONResponse({"held": True})
            case Hold.LINE_FULL:
                detail = f"Nobody reads the gun. Let the cashier app open {self.gun.uri}, then try again."
                return problem(503, "gun_not_read", "The gun's line is full", detail)

    async def scan(self, request: Request) -> Response:
        asked = await read_body(request, ScanRequest)
        if isinstance(asked, Response):
            return asked
        script = script_for(asked.wallet, asked.script)
        if isinstance(script, Response):
            return script
        now_ms = self.clock()
        scanned = self.phone.scan(asked.qr, script, now_ms)
        if scanned.result is ScanResult.UNKNOWN_QR or scanned.out_trade_no is None:
            return problem(404, "unknown_qr", "Unknown QR", "This is not an Alipay QR that this sandbox has given out.")
        order = self.phone.order(scanned.out_trade_no, now_ms)
        return JSONResponse(
            {
                "out_trade_no": scanned.out_trade_no,
                "wallet": asked.wallet,
                "result": scanned.result.value,
                "state": None if order is None else order.money.state.value,
            }
        )

    async def money(self, request: Request) -> Response:
        orders = [
            {
                "out_trade_no": order.money.out_trade_no,
                "wallet": order.wallet,
                "captured_fen": order.money.captured_fen,
                "refunded_fen": order.money.refunded_fen,
                "state": order.money.state.value,
            }
            for order in self.phone.orders(self.clock())
        ]
        return JSONResponse({"orders": orders})

    async def about_merchant(self, request: Request) -> Response:
        wallet = str(request.path_params["wallet"])
        if wallet not in WALLETS:
            return unknown_wallet(404, wallet)
        merchant = self.merchant
        origin = str(request.base_url).rstrip("/")
        return JSONResponse(
            {
                "wallet": wallet,
                "gateway_url": f"{origin}/alipay/gateway.do",
                "app_id": merchant.app_id,
                "seller_id": merchant.seller_id,
                "pid": merchant.seller_id,
                "sign_type": "RSA2",
                "merchant_private_key_pkcs1_pem": pkcs1_pem(merchant.merchant_key),
                "merchant_private_key_pkcs8_pem": pkcs8_pem(merchant.merchant_key),
                "merchant_public_key_pem": public_pem(merchant.merchant_key.public_key()),
                "alipay_public_key_pem": public_pem(merchant.wallet_key.public_key()),
            }
        )


async def read_body(request: Request, shape: type[Body]) -> Body | Response:
    """The JSON body in its shape, or the problem with it. A wrong body is not repeated: it may hold a code."""
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except msgspec.ValidationError as error:
        return problem(
            422, "bad_fields", "Wrong fields", f"The body does not have the fields this call needs: {error}."
        )
    except msgspec.DecodeError:
        return problem(400, "bad_json", "Not JSON", "The body must be a JSON object.")


def script_for(wallet: str, text: str) -> Script | Response:
    """The script by its name, if the wallet is one that is simulated."""
    if wallet not in WALLETS:
        return unknown_wallet(422, wallet)
    script = parse_script(text)
    if script is None:
        detail = f"Unknown script {json.dumps(text[:40])}. There are: {_SCRIPTS} (S in seconds)."
        return problem(422, "unknown_script", "Unknown script", detail)
    return script


def unknown_wallet(status: int, wallet: str) -> Response:
    detail = f"No wallet {json.dumps(wallet[:40])} is simulated. There are: {', '.join(WALLETS)}."
    return problem(status, "wallet_not_simulated", "Wallet not simulated", detail)
