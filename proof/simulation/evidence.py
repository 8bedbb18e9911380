"""What is true in a world, read from the outside: the wallet's books, the files on disk, and what the tills showed.

The judge reads the gateway's and the tills' files through its own read-only connections, so that it sees what is
committed and nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from proof.simulation.calls import CallLog
from proof.simulation.evidence_side import SideEvidence
from proof.simulation.guards import broken_guards
from proof.simulation.leaps import Leaps
from proof.simulation.restored_evidence import RestoredEvidence
from proof.simulation.till_evidence import TillSight, bytes_of, open_to_read
from proof.wallets import kept_fen
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, ProofKind, RefundState
from sandbox.wallet import OrderMoney


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRow:
    """One committed payment at the gateway."""

    terminal_id: str
    payment_no: str
    order_no: str
    sale_id: str | None
    amount_fen: int
    state: GatewayState
    state_seq: int
    proof: ProofKind | None
    out_trade_no: str | None
    cancel_requested: bool
    acked_seq: int | None
    late: LateMoneyState | None
    amber: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOrderRow:
    """`undo_sent`: a cancel or a close is durable; `reverse_sent`: one after which there is no way back."""

    out_trade_no: str
    payment_no: str
    account_id: str
    undo_sent: bool
    reverse_sent: bool
    ended: ProofKind | None
    late: LateMoneyState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    refund_no: str
    out_trade_no: str
    cause: str
    amount_fen: int
    state: RefundState
    terminal_id: str


def _payment_of(r: Sequence[Any]) -> tuple[str, GatewayRow]:
    row = GatewayRow(
        terminal_id=r[0],
        payment_no=f"{r[1]}-{r[2]}",
        order_no=r[1],
        sale_id=r[3],
        amount_fen=r[4],
        state=GatewayState(r[5]),
        state_seq=r[6],
        proof=None if r[7] is None else ProofKind(r[7]),
        out_trade_no=r[8],
        acked_seq=r[9],
        late=None if r[10] is None else LateMoneyState(r[10]),
        cancel_requested=r[11] is not None,
        amber=bool(r[12]),
    )
    return row.payment_no, row


def _order_of(r: Sequence[Any]) -> tuple[str, ChannelOrderRow]:
    row = ChannelOrderRow(
        out_trade_no=r[0],
        payment_no=f"{r[1]}-{r[2]}",
        account_id=r[3],
        undo_sent=r[4] is not None,
        reverse_sent=r[5] is not None,
        ended=None if r[6] is None else ProofKind(r[6]),
        late=None if r[7] is None else LateMoneyState(r[7]),
    )
    return row.out_trade_no, row


def _refund_of(r: Sequence[Any]) -> tuple[str, RefundRow]:
    row = RefundRow(
        refund_no=r[0],
        out_trade_no=r[1],
        cause=r[2],
        amount_fen=r[3],
        state=RefundState(r[4]),
        terminal_id=r[5],
    )
    return row.refund_no, row


Row = TypeVar("Row")


class _Table(Generic[Row]):
    """The rows of one select by their number. Unchanged rows are the same objects as before."""

    def __init__(self, read: Callable[[Sequence[Any]], tuple[str, Row]], select: str) -> None:
        self._make = read
        self._select = select
        self._rows: dict[str, Row] = {}
        self._found: list[tuple[Any, ...]] = []
        self._known: dict[tuple[Any, ...], tuple[str, Row]] = {}
        self.stale = True

    def rows(self, db: sqlite3.Connection) -> dict[str, Row]:
        if not self.stale:
            return self._rows
        self.stale = False
        found = db.execute(self._select).fetchall()
        if found == self._found:
            return self._rows
        self._found = found
        before, known = self._known, dict[tuple[Any, ...], tuple[str, Row]]()
        for raw in found:
            known[raw] = before.get(raw) or self._make(raw)
        if known.keys() != before.keys():
            self._rows = dict(known.values())
        self._known = known
        return self._rows


_PAYMENTS: Final = (
    "select terminal_id, order_no, n, sale_id, amount_fen, state, state_seq, proof_kind, out_trade_no, "
    "acked_seq, late_state, cancel_requested_ms, amber from payments order by created_ms, order_no, n"
)
_ORDERS: Final = (
    "select out_trade_no, order_no, n, account_id, undo_sent_ms, reverse_sent_ms, ended_kind, "
    "late_state from channel_orders"
)
_REFUNDS: Final = "select refund_no, out_trade_no, cause, amount_fen, state, terminal_id from refunds"


#: Refunds that follow from a person's word.
_WANTED: Final = frozenset({"till", "cancelled"})


class GatewayFile:
    """The gateway's database as it is on disk. A table is read again only after somebody committed, and a row is read
    into its value only when it changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = open_to_read(path)
        self._version = -1
        self._payments = _Table(_payment_of, _PAYMENTS)
        self._orders = _Table(_order_of, _ORDERS)
        self._refunds = _Table(_refund_of, _REFUNDS)
        self._indexed: dict[str, ChannelOrderRow] | None = None
        self._by_payment: dict[str, list[ChannelOrderRow]] = {}

    def close(self) -> None:
        self._db.close()

    def raw(self) -> bytes:
        """Every byte of it."""
        return bytes_of(self._path)

    def moved(self) -> bool:
        """Whether anything was committed since this was asked last."""
        version: int = self._db.execute("pragma data_version").fetchone()[0]
        if version == self._version:
            return False
        self._version = version
        for table in (self._payments, self._orders, self._refunds):
            table.stale = True
        return True

    def payments(self) -> dict[str, GatewayRow]:
        return self._payments.rows(self._db)

    def channel_orders(self) -> dict[str, ChannelOrderRow]:
        return self._orders.rows(self._db)

    def orders_of(self, payment_no: str) -> list[ChannelOrderRow]:
        """The channel orders of one payment."""
        orders = self.channel_orders()
        if orders is not self._indexed:
            self._indexed, self._by_payment = orders, {}
            for order in orders.values():
                self._by_payment.setdefault(order.payment_no, []).append(order)
        return self._by_payment.get(payment_no, [])

    def refunds(self) -> dict[str, RefundRow]:
        return self._refunds.rows(self._db)

    def reserved(self) -> dict[str, int]:
        """By out_trade_no: how much of the charge is set aside for refunds."""
        return dict(self._db.execute("select out_trade_no, reserved_fen from refund_room").fetchall())

    def captured(self) -> dict[str, int]:
        """By out_trade_no: what the gateway holds as charged, so that it may go back."""
        return dict(self._db.execute("select out_trade_no, captured_fen from refund_room").fetchall())

    def booked(self) -> dict[str, dict[str, int]]:
        """The ledger: by order, each account's sum in fen."""
        found = self._db.execute(
            "select e.out_trade_no, l.account, sum(l.amount_fen) from ledger_entries e join ledger_lines l "
            "on l.entry_id = e.entry_id group by e.out_trade_no, l.account"
        )
        sums: dict[str, dict[str, int]] = {}
        for number, account, fen in found:
            sums.setdefault(number, {})[account] = fen
        return sums

    def unbalanced(self) -> list[int]:
        """Entries that do not sum to zero."""
        found = self._db.execute("select entry_id from ledger_lines group by entry_id having sum(amount_fen) <> 0")
        return [r[0] for r in found]

    def chain(self, terminal_id: str) -> list[tuple[int, str]]:
        found = self._db.execute(
            "select seq, hash from journal_entries where terminal_id = ? order by seq", (terminal_id,)
        )
        return [(r[0], r[1]) for r in found]

    def withheld(self) -> list[tuple[str, int]]:
        """Entries of which it holds the hash alone: by terminal, their number."""
        found = self._db.execute("select terminal_id, seq from journal_entries where withheld is not null")
        return [(r[0], r[1]) for r in found]

    def broken_guards(self) -> list[str]:
        """What the database itself would let through."""
        return list(broken_guards(self._db))

    def leases(self) -> list[tuple[str, int]]:
        """Of what tasks somebody works on, and until when he has them by the gateway's clock."""
        found = self._db.execute("select kind || ' ' || ref, lease_until_ms from tasks where lease_until_ms > 0")
        return [(r[0], r[1]) for r in found]

    def planned(self, kind: str) -> dict[str, int]:
        """When what is planned of this kind is due by the gateway's clock, by what it is about."""
        return dict(self._db.execute("select ref, due_ms from tasks where kind = ?", (kind,)).fetchall())

    def open_alarms(self) -> list[tuple[str, str]]:
        found = self._db.execute("select kind, about from alarms where closed_ms is null order by alarm_id")
        return [(r[0], r[1]) for r in found]

    def events(self, order_no: str) -> list[str]:
        """The gateway's own timeline of an order, for people."""
        found = self._db.execute(
            "select at_ms, n, what, said_by, detail from payment_events where order_no = ? order by event_id",
            (order_no,),
        )
        return [f"{r[0]} n={r[1]} {r[2]} by {r[3]} {r[4]}".rstrip() for r in found]


