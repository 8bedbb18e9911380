"""RSA2: what is signed in a request, how an answer is verified, and how the two keys are read.

Rules (open platform, "signature"): a request signs every non-empty parameter except `sign`, `sign_type` included,
sorted by ASCII, raw, joined by `&`. An answer is verified over the exact bytes of its node, never over a copy of it.
SHA256withRSA is PKCS#1 v1.5. It must not know methods or fields. Signing takes about a millisecond of CPU.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from protocol.secret import Secret

_MIN_BITS: Final = 2048


class KeyUnreadable(Exception):
    """The text is not a usable RSA key. The message never repeats any of it."""


def read_private_key(secret: Secret) -> RSAPrivateKey:
    """PEM, or bare base64 of PKCS#8 or PKCS#1 (the console hands out all three). Raises KeyUnreadable."""
    text = secret.reveal().strip()
    try:
        if text.startswith("-----BEGIN"):
            key = load_pem_private_key(text.encode(), password=None)
        else:
            key = load_der_private_key(_der(text), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # `from None`: the parser's message may quote the input
        raise KeyUnreadable("not an unencrypted RSA private key (PEM, or base64 of PKCS#8 or PKCS#1)") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _MIN_BITS:
        raise KeyUnreadable(f"RSA2 needs an RSA private key of at least {_MIN_BITS} bits")
    return key


def read_public_key(text: str) -> RSAPublicKey:
    """PEM, or bare base64 of SubjectPublicKeyInfo or PKCS#1. Raises KeyUnreadable."""
    text = text.strip()
    try:
        if text.startswith("-----BEGIN"):
            key = load_pem_public_key(text.encode())
        else:
            key = load_der_public_key(_der(text))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyUnreadable("not an RSA public key (PEM, or base64 of it)") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _MIN_BITS:
        raise KeyUnreadable(f"RSA2 needs an RSA public key of at least {_MIN_BITS} bits")
    return key


def _der(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)


def request_string(params: Mapping[str, str]) -> str:
    """The text that a request signs."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "sign" and params[name] != "")


def sign(key: RSAPrivateKey, text: str) -> str:
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode("ascii")


def verifies(key: RSAPublicKey, signed: bytes, signature: str) -> bool:
    """Whether `signature` (base64, in its one canonical writing) was made over exactly these bytes."""
    try:
        plain = base64.b64decode(signature, validate=True)
        key.verify(plain, signed, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return base64.b64encode(plain).decode("ascii") == signature
