"""Defects of what the gateway lets itself be told by a terminal that keeps no rule: numbers, journals, keys.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

WORDS: Final = (
    Defect(
        name="a number says another thing and is the first again",
        trips=by("same_number_same_content"),
        file="gateway/payments/admit.py",
        old="            and existing.subject == request.subject\n",
        new="",
        profile="forged",
    ),
    Defect(
        name="a number of another sale is the first again",
        trips=by("same_number_same_content"),
        file="gateway/payments/admit.py",
        old=(
            "            existing.sale_id == request.sale_id\n"
            "            and existing.presented is request.presented\n"
            "            and existing.subject"
        ),
        new=("            existing.presented is request.presented\n            and existing.subject"),
        profile="forged",
    ),
    Defect(
        name="an order is tried again over another amount",
        trips=by("one_amount_per_order"),
        file="gateway/payments/admit.py",
        old="if any(p.amount_fen != request.amount_fen or p.sale_id not in",
        new="if any(p.sale_id not in",
        profile="forged",
    ),
    Defect(
        name="a cancel of another amount is taken",
        trips=by("same_number_same_content"),
        file="gateway/api/paying.py",
        old=(
            "        if before.amount_fen != request.amount_fen:\n            raise Refusal(Reason.CONTENT_DIFFERS)\n"
        ),
        new="",
        profile="forged",
    ),
    Defect(
        name="what was not said yet is acknowledged",
        trips=by("an_acknowledgement_is_true"),
        file="gateway/api/paying.py",
        old=" or request.state_seq > payment.state_seq:",
        new=":",
        profile="forged",
    ),
    Defect(
        name="a code is known for a minute",
        trips=by("one_code_one_payment"),
        file="gateway/store/guards.py",
        old="MARK_LIFE_MS: Final = 86_400_000",
        new="MARK_LIFE_MS: Final = 60_000",
        profile="forged",
    ),
    Defect(
        name="a cancel of an unknown number leaves its order open",
        trips=by("earlier_numbers_are_dead"),
        file="gateway/payments/admit.py",
        old="cancel_requested_ms=now_ms if reason is Reason.CANCELLED else None,",
        new="cancel_requested_ms=None,",
    ),
    Defect(
        name="a journal's hashes are not computed",
        trips=by("a_chain_is_kept"),
        file="gateway/api/journals.py",
        old="        broken = first_break(held.hash, held.seq, fresh)\n",
        new="        broken = None\n",
        profile="forged",
    ),
    Defect(
        name="a journal may leave an entry out",
        trips=by("a_chain_is_kept"),
        file="gateway/api/journals.py",
        old="        if fresh[0].seq != held.seq + 1:",
        new="        if fresh[0].seq <= held.seq:",
        profile="forged",
    ),
    Defect(
        name="a journal may be written anew",
        trips=by("a_chain_is_kept", "forks_are_frozen"),
        file="gateway/api/journals.py",
        old="    return journal.hash_at(tx, terminal_id, entry.seq) != entry.hash",
        new="    return False",
        profile="forged",
    ),
    Defect(
        name="a gap in a journal is told to nobody",
        trips=by("a_chain_is_kept"),
        file="gateway/api/journals.py",
        old=("            alarms.raise_alarm(tx, alarm, about=terminal_id, now_ms=now_ms)\n        else:"),
        new=("            pass\n        else:"),
        profile="forged",
    ),
    Defect(
        name="cash that cannot be read is passed over",
        trips=by("cash_is_read"),
        file="gateway/api/journals.py",
        old=("            if said is None:\n                return None\n            found"),
        new=("            if said is None:\n                continue\n            found"),
        profile="forged",
    ),
    Defect(
        name="what a till keeps to itself is told to nobody",
        trips=by("a_withheld_entry_is_told"),
        file="gateway/api/journals.py",
        old='                alarms.raise_alarm(tx, alarm, about=f"{terminal_id}#{entry.seq}", now_ms=now_ms)',
        new="                pass",
        profile="forged",
    ),
    Defect(
        name="a second key for ORDERs is taken for the first",
        trips=by("one_order_key_for_an_epoch"),
        file="gateway/api/offline_kit.py",
        old="        elif held != public_key:",
        new="        elif False:",
        profile="offline",
    ),
    Defect(
        name="a key for ORDERs is taken from an earlier activation",
        trips=by("one_order_key_for_an_epoch"),
        file="gateway/api/offline_kit.py",
        old="        if caller.epoch < terminal.epoch:",
        new="        if False:",
        profile="offline",
    ),
    Defect(
        name="the bitmap of a till that is switched off is believed",
        trips=by("a_revoked_till_cancels_nothing"),
        file="gateway/offline/judge.py",
        old="return _RANK[verdict] > _RANK[Verdict.AMOUNT_OVER]",
        new="return _RANK[verdict] > _RANK[Verdict.BAD_SIGNATURE]",
        profile="offline",
    ),
)
