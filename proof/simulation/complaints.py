"""What a rule says: a complaint about a number, or nothing. One function per rule, each over the evidence of a moment.

Rules judge from evidence only: the wallet's books, committed files, bytes on the wire, pictures on the screen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from proof.simulation.till_evidence import TillSight
from sync.engine.model import PaymentView

#: About which number, and what is wrong.
Complaint = tuple[str, str]
Complaints = Iterator[Complaint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A till shows a payment; `before` is what it showed last."""

    till: TillSight
    view: PaymentView
    before: PaymentView | None
