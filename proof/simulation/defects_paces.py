"""Defects of order and time at the gateway: questions, undos, looks for late money, what a till is told, and when.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

PACES: Final = (
    Defect(
        name='one answer "not found" is a proof',
        trips=by("an_end_was_seen"),
        file="gateway/payments/answers.py",
        old=(
            "    if order.absent_since_ms is None or order.absent_since_ms < quiet_ms:\n"
            "        # When it was answered, not when it was asked: the question may have waited for its line.\n"
            "        return Step(payment=payment, order=replace(order, absent_since_ms=now_ms))\n"
            "    if asked_ms - order.absent_since_ms < ABSENT_BETWEEN_MS:\n"
            "        return Step(payment=payment, order=order)\n"
        ),
        new="",
    ),
    Defect(
        name="absence is believed without its undo",
        trips=by("an_end_was_seen"),
        file="gateway/payments/answers.py",
        old=("    certain = order.certain_undo_ms is not None and asked_ms >= order.certain_undo_ms\n"),
        new="    certain = True\n",
        profile="slow",
    ),
    Defect(
        name="the first undo follows no question",
        trips=by("the_first_undo_follows_a_question", "all_agree"),
        file="gateway/jobs/desk.py",
        old=(
            "                after = await self._query(order, release=False)\n                if undo_goes_on(*after):"
        ),
        new=("                after = (payment, order)\n                if undo_goes_on(*after):"),
    ),
    Defect(
        name="WeChat is reversed too early",
        trips=by("a_code_has_its_time_at_wechat"),
        file="gateway/jobs/schedule.py",
        old="    if order.kind is OrderKind.CODE and pace.undo_not_before_ms:\n",
        new="    if order.kind is OrderKind.CODE and pace.undo_not_before_ms > 10**9:\n",
    ),
    Defect(
        name="an undo is repeated in a burst",
        trips=by("undos_keep_their_pace"),
        file="gateway/jobs/schedule.py",
        old=("    return (_UNDO_STEPS[tries - 1] if 1 <= tries <= len(_UNDO_STEPS) else _UNDO_LAST_S) * _SECOND\n"),
        new="    return 100\n",
    ),
    Defect(
        name="late money is looked for during a minute only",
        trips=by("ends_are_watched"),
        file="gateway/jobs/schedule.py",
        old="    if order.watch_step >= len(steps):\n",
        new="    if order.watch_step >= 2:\n",
        profile="slow",
    ),
    Defect(
        name="a long undo shows no light",
        trips=by("long_undos_are_told"),
        file="gateway/payments/undo.py",
        old="even_since_ms, now_ms) < AMBER_AFTER_MS:\n",
        new="even_since_ms, now_ms) < 1000 * AMBER_AFTER_MS:\n",
    ),
    Defect(
        name="an outcome does not raise state_seq",
        trips=by("a_change_is_told", "certain_within_a_minute"),
        file="gateway/payments/moves.py",
        old=("    return replace(\n        bump(payment),\n        state=GatewayState.NOT_PAID,"),
        new=("    return replace(\n        payment,\n        state=GatewayState.NOT_PAID,"),
    ),
    Defect(
        name="nobody who waits is woken",
        trips=by("a_waiting_till_hears_at_once"),
        file="gateway/jobs/calls.py",
        old=("        if changed:\n            self.waiters.wake(payment.key, payment)\n"),
        new="",
        profile="calm",
    ),
    Defect(
        name="a lease is never given back",
        trips=by("ends_are_watched", "open_orders_are_driven", "all_agree", "certain_within_a_minute"),
        file="gateway/jobs/calls.py",
        old="            ends = self.owner if release else None\n",
        new="            ends = None\n",
    ),
    Defect(
        name="paid and unnoticed is an alarm after twenty minutes",
        trips=by("paid_is_noticed"),
        file="gateway/jobs/schedule.py",
        old="UNNOTICED_AFTER_MS: Final = 120_000",
        new="UNNOTICED_AFTER_MS: Final = 1_200_000",
    ),
    Defect(
        name="a press on the page does not raise state_seq",
        trips=by("a_change_is_told"),
        file="gateway/payments/paging.py",
        old="        bump(payment), state=GatewayState.SENT, account_id=account_id",
        new="        payment, state=GatewayState.SENT, account_id=account_id",
    ),
)
