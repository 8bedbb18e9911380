"""A till that can sell without its line, in front of a fake gateway that signs proofs with a test's key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from proof.virtual_time import VirtualTimeLoop, run_virtual
from protocol.keys import public_text
from protocol.messages import CodeVerifier, OfflineKit, OfflineKitRequest, PaymentStatus, Presented, ProofKey
from protocol.money import Money
from protocol.offline.order import SignedOrder, read_order
from protocol.offline.proof import OfflineProof, ProofType, sign_proof
from protocol.offline.typed_code import derive_code, verifier
from protocol.secret import Secret
from protocol.states import GatewayState, TerminalState
from sync.anchor import AnchorRecord
from sync.engine.model import (
    CancelPayment,
    Line,
    ParkOffline,
    PaymentView,
    ProofView,
    Published,
    ReadProof,
    ShowOffline,
    ShowStatus,
    TypeCode,
)
from sync.engine.statements import ParkWhy
from sync.offline_desk import OfflineMeans
from tests.contract.sync.counter import Counter
from tests.contract.sync.fake_gateway import TERMINAL_ID

PROOF_KEY = Ed25519PrivateKey.from_private_bytes(b"\x04" * 32)
ORDER_KEY = Ed25519PrivateKey.from_private_bytes(b"\x05" * 32)
CODE_KEY = b"\x06" * 32


class PaperAnchor:
    """An anchor on this test's paper; `broken` is a place that cannot be written."""

    def __init__(self) -> None:
        self.record: AnchorRecord | None = None
        self.name = "this machine"
        self.broken = False
        self.writes = 0

    def read(self) -> AnchorRecord | None:
        return self.record

    def write(self, record: AnchorRecord) -> None:
        if self.broken:
            raise OSError("no place")
        self.writes += 1
        self.record = replace(record)

    def machine(self) -> str:
        return self.name


def code_of(index: int, *, epoch: int = 1) -> str:
    return derive_code(CODE_KEY, terminal_id=TERMINAL_ID, epoch=epoch, index=index)


