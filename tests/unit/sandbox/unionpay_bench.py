"""A simulated UnionPay on a virtual clock with seeded randomness, and a merchant's client that signs and reads by hand.

The client shares no code with the sandbox's own signing: it is written from the protocol's description.
"""

import base64
import hashlib
import random
from collections.abc import Mapping
from functools import cache
from urllib.parse import parse_qsl, quote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox.codes import CodeBook
from sandbox.keys import fresh_keys
from sandbox.scripts import Script, parse_script
from sandbox.unionpay.certificates import UnionpayKeys, merchant_with
from sandbox.unionpay.merchant import UnionpayMerchant
from sandbox.unionpay.server import UnionpayServer
from sandbox.wire import Answer, HttpRequestParts, Reply

START_MS = 1_795_312_800_000
"""2026-11-22 10:00:00 in Beijing."""
TXN_TIME = "20261122100000"
ORDER = "20261122010101001"
REFUND = "20261122010101002"
BACK_URL = "https://shop.test/notify"
BACK, QUERY = "/gateway/api/backTransReq.do", "/gateway/api/queryTrans.do"
FILE, USER_ID = "/unionpay/filedownload", "/gateway/api/userId.do"


@cache
def keys() -> UnionpayKeys:
    made = fresh_keys(("root", "middle", "unionpay", "merchant"))
    return UnionpayKeys(root=made["root"], middle=made["middle"], unionpay=made["unionpay"], merchant=made["merchant"])


@cache
def merchant() -> UnionpayMerchant:
    return merchant_with(keys(), now_ms=START_MS)


def script(text: str) -> Script:
    parsed = parse_script(text)
    assert parsed is not None, text
    return parsed


def digest(fields: Mapping[str, str]) -> str:
    """The text that is signed, hashed: sorted, raw, without the signature."""
    joined = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "signature")
    return hashlib.sha256(joined.encode()).hexdigest()


def signed(fields: Mapping[str, str], *, by_key: bool = False, drop: str = "") -> dict[str, str]:
    """`drop`: a field to leave out after all defaults are in."""
    whole = {"version": "5.1.0", "encoding": "UTF-8", "merId": merchant().mer_id, **fields}
    whole = {name: value for name, value in whole.items() if name != drop}
    if by_key:
        whole |= {"signMethod": "11"}
        joined = "&".join(f"{name}={whole[name]}" for name in sorted(whole))
        secret = hashlib.sha256(merchant().secret_key.encode()).hexdigest()
        return {**whole, "signature": hashlib.sha256(f"{joined}&{secret}".encode()).hexdigest()}
    serial = merchant().merchant.certificate.serial_number
    whole |= {"signMethod": "01", "certId": str(serial)}
    signature = keys().merchant.sign(digest(whole).encode(), PKCS1v15(), SHA256())
    return {**whole, "signature": base64.b64encode(signature).decode()}


def encoded(fields: Mapping[str, str]) -> bytes:
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items()).encode()


def read_plain(body: bytes) -> dict[str, str]:
    """As UnionPay's client reads an answer: a value runs to the next `&` outside of braces and brackets."""
    fields: dict[str, str] = {}
    name, text, nested, in_name = "", "", 0, True
    for character in body.decode() + "&":
        if in_name and character == "=":
            name, text, in_name = text, "", False
        elif not in_name and character == "&" and nested <= 0:
            fields[name], text, in_name = text, "", True
        else:
            nested += (character in "{[") - (character in "}]") if not in_name else 0
            text += character
    return fields


def checked(fields: Mapping[str, str]) -> Mapping[str, str]:
    """The fields, once their signature holds under a chain that ends in the sandbox's root, or by the shared key."""
    if fields["signMethod"] == "11":
        rest = {name: value for name, value in fields.items() if name != "signature"}
        assert "signPubKeyCert" not in rest
        joined = "&".join(f"{name}={rest[name]}" for name in sorted(rest))
        secret = hashlib.sha256(merchant().secret_key.encode()).hexdigest()
        assert fields["signature"] == hashlib.sha256(f"{joined}&{secret}".encode()).hexdigest()
        return fields
    leaf = x509.load_pem_x509_certificate(fields["signPubKeyCert"].encode())
    leaf.verify_directly_issued_by(merchant().middle)
    merchant().middle.verify_directly_issued_by(merchant().root)
    merchant().root.verify_directly_issued_by(merchant().root)
    (name,) = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert str(name.value).split("@")[2] == "中国银联股份有限公司"
    public = leaf.public_key()
    assert isinstance(public, RSAPublicKey)
    public.verify(base64.b64decode(fields["signature"]), digest(fields).encode(), PKCS1v15(), SHA256())
    return fields


