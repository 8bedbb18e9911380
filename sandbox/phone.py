"""A customer's phone over the simulated wallets: shows payment codes, scans QRs, lists what happened to the money.

Every wallet is reached by its name, so that callers need not know which there are. Pure: `now_ms` is an argument.
"""

from dataclasses import dataclass

from sandbox.alipay.methods import Scanned
from sandbox.alipay.server import AlipayServer, OpenQr, OrderMoney
from sandbox.codes import CodeBook
from sandbox.scripts import Script

ALIPAY = "alipay"
WALLETS = (ALIPAY,)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletOrder:
    wallet: str
    money: OrderMoney


class Phone:
    def __init__(self, *, codes: CodeBook, alipay: AlipayServer) -> None:
        self._codes = codes
        self._alipay = alipay

    def show_code(self, script: Script, now_ms: int) -> str:
        """A fresh Alipay payment code, good once and for 60 seconds."""
        return self._codes.issue_alipay(script, now_ms)

    def has_shown(self, auth_code: str) -> bool:
        return self._codes.is_known(auth_code)

    def scan(self, qr: str, script: Script, now_ms: int) -> Scanned:
        """Scans a shop's QR with Alipay and behaves as the script says."""
        return self._alipay.scan(qr.strip(), script, now_ms)

    def open_qrs(self, now_ms: int) -> tuple[OpenQr, ...]:
        return self._alipay.open_qrs(now_ms)

    def orders(self, now_ms: int) -> tuple[WalletOrder, ...]:
        """Every order at every wallet, the oldest first."""
        return tuple(WalletOrder(wallet=ALIPAY, money=money) for money in self._alipay.orders(now_ms))

    def order(self, out_trade_no: str, now_ms: int) -> WalletOrder | None:
        money = self._alipay.order(out_trade_no, now_ms)
        return None if money is None else WalletOrder(wallet=ALIPAY, money=money)

    def advance(self, now_ms: int) -> None:
        self._alipay.advance(now_ms)

    def next_event_ms(self) -> int | None:
        return self._alipay.next_event_ms()
