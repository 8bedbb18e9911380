"""Defects in what is a case for a person, and in what may go back: alarms, sums, and how long both are open.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

CASES: Final = (
    Defect(
        name="late money went back, and its alarm stays open",
        trips=by("alarms_end_with_their_trouble"),
        file="gateway/jobs/keeping.py",
        old="        alarms.close_all(tx, about=key_ref(payment.key), now_ms=now_ms)\n",
        new="        return\n",
        profile="late",
    ),
    Defect(
        name="a refund that was refused is done, and its alarm stays open",
        trips=by("alarms_end_with_their_trouble"),
        file="gateway/jobs/keeping.py",
        old="        alarms.close_all(tx, about=refund.refund_no, now_ms=now_ms)\n",
        new="        pass\n",
        profile="odd",
    ),
    Defect(
        name="late money is no case for anybody",
        trips=by("late_money_is_a_case"),
        file="gateway/payments/moves.py",
        old='said=(replace(said, what="late_money"),), alarms=(alarm,))',
        new='said=(replace(said, what="late_money"),), alarms=(alarm,)[:0])',
        profile="late",
    ),
    Defect(
        name="an alarm of late money ends when it is found",
        trips=by("late_money_is_a_case"),
        file="gateway/jobs/keeping.py",
        old=" in (LateMoneyState.UNDONE, LateMoneyState.ACCEPTED) and not _waits(tx, payment):",
        new=" is not None:",
        profile="held",
    ),
    Defect(
        name="late money that was given back by hand is booked as if its wallet had given it back",
        trips=by("the_ledger_agrees"),
        file="gateway/payments/late.py",
        old="late_by_hand=True, ",
        new="",
        profile="held",
    ),
    Defect(
        name="late money that was given back by hand is sent back too",
        trips=by("nobody_is_paid_back_twice"),
        file="gateway/jobs/late_cases.py",
        old="    keep(tx, payment, step, pace_of, now_ms=now_ms, order_before=order)\n"
        "    return payment.key\n\n\ndef _entry_withheld",
        new=(
            "    keep(tx, payment, step, pace_of, now_ms=now_ms, order_before=order)\n"
            "    refund_by_itself(tx, order, RefundCause.LATE, pace_of, now_ms=now_ms)\n"
            "    return payment.key\n\n\ndef _entry_withheld"
        ),
        profile="held",
    ),
    Defect(
        name="a fen more than was taken may go back",
        trips=by("refunds_are_counted"),
        file="gateway/jobs/keeping.py",
        old="captured_fen=order.amount_fen)",
        new="captured_fen=order.amount_fen + 1)",
    ),
    Defect(
        name="the gateway gives back a fen less than it owes",
        trips=by("a_proof_is_true", "all_agree", "done_refunds_are_true"),
        file="gateway/payments/refunds.py",
        old='        amount_fen=order.amount_fen,\n        note="",',
        new='        amount_fen=order.amount_fen - 1,\n        note="",',
    ),
    Defect(
        name="two ORDERs under one counter are kept apart in code only",
        trips=by("guards_are_constraints"),
        file="gateway/store/migrations/versions/0005_offline.py",
        old='"offline_orders", ["terminal_id", "epoch", "oseq"], unique=True)',
        new='"offline_orders", ["terminal_id", "epoch", "oseq"], unique=False)',
        profile="offline",
    ),
    Defect(
        name="PAID and CLOSED of one order are kept apart in code only",
        trips=by("guards_are_constraints"),
        file="gateway/store/migrations/versions/0005_offline.py",
        old='sa.PrimaryKeyConstraint("terminal_id", "order_no", name=op.f("pk_offline_outcomes"))',
        new='sa.PrimaryKeyConstraint("terminal_id", "order_no", "type", name=op.f("pk_offline_outcomes"))',
        profile="offline",
    ),
)
