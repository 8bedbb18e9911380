"""Defects of what the gateway lets an ORDER do, and to whom it proves what: SAFETY.md section 3, 2 to 6.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

ORDERS: Final = (
    Defect(
        name="two orders with one counter are not noticed",
        trips=by("a_clone_freezes_its_till"),
        file="gateway/offline/judge.py",
        old="    if (facts.seen and not facts.same) or facts.rival:",
        new="    if facts.seen and not facts.same:",
    ),
    Defect(
        name="two orders with one number are not noticed",
        trips=by("a_clone_freezes_its_till"),
        file="gateway/offline/judge.py",
        old="    if (facts.seen and not facts.same) or facts.rival:",
        new="    if facts.rival:",
    ),
    Defect(
        name="a clone of an order freezes nobody",
        trips=by("a_clone_freezes_its_till"),
        file="gateway/jobs/offline_orders.py",
        old="            standing.freeze(tx, order.terminal_id, alarm, now_ms=now_ms)",
        new="            alarms.raise_alarm(tx, alarm, about=order.terminal_id, now_ms=now_ms)",
    ),
    Defect(
        name="a proof of CLOSED leaves the number open",
        trips=by("a_closed_order_stays_closed"),
        file="gateway/jobs/offline_proofs.py",
        old="            _close_number(tx, found, pace_of, now_ms=now_ms)\n",
        new="            pass\n",
    ),
    Defect(
        name="a proof of PAID goes to anybody",
        trips=by("a_proof_goes_to_its_payer"),
        file="gateway/jobs/offline_finding.py",
        old="    return mark == payer",
        new="    return True",
    ),
    Defect(
        name="an ORDER of an earlier activation is taken",
        trips=by("an_order_is_of_this_activation"),
        file="gateway/offline/judge.py",
        old="    if order.epoch != till.epoch:\n        return Verdict.BAD_EPOCH\n",
        new="",
    ),
    Defect(
        name="an ORDER of a till that is switched off is taken",
        trips=by("a_revoked_till_begins_nothing"),
        file="gateway/offline/judge.py",
        old="    if till.revoked:\n        return Verdict.REVOKED\n",
        new="",
    ),
    Defect(
        name="an ORDER has no limit",
        trips=by("an_order_keeps_its_limit"),
        file="gateway/offline/judge.py",
        old="    return Verdict.AMOUNT_OVER if order.amount_fen > most_fen else None",
        new="    return None",
    ),
    Defect(
        name="an ORDER that was begun is open for an hour",
        trips=by("an_order_has_its_window"),
        file="gateway/offline/judge.py",
        old="PAY_WINDOW_MS: Final = 300_000",
        new="PAY_WINDOW_MS: Final = 3_600_000",
    ),
    Defect(
        name="an ORDER of long ago is taken",
        trips=by("an_order_is_not_far_behind"),
        file="gateway/offline/judge.py",
        old="    if not facts.seen and order.oseq < facts.max_seen - BITMAP_ORDERS:\n",
        new="    if order.oseq == 0:\n",
    ),
    Defect(
        name="a key that others have signs on",
        trips=by("a_proof_is_signed", "a_bad_key_begins_nothing"),
        file="gateway/offline/keyring.py",
        old="        if key is None or key.compromised_ms is not None:\n",
        new="        if key is None:\n",
    ),
    Defect(
        name="a key is good for a hundred days",
        trips=by("a_bad_key_begins_nothing"),
        file="gateway/offline/keyring.py",
        old="RETIRED_GOOD_MS: Final = 90 *",
        new="RETIRED_GOOD_MS: Final = 100 *",
    ),
    Defect(
        name="a key is good for eighty days",
        trips=by("a_good_order_is_taken"),
        file="gateway/offline/keyring.py",
        old="RETIRED_GOOD_MS: Final = 90 *",
        new="RETIRED_GOOD_MS: Final = 80 *",
    ),
)
