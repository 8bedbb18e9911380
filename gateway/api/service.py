"""The gateway's calls without a web server: `handle(request) → answer`, both as their signed parts.

The order of checks is that of SAFETY.md section 4: signature → digest → (known number: the stored answer) → window →
nonce, unique in the effect's transaction. Every answer and every problem is signed and bound to its request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar, assert_never

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from gateway.api.activating import ActivationCalls
from gateway.api.answers import JSON, Answer, Refusal, Signer
from gateway.api.caller import Caller
from gateway.api.gate import Gate
from gateway.api.journals import JournalCalls
from gateway.api.limits import CALLS, Limits
from gateway.api.limits import Caller as Counted
from gateway.api.offline_kit import KitCalls
from gateway.api.paying import PaymentCalls, payment_key
from gateway.api.refunding import RefundCalls
from gateway.api.routes import Call, Route, read_route
from gateway.api.static_paid import StaticPaidCalls
from gateway.ports import Clock
from gateway.store import places
from gateway.store.places import Terminal
from gateway.store.units import Store, StoreFailed
from protocol.keys import DEVICE_KEYID_PREFIX, read_public, read_terminal_keyid
from protocol.messages import (
    AckRequest,
    ActivationRequest,
    CancelRequest,
    JournalUpload,
    OfflineKitRequest,
    PaymentRequest,
    RefundRequest,
    StoreAckRequest,
    UndecodableError,
    decode,
)
from protocol.reasons import Reason
from protocol.signature import (
    RequestParts,
    ResponseParts,
    SignatureRefusal,
    Verified,
    read_journal_header,
    verify_request,
)
from protocol.signature.profile import read_input

M = TypeVar("M", bound=Struct)


class GatewayService:
    """`signer` signs with the HTTP key, `root_signer` with the root key (activation answers); `read_key` makes a
    terminal's key of its text."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        signer: Signer,
        root_signer: Signer,
        paying: PaymentCalls,
        refunding: RefundCalls,
        static_paid: StaticPaidCalls,
        activating: ActivationCalls,
        journals: JournalCalls,
        limits: Limits,
        kits: KitCalls,
        read_key: Callable[[str], Ed25519PublicKey | None] = read_public,
    ) -> None:
        self._store = store
        self._clock = clock
        self._signer = signer
        self._root_signer = root_signer
        self._paying = paying
        self._refunding = refunding
        self._static_paid = static_paid
        self._activating = activating
        self._journals = journals
        self._kits = kits
        self._read_key = read_key
        self._terminals: dict[str, Terminal] = {}
        self.gate = Gate(limits, clock)
        self.counts: Counter[tuple[str, int]] = Counter()
        self._log = structlog.get_logger("gateway.api")

    async def handle(self, request: RequestParts, remote: str) -> ResponseParts:
        """Answers one request. `remote` is the caller's address, for the count of activation tries."""
        route = read_route(request.method, request.path, request.query)
        try:
            answer = await self._answer(route, request, remote)
        except Refusal as refusal:
            response = self._signer.problem(refusal, request)
            if refusal.reason is not Reason.RATE_LIMITED:  # a flood must not fill the disk; it is counted
                self._log.info("refused", path=_shown(route), reason=refusal.reason.value)
        except StoreFailed:
            response = self._signer.problem(Refusal(Reason.INTERNAL), request)
        except Exception as error:  # noqa: BLE001 - a defect is answered with a signed "nothing is known"
            self._log.error("request failed", path=_shown(route), error=type(error).__name__, exc_info=error)
            response = self._signer.problem(Refusal(Reason.INTERNAL), request)
        else:
            signer = self._root_signer if answer.root else self._signer
            response = signer.sign(answer.message, request, status=200, content_type=JSON)
        self.counts[_shown(route), response.status] += 1
        return response

    async def _answer(self, route: Route | None, request: RequestParts, remote: str) -> Answer:
        if route is None:
            self._count(Counted.STRANGER, remote)
            raise Refusal(Reason.UNKNOWN_PATH)
        if len(request.body) > CALLS[route.call].body:
            raise Refusal(Reason.TOO_LARGE)
        if route.call is Call.ACTIVATE:
            self._count(Counted.STRANGER, remote)
            verified = _verify(request, find=self._device_key)
            answer = await self._activating.activate(verified, _read(ActivationRequest, request), remote)
            self.forget_terminals()
            return answer
        caller = await self._caller(request, remote)
        self._count(Counted.TERMINAL, caller.terminal.terminal_id)
        match route.call:
            case Call.TAKE:
                return await self._paying.take(caller, _read(PaymentRequest, request))
            case Call.ASK:
                key = payment_key(caller, route.payment_no)
                return await self._paying.ask(caller, key, wait_s=route.wait_s, after=route.after)
            case Call.CANCEL:
                key = payment_key(caller, route.payment_no)
                return await self._paying.cancel(caller, key, _read(CancelRequest, request))
            case Call.ACK:
                key = payment_key(caller, route.payment_no)
                return await self._paying.acknowledge(caller, key, _read(AckRequest, request))
            case Call.REFUND:
                key = payment_key(caller, route.payment_no)
                return await self._refunding.take(caller, key, _read(RefundRequest, request))
            case Call.ASK_REFUND:
                return await self._refunding.ask(caller, route.refund_no, wait_s=route.wait_s, after=route.after)
            case Call.STORE_PAID:
                return await self._static_paid.ask(caller, wait_s=route.wait_s, after=route.after)
            case Call.STORE_ACK:
                return await self._static_paid.acknowledge(caller, _read(StoreAckRequest, request))
            case Call.KIT:
                return await self._kits.give(caller, _read(OfflineKitRequest, request))
            case Call.JOURNAL:
                return await self._journals.upload(caller, _read(JournalUpload, request))
            case _:
                assert_never(route.call)

    def _count(self, who: Counted, name: str) -> None:
        wait_ms = self.gate.wait_ms(who, name)
        if wait_ms:
            raise Refusal(Reason.RATE_LIMITED, retry_after_ms=wait_ms)

    async def _caller(self, request: RequestParts, remote: str) -> Caller:
        """A terminal that is not known yet, and a signature that does not hold, count as the address's: a flood of
        them costs no look into the store, and takes nothing from the tills behind the same address."""
        parsed = read_input(request.headers)
        if isinstance(parsed, SignatureRefusal):
            self._count(Counted.STRANGER, remote)
            raise Refusal(Reason.BAD_SIGNATURE, parsed.value)
        keyid = parsed.verified.keyid
        named = read_terminal_keyid(keyid)
        if named is None or named[0] not in self._terminals:
            self._count(Counted.STRANGER, remote)
        terminal = None if named is None else await self._terminal(named[0])
        if named is None or terminal is None:
            raise Refusal(Reason.UNKNOWN_TERMINAL)
        public = self._read_key(terminal.public_key)
        try:
            verified = _verify(request, find=lambda name: public if name == keyid else None)
        except Refusal:
            self._count(Counted.STRANGER, remote)
            raise
        place = read_journal_header(request.headers.get("guitai-journal", ""))
        journal_seq = None if place is None else place[0]
        return Caller(terminal=terminal, verified=verified, clock=self._clock, epoch=named[1], journal_seq=journal_seq)

    def _device_key(self, keyid: str) -> Ed25519PublicKey | None:
        """A device that is to be activated names its own key."""
        text = keyid.removeprefix(DEVICE_KEYID_PREFIX)
        return None if text == keyid else self._read_key(text)

    async def _terminal(self, terminal_id: str) -> Terminal | None:
        """Kept in memory; a new activation of the same device is read again. Whether it may sell is asked each time."""
        known = self._terminals.get(terminal_id)
        if known is None:
            known = await self._store.run(lambda tx: places.terminal(tx, terminal_id))
            if known is not None:
                self._terminals[terminal_id] = known
        return known

    def forget_terminals(self) -> None:
        """After the owner changed names or a device was activated again."""
        self._terminals.clear()


def _verify(request: RequestParts, *, find: Callable[[str], Ed25519PublicKey | None]) -> Verified:
    verified = verify_request(request, find_key=find)
    if isinstance(verified, SignatureRefusal):
        raise Refusal(Reason.BAD_SIGNATURE, verified.value)
    return verified


def _read(kind: type[M], request: RequestParts) -> M:
    try:
        return decode(kind, request.body)
    except UndecodableError as error:
        raise Refusal(Reason.BAD_REQUEST, str(error)) from None


def _shown(route: Route | None) -> str:
    return "unknown" if route is None else route.call.value
