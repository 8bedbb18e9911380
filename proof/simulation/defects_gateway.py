"""Defects of the gateway: proofs, schedule, admission, refunds, ledger, alarms, clocks.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

GATEWAY: Final = (
    Defect(
        name="the amount of a notification is not compared",
        trips=by("forged_notices_move_nothing"),
        file="gateway/payments/notified.py",
        old='    return ("amount",) if isinstance(verdict, Paid) and',
        new="    return () if isinstance(verdict, Paid) and",
        profile="forged",
    ),
    Defect(
        name="paid and unnoticed raises no alarm",
        trips=by("paid_is_noticed"),
        file="gateway/jobs/desk.py",
        old="payment.state is GatewayState.PAID and payment.acked_seq is None:",
        new="payment.state is GatewayState.PAID and payment.acked_seq == -1:",
    ),
    Defect(
        name="nobody looks for late money",
        trips=by("ends_are_watched", "late_money_is_undone", "all_agree"),
        file="gateway/jobs/schedule.py",
        old="    if order.late_state is not None or order.ended_kind not in WATCHED:\n",
        new="    if order.ended_kind is not None:\n",
        profile="slow",
    ),
    Defect(
        name="a declined payment is not watched",
        trips=by("ends_are_watched"),
        file="gateway/jobs/schedule.py",
        old="WATCHED: Final = frozenset({ProofKind.DECLINED, ",
        new="WATCHED: Final = frozenset({",
    ),
    Defect(
        name="the answer to an undo is taken as its proof",
        trips=by("an_end_was_seen", "a_proof_is_true"),
        file="gateway/payments/undo.py",
        old="        case UndoAcknowledged():\n",
        new=(
            "        case UndoAcknowledged() if payment.state is GatewayState.REVERSING:\n"
            "            from gateway.payments.moves import to_not_paid\n"
            "            return to_not_paid(payment, order, GatewayEvent.PROVEN_NOT_PAID, "
            "kind=ProofKind.CLOSED, said_by=said_by, reason=ended_reason(payment), detail='', "
            "now_ms=now_ms)\n"
            "        case UndoAcknowledged():\n"
        ),
        profile="slow",
    ),
    Defect(
        name="an expiry is taken as a proof",
        trips=by("a_proof_is_true", "an_end_was_seen", "no_error_is_logged"),
        file="gateway/payments/answers.py",
        old=(
            "        case Pending():\n"
            "            return _pending(payment, order, verdict, said_by=said_by)\n"
            "        case NotFound():"
        ),
        new=(
            "        case Pending() if now_ms >= order.deadline_ms:\n"
            "            return _closed(payment, order, Closed(code='expired'), said_by=said_by, now_ms=now_ms)\n"
            "        case Pending():\n"
            "            return _pending(payment, order, verdict, said_by=said_by)\n"
            "        case NotFound():"
        ),
    ),
    Defect(
        name="two absences in one breath are a proof",
        trips=by("an_end_was_seen"),
        file="gateway/payments/answers.py",
        old="ABSENT_BETWEEN_MS: Final = 5_000",
        new="ABSENT_BETWEEN_MS: Final = 0",
        profile="slow",
    ),
    Defect(
        name="absence does not wait for the call that pays",
        trips=by("an_end_was_seen"),
        file="gateway/payments/answers.py",
        old="ABSENT_AFTER_CALL_CLOSED_MS: Final = 30_000",
        new="ABSENT_AFTER_CALL_CLOSED_MS: Final = 0",
        profile="slow",
    ),
    Defect(
        name="an undo that may have overtaken its payment counts",
        trips=by("an_end_was_seen"),
        file="gateway/payments/answers.py",
        old="ABSENT_UNDO_AFTER_SENT_MS: Final = 15_000",
        new="ABSENT_UNDO_AFTER_SENT_MS: Final = 0",
        profile="slow",
    ),
    Defect(
        name="nobody asks the wallet",
        trips=by("open_orders_are_driven", "all_agree", "certain_within_a_minute"),
        file="gateway/jobs/desk.py",
        old="if action is None or action.due_ms > now_ms or self._calls",
        new="if action is None or action.kind is ActionKind.QUERY or action.due_ms > now_ms or self._calls",
        profile="slow",
    ),
    Defect(
        name="a second payment is taken while the first is open",
        trips=by("no_error_is_logged", "one_live_payment_at_the_gateway", "a_second_payment_is_refused"),
        file="gateway/payments/admit.py",
        old="    if any(p.state is not GatewayState.NOT_PAID or p.late_state is LateMoneyState.FOUND "
        "for p in earlier):\n",
        new="    if len(earlier) > 1_000:\n",
    ),
    Defect(
        name="one code is charged for two payments",
        trips=by("one_code_one_payment"),
        file="gateway/api/paying.py",
        old=("        if used is None:\n            guards.add_mark"),
        new=(
            "        if used is not None:\n"
            "            return True\n"
            "        if used is None:\n"
            "            guards.add_mark"
        ),
    ),
    Defect(
        name="a cancel of an unknown number leaves no tombstone",
        trips=by(
            "one_charge_kept_per_sale",
            "all_agree",
            "all_acknowledged",
            "green_is_safe",
            "a_tombstone_stays",
            "no_charge_after_a_proof",
            "earlier_numbers_are_dead",
        ),
        file="gateway/api/paying.py",
        old=("            keep_new(tx, dead, self._desk.pace_of, now_ms=now_ms)\n            return dead.payment"),
        new="            return dead.payment",
    ),
    Defect(
        name="a request that comes too late is a payment",
        trips=by("nothing_starts_after_it_expired", "an_expired_request_is_no_payment"),
        file="gateway/payments/admit.py",
        old="Admitted(expired=now_ms > request.expires, ",
        new="Admitted(expired=False, ",
    ),
    Defect(
        name="a lease is not honoured",
        trips=by("one_call_at_a_time", "queries_keep_their_pace"),
        file="gateway/jobs/scheduler.py",
        old="owner, until_ms = self._calls.owner, now_ms + LEASE_MS",
        new="owner, until_ms = self._calls.owner, now_ms",
        profile="slow",
    ),
    Defect(
        name="the wallet is asked without a pause",
        trips=by("queries_keep_their_pace"),
        file="gateway/jobs/schedule.py",
        old="    return since + (max(0, last - since) // interval + 1) * interval",
        new="    return last + 150",
    ),
    Defect(
        name="a refund is not booked",
        trips=by("the_ledger_agrees"),
        file="gateway/ledger/follow.py",
        old="        return (refunded(parties, refund.refund_no, refund.amount_fen),)",
        new="        return ()",
        profile="calm",
    ),
    Defect(
        name="a payment is booked twice",
        trips=by("the_ledger_agrees"),
        file="gateway/ledger/follow.py",
        old="if was_taken else (paid(parties, amount),)",
        new="if was_taken else (paid(parties, amount), taken(parties, amount))",
        profile="calm",
    ),
    Defect(
        name="a refund without an answer has failed",
        trips=by(
            "the_ledger_agrees",
            "all_agree",
            "done_refunds_are_true",
            "nobody_is_needed",
            "refunds_are_driven_to_the_end",
            "paid_stays_paid",
            "paid_is_true",
            "no_error_is_logged",
        ),
        file="gateway/payments/refunds.py",
        old=(
            "        case NoAnswer() | Unknown():\n"
            "            return RefundStep(refund=_unsettled(refund, RefundHeard.UNSETTLED))"
        ),
        new=(
            "        case NoAnswer() | Unknown():\n"
            "            return _failed(refund, Said(what='refund_refused', said_by=said_by), now_ms=now_ms)"
        ),
    ),
    Defect(
        name="a refund is not reserved",
        trips=by("refunds_stay_within_the_charge", "refunds_asked_fit_the_charge", "refunds_are_counted"),
        file="gateway/store/refunds.py",
        old='{"k_out": refund.out_trade_no, "v_fen": refund.amount_fen}',
        new='{"k_out": refund.out_trade_no, "v_fen": 0}',
    ),
    Defect(
        name="the gateway's clock is followed at once",
        trips=by("one_call_at_a_time", "an_end_was_seen", "long_undos_are_told"),
        file="gateway/system.py",
        old="FOLLOWED_AT_ONCE_MS: Final = 240_000",
        new="FOLLOWED_AT_ONCE_MS: Final = 0",
        profile="clocks",
    ),
    Defect(
        name="a wallet's 5xx is taken as nothing sent",
        trips=by("an_end_was_seen", "a_proof_is_true"),
        file="gateway/channels/wechat/v2_answers.py",
        old='            return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")',
        new=(
            "            from gateway.channels.verdicts import LineFault, NotSent\n"
            "            return NotSent(LineFault.CONNECT_FAILED)"
        ),
    ),
    Defect(
        name="a row that cannot be worked ends the schedule",
        trips=by("no_error_goes_unseen", "no_error_is_logged"),
        file="gateway/jobs/scheduler.py",
        old="            if failed_database(error):\n                raise\n            self._complain(task, error)",
        new="            raise",
        profile="poison",
    ),
    Defect(
        name="the gateway drops the intent to cancel",
        trips=by("a_cancel_wins"),
        file="gateway/payments/undo.py",
        old="replace(bump(payment), cancel_requested_ms=now_ms)",
        new="bump(payment)",
    ),
    Defect(
        name="an undo is hardly repeated",
        trips=by("open_orders_are_driven", "all_agree"),
        file="gateway/jobs/schedule.py",
        old=("else _UNDO_LAST_S) * _SECOND\n\n\ndef unnoticed_ms"),
        new=("else _UNDO_LAST_S) * 1000 * _SECOND\n\n\ndef unnoticed_ms"),
        profile="slow",
    ),
    Defect(
        name="a call that may have arrived is not sent",
        trips=by("an_end_was_seen"),
        file="gateway/payments/answers.py",
        old=('    if order.calls > 1:\n        return _moves_nothing(payment, order, verdict, what="call_not_sent"'),
        new=('    if order.calls > 99:\n        return _moves_nothing(payment, order, verdict, what="call_not_sent"'),
        profile="qr",
    ),
    Defect(
        name="the gateway acknowledges entries that it does not keep",
        trips=by("chains_are_gapless", "all_agree"),
        file="gateway/api/journals.py",
        old="        after = journal.append(tx, terminal_id, fresh, now_ms=now_ms)\n",
        new="        after = Head(seq=fresh[-1].seq, hash=fresh[-1].hash)\n",
        profile="calm",
    ),
    Defect(
        name="no deadline ends an open code",
        trips=by("all_agree", "certain_within_a_minute", "queries_keep_their_pace"),
        file="gateway/jobs/schedule.py",
        old="    if poll >= order.deadline_ms:\n",
        new="    if poll >= order.deadline_ms + 7_200_000:\n",
        profile="calm",
    ),
    Defect(
        name="a page never ends",
        trips=by("all_agree", "certain_within_a_minute"),
        file="gateway/jobs/desk.py",
        old="            if payment.state.final or payment.out_trade_no is not None or payment.in_question:\n",
        new="            if payment is not None:\n",
    ),
    Defect(
        name="a terminal reads another's payments",
        trips=by("a_terminal_reaches_its_own"),
        file="gateway/store/payments.py",
        old="_SELECT: Final = Statement(select(*_PAYMENTS.columns).where(*_PAYMENTS.this))\n",
        new="_SELECT: Final = Statement(select(*_PAYMENTS.columns).where(*tuple(_PAYMENTS.this)[1:]))\n",
    ),
    Defect(
        name="the same number with other content is the first answer",
        trips=by("same_number_same_content"),
        file="gateway/payments/admit.py",
        old="    return Known(payment=existing) if same else Refused(reason=Reason.CONTENT_DIFFERS)",
        new="    return Known(payment=existing)",
    ),
    Defect(
        name="late money is not told to the till",
        trips=by("late_money_is_undone"),
        file="gateway/payments/status.py",
        old="        late_money=_late(payment),",
        new="        late_money=None,",
        profile="late",
    ),
)
