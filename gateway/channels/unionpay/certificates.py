"""The certificate that travels in each answer (`signPubKeyCert`), believed only when it is UnionPay's own.

Rules
- It is one RSA certificate, issued by a configured middle certificate that a configured root issued; both signatures
  are verified, and leaf and middle are in date at the moment that the caller names. A root is trusted because the owner
  configured it (RFC 5280, 6.1.1: a trust anchor's dates are not part of the path).
- Merchants' certificates come from the same authority: only the name tells UnionPay from them. The subject's one CN,
  split at `@`, has UnionPay's name as its third part.
- What was verified is remembered by the digest of its text, with the dates in which it holds; nothing else is.
It must not know clocks, messages or merchants.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    DuplicateExtension,
    ExtensionNotFound,
    KeyUsage,
    load_pem_x509_certificate,
    load_pem_x509_certificates,
)
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

#: Third part of the CN of UnionPay's production certificates.
UNIONPAY_NAME: Final = "中国银联股份有限公司"

_MAX_PEM: Final = 8_192
_MIN_BITS: Final = 2048
_REMEMBERED: Final = 16
#: SHA-1 too: certificates that UnionPay itself sent until 2025 were signed with it by the authority (CFCA OCA1). A
#: collision would need a serial number foreseen, which the authority chooses.
_DIGESTS: Final = (SHA1, SHA256, SHA384, SHA512)
_PKCS1: Final = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_SHA1,
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
    }
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_PEM: Final = re.compile(r"\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*", re.ASCII)


class CertificateUnreadable(Exception):
    """The text is not usable as certificates. The message never repeats any of it."""


def read_certificates(text: str) -> tuple[Certificate, ...]:
    """One or more, PEM. Raises CertificateUnreadable."""
    try:
        return tuple(load_pem_x509_certificates(text.strip().encode()))
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateUnreadable("not a certificate, PEM") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Believed:
    key: RSAPublicKey = field(repr=False)
    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateChain:
    """What one account trusts. `signer_name`: the third part of the CN."""

    roots: Sequence[Certificate]
    middles: Sequence[Certificate]
    signer_name: str
    _remembered: dict[bytes, _Believed] = field(default_factory=dict[bytes, _Believed], repr=False, compare=False)

    def key_of(self, pem: str, *, now_ms: int) -> RSAPublicKey | None:
        """The key of a certificate that is UnionPay's and in date. None: not to be believed."""
        if len(pem) > _MAX_PEM:
            return None
        digest = hashlib.sha256(pem.encode()).digest()
        believed = self._remembered.get(digest)
        if believed is None:
            believed = self._believe(pem)
            if believed is None:
                return None
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[digest] = believed
        return believed.key if believed.from_ms <= now_ms <= believed.until_ms else None

    def _believe(self, pem: str) -> _Believed | None:
        if not _ONE_PEM.fullmatch(pem):
            return None
        try:
            leaf = load_pem_x509_certificate(pem.strip().encode())
            key = leaf.public_key()
        except (ValueError, UnsupportedAlgorithm):
            return None
        if not isinstance(key, RSAPublicKey) or key.key_size < _MIN_BITS:
            return None
        if _signer_of(leaf) != self.signer_name or not _may_sign(leaf):
            return None
        for middle in self.middles:
            if _issued(leaf, by=middle) and _is_authority(middle) and any(_issued(middle, by=r) for r in self.roots):
                return _Believed(
                    key=key,
                    from_ms=max(_ms(leaf.not_valid_before_utc), _ms(middle.not_valid_before_utc)),
                    until_ms=min(_ms(leaf.not_valid_after_utc), _ms(middle.not_valid_after_utc)),
                )
        return None


def _signer_of(leaf: Certificate) -> str | None:
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1 or not isinstance(names[0].value, str):
        return None
    parts = names[0].value.split("@")
    return parts[2] if len(parts) > 2 else None


def _issued(certificate: Certificate, *, by: Certificate) -> bool:
    """Name and signature. `verify_directly_issued_by` knows no SHA-1, with which this authority still signs."""
    digest, key = certificate.signature_hash_algorithm, by.public_key()
    if certificate.issuer != by.subject or not isinstance(key, RSAPublicKey) or not isinstance(digest, _DIGESTS):
        return False
    try:
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, PKCS1v15(), digest)
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return certificate.signature_algorithm_oid in _PKCS1


def _is_authority(certificate: Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(BasicConstraints).value.ca
    except (ValueError, ExtensionNotFound, DuplicateExtension):
        return False


def _may_sign(leaf: Certificate) -> bool:
    """A certificate that says what it is for must say: signatures."""
    try:
        return leaf.extensions.get_extension_for_class(KeyUsage).value.digital_signature
    except ExtensionNotFound:
        return True
    except (ValueError, DuplicateExtension):
        return False


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
