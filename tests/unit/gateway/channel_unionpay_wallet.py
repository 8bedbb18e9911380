"""A pretended UnionPay for the channel tests: its own authority, answers as un-encoded text, and one open account.

It seals by the rule of the specification, written here a second time; nothing of the adapter is used for it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import parse_qsl, quote

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import BasicConstraints, Certificate, CertificateBuilder, KeyUsage, Name, NameAttribute
from cryptography.x509.oid import NameOID

from gateway.channels.account import ChannelAccount, parse_account
from gateway.channels.port import (
    Channel,
    ChannelRequest,
    ChannelResponse,
    Notification,
    OrderRef,
    PageOrder,
    PayOrder,
    QrOrder,
    RefundOrder,
)
from gateway.channels.registry import open_channel
from protocol.secret import Secret

#: Distinctive texts that must never be seen anywhere.
CANARY_CODE = "6226359577513731196"
CANARY_SECRET = "canary-shared-key"

MER_ID = "777290058110048"
OUT_TRADE_NO = "0123456789ABCDEFGHJKMNPQR01"
REFUND_NO = "0123456789ABCDEFGHJKMNPQZ"
QUERY_ID = "442611221000004678498"
#: 2026-11-22 10:00:00 in Beijing, and a little later.
OPENED_MS = 1_795_312_800_123
TXN_TIME = "20261122100000"
NOW_MS = OPENED_MS + 3_000
REF = OrderRef(out_trade_no=OUT_TRADE_NO, amount_fen=1250, opened_ms=OPENED_MS)
PAID_REF = OrderRef(out_trade_no=OUT_TRADE_NO, amount_fen=1250, opened_ms=OPENED_MS, transaction_id=QUERY_ID)
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
    payer=Secret("canary-user-id"),
    payer_address="203.0.113.7",
)
REFUND = RefundOrder(
    refund_no=REFUND_NO, order=PAID_REF, amount_fen=250, reason="退一份", opened_ms=OPENED_MS + 3_600_000
)
REFUND_TIME = "20261122110000"


@cache
def key(name: str) -> RSAPrivateKey:
    """One key for each name: `merchant`, `root`, `middle`, `unionpay` and whoever else a test invents."""
    assert name
    return generate_private_key(65537, 2048)


@cache
def certificate(
    name: str,
    common_name: str,
    *,
    issuer: str | None = None,
    signed_by: str | None = None,
    authority: bool = False,
    days: tuple[int, int] = (-30, 30),
    usage: bool | None = None,
) -> Certificate:
    """`signed_by`: whose key really signs, when it is not the issuer's. `days`: validity around OPENED_MS."""
    at = datetime.fromtimestamp(OPENED_MS // 1000, UTC)
    subject = Name([NameAttribute(NameOID.COMMON_NAME, common_name)])
    signer = issuer or name
    by = subject if issuer is None else Name([NameAttribute(NameOID.COMMON_NAME, CN[issuer])])
    builder = (
        CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key(name).public_key())
        .serial_number(int.from_bytes(hashlib.sha256(f"{name}{common_name}".encode()).digest()[:8]))
        .not_valid_before(at + timedelta(days=days[0]))
        .not_valid_after(at + timedelta(days=days[1]))
        .add_extension(BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if usage is not None:
        builder = builder.add_extension(_usage(digital_signature=usage), critical=True)
    return builder.sign(key(signed_by or signer), SHA256())


def _usage(*, digital_signature: bool) -> KeyUsage:
    return KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


#: facts/wallet-protocols.md section 4.1, the whole list.
LISTED = (
    "00", "A6", "00A6", "01", "02", "03", "04", "05", "10", "11", "12", "13", "14", "30", "31", "32", "33", "34",
    "35", "36", "37", "38", "39", "40", "41", "42", "45", "60", "61", "62", "63", "64", "65", "66", "67", "68", "69",
    "70", "71", "72", "73", "74", "75", "76", "77", "78", "79", "80", "98", "99", "PR05", "PR99",
)  # fmt: skip

CN = {"root": "Sandbox ROOT", "middle": "Sandbox OCA"}
UNIONPAY_CN = "041@8310000000083040@中国银联股份有限公司@00016495"


def root() -> Certificate:
    return certificate("root", CN["root"], authority=True)


def middle() -> Certificate:
    return certificate("middle", CN["middle"], issuer="root", authority=True)


def leaf() -> Certificate:
    return certificate("unionpay", UNIONPAY_CN, issuer="middle", usage=True)


def merchant() -> Certificate:
    """From the same authority as UnionPay's own: only the name differs."""
    return certificate("merchant", f"041@Z2026-11-9@某某商户@{MER_ID}", issuer="middle", usage=True)


def pem(made: Certificate) -> str:
    return made.public_bytes(Encoding.PEM).decode()


def key_pem(name: str) -> str:
    return key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def settings(**changes: object) -> dict[str, object]:
    """The account as its owner writes it; a change to None removes the key."""
    written: dict[str, object] = {
        "id": "shop-unionpay",
        "channel": "unionpay",
        "base_url": "https://wallet.test",
        "file_url": "https://files.wallet.test/",
        "notify_url": "https://shop.test/notify/unionpay/shop-unionpay",
        "mer_id": MER_ID,
        "private_key": key_pem("merchant"),
        "certificate": pem(merchant()),
        "root_certificate": pem(root()),
        "middle_certificate": pem(middle()),
        "terminal_no": "49000002",
        **changes,
    }
    return {name: value for name, value in written.items() if value is not None}


def account(**changes: object) -> ChannelAccount:
    return parse_account(settings(**changes))


@cache
def channel(**changes: object) -> Channel:
    """Opened once for each set of settings: loading keys is the slow part."""
    return open_channel(account(**changes))


@cache
def key_channel() -> Channel:
    """signMethod 11."""
    return channel(
        sign_method="11",
        secret_key=CANARY_SECRET,
        private_key=None,
        certificate=None,
        root_certificate=None,
        middle_certificate=None,
    )


PAGES: dict[str, object] = {
    "authorize_url": "https://qr.wallet.test/qrcGtwWeb-web/api/userAuth",
    "user_id_url": "https://wallet.test/gateway/api/userId.do",
}


def sent(request: ChannelRequest) -> dict[str, str]:
    """What a server sees: the form, decoded once."""
    pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), "a field came twice"
    return dict(pairs)


def digest_text(fields: Mapping[str, str]) -> bytes:
    joined = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if name != "signature")
    return hashlib.sha256(joined.encode()).hexdigest().encode()


