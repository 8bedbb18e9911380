"""What the demo sets up: a shop whose wallets are the sandbox's, as the TOML that `gateway apply` reads.

One channel account for each wallet, from what the sandbox says about its merchant. None is marked for QRs: a QR shows
the gateway's own page, which takes every wallet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.request import ProxyHandler, build_opener

STORE_ID: Final = "demo-store"
STORE_NAME: Final = "示例小店"
WALLETS: Final = ("alipay", "wechat", "unionpay")

_SHOP: Final = """\
[[merchants]]
id = "demo"
name = "示例商户"

[[stores]]
id = {store}
merchant = "demo"
name = {name}
"""

_ACCOUNT: Final = """\

[[channel_accounts]]
id = {id}
merchant = "demo"
channel = {channel}
notify_url = {notify_url}
min_query_interval_ms = 1000
"""

#: A setting of the account, and where `GET /merchant/{wallet}` has it.
_FROM_SANDBOX: Final[Mapping[str, Mapping[str, str]]] = {
    "alipay": {
        "base_url": "gateway_url",
        "authorize_url": "authorize_url",
        "app_id": "app_id",
        "seller_id": "seller_id",
        "private_key": "merchant_private_key_pkcs8_pem",
        "wallet_public_key": "alipay_public_key_pem",
    },
    "wechat": {
        "base_url": "base_url",
        "secapi_url": "tls_base_url",
        "authorize_url": "authorize_url",
        "oauth_url": "access_token_url",
        "appid": "appid",
        "app_secret": "app_secret",
        "mch_id": "mchid",
        "api_v2_key": "api_v2_key",
        "api_v3_key": "api_v3_key",
        "private_key": "merchant_private_key_pem",
        "client_certificate": "client_certificate_pem",
        "certificate_serial": "merchant_serial_no",
        "wallet_public_key": "public_key_pem",
        "wallet_public_key_id": "public_key_id",
        "trusted_ca": "ca_certificate_pem",
    },
    "unionpay": {
        "base_url": "base_url",
        "query_url": "query_url",
        "file_url": "file_url",
        "authorize_url": "authorize_url",
        "user_id_url": "user_id_url",
        "mer_id": "mer_id",
        "private_key": "merchant_private_key_pem",
        "certificate": "merchant_certificate_pem",
        "root_certificate": "root_certificate_pem",
        "middle_certificate": "middle_certificate_pem",
    },
}


def account_id(wallet: str) -> str:
    return f"demo-{wallet}"


def merchants_of_sandbox(sandbox_url: str) -> Mapping[str, Mapping[str, Any]]:
    """`GET /merchant/{wallet}` of the demo's own sandbox on this computer, by wallet."""
    return {wallet: _merchant(sandbox_url, wallet) for wallet in WALLETS}


def document(merchants: Mapping[str, Mapping[str, Any]], *, gateway_url: str) -> str:
    """The shop's configuration. `gateway_url`: where the wallets reach the gateway with their notifications."""
    shop = _SHOP.format(store=_text(STORE_ID), name=_text(STORE_NAME))
    return shop + "".join(_account(wallet, merchant, gateway_url) for wallet, merchant in merchants.items())


def _account(wallet: str, merchant: Mapping[str, Any], gateway_url: str) -> str:
    name = account_id(wallet)
    head = _ACCOUNT.format(
        id=_text(name), channel=_text(wallet), notify_url=_text(f"{gateway_url}/notify/{wallet}/{name}")
    )
    settings = {key: merchant[said] for key, said in _FROM_SANDBOX[wallet].items()}
    platform = merchant.get("platform_certificates")
    if platform:
        # WeChat Pay in migration signs callbacks by certificate and by public key in turn.
        settings["wallet_certificates"] = "".join(one["certificate_pem"] for one in platform)
    return head + "".join(f"{key} = {_text(value)}\n" for key, value in settings.items())


def _merchant(sandbox_url: str, wallet: str) -> Mapping[str, Any]:
    # No proxy of the environment may stand between two processes of this computer.
    with build_opener(ProxyHandler({})).open(f"{sandbox_url}/merchant/{wallet}", timeout=10) as answer:
        read: object = json.load(answer)
    assert isinstance(read, dict), "the sandbox answers with an object"
    return cast("Mapping[str, Any]", read)


def _text(value: object) -> str:
    """A TOML basic string; JSON's escapes are the same for what stands here."""
    return json.dumps(str(value), ensure_ascii=False)
