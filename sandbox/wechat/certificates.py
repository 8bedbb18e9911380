"""Issues the simulation's certificates: an authority, and what it signs for merchant, platform and TLS server.

The same keys and days give the same certificates: a serial is the head of a digest over the key, so that a sandbox
whose keys are kept answers by the same serials after a restart. Must not know: files, the clock.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.wechat.beijing import moment_utc
from sandbox.wechat.merchant import Certified, KeyMode, WechatMerchant

_VALIDITY = timedelta(days=5 * 365)
_BACKDATED = timedelta(days=30)
_SERIAL_BYTES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WechatKeys:
    """The private keys that a sandbox must make and may keep. Each has one use."""

    authority: RSAPrivateKey
    merchant: RSAPrivateKey
    platform: tuple[RSAPrivateKey, ...]
    """The oldest first."""
    wallet: RSAPrivateKey
    """Of public-key mode."""
    tls_server: RSAPrivateKey

    def __repr__(self) -> str:
        return "WechatKeys()"


@dataclass(frozen=True, slots=True, kw_only=True)
class WechatNumbers:
    """The merchant's names and shared secrets."""

    appid: str = "wx8888888888888888"
    app_secret: str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    mchid: str = "1900009191"
    sub_appid: str = "wx7777777777777777"
    sub_mchid: str = "1900009292"
    api_v2_key: str = "guitaisandboxapiv2key00000000000"
    api_v3_key: str = "guitaisandboxapiv3key00000000000"
    public_key_id: str = "PUB_KEY_ID_0119000091912024112700326400003000"

    def __repr__(self) -> str:
        return f"WechatNumbers(mchid={self.mchid})"


def merchant_with(
    keys: WechatKeys, *, now_ms: int, numbers: WechatNumbers | None = None, key_mode: KeyMode = KeyMode.SIDE_BY_SIDE
) -> WechatMerchant:
    """The merchant over these keys, its certificates in date around `now_ms`."""
    named = numbers or WechatNumbers()
    authority = _Authority(key=keys.authority, now_ms=now_ms)
    return WechatMerchant(
        appid=named.appid,
        app_secret=named.app_secret,
        mchid=named.mchid,
        sub_appid=named.sub_appid,
        sub_mchid=named.sub_mchid,
        api_v2_key=named.api_v2_key,
        api_v3_key=named.api_v3_key,
        authority=authority.own(),
        merchant=authority.issue(keys.merchant, f"柜台演示店_{named.mchid}", ExtendedKeyUsageOID.CLIENT_AUTH),
        platform=tuple(authority.issue(key, "Tenpay.com sign (sandbox)") for key in keys.platform),
        public_key_id=named.public_key_id,
        wallet_key=keys.wallet,
        tls_server=authority.issue(keys.tls_server, "localhost", ExtendedKeyUsageOID.SERVER_AUTH),
        key_mode=key_mode,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Authority:
    key: RSAPrivateKey
    now_ms: int

    def own(self) -> x509.Certificate:
        name = self._name()
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        usage = _usage(signs_certificates=True)
        builder = self._builder(self.key.public_key(), name).add_extension(constraints, critical=True)
        return builder.add_extension(usage, critical=True).sign(self.key, hashes.SHA256())

    def issue(self, key: RSAPrivateKey, name: str, purpose: x509.ObjectIdentifier | None = None) -> Certified:
        builder = self._builder(key.public_key(), _named(name))
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if purpose == ExtendedKeyUsageOID.SERVER_AUTH:
            addresses = [x509.IPAddress(ipaddress.ip_address(one)) for one in ("127.0.0.1", "::1")]
            names = x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses])
            builder = builder.add_extension(names, critical=False)
        return Certified(key=key, certificate=builder.sign(self.key, hashes.SHA256()))

    def _builder(self, subject_key: RSAPublicKey, subject: x509.Name) -> x509.CertificateBuilder:
        start = moment_utc(self.now_ms).replace(microsecond=0) - _BACKDATED
        issuer = self._name()
        identifier = x509.SubjectKeyIdentifier.from_public_key(subject_key)
        issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return (
            x509.CertificateBuilder(issuer_name=issuer, subject_name=subject, public_key=subject_key)
            .serial_number(_serial(subject_key))
            .not_valid_before(start)
            .not_valid_after(start + _VALIDITY)
            .add_extension(identifier, critical=False)
            .add_extension(issued_by, critical=False)
        )

    def _name(self) -> x509.Name:
        return _named("Tenpay.com Root CA (sandbox)")


def _named(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, common_name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sandbox")]
    )


def _serial(key: RSAPublicKey) -> int:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    digest = hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).digest()
    # The first bit set and the next clear: twenty bytes, positive, no leading zero in its hex.
    return (int.from_bytes(digest[:_SERIAL_BYTES], "big") & ~(3 << 158)) | (1 << 158)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
