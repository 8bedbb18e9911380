"""What goes into a step about selling without the line, and the one effect that comes out of it alone."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from protocol.offline.order import OfflineOrder, SignedOrder
from protocol.secret import Secret
from sync.engine.model import ParkOffline, ReadProof, ShowOffline, ShowStatus, TypeCode
from sync.engine.offline_record import OfflineBook
from sync.engine.record import PaymentRecord


class Ground(Struct, frozen=True, kw_only=True):
    """What only the journal, the device's keys and the anchor know of selling without the line.

    `floor_oseq` and `floor_release` were used for certain, whatever the journal says; `anchored` False: this journal
    may be a copy, or an old one. `sign` makes the ORDER's bytes; it needs no chance.
    """

    epoch: int
    book: OfflineBook
    sign: Callable[[OfflineOrder], SignedOrder]
    floor_oseq: int = 0
    floor_release: int = 0
    anchored: bool = True


class OfflineAsked(Struct, frozen=True, kw_only=True):
    """The command, fresh numbers for it, the last payment of the order before it, and whether cash covers its sale or
    late money of it is here. `ground` None: this till sells over the line only."""

    command: ShowOffline
    new_sale_id: str
    new_order_no: str
    last: PaymentRecord | None = None
    cash_covers: bool = False
    late_here: bool = False
    ground: Ground | None = None


class StatusAsked(Struct, frozen=True, kw_only=True):
    command: ShowStatus
    known: PaymentRecord | None = None
    ground: Ground | None = None


class ParkAsked(Struct, frozen=True, kw_only=True):
    command: ParkOffline


class ProofAsked(Struct, frozen=True, kw_only=True):
    """The command, and what the journal has of the order that the proof names: its last payment (None: no such order),
    and those that were shown as an ORDER."""

    command: ReadProof
    last: PaymentRecord | None = None
    known: tuple[PaymentRecord, ...] = ()
    ground: Ground | None = None


class CodeAsked(Struct, frozen=True, kw_only=True):
    command: TypeCode
    known: PaymentRecord | None = None
    ground: Ground | None = None


class CodeChecked(Struct, frozen=True, kw_only=True):
    """The try was journaled, then the code was compared; `ground` is that of now."""

    request_id: str
    payment_no: str
    operator: str
    right: bool
    ground: Ground | None = None


class CheckCode(Struct, frozen=True, kw_only=True):
    """The try is durable: compare the code with its verifier, which is slow on purpose, and say `CodeChecked`."""

    request_id: str
    payment_no: str
    operator: str
    code: Secret
    verifier: str
    epoch: int
    release: int
