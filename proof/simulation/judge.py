"""Asks every invariant at its moment and keeps the first complaint. Collects the evidence that tills and wires give.

A complaint is kept, not raised: an exception inside a process under test would be caught by it, and would change it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.configure.words import RestoredSaid
from proof.asked import Asked
from proof.simulation import calm, invariants, restored_rules
from proof.simulation.calls import Call
from proof.simulation.complaints import Complaint, Shown
from proof.simulation.evidence import Evidence, GatewayRow
from proof.simulation.judge_side import SideJudge
from proof.simulation.marks import Marks
from proof.simulation.restored_judge import goes_back, went_back
from proof.simulation.static_rules import StaticEvidence, StaticJudge
from proof.simulation.till_evidence import TillSight
from protocol.signature import RequestParts
from protocol.states import GatewayState, TerminalState
from sync.engine.model import PaymentView, RefundView


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken invariant: its name, the number it is about, what is wrong, and when."""

    invariant: str
    about: str
    what: str
    at_ms: int


class Judge:
    """`first` is the violation that ends the world; None as long as all is well."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.first: Violation | None = None
        self.checks = 0
        self.marks = Marks()
        self.side = SideJudge(evidence, self.marks, self._ask)
        self.static: StaticJudge | None = None

    def watches_static_qr(self, gateway_path: Path) -> None:
        """The store has a printed QR."""
        self.static = StaticJudge(StaticEvidence(gateway_path, self.evidence), self._ask, self.marks.reached)

    def broken(self, invariant: str, about: str, what: str) -> None:
        """Notes a violation; only the first counts."""
        if self.first is None:
            self.first = Violation(invariant=invariant, about=about, what=what, at_ms=self.evidence.now_ms())

    def money_moved(self, out_trade_no: str) -> None:
        self.evidence.took_ms.setdefault(out_trade_no, self.evidence.now_ms())
        for rule in invariants.ON_MONEY:
            self._ask(rule.__name__, rule(self.evidence, out_trade_no))

    def shown(self, till: TillSight, view: PaymentView | RefundView) -> None:
        """A till published a payment, or a refund."""
        if isinstance(view, RefundView):
            for rule in invariants.ON_REFUND_SHOWN:
                self._ask(rule.__name__, rule(self.evidence, till, view))
            return
        before = till.views.get(view.payment_no)
        till.first_shown_ms.setdefault(view.payment_no, self.evidence.now_ms())
        self.evidence.sale_of.setdefault(view.order_no, view.sale_id)
        if view.qr_expires_ms is not None:
            till.qr_until_ms[view.payment_no] = view.qr_expires_ms
        if view.request_id is not None:
            till.by_request.setdefault(view.request_id, set()).add(view.payment_no)
        moment = Shown(till=till, view=view, before=before)
        till.views[view.payment_no] = view
        if view.state is TerminalState.CANCELLING:
            till.cancelling_ms.setdefault(view.payment_no, self.evidence.now_ms())
        self.marks.shown(before, view)
        self.side.shown(till, view)
        for rule in invariants.ON_SHOWN:
            self._ask(rule.__name__, rule(self.evidence, moment))
        self.evidence.till_of.setdefault(view.order_no, till.name)
        if view.safe_to_rescan:
            till.green.add(view.payment_no)

    def sent(self, till: TillSight, request: RequestParts) -> None:
        """A till put a request on the wire."""
        parts = request.path.split("/")
        if request.method == "POST" and parts[-1] == "cancel":
            till.cancel_sent_ms[parts[3]] = self.evidence.now_ms()
        for rule in invariants.ON_SENT:
            self._ask(rule.__name__, rule(self.evidence, till, request))
        if self.static is not None:
            self.static.sent(till, request)

    def answered(self, request: RequestParts) -> None:
        """The gateway's own answer, 200, is on its way to a till. It has taken a cancel of what is not paid."""
        parts = request.path.split("/")
        if request.method == "POST" and parts[-1] == "cancel":
            self.evidence.cancels_heard.add(parts[3])
            row = self.evidence.rows.get(parts[3])
            if row is not None and row.state is not GatewayState.PAID:
                self.evidence.cancelled.add(parts[3])

    def channel_called(self, asked: Asked) -> Call:
        """The gateway put a request to the wallet on the wire; how it ends is noted in what is returned."""
        for rule in invariants.ON_CHANNEL_CALL:
            self._ask(rule.__name__, rule(self.evidence, asked))
        self.marks.called(asked)
        return self.evidence.calls.sent(asked, self.evidence.now_ms())

    def time_passed(self) -> None:
        """Now and then: what must have been noticed by now?"""
        for rule in invariants.ON_TIME:
            self._ask(rule.__name__, rule(self.evidence))

    def committed(self) -> None:
        """The gateway committed something."""
        if not self.evidence.gateway.moved():
            return
        payments, refunds = self.evidence.rows, self.evidence.refunds
        self._doubts()
        self._orders_moved()
        self._refunds_moved()
        self._payments_moved()
        self.side.committed(payments, refunds)

    def _payments_moved(self) -> None:
        e = self.evidence
        before, after = e.rows, e.gateway.payments()
        if after is before:
            return
        e.rows = after
        for number, row in after.items():
            old = before.get(number)
            if old is row:
                continue
            if row.state is GatewayState.PAID:
                e.paid_since_ms.setdefault(number, e.now_ms())
            elif row.state in (GatewayState.REVERSING, GatewayState.UNDO_BY_REFUND):
                e.undoing_since_ms.setdefault(number, e.now_ms())
            if old is None and self.static is not None:
                self.static.began(row)
            self.marks.row_moved(old, row)
            self._found_again(old, row)
            for rule in invariants.ON_COMMITTED:
                self._ask(rule.__name__, rule(e, old, row))
        for number in before.keys() - after.keys():
            self.broken("gateway_never_goes_back", number, "a committed payment disappeared")

    def _orders_moved(self) -> None:
        e = self.evidence
        before, after = e.orders, e.gateway.channel_orders()
        if after is before:
            return
        e.orders = after
        for number, order in after.items():
            old = before.get(number)
            if old is order:
                continue
            e.opened_ms.setdefault(number, e.now_ms())
            if order.ended is not None:
                e.ended_since_ms.setdefault(number, e.now_ms())
            self.marks.order_moved(old, order)
            for rule in invariants.ON_ORDER:
                self._ask(rule.__name__, rule(e, old, order))

    def _refunds_moved(self) -> None:
        e = self.evidence
        before, after = e.refunds, e.gateway.refunds()
        e.refunds = after
        if after is before:
            return
        for number, refund in after.items():
            old = before.get(number)
            if old is refund:
                continue
            self.marks.refund_moved(old, refund)
            for rule in invariants.ON_REFUND:
                self._ask(rule.__name__, rule(e, old, refund))

    def goes_back(self) -> None:
        """The gateway's database is about to be put back."""
        self.committed()
        goes_back(self.evidence)

    def went_back(self) -> None:
        """It is an older one, right now."""
        went_back(self.evidence)

    def listed(self, said: RestoredSaid) -> None:
        """The owner was shown what is in question."""
        for rule in restored_rules.ON_LISTED:
            self._ask(rule.__name__, rule(self.evidence, said))

    def _doubts(self) -> None:
        """Of which payments nobody may say that they were not charged."""
        before = self.evidence.restored.in_question
        seen_to = self.evidence.restored.looked()
        if self.evidence.restored.in_question - before:
            self.marks.reached("a restored database is noticed")
        if seen_to:
            self.marks.reached("a person saw to a restored database")

    def _found_again(self, old: GatewayRow | None, row: GatewayRow) -> None:
        """What the gateway had forgotten, and knows now."""
        if old is None and row.out_trade_no in self.evidence.restored.orders:
            self.marks.reached("a forgotten payment is taken up")

    def calm(self) -> None:
        """Everything should have come to rest by now."""
        self.committed()
        for rule in calm.WHEN_CALM:
            self._ask(rule.__name__, rule(self.evidence))
        self.side.calm()
        if self.static is not None:
            self.static.calm()

    def at_rest(self) -> bool:
        """Whether the calm rules hold already; nothing is noted."""
        self.committed()
        if any(not row.state.final for row in self.evidence.rows.values()):
            return False
        rests = all(next(rule(self.evidence), None) is None for rule in calm.WHEN_CALM) and self.side.at_rest()
        return rests and (self.static is None or self.static.at_rest())

    def _ask(self, name: str, complaints: Iterator[Complaint]) -> None:
        self.checks += 1
        for about, what in complaints:
            self.broken(name, about, what)
