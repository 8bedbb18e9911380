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
        trips=by("a_page_in_question_takes_no_press", "one_charge_kept_per_sale", "what_was_open_is_only_asked_about"),
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
        trips=by("gateway_paid_is_true", "paid_is_true", "gateway_never_goes_back", "all_agree"),
        file="gateway/payments/notified.py",
        old="    if payment.in_question and isinstance(verdict, Paid):\n",
        new="    if payment.in_question and isinstance(verdict, Pending):\n",
        profile="restored",
    ),
    Defect(
        name="the list leaves out what came before it was noticed",
        trips=by("the_list_is_whole", "what_a_wallet_took_is_known", "all_agree", "no_charge_after_a_proof"),
        file="gateway/jobs/restored.py",
        old="_BEFORE_MS: Final = 86_400_000\n",
        new="_BEFORE_MS: Final = -86_400_000\n",
        profile="restored",
    ),
    Defect(
        name="the alarm about a gap outlives the gap",
        trips=by("nobody_is_needed"),
        file="gateway/api/journals.py",
        old="        if caller.journal_seq is None or after.seq >= caller.journal_seq:\n",
        new="        if caller.journal_seq is None:\n",
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
