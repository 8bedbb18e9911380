"""A pretended WeChat Pay for the channel tests: its keys, answers of both protocols, and one open account.

It signs by the rules of the documents, written here a second time; nothing of the adapter is used for it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509 import Certificate, CertificateBuilder, Name, NameAttribute
from cryptography.x509.oid import NameOID

from gateway.channels.account import ChannelAccount, parse_account
from gateway.channels.port import (
    ChannelRequest,
    ChannelResponse,
    Notification,
    OrderKind,
    OrderRef,
    PageOrder,
    PayOrder,
    QrOrder,
    RefundOrder,
)
from gateway.channels.wechat.channel import WechatChannel
from gateway.channels.wechat.opening import open_wechat
from protocol.secret import Secret

#: Distinctive texts that must never be seen anywhere.
CANARY_CODE = "134567890123456789"
V2_KEY = "canaryv2canaryv2canaryv2canaryv2"
V3_KEY = "canaryv3canaryv3canaryv3canaryv3"
APP_SECRET = "canary-app-secret"
OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"

APPID, MCH_ID, SUB_MCH_ID = "wx8888888888888888", "1900009191", "1900009292"
KEY_ID = "PUB_KEY_ID_0119000091912024112700326400003000"
OUT_TRADE_NO = "0123456789ABCDEFGHJKMNPQR01"
REFUND_NO = "0123456789ABCDEFGHJKMNPQZ"
TRANSACTION_ID = "4200001234202611221234567890"
#: 2026-11-22 10:00:00 in Beijing, and a little later.
OPENED_MS = 1_795_312_800_000
NOW_MS = OPENED_MS + 3_000
REF = OrderRef(out_trade_no=OUT_TRADE_NO, amount_fen=1250, opened_ms=OPENED_MS)
QR_REF = OrderRef(out_trade_no=OUT_TRADE_NO, amount_fen=1250, kind=OrderKind.QR, opened_ms=OPENED_MS)
ORDER = PayOrder(
    out_trade_no=OUT_TRADE_NO,
    amount_fen=1250,
    subject="早餐 豆浆",
    auth_code=Secret(CANARY_CODE),
    operator="c01",
    terminal="T0001",
    store="S0001",
    open_for_ms=60_000,
    opened_ms=OPENED_MS,
)
QR_ORDER = QrOrder(
    out_trade_no=OUT_TRADE_NO,
    amount_fen=1250,
    subject="早餐",
    operator="c01",
    terminal="T0001",
    store="S0001",
    open_for_ms=120_000,
    opened_ms=OPENED_MS,
)
PAGE_ORDER = PageOrder(
    out_trade_no=OUT_TRADE_NO,
    amount_fen=1250,
    subject="早餐",
    operator="c01",
    terminal="T0001",
    store="S0001",
    open_for_ms=120_000,
    opened_ms=OPENED_MS,
    payer=Secret(OPENID),
    payer_address="203.0.113.7",
)
REFUND = RefundOrder(refund_no=REFUND_NO, order=REF, amount_fen=250, reason="退一份", opened_ms=OPENED_MS)
QR_REFUND = RefundOrder(refund_no=REFUND_NO, order=QR_REF, amount_fen=250, reason="退一份", opened_ms=OPENED_MS)

PARTNER: dict[str, object] = {"mode": "partner", "sub_mch_id": SUB_MCH_ID}
PAGES: dict[str, object] = {
    "app_secret": APP_SECRET,
    "authorize_url": "https://open.wallet.test/connect/oauth2/authorize",
    "oauth_url": "https://api.wallet.test/sns/oauth2/access_token",
}


@cache
def key(name: str) -> RSAPrivateKey:
    """One key for each name: `merchant`, `wallet` (public-key mode), `platform-1`, `platform-2`, and any other."""
    assert name
    return generate_private_key(65537, 2048)


@cache
def certificate(name: str) -> Certificate:
    at = datetime.fromtimestamp(OPENED_MS // 1000, UTC)
    subject = Name([NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key(name).public_key())
        .serial_number(int.from_bytes(hashlib.sha256(name.encode()).digest()[:20]) >> 1)
        .not_valid_before(at - timedelta(days=30))
        .not_valid_after(at + timedelta(days=30))
        .sign(key(name), SHA256())
    )


def pem(made: Certificate) -> str:
    return made.public_bytes(Encoding.PEM).decode()


def key_pem(name: str) -> str:
    return key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(name: str) -> str:
    return key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def serial(name: str) -> str:
    digits = f"{certificate(name).serial_number:X}"
    return digits if len(digits) % 2 == 0 else f"0{digits}"


def settings(**changes: object) -> dict[str, object]:
    """The account as its owner writes it; a change to None removes the key."""
    written: dict[str, object] = {
        "id": "shop-wechat",
        "channel": "wechat",
        "base_url": "https://wallet.test",
        "secapi_url": "https://tls.wallet.test",
        "notify_url": "https://shop.test/notify/wechat/shop-wechat",
        "appid": APPID,
        "mch_id": MCH_ID,
        "api_v2_key": V2_KEY,
        "api_v3_key": V3_KEY,
        "private_key": key_pem("merchant"),
        "client_certificate": pem(certificate("merchant")),
        "certificate_serial": serial("merchant"),
        "wallet_public_key": public_pem("wallet"),
        "wallet_public_key_id": KEY_ID,
        "wallet_certificates": pem(certificate("platform-1")) + pem(certificate("platform-2")),
        **changes,
    }
    return {name: value for name, value in written.items() if value is not None}


def account(**changes: object) -> ChannelAccount:
    return parse_account(settings(**changes))


@cache
def channel(**changes: object) -> WechatChannel:
    """Opened once for each set of settings: loading keys is the slow part."""
    opened = open_wechat(account(**changes))
    assert isinstance(opened, WechatChannel)
    return opened


# --- v2


def v2_sign(fields: Mapping[str, str], sign_type: str = "HMAC-SHA256", secret: str = V2_KEY) -> str:
    joined = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value and name != "sign")
    text = f"{joined}&key={secret}".encode()
    if sign_type == "MD5":
        return hashlib.md5(text).hexdigest().upper()
    return hmac.new(secret.encode(), text, "sha256").hexdigest().upper()


def xml(fields: Mapping[str, str]) -> bytes:
    return ("<xml>" + "".join(f"<{n}><![CDATA[{v}]]></{n}>" for n, v in fields.items()) + "</xml>").encode()


def v2_sent(request: ChannelRequest) -> dict[str, str]:
    """What a server reads: by a plain pattern, not by a parser."""
    found = re.findall(r"<(\w+)><!\[CDATA\[(.*?)\]\]></\1>", request.body.decode(), re.DOTALL)
    assert len(dict(found)) == len(found), "a field came twice"
    return dict(found)


def v2_fields(**fields: str) -> dict[str, str]:
    """The fields that every answer has."""
    return {"return_code": "SUCCESS", "return_msg": "OK", "appid": APPID, "mch_id": MCH_ID, "nonce_str": "n", **fields}


def v2_answer(fields: Mapping[str, str], *, status: int = 200) -> ChannelResponse:
    return ChannelResponse(status=status, headers={"content-type": "text/xml"}, body=xml(fields))


def v2_said(*, sign_type: str = "HMAC-SHA256", **fields: str) -> ChannelResponse:
    """A signed answer. A field given as "" is left out."""
    whole = {name: value for name, value in v2_fields(**fields).items() if value}
    return v2_answer({**whole, "sign": v2_sign(whole, sign_type)})


def v2_refused(code: str, **fields: str) -> ChannelResponse:
    return v2_said(result_code="FAIL", err_code=code, err_code_des="说明", **fields)


def v2_paid(**fields: str) -> ChannelResponse:
    """micropay's success."""
    told = {
        "result_code": "SUCCESS",
        "openid": OPENID,
        "trade_type": "MICROPAY",
        "total_fee": "1250",
        "fee_type": "CNY",
        "transaction_id": TRANSACTION_ID,
        "out_trade_no": OUT_TRADE_NO,
        "time_end": "20261122100005",
    }
    return v2_said(**{**told, **fields})


