"""What the journal knows about one tender in cash: the fold of its statements, for engine and table alike."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from protocol.money import Money
from sync.engine.statements import CashBack, CashStatement, CashTaken


class CashRecord(Struct, frozen=True, kw_only=True):
    """`amount` stays for the sale, until `returned_at_ms`. `offline`: the gateway could not be reached then."""

    payment_no: str
    order_no: str
    sale_id: str
    amount: Money
    received_fen: int
    change_fen: int
    operator: str
    offline: bool
    taken_at_ms: int
    returned_at_ms: int | None = None
    returned_by: str | None = None
    returned_why: CashBack | None = None


def cash_may_follow(record: CashRecord | None, statement: CashStatement) -> bool:
    """Whether a till can have said this then: cash is taken once, and after that given back once."""
    if isinstance(statement, CashTaken):
        return record is None
    return record is not None and record.returned_at_ms is None


def fold_cash(record: CashRecord | None, statement: CashStatement, *, at_ms: int) -> CashRecord:
    """The tender after one more statement; `at_ms` is the entry's time."""
    assert cash_may_follow(record, statement), f"nobody can say {type(statement).__name__} now"
    if isinstance(statement, CashTaken):
        return CashRecord(
            payment_no=statement.payment_no,
            order_no=statement.order_no,
            sale_id=statement.sale_id,
            amount=Money(statement.amount_fen, statement.currency),
            received_fen=statement.received_fen,
            change_fen=statement.change_fen,
            operator=statement.operator,
            offline=statement.offline,
            taken_at_ms=at_ms,
        )
    assert record is not None, "what is given back was taken"
    return replace(record, returned_at_ms=at_ms, returned_by=statement.operator, returned_why=statement.why)
