"""The evidence of a small world, written by hand: one till, one ORDER, and nothing on disk."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proof.simulation.evidence import ChannelOrderRow, Evidence, GatewayFile, GatewayRow, RefundRow
from proof.simulation.evidence_side import SideFile, SideRows
from proof.simulation.till_evidence import TillFile, TillSight
from protocol.messages import LateMoneyState
from protocol.numbers import new_number
from protocol.offline.order import ClockQuality, OfflineOrder, OrderType
from protocol.states import GatewayState, ProofKind, RefundState
from sync.engine.cash_record import CashRecord
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
        self.tenders: dict[str, CashRecord] = {}

    def cash(self) -> dict[str, CashRecord]:
        return self.tenders

    def payments(self) -> dict[str, PaymentRecord]:
        return self.records

    def unsent_fen(self) -> int:
        return self.unsent

    def codes_tried_ms(self) -> list[int]:
        return self.tried_ms

    def kit(self) -> KitRecord | None:
        return self.held


class PaperGateway(GatewayFile):
    """The gateway's rows."""

    def __init__(self) -> None:
        self.orders: dict[str, ChannelOrderRow] = {}
        self.rows: dict[str, GatewayRow] = {}
        self.given_back: dict[str, RefundRow] = {}
        self.alarms: list[tuple[str, str]] = []

    def payments(self) -> dict[str, GatewayRow]:
        return self.rows

    def orders_of(self, payment_no: str) -> list[ChannelOrderRow]:
        return [order for order in self.orders.values() if order.payment_no == payment_no]

    def refunds(self) -> dict[str, RefundRow]:
        return self.given_back

    def captured(self) -> dict[str, int]:
        paid = {row.out_trade_no: row.amount_fen for row in self.rows.values()}
        return {number: paid[number] for number in self.orders if number in paid}

    def open_alarms(self) -> list[tuple[str, str]]:
        return self.alarms

    def channel_orders(self) -> dict[str, ChannelOrderRow]:
        return self.orders


class PaperSide(SideFile):
    """The gateway's tables of offline orders."""

    def __init__(self) -> None:
        self.now = SideRows()
        self.in_cash: set[tuple[str, str]] = set()
        self.kept: tuple[int, int] = (0, 0)
        self.held: set[tuple[int, str]] = set()
        self.restored = 0

    def sales_in_cash(self) -> set[tuple[str, str]]:
        return self.in_cash

    def notices(self, account_id: str) -> tuple[int, int]:
        return self.kept

    def held_entries(self, terminal_id: str) -> set[tuple[int, str]]:
        return self.held

    def restorations(self) -> int:
        return self.restored

    def rows(self) -> SideRows:
        return self.now


def payment_row(
    state: GatewayState = GatewayState.PAID,
    *,
    number: str = NUMBER,
    late: LateMoneyState | None = None,
    sale: str | None = SECOND,
) -> GatewayRow:
    """A payment over 1,000 fen with one order, which has its number."""
    return GatewayRow(
        terminal_id=TILL,
        payment_no=f"{number}-1",
        order_no=number,
        sale_id=sale,
        amount_fen=1_000,
        state=state,
        state_seq=2,
        proof=None if state is not GatewayState.NOT_PAID else ProofKind.CLOSED,
        out_trade_no=f"{number}00",
        cancel_requested=False,
        acked_seq=None,
        late=late,
        amber=False,
    )


def order_row(number: str = NUMBER, *, late: LateMoneyState | None = None) -> ChannelOrderRow:
    """The order of such a payment."""
    return ChannelOrderRow(
        out_trade_no=f"{number}00",
        payment_no=f"{number}-1",
        account_id="a-alipay-0",
        undo_sent=False,
        reverse_sent=False,
        ended=None if late is None else ProofKind.CLOSED,
        late=late,
    )


def refund_row(
    fen: int = 1_000, *, cause: str = "till", state: RefundState = RefundState.DONE, number: str = NUMBER
) -> RefundRow:
    return RefundRow(
        refund_no=f"{number}R{fen}",
        out_trade_no=f"{number}00",
        cause=cause,
        amount_fen=fen,
        state=state,
        terminal_id=TILL,
    )


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
