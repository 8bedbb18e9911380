"""The keys of one account: the merchant's own, WeChat Pay's of both kinds, and the two symmetric ones.

Rules
- WeChat Pay's public key and platform certificates are trusted side by side: while a merchant is moved from one to the
  other both sign. The public key is asked for in requests when there is one.
- The merchant's certificate must be over private_key: both are mistakes of a new account, found when it is opened,
  together with every other. Without the client certificate no payment code could ever be reversed or refunded by v2,
  so such an account is not opened.
It must not know what is signed. No message repeats any part of a key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import Certificate, load_pem_x509_certificates
from msgspec import Struct

from gateway.channels.account import AccountError, ChannelAccount, raise_together
from gateway.channels.wechat.v2_signing import SignType
from gateway.channels.wechat.v3_signing import WalletKeys
from protocol.secret import Secret

_MIN_BITS: Final = 2048
_SERIAL: Final = re.compile(r"[0-9A-Fa-f]{8,40}", re.ASCII)
_KEY_ID: Final = re.compile(r"PUB_KEY_ID_[0-9A-Za-z_]{1,64}", re.ASCII)
_SYMMETRIC: Final = re.compile(r"[\x21-\x7e]{32}", re.ASCII)


class V2Keys(Struct, frozen=True, kw_only=True):
    key: Secret
    sign_type: SignType


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKeys:
    """`v2` None: payment codes go by v3. `serial`: of the merchant's certificate, as headers carry it."""

    private: RSAPrivateKey = field(repr=False)
    serial: str
    v3_key: Secret
    wallet: WalletKeys = field(repr=False)
    v2: V2Keys | None


def open_keys(account: ChannelAccount) -> AccountKeys:
    """Raises AccountError with all that is wrong."""
    return _Opening(account).keys()


def serial_text(certificate: Certificate) -> str:
    """Upper-case hex, whole bytes: as headers name a certificate."""
    digits = f"{certificate.serial_number:X}"
    return digits if len(digits) % 2 == 0 else f"0{digits}"


def certificates_of(text: str) -> tuple[Certificate, ...]:
    """Empty when any of the text is not a certificate."""
    try:
        return tuple(load_pem_x509_certificates(text.strip().encode()))
    except (ValueError, UnsupportedAlgorithm):
        return ()


def rsa_key(certificate: Certificate) -> RSAPublicKey | None:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= _MIN_BITS else None


class _Opening:
    """Collects every fault of one account before any is raised."""

    def __init__(self, account: ChannelAccount) -> None:
        self._account = account
        self._faults: list[AccountError] = []

    def keys(self) -> AccountKeys:
        private = self._private()
        serial = self._serial(private)
        v3_key = self._symmetric("api_v3_key", "must be the 32 characters of the APIv3 key")
        wallet = self._wallet()
        v2 = None if self._account.optional("code_api") == "v3" else self._v2()
        raise_together(self._faults)
        assert private is not None, "its fault was raised"
        assert v3_key is not None, "its fault was raised"
        return AccountKeys(private=private, serial=serial, v3_key=v3_key, wallet=wallet, v2=v2)

    def _fault(self, where: str, hint: str) -> None:
        self._faults.append(self._account.error(where, hint))

    def _private(self) -> RSAPrivateKey | None:
        secret = self._account.optional_secret("private_key")
        if secret is None:
            self._fault("private_key", "is missing: the merchant's API private key, PEM")
            return None
        try:
            key = load_pem_private_key(secret.reveal().strip().encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None  # the parser's message may quote the input
        if not isinstance(key, RSAPrivateKey) or key.key_size < _MIN_BITS:
            self._fault("private_key", f"must be an unencrypted RSA private key of at least {_MIN_BITS} bits, PEM")
            return None
        return key

    def _serial(self, private: RSAPrivateKey | None) -> str:
        given = self._account.optional("certificate_serial")
        certificate = self._client_certificate(private)
        if given is not None and not _SERIAL.fullmatch(given):
            self._fault("certificate_serial", "must be the serial of the merchant's API certificate, hexadecimal")
        elif given is not None and certificate is not None and int(given, 16) != certificate.serial_number:
            self._fault("certificate_serial", "is of another certificate than client_certificate")
        elif given is None and certificate is None:
            self._fault("certificate_serial", "is missing: the serial of the merchant's API certificate")
        if given is not None:
            return given.upper()
        return "" if certificate is None else serial_text(certificate)

    def _client_certificate(self, private: RSAPrivateKey | None) -> Certificate | None:
        text = self._account.optional("client_certificate")
        if text is None:
            if self._account.optional("code_api") != "v3":
                hint = "is missing: without it WeChat Pay takes neither reverse nor refund of a payment code"
                self._fault("client_certificate", hint)
            return None
        found = certificates_of(text)
        if not found:
            self._fault("client_certificate", "must be the merchant's API certificate, PEM")
            return None
        if private is not None and rsa_key(found[0]) != private.public_key():
            self._fault("client_certificate", "is over another key than private_key")
        return found[0]

    def _symmetric(self, name: str, hint: str) -> Secret | None:
        secret = self._account.optional_secret(name)
        if secret is None or not _SYMMETRIC.fullmatch(secret.reveal()):
            self._fault(name, hint if secret is not None else f"is missing: {hint}")
            return None
        return secret

    def _v2(self) -> V2Keys | None:
        key = self._symmetric("api_v2_key", "must be the 32 characters of the APIv2 key (or set code_api = 'v3')")
        sign_type = SignType(self._account.optional("sign_type") or SignType.HMAC_SHA256)
        return None if key is None else V2Keys(key=key, sign_type=sign_type)

    def _wallet(self) -> WalletKeys:
        by_serial: dict[str, RSAPublicKey] = {}
        key_id = self._account.optional("wallet_public_key_id")
        text = self._account.optional("wallet_public_key")
        if (text is None) != (key_id is None):
            missing = "wallet_public_key" if text is None else "wallet_public_key_id"
            self._fault(missing, "is missing: the key and its id belong together")
        elif text is not None and key_id is not None:
            self._named_key(text, key_id, by_serial)
        bundle = self._account.optional("wallet_certificates")
        if bundle is not None:
            self._bundle(bundle, by_serial)
        if text is None and bundle is None:
            hint = "is missing: WeChat Pay's public key with its id, or wallet_certificates"
            self._fault("wallet_public_key", hint)
        return WalletKeys(by_serial=by_serial, asked=key_id)

    def _named_key(self, text: str, key_id: str, by_serial: dict[str, RSAPublicKey]) -> None:
        try:
            key = load_pem_public_key(text.strip().encode())
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, RSAPublicKey) or key.key_size < _MIN_BITS:
            self._fault("wallet_public_key", f"must be an RSA public key of at least {_MIN_BITS} bits, PEM")
        elif not _KEY_ID.fullmatch(key_id):
            self._fault("wallet_public_key_id", "must be PUB_KEY_ID_ and what follows, as the console shows it")
        else:
            by_serial[key_id] = key

    def _bundle(self, text: str, by_serial: dict[str, RSAPublicKey]) -> None:
        found = certificates_of(text)
        keys = {serial_text(one): key for one in found if (key := rsa_key(one)) is not None}
        if not keys or len(keys) != len(found):
            self._fault("wallet_certificates", "must be WeChat Pay's platform certificates, PEM, one after another")
        by_serial.update(keys)
