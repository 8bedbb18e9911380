"""What a customer's wallet does when it is to pay: the sandbox's scripts, drawn as a profile's people have them."""

from __future__ import annotations

from random import Random
from typing import Final

from proof.simulation.faults import People
from sandbox.scripts import Script, parse_script

PLAIN: Final = "pay"
USUAL: Final = (
    "balance_low",
    "expired",
    "system_error_charged",
    "system_error_not_charged",
    "drop_after_charge",
    "drop_before_charge",
    "never",
    "ask_password:2",
    "ask_password:12",
    "ask_password:40",
    "ask_password:44",
    "ask_password:50",
    "ask_password:90",
)
#: Undos that must be repeated, limits, maintenance, notifications that are lost, late, doubled, hurried or not ours.
HARD: Final = (
    "reverse_recall:2",
    "reverse_ack_not_applied",
    "reverse_applies_late:4",
    "query_limit:2",
    "maintenance",
    "callback_lost",
    "callback_late:30",
    "callback_twice",
    "callback_before_answer",
    "callback_bad_signature",
    "callback_other_merchant",
    "refund_processing:20",
    "refund_balance_low",
    "refund_whole_only",
    "refund_whole_only",
)
#: Money that comes after all that a shop can do.
LATE: Final = (
    "pay_after_reverse",
    "pay_executes_late:3",
    "pay_executes_late:40",
    "close_ack_still_payable",
    "pay_after_time_expire",
    "precreate_cancel_then_scan",
)
#: Paid, and every notification of it is wrong: by its amount, its signature, or whom it is for.
FORGED: Final = ("callback_wrong_amount", "callback_bad_signature", "callback_other_merchant")
#: A customer who types so slowly does it in some shops right after the shop has asked for the last time.
SLOW: Final = frozenset({"ask_password:44", "ask_password:50", "ask_password:90", "never"})
IN_THE_LAST_MOMENT: Final = "ask_password:46"
#: Of these customers goods come back more often than of others.
REFUNDED: Final = frozenset({"refund_processing", "refund_balance_low", "refund_whole_only"})


def draw_script(chance: Random, people: People) -> Script:
    if people.forged and chance.random() < people.forged:
        forged = parse_script(chance.choice(FORGED))
        assert forged is not None, "all of them are scripts"
        return forged
    plain = chance.random() < people.plain_share
    scripts = (*USUAL, *(HARD if people.hard else ()), *(LATE * people.late))
    script = parse_script(PLAIN if plain else chance.choice(scripts))
    assert script is not None, "all of them are scripts"
    return script


def in_the_last_moment(script: Script, chance: Random, rate: float) -> Script:
    """The same customer, or one who types when nobody expects it any more."""
    if not rate or str(script) not in SLOW or chance.random() >= rate:
        return script
    last = parse_script(IN_THE_LAST_MOMENT)
    assert last is not None, "it is a script"
    return last


def is_forged(script: Script) -> bool:
    return script.behaviour.value in FORGED
