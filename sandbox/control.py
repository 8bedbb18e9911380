"""The sandbox's control calls: what a person's fingers do to a phone, and what an outside SDK needs to know.

JSON in, JSON out; a wrong call gets a problem that says what would be right. Decides nothing about money.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.billing import BillDiscrepancy, DiscrepancyKind
from sandbox.clock import Clock
from sandbox.courier import Courier
from sandbox.following import Followed, NotFollowed, follow
from sandbox.gun_port import Gun, Hold
from sandbox.line import Line
from sandbox.phone import Phone
from sandbox.problems import problem
from sandbox.scripts import ARGUMENTS, Behaviour, Script, parse_script
from sandbox.wallet import Origins, Scanned, ScanResult, SimulatedWallet
from sandbox.wallet_browser import WalletBrowser

Body = TypeVar("Body")

DEFAULT_CUSTOMER: Final = "customer"
_WALLET_HOSTS: Final = frozenset({"qr.alipay.com", "qr.95516.com", "api.mch.weixin.qq.com", "wx.tenpay.com"})
"""Whose addresses are a wallet's own, and never fetched: one that no wallet here knows is a stranger's."""

_NOT_FOLLOWED: Final[Mapping[NotFollowed, tuple[int, str, str]]] = {
    NotFollowed.UNREACHABLE: (502, "Page unreachable", "The page behind this QR did not answer this phone."),
    NotFollowed.NOT_A_PAGE: (422, "Not a cashier page", "The page behind this QR is not one that a phone can pay on."),
    NotFollowed.OTHER_APP: (409, "Another app", "The page asks for another app than this wallet."),
    NotFollowed.AMOUNT_NEEDED: (422, "Amount needed", "The page asks for an amount: give amount_fen."),
    NotFollowed.PRESS_REFUSED: (502, "Press refused", "The page's pay button was pressed; its answer pays nothing."),
    NotFollowed.BUSY: (409, "Busy", "The order is not this customer's to pay yet; scan again in a moment."),
}


class CodeRequest(msgspec.Struct, frozen=True, kw_only=True):
    wallet: str
    script: str


class HoldRequest(msgspec.Struct, frozen=True, kw_only=True):
    auth_code: str

    def __repr__(self) -> str:
        return "HoldRequest()"


class ScanRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`customer`: one name is one account of that wallet. `amount_fen`: typed on a page that asks for it."""

    qr: str
    wallet: str
    script: str
    customer: str = DEFAULT_CUSTOMER
    amount_fen: int | None = None


class DiscrepancyRequest(msgspec.Struct, frozen=True, kw_only=True):
    kind: DiscrepancyKind
    out_trade_no: str
    amount_fen: int | None = None


class BillRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`day`: a Beijing day. The list replaces what was asked for that day before."""

    wallet: str
    day: date
    discrepancies: tuple[DiscrepancyRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The handlers of the control calls over one phone."""

    phone: Phone
    gun: Gun | None
    clock: Clock
    line: Line
    courier: Courier
    tls_origin: str | None

    def routes(self) -> list[Route]:
        return [
            Route("/phone/codes", self.show_code, methods=["POST"]),
            Route("/phone/hold", self.hold, methods=["POST"]),
            Route("/phone/scan", self.scan, methods=["POST"]),
            Route("/phone/bills", self.distort_bill, methods=["POST"]),
            Route("/phone/money", self.money, methods=["GET"]),
            Route("/merchant/{wallet}", self.about_merchant, methods=["GET"]),
        ]

    async def show_code(self, request: Request) -> Response:
        asked = await read_body(request, CodeRequest)
        if isinstance(asked, Response):
            return asked
        script = script_for(asked.wallet, asked.script, self.phone.wallets)
        if isinstance(script, Response):
            return script
        return JSONResponse({"auth_code": self.phone.show_code(asked.wallet, script, self.clock())})

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
        """A wallet's own QR is paid by that wallet; the address of a page is followed to its end."""
        asked = await read_body(request, ScanRequest)
        if isinstance(asked, Response):
            return asked
        script = script_for(asked.wallet, asked.script, self.phone.wallets)
        if isinstance(script, Response):
            return script
        wallet = self.phone.wallets[asked.wallet]
        followed = await self._follow(wallet, asked, script)
        await self.courier.after_call(wallet)
        if isinstance(followed, NotFollowed):
            status, title, detail = _NOT_FOLLOWED[followed]
            return problem(status, followed.value, title, detail)
        return self._scanned(asked.wallet, followed)

    async def distort_bill(self, request: Request) -> Response:
        asked = await read_body(request, BillRequest)
        if isinstance(asked, Response):
            return asked
        if asked.wallet not in self.phone.wallets:
            return unknown_wallet(422, asked.wallet, self.phone.wallets)
        discrepancies = tuple(
            BillDiscrepancy(kind=one.kind, out_trade_no=one.out_trade_no, amount_fen=one.amount_fen)
            for one in asked.discrepancies
        )
        if any((one.amount_fen is None) != (one.kind is DiscrepancyKind.MISSING_ROW) for one in discrepancies):
            detail = "extra_row and other_amount need amount_fen; missing_row has none."
            return problem(422, "bad_fields", "Wrong fields", detail)
        self.phone.distort_bill(asked.wallet, asked.day, discrepancies)
        return JSONResponse({"wallet": asked.wallet, "day": str(asked.day), "discrepancies": len(discrepancies)})

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
        name = str(request.path_params["wallet"])
        wallet = self.phone.wallets.get(name)
        if wallet is None:
            return unknown_wallet(404, name, self.phone.wallets)
        origins = Origins(plain=str(request.base_url).rstrip("/"), tls=self.tls_origin)
        return JSONResponse(dict(wallet.about(origins)))

    async def _follow(self, wallet: SimulatedWallet, asked: ScanRequest, script: Script) -> Followed:
        qr = asked.qr.strip()
        web = qr.startswith(("http://", "https://")) and urlsplit(qr).hostname not in _WALLET_HOSTS
        if not web or any(one.owns_qr(qr) for one in self.phone.wallets.values()):
            return self.phone.scan(asked.wallet, qr, script, self.clock())
        browser = WalletBrowser(wallet=wallet, customer=asked.customer, script=script, line=self.line, clock=self.clock)
        return await follow(browser, qr, amount_fen=asked.amount_fen)

    def _scanned(self, wallet: str, scanned: Scanned) -> Response:
        if scanned.result is ScanResult.UNKNOWN_QR:
            detail = "This is not a QR that this wallet has given out, nor an order that it would pay."
            return problem(404, "unknown_qr", "Unknown QR", detail)
        number = scanned.out_trade_no
        order = None if number is None else self.phone.wallets[wallet].order(number, self.clock())
        return JSONResponse(
            {
                "out_trade_no": number,
                "wallet": wallet,
                "result": scanned.result.value,
                "state": None if order is None else order.state.value,
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


def script_for(wallet: str, text: str, wallets: Iterable[str]) -> Script | Response:
    """The script by its name, if the wallet is one that is simulated."""
    if wallet not in wallets:
        return unknown_wallet(422, wallet, wallets)
    script = parse_script(text)
    if script is None:
        known = ", ".join(f"{b.value}:{ARGUMENTS[b].value}" if b in ARGUMENTS else b.value for b in Behaviour)
        detail = f"Unknown script {json.dumps(text[:40])}. There are: {known} (a number behind the colon)."
        return problem(422, "unknown_script", "Unknown script", detail)
    return script


def unknown_wallet(status: int, wallet: str, wallets: Iterable[str]) -> Response:
    detail = f"No wallet {json.dumps(wallet[:40])} is simulated. There are: {', '.join(wallets)}."
    return problem(status, "wallet_not_simulated", "Wallet not simulated", detail)