def sealed(
    fields: Mapping[str, str], *, signer: str = "unionpay", certificate_pem: str | None = None
) -> dict[str, str]:
    """As UnionPay seals an answer: everything that is sent, empty fields too, certificate included."""
    whole = {"version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", **fields}
    whole["signPubKeyCert"] = certificate_pem or pem(leaf()).strip().replace("\n", "\r\n")
    signature = key(signer).sign(digest_text(whole), PKCS1v15(), SHA256())
    return {**whole, "signature": base64.b64encode(signature).decode()}


def sealed_by_key(fields: Mapping[str, str], secret: str = CANARY_SECRET) -> dict[str, str]:
    whole = {"version": "5.1.0", "encoding": "UTF-8", "signMethod": "11", **fields}
    joined = "&".join(f"{name}={value}" for name, value in sorted(whole.items()))
    inner = hashlib.sha256(secret.encode()).hexdigest()
    return {**whole, "signature": hashlib.sha256(f"{joined}&{inner}".encode()).hexdigest()}


def raw(fields: Mapping[str, str]) -> bytes:
    """Not url-encoded."""
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode()


def answer(fields: Mapping[str, str], *, status: int = 200) -> ChannelResponse:
    return ChannelResponse(status=status, headers={"content-type": "text/html;charset=UTF-8"}, body=raw(fields))


def said(**fields: str) -> ChannelResponse:
    """A sealed answer about our order."""
    return answer(sealed(about(**fields)))


def about(**fields: str) -> dict[str, str]:
    """The fields that every answer about our order repeats."""
    return {
        "accessType": "0",
        "bizType": "000000",
        "merId": MER_ID,
        "orderId": OUT_TRADE_NO,
        "txnTime": TXN_TIME,
        "txnType": "01",
        "txnSubType": "06",
        "respMsg": "说明[0000000]",
        **fields,
    }


def trade(orig: str, **fields: str) -> dict[str, str]:
    """A query's answer that found our trade."""
    found = about(
        respCode="00",
        origRespCode=orig,
        origRespMsg="说明[0000000]",
        txnAmt="1250",
        currencyCode="156",
        queryId=QUERY_ID,
        traceTime="1122100005",
        accNo="6226****3766",
    )
    return {**found, **fields}


def refunded(orig: str, **fields: str) -> dict[str, str]:
    """A query's answer that found our refund."""
    found = trade(orig, orderId=REFUND_NO, txnTime=REFUND_TIME, txnType="04", txnSubType="00", txnAmt="250")
    return {**found, "origQryId": QUERY_ID, "queryId": "052611221100004785748", **fields}


def notification(fields: Mapping[str, str]) -> Notification:
    body = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())
    return Notification(headers={"content-type": "application/x-www-form-urlencoded"}, body=body.encode("ascii"))


def found(orig: str, **fields: str) -> ChannelResponse:
    return answer(sealed(trade(orig, **fields)))


def refund_found(orig: str, **fields: str) -> ChannelResponse:
    return answer(sealed(refunded(orig, **fields)))


def refund_said(code: str, **fields: str) -> ChannelResponse:
    about = {"orderId": REFUND_NO, "txnTime": REFUND_TIME, "txnType": "04", "txnSubType": "00", "txnAmt": "250"}
    return said(respCode=code, **{**about, **fields})


def reversal(code: str, **fields: str) -> ChannelResponse:
    return said(respCode=code, **{"txnType": "99", "txnSubType": "01", **fields})
