"""The simulated wallets at the far end of the gateway's lines, without sockets: real signed bytes in, real answers out.

They never die, and what they say about money is the truth that every record must agree with.
It must not know the gateway beyond its channel port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

from gateway.channels.account import ChannelAccount
from gateway.channels.port import Channel, ChannelRequest, ChannelResponse, Notification
from gateway.routing.accounts import open_settings
from proof.asked import asked
from sandbox.scripts import Script
from sandbox.wallet import OrderMoney, Origins, Outgoing, Scanned, SimulatedWallet
from sandbox.wire import CutConnection, HttpRequestParts

ORIGINS: Final = Origins(plain="http://127.0.0.1:8600", tls="https://127.0.0.1:8601")
#: What stands before `/notify/{channel}/{account}` in the accounts of these worlds.
GATEWAY_ORIGIN: Final = "https://gateway.test"

#: Called with an order's number and what became of it, right when it happens.
Watch = Callable[[str, OrderMoney], None]


class Answered(Protocol):
    """What is seen of the gateway's answer to a notification."""

    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...


@cache
def opened_once(settings: str) -> tuple[ChannelAccount, Channel]:
    """`gateway.routing.accounts.Opener` for worlds whose gateway starts again and again: channels hold no state."""
    return open_settings(settings)


def unwatched(_out_trade_no: str, _money: OrderMoney) -> None:
    """Where nobody follows the money."""


class Wallets:
    """`watch` hears of each movement of money, in the order in which they happen."""

    def __init__(
        self, wallets: Iterable[SimulatedWallet], *, now_ms: Callable[[], int], watch: Watch = unwatched
    ) -> None:
        self.by_name: dict[str, SimulatedWallet] = {wallet.name: wallet for wallet in wallets}
        self._now_ms = now_ms
        self._watch = watch
        self._seen: dict[str, tuple[int, int]] = {}
        self._home: dict[str, str] = {}
        self._routes = [(name, route) for name, wallet in self.by_name.items() for route in wallet.routes()]

    def serve(self, request: ChannelRequest) -> ChannelResponse | None:
        """One HTTP request as it arrives; None: the connection is cut."""
        parts = urlsplit(request.url)
        wallet, handle = self._route(parts.path, request.method)
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = handle(
            HttpRequestParts(
                method=request.method,
                path=parts.path,
                query=parts.query.encode("ascii"),
                body=request.body,
                content_type=headers.get("content-type", ""),
                headers={**headers, "host": parts.netloc},
            ),
            self._now_ms(),
        )
        self._look_at(wallet, asked(request).number)
        if isinstance(reply, CutConnection):
            return None
        answered = {name.lower(): value for name, value in reply.headers.items()}
        return ChannelResponse(
            status=reply.status, headers={"content-type": reply.content_type, **answered}, body=reply.body
        )

    def show_code(self, wallet: str, script: Script) -> str:
        return self.by_name[wallet].issue_code(script, self._now_ms())

    def scan(self, qr: str, script: Script) -> Scanned | None:
        """A customer scans a wallet's own QR; None: it is no wallet's."""
        for wallet in self.by_name.values():
            if wallet.owns_qr(qr):
                scanned = wallet.scan(qr, script, self._now_ms())
                self._look_at(wallet.name, scanned.out_trade_no or "")
                return scanned
        return None

    def pay_in_browser(self, wallet: str, handed: Mapping[str, str], script: Script) -> Scanned:
        scanned = self.by_name[wallet].pay_in_browser(handed, script, self._now_ms())
        self._look_at(wallet, scanned.out_trade_no or "")
        return scanned

    def money(self, out_trade_no: str) -> OrderMoney | None:
        """At whichever wallet has it."""
        home = self._home.get(out_trade_no)
        for name in [home] if home is not None else list(self.by_name):
            found = self.by_name[name].order(out_trade_no, self._now_ms())
            if found is not None:
                self._home[out_trade_no] = name
                return found
        return None

    def orders(self) -> list[OrderMoney]:
        return [order for wallet in self.by_name.values() for order in wallet.orders(self._now_ms())]

    def next_event_ms(self) -> int | None:
        """When a customer pays, a trade ends or a notification is due, by time alone."""
        moments = [wallet.next_event_ms() for wallet in self.by_name.values()]
        return min((at_ms for at_ms in moments if at_ms is not None), default=None)

    def look(self) -> None:
        """Tells the watch about all movements up to now."""
        for wallet in self.by_name.values():
            wallet.advance(self._now_ms())
            for order in wallet.orders(self._now_ms()):
                self._tell(order)

    def due_notifications(self) -> list[tuple[str, Outgoing]]:
        """`(wallet, delivery)` of what is to be delivered now; each is handed out once."""
        return [
            (name, outgoing)
            for name, wallet in self.by_name.items()
            for outgoing in wallet.due_notifications(self._now_ms())
        ]

    def notified(self, wallet: str, outgoing: Outgoing, reply: Answered | None) -> None:
        """The gateway's answer to a delivery; None: none came."""
        status, body = (None, b"") if reply is None else (reply.status, reply.body)
        self.by_name[wallet].notified(outgoing.id, status=status, body=body, now_ms=self._now_ms())

    def _route(self, path: str, method: str) -> tuple[str, Callable[[HttpRequestParts, int], Any]]:
        for name, route in self._routes:
            fits = path.startswith(route.path[:-1]) if route.path.endswith("*") else path == route.path
            if fits and method in route.methods:
                return name, route.handle
        raise AssertionError(f"no simulated wallet serves {method} {path}")

    def _look_at(self, wallet: str, number: str) -> None:
        """An order that a call or a customer may just have moved. A refund is found by looking at all."""
        order = self.by_name[wallet].order(number, self._now_ms()) if number else None
        if order is not None:
            self._tell(order)
        elif number:
            for other in self.by_name[wallet].orders(self._now_ms()):
                self._tell(other)

    def _tell(self, money: OrderMoney) -> None:
        now = (money.captured_fen, money.refunded_fen)
        if self._seen.get(money.out_trade_no, (0, 0)) != now:
            self._seen[money.out_trade_no] = now
            self._watch(money.out_trade_no, money)


