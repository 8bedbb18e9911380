"""What each wallet's account must say about itself: the keys of `[[channel_accounts]]` beside the common ones.

One table, so that reading a file, checking it and documenting it agree. A `SECRET` or `KEY` setting may also be given
as `<name>_file`. It must not know how a wallet uses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct


class AccountMode(StrEnum):
    """`DIRECT`: the merchant's own account. `PARTNER`: a service provider's, acting for the merchant."""

    DIRECT = "direct"
    PARTNER = "partner"


class SettingKind(StrEnum):
    TEXT = "text"  # ASCII without blanks
    SECRET = "secret"  # a private key, an API key: never shown
    KEY = "key"  # a public key or certificates, PEM or base64
    URL = "url"
    CHOICE = "choice"


class Setting(Struct, frozen=True, kw_only=True):
    """`mode` None: for both. `hint` completes "is missing: ...".

    `unless`: when all of these are given, this one is not required. `together`: required as soon as one of these is.
    """

    kind: SettingKind
    hint: str
    required: bool = False
    mode: AccountMode | None = None
    choices: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    together: tuple[str, ...] = ()


_T, _S, _K, _U, _C = SettingKind.TEXT, SettingKind.SECRET, SettingKind.KEY, SettingKind.URL, SettingKind.CHOICE
_PARTNER: Final = AccountMode.PARTNER

_CERTIFICATES: Final = ("app_certificate", "wallet_certificate", "wallet_root_certificate")


def _certificate(hint: str) -> Setting:
    """One of the three of certificate mode: all or none."""
    return Setting(kind=_K, hint=f"{hint} (certificate mode needs all three)", together=_CERTIFICATES)


ALIPAY: Final[Mapping[str, Setting]] = {
    "app_id": Setting(kind=_T, hint="the application's id", required=True),
    "seller_id": Setting(kind=_T, hint="the merchant's 2088... number"),
    "private_key": Setting(kind=_S, hint="the application's RSA private key, PEM or base64", required=True),
    "wallet_public_key": Setting(
        kind=_K, hint="the wallet's RSA public key, PEM or base64", required=True, unless=_CERTIFICATES
    ),
    "app_certificate": _certificate("the application's certificate, PEM"),
    "wallet_certificate": _certificate("the wallet's certificates, PEM"),
    "wallet_root_certificate": _certificate("the wallet's root certificates, PEM"),
    "app_auth_token": Setting(kind=_S, hint="the merchant's authorisation token", required=True, mode=_PARTNER),
    "authorize_url": Setting(kind=_U, hint="the wallet's OAuth page"),
}

WECHAT: Final[Mapping[str, Setting]] = {
    "appid": Setting(kind=_T, hint="the official account's or application's id", required=True),
    "mch_id": Setting(kind=_T, hint="the merchant number", required=True),
    "sub_appid": Setting(kind=_T, hint="the sub-merchant's appid", mode=_PARTNER),
    "sub_mch_id": Setting(kind=_T, hint="the sub-merchant's number", required=True, mode=_PARTNER),
    "api_v2_key": Setting(kind=_S, hint="the 32-character APIv2 key; needed unless code_api is v3"),
    "sign_type": Setting(
        kind=_C, hint="how v2 calls are signed; HMAC-SHA256 if not set", choices=("MD5", "HMAC-SHA256")
    ),
    "secapi_url": Setting(kind=_U, hint="base of the calls that need the client certificate; base_url if not set"),
    "client_certificate": Setting(kind=_K, hint="the merchant's API certificate, PEM; needed unless code_api is v3"),
    "private_key": Setting(kind=_S, hint="the merchant's API private key, PEM", required=True),
    "certificate_serial": Setting(kind=_T, hint="its serial, hexadecimal; read from client_certificate if not set"),
    "api_v3_key": Setting(kind=_S, hint="the 32-character APIv3 key", required=True),
    "wallet_public_key": Setting(kind=_K, hint="WeChat Pay's public key, PEM"),
    "wallet_public_key_id": Setting(kind=_T, hint="its id, PUB_KEY_ID_..."),
    "wallet_certificates": Setting(kind=_K, hint="platform certificates, PEM, one after another"),
    "code_api": Setting(kind=_C, hint="which API charges payment codes; v2 if not set", choices=("v2", "v3")),
    "app_secret": Setting(kind=_S, hint="the official account's secret, for the page's OAuth"),
    "authorize_url": Setting(kind=_U, hint="the wallet's OAuth page"),
    "oauth_url": Setting(kind=_U, hint="where the OAuth code is exchanged"),
}

UNIONPAY: Final[Mapping[str, Setting]] = {
    "mer_id": Setting(kind=_T, hint="the merchant number, 15 characters", required=True),
    "sign_method": Setting(kind=_C, hint="01 certificate, 11 key", choices=("01", "11")),
    "private_key": Setting(kind=_S, hint="the merchant's signing key, PEM (signMethod 01)"),
    "certificate": Setting(kind=_K, hint="the merchant's signing certificate, PEM (signMethod 01)"),
    "secret_key": Setting(kind=_S, hint="the shared key (signMethod 11)"),
    "root_certificate": Setting(kind=_K, hint="UnionPay's root certificate, PEM"),
    "middle_certificate": Setting(kind=_K, hint="UnionPay's middle certificate, PEM"),
    "signer_name": Setting(kind=_T, hint="name inside the signing certificate's CN, test environments only"),
    "query_url": Setting(kind=_U, hint="the query address; base_url + /gateway/api/queryTrans.do if not set"),
    "file_url": Setting(kind=_U, hint="the file download address, on a host of its own", required=True),
    "bill_wait_hours": Setting(kind=_T, hint="a file missing so long after its day does not exist; 36 if not set"),
    "pay_timeout": Setting(kind=_C, hint="whether payTimeout is sent with an order", choices=("sent", "left_out")),
    "access_type": Setting(kind=_C, hint="1 acquirer, 2 platform", required=True, mode=_PARTNER, choices=("1", "2")),
    "acq_ins_code": Setting(kind=_T, hint="acqInsCode", mode=_PARTNER),
    "sub_mer_id": Setting(kind=_T, hint="subMerId", mode=_PARTNER),
    "sub_mer_name": Setting(kind=_T, hint="subMerName, percent-encoded UTF-8", mode=_PARTNER),
    "sub_mer_abbr": Setting(kind=_T, hint="subMerAbbr, percent-encoded UTF-8", mode=_PARTNER),
    "authorize_url": Setting(kind=_U, hint="the userAuth page"),
    "user_id_url": Setting(kind=_U, hint="where a userAuthCode is exchanged"),
    "terminal_no": Setting(kind=_T, hint="termId, 8 characters"),
}

#: By the account's `channel`.
SETTINGS: Final[Mapping[str, Mapping[str, Setting]]] = {"alipay": ALIPAY, "wechat": WECHAT, "unionpay": UNIONPAY}

#: Who an account is at its wallet: without them nobody could ask about its payments.
IDENTITY_NAMES: Final = frozenset({"app_id", "appid", "mch_id", "sub_mch_id", "mer_id"})

#: Settings that are keys or secrets, of any wallet, and the common ones.
COMMON_KEYS: Final = frozenset({"trusted_ca"})
SECRET_NAMES: Final = frozenset(
    name for wallet in SETTINGS.values() for name, setting in wallet.items() if setting.kind is SettingKind.SECRET
)
KEY_NAMES: Final = (
    frozenset(
        name for wallet in SETTINGS.values() for name, setting in wallet.items() if setting.kind is SettingKind.KEY
    )
    | COMMON_KEYS
)
