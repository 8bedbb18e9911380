"""What a till has written into its journal file, and what it has shown and sent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from protocol.chain import genesis
from protocol.messages import LateMoneyState
from protocol.reasons import Reason
from protocol.signature import RequestParts
from protocol.states import TerminalState
from sync.anchor import AnchorRecord
from sync.engine.cash_record import CashRecord
from sync.engine.model import (
    CashLimits,
    Command,
    CommandRefused,
    Line,
    PaymentView,
    ShowOffline,
    StartPayment,
    StartRefund,
    TakeCash,
)
from sync.engine.offline_record import KitRecord
from sync.engine.record import PaymentRecord
from sync.engine.refund_record import RefundRecord
from sync.journal import cash_rows, offline_rows, refund_rows, rows

Read = TypeVar("Read")


def bytes_of(path: Path) -> bytes:
    """A database's file with what waits beside it."""
    beside = path.with_name(path.name + "-wal")
    return path.read_bytes() + (beside.read_bytes() if beside.exists() else b"")


class TillFile:
    """A till's journal as it is on disk. The connection is opened when it is first needed and kept; what was read is
    read again only after somebody committed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._version = -1
        self._read: dict[str, Any] = {}

    def close(self) -> None:
        """Also before the file is replaced by another: the next look opens it anew."""
        if self._db is not None:
            self._db.close()
        self._db, self._version, self._read = None, -1, {}

    def raw(self) -> bytes:
        """Every byte of it."""
        return bytes_of(self._path)

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_to_read(self._path)
        return self._db

    def _cached(self, name: str, read: Callable[[sqlite3.Connection], Read]) -> Read:
        db = self._connection()
        version: int = db.execute("pragma data_version").fetchone()[0]
        if version != self._version:
            self._version, self._read = version, {}
        if name not in self._read:
            self._read[name] = read(db)
        return cast("Read", self._read[name])

    def has(self, payment_no: str, kind: str) -> bool:
        found = self._connection().execute(
            "select 1 from entry where about = ? and kind = ? limit 1", (payment_no, kind)
        )
        return found.fetchone() is not None

    def chain(self) -> list[tuple[int, str]]:
        return self._cached("chain", lambda db: db.execute("select seq, hash from entry order by seq").fetchall())

    def payments(self) -> dict[str, PaymentRecord]:
        def read(db: sqlite3.Connection) -> dict[str, PaymentRecord]:
            return {record.payment_no: record for record in rows.select(db, "1 order by started_at_ms")}

        return self._cached("payments", read)

    def refunds(self) -> dict[str, RefundRecord]:
        def read(db: sqlite3.Connection) -> dict[str, RefundRecord]:
            return {record.refund_no: record for record in refund_rows.select(db, "1 order by started_at_ms")}

        return self._cached("refunds", read)

    def cash(self) -> dict[str, CashRecord]:
        def read(db: sqlite3.Connection) -> dict[str, CashRecord]:
            return {record.payment_no: record for record in cash_rows.select(db, "1 order by taken_at_ms")}

        return self._cached("cash", read)

    def delivered_through(self) -> int:
        """How far the gateway told it that it holds this journal."""
        found = self._connection().execute("select value from setting where name = 'delivered_through'").fetchone()
        return 0 if found is None else int(found[0])

    def store_paid(self) -> dict[int, str]:
        """What it heard of the store's static QR: payment numbers by the store's own sequence."""
        query = "select seq, payment_no from store_paid order by seq"
        return self._cached("store paid", lambda db: {int(r[0]): str(r[1]) for r in db.execute(query)})

    def kit(self) -> KitRecord | None:
        """What it needs to sell without the line."""
        return self._cached("kit", offline_rows.kit_of)

    def codes_tried_ms(self) -> list[int]:
        """When codes were typed, by the till's own clock, in the order in which they were."""
        query = "select at_ms from entry where kind = 'offline.code_tried' order by seq"
        return self._cached("codes tried", lambda db: [int(r[0]) for r in db.execute(query)])

    def unsent_fen(self) -> int:
        """What came in, or went back, over the counter by the entries that the gateway does not hold yet."""

        def read(db: sqlite3.Connection) -> int:
            through = db.execute("select value from setting where name = 'delivered_through'").fetchone()
            proven = {str(r[0]) for r in db.execute("select about from entry where kind = 'offline.proof'")}
            fen = 0
            for kind, about, body in db.execute(_CAME_IN, (0 if through is None else int(through[0]),)):
                said = json.loads(body)
                match kind:
                    case "cash.taken":
                        fen += said["amount_fen"]
                    case "cash.returned":
                        fen -= said["amount_fen"]
                    case _ if said["paid"] and (kind == "offline.proof" or about not in proven):
                        record = rows.find(db, about)
                        fen += 0 if record is None else record.amount.fen
                    case _:
                        pass
            return fen

        return self._cached("unsent", read)

    def sale_of_order(self, order_no: str) -> str | None:
        return next((one.sale_id for one in self.payments().values() if one.order_no == order_no), None)

    def sale_is_paid(self, sale_id: str) -> bool:
        """By a wallet's money that is kept, by cash, or by what the gateway said when it refused a try of it."""
        if any(one.sale_id == sale_id and one.returned_at_ms is None for one in self.cash().values()):
            return True
        of_sale = [one for one in self.payments().values() if one.sale_id == sale_id]
        return any(
            one.state is TerminalState.PAID
            or one.sale_has_money is not None
            or (one.late_money is not None and one.late_money.state is LateMoneyState.ACCEPTED)
            for one in of_sale
        )

    def sale_had_late_money(self, sale_id: str) -> bool:
        return any(one.sale_id == sale_id and one.late_money is not None for one in self.payments().values())

    def entries(self, payment_no: str) -> list[str]:
        """The till's own timeline of a payment, for people."""
        found = self._connection().execute(
            "select at_ms, kind, body from entry where about = ? order by seq", (payment_no,)
        )
        return [f"{r[0]} {r[1]} {r[2]}" for r in found]


