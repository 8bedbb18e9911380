"""Seals what may name a payer before it is kept: AES-256-GCM under a key that comes from the gateway's root key.

A copied database then shows no notification and no bill. `about` is bound in: a sealed value that was moved to another
row does not open. It must not know what is sealed.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.keys import GatewayKeys
from gateway.ports import Entropy

_INFO: Final = b"guitai-sealed-rows-v1"
_NONCE_BYTES: Final = 12


class SealBroken(Exception):
    """Not sealed by this gateway's key, or not about this."""

    def __init__(self) -> None:
        super().__init__("a kept value does not open: is the key file the one that belongs to this database?")


def seal_key(keys: GatewayKeys) -> bytes:
    """The root key does not change while terminals trust it, so rows stay readable."""
    root = keys.root.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(root)


def lasting_key(keys: GatewayKeys, use: str) -> bytes:
    """32 bytes for one use, the same after a restart."""
    root = keys.root.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"guitai-{use}-v1".encode()).derive(root)


class Seal:
    """Nonces are drawn from the gateway's own chance."""

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        self._aead = AESGCM(key)
        self._entropy = entropy

    def seal(self, plain: bytes, *, about: str) -> bytes:
        nonce = self._entropy.bytes(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, *, about: str) -> bytes:
        """Raises SealBroken."""
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError):
            raise SealBroken from None
