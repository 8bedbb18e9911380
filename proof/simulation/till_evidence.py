"""What a till has written into its journal file, and what it has shown and sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from protocol.chain import genesis
from protocol.signature import RequestParts
from sync.anchor import AnchorRecord
from sync.engine.cash_record import CashRecord
from sync.engine.model import CashLimits, PaymentView
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

    def kit(self) -> KitRecord | None:
        """What it needs to sell without the line."""
        return self._cached("kit", offline_rows.kit_of)

    def codes_tried_ms(self) -> list[int]:
        """When codes were typed, by the till's own clock, in the order in which they were."""
        query = "select at_ms from entry where kind = 'offline.code_tried' order by seq"
        return self._cached("codes tried", lambda db: [int(r[0]) for r in db.execute(query)])

    def entries(self, payment_no: str) -> list[str]:
        """The till's own timeline of a payment, for people."""
        found = self._connection().execute(
            "select at_ms, kind, body from entry where about = ? order by seq", (payment_no,)
        )
        return [f"{r[0]} {r[1]} {r[2]}" for r in found]


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
    the owner allowed; `anchored`: what its machine holds outside of the data folder."""

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
