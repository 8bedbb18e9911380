"""Issues the certificates of Alipay's certificate mode: a root, and under it the application's and the wallet's own.

Names have exactly the four parts that SDKs put into a certificate's number. The same keys and days give the same
certificates. Must not know: files, the clock.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import NameOID

from sandbox.alipay.certificates import CertificateChain

ALIPAY_ROOT_KEY: Final = "alipay-root"
_VALIDITY: Final = timedelta(days=5 * 365)
_BACKDATED: Final = timedelta(days=30)
_SERIAL_BYTES: Final = 16


def alipay_chain(keys: Mapping[str, RSAPrivateKey], *, now_ms: int) -> CertificateChain:
    """Over the keys `alipay-root`, `alipay-merchant` and `alipay-wallet`, in date around `now_ms`."""
    root = keys[ALIPAY_ROOT_KEY]
    authority = _name("Ant Financial Certification Authority R1 (sandbox)", "Certification Authority")

    def issue(key: RSAPublicKey, name: x509.Name, *, path_length: int | None = None) -> x509.Certificate:
        start = datetime.fromtimestamp(now_ms // 1000, UTC) - _BACKDATED
        authorised = x509.BasicConstraints(ca=path_length is not None, path_length=path_length)
        return (
            x509.CertificateBuilder(issuer_name=authority, subject_name=name, public_key=key)
            .serial_number(_serial(key))
            .not_valid_before(start)
            .not_valid_after(start + _VALIDITY)
            .add_extension(authorised, critical=True)
            .sign(root, hashes.SHA256())
        )

    return CertificateChain(
        application=issue(keys["alipay-merchant"].public_key(), _name("柜台演示店 2088621955702813", "Alipay")),
        wallet=issue(keys["alipay-wallet"].public_key(), _name("Alipay (sandbox)", "Alipay")),
        root=issue(root.public_key(), authority, path_length=0),
    )


def _name(common_name: str, unit: str) -> x509.Name:
    parts = (
        (NameOID.COUNTRY_NAME, "CN"),
        (NameOID.ORGANIZATION_NAME, "Ant Financial"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, common_name),
    )
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _serial(key: RSAPublicKey) -> int:
    """The head of a digest over the key; its first bit clear and the next set: positive and of one length."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    digest = hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).digest()
    bits = 8 * _SERIAL_BYTES
    return (int.from_bytes(digest[:_SERIAL_BYTES], "big") & ~(3 << (bits - 2))) | (1 << (bits - 2))
