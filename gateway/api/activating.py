"""`POST /v1/terminals/activate`: a code and a device key become a terminal of one store.

The request is signed by the device key itself (proof of possession). Same code and same key: the same answer again, so
a lost answer burns nothing. Wrong codes are counted per address. The answer is signed by the root key, whose
fingerprint an activation QR carries. A known device with a fresh code is the same terminal, one epoch later: that ends
a freeze. A till that was switched off needs a code made for it. A device that is not known, and says which terminal it
is, becomes that one if no other is: a restored backup has lost it, and its journal is that terminal's for ever.
"""

from __future__ import annotations

from typing import Final

from gateway.api.answers import Answer, Refusal
from gateway.api.caller import check_window, use_nonce
from gateway.api.limits import place_of
from gateway.keys import GatewayKeys
from gateway.ports import Clock, Entropy
from gateway.store import places, standing
from gateway.store.places import Terminal
from gateway.store.units import Store, Tx
from protocol.chain import genesis
from protocol.keys import public_of_device_keyid, public_text
from protocol.messages import ActivationAnswer, ActivationRequest
from protocol.numbers import TERMINAL_ID_BYTES, new_terminal_id, read_activation_code
from protocol.offline.text import read_record
from protocol.reasons import Reason
from protocol.signature import Verified

TRIES: Final = 5
TRIES_MS: Final = 60_000
_MOST_ADDRESSES: Final = 4_096
_COUNTED: Final = frozenset({Reason.ACTIVATION_UNKNOWN, Reason.ACTIVATION_EXPIRED, Reason.ACTIVATION_USED})


class ActivationCalls:
    def __init__(self, *, store: Store, clock: Clock, entropy: Entropy, keys: GatewayKeys) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._keys = keys
        self._failed: dict[str, list[int]] = {}

    async def activate(self, verified: Verified, request: ActivationRequest, remote: str) -> Answer:
        key = public_of_device_keyid(verified.keyid)
        if key is None or public_text(key) != request.public_key:
            raise Refusal(Reason.BAD_SIGNATURE, "public_key: sign with the key that is to be activated")
        now_ms = self._clock.now_ms()
        remote = place_of(remote)
        recent = [at for at in self._failed.get(remote, ()) if 0 <= now_ms - at < TRIES_MS]
        if len(recent) >= TRIES:
            raise Refusal(Reason.TOO_MANY_TRIES)
        self._count(remote, [*recent, now_ms])  # before the store is asked: tries at the same moment count, too
        try:
            terminal = await self._store.run(lambda tx: self._bind(tx, verified, request))
        except Refusal as refusal:
            if refusal.reason not in _COUNTED:
                self._forgive(remote, now_ms)
            raise
        self._forgive(remote, now_ms)
        return Answer(self._answer(terminal), root=True)

    def _count(self, remote: str, failed: list[int]) -> None:
        if len(self._failed) >= _MOST_ADDRESSES:
            self._failed.clear()
        self._failed[remote] = failed

    def _forgive(self, remote: str, at_ms: int) -> None:
        tries = self._failed.get(remote, [])
        if at_ms in tries:
            tries.remove(at_ms)
        if not tries:
            self._failed.pop(remote, None)

    def _bind(self, tx: Tx, verified: Verified, request: ActivationRequest) -> Terminal:
        code = read_activation_code(request.code)
        if code is None:
            raise Refusal(Reason.ACTIVATION_UNKNOWN)
        digest = places.code_digest(code)
        known = places.activated(tx, digest=digest, public_key=request.public_key)
        if known is not None:
            return known
        now_ms = self._clock.now_ms()
        check_window(verified, self._clock)
        held = places.activation_code(tx, digest)
        if held is None:
            raise Refusal(Reason.ACTIVATION_UNKNOWN)
        if now_ms > held.expires_ms:
            raise Refusal(Reason.ACTIVATION_EXPIRED)
        if held.uses_left <= 0:
            raise Refusal(Reason.ACTIVATION_USED)
        device = places.terminal_by_key(tx, request.public_key)
        if held.terminal_id is not None and (device is None or device.terminal_id != held.terminal_id):
            raise Refusal(Reason.ACTIVATION_UNKNOWN)
        before = None if device is None else standing.standing(tx, device.terminal_id)
        if before is not None and before.revoked and held.terminal_id is None:
            raise Refusal(Reason.TERMINAL_REVOKED)
        use_nonce(tx, verified, self._clock)
        terminal_id = self._terminal(tx, request, held.store_id, now_ms=now_ms)
        if before is not None:
            standing.go_on(tx, terminal_id, before, head=genesis(terminal_id), now_ms=now_ms)
        places.use_activation_code(
            tx, digest=digest, public_key=request.public_key, terminal_id=terminal_id, now_ms=now_ms
        )
        terminal = places.terminal(tx, terminal_id)
        assert terminal is not None, "it was written in this transaction"
        return terminal

    def _terminal(self, tx: Tx, request: ActivationRequest, store_id: str, *, now_ms: int) -> str:
        known = places.terminal_by_key(tx, request.public_key)
        number = places.terminals_of(tx, store_id) + 1
        name = request.device_name.strip() or f"{number}号台"
        if known is not None:
            places.activate_again(tx, terminal_id=known.terminal_id, store_id=store_id, name=name)
            return known.terminal_id
        terminal_id = _of_before(tx, request) or new_terminal_id(self._entropy.bytes(TERMINAL_ID_BYTES))
        places.add_terminal(
            tx,
            terminal_id=terminal_id,
            store_id=store_id,
            name=name,
            public_key=request.public_key,
            head=genesis(terminal_id),
            now_ms=now_ms,
        )
        return terminal_id

    def _answer(self, terminal: Terminal) -> ActivationAnswer:
        return ActivationAnswer(
            terminal_id=terminal.terminal_id,
            terminal_name=terminal.name,
            epoch=terminal.epoch,
            store_id=terminal.store_id,
            store_name=terminal.store_name,
            merchant_id=terminal.merchant_id,
            merchant_name=terminal.merchant_name,
            keys=self._keys.entries,
            server_time_ms=self._clock.now_ms(),
        )


def _of_before(tx: Tx, request: ActivationRequest) -> str | None:
    """The terminal that the device says it is, if it can be one and is nobody's here.

    Ids are no secret, and whoever has a code may take one that is free. He gets nothing by it but the name.
    """
    said = request.terminal_id
    raw = None if said is None else read_record(said, TERMINAL_ID_BYTES)
    return said if raw is not None and said is not None and standing.standing(tx, said) is None else None
