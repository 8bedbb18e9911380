"""The one merchant that the simulated WeChat Pay knows, as a direct merchant and as a service provider with one
sub-merchant: its numbers, its secrets, the keys and certificates of both sides.

The keys are made by the sandbox for itself and open nothing else; they still stay out of repr. Must not know: HTTP,
files, how keys are made.
"""

from dataclasses import dataclass
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


class KeyMode(Enum):
    """By what WeChat Pay signs its v3 answers and callbacks to this merchant."""

    CERTIFICATES = "certificates"
    PUBLIC_KEY = "public_key"
    """No platform certificates are to be had."""
    SIDE_BY_SIDE = "side_by_side"
    """In migration: an answer is signed as the request asks by `Wechatpay-Serial`, a callback by either in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A key with the certificate over it."""

    key: RSAPrivateKey
    certificate: x509.Certificate

    @property
    def serial_no(self) -> str:
        """Upper-case hex, as headers carry it."""
        return serial_text(self.certificate)

    def __repr__(self) -> str:
        return f"Certified({self.serial_no})"


@dataclass(frozen=True, slots=True, kw_only=True)
class WechatMerchant:
    appid: str
    app_secret: str
    mchid: str
    sub_appid: str
    sub_mchid: str
    api_v2_key: str
    """32 characters."""
    api_v3_key: str
    """32 characters of ASCII."""
    authority: x509.Certificate
    """Signed every certificate here, the TLS server's too."""
    merchant: Certified
    """Signs v3 requests; the same certificate is the client certificate of v2's TLS."""
    platform: tuple[Certified, ...]
    """WeChat Pay's own, the oldest first. The newest signs."""
    public_key_id: str
    """`PUB_KEY_ID_…`."""
    wallet_key: RSAPrivateKey
    """Signs in public-key mode."""
    tls_server: Certified
    """What a TLS port of this wallet shows."""
    key_mode: KeyMode = KeyMode.SIDE_BY_SIDE

    def __repr__(self) -> str:
        return f"WechatMerchant(mchid={self.mchid}, key_mode={self.key_mode.value})"


def serial_text(certificate: x509.Certificate) -> str:
    number = f"{certificate.serial_number:X}"
    return number if len(number) % 2 == 0 else "0" + number


def private_pem(key: RSAPrivateKey) -> str:
    """PKCS#8."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode("ascii")


def public_pem(key: RSAPublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode("ascii")


def certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
