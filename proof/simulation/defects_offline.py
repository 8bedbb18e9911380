"""Defects of offline orders, their proofs, cash and frozen tills: SAFETY.md section 3, on both sides.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

OFFLINE: Final = (
    Defect(
        name="a proof marks the order at the counter",
        trips=by("an_accepted_proof_was_given", "paid_is_true"),
        file="sync/engine/proofs.py",
        old='            payment_no=record.payment_no,\n            said_by=f"proof:{kid}"',
        new='            payment_no=ground.book.waiting or record.payment_no,\n            said_by=f"proof:{kid}"',
    ),
    Defect(
        name="a proof's signature is not looked at",
        trips=by("an_accepted_proof_was_given", "paid_is_true"),
        file="sync/engine/proofs.py",
        old="    return signed is not None and found.signed_by(key, order_digest=signed.digest)",
        new="    return signed is not None",
    ),
    Defect(
        name="a used proof frees goods again",
        trips=by("a_proof_is_taken_once", "an_accepted_proof_was_given"),
        file="sync/engine/proofs.py",
        old="    if refusal is not None or live is None:\n        _refuse(turn, event, refusal",
        new=(
            "    if refusal is Reason.PROOF_USED:\n"
            "        turn.answer(_about(event.command.request_id, record, Reason.PAID, accepted=True, typed=False))\n"
            "        return\n"
            "    if refusal is not None or live is None:\n        _refuse(turn, event, refusal"
        ),
    ),
    Defect(
        name="another till's proof frees the order at the counter",
        trips=by("an_accepted_proof_was_given", "paid_is_true", "no_program_falls_over"),
        file="sync/engine/proofs.py",
        old="    if event.last is None:\n        _refuse(",
        new=(
            "    if event.last is None and ground.book.waiting in turn.payments:\n"
            "        number = str(ground.book.waiting)\n"
            "        taken = ProofTaken(payment_no=number, said_by='proof', paid=True, operator='01', kid=1, at_s=1)\n"
            "        _take(turn, event.command.request_id, taken)\n"
            "        return\n"
            "    if event.last is None:\n        _refuse("
        ),
    ),
    Defect(
        name="a proof of CLOSED is taken as PAID",
        trips=by("paid_is_true", "an_accepted_proof_was_given"),
        file="sync/engine/proofs.py",
        old="            paid=paid,\n            operator",
        new="            paid=True,\n            operator",
    ),
    Defect(
        name="a cancelled order's proof frees its goods",
        trips=by("a_cancelled_order_takes_no_proof"),
        file="sync/engine/proofs.py",
        old="            return Reason.PROOF_CANCELLED if record.cancel_intended and paid else None",
        new="            return None",
    ),
    Defect(
        name="the bitmap of cancelled orders is empty",
        trips=by("an_order_tells_of_the_cancelled"),
        file="sync/engine/offline.py",
        old="        cancelled=sum(1 << place for place in set(places) if 0 <= place < BITMAP_ORDERS),",
        new="        cancelled=sum(0 << place for place in set(places) if 0 <= place < BITMAP_ORDERS),",
    ),
    Defect(
        name="a copied disk sells without the line at once",
        trips=by("a_copy_sells_nothing_alone", "a_copy_believes_no_proof", "an_order_is_anchored_first"),
        file="sync/engine/offline.py",
        old="    return None if ground.anchored else Reason.ANCHOR_FAILED",
        new="    return None",
    ),
    Defect(
        name="a second order is shown beside one that waits",
        trips=by("one_order_awaits_its_proof"),
        file="sync/engine/offline.py",
        old="        refusal = Reason.OFFLINE_WAITING\n",
        new="        refusal = None\n",
    ),
    Defect(
        name="cash is taken while a wallet may still pay",
        trips=by("one_tender_is_kept"),
        file="sync/engine/cash.py",
        old="    if waiting or not all(may_take_cash(record) for record in event.of_sale):",
        new="    if waiting:",
    ),
    Defect(
        name="a sale that cash covers is charged again",
        trips=by("one_tender_is_kept"),
        file="sync/engine/start.py",
        old="    if event.cash_covers:\n        return Reason.ORDER_PAID\n    if not 1",
        new="    if not 1",
    ),
    Defect(
        name="the gateway forgets cash",
        trips=by("cash_is_told"),
        file="gateway/store/cash.py",
        old="    if rows:\n        tx.connection.execute(_INSERT, rows)",
        new="    if len(rows) > 1:\n        tx.connection.execute(_INSERT, rows)",
    ),
    Defect(
        name="an ORDER is payable for ever",
        trips=by("an_expired_order_never_begins"),
        file="gateway/offline/judge.py",
        old="    return Verdict.TOO_LATE if late else Verdict.NEW",
        new="    return Verdict.NEW",
    ),
    Defect(
        name="a stranger's ORDER is taken",
        trips=by("an_order_is_its_tills"),
        file="gateway/jobs/offline_finding.py",
        old="signed=key is not None and signed.signed_by(key)\n",
        new="signed=key is not None\n",
    ),
    Defect(
        name="an ORDER begins with another amount",
        trips=by("an_order_is_its_tills"),
        file="gateway/jobs/offline_orders.py",
        old="        amount_fen=found.signed.order.amount_fen,\n        currency",
        new="        amount_fen=max(1, found.signed.order.amount_fen // 10),\n        currency",
    ),
    Defect(
        name="the gateway does not read the bitmap",
        trips=by("the_bitmap_is_believed"),
        file="gateway/jobs/offline_orders.py",
        old="        if not order.says_cancelled(oseq) or offline",
        new="        if order.oseq > 0 or offline",
    ),
    Defect(
        name="a cancelled order that was paid stays paid",
        trips=by("cancelled_orders_go_back"),
        file="gateway/jobs/offline_orders.py",
        old="    if owner.refunds_late_money:\n        at_once",
        new="    if not owner.refunds_late_money:\n        at_once",
    ),
    Defect(
        name="CLOSED is proven of what is still open",
        trips=by("a_given_proof_is_true"),
        file="gateway/offline/outcome.py",
        old="    return payment.state is GatewayState.NOT_PAID and payment.late_state in",
        new="    return payment.state is not GatewayState.PAID and payment.late_state in",
    ),
    Defect(
        name="a proof is given before the money is sure",
        trips=by("a_given_proof_is_true"),
        file="gateway/offline/outcome.py",
        old="if payment.state is GatewayState.PAID), None)",
        new="if payment.state in (GatewayState.PAID, GatewayState.SENT)), None)",
    ),
    Defect(
        name="a fork freezes nothing",
        trips=by("forks_are_frozen", "nobody_is_needed"),
        file="gateway/api/journals.py",
        old=(
            "            standing.freeze("
            "tx, terminal_id, Alarm(kind=AlarmKind.JOURNAL_FORK, detail=detail), now_ms=now_ms)"
        ),
        new=(
            "            alarm = Alarm(kind=AlarmKind.JOURNAL_FORK, detail=detail)\n"
            "            alarms.raise_alarm(tx, alarm, about=terminal_id, now_ms=now_ms)"
        ),
    ),
    Defect(
        name="a frozen till sells on over the line",
        trips=by("a_frozen_till_begins_nothing"),
        file="gateway/api/caller.py",
        old="        if now.frozen or self.epoch < now.fence_epoch:",
        new="        if self.epoch < now.fence_epoch:",
    ),
    Defect(
        name="the till that was not chosen sells on",
        trips=by("a_frozen_till_begins_nothing"),
        file="gateway/api/caller.py",
        old="        if now.frozen or self.epoch < now.fence_epoch:",
        new="        if now.frozen:",
    ),
    Defect(
        name="a fork is not shown to the gateway",
        trips=by("forks_are_frozen"),
        file="sync/delivery.py",
        old="                first, self._other_through = self._other_through is None, answer.accepted_through\n",
        new="                first = False\n",
    ),
)
