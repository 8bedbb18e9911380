"""A pretended Alipay for the channel tests: its own key, answers signed over the raw node, and one open account."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.channels.account import ChannelAccount, parse_account
from gateway.channels.port import Channel, ChannelResponse, OrderRef, PayOrder, QrOrder
from gateway.channels.registry import open_channel
from protocol.secret import Secret

#: Distinctive texts that must never be seen anywhere.
CANARY_CODE = "287700112233445566"
CANARY_TOKEN = "canary-app-auth-token"

OUT_TRADE_NO = "0123456789ABCDEFGHJKMNPQR01"
NOW_MS = 1_795_312_800_123
REF = OrderRef(out_trade_no=OUT_TRADE_NO, amount_fen=1250)
ORDER = PayOrder(
    out_trade_no=OUT_TRADE_NO,
    amount_fen=1250,
    subject="早餐 豆浆",
    auth_code=Secret(CANARY_CODE),
    operator="c01",
    terminal="T0001",
    store="S0001",
    open_for_ms=60_000,
)
QR_ORDER = QrOrder(
    out_trade_no=OUT_TRADE_NO,
    amount_fen=1250,
    subject="早餐",
    operator="c01",
    terminal="T0001",
    store="S0001",
    open_for_ms=120_000,
)

PAY_NODE: dict[str, object] = {
    "code": "10000",
    "msg": "Success",
    "buyer_user_id": "2088102363632794",
    "gmt_payment": "2026-11-22 10:00:05",
    "out_trade_no": OUT_TRADE_NO,
    "total_amount": "12.50",
    "trade_no": "2026112222001432790585537960",
}
QUERY_NODE: dict[str, object] = {
    "code": "10000",
    "msg": "Success",
    "buyer_user_id": "2088102363632794",
    "send_pay_date": "2026-11-22 10:00:05",
    "out_trade_no": OUT_TRADE_NO,
    "total_amount": "12.50",
    "trade_no": "2026112222001432790585537960",
    "trade_status": "TRADE_SUCCESS",
}


@cache
def app_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@cache
def wallet_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def settings(**changes: object) -> dict[str, object]:
    """The account as its owner writes it; a change to None removes the key."""
    written: dict[str, object] = {
        "id": "shop-alipay",
        "channel": "alipay",
        "base_url": "https://wallet.test/gateway.do",
        "app_id": "2021000000000001",
        "seller_id": "2088000000000001",
        "private_key": pem(app_key()),
        "wallet_public_key": public_pem(wallet_key()),
        **changes,
    }
    return {name: value for name, value in written.items() if value is not None}


def account(**changes: object) -> ChannelAccount:
    return parse_account(settings(**changes))


@cache
def channel(**changes: object) -> Channel:
    """Opened once for each set of settings: loading keys is the slow part."""
    return open_channel(account(**changes))


def signature(raw_node: bytes, key: RSAPrivateKey | None = None) -> str:
    return base64.b64encode((key or wallet_key()).sign(raw_node, PKCS1v15(), SHA256())).decode()


def body(
    node: Mapping[str, object] | str, *, name: str = "alipay_trade_pay_response", encoding: str = "utf-8"
) -> bytes:
    """One signed answer."""
    text = node if isinstance(node, str) else json.dumps(node, ensure_ascii=False)
    raw = text.encode(encoding)
    return b'{"' + name.encode() + b'":' + raw + b',"sign":"' + signature(raw).encode() + b'"}'


def answer(content: bytes, *, status: int = 200) -> ChannelResponse:
    return ChannelResponse(status=status, headers={"content-type": "text/html;charset=utf-8"}, body=content)


def pay_answer(node: Mapping[str, object] | str, *, encoding: str = "utf-8") -> ChannelResponse:
    return answer(body(node, encoding=encoding))


def query_answer(node: Mapping[str, object] | str) -> ChannelResponse:
    return answer(body(node, name="alipay_trade_query_response"))


def cancel_answer(node: Mapping[str, object] | str) -> ChannelResponse:
    return answer(body(node, name="alipay_trade_cancel_response"))
