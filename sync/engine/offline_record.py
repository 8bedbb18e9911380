"""What the journal knows of an order that was shown as an offline QR: the fold of its statements, and of the kit.

Part of `PaymentRecord`: an offline order is payment 1 of an ordinary order.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from protocol.messages import CodeVerifier, OfflineKit, ProofKey
from protocol.offline.order import SignedOrder, read_order
from sync.engine.statements import (
    CodeTried,
    KitStored,
    OfflineParked,
    OfflineShown,
    ParkWhy,
    ProofTaken,
    StatusShown,
)

#: An offline QR is shown so long at most (SAFETY.md section 3, 1).
SHOWN_MS = 3 * 60_000
#: 3 tries for a typed code per order, 10 per shift.
ORDER_TRIES = 3
SHIFT_TRIES = 10


class TakenProof(Struct, frozen=True, kw_only=True):
    """The proof that settled it. `kid` None: a typed code."""

    paid: bool
    taken_at_ms: int
    operator: str
    kid: int | None
    at_s: int | None


class OfflinePart(Struct, frozen=True, kw_only=True):
    """The ORDER as text, and what became of it. `status`: it asks about a payment that was sent, it cannot be paid.

    `confirmed`: the gateway itself said the outcome over the line.
    """

    status: bool
    order: str
    epoch: int
    oseq: int
    kid: int
    base_url: str
    operator: str
    shown_at_ms: int
    until_ms: int
    down_ms: int | None
    release: int = 0
    verifier: str | None = None
    tries: int = 0
    parked: ParkWhy | None = None
    goods_handed: bool | None = None
    proof: TakenProof | None = None
    confirmed: bool = False

    @property
    def address(self) -> str:
        """What its QR holds."""
        return f"{self.base_url}/o/{self.order}"

    @property
    def signed(self) -> SignedOrder | None:
        return read_order(self.order)

    @property
    def tries_left(self) -> int:
        """How often a code may be typed for it."""
        return max(0, ORDER_TRIES - self.tries) if self.release and self.verifier is not None else 0


def shown(statement: OfflineShown | StatusShown, *, at_ms: int) -> OfflinePart:
    """The part that an ORDER begins."""
    status = isinstance(statement, StatusShown)
    return OfflinePart(
        status=status,
        order=statement.order,
        epoch=statement.epoch,
        oseq=statement.oseq,
        kid=statement.kid,
        base_url=statement.base_url,
        operator=statement.operator,
        shown_at_ms=at_ms,
        until_ms=statement.until_ms,
        down_ms=statement.down_ms,
        release=0 if isinstance(statement, StatusShown) else statement.release,
        verifier=None if isinstance(statement, StatusShown) else statement.verifier,
    )


def part_may_follow(part: OfflinePart | None, statement: OfflineParked | CodeTried | ProofTaken) -> bool:
    """Whether a till can have said this of it: an ORDER is shown first, and one proof settles it."""
    return part is not None and not (isinstance(statement, ProofTaken) and part.proof is not None)


def fold_part(
    part: OfflinePart | None, statement: OfflineParked | CodeTried | ProofTaken, *, at_ms: int
) -> OfflinePart:
    """The part after one more statement."""
    assert part_may_follow(part, statement), f"nobody can say {type(statement).__name__} now"
    assert part is not None, "it follows an ORDER that was shown"
    match statement:
        case OfflineParked():
            return replace(part, parked=statement.why)
        case CodeTried():
            return replace(part, tries=part.tries + 1)
        case ProofTaken():
            taken = TakenProof(
                paid=statement.paid,
                taken_at_ms=at_ms,
                operator=statement.operator,
                kid=statement.kid,
                at_s=statement.at_s,
            )
            return replace(part, proof=taken)


class KitRecord(Struct, frozen=True, kw_only=True):
    """The newest kit, with verifiers that were held before it. `codes` is in order of index."""

    epoch: int
    base_url: str
    proof_keys: tuple[ProofKey, ...]
    codes: tuple[CodeVerifier, ...]
    order_limit_fen: int
    typed_order_limit_fen: int
    typed_shift_limit_fen: int
    fetched_at_ms: int

    def code(self, *, after: int) -> CodeVerifier | None:
        """The first verifier whose index was never used."""
        return next((code for code in self.codes if code.index > after), None)

    def key(self, kid: int) -> str | None:
        return next((key.public_key for key in self.proof_keys if key.kid == kid), None)


def fold_kit(before: KitRecord | None, statement: KitStored, *, used: int, at_ms: int) -> KitRecord:
    """The kit after a new one; verifiers up to index `used` are spent, those of another epoch are worth nothing."""
    kit: OfflineKit = statement.kit
    held = before.codes if before is not None and before.epoch == kit.epoch else ()
    codes = {code.index: code for code in (*kit.codes, *held) if code.index > used}
    return KitRecord(
        epoch=kit.epoch,
        base_url=kit.base_url,
        proof_keys=kit.proof_keys,
        codes=tuple(codes[index] for index in sorted(codes)),
        order_limit_fen=kit.order_limit_fen,
        typed_order_limit_fen=kit.typed_order_limit_fen,
        typed_shift_limit_fen=kit.typed_shift_limit_fen,
        fetched_at_ms=at_ms,
    )


class OfflineBook(Struct, frozen=True, kw_only=True):
    """What the journal has for the next offline order of one epoch: the last numbers that were used, the cancelled ones
    of the last 16, the order that is at the counter, and what was typed since the shift (or day) began."""

    kit: KitRecord | None = None
    last_oseq: int = 0
    last_release: int = 0
    cancelled: tuple[int, ...] = ()
    waiting: str | None = None
    typed_tries: int = 0
    typed_fen: int = 0
