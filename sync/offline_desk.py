"""The runner's edge of selling without the line: what the engine must be told of journal, device key and anchor, and
when the anchor is written. Decides nothing about money."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from protocol.keys import public_text
from protocol.offline.order import sign_order
from protocol.offline.proof import read_proof
from protocol.offline.typed_code import SlowHash, frees, read_code, verifier
from protocol.reasons import Reason
from sync.anchor import Anchor, AnchorPlace
from sync.engine.events import CashAsked, CashBackAsked, Event, Now, RefundAsked, StartAsked
from sync.engine.model import CommandRefused, ParkOffline, ProofView, ReadProof, ShowStatus, TypeCode
from sync.engine.offline_events import (
    CheckCode,
    CodeAsked,
    CodeChecked,
    Ground,
    OfflineAsked,
    ParkAsked,
    ProofAsked,
    StatusAsked,
)
from sync.engine.state import KitDesk
from sync.engine.statements import AnyStatement, CodeTried, OfflineShown, OrderShown, ProofTaken

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sync.delivery import Delivery
    from sync.journal.journal import Journal

#: What a person asked for: it is refused when the disk takes nothing, everything else waits.
COMMANDS: Final = (
    StartAsked, RefundAsked, CashAsked, CashBackAsked, OfflineAsked, StatusAsked, ParkAsked, ProofAsked, CodeAsked
)  # fmt: skip
WithoutLine = OfflineAsked | StatusAsked | ParkAsked | ProofAsked | CodeAsked
Asked = StartAsked | RefundAsked | CashAsked | CashBackAsked | WithoutLine

#: China has one zone; the tries and sums of typed codes count by its day.
_ZONE_MS: Final = 8 * 3_600_000
_DAY_MS: Final = 86_400_000


class OfflineMeans(Struct, frozen=True, kw_only=True):
    """What selling without the line needs of the device: the key that signs ORDERs, and the anchor's place.
    `slow_hash` makes of a typed code what its verifier is compared with."""

    epoch: int
    key: Ed25519PrivateKey
    anchor: AnchorPlace
    slow_hash: SlowHash = verifier


def asked(command: ShowStatus | ParkOffline | ReadProof | TypeCode) -> Event:
    """The event of a command that needs no fresh number."""
    match command:
        case ShowStatus():
            return StatusAsked(command=command)
        case ParkOffline():
            return ParkAsked(command=command)
        case ReadProof():
            return ProofAsked(command=command)
        case TypeCode():
            return CodeAsked(command=command)
        case _:
            assert_never(command)


def refusal_of(event: Asked, reason: Reason) -> CommandRefused | ProofView:
    """Nothing came of the command. A proof that the journal's guard refuses was taken before."""
    match event:
        case ProofAsked() | CodeAsked():
            used = Reason.PROOF_USED if reason is Reason.ORDER_OPEN else reason
            typed = isinstance(event, CodeAsked)
            return ProofView(request_id=event.command.request_id, accepted=False, reason=used, typed=typed)
        case ParkAsked():
            return CommandRefused(request_id=event.command.payment_no, reason=reason)
        case StartAsked() | RefundAsked() | CashAsked() | CashBackAsked() | OfflineAsked() | StatusAsked():
            return CommandRefused(request_id=event.command.request_id, reason=reason)
        case _:
            assert_never(event)


class OfflineDesk:
    """See the module. Belongs to the thread of its journal."""

    def __init__(self, means: OfflineMeans, journal: Journal, terminal_id: str, at_ms: Callable[[], int]) -> None:
        self._means, self._journal, self._terminal_id, self._at_ms = means, journal, terminal_id, at_ms
        self.anchor = Anchor(means.anchor, journal, epoch=means.epoch)

    def kit(self) -> KitDesk:
        """What is held at the start of the program."""
        book = self._journal.offline_book(epoch=self._means.epoch, since_ms=0)
        used = max(book.last_release, self.anchor.floor_release)
        kit = book.kit if book.kit is not None and book.kit.epoch == self._means.epoch else None
        left = () if kit is None else tuple(code.index for code in kit.codes if code.index > used)
        return KitDesk(
            epoch=self._means.epoch,
            offline_key=public_text(self._means.key),
            first=max((used, *left)) + 1,
            held=len(left),
            fetched_at_ms=None if kit is None else kit.fetched_at_ms,
        )

    def completed(self, event: Event) -> Event:
        """A command with what only journal, key and anchor know."""
        match event:
            case OfflineAsked(command=command):
                last = None if command.order_no is None else self._journal.last_of_order(command.order_no)
                covered = last is not None and self._journal.cash_covers(last.sale_id)
                late = last is not None and any(record.late_here for record in self._journal.of_sale(last.sale_id))
                return replace(event, last=last, cash_covers=covered, late_here=late, ground=self._ground())
            case StatusAsked():
                return replace(event, ground=self._ground())
            case CodeAsked(command=command):
                return replace(event, known=self._journal.payment(command.payment_no), ground=self._ground())
            case CodeChecked():
                return replace(event, ground=self._ground())
            case ProofAsked(command=command):
                found = read_proof(command.text)
                if found is None:
                    return replace(event, ground=self._ground())
                order_no = found.proof.order_no
                return replace(
                    event,
                    last=self._journal.last_of_order(order_no),
                    known=self._journal.shown_of_order(order_no),
                    ground=self._ground(),
                )
            case _:
                return event

    def check(self, effect: CheckCode) -> CodeChecked:
        """Compares a typed code with its verifier; the try is durable."""
        code = read_code(effect.code.reveal())
        right = code is not None and frees(
            code,
            effect.verifier,
            terminal_id=self._terminal_id,
            epoch=effect.epoch,
            index=effect.release,
            slow_hash=self._means.slow_hash,
        )
        return CodeChecked(
            request_id=effect.request_id, payment_no=effect.payment_no, operator=effect.operator, right=right
        )

    def _ground(self) -> Ground:
        at_ms = self._at_ms()
        day_ms = at_ms - (at_ms + _ZONE_MS) % _DAY_MS
        return Ground(
            epoch=self._means.epoch,
            book=self._journal.offline_book(epoch=self._means.epoch, since_ms=day_ms),
            sign=partial(sign_order, key=self._means.key),
            floor_oseq=self.anchor.floor_oseq,
            floor_release=self.anchor.floor_release,
            anchored=self.anchor.holds,
        )

    def committed(self, statements: Sequence[AnyStatement], now: Now) -> None:
        """Before anybody sees the effect of an offline entry, the anchor has it."""
        shown = [said for said in statements if isinstance(said, OrderShown)]
        if shown or any(isinstance(said, (ProofTaken, CodeTried)) for said in statements):
            self.anchor.keep(
                now_ms=now.mono_ms,
                oseq=max((said.oseq for said in shown), default=0),
                release=max((said.release for said in shown if isinstance(said, OfflineShown)), default=0),
            )

    def upkeep(self, delivery: Delivery, now: Now, *, idle: bool) -> None:
        """What the delivery heard about the chain, and the anchor's ordinary pace."""
        if delivery.stopped is Reason.JOURNAL_FORK:
            self.anchor.forked(now_ms=now.mono_ms)
        elif delivery.agreed:
            self.anchor.agreed(now_ms=now.mono_ms)
        self.anchor.keep_sometimes(now_ms=now.mono_ms, idle=idle)

    def leave(self, now: Now) -> None:
        """The program ends: the anchor is where the journal is."""
        self.anchor.keep(now_ms=now.mono_ms)
