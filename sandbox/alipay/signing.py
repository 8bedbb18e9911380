"""RSA2: how a merchant's requests and Alipay's answers are signed (SHA256withRSA, PKCS#1 v1.5, base64).

A request is signed over its parameters; an answer over the exact bytes of its node, never over a re-written form of it.
Must not know: HTTP, methods, trades.
"""

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256


def request_text(params: Mapping[str, bytes]) -> bytes:
    """What a request's signature covers: every non-empty parameter but `sign` (sign_type stays), sorted, raw values."""
    covered = sorted((name, value) for name, value in params.items() if value and name != "sign")
    return b"&".join(name.encode("latin-1") + b"=" + value for name, value in covered)


def sign(key: RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode("ascii")


def verifies(key: RSAPublicKey, message: bytes, signature_b64: str) -> bool:
    """Whether the signature is this key's over exactly these bytes. Text that is not base64 does not verify."""
    try:
        key.verify(base64.b64decode(signature_b64, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
