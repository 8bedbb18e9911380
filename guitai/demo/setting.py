"""What the demo sets up: a shop at the gateway whose wallet is the sandbox, as the TOML that `gateway apply` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.request import ProxyHandler, build_opener

STORE_ID = "demo-store"
STORE_NAME = "示例小店"

_DOCUMENT = """\
[[merchants]]
id = "demo"
name = "示例商户"

[[stores]]
id = {store}
merchant = "demo"
name = {name}

[[channel_accounts]]
id = "demo-alipay"
merchant = "demo"
channel = "alipay"
default_for_qr = true
base_url = {gateway_url}
app_id = {app_id}
seller_id = {seller_id}
private_key = {private_key}
wallet_public_key = {wallet_public_key}
min_query_interval_ms = 1000
"""


def merchant_of_sandbox(sandbox_url: str) -> Mapping[str, Any]:
    """`GET /merchant/alipay` of the demo's own sandbox on this computer."""
    # No proxy of the environment may stand between two processes of this computer.
    with build_opener(ProxyHandler({})).open(f"{sandbox_url}/merchant/alipay", timeout=10) as answer:
        read: object = json.load(answer)
    assert isinstance(read, dict), "the sandbox answers with an object"
    return cast("Mapping[str, Any]", read)


def document(merchant: Mapping[str, Any]) -> str:
    """The shop's configuration."""
    return _DOCUMENT.format(
        store=_text(STORE_ID),
        name=_text(STORE_NAME),
        gateway_url=_text(merchant["gateway_url"]),
        app_id=_text(merchant["app_id"]),
        seller_id=_text(merchant["seller_id"]),
        private_key=_text(merchant["merchant_private_key_pkcs8_pem"]),
        wallet_public_key=_text(merchant["alipay_public_key_pem"]),
    )


def _text(value: object) -> str:
    """A TOML basic string; JSON's escapes are the same for what stands here."""
    return json.dumps(str(value), ensure_ascii=False)
