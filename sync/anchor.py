"""The anchor: outside the data folder it is written which machine this till is, and how far its journal and its offline
numbers had come. A copied or restored disk does not bring it along (SAFETY.md section 3, 7).

Rules: another machine, a journal that is behind, a head that is another one, or no anchor at all: no offline orders and
no proofs until the gateway agreed to this journal's chain in this run; the anchor is then made anew. Selling over the
line is never touched.

A journal that this machine did not write may still be written on another one, which goes on counting without the line.
Offline numbers then go on far above: a counter names one order, and the bitmap of a copy cancels none of the other's.

When it is written: after every entry about an offline order, before anybody sees its effect; otherwise at idle, at
most each `LAG_MS`, and at least each `LONGEST_LAG_MS` while payments are open (and at the heartbeat, so 10 s later at
most). What it may miss is safe: an offline order or a proof that nobody ever saw, or entries whose outcome the gateway
decides and tells again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from sync.errors import SyncError
from sync.journal.journal import Head, Journal

LAG_MS: Final = 5_000
LONGEST_LAG_MS: Final = 30_000
#: More orders than another machine with the same journal shows before the gateway heard of either.
APART: Final = 10_000


class AnchorRecord(Struct, frozen=True, kw_only=True):
    """What is written. `void`: the gateway holds another chain under this terminal's name."""

    machine: str
    epoch: int
    seq: int
    head: str
    oseq: int = 0
    release: int = 0
    void: bool = False


class AnchorPlace(Protocol):
    """Where it is kept. OSError when the place cannot be read or written, ValueError when that is no anchor."""

    def read(self) -> AnchorRecord | None: ...
    def write(self, record: AnchorRecord) -> None: ...
    def machine(self) -> str: ...


class AnchorTrouble(StrEnum):
    """Why this journal is not believed without the line."""

    NONE = "none"
    MISSING = "missing"
    OTHER_MACHINE = "other_machine"
    BEHIND = "behind"
    UNREADABLE = "unreadable"
    FORKED = "forked"


#: Nothing here says that this machine wrote the journal.
_STRANGE: Final = frozenset({AnchorTrouble.MISSING, AnchorTrouble.OTHER_MACHINE, AnchorTrouble.UNREADABLE})


class Chain(Protocol):
    """A journal, as far as an anchor is compared with it."""

    @property
    def head(self) -> Head: ...
    def hash_at(self, seq: int) -> str | None: ...


def look(place: AnchorPlace, chain: Chain) -> AnchorTrouble:
    """What the anchor says about a journal, without touching either."""
    return _read(place, chain)[0]


def _read(place: AnchorPlace, chain: Chain) -> tuple[AnchorTrouble, AnchorRecord | None]:
    try:
        found = place.read()
        machine = place.machine()
    except (OSError, ValueError):
        return AnchorTrouble.UNREADABLE, None
    return _trouble(found, machine, chain), found


def _trouble(found: AnchorRecord | None, machine: str, chain: Chain) -> AnchorTrouble:
    if found is None:
        return AnchorTrouble.MISSING
    if found.void:
        return AnchorTrouble.FORKED
    if found.machine != machine:
        return AnchorTrouble.OTHER_MACHINE
    same = found.seq <= chain.head.seq and found.head == chain.hash_at(found.seq)
    return AnchorTrouble.NONE if same else AnchorTrouble.BEHIND


class Anchor:
    """One till's anchor while it runs. Belongs to the thread of its journal."""

    def __init__(self, place: AnchorPlace, journal: Journal, *, epoch: int) -> None:
        self._place, self._journal, self._epoch = place, journal, epoch
        self._written_ms: int | None = None
        self.trouble, self._record = _read(place, journal)
        self._strange = self.trouble in _STRANGE and journal.head.seq > 0

    @property
    def holds(self) -> bool:
        return self.trouble is AnchorTrouble.NONE

    @property
    def floor_oseq(self) -> int:
        """A number of this epoch that was used for certain; the next is higher, whatever the journal says."""
        return self._record.oseq if self._record is not None and self._record.epoch == self._epoch else 0

    @property
    def floor_release(self) -> int:
        return self._record.release if self._record is not None and self._record.epoch == self._epoch else 0

    def agreed(self, *, now_ms: int) -> None:
        """The gateway holds the same chain as this journal: whatever was in doubt is settled."""
        if self.holds:
            return
        try:
            oseq = self._far_above() if self._strange else 0
        except SyncError:
            return  # the journal's disk is in trouble as well: at the next event
        self._write(now_ms, oseq=oseq)
        self._strange = self._strange and not self.holds

    def _far_above(self) -> int:
        used = self._journal.offline_book(epoch=self._epoch, since_ms=0).last_oseq
        return max(used, self.floor_oseq) + APART

    def forked(self, *, now_ms: int) -> None:
        """The gateway holds another chain: kept, so that a restart without the line does not forget it."""
        if self.trouble is AnchorTrouble.FORKED:
            return
        self._write(now_ms, void=True)
        self.trouble = AnchorTrouble.FORKED

    def keep(self, *, now_ms: int, oseq: int = 0, release: int = 0) -> None:
        """Writes how far the journal is. Trouble from here on when it cannot be written."""
        if self.holds:
            self._write(now_ms, oseq=oseq, release=release)

    def keep_sometimes(self, *, now_ms: int, idle: bool) -> None:
        """The same for ordinary entries: not often, and not while a payment is open if that can be."""
        if not self.holds or self._record is None or self._record.seq == self._journal.head.seq:
            return
        lag_ms = LAG_MS if idle else LONGEST_LAG_MS
        if self._written_ms is None or now_ms - self._written_ms >= lag_ms:
            self._write(now_ms)

    def _write(self, now_ms: int, *, oseq: int = 0, release: int = 0, void: bool = False) -> None:
        head = self._journal.head
        try:
            record = AnchorRecord(
                machine=self._place.machine(),
                epoch=self._epoch,
                seq=head.seq,
                head=head.hash,
                oseq=max(oseq, self.floor_oseq),
                release=max(release, self.floor_release),
                void=void,
            )
            self._place.write(record)
        except OSError:
            self.trouble = AnchorTrouble.UNREADABLE
            return
        self._record, self._written_ms = record, now_ms
        self.trouble = AnchorTrouble.NONE
