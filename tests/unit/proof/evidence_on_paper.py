"""The evidence of a small world, written by hand: one till, one ORDER, and nothing on disk."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proof.simulation.evidence import ChannelOrderRow, Evidence, GatewayFile
from proof.simulation.evidence_side import SideFile, SideRows
from proof.simulation.till_evidence import TillFile, TillSight
from protocol.numbers import new_number
from protocol.offline.order import ClockQuality, OfflineOrder, OrderType
from sync.engine.offline_record import KitRecord
from sync.engine.record import PaymentRecord

TILL = "0" * 13
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
NUMBER, SECOND = new_number(bytes(15)), new_number(bytes([1]) * 15)
NOW_MS = 1_767_574_800_000
HONEST = OfflineOrder(
    type=OrderType.PAY,
    terminal_id=TILL,
    epoch=2,
    order_no=NUMBER,
    amount_fen=1_000,
    kid=1,
    oseq=30,
    cancelled=0,
    release=0,
    made_at_s=NOW_MS // 1000,
    clock=ClockQuality.GATEWAY,
)


class PaperFile(TillFile):
    """A till's journal: what a test says that is in it."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))
        self.records: dict[str, PaymentRecord] = {}
        self.tried_ms: list[int] = []
        self.held: KitRecord | None = None
        self.unsent = 0

    def payments(self) -> dict[str, PaymentRecord]:
        return self.records

    def unsent_fen(self) -> int:
        return self.unsent

    def codes_tried_ms(self) -> list[int]:
        return self.tried_ms

    def kit(self) -> KitRecord | None:
        return self.held


class PaperGateway(GatewayFile):
    """The gateway's channel orders."""

    def __init__(self) -> None:
        self.orders: dict[str, ChannelOrderRow] = {}

    def channel_orders(self) -> dict[str, ChannelOrderRow]:
        return self.orders


class PaperSide(SideFile):
    """The gateway's tables of offline orders."""

    def __init__(self) -> None:
        self.now = SideRows()

    def rows(self) -> SideRows:
        return self.now


def paper_till() -> tuple[TillSight, PaperFile]:
    file = PaperFile()
    return TillSight(name="till1", terminal_id=TILL, file=file, agreed=True), file


def evidence_on_paper() -> Evidence:
    """Of a world in which nothing happened yet."""
    return Evidence(
        gateway=PaperGateway(),
        tills={},
        money=lambda _: None,
        now_ms=lambda: NOW_MS,
        strict=True,
        faultless=True,
        gateway_up_since=lambda: 0,
    )
