"""Whose keys were these? The judgement over one finished run of characters.

A gun is told from a person by speed: the median gap between keys. Text plays a part in two places only. A short
decimal number such as `12.50` is always a person's: no barcode reads so, and scripted input types fast. And a run that
starts with slow keys and ends as a burst may be typing followed by a scan: if more than one way of cutting it gives a
code of a payment code's length, nobody can know where the code starts, and it is refused instead of guessed.

Must not know: prefixes of wallets, amounts, clocks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise

from msgspec import Struct

from drivers.scanner.parsers.wedge_keys import WedgeTiming

_AIM = re.compile(r"\](?P<id>[A-Za-z][0-9A-Za-z])(?=.)", re.DOTALL)
_DECIMAL = re.compile(r"[0-9]{1,7}\.[0-9]{0,2}")
_PAYMENT_SHAPE = re.compile(r"[0-9]{16,24}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """One character of a run, when it came, and whether it was given out as typed."""

    char: str = field(repr=False)
    at_ms: int
    shown: bool


class Owner(Enum):
    """Who made a run."""

    PERSON = auto()
    GUN = auto()
    UNCLEAR = auto()  # a gun, but where its code starts cannot be known


class Verdict(Struct, frozen=True, kw_only=True):
    """The owner, and from which key on the run is the gun's."""

    owner: Owner
    start: int = 0


def judge(run: Sequence[RunKey], timing: WedgeTiming) -> Verdict:
    """Judge a run that has ended, by terminator or by silence; its gaps are at most `max_gap_ms`, or it had ended."""
    slow = [i for i in range(1, len(run)) if run[i].at_ms - run[i - 1].at_ms >= timing.median_gap_ms]
    start = _first_fast_key(slow)
    if not _is_burst(run[start:], timing):
        return Verdict(owner=Owner.PERSON)
    cuts = [start, *(i for i in slow if i > start)]
    possible = [cut for cut in cuts if _is_burst(run[cut:], timing) and has_payment_shape(run[cut:], timing)]
    if start > 0 and has_payment_shape(run, timing):
        possible.append(0)
    if len(possible) > 1:
        return Verdict(owner=Owner.UNCLEAR, start=max(possible))
    return Verdict(owner=Owner.GUN, start=possible[0] if possible else start)


def _first_fast_key(slow: Sequence[int]) -> int:
    """Leading keys that are each followed by a slow gap were typed: skip them."""
    start = 0
    for index in slow:
        if index != start + 1:
            break
        start = index
    return start


def _is_burst(run: Sequence[RunKey], timing: WedgeTiming) -> bool:
    if len(run) < timing.min_length or _DECIMAL.fullmatch(text_of(run)):
        return False
    gaps = [later.at_ms - earlier.at_ms for earlier, later in pairwise(run)]
    return _median_doubled(gaps) < 2 * timing.median_gap_ms


def has_payment_shape(run: Sequence[RunKey], timing: WedgeTiming) -> bool:
    """Whether the text is 16 to 24 digits once prefix and AIM id are off."""
    return _PAYMENT_SHAPE.fullmatch(strip_marks(text_of(run), timing)[0]) is not None


def text_of(run: Sequence[RunKey]) -> str:
    """The characters of a run."""
    return "".join(key.char for key in run)


def strip_marks(text: str, timing: WedgeTiming) -> tuple[str, str]:
    """Take the configured prefix and the AIM id off the front; return the rest and the AIM id."""
    if timing.prefix and text.startswith(timing.prefix):
        text = text[len(timing.prefix) :]
    found = _AIM.match(text)
    if found is None:
        return text, ""
    return text[found.end() :], found["id"]


def _median_doubled(gaps: Sequence[int]) -> int:
    """Twice the median: whole numbers, and no library that takes longer to load than a scan to read."""
    ordered = sorted(gaps)
    middle = len(ordered) // 2
    return ordered[middle] + ordered[-1 - middle]
