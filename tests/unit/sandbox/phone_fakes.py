"""A wallet, a shop's line and a browser of plain values, for tests of what the phone does between them."""

from collections.abc import Mapping
from datetime import date
from urllib.parse import parse_qs

from sandbox.billing import BillDiscrepancy
from sandbox.line import LineAnswer, LineRequest
from sandbox.scripts import Behaviour, Script
from sandbox.wallet import OpenQr, OrderMoney, Origins, Outgoing, Scanned, ScanResult, WireRoute
from sandbox.wallet_browser import WalletBrowser
from sandbox.wire import HttpRequestParts

SHOP = "http://127.0.0.1:8700"
OAUTH = "https://wallet.example/authorize"


class FakeWallet:
    """Owns QRs that begin with `own:`; its OAuth page is `/authorize`; pays whatever has a `token`."""

    def __init__(self) -> None:
        self.handed: list[Mapping[str, str]] = []
        self.scanned: list[str] = []
        self.authorized: list[str] = []
        self.due: list[Outgoing] = []
        self.next_ms: int | None = None
        self.heard: list[tuple[str, int | None, bytes]] = []

    @property
    def name(self) -> str:
        return "fake"

    @property
    def user_agent(self) -> str:
        return "FakeWallet/1.0"

    def routes(self) -> tuple[WireRoute, ...]:
        return ()

    def about(self, origins: Origins) -> Mapping[str, object]:
        return {"wallet": self.name, "base_url": origins.plain}

    def issue_code(self, script: Script, now_ms: int) -> str:
        return f"{script} {now_ms}"

    def has_shown(self, auth_code: str) -> bool:
        return False

    def owns_qr(self, qr: str) -> bool:
        return qr.startswith("own:")

    def scan(self, qr: str, script: Script, now_ms: int) -> Scanned:
        self.scanned.append(qr)
        return Scanned(result=ScanResult.PAID, out_trade_no="S1")

    def authorize(self, request: HttpRequestParts, customer: str, now_ms: int) -> str | None:
        if request.path != "/authorize":
            return None
        self.authorized.append(customer)
        return parse_qs(request.query.decode())["redirect_uri"][0] + f"?code=for-{customer}"

    def pay_in_browser(self, handed: Mapping[str, str], script: Script, now_ms: int) -> Scanned:
        self.handed.append(handed)
        result = ScanResult.PAID if handed.get("token") else ScanResult.UNKNOWN_QR
        return Scanned(result=result, out_trade_no="B1")

    def open_qrs(self, now_ms: int) -> tuple[OpenQr, ...]:
        return ()

    def orders(self, now_ms: int) -> tuple[OrderMoney, ...]:
        return ()

    def order(self, out_trade_no: str, now_ms: int) -> OrderMoney | None:
        return None

    def advance(self, now_ms: int) -> None:
        pass

    def next_event_ms(self) -> int | None:
        return self.next_ms

    def due_notifications(self, now_ms: int) -> tuple[Outgoing, ...]:
        due, self.due, self.next_ms = tuple(self.due), [], None
        return due

    def notified(self, delivery_id: str, *, status: int | None, body: bytes, now_ms: int) -> None:
        self.heard.append((delivery_id, status, body))

    def distort_bill(self, day: date, discrepancies: tuple[BillDiscrepancy, ...]) -> None:
        pass


class FakeLine:
    """Answers by method and address; a list is answered one after the other, the last one for ever."""

    def __init__(self, answers: Mapping[str, list[LineAnswer | None]]) -> None:
        self._answers = {name: list(several) for name, several in answers.items()}
        self.asked: list[LineRequest] = []

    async def send(self, request: LineRequest, *, timeout_s: float) -> LineAnswer | None:
        self.asked.append(request)
        several = self._answers.get(f"{request.method} {request.url}")
        if several is None:
            return answer(404)
        return several.pop(0) if len(several) > 1 else several[0]


def answer(status: int, body: str = "", **headers: str) -> LineAnswer:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return LineAnswer(status=status, headers=named, body=body.encode())


def browser_over(line: FakeLine, wallet: FakeWallet) -> WalletBrowser:
    script = Script(behaviour=Behaviour.PAY)
    return WalletBrowser(wallet=wallet, customer="ann", script=script, line=line, clock=lambda: 0)
