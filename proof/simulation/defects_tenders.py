"""Defects in what is kept of a sale, in who is told of it, in what two tills of one name may do, and in what the
gateway and a till answer.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

TENDERS: Final = (
    Defect(
        name="late money is kept while another payment of its sale is open",
        trips=by("late_money_is_kept_when_all_is_settled"),
        file="gateway/payments/late.py",
        old="    if any(other.state is not GatewayState.NOT_PAID for other in of_sale):\n",
        new="    if False:\n",
        profile="held",
    ),
    Defect(
        name="late money is kept although its till keeps an entry to itself",
        trips=by("late_money_is_kept_when_all_is_settled"),
        file="gateway/payments/late.py",
        old="    if entry_withheld:\n",
        new="    if False:\n",
        profile="held",
    ),
    Defect(
        name="of several payments that came late for a paid sale one goes back",
        trips=by("late_money_is_on_its_way"),
        file="gateway/jobs/keeping.py",
        old=(
            "            if order.late_state is LateMoneyState.FOUND:\n"
            "                refund_by_itself(tx, order, RefundCause.LATE, pace_of, now_ms=now_ms)\n"
            "\n"
            "\n"
            "def refund_by_itself"
        ),
        new=(
            "            if order.late_state is LateMoneyState.FOUND:\n"
            "                refund_by_itself(tx, order, RefundCause.LATE, pace_of, now_ms=now_ms)\n"
            "                return\n"
            "\n"
            "\n"
            "def refund_by_itself"
        ),
        profile="held",
    ),
    Defect(
        name="beside late money that was kept another waits on",
        trips=by("late_money_is_on_its_way"),
        file="gateway/jobs/late_cases.py",
        old="    send_duplicates_back(tx, payments.of_sale(tx, payment), pace_of, now_ms=now_ms)\n",
        new="",
        profile="held",
    ),
    Defect(
        name="late money is given back by hand although its refund may work",
        trips=by("late_money_is_undone", "nobody_is_paid_back_twice"),
        file="gateway/payments/late.py",
        old=(
            "    if any(refund.state is not RefundState.SENT or refund.heard is not "
            "RefundHeard.NEVER for refund in begun):"
        ),
        new="    if False:",
        profile="held",
    ),
    Defect(
        name="two wallet payments of one sale are told to nobody",
        trips=by("two_tenders_are_told"),
        file="gateway/jobs/keeping.py",
        old=("        tell_of_two(tx, of_sale, now_ms=now_ms)\n        if cash"),
        new="        if cash",
        profile="offline",
    ),
    Defect(
        name="what is paid beside cash is told to nobody",
        trips=by("two_tenders_are_told"),
        file="gateway/jobs/keeping.py",
        old=("        if cash.covers(tx, payment):\n            alarms.raise_alarm(tx, PAID_TWICE"),
        new=("        if False:\n            alarms.raise_alarm(tx, PAID_TWICE"),
        profile="offline",
    ),
    Defect(
        name="cash that comes beside what is paid is told to nobody",
        trips=by("two_tenders_are_told"),
        file="gateway/jobs/cash_heard.py",
        old="        if covers(payment) and not all_is_back(tx, payment):",
        new="        if False:",
        profile="offline",
    ),
    Defect(
        name="cash that went back does not end the alarm about two tenders",
        trips=by("nobody_looks_for_what_is_back"),
        file="gateway/jobs/cash_heard.py",
        old=("        paid_once(tx, of_sale, now_ms=now_ms)\n        return"),
        new="        return",
        profile="offline",
    ),
    Defect(
        name="a part that went back ends the alarm about the whole",
        trips=by("two_tenders_are_told", "a_cancelled_order_is_a_case"),
        file="gateway/jobs/keeping.py",
        old="    return refunds.given_back_fen(tx, payment.key) >= payment.amount_fen",
        new="    return refunds.given_back_fen(tx, payment.key) > 0",
        profile="offline",
    ),
    Defect(
        name="a paid order that its till had cancelled is told to nobody",
        trips=by("a_cancelled_order_is_a_case"),
        file="gateway/jobs/offline_orders.py",
        old=("    alarms.raise_alarm(tx, alarm, about=ref, now_ms=now_ms)\n    owner"),
        new="    owner",
        profile="offline",
    ),
    Defect(
        name="cash without the line is noted as if there were one",
        trips=by("cash_without_the_line_is_counted"),
        file="sync/engine/cash.py",
        old=("        offline=turn.line.line is not Line.UP,\n    )\n    record"),
        new=("        offline=False,\n    )\n    record"),
        profile="cash",
    ),
    Defect(
        name="a frozen till gives money back",
        trips=by("a_stopped_till_gives_nothing_back"),
        file="gateway/api/refunding.py",
        old="        caller.may_sell(tx)\n",
        new="",
    ),
    Defect(
        name="the till that its owner chose is refused",
        trips=by("a_refusal_of_the_gateway_is_so"),
        file="gateway/api/caller.py",
        old=("self.epoch < now.fence_epoch:\n            raise"),
        new=("self.epoch <= now.fence_epoch:\n            raise"),
        profile="offline",
    ),
    Defect(
        name="the till that its owner did not choose goes on once the other does",
        trips=by("a_stopped_till_gives_nothing_back", "a_frozen_till_begins_nothing"),
        file="gateway/api/caller.py",
        old="        if now.frozen or self.epoch < now.fence_epoch:",
        new="        if now.frozen:",
    ),
    Defect(
        name="after a new activation the alarms of the freeze stay",
        trips=by("a_freeze_is_told"),
        file="gateway/store/standing.py",
        old=(
            "    for kind in (AlarmKind.JOURNAL_FORK, AlarmKind.ORDER_CLONE, AlarmKind.JOURNAL_GAP):\n"
            "        alarms.close_alarm(tx, kind, about=terminal_id, now_ms=now_ms)"
        ),
        new="    return",
        profile="offline",
    ),
    Defect(
        name="what the other of two tills had delivered is thrown away",
        trips=by("what_was_delivered_is_kept"),
        file="gateway/store/standing.py",
        old='    tx.connection.execute(_BRANCH, {"k_id": terminal_id, "v_epoch": before.epoch})\n',
        new="",
    ),
    Defect(
        name="a fork freezes a till and tells nobody",
        trips=by("a_freeze_is_told"),
        file="gateway/store/standing.py",
        old=("    alarms.raise_alarm(tx, alarm, about=terminal_id, now_ms=now_ms)\n\n\ndef revoke"),
        new=("    return\n\n\ndef revoke"),
        profile="offline",
    ),
    Defect(
        name="an ORDER of a frozen till begins",
        trips=by("a_frozen_till_begins_nothing"),
        file="gateway/offline/judge.py",
        old=("    if till.frozen:\n        return Verdict.FROZEN\n"),
        new="",
        profile="offline",
    ),
    Defect(
        name="every notification is answered as received",
        trips=by("a_notice_is_kept_before_it_is_answered"),
        file="gateway/callbacks/gateway.py",
        old="notification_reply(received=decided.outcome.received)",
        new="notification_reply(received=True)",
        profile="forged",
    ),
    Defect(
        name="a notification that differs is answered as received",
        trips=by("a_notice_is_kept_before_it_is_answered"),
        file="gateway/callbacks/outcomes.py",
        old="{Outcome.ACCEPTED, Outcome.REPEAT, ",
        new="{Outcome.ACCEPTED, Outcome.DIFFERS, Outcome.REPEAT, ",
        profile="forged",
    ),
    Defect(
        name="a notification is answered and not kept",
        trips=by("a_notice_is_kept_before_it_is_answered"),
        file="gateway/callbacks/deciding.py",
        old="        return callbacks.add_accepted(tx, self._row(letter, Outcome.ACCEPTED, notified))",
        new="        return True",
        profile="default",
    ),
    Defect(
        name="a page that somebody tried to pay was never opened",
        trips=by("a_proof_is_true"),
        file="gateway/payments/undo.py",
        old=(
            "        kind = last.ended_kind if last is not None and last.ended_kind is not "
            "None else ProofKind.NEVER_OPENED"
        ),
        new="        kind = ProofKind.NEVER_OPENED",
        profile="qr",
    ),
    Defect(
        name="the gateway does not read which sale an order was for",
        trips=by("sales_are_known"),
        file="gateway/api/journals.py",
        old="        name_sales(tx, terminal_id, whole, self._pace_of, now_ms=now_ms)\n",
        new="",
        profile="offline",
    ),
    Defect(
        name="a press that comes again is refused while the first is in doubt",
        trips=by("a_refusal_says_what_is_so"),
        file="sync/runner.py",
        old=(
            "            if not self._came_before(event):\n"
            "                self._publish(refusal_of(event, error.reason))"
        ),
        new="            self._publish(refusal_of(event, error.reason))",
    ),
)
