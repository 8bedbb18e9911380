"""Reads a notification, after it is verified: v3's (signed and encrypted), and v2's of a refund (encrypted only).

Rules
- v3: the signature over the raw bytes and its five minutes first, then the envelope, then AES-256-GCM under the APIv3
  key, then merchant, application and currency. The wallet's SIGNTEST probe is refused like every forgery.
- v2's refund notification has no signature. Whoever wrote it has the APIv2 key, but parts of two such could be put
  together: it is a hint that a refund query confirms, never "done".
- It says what a query would say. Whether the order and its amount are ours is the gateway's question.
- One answer serves both protocols: v3 looks at the status alone, v2 at the XML.
It must not know orders, clocks, or HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.channels.port import (
    Forgery,
    NotBelieved,
    Notification,
    NotificationReply,
    NotificationVerdict,
    NotifiedNothing,
    PaymentNotified,
    RefundNotified,
    RefundOpen,
)
from gateway.channels.wechat.identity import Identity
from gateway.channels.wechat.json_text import fen_of, part_of, read_json, text_of
from gateway.channels.wechat.keys import AccountKeys
from gateway.channels.wechat.refund_answers import ToldRefund
from gateway.channels.wechat.times import unix_ms_of
from gateway.channels.wechat.v2_signing import decrypt_req_info
from gateway.channels.wechat.v3_messages import trade_of
from gateway.channels.wechat.v3_signing import Trust, decrypt
from gateway.channels.wechat.xml_text import read_xml

_EVENT_ID: Final = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_EVENT_TYPE: Final = re.compile(r"[A-Z_.]{1,64}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9A-Za-z_*|@-]{1,64}", re.ASCII)
_ALGORITHM: Final = "AEAD_AES_256_GCM"
_FORGERIES: Final[Mapping[Trust, Forgery]] = {
    Trust.UNSIGNED: Forgery.UNSIGNED,
    Trust.PROBE: Forgery.PROBE,
    Trust.OUT_OF_TIME: Forgery.OUT_OF_TIME,
    Trust.UNKNOWN_KEY: Forgery.UNKNOWN_KEY,
    Trust.BAD_SIGNATURE: Forgery.BAD_SIGNATURE,
}

RECEIVED: Final = NotificationReply(
    status=200,
    content_type="text/xml; charset=utf-8",
    body=b"<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>",
)
REFUSED: Final = NotificationReply(
    status=500,
    content_type="application/json; charset=utf-8",
    body='{"code":"FAIL","message":"失败"}'.encode(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationReader:
    """Reads for one account."""

    identity: Identity
    keys: AccountKeys = field(repr=False)

    def read(self, notification: Notification, *, now_ms: int) -> NotificationVerdict:
        trust = self.keys.wallet.judge(notification.headers, notification.body, now_ms=now_ms)
        if trust is Trust.UNSIGNED and notification.body.lstrip().startswith(b"<"):
            return self._v2(notification.body)
        if trust is not Trust.GOOD:
            return NotBelieved(why=_FORGERIES[trust])
        return self._v3(notification.body)

    def _v3(self, body: bytes) -> NotificationVerdict:
        envelope = read_json(body)
        if envelope is None:
            return NotBelieved(why=Forgery.MALFORMED)
        event_id, event_type = text_of(envelope, "id"), text_of(envelope, "event_type")
        if not _EVENT_ID.fullmatch(event_id) or not _EVENT_TYPE.fullmatch(event_type):
            return NotBelieved(why=Forgery.MALFORMED)
        kind = event_type.partition(".")[0]
        if kind not in ("TRANSACTION", "REFUND"):
            return NotifiedNothing(event_id=event_id, what=event_type)
        told = self._resource(part_of(envelope, "resource"))
        if isinstance(told, NotBelieved):
            return told
        number = text_of(told, "out_trade_no")
        if not _NUMBER.fullmatch(number):
            return NotBelieved(why=Forgery.MALFORMED)
        if kind == "REFUND":
            return _refund(told, event_id=event_id, number=number)
        return PaymentNotified(event_id=event_id, out_trade_no=number, verdict=trade_of(told).verdict())

    def _resource(self, resource: Mapping[str, object]) -> Mapping[str, object] | NotBelieved:
        if text_of(resource, "algorithm") != _ALGORITHM:
            return NotBelieved(why=Forgery.MALFORMED)
        plain = decrypt(
            self.keys.v3_key,
            nonce=text_of(resource, "nonce"),
            associated_data=text_of(resource, "associated_data"),
            ciphertext=text_of(resource, "ciphertext"),
        )
        if plain is None:
            return NotBelieved(why=Forgery.UNDECRYPTABLE)
        told = read_json(plain)
        if told is None:
            return NotBelieved(why=Forgery.MALFORMED)
        named = all(text_of(told, name) == value for name, value in self.identity.v3_merchant.items())
        currency = part_of(told, "amount").get("currency", "CNY")
        if not named or self.identity.foreign_v3(told) or currency != "CNY":
            return NotBelieved(why=Forgery.FOREIGN)
        return told

    def _v2(self, body: bytes) -> NotificationVerdict:
        fields = read_xml(body)
        if fields is None or not fields.get("req_info"):
            return NotBelieved(why=Forgery.UNSIGNED if fields is not None else Forgery.MALFORMED)
        if self.keys.v2 is None:
            return NotBelieved(why=Forgery.UNKNOWN_KEY)
        named = all(fields.get(name, "") == value for name, value in self.identity.v2.items() if name != "sub_appid")
        if not named or self.identity.foreign_v2(fields):
            return NotBelieved(why=Forgery.FOREIGN)
        plain = decrypt_req_info(fields["req_info"], self.keys.v2.key)
        told = None if plain is None else read_xml(plain, root="root")
        if told is None:
            return NotBelieved(why=Forgery.UNDECRYPTABLE)
        number, refund_no = told.get("out_trade_no", ""), told.get("out_refund_no", "")
        status, refund_id = told.get("refund_status", ""), told.get("refund_id", "")
        if not all(_NUMBER.fullmatch(one) for one in (number, refund_no, status, refund_id)):
            return NotBelieved(why=Forgery.MALFORMED)
        return RefundNotified(
            event_id=f"{refund_id}.{status}",
            out_trade_no=number,
            refund_no=refund_no,
            verdict=RefundOpen(code=status),
        )


def _refund(told: Mapping[str, object], *, event_id: str, number: str) -> RefundNotified | NotBelieved:
    refund_no = text_of(told, "out_refund_no")
    amount_fen = fen_of(part_of(told, "amount"), "refund")
    if not _NUMBER.fullmatch(refund_no) or amount_fen is None:
        return NotBelieved(why=Forgery.MALFORMED)
    refund = ToldRefund(
        status=text_of(told, "refund_status"),
        amount_fen=amount_fen,
        refund_id=text_of(told, "refund_id"),
        done_at_ms=unix_ms_of(text_of(told, "success_time")),
    )
    verdict = refund.verdict() or RefundOpen(code="refund_status")
    return RefundNotified(event_id=event_id, out_trade_no=number, refund_no=refund_no, verdict=verdict)
