"""Binding a new till to a store: one code, one device key, one answer. A lost answer burns nothing.

The device key is made first and kept as pending, so that asking again asks with the same key. A scanned ticket names
the gateway's root key: the answer is believed when that very key signed it. A typed code trusts the line (https, or
this computer itself) and then the keys inside the answer.

A folder that is a till already is activated again with its own device key: the same terminal with the next epoch. The
journal stays, and what is open in it stays open. It says which terminal it is: a gateway whose backup was made before
knows neither the key nor the terminal, and takes it back under its name.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct
from msgspec.structs import replace

from protocol.activation import ActivationTicket
from protocol.keys import b64url, device_keyid, fingerprint, private_key, public_text, read_public
from protocol.messages import ActivationAnswer, ActivationRequest, Problem, UndecodableError, decode, encode
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.signature import RequestParts, ResponseParts, SignatureRefusal, sign_request, verify_response
from sync.errors import SyncError
from sync.folder import Folder, TerminalIdentity
from sync.journal.journal import Journal
from sync.link.address import authority_of, read_gateway_url
from sync.link.exchange import Exchange, NoAnswer, NotSent, Timeouts
from sync.ports import Clock, Entropy

_TIMEOUTS: Final = Timeouts(connect_ms=3_000, write_ms=5_000, read_ms=10_000, total_ms=18_000)
SEED_BYTES: Final = 32

_HINTS: Final = {
    Reason.ACTIVATION_UNKNOWN: "Check the code; letters and digits that look alike are read the right way.",
    Reason.ACTIVATION_EXPIRED: "Ask the shop owner for a new code.",
    Reason.ACTIVATION_USED: "The code has bound another till. Ask the shop owner for a new code.",
    Reason.TOO_MANY_TRIES: "Wait a minute, then try again.",
    Reason.RATE_LIMITED: "The gateway is busy; try again in a moment.",
    Reason.GATEWAY_UNREACHABLE: "Check the address and the network, then try again with the same code.",
    Reason.GATEWAY_NOT_TRUSTED: "What answers at this address is not the gateway of the code. Do not use this network.",
    Reason.USAGE: "Use another data folder for another till, or a code for this one.",
}


class ActivationRefusedError(SyncError):
    """This folder is not activated now; `reason` says why."""

    def __init__(self, reason: Reason, message: str) -> None:
        hint = _HINTS.get(reason, "Try again; if it stays so, call support.")
        super().__init__(reason, message, hint=hint)


async def activate(
    folder: Folder,
    *,
    gateway_url: str,
    ticket: ActivationTicket,
    device_name: str,
    exchange: Exchange,
    clock: Clock,
    entropy: Entropy,
) -> TerminalIdentity:
    """Activates the folder (again), writes its identity. ActivationRefusedError, AddressError or another SyncError."""
    base_url = read_gateway_url(ticket.gateway_url or gateway_url)
    folder.make()
    known = folder.read_identity() if folder.activated else None
    key = _pending_key(folder, entropy) if known is None else private_key(folder.read_device_key())
    asked = ActivationRequest(
        code=ticket.code.reveal(),
        public_key=public_text(key),
        device_name=device_name,
        terminal_id=None if known is None else known.terminal_id,
    )
    body = encode(asked)
    line = _Line(base_url, body, key, exchange, entropy)
    request, answered = await line.ask(created_ms=clock.wall_ms())
    if isinstance(answered, Problem) and answered.reason is Reason.CLOCK:
        # This computer's clock is wrong: the gateway's time is good enough to ask once more.
        request, answered = await line.ask(created_ms=answered.server_time_ms)
    if isinstance(answered, Problem):
        raise ActivationRefusedError(answered.reason, f"The gateway refused the activation: {answered.title}")
    answer = _trusted(request, answered, ticket)
    identity = _identity(answer, base_url)
    if known is not None:
        _check_same_till(known, identity)
        folder.write_identity(identity)
        return identity
    Journal.open(folder.journal, terminal_id=identity.terminal_id).close()
    folder.adopt(identity)
    return identity


def _check_same_till(known: TerminalIdentity, found: TerminalIdentity) -> None:
    """One folder is one till for ever: its journal holds that till's orders."""
    if found.terminal_id != known.terminal_id:
        raise ActivationRefusedError(
            Reason.USAGE, f"The code is for another till; this folder is the till {known.terminal_name}."
        )