class Bench:
    """One wallet, one clock. `by_key`: signMethod 11."""

    def __init__(self, *, by_key: bool = False, settlement_hour: int = 23) -> None:
        self.now_ms = START_MS
        self._by_key = by_key
        chance = random.Random(7)
        self.wallet = UnionpayServer(
            merchant=merchant(),
            codes=CodeBook(chance.randbytes),
            random_bytes=chance.randbytes,
            settlement_hour=settlement_hour,
        )

    def post(self, path: str, body: bytes, *, method: str = "POST") -> Reply:
        (route,) = (one for one in self.wallet.routes() if one.path == urlsplit(path).path)
        return route.handle(HttpRequestParts(method=method, path=path, body=body), self.now_ms)

    def call(self, path: str, fields: Mapping[str, str], *, drop: str = "") -> Mapping[str, str]:
        """The verified fields of the answer. A connection that is cut fails the test."""
        reply = self.post(path, encoded(signed(fields, by_key=self._by_key, drop=drop)))
        assert isinstance(reply, Answer)
        assert reply.status == 200
        return checked(read_plain(reply.body))

    def cut(self, path: str, fields: Mapping[str, str]) -> bool:
        return not isinstance(self.post(path, encoded(signed(fields, by_key=self._by_key))), Answer)

    def later(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)

    def code(self, text: str = "pay") -> str:
        return self.wallet.issue_code(script(text), self.now_ms)

    def pay(self, text: str = "pay", **more: str) -> Mapping[str, str]:
        return self.call(BACK, consume(qrNo=self.code(text), **more))

    def make_qr(self, **more: str) -> str:
        said = self.call(BACK, consume(txnSubType="07", **more))
        assert said["respCode"] == "00"
        return said["qrCode"]

    def query(self, **more: str) -> Mapping[str, str]:
        return self.call(QUERY, named(txnType="00", txnSubType="00", **more))

    def trade_code(self, **more: str) -> str:
        """The outer code, and behind a slash the original's."""
        said = self.query(**more)
        return "/".join(said[name] for name in ("respCode", "origRespCode") if name in said)

    def reverse(self, **more: str) -> str:
        return self.call(BACK, named(txnType="99", txnSubType="01", channelType="08", **more))["respCode"]

    def refund(self, amount_fen: int, number: str = REFUND, **more: str) -> Mapping[str, str]:
        return self.call(BACK, self.back_fields(amount_fen, number, **more))

    def cancel(self, amount_fen: int = 1250, number: str = REFUND) -> str:
        return self.call(BACK, self.back_fields(amount_fen, number, txnType="31"))["respCode"]

    def back_fields(self, amount_fen: int, number: str, **more: str) -> dict[str, str]:
        given = {"txnType": "04", "txnSubType": "00", "channelType": "08", "txnAmt": str(amount_fen), "orderId": number}
        if "origQryId" not in more:
            given["origQryId"] = self.query()["queryId"]
        return named(**{**given, "backUrl": BACK_URL, **more})

    def moved(self, number: str = ORDER) -> tuple[int, int]:
        """Captured and given back, fen."""
        money = self.wallet.order(number, self.now_ms)
        return (0, 0) if money is None else (money.captured_fen, money.refunded_fen)

    def told(self) -> list[dict[str, str]]:
        """What notifications say that are due now, verified or not."""
        return [dict(parse_qsl(one.body.decode("ascii"))) for one in self.wallet.due_notifications(self.now_ms)]


def named(**more: str) -> dict[str, str]:
    common = {"bizType": "000000", "accessType": "0", "orderId": ORDER, "txnTime": TXN_TIME}
    return {**common, **more}


def consume(**more: str) -> dict[str, str]:
    asked = {
        "txnType": "01",
        "txnSubType": "06",
        "channelType": "08",
        "txnAmt": "1250",
        "currencyCode": "156",
        "termId": "49000002",
        "backUrl": BACK_URL,
    }
    return named(**{**asked, **more})
