"""The judge's side for cash, offline orders and frozen tills: asks their rules at their moments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from proof.simulation import (
    answer_rules,
    calm_offline,
    invariants_begun,
    invariants_cash,
    invariants_offline,
    invariants_typed,
    standing_rules,
)
from proof.simulation.answer_rules import AsItWas, NoticeAnswered
from proof.simulation.complaints import Complaint
from proof.simulation.evidence import Evidence, GatewayRow, RefundRow
from proof.simulation.evidence_side import OrderShown, Payer, SideRows
from proof.simulation.invariants_begun import Handed, Paying
from proof.simulation.invariants_offline import Read, ShownOrder
from proof.simulation.invariants_typed import Compared
from proof.simulation.marks import Marks
from proof.simulation.network import Reply
from proof.simulation.till_evidence import TillSight
from protocol.offline.order import read_order
from protocol.signature import RequestParts
from protocol.states import GatewayState
from sync.engine.model import PaymentView, ProofView

Ask = Callable[[str, Iterator[Complaint]], None]


class SideJudge:
    """`ask` keeps the first complaint of a rule."""

    def __init__(self, evidence: Evidence, marks: Marks, ask: Ask) -> None:
        self._e = evidence
        self._marks = marks
        self._ask = ask

    def shown(self, till: TillSight, view: PaymentView) -> None:
        """A till shows a payment: perhaps as an ORDER."""
        if view.offline is None:
            return
        signed = read_order(view.offline.qr.rpartition("/")[2])
        if signed is None:
            self._ask("an_order_can_be_read", iter([(view.payment_no, "what is shown is no ORDER")]))
            return
        digest = signed.digest.hex()
        if digest not in self._e.side.shown:
            moment = ShownOrder(till=till, view=view, signed=signed)
            for rule in (*invariants_offline.ON_ORDER_SHOWN, *invariants_typed.ON_ORDER_SHOWN):
                self._ask(rule.__name__, rule(self._e, moment))
            self._marks.reached("a STATUS is shown" if view.offline.status else "an ORDER is shown")
            self._e.side.shown[digest] = OrderShown(till=till.name, payment_no=view.payment_no, signed=signed)

    def cash(self, till: TillSight, view: PaymentView) -> None:
        """A till shows a tender in cash."""
        for rule in invariants_cash.ON_CASH:
            self._ask(rule.__name__, rule(self._e, till, view))
        if view.cash is not None:
            first = not any(sale == view.sale_id for sale in self._e.sale_of.values())
            back = view.cash.returned_at_ms is not None
            self._marks.reached("cash given back" if back else "cash first" if first else "cash second")

    def read(self, till: TillSight, view: ProofView) -> None:
        """A till says what a scanned proof is worth, or a typed code."""
        text = till.typed.get(view.request_id, ("", ""))[1] if view.typed else till.scanned.get(view.request_id)
        if not text:
            return
        moment, rules = Read(till=till, view=view, text=text), (*invariants_offline.ON_READ, *invariants_typed.ON_READ)
        for rule in (*invariants_offline.ON_TYPED, *invariants_typed.ON_TYPED) if view.typed else rules:
            self._ask(rule.__name__, rule(self._e, moment))
        what = "a typed code" if view.typed else "proof"
        self._marks.reached(f"{what} takes {view.reason}" if view.accepted else f"{what} read as {view.reason}")
        if view.accepted and view.payment_no is not None:
            till.proven.add(view.payment_no)

    def compared(self, till: TillSight, epoch: int, index: int) -> None:
        """A till is about to compare a typed code."""
        before = till.compared.get((epoch, index), 0)
        moment = Compared(till=till, epoch=epoch, index=index, before=before)
        for rule in invariants_typed.ON_COMPARED:
            self._ask(rule.__name__, rule(self._e, moment))
        till.compared[epoch, index] = before + 1

    def paying(self, out_trade_no: str, payer: Payer) -> None:
        """A page handed a payment to somebody's wallet."""
        moment = Paying(out_trade_no=out_trade_no, payer=payer)
        for rule in invariants_begun.ON_PAYING:
            self._ask(rule.__name__, rule(self._e, moment))
        self._e.side.payers[out_trade_no] = payer

    def handed(self, moment: Handed) -> None:
        """A page gave a proof to who held the phone."""
        for rule in invariants_begun.ON_HANDED:
            self._ask(rule.__name__, rule(self._e, moment))
        if moment.typed is not None:
            self._e.side.typed_of[moment.signed.order.order_no] = moment.typed
            self._marks.reached("a code to type is shown")

    def as_it_is(self) -> AsItWas:
        """What the gateway's file held when it committed last."""
        return AsItWas(rows=self._e.rows, refunds=self._e.refunds, side=self._e.side.rows)

    def refused(self, request: RequestParts, body: bytes, before: AsItWas) -> None:
        """The gateway's refusal is on its way."""
        e = self._e
        side = e.side.rows if e.side.file is None else e.side.file.rows()
        now = AsItWas(rows=e.gateway.payments(), refunds=e.gateway.refunds(), side=side)
        refused = answer_rules.refusal(request, body, before, now)
        if refused is not None:
            self._marks.reached(f"the gateway refuses as {refused.reason}")
            for rule in answer_rules.ON_REFUSED:
                self._ask(rule.__name__, rule(e, refused))

    def notice_answered(self, wallet: str, account_id: str, reply: Reply) -> None:
        """The gateway's answer to a notification is on its way."""
        moment = NoticeAnswered(account_id=account_id, received=answer_rules.is_received(wallet, reply))
        for rule in answer_rules.ON_NOTICE:
            self._ask(rule.__name__, rule(self._e, moment))

    def committed(self, before: Mapping[str, GatewayRow], refunds_before: Mapping[str, RefundRow]) -> None:
        """The gateway committed something; the evidence of payments and refunds is that of now."""
        e = self._e
        if e.side.file is None:
            return
        old, new = e.side.rows, e.side.file.rows()
        e.side.rows = new
        self._orders(old, new)
        for number, row in e.rows.items():
            if number not in before:
                for rule in (*invariants_offline.ON_BEGUN, *invariants_begun.ON_BEGUN):
                    self._ask(rule.__name__, rule(e, old, row))
        for number, refund in e.refunds.items():
            if number not in refunds_before:
                for rule in invariants_offline.ON_REFUND:
                    self._ask(rule.__name__, rule(e, None, refund))
                for asked in standing_rules.ON_REFUND:
                    self._ask(asked.__name__, asked(e, old, refund))
                if refund.cause == "cancelled":
                    self._marks.reached("cancelled order goes back")

    def _orders(self, old: SideRows, new: SideRows) -> None:
        for number, seen in new.seen.items():
            if number not in old.seen:
                row = self._e.rows.get(f"{number}-1")
                begun = row is not None and row.state is not GatewayState.NOT_PAID
                self._marks.reached("an ORDER begins" if begun else "an ORDER is closed at first sight")
                self._e.side.seen_since_ms[number] = self._e.now_ms()
                for rule in (*invariants_offline.ON_SEEN, *invariants_begun.ON_SEEN):
                    self._ask(rule.__name__, rule(self._e, old, seen))
        for cancelled in sorted(new.cancelled - old.cancelled):
            self._e.side.cancelled_since_ms[cancelled] = self._e.now_ms()
            for heard in invariants_begun.ON_CANCELLED:
                self._ask(heard.__name__, heard(self._e, cancelled))
        for digest, proof in new.proofs.items():
            if digest not in old.proofs:
                self._marks.reached("a PAID proof is given" if proof.paid else "a CLOSED proof is given")
                for rule in (*invariants_offline.ON_GIVEN, *invariants_begun.ON_GIVEN):
                    self._ask(rule.__name__, rule(self._e, old, proof))
        for terminal_id, standing in new.standings.items():
            if standing.frozen and terminal_id in old.standings and not old.standings[terminal_id].frozen:
                self._marks.reached("a till is frozen")
            if terminal_id in old.standings and old.standings[terminal_id].frozen and not standing.frozen:
                self._marks.reached("a frozen till is activated again")
            for rule in (*invariants_offline.ON_STANDING, *standing_rules.ON_STANDING):
                self._ask(rule.__name__, rule(self._e, old, terminal_id))

    def calm(self) -> None:
        for rule in calm_offline.WHEN_CALM:
            self._ask(rule.__name__, rule(self._e))

    def at_rest(self) -> bool:
        return all(next(rule(self._e), None) is None for rule in calm_offline.WHEN_CALM)
