r"""How v3 signs and seals: SHA256withRSA over lines, AES-256-GCM for what comes encrypted.

Rules
- A request signs `METHOD\n target\n seconds\n nonce\n body\n` over the bytes that are sent and the target as sent.
- An answer or notification is verified over `seconds\n nonce\n body\n`, by the key that `Wechatpay-Serial` names: a
  platform certificate's serial or `PUB_KEY_ID_…`. Both kinds hold side by side: a migration mixes them for days.
- More than five minutes away from now is not believed. A signature that begins with `WECHATPAY/SIGNTEST/` is the
  wallet's own probe of whether we verify: it must be refused.
It must not know calls or fields. Signing takes about a millisecond of CPU.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from protocol.secret import Secret

SCHEME: Final = "WECHATPAY2-SHA256-RSA2048"
PROBE: Final = "WECHATPAY/SIGNTEST/"
CLOCK_WINDOW_MS: Final = 300_000
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_TAG_BYTES: Final = 16
#: What the GCM of the library takes; WeChat's own nonce has 12.
_NONCE_BYTES: Final = range(8, 129)


class Trust(StrEnum):
    GOOD = "good"
    UNSIGNED = "unsigned"
    PROBE = "probe"
    OUT_OF_TIME = "out_of_time"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"


def sign(key: RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode("ascii")


def verifies(key: RSAPublicKey, text: bytes, signature: str) -> bool:
    """Whether `signature` (base64, in its one canonical writing) was made over exactly these bytes."""
    try:
        plain = base64.b64decode(signature, validate=True)
        key.verify(plain, text, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return base64.b64encode(plain).decode("ascii") == signature


def request_text(method: str, target: str, *, seconds: str, nonce: str, body: bytes) -> bytes:
    """`target`: path and query exactly as sent."""
    return f"{method}\n{target}\n{seconds}\n{nonce}\n".encode() + body + b"\n"


def authorization(*, mch_id: str, serial: str, nonce: str, seconds: str, signature: str) -> str:
    parts = {
        "mchid": mch_id,
        "nonce_str": nonce,
        "signature": signature,
        "timestamp": seconds,
        "serial_no": serial,
    }
    return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in parts.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletKeys:
    """WeChat Pay's public keys by the names that headers use. `asked`: the public key's id, named in our requests."""

    by_serial: Mapping[str, RSAPublicKey] = field(repr=False)
    asked: str | None

    def judge(self, headers: Mapping[str, str], body: bytes, *, now_ms: int) -> Trust:
        """`headers`: by lower-case name."""
        names = ("timestamp", "nonce", "serial", "signature")
        seconds, nonce, serial, signature = (headers.get(f"wechatpay-{name}", "") for name in names)
        if not signature or not serial or not nonce or not seconds:
            return Trust.UNSIGNED
        if signature.startswith(PROBE):
            return Trust.PROBE
        if headers.get("wechatpay-signature-type", SCHEME) != SCHEME:
            return Trust.BAD_SIGNATURE
        if not _SECONDS.fullmatch(seconds) or abs(now_ms - int(seconds) * 1000) > CLOCK_WINDOW_MS:
            return Trust.OUT_OF_TIME
        key = self.by_serial.get(serial)
        if key is None:
            return Trust.UNKNOWN_KEY
        text = f"{seconds}\n{nonce}\n".encode("utf-8", "replace") + body + b"\n"
        return Trust.GOOD if verifies(key, text, signature) else Trust.BAD_SIGNATURE


def decrypt(key: Secret, *, nonce: str, associated_data: str, ciphertext: str) -> bytes | None:
    """None: another key's, or tampered with (a wrong APIv3 key looks the same as a forgery)."""
    try:
        sealed = base64.b64decode(ciphertext, validate=True)
        if len(sealed) < _TAG_BYTES or len(nonce.encode()) not in _NONCE_BYTES:
            return None
        return AESGCM(key.reveal().encode()).decrypt(nonce.encode(), sealed, associated_data.encode())
    except (InvalidTag, binascii.Error, ValueError):
        return None
