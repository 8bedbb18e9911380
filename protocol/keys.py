"""Ed25519 keys as text: raw 32 bytes in base64url without padding; names of keys; fingerprints.

A private key travels inside `Secret` only. It must not know where keys are kept.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.numbers import crockford
from protocol.secret import Secret


def b64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_b64url(text: str) -> bytes | None:
    """The bytes, or None when the text is not base64url."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)) if text.isascii() else None
    except (Base64Error, ValueError):
        return None


def private_key(seed: Secret) -> Ed25519PrivateKey:
    """From the seed's base64url text; ValueError when it is not one."""
    raw = read_b64url(seed.reveal())
    if raw is None or len(raw) != 32:
        raise ValueError("a device key is 32 bytes in base64url")
    return Ed25519PrivateKey.from_private_bytes(raw)


def public_text(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """The public half as text."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return b64url(public.public_bytes_raw())


def read_public(text: str) -> Ed25519PublicKey | None:
    """A public key from its text; None when it is not one."""
    raw = read_b64url(text)
    if raw is None or len(raw) != 32:
        return None
    return Ed25519PublicKey.from_public_bytes(raw)


def fingerprint(public: str) -> str:
    """16 Crockford characters (80 bits) of SHA-256 over the key's text: for key ids and for an activation QR."""
    return crockford(sha256(public.encode()).digest()[:10])


DEVICE_KEYID_PREFIX = "key:"


def device_keyid(public: str) -> str:
    """The keyid of a device that has no terminal id yet."""
    return DEVICE_KEYID_PREFIX + public


def public_of_device_keyid(keyid: str) -> Ed25519PublicKey | None:
    return read_public(keyid.removeprefix(DEVICE_KEYID_PREFIX)) if keyid.startswith(DEVICE_KEYID_PREFIX) else None


_TERMINAL_KEYID: Final = re.compile(r"([0-9A-Z]{1,32})(?:\.([2-9]|[1-9][0-9]{1,4}))?")


def terminal_keyid(terminal_id: str, epoch: int) -> str:
    """How a terminal names its key on the line: from its second activation on with the epoch, so that a copy of the
    disk from before that activation is told from the till that goes on."""
    return terminal_id if epoch <= 1 else f"{terminal_id}.{epoch}"


def read_terminal_keyid(keyid: str) -> tuple[str, int] | None:
    """The terminal and the epoch that a key id names; None when it names none."""
    found = _TERMINAL_KEYID.fullmatch(keyid)
    return None if found is None else (found[1], int(found[2] or 1))
