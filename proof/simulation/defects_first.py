"""Defects on both sides that were planted first: identity, order of effects, cancels, late money, the ledger.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

FIRST: Final = (
    Defect(
        name="a time-out at the till is read as not paid",
        trips=by("green_is_safe", "all_agree", "no_charge_after_a_proof", "one_charge_kept_per_sale"),
        file="sync/engine/silence.py",
        old="why is Silence.NOT_SENT and live.sends == 1",
        new="why in (Silence.NOT_SENT, Silence.NO_ANSWER) and live.sends == 1",
    ),
    Defect(
        name="a time-out at the wallet is read as not sent",
        trips=by("an_end_was_seen", "a_proof_is_true"),
        file="gateway/payments/answers.py",
        old="""        case NotSent():
            return _not_sent(payment, order, verdict, now_ms=now_ms)
        case NoAnswer() | Unknown() | Mismatch():
            return _moves_nothing(payment, order, verdict, what="pay_unsettled", said_by=said_by)""",
        new="""        case NotSent() | NoAnswer():
            return _not_sent(payment, order, verdict, now_ms=now_ms)
        case Unknown() | Mismatch():
            return _moves_nothing(payment, order, verdict, what="pay_unsettled", said_by=said_by)""",
    ),
    Defect(
        name="paid is accepted after a reverse was sent",
        trips=by("gateway_never_goes_back", "a_cancel_wins"),
        file="protocol/states.py",
        old="""        _E.PROVEN_PAID: _V.STAY,
        _E.PROVEN_PAID_CANCELLED: _V.STAY,
        _E.PROVEN_NOT_PAID: _G.NOT_PAID,
        _E.REVERSE: _V.STAY,
        _E.REVERSE_IMPOSSIBLE: _G.UNDO_BY_REFUND,""",
        new="""        _E.PROVEN_PAID: _G.PAID,
        _E.PROVEN_PAID_CANCELLED: _G.PAID,
        _E.PROVEN_NOT_PAID: _G.NOT_PAID,
        _E.REVERSE: _V.STAY,
        _E.REVERSE_IMPOSSIBLE: _G.UNDO_BY_REFUND,""",
        profile="slow",
    ),
    Defect(
        name="a durable cancel does not win over a late paid",
        trips=by("a_cancel_wins"),
        file="protocol/states.py",
        old="_E.PROVEN_PAID_CANCELLED: _G.UNDO_BY_REFUND,",
        new="_E.PROVEN_PAID_CANCELLED: _G.PAID,",
        profile="slow",
    ),
    Defect(
        name="a retry makes a new number",
        trips=by("one_number_per_command", "journal_before_send", "a_retry_repeats_itself"),
        file="sync/engine/turn.py",
        old="call = PayCall(payment_no=record.payment_no, request=live.request)",
        new="call = PayCall(payment_no=record.payment_no, request=__import__('msgspec').structs.replace("
        "live.request, payment_no=f'{record.order_no}-{record.n + live.sends}'))",
    ),
    Defect(
        name="absence is believed at once",
        trips=by("an_end_was_seen"),
        file="gateway/payments/answers.py",
        old="    if payment.state is not GatewayState.REVERSING or not certain:\n"
        "        return Step(payment=payment, order=order)\n",
        new="    if payment.state is GatewayState.REVERSING:\n"
        "        return to_not_paid(\n"
        "            payment, order, GatewayEvent.PROVEN_NOT_PAID, kind=ProofKind.ABSENT, said_by=said_by,\n"
        "            reason=ended_reason(payment), detail=verdict.code, now_ms=now_ms,\n"
        "        )\n"
        "    if payment.state is not GatewayState.REVERSING or not certain:\n"
        "        return Step(payment=payment, order=order)\n",
        profile="slow",
    ),
    Defect(
        name="an unknown number is taken as not paid",
        trips=by("green_is_safe", "all_agree", "no_charge_after_a_proof", "one_charge_kept_per_sale"),
        file="sync/engine/refusals.py",
        old="    unknown = problem.reason is Reason.UNKNOWN_PAYMENT\n",
        new="    unknown = problem.reason is Reason.UNKNOWN_PAYMENT\n"
        "    if unknown:\n"
        "        from sync.engine import silence as till\n"
        "        till.settle(turn, turn.payments[number], till._not_sent(turn, turn.payments[number]))\n"
        "        return\n",
        profile="slow",
    ),
    Defect(
        name="the request leaves before the journal is written",
        trips=by("journal_before_send"),
        file="sync/runner.py",
        old="        self._commit(effects, state, now)\n        self._state = state\n",
        new="        self._loop.call_later(0.05, self._commit, effects, state, now)\n        self._state = state\n",
    ),
    Defect(
        name="the intent to cancel is not journaled",
        trips=by("journal_before_send"),
        file="sync/runner.py",
        old="if isinstance(effect, Append)]",
        new="if isinstance(effect, Append) and 'CancelIntended' not in type(effect.statement).__name__]",
    ),
    Defect(
        name="outcomes are not acknowledged",
        trips=by("all_acknowledged", "paid_is_noticed", "nobody_is_needed"),
        file="sync/engine/settling.py",
        old="    if live.record.ack_owed and ack.in_flight is None and ack.due_ms is None:",
        new="    if not live.final:",
        profile="calm",
    ),
    Defect(
        name="late money is ignored",
        trips=by("all_agree", "the_ledger_agrees", "late_money_is_undone"),
        file="gateway/payments/moves.py",
        old="        return _late(payment, order, paid.transaction_id, said, fresh=fresh, now_ms=now_ms)",
        new="        return Step(payment=payment, order=order, said=(said,))",
        profile="late",
    ),
    Defect(
        name="the wallet is asked to cancel before the intent is durable",
        trips=by("row_before_channel_call"),
        file="gateway/jobs/desk.py",
        old="_, sent = await self._calls.apply(name, lambda p, o, now: "
        "sending_cancel(p, o, now_ms=now), release=False)",
        new="sent = replace(order, undo_tries=order.undo_tries + 1)",
    ),
    Defect(
        name="a restart of the gateway forgets the calls that were open",
        trips=by("all_agree", "open_orders_are_driven"),
        file="gateway/core.py",
        old="        payments.close_open_calls(tx, now_ms=now_ms)\n",
        new="",
        profile="crash",
    ),
    Defect(
        name="the delivery leaves an entry out",
        trips=by("chains_are_gapless", "nobody_is_needed"),
        file="sync/delivery.py",
        old="self._journal.delivered_through, limit=self._batch",
        new="self._journal.delivered_through + 1, limit=self._batch",
    ),
    Defect(
        name="an older answer overwrites a newer one",
        trips=by("nobody_is_needed", "till_never_goes_back", "no_program_falls_over"),
        file="sync/engine/answers.py",
        old="    if status.state_seq >= before.state_seq and not _asked_before_its_end(live, event, status):\n",
        new="    if status.state_seq >= 0:\n",
        profile="slow",
    ),
    Defect(
        name="a refund retry makes a new number",
        trips=by("row_before_channel_call", "refunds_stay_within_the_charge"),
        file="gateway/jobs/refund_desk.py",
        old="            refund_no=refund.refund_no,\n            order=order_ref(order),",
        new="            refund_no=f'{refund.refund_no[:-2]}{refund.tries:02d}',\n            order=order_ref(order),",
    ),
    Defect(
        name="a notification is believed after the order ended",
        trips=by("gateway_never_goes_back", "one_open_order_per_payment", "no_error_is_logged", "no_error_goes_unseen"),
        file="gateway/payments/notified.py",
        old="    if order.ended_kind is not None:\n"
        "        return _ended(payment, order, verdict, said, received_ms=received_ms)",
        new="    if order.ended_kind is not None and isinstance(verdict, Paid):\n"
        "        return to_paid(payment, replace(order, ended_kind=None), verdict, fresh=True, said_by=said_by,"
        " now_ms=received_ms)",
        profile="late",
    ),
    Defect(
        name="an undo is never taken by refund",
        trips=by("all_agree", "open_orders_are_driven"),
        file="gateway/jobs/keeping.py",
        old="    if undone and order.ended_kind is None:\n",
        new="    if undone and order.ended_kind is None and not undone:\n",
        profile="slow",
    ),
    Defect(
        name="late money is found and kept",
        trips=by("late_money_is_undone", "all_agree", "the_ledger_agrees", "late_money_is_on_its_way"),
        file="gateway/jobs/keeping.py",
        old="    elif found and (owner.refunds_late_money or ",
        new="    elif found and found is None and (owner.refunds_late_money or ",
        profile="late",
    ),
    Defect(
        name="a payment is booked when it was only asked for",
        trips=by("the_ledger_agrees"),
        file="gateway/ledger/follow.py",
        old="    if mine and payment.state is GatewayState.PAID and order.late_state is None:\n",
        new="    if mine and payment.state in (GatewayState.PAID, GatewayState.REVERSING):\n",
    ),
    Defect(
        name="what went back stays in the ledger",
        trips=by("the_ledger_agrees"),
        file="gateway/ledger/follow.py",
        old="(booked, back(parties, order.amount_fen)) if order.ended_kind is not None else (booked,)",
        new="(booked,)",
        profile="slow",
    ),
)
