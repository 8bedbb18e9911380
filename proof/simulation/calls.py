"""What went over the gateway's lines to the wallets: each call about a number, when it was sent and how it ended.

The oracles of proofs judge by it: a row may say anything, but only what a wallet truly answered can have proven it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from proof.asked import Asked, Verb


class Ended(StrEnum):
    """`TRUE`: with the wallet's own answer, unspoiled; `UNSENT`: not one byte arrived; `DIED`: with the caller."""

    OPEN = "open"
    TRUE = "true"
    SPOILED = "spoiled"
    UNSENT = "unsent"
    SILENT = "silent"
    DIED = "died"


@dataclass(slots=True, kw_only=True)
class Call:
    verb: Verb
    sent_ms: int
    how: Ended = Ended.OPEN
    ended_ms: int | None = None


class CallLog:
    """By number: an out_trade_no or a refund_no. In the order in which calls were sent."""

    def __init__(self) -> None:
        self._of: defaultdict[str, list[Call]] = defaultdict(list)

    def sent(self, asked: Asked, now_ms: int) -> Call:
        call = Call(verb=asked.verb, sent_ms=now_ms)
        if asked.number:
            self._of[asked.number].append(call)
        return call

    def of(self, number: str) -> list[Call]:
        return self._of.get(number, [])

    def died(self, now_ms: int) -> None:
        """The gateway's process is gone, and its sockets with it."""
        for calls in self._of.values():
            for call in calls:
                if call.how is Ended.OPEN:
                    call.how, call.ended_ms = Ended.DIED, now_ms
