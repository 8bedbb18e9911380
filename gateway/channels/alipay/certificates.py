"""Certificate mode: numbers that name certificates on the wire, and the keys inside.

Rules (open platform, "certificate signature"): a certificate's number is the MD5 of its issuer's name, most specific
part first, and its serial in decimal; a root bundle's is that of each certificate signed with RSA, joined by `_`. The
bundle that Alipay hands out holds others (SM2, and one that strict parsers refuse): those are skipped.
It must not know accounts, requests or answers.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
#: PKCS#1: every signature made with RSA.
_RSA: Final = "1.2.840.113549.1.1."


def certificates_of(text: str) -> tuple[x509.Certificate, ...]:
    """All that can be read, in their order; none when the text holds none."""
    return tuple(_readable(text))


def _readable(text: str) -> Iterator[x509.Certificate]:
    for found in _PEM.findall(text):
        try:
            with warnings.catch_warnings():
                # Old roots have serials that the library will refuse one day.
                warnings.simplefilter("ignore", CryptographyDeprecationWarning)
                yield x509.load_pem_x509_certificate(found.encode("ascii"))
        except (ValueError, UnsupportedAlgorithm):
            continue


def certificate_number(certificate: x509.Certificate) -> str:
    named = f"{certificate.issuer.rfc4514_string()}{certificate.serial_number}"
    return hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()


def root_number(roots: tuple[x509.Certificate, ...]) -> str:
    """Empty when no root is signed with RSA."""
    rsa = (root for root in roots if root.signature_algorithm_oid.dotted_string.startswith(_RSA))
    return "_".join(certificate_number(root) for root in rsa)


def rsa_key(certificate: x509.Certificate) -> RSAPublicKey | None:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) else None
