"""The part of the journal's reader that is about refunds and the store's static QR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocol.money import Money
from sync.engine.model import RefundView, StorePaidView
from sync.engine.views import refund_record_view
from sync.journal import refund_rows


class RefundReading:
    """What `JournalReader` adds to itself; connection and errors are its own."""

    _has_refunds: bool

    def _all(self, statement: str, values: Sequence[object]) -> list[Any]:
        raise NotImplementedError

    def refunds(self, *, since_ms: int, until_ms: int) -> tuple[RefundView, ...]:
        """Refunds that ended at this till in that time, done or not, oldest first."""
        return self._refunds(
            "settled_at_ms >= ? and settled_at_ms < ? order by settled_at_ms, refund_no", (since_ms, until_ms)
        )

    def open_refunds(self) -> tuple[RefundView, ...]:
        """Refunds whose outcome is not known yet, oldest first."""
        return self._refunds("state not in ('DONE', 'FAILED') order by started_at_ms, refund_no", ())

    def _refunds(self, where: str, values: Sequence[object]) -> tuple[RefundView, ...]:
        if not self._has_refunds:
            return ()
        found = self._all(f"select record from refund where {where}", values)  # noqa: S608 - conditions of ours
        return tuple(refund_record_view(refund_rows.as_record(row[0])) for row in found)

    def store_paid(self, *, since_ms: int, until_ms: int) -> tuple[StorePaidView, ...]:
        """What the store's static QR took in that time of the gateway's, as far as this till heard of it."""
        if not self._has_refunds:
            return ()
        found = self._all(
            "select seq, payment_no, amount_fen, paid_at_ms, channel, transaction_tail from store_paid "
            "where paid_at_ms >= ? and paid_at_ms < ? order by seq",
            (since_ms, until_ms),
        )
        return tuple(
            StorePaidView(
                seq=row[0],
                payment_no=row[1],
                amount=Money(row[2]),
                paid_at_ms=row[3],
                channel=row[4],
                transaction_tail=row[5],
            )
            for row in found
        )