_CAME_IN: Final = (
    "select kind, about, body from entry where seq > ? "
    "and kind in ('cash.taken', 'cash.returned', 'offline.proof', 'payment.settled') order by seq"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A till refused a press. `about`: the press. Of a sale that it knows: whether it was paid then, or was when it was
    pressed; whether money came late. `begun`: what its journal began since, and no other press did."""

    about: str
    reason: Reason
    sale_was_paid: bool = False
    sale_had_late_money: bool = False
    begun: tuple[str, ...] = ()


def open_to_read(path: Path) -> sqlite3.Connection:
    """A committed state of the file, whatever its writer is about."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


@dataclass(kw_only=True)
class TillSight:
    """What one till has shown and sent. Outlives the till's processes, as a cashier's memory does. `up_since_ms`: since
    when its program runs without a break; None: it does not. `silent_ms`: of which payments nobody said anything since.
    `opposites`: answers that say the opposite of what is final, `opposite_ms`: since when such a one was heard.
    `forged`: payments of which every notification is wrong; `doubted`: of which one may be. `typed`: by request, the
    payment and the code; `compared`: how often a code was compared, by epoch and index; `cash_limits`: by request, what
    the owner allowed; `anchored`: what its machine holds outside of the data folder. `unsent_fen`: how much money its
    screen says is to be delivered, `miscounts_since_ms`: since when that is wrong;
    `line`: how it shows its line. `pressed`: by request, the sale that
    a press was about, and whether it was paid then; `refusals`: what nobody judged yet;
    `begun_before`: by request, which payments and refunds the journal had when it was pressed; `cash_asked`: by
    request, what was handed over and what was to be paid, `cash_line`: how the line was shown then. `rung`: payments of
    the store's static QR that it rang for since its program started, `ever_rung`: at all."""

    name: str
    terminal_id: str
    file: TillFile
    views: dict[str, PaymentView] = field(default_factory=dict[str, PaymentView])
    first_shown_ms: dict[str, int] = field(default_factory=dict[str, int])
    cancelled_ms: dict[str, int] = field(default_factory=dict[str, int])
    cancelling_ms: dict[str, int] = field(default_factory=dict[str, int])
    cancel_sent_ms: dict[str, int] = field(default_factory=dict[str, int])
    up_since_ms: int | None = None
    silent_ms: dict[str, int] = field(default_factory=dict[str, int])
    qr_until_ms: dict[str, int] = field(default_factory=dict[str, int])
    doubted: set[str] = field(default_factory=set[str])
    forged: set[str] = field(default_factory=set[str])
    green: set[str] = field(default_factory=set[str])
    by_request: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    sent: dict[str, tuple[object, ...]] = field(default_factory=dict[str, tuple[object, ...]])
    scanned: dict[str, str] = field(default_factory=dict[str, str])
    typed: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    compared: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    proven: set[str] = field(default_factory=set[str])
    agreed: bool = False
    opposites: Mapping[bytes, str] = field(default_factory=dict[bytes, str])
    opposite_ms: dict[str, int] = field(default_factory=dict[str, int])
    by_code: dict[bytes, str] = field(default_factory=dict[bytes, str])
    cash_limits: dict[str, CashLimits] = field(default_factory=dict[str, CashLimits])
    anchored: Callable[[], AnchorRecord | None] | None = None
    unsent_fen: int | None = None
    line: Line | None = None
    miscounts_since_ms: int | None = None
    pressed: dict[str, tuple[str, bool]] = field(default_factory=dict[str, tuple[str, bool]])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    begun_before: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    cash_line: dict[str, Line | None] = field(default_factory=dict[str, "Line | None"])
    cash_asked: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    rung: set[str] = field(default_factory=set[str])
    ever_rung: set[str] = field(default_factory=set[str])

    def presses(self, command: Command) -> None:
        """A cashier presses something about a sale that this till's journal knows."""
        if isinstance(command, (StartPayment, ShowOffline, StartRefund)):
            self.begun_before.setdefault(command.request_id, self._begun())
        if isinstance(command, TakeCash):
            self.cash_asked[command.request_id] = command.received_fen, command.amount.fen
            self.cash_line[command.request_id] = self.line
        if not isinstance(command, (StartPayment, ShowOffline, TakeCash)):
            return
        sale_id = command.sale_id if isinstance(command, StartPayment) else None
        if command.order_no is not None:
            sale_id = self.file.sale_of_order(command.order_no)
        if sale_id is not None:
            self.pressed.setdefault(command.request_id, (sale_id, self.file.sale_is_paid(sale_id)))

    def refuses(self, refused: CommandRefused) -> None:
        """And is told that it cannot be."""
        request_id, begun = refused.request_id, set[str]()
        if request_id in self.begun_before:
            others = [numbers for request, numbers in self.by_request.items() if request != request_id]
            begun = self._begun().difference(self.begun_before[request_id], *others)
        sale_id, was_paid = self.pressed.get(request_id, (None, False))
        if sale_id is None and not begun:
            return
        self.refusals.append(
            Refusal(
                about=request_id,
                reason=refused.reason,
                sale_was_paid=sale_id is None or was_paid or self.file.sale_is_paid(sale_id),
                sale_had_late_money=sale_id is None or self.file.sale_had_late_money(sale_id),
                begun=tuple(sorted(begun)),
            )
        )

    def _begun(self) -> set[str]:
        return {*self.file.payments(), *self.file.refunds()}

    def heard(self, request: RequestParts, *, whole: bytes | None, at_ms: int) -> None:
        """How a call ended that asks what became of a payment: with the gateway's own answer (`whole`), or without."""
        parts = request.path.split("/")
        number = parts[3] if len(parts) == 4 else ""
        if whole is not None and (contradicted := self.opposites.get(whole)) is not None:
            self.opposite_ms.setdefault(contradicted, at_ms)
        if request.method == "GET" and parts[2] == "payments" and whole is not None:
            self.silent_ms.pop(number, None)
        elif request.method == "GET" and parts[2] == "payments":
            self.silent_ms.setdefault(number, at_ms)

    @property
    def genesis(self) -> str:
        return genesis(self.terminal_id)

    def forget(self) -> None:
        """Its disk is an older one: what it showed since may be shown anew from an earlier state."""
        self.views, self.first_shown_ms, self.green = {}, {}, set()
        self.by_request, self.cancelled_ms, self.qr_until_ms = {}, {}, {}
        self.cancelling_ms, self.cancel_sent_ms, self.silent_ms = {}, {}, {}
        self.proven, self.agreed, self.compared, self.opposite_ms = set(), False, {}, {}
        self.pressed, self.refusals, self.begun_before = {}, [], {}