@dataclass(kw_only=True)
class Evidence:
    """All of it. `strict`: no request to the wallet can arrive after everybody gave up, so late money cannot be.
    `side`: the rest of it, about cash and offline orders. `code_of`: a mark of the code that a till sent under a
    number, `codes`: those codes; `unruly`: terminals that need a person (a copied disk, a program that keeps no rule);
    `skew_ms`: how far the gateway's clock may be off by what it is set by; `leaps`: how far it is plainly wrong;
    `cancels_heard`: payments of which a till's cancel was answered; `took_ms`: when money first moved at the wallet for
    an order; `gateway_up_since`: since when it runs without a break, on a clock that did not leap; `contradicted`: of
    which payments two verified answers disagree, since when; `holds_late_money`: late money waits for the owner's
    word; `by_hand`: of which orders he gave it back out of his own pocket, `sent_back`: of which he said that it goes
    back; `restored`: what was so before the gateway's database was put back."""

    gateway: GatewayFile
    tills: dict[str, TillSight]
    money: Callable[[str], OrderMoney | None]
    now_ms: Callable[[], int]
    strict: bool
    faultless: bool
    gateway_up_since: Callable[[], int | None] = lambda: None
    side: SideEvidence = field(default_factory=SideEvidence)
    calls: CallLog = field(default_factory=CallLog)
    orders: dict[str, ChannelOrderRow] = field(default_factory=dict[str, ChannelOrderRow])
    refunds: dict[str, RefundRow] = field(default_factory=dict[str, RefundRow])
    opened_ms: dict[str, int] = field(default_factory=dict[str, int])
    ended_since_ms: dict[str, int] = field(default_factory=dict[str, int])
    paid_since_ms: dict[str, int] = field(default_factory=dict[str, int])
    undoing_since_ms: dict[str, int] = field(default_factory=dict[str, int])
    code_of: dict[str, bytes] = field(default_factory=dict[str, bytes])
    codes: set[bytes] = field(default_factory=set[bytes])
    took_ms: dict[str, int] = field(default_factory=dict[str, int])
    charged_with: dict[bytes, str] = field(default_factory=dict[bytes, str])
    opposites: Mapping[bytes, str] = field(default_factory=dict[bytes, str])
    contradicted: dict[str, int] = field(default_factory=dict[str, int])
    cancelled: set[str] = field(default_factory=set[str])
    cancels_heard: set[str] = field(default_factory=set[str])
    unruly: set[str] = field(default_factory=set[str])
    expires_ms: dict[str, int] = field(default_factory=dict[str, int])
    notified_ms: dict[str, int] = field(default_factory=dict[str, int])
    skew_ms: int = 0
    leaps: Leaps | None = None
    holds_late_money: bool = False
    by_hand: set[str] = field(default_factory=set[str])
    sent_back: set[str] = field(default_factory=set[str])
    restored: RestoredEvidence = field(default_factory=RestoredEvidence)
    rows: dict[str, GatewayRow] = field(default_factory=dict[str, GatewayRow])
    sale_of: dict[str, str] = field(default_factory=dict[str, str])
    till_of: dict[str, str] = field(default_factory=dict[str, str])

    def covers(self, row: GatewayRow) -> str | None:
        """What else pays for the sale of this payment and is kept, by the gateway's own rows; None: nothing."""
        if row.sale_id is None:
            return None
        for other in self.gateway.payments().values():
            same = (other.terminal_id, other.sale_id) == (
                row.terminal_id,
                row.sale_id,
            ) and other.payment_no != row.payment_no
            if same and (other.state is GatewayState.PAID or other.late is LateMoneyState.ACCEPTED):
                return other.payment_no
        tenders = {} if self.side.file is None else self.side.file.cash(row.terminal_id)
        return next((number for number, (sale, _, back) in tenders.items() if sale == row.sale_id and not back), None)

    def is_paid(self, out_trade_no: str) -> bool:
        """Whether the gateway holds the payment of this order as paid by it."""
        order = self.orders.get(out_trade_no)
        row = None if order is None else self.rows.get(order.payment_no)
        return row is not None and row.state is GatewayState.PAID and row.out_trade_no == out_trade_no

    def contradict(self, out_trade_no: str) -> None:
        """The gateway is about to read that this order, which it knows as paid, was declined."""
        self.contradicted.setdefault(self.orders[out_trade_no].payment_no, self.now_ms())

    def gateway_ms(self) -> int:
        """What the gateway's clock shows, but for its skew."""
        return self.now_ms() + (0 if self.leaps is None else self.leaps.off_ms)

    def latest_ms(self) -> int:
        """The latest that it could have shown to anybody by now."""
        return self.now_ms() + (0 if self.leaps is None else self.leaps.most_ms)

    def leapt_since(self, at_ms: int) -> bool:
        """Whether it leapt since that moment, in true time."""
        return self.leaps is not None and self.leaps.last_ms >= at_ms

    def is_left(self, till: TillSight) -> bool:
        """Whether the owner chose the other of two machines with this identity: nothing new is taken from it."""
        return self.side.goes_on.get(till.terminal_id, till.name) != till.name

    def is_frozen(self, till: TillSight) -> bool:
        """Whether the gateway has found out that there are two of it, and the owner has not chosen yet."""
        standing = self.side.rows.standings.get(till.terminal_id)
        return standing is not None and standing.frozen

    def channel_orders_of(self, payment_no: str) -> list[str]:
        known = [order.out_trade_no for order in self.gateway.orders_of(payment_no)]
        return known + self.restored.lost_orders_of(payment_no, self.gateway.channel_orders())

    def refunded_of(self, payment_no: str) -> int:
        """What tills asked back of a payment and may have got: refunds that have not failed, by a person or because
        the till had cancelled what was paid without its line."""
        numbers = set(self.channel_orders_of(payment_no))
        return sum(
            refund.amount_fen
            for refund in self.restored.every_refund(self.gateway.refunds()).values()
            if refund.out_trade_no in numbers and refund.cause in _WANTED and refund.state is not RefundState.FAILED
        )

    def paid_to(self, payment_no: str) -> int:
        """What the shop has by the order that pays it. What came late by another payer's, which is over, is a case of
        its own, where such a thing can be."""
        row = self.rows.get(payment_no)
        if self.strict or row is None or row.out_trade_no is None:
            return self.kept_of(payment_no)
        return self.held_fen(row.out_trade_no)

    def kept_of(self, payment_no: str) -> int:
        """What the shop has of a payment now, according to the wallet."""
        return sum(self.held_fen(number) for number in self.channel_orders_of(payment_no))

    def held_fen(self, out_trade_no: str) -> int:
        """What the wallet holds of a customer's money by this order. What the owner gave back by hand is his own."""
        return 0 if out_trade_no in self.by_hand else kept_fen(self.money(out_trade_no))