class OfflineCounter(Counter):
    """`anchor` outlives restarts, as the user's state folder does."""

    def __init__(self, folder: Path, loop: VirtualTimeLoop, *, wall_error_ms: int = 0) -> None:
        super().__init__(folder, loop, wall_error_ms=wall_error_ms)
        self.anchor = PaperAnchor()
        self.epoch = 1
        self.order_key = ORDER_KEY
        self.kits: list[OfflineKitRequest] = []
        self.proof_keys: tuple[ProofKey, ...] = (ProofKey(kid=1, public_key=public_text(PROOF_KEY)),)
        self.most_codes = 3
        self.gateway.kit = self.kit
        self.watch: Callable[[Published], None] | None = None

    def _hear(self, view: Published) -> None:
        if self.watch is not None:
            self.watch(view)
        super()._hear(view)

    def offline_means(self) -> OfflineMeans | None:
        return OfflineMeans(epoch=self.epoch, key=self.order_key, anchor=self.anchor)

    def kit(self, asked: OfflineKitRequest) -> OfflineKit:
        """A few real verifiers (each is slow on purpose), and the rest filled up."""
        self.kits.append(asked)
        indices = range(asked.first, asked.first + asked.wanted)
        return OfflineKit(
            epoch=self.epoch,
            base_url="https://pay.test",
            proof_keys=self.proof_keys,
            codes=tuple(CodeVerifier(index=i, verifier=self._verifier(i)) for i in indices),
            order_limit_fen=500_000,
            typed_order_limit_fen=50_000,
            typed_shift_limit_fen=300_000,
            server_time_ms=self.gateway_clock.wall_ms(),
        )

    def _verifier(self, index: int) -> str:
        if index > self.most_codes:
            return f"{index:032x}"
        code = code_of(index, epoch=self.epoch)
        return verifier(code, terminal_id=TERMINAL_ID, epoch=self.epoch, index=index)

    # --- the cashier ------------------------------------------------------------------------------------------------

    async def ready(self) -> None:
        """The line is up, the kit is there, the gateway agreed to the chain."""
        await self.up()
        await self.until(lambda: bool(self.kits))
        await self.settle()

    async def settle(self, seconds: float = 12) -> None:
        """Some heartbeats go by."""
        await asyncio.sleep(seconds)

    async def next_day(self) -> None:
        """The shop was closed over night."""
        await self.crash()
        await asyncio.sleep(24 * 3_600)
        await self.open()
        await self.up()
        await self.settle()

    async def lose_line(self) -> None:
        self.gateway.down = True
        await self.until(lambda: self.link is not None and self.link.line is Line.DOWN)

    async def line_returns(self) -> None:
        self.gateway.down = False
        await self.until(lambda: self.link is not None and self.link.line is Line.UP)

    def show_offline(self, fen: int = 1250, *, order_no: str | None = None) -> str:
        self._asked += 1
        request_id = f"R{self._asked}"
        self.runner.submit(
            ShowOffline(
                request_id=request_id,
                order_no=order_no,
                amount=Money(fen),
                subject="tea",
                operator="01",
                shown_at_ms=self.clock.mono_ms(),
            )
        )
        return request_id

    async def shown(self, fen: int = 1250) -> PaymentView:
        return await self.view(self.show_offline(fen), TerminalState.AWAITING_PROOF)

    def show_status(self, payment_no: str) -> None:
        self.runner.submit(ShowStatus(request_id=f"Q{payment_no}", payment_no=payment_no, operator="01"))

    def park(self, payment_no: str) -> None:
        self.runner.submit(ParkOffline(payment_no=payment_no, why=ParkWhy.LEFT, operator="01"))

    def cancel_offline(self, payment_no: str, *, goods_handed: bool) -> None:
        self.runner.submit(CancelPayment(payment_no=payment_no, operator="01", goods_handed=goods_handed))

    async def read(self, text: str) -> ProofView:
        return await self._worth(lambda no: ReadProof(request_id=no, text=text, operator="01"))

    async def type_code(self, payment_no: str, code: str) -> ProofView:
        return await self._worth(
            lambda no: TypeCode(request_id=no, payment_no=payment_no, code=Secret(code), operator="01")
        )

    async def _worth(self, command: Callable[[str], ReadProof | TypeCode]) -> ProofView:
        self._asked += 1
        request_id = f"P{self._asked}"
        self.runner.submit(command(request_id))
        await self.until(lambda: bool(self.worths(request_id)))
        return self.worths(request_id)[0]

    def worths(self, request_id: str) -> list[ProofView]:
        return [v for v in self.heard if isinstance(v, ProofView) and v.request_id == request_id]

    # --- the customer and the gateway -------------------------------------------------------------------------------

    def proof_of(self, view: PaymentView, kind: ProofType = ProofType.PAID, *, kid: int = 1) -> str:
        paid = kind is ProofType.PAID
        proof = OfflineProof(
            type=kind,
            kid=kid,
            order_no=view.order_no,
            at_s=self.gateway_clock.wall_ms() // 1000,
            channel="wechat" if paid else None,
            tail="0042" if paid else None,
        )
        return sign_proof(proof, PROOF_KEY, order_digest=order_of(view).digest).text

    def scanned(self, view: PaymentView, state: GatewayState = GatewayState.PAID) -> None:
        """A customer's phone brought the order to the gateway, and this is what it became."""
        self.gateway.statuses[view.payment_no] = PaymentStatus(
            terminal_id=TERMINAL_ID,
            order_no=view.order_no,
            n=view.n,
            payment_no=view.payment_no,
            amount_fen=view.amount.fen,
            currency="CNY",
            presented=Presented.MERCHANT,
            state=state,
            state_seq=3,
            server_time_ms=self.gateway_clock.wall_ms(),
            channel="wechat",
        )


def order_of(view: PaymentView) -> SignedOrder:
    """The ORDER in a shown QR, its signature checked as the gateway does."""
    assert view.offline is not None
    signed = read_order(view.offline.qr.rpartition("/")[2])
    assert signed is not None
    assert signed.signed_by(ORDER_KEY.public_key())
    return signed


def without_line(
    folder: Path, story: Callable[[OfflineCounter], Awaitable[None]], *, wall_error_ms: int = 0
) -> OfflineCounter:
    """Runs one story in virtual time and closes the till."""
    loop = VirtualTimeLoop()

    async def main() -> OfflineCounter:
        counter = OfflineCounter(folder, loop, wall_error_ms=wall_error_ms)
        await counter.open()
        await story(counter)
        await counter.close()
        return counter

    return run_virtual(main(), loop)
