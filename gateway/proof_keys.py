"""The keys that sign proofs and derive typed codes, kept in a 0600 file of their own beside the gateway's other keys.

Written whole or not at all, and read back never half: a rotation that is cut leaves the old ring or the new one.
It must not know what is signed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec import Struct

from gateway.keys import GatewayKeys, KeysUnreadable
from gateway.offline.keyring import Ring, RingKey, RingRefusal, compromised, new_ring, rotated
from gateway.ports import Entropy
from protocol.keys import b64url, read_b64url
from protocol.secret import Secret

_SEED_BYTES: Final = 32


class _KeyLine(Struct, frozen=True, kw_only=True):
    kid: int
    seed: str
    made_ms: int
    current_ms: int | None = None
    retired_ms: int | None = None
    compromised_ms: int | None = None

    def __repr__(self) -> str:
        return f"_KeyLine({self.kid})"


class _KeyFile(Struct, frozen=True, kw_only=True):
    typed_code: str
    keys: tuple[_KeyLine, ...]

    def __repr__(self) -> str:
        return "_KeyFile(…)"


class ProofKeys:
    """The ring as it is now. `keep` makes a changed ring durable before it counts."""

    def __init__(self, ring: Ring, entropy: Entropy, keep: Callable[[Ring], None]) -> None:
        self.ring = ring
        self._entropy = entropy
        self._keep = keep

    def typed_code_key(self) -> bytes:
        key = read_b64url(self.ring.typed_code_key.reveal())
        assert key is not None, "the ring was read whole"
        return key

    def rotate(self, *, now_ms: int) -> RingRefusal | None:
        return self._take(rotated(self.ring, self._seed(), now_ms=now_ms))

    def compromise(self, kid: int, *, now_ms: int) -> RingRefusal | None:
        return self._take(compromised(self.ring, kid, self._seed(), now_ms=now_ms))

    def _take(self, after: Ring | RingRefusal) -> RingRefusal | None:
        if isinstance(after, RingRefusal):
            return after
        self._keep(after)
        self.ring = after
        return None

    def _seed(self) -> Secret:
        return Secret(b64url(self._entropy.bytes(_SEED_BYTES)))


def proof_keys_path(keys: Path) -> Path:
    """Beside the file of the gateway's other keys."""
    return keys.with_name(keys.name.removesuffix(".keys") + ".proof-keys")


def load_proof_keys(path: Path, entropy: Entropy, *, now_ms: int) -> ProofKeys:
    """Reads the file, or makes it. Raises KeysUnreadable; never replaces a file that is there and cannot be read."""

    def keep(ring: Ring) -> None:
        _write(path, ring)

    if not path.exists():
        seeds = tuple(Secret(b64url(entropy.bytes(_SEED_BYTES))) for _ in range(3))
        _write(path, new_ring((seeds[0], seeds[1]), seeds[2], now_ms=now_ms))
    return ProofKeys(_read(path), entropy, keep)


def derived_proof_keys(keys: GatewayKeys, entropy: Entropy, *, now_ms: int) -> ProofKeys:
    """A ring that follows from the root key and is kept nowhere: for a gateway without files (a simulation, a test)."""
    root = keys.root.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    def derived(use: str) -> Secret:
        info = f"guitai-{use}-v1".encode()
        return Secret(b64url(HKDF(algorithm=SHA256(), length=_SEED_BYTES, salt=None, info=info).derive(root)))

    ring = new_ring((derived("proof-1"), derived("proof-2")), derived("typed-codes"), now_ms=now_ms)
    return ProofKeys(ring, entropy, lambda _ring: None)


def _read(path: Path) -> Ring:
    try:
        held = msgspec.json.decode(path.read_bytes(), type=_KeyFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise KeysUnreadable(path) from None
    ring = Ring(
        keys=tuple(
            RingKey(
                kid=line.kid,
                seed=Secret(line.seed),
                made_ms=line.made_ms,
                current_ms=line.current_ms,
                retired_ms=line.retired_ms,
                compromised_ms=line.compromised_ms,
            )
            for line in held.keys
        ),
        typed_code_key=Secret(held.typed_code),
    )
    try:
        whole = [ring.current.private, ring.next.private, *(key.private for key in ring.keys)]
    except (StopIteration, ValueError):
        raise KeysUnreadable(path) from None
    if not whole or read_b64url(held.typed_code) is None:
        raise KeysUnreadable(path)
    return ring


def _write(path: Path, ring: Ring) -> None:
    held = _KeyFile(
        typed_code=ring.typed_code_key.reveal(),
        keys=tuple(
            _KeyLine(
                kid=key.kid,
                seed=key.seed.reveal(),
                made_ms=key.made_ms,
                current_ms=key.current_ms,
                retired_ms=key.retired_ms,
                compromised_ms=key.compromised_ms,
            )
            for key in ring.keys
        ),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(held))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """The new name is durable, too. Windows has no such call, and needs none."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
