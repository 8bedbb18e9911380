"""A customer's phone over the simulated wallets: shows payment codes, scans the wallets' own QRs, lists the money.

Every wallet is reached by its name, so that callers need not know which there are. Pure: `now_ms` is an argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sandbox.billing import BillDiscrepancy
from sandbox.scripts import Script
from sandbox.wallet import OpenQr, OrderMoney, Scanned, SimulatedWallet


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletOrder:
    wallet: str
    money: OrderMoney


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletQr:
    wallet: str
    offer: OpenQr


class Phone:
    def __init__(self, wallets: Mapping[str, SimulatedWallet]) -> None:
        self._wallets = wallets

    @property
    def wallets(self) -> Mapping[str, SimulatedWallet]:
        """By name, in the order in which the phone offers them."""
        return self._wallets

    def show_code(self, wallet: str, script: Script, now_ms: int) -> str:
        """A fresh payment code of that wallet, good once and for 60 seconds."""
        return self._wallets[wallet].issue_code(script, now_ms)

    def has_shown(self, auth_code: str) -> bool:
        return any(wallet.has_shown(auth_code) for wallet in self._wallets.values())

    def scan(self, wallet: str, qr: str, script: Script, now_ms: int) -> Scanned:
        """That wallet scans a QR of its own and behaves as the script says."""
        return self._wallets[wallet].scan(qr.strip(), script, now_ms)

    def open_qrs(self, now_ms: int) -> tuple[WalletQr, ...]:
        """The wallets' own QRs that could be paid now."""
        return tuple(
            WalletQr(wallet=name, offer=offer)
            for name, wallet in self._wallets.items()
            for offer in wallet.open_qrs(now_ms)
        )

    def orders(self, now_ms: int) -> tuple[WalletOrder, ...]:
        """Every order at every wallet, the oldest first."""
        listed = [
            WalletOrder(wallet=name, money=money)
            for name, wallet in self._wallets.items()
            for money in wallet.orders(now_ms)
        ]
        return tuple(sorted(listed, key=lambda order: order.money.created_ms))

    def order(self, out_trade_no: str, now_ms: int) -> WalletOrder | None:
        """The order of that number, at whichever wallet it is."""
        for name, wallet in self._wallets.items():
            money = wallet.order(out_trade_no, now_ms)
            if money is not None:
                return WalletOrder(wallet=name, money=money)
        return None

    def distort_bill(self, wallet: str, day: date, discrepancies: tuple[BillDiscrepancy, ...]) -> None:
        """From now on that Beijing day's bill has exactly these discrepancies."""
        self._wallets[wallet].distort_bill(day, discrepancies)

    def advance(self, now_ms: int) -> None:
        for wallet in self._wallets.values():
            wallet.advance(now_ms)

    def next_event_ms(self) -> int | None:
        """When time alone next changes an order or makes a notification due."""
        coming = (wallet.next_event_ms() for wallet in self._wallets.values())
        return min((at_ms for at_ms in coming if at_ms is not None), default=None)
