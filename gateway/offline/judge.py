"""May this ORDER be paid? The checks of SAFETY.md section 3, 2, as one closed enum in their order of precedence.

Rules
- Everything is checked before any channel order; the first that fails is the answer.
- What has ended is shown for ever: a till that was switched off later does not hide what its customers paid.
- STATUS asks and may close; it never charges. So it needs a till that signed it and a key to answer with, no more.
- A clone is told before a late order: only what is this till's one order of that number becomes a tombstone.
- An order that was shown too late is closed for good, and gets its CLOSED proof.
- After a backup was restored, an order that may have been begun before is neither begun nor closed by an empty row.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from msgspec import Struct

from protocol.offline.order import BITMAP_ORDERS, ClockQuality, OfflineOrder, OrderType

#: What the gateway takes offline at once, frees by a typed code at once, and lets a till free in a shift (settings).
ORDER_LIMIT_FEN: Final = 500_000
TYPED_ORDER_LIMIT_FEN: Final = 50_000
TYPED_SHIFT_LIMIT_FEN: Final = 300_000
#: From first sight to its end.
PAY_WINDOW_MS: Final = 300_000
#: With a clock that heard a gateway, an ORDER is first shown here within this time.
FIRST_SIGHT_MS: Final = 600_000


class Verdict(Enum):
    """In order of precedence. An unreadable ORDER is none, and is not judged."""

    UNKNOWN_TERMINAL = "unknown_terminal"
    BAD_SIGNATURE = "bad_signature"  # also: no key was ever registered for that terminal and epoch
    SETTLED = "settled"  # this very order has ended
    REVOKED = "revoked"
    FROZEN = "frozen"
    BAD_EPOCH = "bad_epoch"
    KID_UNUSABLE = "kid_unusable"
    AMOUNT_OVER = "amount_over"
    CANCELLED = "cancelled"  # by the till: over the line, or in a bitmap
    OUT_OF_ORDER = "out_of_order"
    CLONE = "clone"  # another content under its number, or another order under its counter
    BEGUN_ONLINE = "begun_online"  # its number's payment was begun over the line: STATUS asks about such
    HELD = "held"  # not known here, and this database may have lost it
    TOO_LATE = "too_late"
    KNOWN = "known"  # this very order, open
    NEW = "new"


#: What is answered with the one neutral sentence: it tells a stranger nothing.
NEUTRAL: Final = frozenset(
    {
        Verdict.UNKNOWN_TERMINAL, Verdict.BAD_SIGNATURE, Verdict.REVOKED, Verdict.FROZEN, Verdict.BAD_EPOCH,
        Verdict.KID_UNUSABLE, Verdict.AMOUNT_OVER, Verdict.OUT_OF_ORDER, Verdict.CLONE,
        Verdict.BEGUN_ONLINE, Verdict.HELD,
    }
)  # fmt: skip
_RANK: Final = {verdict: rank for rank, verdict in enumerate(Verdict)}


def speaks_for_earlier(verdict: Verdict) -> bool:
    """Whether the ORDER came far enough for its bitmap to be believed."""
    return _RANK[verdict] > _RANK[Verdict.AMOUNT_OVER]


class TillFacts(Struct, frozen=True, kw_only=True):
    """The terminal that the ORDER names. `signed`: its order key of that epoch signed these bytes."""

    epoch: int
    revoked: bool
    frozen: bool
    signed: bool


class OrderFacts(Struct, frozen=True, kw_only=True):
    """What the rows know of this order. `same`: seen before with this very content. `seen`: seen before at all.
    `settled`: its payment has ended. `cancelled`: the till said so. `rival`: another order has its counter.
    `foreign`: its number is a payment's that no ORDER began. `max_seen`: the highest counter seen in its epoch.
    `lost`: it is not seen here, but may have been by a gateway whose latest rows are lost."""

    seen: bool = False
    same: bool = False
    settled: bool = False
    cancelled: bool = False
    rival: bool = False
    foreign: bool = False
    max_seen: int = 0
    lost: bool = False


def judge(
    order: OfflineOrder,
    till: TillFacts | None,
    facts: OrderFacts,
    *,
    kid_usable: bool,
    now_ms: int,
    most_fen: int = ORDER_LIMIT_FEN,
) -> Verdict:
    """The first check that fails, or what the order is."""
    if till is None:
        return Verdict.UNKNOWN_TERMINAL
    if not till.signed:
        return Verdict.BAD_SIGNATURE
    if order.type is OrderType.STATUS:
        return Verdict.NEW if kid_usable else Verdict.KID_UNUSABLE
    if facts.same and facts.settled:
        return Verdict.SETTLED
    refused = _of_till(order, till, kid_usable=kid_usable, most_fen=most_fen)
    return refused if refused is not None else _of_order(order, facts, now_ms=now_ms)


def _of_till(order: OfflineOrder, till: TillFacts, *, kid_usable: bool, most_fen: int) -> Verdict | None:
    if till.revoked:
        return Verdict.REVOKED
    if till.frozen:
        return Verdict.FROZEN
    if order.epoch != till.epoch:
        return Verdict.BAD_EPOCH
    if not kid_usable:
        return Verdict.KID_UNUSABLE
    return Verdict.AMOUNT_OVER if order.amount_fen > most_fen else None


def _of_order(order: OfflineOrder, facts: OrderFacts, *, now_ms: int) -> Verdict:
    if facts.cancelled:
        return Verdict.CANCELLED
    if not facts.seen and order.oseq < facts.max_seen - BITMAP_ORDERS:
        return Verdict.OUT_OF_ORDER
    if (facts.seen and not facts.same) or facts.rival:
        return Verdict.CLONE
    if facts.same:
        return Verdict.KNOWN
    if facts.foreign:
        return Verdict.BEGUN_ONLINE
    if facts.lost:
        return Verdict.HELD
    late = order.clock is ClockQuality.GATEWAY and now_ms > order.made_at_s * 1000 + FIRST_SIGHT_MS
    return Verdict.TOO_LATE if late else Verdict.NEW
