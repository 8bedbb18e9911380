"""Rule: what is signed is what is sent, by WeChat Pay's own published examples; a changed bit anywhere is refused."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.channels.port import BillKind, BillOf, ChannelRequest, PageReady
from gateway.channels.wechat.v2_signing import SignType, decrypt_req_info, derived_nonce, is_signed, signature
from gateway.channels.wechat.v3_signing import Trust, WalletKeys, decrypt, request_text, verifies
from protocol.secret import Secret
from tests.unit.gateway import channel_wechat_wallet as wallet
from tests.unit.gateway.channel_wechat_wallet import KEY_ID, NOW_MS, ORDER, PAGE_ORDER, QR_ORDER, QR_REF, QR_REFUND, REF

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "wechat.json").read_text(encoding="utf-8")
)
V3 = VECTORS["wechat_v3"]
CHANNEL = wallet.channel()
BY_V3 = wallet.channel(code_api="v3")
BILLS = [BillOf(day="2026-11-21", kind=kind) for kind in BillKind]


def rsa(pem: str) -> RSAPublicKey:
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, RSAPublicKey)
    return key


@pytest.mark.parametrize("vector", VECTORS["wechat_v2"])
@pytest.mark.parametrize("sign_type", list(SignType))
def test_v2_signatures_are_those_of_the_documents(vector: dict[str, Any], sign_type: SignType) -> None:
    made = signature(vector["params"], Secret(vector["key"]), sign_type)
    assert made == vector[sign_type.value]
    assert is_signed({**vector["params"], "sign": made}, Secret(vector["key"]), sign_type)


def test_empty_fields_are_not_signed_and_a_field_more_is_noticed() -> None:
    key = Secret("k" * 32)
    bare = signature({"a": "1"}, key, SignType.MD5)
    assert signature({"a": "1", "b": "", "sign": "x"}, key, SignType.MD5) == bare
    assert not is_signed({"a": "1", "b": "2", "sign": bare}, key, SignType.MD5)
    assert not is_signed({"a": "1", "sign": bare.lower()}, key, SignType.MD5)
    assert not is_signed({"a": "1", "sign": bare}, key, SignType.HMAC_SHA256)
    assert not is_signed({"a": "1"}, key, SignType.MD5)


@pytest.mark.parametrize("name", ["post_jsapi", "get_refund"])
def test_v3_requests_sign_the_text_of_the_documents(name: str) -> None:
    vector, key = V3[name], rsa(V3["merchant_public_key_pem"])
    text = request_text(
        vector["method"], vector["path"], seconds=V3["timestamp"], nonce=V3["nonce"], body=vector["body"].encode()
    )
    assert verifies(key, text, vector["signature"])
    assert not verifies(key, text + b"\n", vector["signature"])


def test_the_published_answer_is_believed_and_no_neighbour_of_it() -> None:
    vector = V3["response_verify"]
    keys = WalletKeys(by_serial={"S": rsa(vector["public_key_pem"])}, asked=None)
    headers = {
        "wechatpay-timestamp": vector["timestamp"],
        "wechatpay-nonce": vector["nonce"],
        "wechatpay-serial": "S",
        "wechatpay-signature": vector["signature"],
    }
    body, now_ms = vector["body"].encode(), int(vector["timestamp"]) * 1000

    assert keys.judge(headers, body, now_ms=now_ms) is Trust.GOOD
    for index in range(len(body)):
        changed = body[:index] + bytes([body[index] ^ 1]) + body[index + 1 :]
        assert keys.judge(headers, changed, now_ms=now_ms) is Trust.BAD_SIGNATURE
    assert keys.judge(headers, body + b"\n", now_ms=now_ms) is Trust.BAD_SIGNATURE
    for skew_ms, trust in ((300_000, Trust.GOOD), (301_000, Trust.OUT_OF_TIME)):
        assert keys.judge(headers, body, now_ms=now_ms + skew_ms) is trust
        assert keys.judge(headers, body, now_ms=now_ms - skew_ms) is trust
    wrong = {
        "wechatpay-nonce": Trust.BAD_SIGNATURE,
        "wechatpay-serial": Trust.UNKNOWN_KEY,
        "wechatpay-timestamp": Trust.OUT_OF_TIME,
    }
    for name, trust in wrong.items():
        assert keys.judge({**headers, name: "x"}, body, now_ms=now_ms) is trust
        assert keys.judge({**headers, name: ""}, body, now_ms=now_ms) is Trust.UNSIGNED
    seconds = str(int(vector["timestamp"]) + 1)
    assert keys.judge({**headers, "wechatpay-timestamp": seconds}, body, now_ms=now_ms) is Trust.BAD_SIGNATURE
    other = {**headers, "wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3"}
    assert keys.judge(other, body, now_ms=now_ms) is Trust.BAD_SIGNATURE


def test_a_base64_signature_that_lost_its_plus_or_equals_sign_is_refused() -> None:
    vector = V3["response_verify"]
    key = rsa(vector["public_key_pem"])
    text = f"{vector['timestamp']}\n{vector['nonce']}\n{vector['body']}\n".encode()
    assert "+" in vector["signature"]
    assert vector["signature"].endswith("=")
    for spoiled in (vector["signature"].replace("+", " "), vector["signature"].rstrip("="), vector["signature"] + "\n"):
        assert not verifies(key, text, spoiled)


def test_a_signature_has_one_writing_only() -> None:
    """The bits that base64 leaves over at the end would let one signature be written in sixteen ways."""
    vector = V3["response_verify"]
    key, signature = rsa(vector["public_key_pem"]), vector["signature"]
    text = f"{vector['timestamp']}\n{vector['nonce']}\n{vector['body']}\n".encode()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(signature[-3]) + 1]
    rewritten = f"{signature[:-3]}{other}=="
    assert base64.b64decode(rewritten) == base64.b64decode(signature)
    assert verifies(key, text, signature)
    assert not verifies(key, text, rewritten)


@pytest.mark.parametrize("vector", VECTORS["aead"])
def test_sealed_texts_of_others_are_opened_and_changed_ones_are_not(vector: dict[str, str]) -> None:
    def opened(ciphertext: str, *, key: str = vector["key"]) -> bytes | None:
        return decrypt(Secret(key), nonce=vector["nonce"], associated_data=vector["aad"], ciphertext=ciphertext)

    assert opened(vector["ciphertext_b64"]) == vector["plaintext"].encode()
    plain = base64.b64decode(vector["ciphertext_b64"])
    for index in range(len(plain)):
        changed = plain[:index] + bytes([plain[index] ^ 1]) + plain[index + 1 :]
        assert opened(base64.b64encode(changed).decode()) is None
    assert opened("") is None
    assert opened("%%%") is None
    assert opened(vector["ciphertext_b64"], key="1" * 32) is None


def test_a_sealed_text_with_a_nonce_that_no_cipher_takes_is_not_opened() -> None:
    for nonce in ("", "short", "\ud800" * 12):
        assert decrypt(Secret("1" * 32), nonce=nonce, associated_data="", ciphertext="A" * 64) is None


def test_a_refund_notice_of_v2_that_is_not_ours_is_not_opened() -> None:
    for text in ("", "AAAA", "A" * 64, "%"):
        assert decrypt_req_info(text, Secret("k" * 32)) is None


V3_REQUESTS = {
    "native": CHANNEL.precreate(QR_ORDER, now_ms=NOW_MS).request,
    "jsapi": CHANNEL.create(PAGE_ORDER, now_ms=NOW_MS).request,
    "h5": CHANNEL.create_h5(QR_ORDER, payer_address="203.0.113.7", now_ms=NOW_MS).request,
    "codepay": BY_V3.pay(ORDER, now_ms=NOW_MS).request,
    "reverse": BY_V3.cancel(REF, now_ms=NOW_MS).request,
    "query": BY_V3.query(QR_REF, now_ms=NOW_MS).request,
    "partner query": wallet.channel(code_api="v3", **wallet.PARTNER).query(QR_REF, now_ms=NOW_MS).request,
    "close": BY_V3.cancel(QR_REF, now_ms=NOW_MS).request,
    "refund": CHANNEL.refund(QR_REFUND, now_ms=NOW_MS).request,
    "refund query": CHANNEL.refund_query(QR_REFUND, now_ms=NOW_MS).request,
    "flow": CHANNEL.bill(BILLS[1], now_ms=NOW_MS).request,
    "trade bill": BY_V3.bill(BILLS[0], now_ms=NOW_MS).request,
    "certificates": CHANNEL.v3.certificates(now_ms=NOW_MS),
}
_HEADER = re.compile(r'WECHATPAY2-SHA256-RSA2048 ((?:[a-z_]+="[^" ]+",?){5})')


def authorized(request: ChannelRequest) -> dict[str, str]:
    found = _HEADER.fullmatch(request.headers["authorization"])
    assert found is not None
    return dict(re.findall(r'([a-z_]+)="([^"]+)"', found[1]))


@pytest.mark.parametrize("name", V3_REQUESTS)
def test_every_v3_request_signs_the_bytes_and_the_target_that_it_sends(name: str) -> None:
    request = V3_REQUESTS[name]
    parts, said = urlsplit(request.url), authorized(request)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [request.method, target, said["timestamp"], said["nonce_str"], request.body.decode()]
    wallet.key("merchant").public_key().verify(
        base64.b64decode(said["signature"]), "".join(f"{line}\n" for line in lines).encode(), PKCS1v15(), SHA256()
    )
    assert said["mchid"] == wallet.MCH_ID
    assert said["serial_no"] == wallet.serial("merchant")
    assert said["timestamp"] == str(NOW_MS // 1000)
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"]
    assert request.headers["wechatpay-serial"] == KEY_ID
    assert (request.body == b"") == (request.method == "GET")
    assert request.url.isascii()


def test_without_a_public_key_no_answer_by_it_is_asked_for() -> None:
    by_certificates = wallet.channel(code_api="v3", wallet_public_key=None, wallet_public_key_id=None)
    assert "wechatpay-serial" not in by_certificates.query(QR_REF, now_ms=NOW_MS).request.headers


def test_a_nonce_is_another_for_each_moment_and_content_and_the_same_for_the_same() -> None:
    nonces = {authorized(request)["nonce_str"] for request in V3_REQUESTS.values()}
    assert len(nonces) == len(V3_REQUESTS)
    assert all(re.fullmatch("[0-9a-f]{32}", nonce) for nonce in nonces)
    again = BY_V3.query(QR_REF, now_ms=NOW_MS).request
    assert again == V3_REQUESTS["query"]
    assert authorized(BY_V3.query(QR_REF, now_ms=NOW_MS + 1).request)["nonce_str"] not in nonces
    key = Secret("k")
    assert len({derived_nonce(key, text, now_ms=at) for text in (b"a", b"b") for at in (1, 2)}) == 4


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
def test_every_v2_request_carries_its_sign_type_and_its_signature(sign_type: str) -> None:
    channel = wallet.channel(sign_type=sign_type)
    requests = [
        channel.pay(ORDER, now_ms=NOW_MS).request,
        channel.query(REF, now_ms=NOW_MS).request,
        channel.cancel(REF, now_ms=NOW_MS).request,
        channel.refund(wallet.REFUND, now_ms=NOW_MS).request,
        channel.refund_query(wallet.REFUND, now_ms=NOW_MS).request,
        channel.bill(BILLS[0], now_ms=NOW_MS).request,
        channel.query(QR_REF, now_ms=NOW_MS + 1).request,
        channel.cancel(QR_REF, now_ms=NOW_MS).request,
    ]
    for request in requests:
        sent = wallet.v2_sent(request)
        assert sent["sign_type"] == sign_type
        assert sent["sign"] == wallet.v2_sign(sent, sign_type)
        assert len(sent["nonce_str"]) == 32
    assert len({wallet.v2_sent(request)["nonce_str"] for request in requests}) == len(requests)
    assert [urlsplit(request.url).path for request in requests] == [
        "/pay/micropay",
        "/pay/orderquery",
        "/secapi/pay/reverse",
        "/secapi/pay/refund",
        "/pay/refundquery",
        "/pay/downloadbill",
        "/pay/orderquery",
        "/pay/closeorder",
    ]
    certified = [request.url.startswith("https://tls.wallet.test/") for request in requests]
    assert certified == [False, False, True, True, False, False, False, False]


def test_the_pages_script_gets_the_signature_that_the_documents_describe() -> None:
    vector = V3["jsapi_paysign"]
    text = f"{vector['appid']}\n{V3['timestamp']}\n{V3['nonce']}\n{vector['package']}\n".encode()
    assert verifies(rsa(V3["merchant_public_key_pem"]), text, vector["signature"])
    call = CHANNEL.create(PAGE_ORDER, now_ms=NOW_MS)
    ready = call.read(wallet.v3_said({"prepay_id": "wx201410272009395522657a690389285100"}))
    assert isinstance(ready, PageReady)
    bridge = ready.bridge
    lines = "".join(f"{bridge[name]}\n" for name in ("appId", "timeStamp", "nonceStr", "package"))
    assert verifies(wallet.key("merchant").public_key(), lines.encode(), bridge["paySign"])
    assert (bridge["package"], bridge["signType"]) == ("prepay_id=wx201410272009395522657a690389285100", "RSA")
