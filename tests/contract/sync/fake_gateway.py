"""A gateway small enough to read at once, with a real signature and scripted wickedness, as an `Exchange`."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct, structs

from protocol.chain import first_break, genesis
from protocol.messages import (
    AckRequest,
    CancelRequest,
    JournalAnswer,
    JournalEntry,
    JournalUpload,
    PaymentRequest,
    PaymentStatus,
    Presented,
    Problem,
    Proof,
    decode,
    encode,
)
from protocol.numbers import PaymentNo, read_payment_no
from protocol.reasons import Reason
from protocol.signature import (
    RequestParts,
    ResponseParts,
    SignatureRefusal,
    read_journal_header,
    sign_response,
    verify_request,
    within_window,
)
from protocol.states import GatewayState, ProofKind
from sync.link.exchange import NoAnswer, NotSent, Timeouts

TILL_KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
GATEWAY_KEY = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
STRANGER_KEY = Ed25519PrivateKey.from_private_bytes(b"\x03" * 32)
TERMINAL_ID = "T000000000001"
GATEWAY_KID = "G1"
START_MS = 1_790_000_000_000


class Fault(StrEnum):
    """What happens to one exchange."""

    NONE = "none"
    NOT_SENT = "not_sent"
    REQUEST_LOST = "request_lost"
    ANSWER_LOST = "answer_lost"
    HTML = "html"
    BAD_GATEWAY = "bad_gateway"
    CUT_BODY = "cut_body"
    UNSIGNED = "unsigned"
    WRONG_KEY = "wrong_key"
    OTHER_REQUEST = "other_request"
    OTHER_AMOUNT = "other_amount"
    OTHER_PAYMENT = "other_payment"
    OTHER_TERMINAL = "other_terminal"
    NO_PROOF = "no_proof"
    INTERNAL = "internal"


def kind_of(request: RequestParts) -> str:
    """pay, query, cancel, ack or journal."""
    if request.path == "/v1/journal":
        return "journal"
    if request.path == "/v1/payments":
        return "pay"
    last = request.path.rsplit("/", 1)[1]
    return last if last in ("cancel", "ack") else "query"


def _till_key(keyid: str) -> Ed25519PublicKey | None:
    return TILL_KEY.public_key() if keyid == TERMINAL_ID else None


@dataclass
class FakeGateway:
    """`wallet` decides what a new payment becomes at once; `settle` changes one later."""

    now_ms: Callable[[], int]
    find_key: Callable[[str], Ed25519PublicKey | None] = _till_key
    wallet: Callable[[PaymentRequest], GatewayState] = lambda _: GatewayState.SENT
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    delay_ms: dict[str, int] = field(default_factory=dict[str, int])
    statuses: dict[str, PaymentStatus] = field(default_factory=dict[str, PaymentStatus])
    contents: dict[str, PaymentRequest] = field(default_factory=dict[str, PaymentRequest])
    seen: list[tuple[str, RequestParts]] = field(default_factory=list[tuple[str, RequestParts]])
    acked: dict[str, int] = field(default_factory=dict[str, int])
    codes: list[str] = field(default_factory=list[str])
    entries: list[JournalEntry] = field(default_factory=list[JournalEntry])
    refuse_all: Reason | None = None
    refuse_journal: Reason | None = None
    down: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.seen if kind != "journal"]

    # --- what the outside does to it ------------------------------------------------------------------------------

    def settle(self, payment_no: str, state: GatewayState, *, proof: ProofKind | None = None) -> None:
        self.change(
            payment_no,
            state=state,
            proof=None if proof is None else Proof(kind=proof, said_by="alipay", at_ms=self.now_ms()),
            reason=Reason.PAID if state is GatewayState.PAID else Reason.DECLINED,
        )

    def change(self, payment_no: str, **fields: object) -> None:
        status = self.statuses[payment_no]
        fields = {"state_seq": status.state_seq + 1, **fields}
        self.statuses[payment_no] = structs.replace(status, **fields)
        self.changed.set()
        self.changed = asyncio.Event()

    # --- the exchange ---------------------------------------------------------------------------------------------

    async def __call__(
        self, base_url: str, request: RequestParts, timeouts: Timeouts
    ) -> ResponseParts | NotSent | NoAnswer:
        kind = kind_of(request)
        fault = self.faults[kind].popleft() if self.faults[kind] else Fault.NONE
        if self.down or fault is Fault.NOT_SENT:
            return NotSent(detail="refused")
        if fault is Fault.REQUEST_LOST:
            await asyncio.sleep(timeouts.read_ms / 1000)
            return NoAnswer(detail="timeout")
        await asyncio.sleep(self.delay_ms.get(kind, 20) / 1000)
        self.seen.append((kind, request))
        status, message = await self._answer(kind, request)
        if fault is Fault.ANSWER_LOST:
            await asyncio.sleep(timeouts.read_ms / 1000)
            return NoAnswer(detail="timeout")
        return self._dressed(fault, request, status, message)

    def _dressed(self, fault: Fault, request: RequestParts, status: int, message: Struct) -> ResponseParts:
        if fault is Fault.HTML:
            return ResponseParts(status=200, headers={"content-type": "text/html"}, body=b"<html>Log in</html>")
        if fault is Fault.BAD_GATEWAY:
            return ResponseParts(status=502, headers={"content-type": "text/html"}, body=b"<html>502</html>")
        if fault is Fault.INTERNAL:
            status, message = 500, self._problem(Reason.INTERNAL, 500)
        if isinstance(message, PaymentStatus):
            match fault:
                case Fault.OTHER_AMOUNT:
                    message = structs.replace(message, amount_fen=message.amount_fen + 1)
                case Fault.OTHER_PAYMENT:
                    message = structs.replace(
                        message, n=message.n + 1, payment_no=f"{message.order_no}-{message.n + 1}"
                    )
                case Fault.OTHER_TERMINAL:
                    message = structs.replace(message, terminal_id="T000000000002")
                case Fault.NO_PROOF:
                    message = structs.replace(message, state=GatewayState.NOT_PAID, proof=None)
                case _:
                    pass
        body = encode(message)
        plain = ResponseParts(status=status, headers={"content-type": "application/json"}, body=body)
        if fault is Fault.UNSIGNED:
            return plain
        about = request
        if fault is Fault.OTHER_REQUEST:
            about = replace(request, path=request.path + "x")
        headers = sign_response(
            plain,
            request=about,
            key=STRANGER_KEY if fault is Fault.WRONG_KEY else GATEWAY_KEY,
            keyid=GATEWAY_KID,
            created_s=self.now_ms() // 1000,
            nonce=b"n" * 16,
        )
        cut = body[: len(body) // 2] if fault is Fault.CUT_BODY else body
        return ResponseParts(status=status, headers=headers, body=cut)

    def _problem(self, reason: Reason, status: int) -> Problem:
        return Problem(type="about:blank", title=reason, status=status, reason=reason, server_time_ms=self.now_ms())

    async def _answer(self, kind: str, request: RequestParts) -> tuple[int, Struct]:
        verified = verify_request(request, find_key=self.find_key)
        assert not isinstance(verified, SignatureRefusal), f"the till signs what it sends: {verified}"
        known = kind in ("query", "cancel", "ack") or (
            kind == "pay" and decode(PaymentRequest, request.body).payment_no in self.statuses
        )
        if not known and not within_window(verified, now_s=self.now_ms() // 1000):
            return 401, self._problem(Reason.CLOCK, 401)
        if self.refuse_all is not None:
            return 403, self._problem(self.refuse_all, 403)
        if request.body:
            assert read_journal_header(request.headers["guitai-journal"]) is not None
        match kind:
            case "journal":
                return self._journal(decode(JournalUpload, request.body))
            case "pay":
                return self._pay(decode(PaymentRequest, request.body))
            case "query":
                return await self._query(request)
            case "cancel":
                return self._cancel(request)
            case _:
                return self._ack(request)

    def _pay(self, asked: PaymentRequest) -> tuple[int, Struct]:
        if asked.auth_code is not None:
            self.codes.append(asked.auth_code.reveal())
        plain = structs.replace(asked, auth_code=None)
        known = self.statuses.get(asked.payment_no)
        if known is not None:
            before = self.contents.get(asked.payment_no)
            if before is not None and before != plain:
                return 409, self._problem(Reason.CONTENT_DIFFERS, 409)
            return 200, self._now(known)
        number = read_payment_no(asked.payment_no)
        assert number is not None
        for other in self.statuses.values():
            if other.order_no == number.order_no and other.state is not GatewayState.NOT_PAID:
                return 409, self._problem(Reason.ORDER_OPEN, 409)
        self.contents[asked.payment_no] = plain
        if asked.expires < self.now_ms():
            return 200, self._tombstone(number, asked.amount_fen, asked.presented)
        state = self.wallet(asked)
        declined = Proof(kind=ProofKind.DECLINED, said_by="alipay", at_ms=self.now_ms())
        self.statuses[asked.payment_no] = PaymentStatus(
            terminal_id=TERMINAL_ID,
            order_no=number.order_no,
            n=number.n,
            payment_no=asked.payment_no,
            amount_fen=asked.amount_fen,
            currency="CNY",
            presented=asked.presented,
            state=state,
            state_seq=1,
            server_time_ms=self.now_ms(),
            channel="alipay",
            qr="https://pay/q" if asked.presented is Presented.MERCHANT else None,
            proof=declined if state is GatewayState.NOT_PAID else None,
            reason=Reason.BALANCE_LOW if state is GatewayState.NOT_PAID else None,
        )
        return 200, self._now(self.statuses[asked.payment_no])

    def _tombstone(self, number: PaymentNo, amount_fen: int, presented: Presented) -> PaymentStatus:
        self.statuses[str(number)] = PaymentStatus(
            terminal_id=TERMINAL_ID,
            order_no=number.order_no,
            n=number.n,
            payment_no=str(number),
            amount_fen=amount_fen,
            currency="CNY",
            presented=presented,
            state=GatewayState.NOT_PAID,
            state_seq=1,
            server_time_ms=self.now_ms(),
            cancel_requested=True,
            reason=Reason.CANCELLED,
            proof=Proof(kind=ProofKind.TOMBSTONE, said_by="gateway", at_ms=self.now_ms()),
        )
        return self._now(self.statuses[str(number)])

    def _now(self, status: PaymentStatus) -> PaymentStatus:
        return structs.replace(status, server_time_ms=self.now_ms())

    async def _query(self, request: RequestParts) -> tuple[int, Struct]:
        payment_no = request.path.rsplit("/", 1)[1]
        known = self.statuses.get(payment_no)
        if known is None:
            return 404, self._problem(Reason.UNKNOWN_PAYMENT, 404)
        wanted = dict(pair.split("=") for pair in request.query.split("&")) if request.query else {}
        until = self.now_ms() + int(wanted.get("wait", "0")) * 1000
        while self.statuses[payment_no].state_seq <= int(wanted.get("after", "-1")) and self.now_ms() < until:
            try:
                async with asyncio.timeout((until - self.now_ms()) / 1000):
                    await self.changed.wait()
            except TimeoutError:
                break
        return 200, self._now(self.statuses[payment_no])

    def _cancel(self, request: RequestParts) -> tuple[int, Struct]:
        payment_no = request.path.split("/")[-2]
        asked = decode(CancelRequest, request.body)
        number = read_payment_no(payment_no)
        assert number is not None
        known = self.statuses.get(payment_no)
        if known is None:
            return 200, self._tombstone(number, asked.amount_fen, Presented.CUSTOMER)
        if not known.state.final and not known.cancel_requested:
            self.change(payment_no, cancel_requested=True, state=GatewayState.REVERSING)
        return 200, self._now(self.statuses[payment_no])

    def _ack(self, request: RequestParts) -> tuple[int, Struct]:
        payment_no = request.path.split("/")[-2]
        asked = decode(AckRequest, request.body)
        status = self.statuses[payment_no]
        assert asked.state is status.state, "only what is so is acknowledged"
        self.acked[payment_no] = asked.state_seq
        return 200, self._now(status)

    def _journal(self, upload: JournalUpload) -> tuple[int, Struct]:
        if self.refuse_journal is not None and upload.entries:
            return 409, self._problem(self.refuse_journal, 409)
        new = [entry for entry in upload.entries if entry.seq > len(self.entries)]
        if new and new[0].seq != len(self.entries) + 1:
            return 409, self._problem(Reason.JOURNAL_GAP, 409)
        if first_break(self.head, len(self.entries), new) is not None:
            return 409, self._problem(Reason.JOURNAL_FORK, 409)
        self.entries.extend(new)
        return 200, JournalAnswer(accepted_through=len(self.entries), head=self.head, server_time_ms=self.now_ms())

    @property
    def head(self) -> str:
        return self.entries[-1].hash if self.entries else genesis(TERMINAL_ID)
