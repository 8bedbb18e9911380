"""Defects of the till: what it believes, what it shows.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

TILL: Final = (
    Defect(
        name="a proxy's 5xx is taken as nothing sent",
        trips=by(
            "green_is_safe", "all_agree", "no_charge_after_a_proof", "one_charge_kept_per_sale", "nobody_is_needed"
        ),
        file="sync/link/calls.py",
        old="why=Silence.NO_ANSWER if broken else",
        new="why=Silence.NOT_SENT if broken else",
    ),
    Defect(
        name="an unsigned answer is believed at the till",
        trips=by("paid_is_true", "nobody_is_needed", "no_program_falls_over"),
        file="sync/link/calls.py",
        old="    if isinstance(verified, SignatureRefusal):\n",
        new=(
            "    if isinstance(verified, SignatureRefusal) and response.status == 200 and "
            "response.body.startswith(b'{'):\n"
            "        return _Accepted(response.body, 'x')\n"
            "    if isinstance(verified, SignatureRefusal):\n"
        ),
    ),
    Defect(
        name="a payment of unknown outcome may be scanned again",
        trips=by("green_is_safe"),
        file="sync/engine/model.py",
        old="    return state is TerminalState.NOT_PAID and proof is not None",
        new="    return state in (TerminalState.NOT_PAID, TerminalState.UNKNOWN)",
    ),
    Defect(
        name="a till does not cancel what the gateway does not know",
        trips=by("all_agree"),
        file="sync/engine/refusals.py",
        old="    intend_cancel(turn, number, live.record.operator, cause)\n",
        new="    if not unknown:\n        intend_cancel(turn, number, live.record.operator, cause)\n",
        profile="crash",
    ),
)
