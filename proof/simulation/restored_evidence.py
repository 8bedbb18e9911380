"""What a gateway whose database was put back had said before, and what it must not claim until a person looked.

Part of `proof.simulation.evidence`; see there. The gateway may forget all that it did after the copy; the judge does
not: what it took, opened, gave back and was told stays known here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from proof.simulation.till_evidence import open_to_read
from protocol.states import RefundState

if TYPE_CHECKING:
    from proof.simulation.evidence import ChannelOrderRow, GatewayRow, RefundRow

_LOST: Final = "select terminal_id from terminals where lost_through is not null"
_OPEN: Final = "select count(*) from restorations where looked_ms is null"


class RestoredFile:
    """What the gateway itself holds of it."""

    def __init__(self, path: Path) -> None:
        self._db: sqlite3.Connection = open_to_read(path)

    def close(self) -> None:
        self._db.close()

    def in_question(self) -> frozenset[str]:
        """Tills of which it knows that rows may be lost, and of which nobody said yet that he looked."""
        return frozenset(r[0] for r in self._db.execute(_LOST))

    def sent_ms(self) -> dict[str, int]:
        """When each order was made, by the gateway's clock."""
        return dict(self._db.execute("select out_trade_no, sent_ms from channel_orders").fetchall())

    def open(self) -> bool:
        """Whether it waits for a person's word."""
        return self._db.execute(_OPEN).fetchone()[0] > 0


@dataclass(kw_only=True)
class RestoredEvidence:
    """`at_ms`: when it was put back last; None: never. `rows`, `orders`, `refunds`: what was said last of what is not
    in the copy, or is otherwise in it. `doubtful`: payments that tills had begun by then, of which they were not told
    that they are not paid, and that had not ended in the copy, by their terminal, until a person said that he looked;
    `acknowledged`: whose outcome a till had acknowledged, which may be forgotten; `in_question`: the tills of which the
    gateway knows that; `sent_ms`: by which time UnionPay's books name an order."""

    file: RestoredFile | None = None
    at_ms: int | None = None
    rows: dict[str, GatewayRow] = field(default_factory=dict[str, "GatewayRow"])
    orders: dict[str, ChannelOrderRow] = field(default_factory=dict[str, "ChannelOrderRow"])
    refunds: dict[str, RefundRow] = field(default_factory=dict[str, "RefundRow"])
    doubtful: dict[str, str] = field(default_factory=dict[str, str])
    acknowledged: set[str] = field(default_factory=set[str])
    in_question: frozenset[str] = frozenset()
    sent_ms: dict[str, int] = field(default_factory=dict[str, int])

    def forgets(
        self,
        rows: Sequence[GatewayRow],
        orders: Iterable[ChannelOrderRow],
        refunds: Iterable[RefundRow],
        *,
        now_ms: int,
    ) -> None:
        """It was put back just now, and these were there before, as they were."""
        self.at_ms = now_ms
        self.acknowledged.update(row.payment_no for row in rows if row.acked_seq is not None)
        self.rows.update((row.payment_no, row) for row in rows)
        self.orders.update((order.out_trade_no, order) for order in orders)
        self.refunds.update((refund.refund_no, refund) for refund in refunds)

    def looked(self) -> frozenset[str]:
        """What the gateway knows now; returns the tills of which a person just said that he looked."""
        if self.at_ms is None or self.file is None:
            return frozenset()
        before, self.in_question = self.in_question, self.file.in_question()
        seen_to = before - self.in_question
        self.doubtful = {number: till for number, till in self.doubtful.items() if till not in seen_to}
        return seen_to

    def every_order(self, known: Mapping[str, ChannelOrderRow]) -> Mapping[str, ChannelOrderRow]:
        """Those too that the gateway has forgotten."""
        return known if self.at_ms is None else {**self.orders, **known}

    def every_refund(self, known: Mapping[str, RefundRow]) -> Mapping[str, RefundRow]:
        """The same of refunds."""
        return known if self.at_ms is None else {**self.refunds, **known}

    def refunded_fen(self, out_trade_no: str | None, known: Mapping[str, RefundRow]) -> int:
        """What went back of an order by refunds that the gateway has forgotten."""
        return sum(
            refund.amount_fen
            for number, refund in self.refunds.items()
            if refund.out_trade_no == out_trade_no and number not in known and refund.state is not RefundState.FAILED
        )

    def lost_orders_of(self, payment_no: str, known: Mapping[str, ChannelOrderRow]) -> list[str]:
        """What the lost part opened for it, and is not known any more."""
        lost = (order for order in self.orders.values() if order.payment_no == payment_no)
        return [order.out_trade_no for order in lost if order.out_trade_no not in known]

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
