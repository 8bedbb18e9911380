"""Issues the simulation's certificates as UnionPay's authority does: a root, a middle, and under it UnionPay's own and
the merchant's, which only their names tell apart.

The same keys and days give the same certificates: a serial is the head of a digest over the key, so that a sandbox
whose keys are kept is known by the same certId after a restart. Must not know: files, the clock.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import NameOID

from sandbox.unionpay.beijing import moment_utc
from sandbox.unionpay.merchant import Certified, UnionpayMerchant

UNIONPAY_CN = "041@8310000000083040@中国银联股份有限公司@00016495"
"""As in production; clients believe it in their test mode too."""
TEST_CN = "041@Z12@00040000:SIGN@00000001"
"""As in UnionPay's test environment."""
_ROOT_CN, _MIDDLE_CN = "CFCA ACS CA (sandbox)", "CFCA ACS OCA31 (sandbox)"
_VALIDITY = timedelta(days=5 * 365)
_BACKDATED = timedelta(days=30)
_SERIAL_BYTES = 6
"""Production's serials have some twelve decimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionpayKeys:
    """The private keys that a sandbox must make and may keep. Each has one use."""

    root: RSAPrivateKey
    middle: RSAPrivateKey
    unionpay: RSAPrivateKey
    merchant: RSAPrivateKey

    def __repr__(self) -> str:
        return "UnionpayKeys()"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionpayNumbers:
    """The merchant's names and its shared secret."""

    mer_id: str = "777290058110048"
    store_name: str = "柜台演示店"
    acq_ins_code: str = "00010000"
    sub_mer_id: str = "777290058110099"
    secret_key: str = "guitaisandboxunionpaykey"

    def __repr__(self) -> str:
        return f"UnionpayNumbers(mer_id={self.mer_id})"


def merchant_with(
    keys: UnionpayKeys, *, now_ms: int, numbers: UnionpayNumbers | None = None, unionpay_cn: str = UNIONPAY_CN
) -> UnionpayMerchant:
    """The merchant over these keys, its certificates in date around `now_ms`."""
    named = numbers or UnionpayNumbers()
    root = _Issuer(key=keys.root, name=_ROOT_CN, now_ms=now_ms)
    middle = _Issuer(key=keys.middle, name=_MIDDLE_CN, now_ms=now_ms)
    merchant_cn = f"041@Z{named.mer_id}@{named.store_name}@{named.mer_id[-8:]}"
    return UnionpayMerchant(
        mer_id=named.mer_id,
        store_name=named.store_name,
        acq_ins_code=named.acq_ins_code,
        sub_mer_id=named.sub_mer_id,
        secret_key=named.secret_key,
        root=root.issue(keys.root, _ROOT_CN, authority=True),
        middle=root.issue(keys.middle, _MIDDLE_CN, authority=True),
        unionpay=_certified(middle, keys.unionpay, unionpay_cn),
        merchant=_certified(middle, keys.merchant, merchant_cn),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issuer:
    key: RSAPrivateKey
    name: str
    now_ms: int

    def issue(self, key: RSAPrivateKey, name: str, *, authority: bool) -> x509.Certificate:
        start = moment_utc(self.now_ms).replace(microsecond=0) - _BACKDATED
        public = key.public_key()
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return (
            x509.CertificateBuilder(issuer_name=_named(self.name), subject_name=_named(name), public_key=public)
            .serial_number(_serial(public))
            .not_valid_before(start)
            .not_valid_after(start + _VALIDITY)
            .add_extension(identifier, critical=False)
            .add_extension(issued_by, critical=False)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=authority), critical=True)
            .sign(self.key, hashes.SHA256())
        )


def _certified(middle: _Issuer, key: RSAPrivateKey, name: str) -> Certified:
    return Certified(key=key, certificate=middle.issue(key, name, authority=False))


def _named(common_name: str) -> x509.Name:
    attributes = [
        (NameOID.COUNTRY_NAME, "CN"),
        (NameOID.ORGANIZATION_NAME, "Sandbox"),
        (NameOID.COMMON_NAME, common_name),
    ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def _serial(key: RSAPublicKey) -> int:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    digest = hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).digest()
    # Never zero, and always as many bytes.
    return (int.from_bytes(digest[:_SERIAL_BYTES], "big") & (2**46 - 1)) | 2**45


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=not signs_certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