def notification_of(outgoing: Outgoing) -> tuple[str, str, Notification]:
    """`(channel, account, notification)` of a delivery, by the address that the account gave."""
    channel, account = urlsplit(outgoing.url).path.removeprefix("/notify/").split("/", 1)
    headers = {name.lower(): value for name, value in outgoing.headers.items()}
    return channel, account, Notification(headers=headers, body=outgoing.body)


def account_settings(wallet: SimulatedWallet, *, account_id: str, interval_ms: int) -> dict[str, object]:
    """The simulated merchant's account as an owner writes it."""
    about = wallet.about(ORIGINS)
    common = {
        "id": account_id,
        "channel": wallet.name,
        "notify_url": f"{GATEWAY_ORIGIN}/notify/{wallet.name}/{account_id}",
        "min_query_interval_ms": interval_ms,
    }
    return {**common, **settings_of_merchant(wallet.name, about)}


def settings_of_merchant(channel: str, about: Mapping[str, object]) -> dict[str, object]:
    """What `GET /merchant/{wallet}` says of the simulated merchant, by the names of an account's settings."""
    return _SETTINGS[channel](about)


def _alipay(about: Mapping[str, object]) -> dict[str, object]:
    return {
        "base_url": about["gateway_url"],
        "app_id": about["app_id"],
        "seller_id": about["seller_id"],
        "private_key": about["merchant_private_key_pkcs8_pem"],
        "wallet_public_key": about["alipay_public_key_pem"],
        "authorize_url": about["authorize_url"],
    }


def _wechat(about: Mapping[str, object]) -> dict[str, object]:
    platform = cast("list[dict[str, str]]", about["platform_certificates"])
    return {
        "base_url": about["base_url"],
        "secapi_url": about["tls_base_url"],
        "appid": about["appid"],
        "mch_id": about["mchid"],
        "api_v2_key": about["api_v2_key"],
        "client_certificate": about["client_certificate_pem"],
        "private_key": about["merchant_private_key_pem"],
        "certificate_serial": about["merchant_serial_no"],
        "api_v3_key": about["api_v3_key"],
        "wallet_public_key": about["public_key_pem"],
        "wallet_public_key_id": about["public_key_id"],
        "wallet_certificates": "".join(one["certificate_pem"] for one in platform),
        "app_secret": about["app_secret"],
        "authorize_url": about["authorize_url"],
        "oauth_url": about["access_token_url"],
        "trusted_ca": about["ca_certificate_pem"],
    }


def _unionpay(about: Mapping[str, object]) -> dict[str, object]:
    return {
        "base_url": about["base_url"],
        "mer_id": about["mer_id"],
        "private_key": about["merchant_private_key_pem"],
        "certificate": about["merchant_certificate_pem"],
        "root_certificate": about["root_certificate_pem"],
        "middle_certificate": about["middle_certificate_pem"],
        "file_url": about["file_url"],
        "authorize_url": about["authorize_url"],
        "user_id_url": about["user_id_url"],
    }


_SETTINGS: Final[Mapping[str, Callable[[Mapping[str, object]], dict[str, object]]]] = {
    "alipay": _alipay,
    "wechat": _wechat,
    "unionpay": _unionpay,
}


def kept_fen(money: OrderMoney | None) -> int:
    """What the shop has of an order."""
    return 0 if money is None else money.captured_fen - money.refunded_fen
