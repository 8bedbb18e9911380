"""Defects that a wallet which contradicts itself brings to light, and a gateway's clock that leaps.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

ODD: Final = (
    Defect(
        name="a leap is noted before what it moves is committed",
        trips=by("one_call_at_a_time", "open_orders_are_driven", "ends_are_watched"),
        file="gateway/jobs/scheduler.py",
        old="        if even_since_ms != self._even_since_ms:\n",
        new=(
            "        noted_ms, self._even_since_ms = self._even_since_ms, even_since_ms\n"
            "        if even_since_ms != noted_ms:\n"
        ),
    ),
    Defect(
        name="a contradiction is not noted",
        trips=by("contradictions_are_noted"),
        file="gateway/payments/moves.py",
        old=(
            "        return Step(payment=payment, order=order, said=(said,), alarms=(alarm,))\n"
            "    assert move is GatewayState.NOT_PAID"
        ),
        new="        return Step(payment=payment, order=order, said=(said,))\n    assert move is GatewayState.NOT_PAID",
    ),
    Defect(
        name="a refund's refusal is believed at once",
        trips=by("a_failed_refund_was_asked_about", "the_ledger_agrees", "all_agree"),
        file="gateway/payments/refunds.py",
        old="            in_doubt = asked_ms is None and refund.tries > 1",
        new="            in_doubt = asked_ms is None and refund.tries > 1_000",
    ),
    Defect(
        name="declined again is a proof",
        trips=by("an_end_was_seen"),
        file="gateway/payments/answers.py",
        old="    if order.calls > 1:\n        doubted",
        new="    if order.calls > 1_000:\n        doubted",
    ),
    Defect(
        name="money that must go back gets a final no",
        trips=by("money_that_must_go_back_does"),
        file="gateway/payments/refunds.py",
        old="    if not refused.final or must_go_back:",
        new="    if not refused.final:",
        profile="odd",
    ),
    Defect(
        name="a till takes the answer to another terminal",
        trips=by("paid_is_true", "all_agree", "nobody_is_needed", "green_is_safe"),
        file="sync/engine/answers.py",
        old=(
            "        status.terminal_id == terminal_id\n"
            "        and status.payment_no == record.payment_no\n"
            "        and status.order_no"
        ),
        new="        status.payment_no == record.payment_no\n        and status.order_no",
    ),
    Defect(
        name="a till does not compare the payment's number",
        trips=by("no_program_falls_over", "paid_is_true", "all_agree", "nobody_is_needed", "green_is_safe"),
        file="sync/engine/answers.py",
        old="        and status.payment_no == record.payment_no\n        and status.order_no",
        new="        and status.order_no",
    ),
    Defect(
        name="a till does not compare the order",
        trips=by("paid_is_true", "all_agree", "nobody_is_needed", "green_is_safe"),
        file="sync/engine/answers.py",
        old="        and status.order_no == record.order_no\n        and status.n",
        new="        and status.n",
    ),
    Defect(
        name="a till does not compare n",
        trips=by("paid_is_true", "all_agree", "nobody_is_needed", "green_is_safe"),
        file="sync/engine/answers.py",
        old="        and status.n == record.n\n",
        new="",
    ),
    Defect(
        name="a till does not compare the amount",
        trips=by("paid_is_true", "all_agree", "nobody_is_needed", "green_is_safe"),
        file="sync/engine/answers.py",
        old="        and status.amount_fen == record.amount.fen\n",
        new="",
    ),
    Defect(
        name="a till takes NOT_PAID without a proof",
        trips=by("green_is_safe", "no_program_falls_over", "paid_is_true", "all_agree", "nobody_is_needed"),
        file="sync/engine/answers.py",
        old="    return same and (status.state is not GatewayState.NOT_PAID or status.proof is not None)",
        new="    return same",
    ),
    Defect(
        name="a till takes what is older than what it heard",
        trips=by("paid_is_true", "all_agree", "nobody_is_needed", "till_never_goes_back", "no_program_falls_over"),
        file="sync/engine/answers.py",
        old="    if status.state_seq >= before.state_seq and not",
        new="    if status.state_seq >= -1 and not",
    ),
    Defect(
        name="a till does not note that two statements disagree",
        trips=by("opposites_are_noted"),
        file="sync/engine/answers.py",
        old="        if record.conflict and status.state_seq <= record.state_seq:\n            return live",
        new="        if record.state.final:\n            return live",
    ),
    Defect(
        name="a state of WeChat's that is in no list is closed",
        trips=by("a_proof_is_true", "an_end_was_seen"),
        file="gateway/channels/wechat/v2_answers.py",
        old="            case Unknown():\n                return verdict",
        new='            case Unknown():\n                return Closed(code="unlisted")',
    ),
    Defect(
        name="a code of WeChat's that is in no list is a decline",
        trips=by("a_proof_is_true", "no_charge_after_a_proof"),
        file="gateway/channels/wechat/v2_answers.py",
        old=(
            "            return self._about(fields, Declined(code=fields.refusal, "
            "reason=codes.NOT_CHARGED[fields.refusal]))\n        return fields.unsettled()"
        ),
        new=(
            "            return self._about(fields, Declined(code=fields.refusal, "
            "reason=codes.NOT_CHARGED[fields.refusal]))\n"
            "        return Declined(code=fields.refusal, reason=ChannelReason.RISK)"
        ),
    ),
    Defect(
        name="a state of Alipay's that is in no list is closed",
        trips=by("a_proof_is_true", "an_end_was_seen"),
        file="gateway/channels/alipay/responses.py",
        old='                return self._stated(node, Closed(code="TRADE_CLOSED"))\n            case _:\n'
        "                return ask(node)",
        new='                return self._stated(node, Closed(code="TRADE_CLOSED"))\n            case _:\n'
        '                return Closed(code="unlisted")',
    ),
    Defect(
        name="a code of UnionPay's that is in no list is a decline",
        trips=by("a_proof_is_true", "no_charge_after_a_proof"),
        file="gateway/channels/unionpay/responses.py",
        old="        return Declined(code=code, reason=codes.NOT_CHARGED[code])\n    return _unsettled(message)",
        new=(
            "        return Declined(code=code, reason=codes.NOT_CHARGED[code])\n"
            "    return Declined(code=code, reason=ChannelReason.RISK)"
        ),
    ),
    Defect(
        name="the next payment is taken over late money",
        trips=by("one_live_payment_at_the_gateway"),
        file="gateway/payments/admit.py",
        old=" or p.late_state is LateMoneyState.FOUND for p in earlier",
        new=" for p in earlier",
    ),
    Defect(
        name="late money is not sent back although cash covers the sale",
        trips=by("late_money_is_on_its_way", "kept_late_money_is_all_that_pays"),
        file="gateway/jobs/keeping.py",
        old="    return cash.covers(tx, payment) or any(",
        new="    return any(",
        profile="held",
    ),
    Defect(
        name="a held case does not hear of cash",
        trips=by("late_money_is_on_its_way", "kept_late_money_is_all_that_pays"),
        file="gateway/jobs/cash_heard.py",
        old="    send_duplicates_back(tx, of_sale, pace_of, now_ms=now_ms)\n    for payment",
        new="    for payment",
        profile="held",
    ),
    Defect(
        name="a press that comes twice makes two payments",
        trips=by("one_number_per_command"),
        file="sync/engine/start.py",
        old="    if turn.taken_before(command.request_id):\n        return\n",
        new="",
    ),
    Defect(
        name="a press that comes twice gives back twice",
        trips=by("one_refund_per_command"),
        file="sync/engine/refunds.py",
        old="    if turn.taken_before(command.request_id):\n        return\n",
        new="",
    ),
    Defect(
        name="a clock that was put back makes refunds wait",
        trips=by("open_orders_are_driven", "all_agree", "refunds_are_driven_to_the_end"),
        file="gateway/jobs/schedule_refunds.py",
        old="    refund = _brought_back(refund, even_since_ms, now_ms)\n",
        new="",
        profile="leaps",
    ),
    Defect(
        name="after a leap only orders are planned anew",
        trips=by("open_orders_are_driven", "all_agree", "refunds_are_driven_to_the_end", "paid_is_noticed"),
        file="gateway/store/tasks.py",
        old='update(TASKS).where(_T.due_ms > bindparam("k_now"))',
        new='update(TASKS).where(_T.kind == "work", _T.due_ms > bindparam("k_now"))',
        profile="leaps",
    ),
    Defect(
        name="a leap ends the leases that are held",
        trips=by("one_call_at_a_time"),
        file="gateway/jobs/scheduler.py",
        old="            tasks.hold_again(tx, until_ms=now_ms + LEASE_MS)\n",
        new="",
        profile="leaps",
    ),
    Defect(
        name="what may be given back is checked in code only",
        trips=by("guards_are_constraints"),
        file="gateway/store/migrations/versions/0002_every_wallet.py",
        old="reserved_fen >= 0 AND reserved_fen <= captured_fen",
        new="reserved_fen >= 0 OR reserved_fen <= captured_fen",
    ),
    Defect(
        name="two orders of one payment are kept apart in code only",
        trips=by("guards_are_constraints"),
        file="gateway/store/migrations/versions/0002_every_wallet.py",
        old='"ix_channel_orders_live", "channel_orders", _PAYMENT, unique=True,',
        new='"ix_channel_orders_live", "channel_orders", _PAYMENT, unique=False,',
    ),
)
