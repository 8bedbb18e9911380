"""The customer's phone as a web page: a wallet of the customer's choice shows a payment code, scans a QR, lists money.

The page fetches nothing from elsewhere and acts only through the sandbox's own calls. A fresh code travels in the body
of an answer, never in an address.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.codes import CODE_LIFE_MS
from sandbox.control import read_body, script_for
from sandbox.drawing import bars_svg, qr_svg
from sandbox.gun_port import Gun
from sandbox.phone import Phone
from sandbox.scripts import ARGUMENTS, Argument, Behaviour
from sandbox.words import LANGUAGE_NAMES, LANGUAGES, choose_language

_MOST_QRS = 5
_MOST_ORDERS = 20

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}


_UNITS = {Argument.SECONDS: "seconds", Argument.COUNT_OF_UNDOS: "times", Argument.COUNT_OF_QUERIES: "times"}


class CardRequest(msgspec.Struct, frozen=True, kw_only=True):
    wallet: str
    script: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePage:
    phone: Phone
    gun: Gun | None
    clock: Clock

    def routes(self) -> list[Route]:
        return [
            Route("/", self.show, methods=["GET"]),
            Route("/phone/card", self.card, methods=["POST"]),
            Route("/phone/screen", self.screen, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        accepted = request.headers.get("accept-language", "")
        language = choose_language(request.query_params.get("lang"), accepted)
        return render(
            "phone.html",
            language,
            languages=LANGUAGE_NAMES,
            wallets=list(self.phone.wallets),
            scripts=[(one.value, _UNITS[ARGUMENTS[one]] if one in ARGUMENTS else "") for one in Behaviour],
            has_gun=self.gun is not None,
        )

    async def card(self, request: Request) -> Response:
        """A fresh code as the phone draws it."""
        asked = await read_body(request, CardRequest)
        if isinstance(asked, Response):
            return asked
        script = script_for(asked.wallet, asked.script, self.phone.wallets)
        if isinstance(script, Response):
            return script
        code = self.phone.show_code(asked.wallet, script, self.clock())
        drawn = {
            "auth_code": code,
            "grouped": " ".join(code[i : i + 4] for i in range(0, len(code), 4)),
            "qr_svg": qr_svg(code),
            "bars_svg": bars_svg(code),
            "good_for_s": CODE_LIFE_MS // 1000,
        }
        return JSONResponse(drawn, headers={"cache-control": "no-store"})

    async def screen(self, request: Request) -> Response:
        """What changes on the page by itself: the wallets' own QRs that the shop shows, and the newest orders first."""
        now_ms = self.clock()
        qrs = [
            {"qr": one.offer.qr, "wallet": one.wallet, "amount_fen": one.offer.total_fen, "subject": one.offer.subject}
            for one in self.phone.open_qrs(now_ms)[:_MOST_QRS]
        ]
        orders = [
            {
                "out_trade_no": order.money.out_trade_no,
                "wallet": order.wallet,
                "amount_fen": order.money.total_fen,
                "refunded_fen": order.money.refunded_fen,
                "subject": order.money.subject,
                "state": order.money.state.value,
            }
            for order in reversed(self.phone.orders(now_ms)[-_MOST_ORDERS:])
        ]
        return JSONResponse({"qrs": qrs, "orders": orders})


def render(template: str, language: str, **values: object) -> Response:
    """One of the phone's pages in one language; its script finds the words as `words_json`."""
    words = LANGUAGES[language]
    words_json = json.dumps(dict(words), ensure_ascii=False).replace("<", "\\u003c")
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    html = environment.get_template(template).render(words=words, words_json=words_json, language=language, **values)
    return HTMLResponse(html, headers=HEADERS)
