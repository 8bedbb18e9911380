"""How v2 signs: every non-empty field but `sign`, sorted, and the APIv2 key behind them.

Rules (v2, "signature algorithm")
- MD5 of `k=v&…&key=K`, or HMAC-SHA256 of the same text keyed with K; upper-case hex.
- An answer is signed by the sign_type of its request, which it mostly does not repeat: who asks must remember it. An
  answer that names another one is judged by ours all the same.
- `req_info` of a refund notification is AES-256-ECB under the lower-case hex MD5 of the key, and no signature.
- The `nonce_str` is derived from key, moment and content, so that signing needs no chance.
It must not know which fields mean what.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, assert_never

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from protocol.secret import Secret

SIGN: Final = "sign"
_AES_BLOCK_BITS: Final = 128


class SignType(StrEnum):
    MD5 = "MD5"
    HMAC_SHA256 = "HMAC-SHA256"


def signature(fields: Mapping[str, str], key: Secret, sign_type: SignType) -> str:
    secret = key.reveal()
    covered = [f"{name}={fields[name]}" for name in sorted(fields) if fields[name] != "" and name != SIGN]
    text = "&".join([*covered, f"key={secret}"]).encode()
    match sign_type:
        case SignType.MD5:
            return hashlib.md5(text, usedforsecurity=False).hexdigest().upper()
        case SignType.HMAC_SHA256:
            return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest().upper()
        case _:
            assert_never(sign_type)


def is_signed(fields: Mapping[str, str], key: Secret, sign_type: SignType) -> bool:
    return hmac.compare_digest(signature(fields, key, sign_type).encode(), fields.get(SIGN, "").encode())


def derived_nonce(key: Secret, content: bytes, *, now_ms: int) -> str:
    """32 characters, another for every moment and content, foreseen by nobody without the key."""
    return hmac.new(key.reveal().encode(), b"nonce\n%d\n" % now_ms + content, hashlib.sha256).hexdigest()[:32]


def decrypt_req_info(text: str, key: Secret) -> bytes | None:
    """None: not written by somebody who has the key."""
    aes_key = hashlib.md5(key.reveal().encode(), usedforsecurity=False).hexdigest().encode("ascii")
    try:
        sealed = base64.b64decode(text, validate=True)
        # The protocol's own mode. What it carries is a hint that a query has to confirm.
        decryptor = Cipher(algorithms.AES(aes_key), modes.ECB()).decryptor()  # noqa: S305
        padded = decryptor.update(sealed) + decryptor.finalize()
        unpadder = PKCS7(_AES_BLOCK_BITS).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except (binascii.Error, ValueError):
        return None
