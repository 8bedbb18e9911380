"""Defects of refunds: what is set aside, what is done, what failed, what must go back.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

REFUNDS: Final = (
    Defect(
        name="a refund is guarded in code only",
        trips=by("refunds_are_counted"),
        file="gateway/store/refunds.py",
        old=('        changed = tx.change(_RESERVE, {"k_out": refund.out_trade_no, "v_fen": refund.amount_fen})\n'),
        new=(
            '        room = tx.row(_ROOM, {"k_out": refund.out_trade_no})\n'
            "        asked = sum(one.amount_fen for one in of_order(tx, refund.out_trade_no))\n"
            "        changed = 1 if room is not None and asked + refund.amount_fen <= room[0] "
            "else 0\n"
        ),
    ),
    Defect(
        name="a refund that was taken is done",
        trips=by("done_refunds_are_true"),
        file="gateway/payments/refunds.py",
        old="            return RefundStep(refund=_heard(_untroubled(refund), RefundHeard.OPEN))",
        new=(
            "            return _done(refund, RefundDone(amount_fen=refund.amount_fen, "
            "channel_refund_id='', done_at_ms=now_ms), said_by=said_by, now_ms=now_ms)"
        ),
    ),
    Defect(
        name="a refund that the wallet does not know has failed",
        trips=by(
            "all_agree",
            "paid_stays_paid",
            "refunds_are_driven_to_the_end",
            "refunds_are_counted",
            "money_that_must_go_back_does",
        ),
        file="gateway/payments/refunds.py",
        old=("        case RefundAbsent():\n            return RefundStep(refund=_heard(refund, RefundHeard.ABSENT))"),
        new=(
            "        case RefundAbsent():\n"
            "            return _failed(refund, Said(what='refund_refused', said_by=said_by), "
            "now_ms=now_ms)"
        ),
    ),
    Defect(
        name="a refund is sent in a burst",
        trips=by("undos_keep_their_pace"),
        file="gateway/jobs/schedule_refunds.py",
        old="due_ms=last + _step(_SEND_S, refund.tries - 1) * _SECOND)",
        new="due_ms=last)",
    ),
    Defect(
        name="twice the charge may go back",
        trips=by(
            "refunds_asked_fit_the_charge",
            "refunds_stay_within_the_charge",
            "refunds_are_driven_to_the_end",
            "refunds_are_counted",
        ),
        file="gateway/store/refunds.py",
        old='"captured_fen": captured_fen,',
        new='"captured_fen": 2 * captured_fen,',
    ),
    Defect(
        name="late money went back, and its case stays open",
        trips=by("late_money_is_undone"),
        file="gateway/jobs/keeping.py",
        old=("    if order.late_state is LateMoneyState.FOUND:\n        step = late_undone(payment, order, said)\n"),
        new=(
            "    if order.late_state is LateMoneyState.FOUND:\n"
            "        step = Step(payment=payment, order=order, said=(said,))\n"
        ),
        profile="late",
    ),
    Defect(
        name="a refund that the till sends again has a new number",
        trips=by("journal_before_send", "refunds_are_driven_to_the_end"),
        file="sync/engine/refund_request.py",
        old="refund_no=record.refund_no",
        new="refund_no=record.refund_no[:-1] + '0'",
    ),
    Defect(
        name="late money is booked as income at once",
        trips=by("the_ledger_agrees"),
        file="gateway/ledger/follow.py",
        old="            return (late(parties, amount),)",
        new="            return (late(parties, amount), accepted(parties, amount))",
        profile="late",
    ),
    Defect(
        name="what a failed refund set aside stays set aside",
        trips=by("refunds_are_counted"),
        file="gateway/jobs/keeping.py",
        old=("        refunds.free(tx, refund)\n        return None\n"),
        new="        return None\n",
    ),
    Defect(
        name="the till counts a failed refund",
        trips=by("refunds_are_counted"),
        file="sync/engine/record.py",
        old="back_fen=statement.amount_fen if statement.done else 0)",
        new="back_fen=statement.amount_fen)",
    ),
    Defect(
        name="the till shows a refund as done when it was sent",
        trips=by("a_shown_refund_is_true"),
        file="sync/engine/refunds.py",
        old=(
            "        case RefundState.DONE | RefundState.FAILED:\n            done = status.state is RefundState.DONE\n"
        ),
        new=(
            "        case RefundState.DONE | RefundState.FAILED | RefundState.SENT:\n"
            "            done = status.state is not RefundState.FAILED\n"
        ),
    ),
    Defect(
        name="the same refund with another amount is the first one",
        trips=by("same_number_same_content"),
        file="gateway/api/refunding.py",
        old=(
            "            if not same_refund(existing, request, payment):\n"
            "                raise Refusal(Reason.CONTENT_DIFFERS)\n"
        ),
        new="",
    ),
    Defect(
        name="a terminal reads another's refunds",
        trips=by("a_terminal_reaches_its_own"),
        file="gateway/api/refunding.py",
        old="        if refund is None or refund.key.terminal_id != caller.terminal.terminal_id:\n",
        new="        if refund is None:\n",
    ),
)