def _pending_key(folder: Folder, entropy: Entropy) -> Ed25519PrivateKey:
    seed = folder.pending_key()
    if seed is None:
        seed = Secret(b64url(entropy(SEED_BYTES)))
        folder.write_pending_key(seed)
    return private_key(seed)


class _Line(Struct, frozen=True):
    base_url: str
    body: bytes
    key: Ed25519PrivateKey
    exchange: Exchange
    entropy: Entropy

    async def ask(self, *, created_ms: int) -> tuple[RequestParts, ResponseParts | Problem]:
        """One signed question; an answer (not yet believed) or a refusal."""
        request = self._signed(created_ms // 1000)
        response = await self.exchange(self.base_url, request, _TIMEOUTS)
        if isinstance(response, (NotSent, NoAnswer)):
            raise ActivationRefusedError(Reason.GATEWAY_UNREACHABLE, "The gateway does not answer.")
        return request, response if 200 <= response.status < 300 else _problem(response)

    def _signed(self, created_s: int) -> RequestParts:
        parts = RequestParts(
            method="POST",
            authority=authority_of(self.base_url),
            path="/v1/terminals/activate",
            query="",
            headers={"content-type": "application/json"},
            body=self.body,
        )
        keyid = device_keyid(public_text(self.key))
        nonce = self.entropy(16)
        return replace(parts, headers=sign_request(parts, key=self.key, keyid=keyid, created_s=created_s, nonce=nonce))


def _problem(response: ResponseParts) -> Problem:
    """A refusal needs no trust: it can only keep this till from being activated."""
    try:
        return decode(Problem, response.body)
    except UndecodableError:
        raise ActivationRefusedError(
            Reason.GATEWAY_UNREACHABLE if response.status >= 500 else Reason.GATEWAY_NOT_TRUSTED,
            f"Something else than a gateway answered (status {response.status}).",
        ) from None


def _trusted(request: RequestParts, response: ResponseParts, ticket: ActivationTicket) -> ActivationAnswer:
    try:
        answer = decode(ActivationAnswer, response.body)
    except UndecodableError:
        raise ActivationRefusedError(Reason.GATEWAY_NOT_TRUSTED, "The answer is not a gateway's.") from None
    keys: dict[str, Ed25519PublicKey] = {}
    for entry in answer.keys:
        public = read_public(entry.public_key)
        named = ticket.root_fingerprint is None or fingerprint(entry.public_key) == ticket.root_fingerprint
        if public is not None and named:
            keys[entry.kid] = public
    verified = verify_response(response, request=request, find_key=keys.get)
    if isinstance(verified, SignatureRefusal):
        raise ActivationRefusedError(
            Reason.GATEWAY_NOT_TRUSTED, f"The answer is not signed by the gateway of this code ({verified.value})."
        )
    return answer


def _identity(answer: ActivationAnswer, base_url: str) -> TerminalIdentity:
    usable = {entry.kid: entry for entry in answer.keys if read_public(entry.public_key) is not None}
    gateway_keys = {kid: entry.public_key for kid, entry in usable.items() if entry.use == "http"}
    if not gateway_keys:
        raise ActivationRefusedError(Reason.GATEWAY_NOT_TRUSTED, "The answer names no key of the gateway.")
    return TerminalIdentity(
        terminal_id=answer.terminal_id,
        terminal_name=answer.terminal_name,
        epoch=answer.epoch,
        store_id=answer.store_id,
        store_name=answer.store_name,
        merchant_id=answer.merchant_id,
        merchant_name=answer.merchant_name,
        gateway_url=base_url,
        gateway_keys=gateway_keys,
        root_keys={kid: entry.public_key for kid, entry in usable.items() if entry.use == "root"},
    )
