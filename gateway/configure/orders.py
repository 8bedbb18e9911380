"""Does what the owner asks: applies a document or makes an activation code. The same for a running gateway and without
one; only the store differs. It must not know sockets or the command line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import assert_never
from zoneinfo import available_timezones

from gateway.configure.activation import CODE_BYTES, NewCode, create_code
from gateway.configure.alarms import alarms_word
from gateway.configure.apply import apply_document, plan_document
from gateway.configure.bills import bills_word
from gateway.configure.document import read_document
from gateway.configure.faults import Faults, one_fault
from gateway.configure.late_money import late_word
from gateway.configure.proof_keys import proof_keys_word
from gateway.configure.restored import restored_word
from gateway.configure.static_qr import STATIC_BYTES, static_qr
from gateway.configure.terminals import terminals_word
from gateway.configure.words import (
    AlarmsOrder,
    ApplyOrder,
    BillsOrder,
    CodeMade,
    CodeOrder,
    LateOrder,
    Order,
    Planned,
    ProofKeysOrder,
    Refused,
    RestoredOrder,
    Said,
    StaticQrOrder,
    StaticQrSaid,
    TerminalsOrder,
)
from gateway.payments.values import PaymentKey
from gateway.ports import Clock, Entropy
from gateway.proof_keys import ProofKeys
from gateway.store.units import Store
from protocol.activation import ticket_text


class OwnerOrders:
    """`url`: where terminals reach this gateway, when that is known. `page_url`: the base of QR links, where phones
    reach the cashier page. `applied` is awaited after a file was written; `moved` hears of a payment that a person's
    word changed. `proof_keys` gives the keys that sign offline orders' proofs."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        root_fingerprint: str,
        url: str | None,
        proof_keys: Callable[[], ProofKeys],
        page_url: str | None = None,
        applied: Callable[[], Awaitable[None]] | None = None,
        moved: Callable[[PaymentKey], None] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._root_fingerprint = root_fingerprint
        self._url = url
        self._page_url = page_url
        self._applied = applied
        self._moved = moved
        self._proof_keys = proof_keys

    async def do(self, order: Order) -> Said:
        """Raises StoreFailed."""
        match order:
            case ApplyOrder():
                return await self._apply(order)
            case CodeOrder():
                return await self._make_code(order)
            case LateOrder():
                return await self._late_money(order)
            case BillsOrder():
                return await self._bills(order)
            case AlarmsOrder():
                return await self._alarms(order)
            case StaticQrOrder():
                return await self._static_qr(order)
            case TerminalsOrder():
                return await self._terminals(order)
            case RestoredOrder():
                return await self._restored(order)
            case ProofKeysOrder():
                said = proof_keys_word(self._proof_keys(), order, now_ms=self._clock.now_ms())
                return Refused(faults=said) if isinstance(said, Faults) else said
            case _:
                assert_never(order)

    async def _apply(self, order: ApplyOrder) -> Said:
        document = read_document(order.toml, files=order.files, time_zones=available_timezones())
        if isinstance(document, Faults):
            return Refused(faults=document)
        unit = plan_document if order.dry_run else apply_document
        plan = await self._store.run(lambda tx: unit(tx, document))
        if isinstance(plan, Faults):
            return Refused(faults=plan)
        if plan.changes and not order.dry_run and self._applied is not None:
            await self._applied()
        return Planned(plan=plan, applied=not order.dry_run)

    async def _late_money(self, order: LateOrder) -> Said:
        now_ms = self._clock.now_ms()
        said = await self._store.run(lambda tx: late_word(tx, order, now_ms=now_ms))
        if isinstance(said, Faults):
            return Refused(faults=said)
        answer, key = said
        if key is not None and self._moved is not None:
            self._moved(key)
        return answer

    async def _restored(self, order: RestoredOrder) -> Said:
        now_ms = self._clock.now_ms()
        said = await self._store.run(lambda tx: restored_word(tx, order, now_ms=now_ms))
        if isinstance(said, Faults):
            return Refused(faults=said)
        answer, keys = said
        if self._moved is not None:
            for key in keys:
                self._moved(key)
        return answer

    async def _alarms(self, order: AlarmsOrder) -> Said:
        now_ms = self._clock.now_ms()
        said = await self._store.run(lambda tx: alarms_word(tx, order, now_ms=now_ms))
        return Refused(faults=said) if isinstance(said, Faults) else said

    async def _bills(self, order: BillsOrder) -> Said:
        now_ms = self._clock.now_ms()
        said = await self._store.run(lambda tx: bills_word(tx, order, now_ms=now_ms))
        return Refused(faults=said) if isinstance(said, Faults) else said

    async def _static_qr(self, order: StaticQrOrder) -> Said:
        if self._page_url is None:
            hint = "no phone could reach it: give the address that phones reach the gateway by (--public-url)"
            return Refused(faults=one_fault("static QR", "", hint))
        base, now_ms, random = self._page_url, self._clock.now_ms(), self._entropy.bytes(STATIC_BYTES)
        made = await self._store.run(
            lambda tx: static_qr(tx, store_id=order.store, renew=order.renew, now_ms=now_ms, random=random)
        )
        if isinstance(made, Faults):
            return Refused(faults=made)
        return StaticQrSaid(store=order.store, url=f"{base.rstrip('/')}/q/{made.token}", fresh=made.fresh)

    async def _terminals(self, order: TerminalsOrder) -> Said:
        now_ms, random = self._clock.now_ms(), self._entropy.bytes(CODE_BYTES)
        said = await self._store.run(lambda tx: terminals_word(tx, order, now_ms=now_ms, random=random))
        if isinstance(said, Faults):
            return Refused(faults=said)
        return self._made(said) if isinstance(said, NewCode) else said

    async def _make_code(self, order: CodeOrder) -> Said:
        now_ms, random = self._clock.now_ms(), self._entropy.bytes(CODE_BYTES)
        made = await self._store.run(
            lambda tx: create_code(
                tx, store_id=order.store, uses=order.uses, days=order.days, now_ms=now_ms, random=random
            )
        )
        return Refused(faults=made) if isinstance(made, Faults) else self._made(made)

    def _made(self, made: NewCode) -> CodeMade:
        code = made.code.reveal()
        ticket = None
        if self._url is not None:
            ticket = ticket_text(gateway_url=self._url, code=code, root_fingerprint=self._root_fingerprint)
        return CodeMade(code=code, store=made.store_id, uses=made.uses, expires_ms=made.expires_ms, ticket=ticket)
