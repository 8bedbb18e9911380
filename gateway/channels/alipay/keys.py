"""The keys of one account: the application's own, and the wallet's in public-key mode or in certificate mode.

Rules
- In certificate mode requests name the application's certificate and the root that is trusted, and an answer names the
  certificate that it was signed with. One that is not in the account's file is not believed, whatever it says.
- The application's certificate must be over the application's key, and the wallet's must have been issued under the
  root: both are mistakes of a new account, and are found when it is opened, together with every other.
It must not know what is signed. Whether a certificate is still in date is the wallet's concern: it refuses old ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from gateway.channels.account import AccountError, ChannelAccount, raise_together
from gateway.channels.alipay.certificates import certificate_number, certificates_of, root_number, rsa_key
from gateway.channels.alipay.signing import KeyUnreadable, read_private_key, read_public_key, verifies


class Trust(StrEnum):
    GOOD = "good"
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_KEY = "unknown_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletKeys:
    """`numbered`: by certificate number; empty in public-key mode, which has `plain`."""

    plain: RSAPublicKey | None = field(default=None, repr=False)
    numbered: Mapping[str, RSAPublicKey] = field(default_factory=dict[str, RSAPublicKey], repr=False)

    def judge(self, signed: bytes, signature: str, *, number: str | None) -> Trust:
        """`number`: the certificate that the signer names. Named by none, any of the account's may have signed."""
        if self.plain is not None:
            candidates = [self.plain]
        elif number is None:
            candidates = list(self.numbered.values())
        elif number in self.numbered:
            candidates = [self.numbered[number]]
        else:
            return Trust.UNKNOWN_KEY
        good = any(verifies(key, signed, signature) for key in candidates)
        return Trust.GOOD if good else Trust.BAD_SIGNATURE


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKeys:
    """`names`: the public parameters that name certificates; none in public-key mode."""

    private: RSAPrivateKey = field(repr=False)
    wallet: WalletKeys = field(repr=False)
    names: Mapping[str, str]


def open_keys(account: ChannelAccount) -> AccountKeys:
    """Raises AccountError with all that is wrong."""
    faults: list[AccountError] = []
    private: RSAPrivateKey | None = None
    try:
        private = read_private_key(account.secret("private_key"))
    except KeyUnreadable as bad:
        faults.append(account.error("private_key", str(bad)))
    names: Mapping[str, str] = {}
    if account.optional("app_certificate") is None:
        wallet = _plain(account, private, faults)
    else:
        wallet, names = _certified(account, private, faults)
    raise_together(faults)
    assert private is not None, "its fault was raised"
    return AccountKeys(private=private, wallet=wallet, names=names)


def _plain(account: ChannelAccount, private: RSAPrivateKey | None, faults: list[AccountError]) -> WalletKeys:
    try:
        key = read_public_key(account.text("wallet_public_key"))
    except KeyUnreadable as bad:
        faults.append(account.error("wallet_public_key", str(bad)))
        return WalletKeys()
    if private is not None and private.public_key() == key:
        hint = "is the application's own key; the wallet's key is another one, shown beside it in the console"
        faults.append(account.error("wallet_public_key", hint))
    return WalletKeys(plain=key)


def _certified(
    account: ChannelAccount, private: RSAPrivateKey | None, faults: list[AccountError]
) -> tuple[WalletKeys, Mapping[str, str]]:
    application = certificates_of(account.text("app_certificate"))
    wallet = certificates_of(account.text("wallet_certificate"))
    roots = certificates_of(account.text("wallet_root_certificate"))
    if account.optional("wallet_public_key") is not None:
        faults.append(account.error("wallet_public_key", "is not used in certificate mode; remove it"))
    own = rsa_key(application[0]) if application else None
    if own is None:
        faults.append(account.error("app_certificate", "holds no RSA certificate in PEM"))
    elif private is not None and private.public_key() != own:
        faults.append(account.error("app_certificate", "is over another key than private_key"))
    root = root_number(roots)
    if not root:
        faults.append(account.error("wallet_root_certificate", "holds no RSA certificate in PEM"))
    numbered = {certificate_number(signer): key for signer in _signers(wallet) if (key := rsa_key(signer)) is not None}
    if not numbered:
        faults.append(account.error("wallet_certificate", "holds no RSA certificate in PEM"))
    elif root and not all(_issued_under(signer, wallet, roots) for signer in _signers(wallet)):
        faults.append(account.error("wallet_certificate", "was not issued under wallet_root_certificate"))
    if faults:
        return WalletKeys(), {}
    names = {"app_cert_sn": certificate_number(application[0]), "alipay_root_cert_sn": root}
    return WalletKeys(numbered=numbered), names


def _signers(bundle: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...]:
    """The bundle without those that are there only to vouch for another."""
    vouching = {one.issuer for one in bundle if one.issuer != one.subject}
    return tuple(one for one in bundle if one.subject not in vouching)


def _issued_under(
    one: x509.Certificate, between: tuple[x509.Certificate, ...], roots: tuple[x509.Certificate, ...]
) -> bool:
    seen: set[x509.Certificate] = set()
    while one not in roots and one not in seen:
        seen.add(one)
        issuer = next((other for other in (*roots, *between) if _vouches(other, one)), None)
        if issuer is None:
            return False
        one = issuer
    return one in roots


def _vouches(issuer: x509.Certificate, one: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
