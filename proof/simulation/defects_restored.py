"""Defects of a gateway whose database was put back: how that is noticed, what it may not claim, and how what it forgot
comes to light again.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

#: A green light, or an end, over money that a wallet holds.
_DENIED: Final = (
    "the_forgotten_is_not_denied",
    "green_is_safe",
    "no_charge_after_a_proof",
    "what_a_wallet_took_is_known",
    "all_agree",
)

RESTORED: Final = (
    Defect(
        name="what is not known here was never charged, whatever is lost",
        trips=by("the_forgotten_is_not_denied"),
        file="gateway/store/restorations.py",
        old="    return through is not None and not journal.begun_after(tx, key, through)\n",
        new="    return through is not None and through < 0 and not journal.begun_after(tx, key, through)\n",
        profile="restored",
    ),
    Defect(
        name="the file beside the database is not compared",
        trips=by(*_DENIED),
        file="gateway/store/anchor.py",
        old='are here" if reached > place else None',
        new='are here" if reached < 0 else None',
        profile="restored",
    ),
    Defect(
        name="a till that was told of more is not believed",
        trips=by(*_DENIED),
        file="gateway/api/caller.py",
        old="        if told > held and (held or",
        new="        if told < 0 and (held or",
        profile="restored",
    ),
    Defect(
        name="what was open in a restored database is undone by itself",
        trips=by("what_was_open_is_only_asked_about"),
        file="gateway/jobs/schedule.py",
        old="    if payment.in_question and payment.cancel_requested_ms is None:\n",
        new="    if payment.in_question and payment.cancel_requested_ms == -1:\n",
        profile="restored",
    ),
    Defect(
        name="a page in question takes a press",
        trips=by("a_page_in_question_takes_no_press", "one_charge_kept_per_sale"),
        file="gateway/payments/paging.py",
        old="    unwanted = payment.cancel_requested_ms is not None or payment.in_question\n",
        new="    unwanted = payment.cancel_requested_ms is not None\n",
        profile="restored",
    ),
    Defect(
        name="a number that is not found is absent, though it may be a mistaken one",
        trips=by("the_forgotten_is_not_denied", "an_end_was_seen"),
        file="gateway/payments/answers.py",
        old="    if payment.in_question:\n        return Step(payment=payment, order=replace(order, ",
        new="    if payment.in_question and now_ms < 0:\n        return Step(payment=payment, order=replace(order, ",
        profile="restored",
    ),
    Defect(
        name="a late notification counts in a restored database",
        trips=by("gateway_paid_is_true", "paid_is_true", "paid_stays_paid", "all_agree", "a_given_proof_is_true"),
        file="gateway/payments/notified.py",
        old="    if payment.in_question and isinstance(verdict, Paid):\n",
        new="    if payment.in_question and isinstance(verdict, Pending):\n",
        profile="restored",
    ),
    Defect(
        name="what is found is given to the earliest try",
        trips=by(*_DENIED, "gateway_paid_is_true", "one_live_payment_at_the_gateway"),
        file="gateway/jobs/restored.py",
        old="    latest = max(mine, key=lambda one: one.payment.key.n)\n",
        new="    latest = min(mine, key=lambda one: one.payment.key.n)\n",
        profile="restored",
    ),
    Defect(
        name="tills are not heard before a wallet is asked",
        trips=by("gateway_paid_is_true", "paid_is_true", "all_agree", "refunds_are_counted", "nobody_is_needed"),
        file="gateway/jobs/restored_told.py",
        old="    heard = restorations.heard_in_full(tx, key.terminal_id)\n",
        new='    heard = key.terminal_id != ""\n',
        profile="restored",
    ),
    Defect(
        name="what a till was told before counts for nothing",
        trips=by("gateway_paid_is_true", "all_agree", "the_ledger_agrees", "nobody_is_needed"),
        file="gateway/jobs/restored_told.py",
        old="        elif entry.kind == PAID_KIND:\n            ended = entry\n",
        new="",
        profile="restored",
    ),
    Defect(
        name="a till does not listen to a restored gateway",
        trips=by("all_agree", "all_acknowledged", "nobody_is_needed"),
        file="gateway/store/restorations.py",
        old="values(state_seq=ahead + 1, in_question=1)",
        new="values(state_seq=_P.state_seq + 1, in_question=1)",
        profile="restored",
    ),
    Defect(
        name="done is said for tills that were not heard",
        trips=by(*_DENIED, "the_question_ends"),
        file="gateway/store/restorations.py",
        old="_FORGET: Final = update(TERMINALS).where(_MARKED, _COMPLETE)",
        new="_FORGET: Final = update(TERMINALS).where(_MARKED)",
        profile="restored",
    ),
    Defect(
        name="the list leaves out what is not known here",
        trips=by("the_list_is_whole", "what_a_wallet_took_is_known", "all_agree", "no_charge_after_a_proof"),
        file="gateway/jobs/restored.py",
        old="and payments.find(tx, payment.key) is None:\n            found.append",
        new="and payments.find(tx, payment.key) is not None:\n            found.append",
        profile="restored",
    ),
    Defect(
        name="a number that the lost part gave is given again",
        trips=by("no_number_is_given_twice"),
        file="gateway/store/payments.py",
        old="    first = _OF_ONE_LIFE * min(restored, _LIVES - 1)\n",
        new="    first = 0 * min(restored, _OF_ONE_LIFE * _LIVES)\n",
        profile="restored",
    ),
    Defect(
        name="the alarm about a gap outlives the gap",
        trips=by("nobody_is_needed"),
        file="gateway/api/journals.py",
        old="        alarms.close_alarm(tx, AlarmKind.JOURNAL_GAP, about=terminal_id, now_ms=now_ms)"
        "  # it goes on from where we are\n",
        new="",
        profile="restored",
    ),
    Defect(
        name="nobody is asked to look after a restored database",
        trips=by("a_person_is_asked"),
        file="gateway/store/restorations.py",
        old="    alarms.raise_alarm(tx, alarm, about=about, now_ms=now_ms)\n",
        new="    assert alarm.detail\n",
        profile="restored",
    ),
)
