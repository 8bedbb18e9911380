"""How ACP 5.1.0 messages are sealed: signMethod 01 (RSA and certificates) and 11 (SHA-256 and a shared key).

Rules
- A request signs every field but `signature`; blanks are taken off values and empty fields are not sent. The text is
  `name=value&…` sorted by name, raw. An answer is verified over every field that came, empty ones included.
- 01 signs twice hashed: SHA256withRSA (PKCS#1 v1.5) over the lower-case hex TEXT of SHA-256. `certId` is the decimal
  serial of the merchant's certificate.
- 11 is the lower-case hex of SHA-256 over `text & "&" & hex(SHA-256(key))`.
- An answer sealed in another way than ours is not believed, whatever it says about itself.
It must not know which fields mean what. Signing with RSA takes about a millisecond of CPU.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hmac import compare_digest
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import Struct

from gateway.channels.unionpay.certificates import CertificateChain
from protocol.secret import Secret

SIGNATURE: Final = "signature"
_METHOD: Final = "signMethod"
_CERT_ID: Final = "certId"
_MIN_BITS: Final = 2048


class Flaw(StrEnum):
    """Why a message is not believed."""

    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"


class KeyUnreadable(Exception):
    """The text is not a usable RSA key. The message never repeats any of it."""


class Seal(Protocol):
    """Signs what leaves and judges what comes, for one account."""

    def sealed(self, fields: Mapping[str, str]) -> dict[str, str]:
        """The fields to send, signature included."""
        ...

    def flaw(self, fields: Mapping[str, str], *, now_ms: int) -> Flaw | None:
        """None: every field was written by UnionPay."""
        ...


def read_private_key(secret: Secret) -> RSAPrivateKey:
    """PEM, unencrypted. Raises KeyUnreadable."""
    try:
        key = load_pem_private_key(secret.reveal().strip().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # `from None`: the parser's message may quote the input
        raise KeyUnreadable("not an unencrypted RSA private key, PEM") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _MIN_BITS:
        raise KeyUnreadable(f"signMethod 01 needs an RSA private key of at least {_MIN_BITS} bits")
    return key


def signed_text(fields: Mapping[str, str]) -> str:
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != SIGNATURE)


def key_signature(text: str, key: Secret) -> str:
    """signMethod 11."""
    return _hex(f"{text}&{_hex(key.reveal())}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSeal:
    """signMethod 01."""

    private_key: RSAPrivateKey = field(repr=False)
    cert_id: str
    chain: CertificateChain = field(repr=False)

    def sealed(self, fields: Mapping[str, str]) -> dict[str, str]:
        filled = _filled({**fields, _METHOD: "01", _CERT_ID: self.cert_id})
        digest = _hex(signed_text(filled)).encode("ascii")
        signature = base64.b64encode(self.private_key.sign(digest, PKCS1v15(), SHA256())).decode("ascii")
        return {**filled, SIGNATURE: signature}

    def flaw(self, fields: Mapping[str, str], *, now_ms: int) -> Flaw | None:
        signature = fields.get(SIGNATURE, "")
        if not signature:
            return Flaw.UNSIGNED
        if fields.get(_METHOD) != "01":
            return Flaw.BAD_SIGNATURE
        key = self.chain.key_of(fields.get("signPubKeyCert", ""), now_ms=now_ms)
        if key is None:
            return Flaw.UNKNOWN_KEY
        try:
            plain = base64.b64decode(signature, validate=True)
            key.verify(plain, _hex(signed_text(fields)).encode("ascii"), PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            return Flaw.BAD_SIGNATURE
        return None if base64.b64encode(plain).decode("ascii") == signature else Flaw.BAD_SIGNATURE


class KeySeal(Struct, frozen=True, kw_only=True):
    """signMethod 11."""

    secret_key: Secret

    def sealed(self, fields: Mapping[str, str]) -> dict[str, str]:
        filled = _filled({**fields, _METHOD: "11"})
        return {**filled, SIGNATURE: key_signature(signed_text(filled), self.secret_key)}

    def flaw(self, fields: Mapping[str, str], *, now_ms: int) -> Flaw | None:
        signature = fields.get(SIGNATURE, "")
        if not signature:
            return Flaw.UNSIGNED
        if fields.get(_METHOD) != "11":
            return Flaw.BAD_SIGNATURE
        ours = key_signature(signed_text(fields), self.secret_key)
        return None if compare_digest(ours.encode(), signature.encode()) else Flaw.BAD_SIGNATURE


def _filled(fields: Mapping[str, str]) -> dict[str, str]:
    stripped = {name: value.strip() for name, value in fields.items()}
    return {name: value for name, value in stripped.items() if value}


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
