"""`POST /v1/offline/kit`: a till registers the key that signs its ORDERs, and gets what it needs without a line.

Rules
- Whether the till may sell is asked before anything else is refused: its kit is how a stopped one finds out.
- One order key in an epoch. The same again is the same answer; another is refused, with an alarm: there may be two.
- No secret that could make a proof leaves the gateway: of a typed code the till gets a slow hash.
- The slow hashes are made beside the event loop, and a till gets so many and no more: each is a hundredth of a second
  of a processor, on purpose.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from gateway.api.answers import Answer, Refusal
from gateway.api.caller import Caller
from gateway.jobs.bucket import Bucket, full
from gateway.offline.judge import ORDER_LIMIT_FEN, TYPED_ORDER_LIMIT_FEN, TYPED_SHIFT_LIMIT_FEN
from gateway.payments.values import Alarm, AlarmKind
from gateway.ports import Clock
from gateway.proof_keys import ProofKeys
from gateway.store import alarms, offline, places
from gateway.store.units import Store, Tx
from protocol.keys import read_public
from protocol.messages import CodeVerifier, OfflineKit, OfflineKitRequest
from protocol.offline.typed_code import HELD, LAST_INDEX, SlowHash, derive_code
from protocol.reasons import Reason

Verifiers = tuple[CodeVerifier, ...]
#: Runs slow work beside the event loop.
Beside = Callable[[Callable[[], Verifiers]], Awaitable[Verifiers]]
_MOST_EPOCH: Final = 65_535
#: Verifiers for one till: four times all that it holds (answers get lost), then one a second, which is more than it can
#: sell orders.
_VERIFIERS_AT_ONCE: Final = 4 * HELD
_VERIFIERS_PER_SECOND: Final = 1


async def at_once(work: Callable[[], Verifiers]) -> Verifiers:
    """For a clock that jumps: no thread."""
    return work()


class KitCalls:
    """`base_url`: where phones reach the page; None: this gateway has none, and gives no kit."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        proof_keys: ProofKeys,
        base_url: str | None,
        beside: Beside,
        slow_hash: SlowHash,
    ) -> None:
        self._store = store
        self._clock = clock
        self._proof_keys = proof_keys
        self._base_url = base_url
        self._beside = beside
        self._slow_hash = slow_hash
        self._made: dict[str, Bucket] = {}

    async def give(self, caller: Caller, request: OfflineKitRequest) -> Answer:
        if self._base_url is None:
            # A till that was stopped asks for its kit to find out whether it may sell again.
            await self._store.run(caller.may_sell)
            raise Refusal(Reason.UNKNOWN_PATH, "this gateway has no address that phones could open")
        if read_public(request.offline_key) is None:
            raise Refusal(Reason.BAD_REQUEST, "offline_key: not an Ed25519 public key")
        epoch = await self._store.run(lambda tx: self._register(tx, caller, request.offline_key))
        if epoch is None:
            raise Refusal(Reason.CONTENT_DIFFERS, "offline_key: another one is registered")
        terminal_id, last = caller.terminal.terminal_id, min(request.first + request.wanted - 1, LAST_INDEX)
        self._count(terminal_id, request.wanted)
        key = self._proof_keys.typed_code_key()

        def made() -> Verifiers:
            return tuple(
                CodeVerifier(index=i, verifier=self._verifier(key, terminal_id, epoch, i))
                for i in range(request.first, last + 1)
            )

        codes = await self._beside(made) if request.wanted else ()
        now_ms = self._clock.now_ms()
        return Answer(
            OfflineKit(
                epoch=epoch,
                base_url=self._base_url,
                proof_keys=self._proof_keys.ring.offered(now_ms=now_ms),
                codes=codes,
                order_limit_fen=ORDER_LIMIT_FEN,
                typed_order_limit_fen=TYPED_ORDER_LIMIT_FEN,
                typed_shift_limit_fen=TYPED_SHIFT_LIMIT_FEN,
                server_time_ms=now_ms,
            )
        )

    def _count(self, terminal_id: str, wanted: int) -> None:
        now_ms = self._clock.now_ms()
        bucket = self._made.get(terminal_id) or full(
            capacity=_VERIFIERS_AT_ONCE, per_second=_VERIFIERS_PER_SECOND, now_ms=now_ms
        )
        after = bucket.take(now_ms=now_ms, count=wanted)
        self._made[terminal_id] = bucket if after is None else after
        if after is None:
            raise Refusal(Reason.RATE_LIMITED, retry_after_ms=bucket.wait_ms(now_ms=now_ms, count=wanted))

    def _register(self, tx: Tx, caller: Caller, public_key: str) -> int | None:
        """The epoch; None when another key is registered in it. That is returned, so that its alarm is committed."""
        caller.fresh(tx)
        caller.may_sell(tx)
        terminal = places.terminal(tx, caller.terminal.terminal_id)
        assert terminal is not None, "a terminal is never deleted"
        assert terminal.epoch <= _MOST_EPOCH, "an epoch has 16 bits"
        if caller.epoch > terminal.epoch:
            # It was activated again, and these rows are from before: no reason to stop it over the line.
            raise Refusal(Reason.GATEWAY_RESTORED, "this till's activation is not here; activate it again")
        if caller.epoch < terminal.epoch:
            raise Refusal(Reason.TERMINAL_FROZEN, "this till was activated again elsewhere")
        now_ms, terminal_id = self._clock.now_ms(), terminal.terminal_id
        held = offline.order_key(tx, terminal_id, terminal.epoch)
        if held is None:
            offline.add_order_key(tx, terminal_id, terminal.epoch, public_key, now_ms=now_ms)
        elif held != public_key:
            alarm = Alarm(kind=AlarmKind.ORDER_KEY_DIFFERS, detail=f"epoch {terminal.epoch}")
            alarms.raise_alarm(tx, alarm, about=terminal_id, now_ms=now_ms)
            return None
        return terminal.epoch

    def _verifier(self, key: bytes, terminal_id: str, epoch: int, index: int) -> str:
        code = derive_code(key, terminal_id=terminal_id, epoch=epoch, index=index)
        return self._slow_hash(code, terminal_id=terminal_id, epoch=epoch, index=index)