def v2_found(state: str, **fields: str) -> ChannelResponse:
    """orderquery's success."""
    return v2_paid(trade_state=state, **fields)


# --- v3


def signing_headers(
    body: bytes, *, signer: str = "wallet", named: str = KEY_ID, at_ms: int = NOW_MS, nonce: str = "N"
) -> dict[str, str]:
    seconds = str(at_ms // 1000)
    text = f"{seconds}\n{nonce}\n".encode() + body + b"\n"
    return {
        "wechatpay-timestamp": seconds,
        "wechatpay-nonce": nonce,
        "wechatpay-serial": named,
        "wechatpay-signature": base64.b64encode(key(signer).sign(text, PKCS1v15(), SHA256())).decode(),
        "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
    }


def v3_answer(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> ChannelResponse:
    """Signed by the public key unless other headers are given."""
    signed = signing_headers(body) if headers is None else dict(headers)
    return ChannelResponse(status=status, headers=signed, body=body)


def v3_said(told: Mapping[str, object]) -> ChannelResponse:
    return v3_answer(json.dumps(told, ensure_ascii=False).encode())


def v3_refused(status: int, code: str, *, signed: bool = False) -> ChannelResponse:
    body = json.dumps({"code": code, "message": "说明"}).encode()
    return v3_answer(body, status=status, headers=None if signed else {})


def transaction(state: str = "SUCCESS", /, **changes: object) -> dict[str, object]:
    """As a query, a code payment and a notification tell it; a change to None removes the name."""
    told: dict[str, object] = {
        "appid": APPID,
        "mchid": MCH_ID,
        "out_trade_no": OUT_TRADE_NO,
        "transaction_id": TRANSACTION_ID,
        "trade_type": "NATIVE",
        "trade_state": state,
        "trade_state_desc": "说明",
        "success_time": "2026-11-22T10:00:05+08:00",
        "payer": {"openid": OPENID},
        "amount": {"total": 1250, "payer_total": 1250, "currency": "CNY"},
        **changes,
    }
    return {name: value for name, value in told.items() if value is not None}


def refund(status: str = "SUCCESS", /, **changes: object) -> dict[str, object]:
    told: dict[str, object] = {
        "refund_id": "50300806602026112212345678",
        "out_refund_no": REFUND_NO,
        "transaction_id": TRANSACTION_ID,
        "out_trade_no": OUT_TRADE_NO,
        "status": status,
        "success_time": "2026-11-22T10:00:10+08:00",
        "amount": {"total": 1250, "refund": 250, "currency": "CNY"},
        **changes,
    }
    return {name: value for name, value in told.items() if value is not None}


def sealed(plain: bytes, *, nonce: str = "0123456789ab", data: str = "transaction", secret: str = V3_KEY) -> str:
    return base64.b64encode(AESGCM(secret.encode()).encrypt(nonce.encode(), plain, data.encode())).decode()


def event(
    told: Mapping[str, object], event_type: str = "TRANSACTION.SUCCESS", *, secret: str = V3_KEY, **changes: object
) -> bytes:
    """A notification's body."""
    resource = {
        "original_type": "transaction",
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": sealed(json.dumps(told).encode(), secret=secret),
        "associated_data": "transaction",
        "nonce": "0123456789ab",
    }
    whole = {"id": "event-1", "event_type": event_type, "resource": resource, "summary": "支付成功", **changes}
    return json.dumps(whole, ensure_ascii=False).encode()


def notified(body: bytes, headers: Mapping[str, str] | None = None) -> Notification:
    return Notification(headers=signing_headers(body) if headers is None else headers, body=body)
