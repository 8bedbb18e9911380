"""What wallets say, or who says he is one: notifications and answers, before their signature is judged and behind it.

Rules: never an exception; without a signature nothing is believed; what is told can be kept, and names have a length.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.channels.alipay.envelope import open_envelope
from gateway.channels.alipay.forms import open_form
from gateway.channels.port import (
    Channel,
    ChannelResponse,
    NotBelieved,
    Notification,
    NotificationVerdict,
    NotifiedNothing,
    PaymentNotified,
    PreparedCall,
    RefundNotified,
)
from gateway.channels.unionpay.form import parse_answer, parse_notification
from gateway.channels.wechat.json_text import read_json
from gateway.channels.wechat.v2_signing import SIGN, signature
from gateway.channels.wechat.xml_text import read_xml, write_xml
from proof.fuzz import accounts
from proof.fuzz.accounts import NOW_MS, REF, REFUND, TRADE_BILL
from proof.fuzz.target import Target, keepable

_SIGNED = {"wechatpay-serial": "1", "content-type": "application/json"}


def _told(verdict: NotificationVerdict) -> None:
    keepable(verdict)
    match verdict:
        case NotBelieved():
            return
        case NotifiedNothing():
            assert len(verdict.event_id) <= 128
        case PaymentNotified() | RefundNotified():
            assert 0 < len(verdict.event_id) <= 256
            assert len(verdict.out_trade_no) <= 128


def _notified(channel: Channel, body: bytes) -> NotificationVerdict:
    verdict = channel.read_notification(Notification(headers=_SIGNED, body=body), now_ms=NOW_MS)
    _told(verdict)
    return verdict


def _forged(name: str, body: bytes) -> None:
    """By the real judge: bytes without a good signature are nobody's word."""
    channel = accounts.honest(name)
    for headers in (_SIGNED, {}):
        verdict = channel.read_notification(Notification(headers=headers, body=body), now_ms=NOW_MS)
        assert isinstance(verdict, NotBelieved), "believed without a signature"


