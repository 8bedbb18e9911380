"""What stands about in the recorded shop: its clock, its chance, what the till shows, and the owner's file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from proof.virtual_time import VirtualTimeLoop
from proof.wallets import Wallets, account_settings
from protocol.keys import private_key, read_public
from sandbox.keys import fresh_keys
from sandbox.scripts import Script, parse_script
from sandbox.wallets import KEY_NAMES
from sync.anchor import AnchorRecord
from sync.engine.model import (
    CashLimits,
    CommandRefused,
    LinkView,
    PaymentView,
    ProofView,
    Published,
    RefundView,
    StorePaidView,
)
from sync.folder import Folder
from sync.link.calls import Credentials

#: 2026-01-05 09:00 in Beijing.
START_MS: Final = 1_767_574_800_000

#: Of cash, with room for every scene.
UPPER_LIMITS: Final = CashLimits(sale_fen=100_000, offline_day_fen=1_000_000)

_PLACES: Final = """\
[[merchants]]
id = "m1"
name = "老王早餐"
late_money = "{late_money}"

[[stores]]
id = "s1"
merchant = "m1"
name = "{store}"
"""

_ROUTES: Final = """\

[[routes]]
id = "all"
merchant = "m1"
accounts = ["alipay", "wechat", "unionpay"]
"""


@cache
def wallet_keys() -> Mapping[str, RSAPrivateKey]:
    """The same in every shop of a process: making them takes seconds."""
    return fresh_keys(KEY_NAMES)


def credentials_of(folder: Folder) -> Credentials:
    """What a till of this folder signs with, and whom it believes."""
    who = folder.read_identity()
    keys = {kid: read_public(text) for kid, text in who.gateway_keys.items()}
    return Credentials(
        terminal_id=who.terminal_id,
        epoch=who.epoch,
        gateway_url=who.gateway_url,
        key=private_key(folder.read_device_key()),
        gateway_keys={kid: key for kid, key in keys.items() if key is not None},
    )


class GatewayClock:
    """Right, and on the loop. `leaps()`: it says that it was set, by nothing."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop
        self._even_since_ms = START_MS

    def now_ms(self) -> int:
        return START_MS + round(self._loop.time() * 1000)

    def even_since_ms(self) -> int:
        return self._even_since_ms

    def leaps(self) -> None:
        self._even_since_ms = self.now_ms()


class DrawnEntropy:
    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def bytes(self, count: int) -> bytes:
        return self._chance.randbytes(count)


class MemoryAnchor:
    """The anchor's place in this process; it outlives every restart of the till."""

    def __init__(self) -> None:
        self._record: AnchorRecord | None = None

    def read(self) -> AnchorRecord | None:
        return self._record

    def write(self, record: AnchorRecord) -> None:
        self._record = record

    def machine(self) -> str:
        return "the recorded shop's"


@dataclass(kw_only=True)
class Sight:
    """What the till showed: the latest of each payment and refund."""

    payments: dict[str, PaymentView]
    refunds: dict[str, RefundView]
    refused: dict[str, CommandRefused]
    rung: list[StorePaidView]
    proofs: dict[str, ProofView]
    link: LinkView | None = None

    def publish(self, view: Published) -> None:
        match view:
            case PaymentView():
                self.payments[view.payment_no] = view
            case RefundView():
                self.refunds[view.refund_no] = view
            case CommandRefused():
                self.refused[view.request_id] = view
            case StorePaidView():
                self.rung.append(view)
            case ProofView():
                self.proofs[view.request_id] = view
            case LinkView():
                self.link = view


def shop_document(
    wallets: Wallets, store: str, *, with_routes: bool, qr_wallet: str | None, late_money: str = "hold"
) -> str:
    """The owner's file. `qr_wallet`: whose own QR is shown; None: the page's."""
    accounts = ""
    for name, wallet in wallets.by_name.items():
        settings = account_settings(wallet, account_id=name, interval_ms=1_000)
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        cost = "cost_ppm = 6000\n" if with_routes else ""
        cost += f"default_for_qr = {json.dumps(name == qr_wallet)}\n"
        accounts += f'\n[[channel_accounts]]\nmerchant = "m1"\n{lines}{cost}'
    return _PLACES.format(store=store, late_money=late_money) + accounts + (_ROUTES if with_routes else "")


def script_of(text: str) -> Script:
    script = parse_script(text)
    assert script is not None, text
    return script
