"""Certificates for the Alipay channel tests, made for the run: a root, one between, and those of both keys."""

from __future__ import annotations

import datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.unit.gateway import channel_alipay_wallet as wallet

_BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_PARTS = ((NameOID.COUNTRY_NAME, "CN"), (NameOID.ORGANIZATION_NAME, "测试"))


@cache
def root_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@cache
def other_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def certificate(name: str, key: RSAPublicKey, *, issuer: str, signer: RSAPrivateKey, serial: int) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(_BEGIN)
        .not_valid_after(_BEGIN + datetime.timedelta(days=365))
        .sign(signer, SHA256())
    )


def _name(common: str) -> x509.Name:
    parts = [x509.NameAttribute(oid, value) for oid, value in _PARTS]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


@cache
def root() -> x509.Certificate:
    return certificate("root", root_key().public_key(), issuer="root", signer=root_key(), serial=11)


@cache
def between() -> x509.Certificate:
    return certificate("class 2", other_key().public_key(), issuer="root", signer=root_key(), serial=12)


@cache
def application() -> x509.Certificate:
    return certificate("app", wallet.app_key().public_key(), issuer="class 2", signer=other_key(), serial=13)


@cache
def wallets() -> x509.Certificate:
    return certificate("wallet", wallet.wallet_key().public_key(), issuer="class 2", signer=other_key(), serial=14)


def pem(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(Encoding.PEM).decode("ascii") for one in certificates)


def settings(**changes: object) -> dict[str, object]:
    """What certificate mode adds to the account, and takes away."""
    return {
        "wallet_public_key": None,
        "app_certificate": pem(application()),
        "wallet_certificate": pem(wallets(), between()),
        "wallet_root_certificate": pem(root()),
        **changes,
    }
