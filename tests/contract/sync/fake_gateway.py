"""A gateway small enough to read at once, with a real signature and scripted wickedness, as an `Exchange`."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct, structs
from msgspec.structs import replace

from protocol.chain import first_break, genesis
from protocol.messages import (
    AckRequest,
    CancelRequest,
    JournalAnswer,
    JournalEntry,
    JournalUpload,
    LateMoneyState,
    OfflineKit,
    OfflineKitRequest,
    PaymentRequest,
    PaymentStatus,
    Presented,
    Problem,
    Proof,
    RefundRequest,
    RefundStatus,
    StoreAckRequest,
    StorePaid,
    StorePaidAnswer,
    decode,
    encode,
)
from protocol.numbers import PaymentNo, new_number, read_payment_no
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
from protocol.states import GatewayState, ProofKind, RefundState
from sync.link.exchange import NoAnswer, NotSent, Timeouts

TILL_KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
GATEWAY_KEY = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
STRANGER_KEY = Ed25519PrivateKey.from_private_bytes(b"\x03" * 32)
TERMINAL_ID = "T00000000000G"
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
    """pay, query, cancel, ack, refunds, refund_query, store, store_ack, kit or journal."""
    if request.path == "/v1/journal":
        return "journal"
    if request.path == "/v1/payments":
        return "pay"
    if request.path.startswith("/v1/store/"):
        return "store_ack" if request.path.endswith("/ack") else "store"
    if request.path.startswith("/v1/refunds/"):
        return "refund_query"
    if request.path == "/v1/offline/kit":
        return "kit"
    last = request.path.rsplit("/", 1)[1]
    return last if last in ("cancel", "ack", "refunds") else "query"


def _query_of(request: RequestParts) -> dict[str, int]:
    return {name: int(value) for name, value in (pair.split("=") for pair in request.query.split("&"))}


def _till_key(keyid: str) -> Ed25519PublicKey | None:
    return TILL_KEY.public_key() if keyid == TERMINAL_ID else None


@dataclass
class FakeGateway:
    """`wallet` decides what a new payment becomes at once, `refunding` what a new refund does; `settle` and
    `settle_refund` change one later. `store` None: an older gateway that knows no static QR; `kit` None: nor offline
    orders. `stopped`: why new payments and kits of this terminal are refused."""

    now_ms: Callable[[], int]
    find_key: Callable[[str], Ed25519PublicKey | None] = _till_key
    wallet: Callable[[PaymentRequest], GatewayState] = lambda _: GatewayState.SENT
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    delay_ms: dict[str, int] = field(default_factory=dict[str, int])
    refunding: Callable[[RefundRequest], RefundState] = lambda _: RefundState.SENT
    refunds: dict[str, RefundStatus] = field(default_factory=dict[str, RefundStatus])
    store: list[StorePaid] | None = None
    kit: Callable[[OfflineKitRequest], OfflineKit] | None = None
    stopped: Reason | None = None
    store_acked: int = 0
    statuses: dict[str, PaymentStatus] = field(default_factory=dict[str, PaymentStatus])
    contents: dict[str, PaymentRequest] = field(default_factory=dict[str, PaymentRequest])
    seen: list[tuple[str, RequestParts]] = field(default_factory=list[tuple[str, RequestParts]])
    acked: dict[str, int] = field(default_factory=dict[str, int])
    codes: list[str] = field(default_factory=list[str])
    entries: list[JournalEntry] = field(default_factory=list[JournalEntry])
    refuse_all: Reason | None = None
    refuse_journal: Reason | None = None
    forks_seen: int = 0
    refuse_entry: Callable[[JournalEntry], Reason | None] = lambda _: None
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
        self._wake()

    def settle_refund(self, refund_no: str, state: RefundState, **fields: object) -> None:
        status = self.refunds[refund_no]
        changed = {"state": state, "state_seq": status.state_seq + 1, **fields}
        self.refunds[refund_no] = structs.replace(status, **changed)
        self._wake()

    def store_pays(self, fen: int, *, channel: str = "wechat") -> StorePaid:
        """Somebody paid at the store's static QR."""
        self.store = self.store or []
        seq = len(self.store) + 1
        paid = StorePaid(
            seq=seq, payment_no=f"{new_number(seq.to_bytes(15, 'big'))}-1", amount_fen=fen, paid_at_ms=self.now_ms(),
            channel=channel, transaction_tail="3421",
        )  # fmt: skip
        self.store.append(paid)
        self._wake()
        return paid

    def _wake(self) -> None:
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
        if isinstance(message, RefundStatus):
            match fault:
                case Fault.OTHER_AMOUNT:
                    message = structs.replace(message, amount_fen=message.amount_fen + 1)
                case Fault.OTHER_PAYMENT:
                    message = structs.replace(message, payment_no=f"{message.payment_no}1")
                case Fault.OTHER_TERMINAL:
                    message = structs.replace(message, terminal_id="T000000000002")
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
        known = (
            kind in ("query", "cancel", "ack", "refund_query", "store", "store_ack")
            or (kind == "pay" and decode(PaymentRequest, request.body).payment_no in self.statuses)
            or (kind == "refunds" and decode(RefundRequest, request.body).refund_no in self.refunds)
        )
        if not known and not within_window(verified, now_s=self.now_ms() // 1000):
            return 401, self._problem(Reason.CLOCK, 401)
        if self.refuse_all is not None:
            return 403, self._problem(self.refuse_all, 403)
        if request.body:
            # Whoever only asks whether somebody is there does not speak for the journal.
            place = request.headers.get("guitai-journal")
            assert read_journal_header(place or "") is not None or (place is None and kind == "journal")
        match kind:
            case "journal":
                return self._journal(decode(JournalUpload, request.body))
            case "pay":
                return self._pay(decode(PaymentRequest, request.body))
            case "query":
                return await self._query(request)
            case "cancel":
                return self._cancel(request)
            case "refunds":
                return self._refund(request)
            case "refund_query":
                return await self._refund_query(request)
            case "store":
                return await self._store(request)
            case "store_ack":
                return self._store_ack(request)
            case "kit":
                return self._kit(request)
            case _:
                return self._ack(request)

    def _kit(self, request: RequestParts) -> tuple[int, Struct]:
        if self.stopped is not None:
            return 403, self._problem(self.stopped, 403)
        if self.kit is None:
            return 404, self._problem(Reason.UNKNOWN_PATH, 404)
        return 200, self.kit(decode(OfflineKitRequest, request.body))

    def _pay(self, asked: PaymentRequest) -> tuple[int, Struct]:
        if self.stopped is not None and asked.payment_no not in self.statuses:
            return 403, self._problem(self.stopped, 403)
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
            late = other.late_money is not None and other.late_money.state is LateMoneyState.FOUND
            if other.order_no == number.order_no and (late or other.state is not GatewayState.NOT_PAID):
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

    def _refund(self, request: RequestParts) -> tuple[int, Struct]:
        payment_no = request.path.split("/")[-2]
        asked = decode(RefundRequest, request.body)
        known = self.refunds.get(asked.refund_no)
        if known is not None:
            if (known.payment_no, known.amount_fen) != (payment_no, asked.amount_fen):
                return 409, self._problem(Reason.CONTENT_DIFFERS, 409)
            return 200, structs.replace(known, server_time_ms=self.now_ms())
        payment = self.statuses.get(payment_no)
        if payment is None:
            return 404, self._problem(Reason.UNKNOWN_PAYMENT, 404)
        if payment.state is not GatewayState.PAID:
            return 409, self._problem(Reason.PAYMENT_NOT_PAID, 409)
        reserved = sum(
            refund.amount_fen
            for refund in self.refunds.values()
            if refund.payment_no == payment_no and refund.state is not RefundState.FAILED
        )
        left = payment.amount_fen - reserved - asked.amount_fen
        if left < 0:
            problem = self._problem(Reason.REFUND_EXCEEDS, 409)
            return 409, structs.replace(problem, refundable_fen=max(0, payment.amount_fen - reserved))
        self.refunds[asked.refund_no] = RefundStatus(
            terminal_id=TERMINAL_ID,
            refund_no=asked.refund_no,
            payment_no=payment_no,
            amount_fen=asked.amount_fen,
            currency="CNY",
            state=self.refunding(asked),
            state_seq=1,
            server_time_ms=self.now_ms(),
            refundable_fen=left,
            channel=payment.channel,
        )
        return 200, self.refunds[asked.refund_no]

    async def _refund_query(self, request: RequestParts) -> tuple[int, Struct]:
        refund_no = request.path.rsplit("/", 1)[1]
        if refund_no not in self.refunds:
            return 404, self._problem(Reason.UNKNOWN_REFUND, 404)
        wanted = _query_of(request)
        await self._until(lambda: self.refunds[refund_no].state_seq > wanted["after"], wanted["wait"])
        return 200, structs.replace(self.refunds[refund_no], server_time_ms=self.now_ms())

    async def _store(self, request: RequestParts) -> tuple[int, Struct]:
        if self.store is None:
            return 404, self._problem(Reason.UNKNOWN_PATH, 404)
        wanted = _query_of(request)
        after = wanted.get("after", self.store_acked)
        await self._until(lambda: len(self.store or ()) > after, wanted["wait"])
        paid = tuple(one for one in self.store or () if one.seq > after)
        return 200, StorePaidAnswer(paid=paid, last=len(self.store or ()), server_time_ms=self.now_ms())

    def _store_ack(self, request: RequestParts) -> tuple[int, Struct]:
        through = decode(StoreAckRequest, request.body).through
        assert through <= len(self.store or ()), "only what there is is acknowledged"
        self.store_acked = max(self.store_acked, through)
        return 200, StorePaidAnswer(paid=(), last=through, server_time_ms=self.now_ms())

    async def _until(self, found: Callable[[], bool], wait_s: int) -> None:
        until = self.now_ms() + wait_s * 1000
        while not found() and self.now_ms() < until:
            try:
                async with asyncio.timeout((until - self.now_ms()) / 1000):
                    await self.changed.wait()
            except TimeoutError:
                break

    def _journal(self, upload: JournalUpload) -> tuple[int, Struct]:
        if self.refuse_journal is not None and upload.entries:
            return 409, self._problem(self.refuse_journal, 409)
        for entry in upload.entries:
            why = None if entry.withheld is not None else self.refuse_entry(entry)
            if why is not None:
                return 400, self._problem(why, 400)
        known = [entry for entry in upload.entries if entry.seq <= len(self.entries)]
        if any(entry.hash != self.entries[entry.seq - 1].hash for entry in known):
            self.forks_seen += 1
            return 409, self._problem(Reason.JOURNAL_FORK, 409)
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
