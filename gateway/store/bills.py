"""Rows of `bills`, `bill_files` and `statement_lines`. A bill is wanted once: its key is account, kind, day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from gateway.bills.line import LineKind, StatementLine
from gateway.bills.plan import BillState
from gateway.channels.port import BillKind
from gateway.store.tables import CHANNEL_ORDERS
from gateway.store.tables_bills import BILL_FILES, BILLS, STATEMENT_LINES
from gateway.store.units import Tx


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class BillKey:
    """One account's bill of one kind for one Beijing day."""

    account_id: str
    kind: BillKind
    day: str


def bill_ref(key: BillKey) -> str:
    """As one text, for tasks and alarms."""
    return f"{key.account_id}:{key.kind.value}:{key.day}"


def read_ref(ref: str) -> BillKey:
    account_id, kind, day = ref.split(":")
    return BillKey(account_id=account_id, kind=BillKind(kind), day=day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """`code`: the wallet's last word, or the fault of its file. `sha256`: of the latest file, believed or not."""

    key: BillKey
    channel: str
    state: BillState = BillState.WANTED
    code: str = ""
    tries: int = 0
    asked_ms: int | None = None
    kept_ms: int | None = None
    sha256: str | None = None
    size: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """`sealed` is what `gateway.bills.desk` made of the file; `size` that of the file itself."""

    sha256: str
    size: int
    received_ms: int
    sealed: bytes = field(repr=False)


_B: Final = BILLS.c
_L: Final = STATEMENT_LINES.c
_KEY: Final = (
    _B.account_id == bindparam("k_account"),
    _B.kind == bindparam("k_kind"),
    _B.day == bindparam("k_day"),
)
_LINE_KEY: Final = (
    _L.account_id == bindparam("k_account"),
    _L.kind == bindparam("k_kind"),
    _L.day == bindparam("k_day"),
)
_SELECT: Final = select(BILLS).where(*_KEY)
_INSERT: Final = insert(BILLS)
_UPDATE: Final = update(BILLS).where(*_KEY)
_DAYS: Final = select(_B.day).where(_B.account_id == bindparam("k_account"), _B.kind == bindparam("k_kind"))
_FIRST_ORDER: Final = select(func.min(CHANNEL_ORDERS.c.sent_ms)).where(
    CHANNEL_ORDERS.c.account_id == bindparam("k_account")
)
_TOOK: Final = (
    select(CHANNEL_ORDERS.c.out_trade_no)
    .where(
        CHANNEL_ORDERS.c.account_id == bindparam("k_account"),
        CHANNEL_ORDERS.c.paid_at_ms >= bindparam("k_begin"),
        CHANNEL_ORDERS.c.paid_at_ms < bindparam("k_end"),
    )
    .limit(1)
)
_OF_DAY: Final = select(BILLS).where(_B.day == bindparam("k_day")).order_by(_B.account_id, _B.kind)
_FILE: Final = select(BILL_FILES).where(BILL_FILES.c.sha256 == bindparam("k_sha"))
_HAS_FILE: Final = select(BILL_FILES.c.sha256).where(BILL_FILES.c.sha256 == bindparam("k_sha"))
_DROP_LINES: Final = delete(STATEMENT_LINES).where(*_LINE_KEY)
_ADD_LINES: Final = insert(STATEMENT_LINES)
_LINES: Final = (
    select(STATEMENT_LINES)
    .where(*_LINE_KEY, _L.line > bindparam("k_after"))
    .order_by(_L.line)
    .limit(bindparam("k_limit"))
)


def want(tx: Tx, key: BillKey, *, channel: str) -> bool:
    """False: it is wanted already, or more is known of it."""
    if find(tx, key) is not None:
        return False
    tx.connection.execute(_INSERT, {**_values(Bill(key=key, channel=channel)), **_fixed(key, channel)})
    return True


def find(tx: Tx, key: BillKey) -> Bill | None:
    row = tx.connection.execute(_SELECT, _key(key)).one_or_none()
    return None if row is None else _bill(row)


def save(tx: Tx, bill: Bill) -> None:
    tx.connection.execute(_UPDATE, {**_values(bill), **_key(bill.key)})


def took_money(tx: Tx, account_id: str, *, begin_ms: int, end_ms: int) -> bool:
    """Whether this account verifiably took money in that time."""
    about = {"k_account": account_id, "k_begin": begin_ms, "k_end": end_ms}
    return tx.connection.execute(_TOOK, about).first() is not None


def of_day(tx: Tx, day: str) -> list[Bill]:
    return [_bill(row) for row in tx.connection.execute(_OF_DAY, {"k_day": day})]


def days(tx: Tx, account_id: str, kind: BillKind) -> frozenset[str]:
    """Every day that was ever wanted."""
    found = tx.connection.execute(_DAYS, {"k_account": account_id, "k_kind": kind.value})
    return frozenset(found.scalars())


def first_order_ms(tx: Tx, account_id: str) -> int | None:
    """When this account was first asked for money."""
    return tx.connection.execute(_FIRST_ORDER, {"k_account": account_id}).scalar_one_or_none()


def add_file(tx: Tx, kept: KeptFile) -> None:
    """The same file again is the one that is kept."""
    if tx.connection.execute(_HAS_FILE, {"k_sha": kept.sha256}).first() is None:
        row = {"sha256": kept.sha256, "size": kept.size, "received_ms": kept.received_ms, "sealed": kept.sealed}
        tx.connection.execute(insert(BILL_FILES), row)


def kept_file(tx: Tx, sha256: str) -> KeptFile | None:
    row = tx.connection.execute(_FILE, {"k_sha": sha256}).one_or_none()
    if row is None:
        return None
    return KeptFile(sha256=row.sha256, size=row.size, received_ms=row.received_ms, sealed=row.sealed)


def drop_lines(tx: Tx, key: BillKey) -> None:
    tx.connection.execute(_DROP_LINES, _key(key))


def add_lines(tx: Tx, key: BillKey, lines: Sequence[StatementLine]) -> None:
    rows = [
        {
            "account_id": key.account_id,
            "kind": key.kind.value,
            "day": key.day,
            "line": line.line,
            "what": line.kind.value,
            "out_trade_no": line.out_trade_no,
            "refund_no": line.refund_no,
            "transaction_id": line.transaction_id,
            "channel_refund_id": line.channel_refund_id,
            "amount_fen": line.amount_fen,
            "fee_millifen": line.fee_millifen,
            "at_ms": line.at_ms,
            "state": line.state,
            "sha256": line.sha256,
        }
        for line in lines
    ]
    if rows:
        tx.connection.execute(_ADD_LINES, rows)


def lines_of(tx: Tx, key: BillKey, *, after: int = 0, limit: int = 1_000) -> list[StatementLine]:
    """In the file's order, from the line after `after`."""
    found = tx.connection.execute(_LINES, {**_key(key), "k_after": after, "k_limit": limit})
    return [
        StatementLine(
            kind=LineKind(row.what),
            out_trade_no=row.out_trade_no,
            refund_no=row.refund_no,
            transaction_id=row.transaction_id,
            channel_refund_id=row.channel_refund_id,
            amount_fen=row.amount_fen,
            fee_millifen=row.fee_millifen,
            at_ms=row.at_ms,
            state=row.state,
            sha256=row.sha256,
            line=row.line,
        )
        for row in found
    ]


def _key(key: BillKey) -> dict[str, Any]:
    return {"k_account": key.account_id, "k_kind": key.kind.value, "k_day": key.day}


def _fixed(key: BillKey, channel: str) -> dict[str, Any]:
    return {"account_id": key.account_id, "kind": key.kind.value, "day": key.day, "channel": channel}


def _values(bill: Bill) -> dict[str, Any]:
    return {
        "state": bill.state.value,
        "code": bill.code[:200],
        "tries": bill.tries,
        "asked_ms": bill.asked_ms,
        "kept_ms": bill.kept_ms,
        "sha256": bill.sha256,
        "size": bill.size,
        "lines": bill.lines,
    }


def _bill(row: Row[Any]) -> Bill:
    return Bill(
        key=BillKey(account_id=row.account_id, kind=BillKind(row.kind), day=row.day),
        channel=row.channel,
        state=BillState(row.state),
        code=row.code,
        tries=row.tries,
        asked_ms=row.asked_ms,
        kept_ms=row.kept_ms,
        sha256=row.sha256,
        size=row.size,
        lines=row.lines,
    )
