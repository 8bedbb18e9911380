"""A day of one terminal's journal in one line: what an owner writes down in the evening and compares with the gateway.

Computed alike at the till and at the gateway from the day's own entries. Whoever changes, removes or adds an entry of
the day changes its head, and with it the digest; what happened before is bound by the chain itself. Of an entry whose
content the gateway refused both sides count what both hold, its place and its hash (`withheld_of_day`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from hashlib import sha256
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from protocol.chain import genesis
from protocol.messages import JournalEntry
from protocol.numbers import grouped, new_number

S = TypeVar("S", bound=Struct)
#: The business day of a shop.
BEIJING: Final = timezone(timedelta(hours=8), "CST")
PAID_KIND: Final = "payment.settled"
REFUND_KIND: Final = "refund.settled"
_NUMBER_BYTES: Final = 15
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class DayDigest(Struct, frozen=True, kw_only=True):
    """`head`: the chain's hash after the day's last entry; of a day without entries, that of an empty chain."""

    terminal_id: str
    day: str
    entries: int
    first_seq: int
    last_seq: int
    head: str
    paid: int
    paid_fen: int
    refunded: int
    refunded_fen: int

    @property
    def text(self) -> str:
        """25 characters, 5x5, with a check character: short enough to be read out."""
        said = (
            self.terminal_id, self.day, self.entries, self.first_seq, self.last_seq, self.head,
            self.paid, self.paid_fen, self.refunded, self.refunded_fen,
        )  # fmt: skip
        digest = sha256(b"guitai-day-v1\0" + "\0".join(str(one) for one in said).encode()).digest()
        return grouped(new_number(digest[:_NUMBER_BYTES]))


def day_bounds_ms(day: date) -> tuple[int, int]:
    """The first millisecond of the Beijing day, and of the next one."""
    return _ms(day), _ms(day + timedelta(days=1))


def withheld_of_day(withheld: Iterable[int], of_day: Collection[int]) -> frozenset[int]:
    """Which of the entries that a till keeps to itself are of the day whose other entries have these numbers.
    `withheld`: all of the chain, in order. Not even their time is told, so each is of the day of the entry before it
    that has its content; those at the chain's beginning, of the first one after them."""
    found: set[int] = set()
    run: list[int] = []
    for seq in withheld:
        if run and seq != run[-1] + 1:
            _take_run(run, of_day, found)
            run = []
        run.append(seq)
    _take_run(run, of_day, found)
    return frozenset(found)


def _take_run(run: list[int], of_day: Collection[int], found: set[int]) -> None:
    """A chain has no gaps: the neighbours of a run are entries whose content is told."""
    if run and (run[0] - 1 if run[0] > 1 else run[-1] + 1) in of_day:
        found.update(run)


def paid_numbers(entries: Iterable[JournalEntry]) -> tuple[str, ...]:
    """The payments that these entries say were paid: their amounts are what `day_digest` asks for."""
    return tuple(_read(entry, _Settled).payment_no for entry in entries if _is_paid(entry))


def day_digest(
    entries: Iterable[JournalEntry], amounts: Mapping[str, int], *, terminal_id: str, day: date
) -> DayDigest:
    """`entries`: those of that day by their own time, and those of `withheld_of_day` without their content, in order.
    `amounts`: of the payments that they say were paid."""
    taken = tuple(entries)
    paid = paid_numbers(taken)
    refunds = [_read(entry, _RefundSettled) for entry in taken if entry.kind == REFUND_KIND]
    done = [refund.amount_fen for refund in refunds if refund.done]
    return DayDigest(
        terminal_id=terminal_id,
        day=day.isoformat(),
        entries=len(taken),
        first_seq=taken[0].seq if taken else 0,
        last_seq=taken[-1].seq if taken else 0,
        head=taken[-1].hash if taken else genesis(terminal_id),
        paid=len(paid),
        paid_fen=sum(amounts.get(number, 0) for number in paid),
        refunded=len(done),
        refunded_fen=sum(done),
    )


class _Settled(Struct, frozen=True, kw_only=True):
    """What is needed of a till's statement; nothing where it is not one."""

    payment_no: str = ""
    paid: bool = False


class _RefundSettled(Struct, frozen=True, kw_only=True):
    amount_fen: int = 0
    done: bool = False


def _is_paid(entry: JournalEntry) -> bool:
    return entry.kind == PAID_KIND and _read(entry, _Settled).paid


def _read(entry: JournalEntry, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(entry.body, type=kind)
    except (msgspec.MsgspecError, RecursionError):
        return kind()


def _ms(day: date) -> int:
    return (datetime.combine(day, time(), BEIJING) - _EPOCH) // timedelta(milliseconds=1)
