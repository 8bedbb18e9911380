"""Alipay's certificate mode: the three certificates of an application, and the numbers that name them on the wire.

A certificate's number is the MD5 of its issuer's name and its decimal serial; a root bundle's is that of each RSA root,
joined by `_`. Must not know: how certificates are made, HTTP.
"""

import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateChain:
    """The application's certificate (over the merchant's key), the wallet's own, and the root of both."""

    application: x509.Certificate
    wallet: x509.Certificate
    root: x509.Certificate

    @property
    def application_sn(self) -> str:
        return certificate_sn(self.application)

    @property
    def wallet_sn(self) -> str:
        return certificate_sn(self.wallet)

    @property
    def root_sn(self) -> str:
        return certificate_sn(self.root)


def certificate_sn(certificate: x509.Certificate) -> str:
    named = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(named.encode("utf-8"), usedforsecurity=False).hexdigest()


def certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")
