"""Opens a UnionPay account: loads its keys, checks that its settings fit together, states its traits.

Rule: whatever would make every call fail is an AccountError that names the key of the file, and never a secret.
It must not know messages.
"""

from __future__ import annotations

import re
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate

from gateway.channels.account import ChannelAccount
from gateway.channels.port import Channel, ChannelTraits, UndoAction
from gateway.channels.unionpay.certificates import (
    UNIONPAY_NAME,
    CertificateChain,
    CertificateUnreadable,
    read_certificates,
)
from gateway.channels.unionpay.channel import UnionPayChannel
from gateway.channels.unionpay.requests import RequestBuilder
from gateway.channels.unionpay.signing import CertificateSeal, KeySeal, KeyUnreadable, Seal, read_private_key

NAME: Final = "unionpay"

_MER_ID: Final = re.compile(r"[0-9A-Za-z]{15}", re.ASCII)
_HOURS: Final = re.compile(r"[0-9]{1,3}", re.ASCII)
_HOUR_MS: Final = 3_600_000
_QUERY_AT_MS: Final = (3_000, 6_000, 10_000, 15_000, 20_000, 25_000, 30_000, 37_000, 45_000)


def open_unionpay(account: ChannelAccount) -> Channel:
    """Loads the account's keys. Raises AccountError."""
    _check(account)
    seal = _key_seal(account) if account.optional("sign_method") == "11" else _certificate_seal(account)
    return UnionPayChannel(
        account=account,
        builder=RequestBuilder(account=account, seal=seal),
        seal=seal,
        traits=_traits(account),
        bill_wait_ms=int(account.optional("bill_wait_hours") or "36") * _HOUR_MS,
    )


def _traits(account: ChannelAccount) -> ChannelTraits:
    """A shown QR is taken as unknown until somebody scans it: whether ACP finds it before then is unconfirmed."""
    return ChannelTraits(
        channel=NAME,
        display_name="云闪付",
        min_query_interval_ms=account.min_query_interval_ms,
        query_interval_ms=account.min_query_interval_ms,
        code_open_ms=60_000,
        decide_after_ms=45_000,
        undo_not_before_ms=0,
        undo_window_ms=24 * _HOUR_MS,
        undo_of_paid=UndoAction.REFUND,
        qr_unknown_until_scanned=True,
        query_at_ms=_QUERY_AT_MS,
        undo_needs_query=True,
        calls_per_second=account.calls_per_second,
        pages=account.optional("user_id_url") is not None,
    )


def _check(account: ChannelAccount) -> None:
    if not _MER_ID.fullmatch(account.text("mer_id")):
        raise account.error("mer_id", "must be the merchant number, 15 letters or digits")
    if account.base_url.endswith((".do", "/")):
        raise account.error("base_url", "is the part before /gateway/api/..., without a slash at its end")
    if account.optional("user_id_url") is not None and account.optional("authorize_url") is None:
        raise account.error("authorize_url", "is missing: user_id_url exchanges what comes back from it")
    hours = account.optional("bill_wait_hours")
    if hours is not None and not _HOURS.fullmatch(hours):
        raise account.error("bill_wait_hours", "must be hours, a whole number")


def _key_seal(account: ChannelAccount) -> Seal:
    return KeySeal(secret_key=account.secret("secret_key"))


def _certificate_seal(account: ChannelAccount) -> Seal:
    try:
        private_key = read_private_key(account.secret("private_key"))
    except KeyUnreadable as bad:
        raise account.error("private_key", str(bad)) from None
    certificate = _certificates(account, "certificate")[0]
    public_key = certificate.public_key()
    if not isinstance(public_key, RSAPublicKey) or public_key != private_key.public_key():
        raise account.error("certificate", "does not belong to private_key")
    chain = CertificateChain(
        roots=_certificates(account, "root_certificate"),
        middles=_certificates(account, "middle_certificate"),
        signer_name=account.optional("signer_name") or UNIONPAY_NAME,
    )
    return CertificateSeal(private_key=private_key, cert_id=str(certificate.serial_number), chain=chain)


def _certificates(account: ChannelAccount, key: str) -> tuple[Certificate, ...]:
    try:
        return read_certificates(account.text(key))
    except CertificateUnreadable as bad:
        raise account.error(key, str(bad)) from None
