"""What the entries of a chain say, all together: every row that they make, and whether each can follow those before it.

A chain can be made to hold anew by whoever can write the file. What it says must then still be something that a till
can have said.
"""

from __future__ import annotations

from sync.engine.cash_record import CashRecord, cash_may_follow, fold_cash
from sync.engine.offline_record import KitRecord, fold_kit
from sync.engine.record import PaymentRecord, fold, may_follow
from sync.engine.refund_record import RefundRecord, fold_refund, refund_may_follow
from sync.engine.statements import (
    AnyStatement,
    CashReturned,
    CashStatement,
    CashTaken,
    KitStored,
    OfflineShown,
    PaymentStatement,
    ProofTaken,
    RefundObserved,
    RefundRefused,
    RefundSettled,
    RefundStarted,
    StandingChanged,
    StorePaidHeard,
)
from sync.journal import rows


class Story:
    """See the module. Empty at first."""

    def __init__(self) -> None:
        self.payments: dict[str, PaymentRecord] = {}
        self.orders: dict[str, tuple[object, ...]] = {}
        self.refunds: dict[str, RefundRecord] = {}
        self.store: dict[int, StorePaidHeard] = {}
        self.cash: dict[str, CashRecord] = {}
        self.proofs: dict[str, tuple[int, int]] = {}
        self.releases: dict[int, int] = {}
        self.kit: KitRecord | None = None
        self.standing: StandingChanged | None = None

    def take(self, statement: AnyStatement, at_ms: int) -> bool:
        """False when no till can have said it then."""
        if isinstance(statement, (CashTaken, CashReturned)):
            return self._take_cash(statement, at_ms)
        if isinstance(statement, StorePaidHeard):
            self.store.setdefault(statement.seq, statement)
        elif isinstance(statement, KitStored):
            used = self.releases.get(statement.kit.epoch, 0)
            self.kit = fold_kit(self.kit, statement, used=used, at_ms=at_ms)
        elif isinstance(statement, StandingChanged):
            self.standing = statement
        else:
            return self._take_payment(statement, at_ms)
        return True

    def _take_cash(self, statement: CashStatement, at_ms: int) -> bool:
        taken = self.cash.get(statement.payment_no)
        if not cash_may_follow(taken, statement):
            return False
        self.cash[statement.payment_no] = fold_cash(taken, statement, at_ms=at_ms)
        return True

    def _take_payment(self, statement: PaymentStatement, at_ms: int) -> bool:
        before = self.payments.get(statement.payment_no)
        if not may_follow(before, statement):
            return False
        if isinstance(statement, (RefundStarted, RefundObserved, RefundRefused, RefundSettled)):
            refund = self.refunds.get(statement.refund_no)
            if not refund_may_follow(refund, statement):
                return False
            self.refunds[statement.refund_no] = fold_refund(refund, statement, at_ms=at_ms)
        if isinstance(statement, OfflineShown):
            self.releases[statement.epoch] = max(self.releases.get(statement.epoch, 0), statement.release)
        if isinstance(statement, ProofTaken):
            self.proofs.setdefault(statement.payment_no.rpartition("-")[0], (int(statement.paid), at_ms))
        record = self.payments[statement.payment_no] = fold(before, statement, at_ms=at_ms)
        self.orders[record.order_no] = rows.order_row(self.orders.get(record.order_no), record)
        return True
