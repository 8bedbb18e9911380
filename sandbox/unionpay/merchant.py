"""The one merchant that the simulated UnionPay knows, connected directly and as a platform or acquirer that acts for a
sub-merchant: its numbers, the keys and certificates of both sides.

The keys are made by the sandbox for itself and open nothing else; they still stay out of repr. Must not know: HTTP,
files, how keys are made.
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

PFX_PASSWORD = "000000"
"""The one of UnionPay's own test material."""
_PFX_ROUNDS = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A key with the certificate over it."""

    key: RSAPrivateKey
    certificate: x509.Certificate

    @property
    def cert_id(self) -> str:
        """The serial in decimal, as certId has it."""
        return str(self.certificate.serial_number)

    def __repr__(self) -> str:
        return f"Certified({self.cert_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionpayMerchant:
    mer_id: str
    """15 characters."""
    store_name: str
    acq_ins_code: str
    """Of the acquirer, when accessType is 1."""
    sub_mer_id: str
    """The sub-merchant, when accessType is 2."""
    secret_key: str
    """Of signMethod 11."""
    root: x509.Certificate
    middle: x509.Certificate
    """Issued by root; issued both certificates below."""
    unionpay: Certified
    """Signs answers and notifications. The third part of its CN is UnionPay's name."""
    merchant: Certified
    """Signs requests."""

    def __repr__(self) -> str:
        return f"UnionpayMerchant(mer_id={self.mer_id})"


def private_pem(key: RSAPrivateKey) -> str:
    """PKCS#8."""
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, PrivateFormat.PKCS8, none).decode("ascii")


def certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def pfx(certified: Certified, name: str) -> bytes:
    """Key and certificate as SDKs read them, in the encryption that the oldest of them know."""
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(_PFX_ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303  (the format's own; it protects a key that protects nothing)
        .build(PFX_PASSWORD.encode("ascii"))
    )
    named = name.encode("utf-8")
    return pkcs12.serialize_key_and_certificates(named, certified.key, certified.certificate, None, encryption)