def wechat_v3(data: bytes) -> None:
    """The envelope itself, then the same bytes as what an envelope holds."""
    _notified(accounts.wechat(), data)
    _forged("wechat", data)
    key, nonce = accounts.wechat().keys.v3_key.reveal().encode(), "0" * 12
    sealed = b64encode(AESGCM(key).encrypt(nonce.encode(), data, b"x")).decode()
    resource = {"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "x", "ciphertext": sealed}
    for kind in ("TRANSACTION.SUCCESS", "REFUND.SUCCESS"):
        envelope = {"id": "1", "event_type": kind, "resource": resource}
        _notified(accounts.wechat(), json.dumps(envelope).encode())


def wechat_v2(data: bytes) -> None:
    verdict = accounts.wechat().read_notification(Notification(headers={}, body=data), now_ms=NOW_MS)
    _told(verdict)
    fields = read_xml(data)
    if fields is not None:
        assert read_xml(write_xml(fields)) == fields, "what was read is not what is written"


def alipay_form(data: bytes) -> None:
    _notified(accounts.alipay(), data)
    _forged("alipay", data)
    form = open_form(data)
    if form is not None:
        keepable(form)


def unionpay_form(data: bytes) -> None:
    _notified(accounts.unionpay(), data)
    _forged("unionpay", data)
    for fields in (parse_notification(data), parse_answer(data)):
        assert fields is None or len(fields) <= 128


def texts(data: bytes) -> None:
    """The readers of JSON, XML and envelopes by themselves."""
    for found in (read_json(data), read_xml(data)):
        if found is not None:
            keepable(found)
    for method in ("alipay.trade.query", "alipay.trade.pay"):
        open_envelope(data, method=method)


def _answers(channel: Channel, data: bytes) -> None:
    """The first byte chooses the call, the second the status."""
    if len(data) < 2:
        return
    calls: tuple[Callable[[], PreparedCall[object]], ...] = (
        lambda: channel.query(REF, now_ms=NOW_MS),
        lambda: channel.cancel(REF, now_ms=NOW_MS),
        lambda: channel.close(REF, now_ms=NOW_MS),
        lambda: channel.refund(REFUND, now_ms=NOW_MS),
        lambda: channel.refund_query(REFUND, now_ms=NOW_MS),
        lambda: channel.bill(TRADE_BILL, now_ms=NOW_MS),
    )
    call = _built(channel, data[0] % len(calls), calls[data[0] % len(calls)])
    status = (200, 200, 200, 204, 302, 400, 404, 500)[data[1] % 8]
    said = call.read(ChannelResponse(status=status, headers=_SIGNED, body=data[2:]))
    if not isinstance(said, PreparedCall):
        keepable(said)


_CALLS: dict[tuple[int, int], PreparedCall[object]] = {}


def _built(channel: Channel, number: int, build: Callable[[], PreparedCall[object]]) -> PreparedCall[object]:
    """A call is signed once: signing costs a thousand times what reading does."""
    place = (id(channel), number)
    if place not in _CALLS:
        _CALLS[place] = build()
    return _CALLS[place]


def alipay_answers(data: bytes) -> None:
    _answers(accounts.alipay(), data)


def wechat_answers(data: bytes) -> None:
    """v3's as they are; v2's again with the signature that its fields need."""
    _answers(accounts.wechat_v3_only(), data)
    _answers(accounts.wechat(), data)
    keys, fields = accounts.wechat().keys.v2, read_xml(data[2:])
    if keys is not None and fields is not None:
        signed = {**fields, "return_code": "SUCCESS"}
        signed[SIGN] = signature(signed, keys.key, keys.sign_type)
        _answers(accounts.wechat(), data[:2] + write_xml(signed))


def unionpay_answers(data: bytes) -> None:
    _answers(accounts.unionpay(), data)


_TRADE = (
    b'{"mchid":"1","appid":"1","out_trade_no":"000000000000000000000000000","transaction_id":"42","trade_state":"SUCCESS",'
    b'"trade_type":"MICROPAY","success_time":"2027-01-15T16:00:00+08:00","payer":{"openid":"o"},'
    b'"amount":{"total":1250,"payer_total":1250,"currency":"CNY","refund":50},"out_refund_no":"R","refund_status":"SUCCESS"}'
)
_XML = (
    b"<xml><return_code><![CDATA[SUCCESS]]></return_code><result_code>SUCCESS</result_code><trade_state>SUCCESS</trade_state>"
    b"<out_trade_no>000000000000000000000000000</out_trade_no><total_fee>1250</total_fee><fee_type>CNY</fee_type>"
    b"<transaction_id>42</transaction_id><time_end>20270115160000</time_end><recall>N</recall></xml>"
)
_ALIPAY = (
    b"notify_type=trade_status_sync&notify_id=n1&app_id=2021&sign_type=RSA2&sign=AA%3D%3D&out_trade_no=N1&charset=utf-8"
    b"&trade_status=TRADE_SUCCESS&total_amount=12.50&gmt_payment=2027-01-15+16%3A00%3A00&trade_no=2027"
)
_NODE = (
    b'{"alipay_trade_query_response":{"code":"10000","msg":"Success","out_trade_no":"000000000000000000000000000",'
    b'"trade_no":"2027","trade_status":"TRADE_SUCCESS","total_amount":"12.50","send_pay_date":"2027-01-15 16:00:00"},'
    b'"sign":"AA=="}'
)
_ACP = (
    b"merId=777290058110048&orderId=000000000000000000000000000&txnType=01&respCode=00&txnAmt=1250&currencyCode=156&"
    b"txnTime=20270115160000&queryId=1&traceTime=0115160000&origRespCode=00&signMethod=01&signature=AA%3D%3D"
)
TARGETS = (
    Target(
        name="notify-wechat-v3",
        about="WeChat Pay v3 notifications: envelope, AEAD, transaction, refund",
        run=wechat_v3,
        seeds=(_TRADE, b'{"id":"1","event_type":"TRANSACTION.SUCCESS","resource":{"algorithm":"AEAD_AES_256_GCM"}}'),
    ),
    Target(
        name="notify-wechat-v2",
        about="WeChat Pay v2 notifications: flat XML",
        run=wechat_v2,
        seeds=(
            _XML,
            b"<xml><req_info>AAAA</req_info><appid>1</appid></xml>",
            b'<!DOCTYPE a [<!ENTITY b "c">]><xml>&b;</xml>',
        ),
    ),
    Target(name="notify-alipay", about="Alipay notifications: forms", run=alipay_form, seeds=(_ALIPAY,)),
    Target(name="notify-unionpay", about="UnionPay notifications: forms", run=unionpay_form, seeds=(_ACP,)),
    Target(name="wallet-texts", about="JSON, XML and envelopes of wallets", run=texts, seeds=(_TRADE, _XML, _NODE)),
    Target(
        name="answers-wechat",
        about="WeChat Pay's answers, v2 and v3",
        run=wechat_answers,
        seeds=(b"\x00\x00" + _TRADE, b"\x00\x00" + _XML, b"\x04\x00" + _TRADE, b'\x02\x05{"code":"ORDER_CLOSED"}'),
    ),
    Target(
        name="answers-alipay",
        about="Alipay's answers",
        run=alipay_answers,
        seeds=(
            b"\x00\x00" + _NODE,
            b"\x01\x00" + _NODE.replace(b"query", b"cancel"),
            b"\x03\x00" + _NODE.replace(b"query", b"refund"),
        ),
    ),
    Target(
        name="answers-unionpay",
        about="UnionPay's answers",
        run=unionpay_answers,
        seeds=(b"\x00\x00" + _ACP.replace(b"%3D", b"="), b"\x05\x00respCode=00&fileContent=eJw="),
    ),
)
