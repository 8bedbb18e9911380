"""`GET /v3/certificates`: the platform certificates that WeChat Pay hands out, decrypted and verified.

Rules (v3, "platform certificates"): each comes sealed under the APIv3 key, so only WeChat Pay could have written it;
the answer is signed by one of them. A first download therefore proves itself by both: it decrypts, and the certificate
that the answer names verifies it. It must not know where certificates are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from cryptography.x509 import Certificate

from gateway.channels.port import ChannelReason, ChannelResponse, Unknown
from gateway.channels.wechat.json_text import part_of, read_json, text_of
from gateway.channels.wechat.keys import certificates_of, rsa_key, serial_text
from gateway.channels.wechat.times import unix_ms_of
from gateway.channels.wechat.v3_signing import Trust, WalletKeys, decrypt
from protocol.secret import Secret

_MAX_CERTIFICATES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformCertificate:
    """`serial` as headers carry it; valid from `effective_ms` until before `expire_ms`."""

    serial: str
    pem: str = field(repr=False)
    effective_ms: int
    expire_ms: int


def read_certificates(
    response: ChannelResponse, *, v3_key: Secret, now_ms: int
) -> tuple[PlatformCertificate, ...] | Unknown:
    if response.status != 200:
        return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")
    body = read_json(response.body)
    listed = None if body is None else body.get("data")
    if not isinstance(listed, list) or not listed:
        return Unknown(reason=ChannelReason.UNREADABLE)
    entries = cast("list[object]", listed)[:_MAX_CERTIFICATES]
    opened = [_opened(entry, v3_key) for entry in entries]
    pairs = [pair for pair in opened if pair is not None]
    if len(pairs) != len(opened):
        return Unknown(reason=ChannelReason.BAD_SIGNATURE, code="certificate")
    by_serial = {told.serial: key for told, certificate in pairs if (key := rsa_key(certificate)) is not None}
    trust = WalletKeys(by_serial=by_serial, asked=None).judge(response.headers, response.body, now_ms=now_ms)
    if trust is not Trust.GOOD:
        return Unknown(reason=ChannelReason.BAD_SIGNATURE, code=trust.value)
    return tuple(told for told, _ in pairs)


def _opened(entry: object, v3_key: Secret) -> tuple[PlatformCertificate, Certificate] | None:
    if not isinstance(entry, dict):
        return None
    told = cast("Mapping[str, object]", entry)
    sealed = part_of(told, "encrypt_certificate")
    plain = decrypt(
        v3_key,
        nonce=text_of(sealed, "nonce"),
        associated_data=text_of(sealed, "associated_data"),
        ciphertext=text_of(sealed, "ciphertext"),
    )
    if plain is None or text_of(sealed, "algorithm") != "AEAD_AES_256_GCM":
        return None
    pem = plain.decode("ascii", "replace")
    found = certificates_of(pem)
    effective_ms, expire_ms = (unix_ms_of(text_of(told, f"{name}_time")) for name in ("effective", "expire"))
    if len(found) != 1 or effective_ms is None or expire_ms is None:
        return None
    if serial_text(found[0]) != text_of(told, "serial_no"):
        return None
    serial = serial_text(found[0])
    return PlatformCertificate(serial=serial, pem=pem, effective_ms=effective_ms, expire_ms=expire_ms), found[0]
