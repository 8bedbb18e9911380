"""The engine by hand: events in, effects kept, a journal on paper. No loop, no disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs
from msgspec.structs import replace

from protocol.keys import public_text
from protocol.messages import CodeVerifier, PaymentStatus, Presented, Problem, Proof, ProofKey, RefundStatus
from protocol.money import Money
from protocol.numbers import new_number
from protocol.offline.order import sign_order
from protocol.offline.proof import OfflineProof, ProofType, read_proof, sign_proof
from protocol.offline.typed_code import derive_code
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import GatewayState, ProofKind, RefundState
from sync.engine.events import (
    AckCall,
    Answer,
    Append,
    CancelAsked,
    Effect,
    Event,
    KitCall,
    LineHeard,
    LineSilent,
    Now,
    Opened,
    PayCall,
    ProblemAnswer,
    Publish,
    RefundAnswer,
    RefundAsked,
    RefundCall,
    RefundQueryCall,
    Said,
    Send,
    SilentAnswer,
    StartAsked,
    StatusAnswer,
    StoreAckCall,
    StorePollCall,
    Wake,
    WakeAt,
)
from sync.engine.model import (
    CancelPayment,
    CommandRefused,
    PaymentView,
    ProofView,
    ReadProof,
    RefundView,
    ShowOffline,
    StartPayment,
    StartRefund,
    StorePaidView,
    TypeCode,
)
from sync.engine.offline_events import CheckCode, CodeAsked, CodeChecked, Ground, OfflineAsked, ProofAsked
from sync.engine.offline_record import KitRecord, OfflineBook
from sync.engine.record import PaymentRecord, fold
from sync.engine.refund_record import RefundRecord, fold_refund
from sync.engine.state import EngineState, restored
from sync.engine.statements import (
    AnyStatement,
    CashReturned,
    CashTaken,
    CodeTried,
    KitStored,
    RefundObserved,
    RefundRefused,
    RefundSettled,
    RefundStarted,
    Silence,
    StandingChanged,
    StorePaidHeard,
)
from sync.engine.step import step

TERMINAL = "T00000000000G"
T0_MS = 1_790_000_000_000
CODE = "280000000000012345"
#: The keys of a test's gateway and device, and a typed code that only this test's till believes.
PROOF_KEY = Ed25519PrivateKey.from_private_bytes(b"p" * 32)
ORDER_KEY = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
RIGHT_CODE = derive_code(b"k" * 32, terminal_id=TERMINAL, epoch=1, index=1)
KIT = KitRecord(
    epoch=1,
    base_url="https://pay.test",
    proof_keys=(ProofKey(kid=1, public_key=public_text(PROOF_KEY)),),
    codes=tuple(CodeVerifier(index=i, verifier=f"{i:032x}") for i in range(1, 65)),
    order_limit_fen=500_000,
    typed_order_limit_fen=50_000,
    typed_shift_limit_fen=300_000,
    fetched_at_ms=T0_MS,
)


def number(index: int) -> str:
    return new_number(index.to_bytes(15, "big"))


@dataclass
class Till:
    """Applies steps as the runner does: appends are durable, sends are noted as under way."""

    state: EngineState = field(default_factory=lambda: EngineState(terminal_id=TERMINAL))
    mono_ms: int = 1_000
    #: By so much the gateway's clock leapt.
    leapt_ms: int = 0
    #: By so much this computer slept.
    slept_ms: int = 0
    records: dict[str, PaymentRecord] = field(default_factory=dict[str, PaymentRecord])
    refunds: dict[str, RefundRecord] = field(default_factory=dict[str, RefundRecord])
    store: dict[int, StorePaidHeard] = field(default_factory=dict[int, StorePaidHeard])
    statements: list[AnyStatement] = field(default_factory=list[AnyStatement])
    under_way: dict[int, Send] = field(default_factory=dict[int, Send])
    views: list[PaymentView] = field(default_factory=list[PaymentView])
    refund_views: list[RefundView] = field(default_factory=list[RefundView])
    rings: list[StorePaidView] = field(default_factory=list[StorePaidView])
    refusals: list[CommandRefused] = field(default_factory=list[CommandRefused])
    proofs: list[ProofView] = field(default_factory=list[ProofView])
    kit: KitRecord | None = field(default_factory=lambda: KIT)
    effects: list[Effect] = field(default_factory=list[Effect])
    wake_ms: int | None = None
    numbers: int = 0

    def do(self, event: Event) -> list[Effect]:
        wall_ms = T0_MS + self.mono_ms + self.slept_ms
        now = Now(mono_ms=self.mono_ms, wall_ms=wall_ms, slept_ms=self.slept_ms)
        self.state, effects = step(self.state, event, now)
        self.effects = effects
        sent = False
        for effect in effects:
            match effect:
                case Append():
                    assert not sent, "what is sent was durable before"
                    self._append(effect.statement)
                case Send():
                    sent = True
                    self._check_journaled(effect)
                    self.under_way[effect.call_id] = effect
                case Publish():
                    self._hear(effect.view)
                case CheckCode():
                    pass
                case WakeAt():
                    self.wake_ms = effect.mono_ms
        for payment_no, live in self.state.payments.items():
            assert live.record == self.records[payment_no], "memory is what a restart would read"
        for refund_no, refund in self.state.refunds.items():
            assert refund.record == self.refunds[refund_no], "memory is what a restart would read"
        return effects

    def _check_journaled(self, send: Send) -> None:
        match send.call:
            case RefundCall() | RefundQueryCall() as call:
                assert call.refund_no in self.refunds, "journal before send"
            case StorePollCall() | KitCall():
                pass
            case StoreAckCall() as call:
                assert call.through in self.store, "journal before acknowledgement"
            case call:
                assert call.payment_no in self.records, "journal before send"

    def _hear(self, view: PaymentView | RefundView | StorePaidView | CommandRefused | ProofView) -> None:
        match view:
            case ProofView():
                self.proofs.append(view)
            case PaymentView():
                self.views.append(view)
            case RefundView():
                self.refund_views.append(view)
            case StorePaidView():
                self.rings.append(view)
            case CommandRefused():
                self.refusals.append(view)

    def _append(self, statement: AnyStatement) -> None:
        at_ms = self.mono_ms + T0_MS + self.slept_ms
        self.statements.append(statement)
        if isinstance(statement, StorePaidHeard):
            assert statement.seq not in self.store, "each ring is journaled once"
            self.store[statement.seq] = statement
            return
        assert not isinstance(statement, (CashTaken, CashReturned)), "cash is no part of these stories"
        if isinstance(statement, (KitStored, StandingChanged)):
            return
        before = self.records.get(statement.payment_no)
        self.records[statement.payment_no] = fold(before, statement, at_ms=at_ms)
        if isinstance(statement, (RefundStarted, RefundObserved, RefundRefused, RefundSettled)):
            refund = self.refunds.get(statement.refund_no)
            self.refunds[statement.refund_no] = fold_refund(refund, statement, at_ms=at_ms)

    # --- events by name ---------------------------------------------------------------------------------------------

    def up(self) -> None:
        self.do(LineHeard(server_time_ms=T0_MS + self.mono_ms + self.leapt_ms))

    def press(
        self, *, order_no: str | None = None, sale_id: str | None = None, fen: int = 1250, qr: bool = False
    ) -> StartAsked:
        """The command of a scan, with what the runner would bring along."""
        self.numbers += 1
        command = StartPayment(
            request_id=f"R{self.numbers}",
            sale_id=sale_id,
            order_no=order_no,
            amount=Money(fen),
            presented=Presented.MERCHANT if qr else Presented.CUSTOMER,
            auth_code=None if qr else Secret(CODE),
            subject="tea",
            operator="01",
            scanned_at_ms=self.mono_ms,
        )
        known = [r for r in self.records.values() if r.order_no == order_no]
        return StartAsked(
            command=command,
            new_sale_id=number(900_000 + self.numbers),
            new_order_no=number(self.numbers),
            last=max(known, key=lambda r: r.n, default=None),
        )

    def start(
        self, *, order_no: str | None = None, sale_id: str | None = None, fen: int = 1250, qr: bool = False
    ) -> str | None:
        """The payment number that was started, or None when it was refused or is held."""
        before = set(self.records)
        self.do(self.press(order_no=order_no, sale_id=sale_id, fen=fen, qr=qr))
        return next(iter(set(self.records) - before), None)

    def down(self) -> None:
        self.do(LineSilent(why=Silence.NOT_SENT))

    def ground(self, **fields: object) -> Ground:
        """What the runner would bring along: the book is read from paper."""
        parts = [record.offline for record in self.records.values() if record.offline is not None]
        waiting = (
            no
            for no, record in self.records.items()
            if record.offline is not None
            and not record.state.final
            and record.offline.parked is None
            and not record.cancel_intended
        )
        book = OfflineBook(
            kit=self.kit,
            last_oseq=max((part.oseq for part in parts), default=0),
            last_release=max((part.release for part in parts), default=0),
            cancelled=tuple(
                record.offline.oseq
                for record in self.records.values()
                if record.offline is not None and record.cancel_intended
            ),
            waiting=next(waiting, None),
            typed_tries=sum(isinstance(said, CodeTried) for said in self.statements),
            typed_fen=sum(
                record.amount.fen
                for record in self.records.values()
                if record.offline is not None and record.offline.proof is not None and record.offline.proof.kid is None
            ),
        )
        return replace(Ground(epoch=1, book=book, sign=partial(sign_order, key=ORDER_KEY)), **fields)

    def offline(self, *, fen: int = 1250, order_no: str | None = None, **ground: object) -> str | None:
        """The payment number of an order that was shown as an offline QR, or None when that was refused."""
        self.numbers += 1
        before = set(self.records)
        known = [r for r in self.records.values() if r.order_no == order_no]
        command = ShowOffline(
            request_id=f"R{self.numbers}",
            order_no=order_no,
            amount=Money(fen),
            subject="tea",
            operator="01",
            shown_at_ms=self.mono_ms,
        )
        self.do(
            OfflineAsked(
                command=command,
                new_sale_id=number(900_000 + self.numbers),
                new_order_no=number(self.numbers),
                last=max(known, key=lambda r: r.n, default=None),
                ground=self.ground(**ground),
            )
        )
        return next(iter(set(self.records) - before), None)

    def proof_of(self, payment_no: str, kind: ProofType = ProofType.PAID, *, kid: int = 1) -> str:
        """What the gateway would sign about that order, as the gun reads it."""
        record = self.records[payment_no]
        assert record.offline is not None
        signed = record.offline.signed
        assert signed is not None
        paid = kind is ProofType.PAID
        proof = OfflineProof(
            type=kind,
            kid=kid,
            order_no=record.order_no,
            at_s=(T0_MS + self.mono_ms) // 1000,
            channel="alipay" if paid else None,
            tail="3421" if paid else None,
        )
        return sign_proof(proof, PROOF_KEY, order_digest=signed.digest).text

    def read(self, text: str, **ground: object) -> ProofView:
        """Scans a proof; what it was worth."""
        found = read_proof(text)
        order_no = found.proof.order_no if found is not None else ""
        of_order = [record for record in self.records.values() if record.order_no == order_no]
        self.do(
            ProofAsked(
                command=ReadProof(request_id="P", text=text, operator="01"),
                last=max(of_order, key=lambda record: record.n, default=None),
                known=tuple(record for record in of_order if record.offline is not None),
                ground=self.ground(**ground),
            )
        )
        return self.proofs[-1]

    def type_code(self, payment_no: str, code: str, **ground: object) -> ProofView:
        """Types a code and lets the runner's comparison come back."""
        command = TypeCode(request_id="C", payment_no=payment_no, code=Secret(code), operator="01")
        known = self.records.get(payment_no)
        effects = self.do(CodeAsked(command=command, known=known, ground=self.ground(**ground)))
        for effect in effects:
            if isinstance(effect, CheckCode):
                assert isinstance(self.statements[-1], CodeTried), "a try is durable before it is checked"
                right = effect.code.reveal() == RIGHT_CODE
                self.code_checked(payment_no, right=right)
        return self.proofs[-1]

    def code_checked(self, payment_no: str, *, right: bool, **fields: object) -> ProofView:
        """The comparison came back."""
        ground = self.ground(**fields)
        self.do(CodeChecked(request_id="C", payment_no=payment_no, operator="01", right=right, ground=ground))
        return self.proofs[-1]

    def cancel(self, payment_no: str, *, goods_handed: bool | None = None) -> None:
        command = CancelPayment(payment_no=payment_no, operator="01", goods_handed=goods_handed)
        self.do(CancelAsked(command=command, known=self.records.get(payment_no)))

    def refund(self, order_no: str, *, fen: int = 100) -> str | None:
        """The refund number that was minted, or None when it was refused or is held."""
        self.numbers += 1
        before = set(self.refunds)
        known = [r for r in self.records.values() if r.order_no == order_no]
        command = StartRefund(
            request_id=f"R{self.numbers}", order_no=order_no, amount=Money(fen), note="sour", operator="01"
        )
        last = max(known, key=lambda r: r.n, default=None)
        self.do(RefundAsked(command=command, new_refund_no=number(500_000 + self.numbers), last=last))
        return next(iter(set(self.refunds) - before), None)

    def paid(self, *, fen: int = 1250) -> str:
        """A payment that was paid and acknowledged; its order number."""
        payment_no = self.start(fen=fen)
        assert payment_no is not None
        self.answer(self.only(PayCall), self.status(payment_no, GatewayState.PAID))
        self.answer(self.only(AckCall), self.status(payment_no, GatewayState.PAID))
        return payment_no.rpartition("-")[0]

    def refund_status(self, refund_no: str, state: RefundState, *, seq: int = 1, **fields: object) -> RefundAnswer:
        """A verified status about a refund, as the gateway would sign it."""
        record = self.refunds[refund_no]
        status = RefundStatus(
            terminal_id=TERMINAL,
            refund_no=refund_no,
            payment_no=record.payment_no,
            amount_fen=record.amount.fen,
            currency="CNY",
            state=state,
            state_seq=seq,
            server_time_ms=T0_MS + self.mono_ms + self.leapt_ms,
            refundable_fen=0,
            channel="alipay",
        )
        return RefundAnswer(status=structs.replace(status, **fields), said_by="G1")

    def answer(self, send: Send, answer: Answer) -> None:
        del self.under_way[send.call_id]
        self.do(Said(call_id=send.call_id, call=send.call, answer=answer))

    def wait(self, ms: int) -> None:
        self.mono_ms += ms
        self.do(Wake())

    def crash(self) -> None:
        """The process ends and starts again: paper stays, memory goes."""
        self.under_way.clear()
        refunds = tuple(record for record in self.refunds.values() if not record.state.final)
        self.state = restored(TERMINAL, tuple(self.records.values()), refunds, max(self.store, default=0))
        self.do(Opened())

    def calls(self, kind: type[object]) -> list[Send]:
        return [send for send in self.under_way.values() if isinstance(send.call, kind)]

    def only(self, kind: type[object]) -> Send:
        (send,) = self.calls(kind)
        return send

    def status(
        self,
        payment_no: str,
        state: GatewayState,
        *,
        seq: int = 1,
        proof: ProofKind | None = ProofKind.DECLINED,
        **fields: object,
    ) -> StatusAnswer:
        """A verified status about a payment, as the gateway would sign it."""
        record = self.records[payment_no]
        given = None
        if proof is not None and state is GatewayState.NOT_PAID:
            given = Proof(kind=proof, said_by="alipay", at_ms=T0_MS)
        status = PaymentStatus(
            terminal_id=TERMINAL,
            order_no=record.order_no,
            n=record.n,
            payment_no=payment_no,
            amount_fen=record.amount.fen,
            currency="CNY",
            presented=record.presented,
            state=state,
            state_seq=seq,
            server_time_ms=T0_MS + self.mono_ms + self.leapt_ms,
            proof=given,
        )
        return StatusAnswer(status=structs.replace(status, **fields), said_by="G1")

    def problem(self, reason: Reason, *, retry_after_ms: int | None = None) -> ProblemAnswer:
        found = Problem(
            type="about:blank",
            title="no",
            status=400,
            reason=reason,
            server_time_ms=T0_MS + self.mono_ms + self.leapt_ms,
            retry_after_ms=retry_after_ms,
        )
        return ProblemAnswer(problem=found, said_by="G1")


def silence(why: Silence = Silence.NO_ANSWER) -> SilentAnswer:
    return SilentAnswer(why=why)
