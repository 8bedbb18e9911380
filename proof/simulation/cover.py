"""Which seeds of the mix reach everything that is rare, at the least cost: what the test suite runs of them.

`python -m proof.simulation.cover 200` looks through the first 200 seeds and prints the list for the suite; it is chosen
again when a change of the worlds leaves a mark, a fault or a profile unreached. Each is reached twice, so that one seed
that takes another way leaves none out. A long run looks at all seeds in a row: `guitai simulate --seeds 500`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from proof.simulation.crew import Orders, all_cores, outcomes
from proof.simulation.marks import EXPECTED
from proof.simulation.mix import MIX
from proof.simulation.outcome import Outcome
from proof.simulation.stage import make_key_texts

#: Seeds of the mix that reach what must be reached, each of it at least twice.
SUITE: Final = (
    21, 32, 33, 39, 48, 52, 60, 62, 72, 74, 77, 83, 87, 107, 111, 116, 130, 134, 147, 153, 154, 159, 171, 178, 181, 199,
)  # fmt: skip

FAULTS: Final = frozenset(
    {
        *(f"outage_{kind}" for kind in ("refused", "silent", "mute", "deaf", "portal", "storm", "busy", "dns")),
        *("lost_request", "lost_answer", "duplicated", "slow", "stray", "spoiled", "refused"),
        *("commit_fails_lost", "commit_fails_kept", "disk_full", "clock_set", "gateway_clock_set", "power_cut"),
        "gateway_did_it_again",
        *("key_change", "disk_copied", "poisoned_row"),
    }
)
PROFILES: Final = frozenset({MIX, "crash", "storm", "late"})

_TIMES: Final = 2
#: What a world costs whatever happens in it, in processor seconds.
_FIXED_S: Final = 0.3


def unreached(ran: Iterable[Outcome]) -> list[str]:
    """What none of these worlds reached, and some must."""
    return sorted(_wanted() - {thing for outcome in ran for thing in _reached(outcome)})


def chosen(ran: Sequence[Outcome]) -> list[int]:
    """Greedy: the seed that reaches most of what is still lacking for its cost comes next."""
    found = Counter(thing for outcome in ran for thing in _reached(outcome))
    lacking = Counter({thing: min(_TIMES, found[thing]) for thing in _wanted()})
    left, taken = list(ran), list[int]()

    def worth(outcome: Outcome) -> float:
        return sum(lacking[thing] > 0 for thing in _reached(outcome)) / (_FIXED_S + outcome.cpu_s)

    while +lacking:
        best = max(left, key=worth)
        left.remove(best)
        taken.append(best.seed)
        lacking.subtract(_reached(best))
    return sorted(taken)


def _wanted() -> frozenset[str]:
    return EXPECTED | {f"fault {name}" for name in FAULTS} | {f"profile {name}" for name in PROFILES}


def _reached(outcome: Outcome) -> frozenset[str]:
    happened = {*outcome.marks, f"profile {outcome.profile}", *(f"fault {name}" for name in outcome.faults)}
    return _wanted() & happened


def main(seeds: int) -> None:
    orders = Orders(seeds=seeds, first_seed=1, profile=MIX, jobs=all_cores())
    ran = list(outcomes(orders, make_key_texts()))
    missing = unreached(ran)
    sys.stdout.write(f"{', '.join(map(str, chosen(ran)))}\n")
    if missing:
        sys.stderr.write(f"not reached in {seeds} seeds: {', '.join(missing)}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
