"""WeChat Pay's callbacks: when one is due and what it says, encrypted and signed anew at each sending.

Rules: told are a payment of a placed order, to the order's `notify_url`, and each refund that lands, to the refund's; a
payment by a scanned code is never told; a v3 callback is answered by 200 or 204, a v2 one by its own XML. A probe that
must be refused (`WECHATPAY/SIGNTEST/`) goes before some. Must not know: HTTP clients.
"""

import json
from collections.abc import Mapping

from sandbox.notifying import Letter, NotificationBook, Sending
from sandbox.plan import CallbackPlan, Forgery
from sandbox.wechat import v2_words, v3_words
from sandbox.wechat.beijing import rfc3339_stamp
from sandbox.wechat.merchant import WechatMerchant
from sandbox.wechat.orders import Api, Order, OrderEvent, Refund
from sandbox.wechat.signing import (
    NONCE_BYTES,
    PROBE_MARK,
    callback_signing,
    encrypt_gcm,
    encrypt_req_info,
    new_nonce,
)
from sandbox.wechat.v3_wire import part_of, whole_number
from sandbox.wechat.xml_text import NotFlatXml, NotUtf8, read_xml, write_xml
from sandbox.wire import RandomBytes, random_text

_OTHER_MCHID, _OTHER_APPID = "1900000000", "wx0000000000000000"
_HEX = "0123456789abcdef"
_PROBE_HEAD, _V2_HEAD = "probe-", "v2-"


class Notices:
    """`probe`: every that many callbacks a probe goes out first; 0 sends none."""

    def __init__(
        self,
        *,
        merchant: WechatMerchant,
        notifications: NotificationBook,
        random_bytes: RandomBytes,
        probe: int,
    ) -> None:
        self._merchant = merchant
        self._notifications = notifications
        self._random_bytes = random_bytes
        self._probe = probe
        self._told = 0

    def watch(self, order: Order, event: OrderEvent, at_ms: int) -> None:
        """Hears every change of every order."""
        match event:
            case OrderEvent.BUYER_PAYS | OrderEvent.CHARGE_EXECUTES:
                if order.asked.notify_url and not order.by_code:
                    self._tell_payment(order, at_ms)
            case OrderEvent.REFUND_LANDS:
                for refund in order.refunds:
                    if refund.notify_url and refund.landed and refund.lands_ms == at_ms:
                        self._tell_refund(order, refund, at_ms)
            case (
                OrderEvent.EXPIRES
                | OrderEvent.AUTO_REVERSES
                | OrderEvent.SHOP_CLOSES
                | OrderEvent.SHOP_REVERSES
                | OrderEvent.REFUND_BEGINS
            ):
                pass

    def _tell_payment(self, order: Order, at_ms: int) -> None:
        plain = dict(v3_words.transaction_body(order, self._merchant))
        self._tell_v3(
            f"pay-{order.number}",
            url=order.asked.notify_url,
            event_type="TRANSACTION.SUCCESS",
            original_type="transaction",
            plain=plain,
            plan=order.course.plan.callback,
            at_ms=at_ms,
        )

    def _tell_refund(self, order: Order, refund: Refund, at_ms: int) -> None:
        if refund.api is Api.V2:
            self._tell_v2(order, refund, at_ms)
            return
        self._tell_v3(
            f"refund-{refund.out_refund_no}",
            url=refund.notify_url,
            event_type="REFUND.SUCCESS",
            original_type="refund",
            plain=dict(v3_words.refund_notice(order, refund, self._merchant)),
            plan=CallbackPlan(),
            at_ms=at_ms,
        )

    def _tell_v3(
        self,
        name: str,
        *,
        url: str,
        event_type: str,
        original_type: str,
        plain: dict[str, object],
        plan: CallbackPlan,
        at_ms: int,
    ) -> None:
        event = {
            "id": _uuid(random_text(self._random_bytes, 32, _HEX)),
            "create_time": rfc3339_stamp(at_ms),
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": "支付成功" if original_type == "transaction" else "退款成功",
        }
        turn = self._told
        self._told += 1

        def build(sending: Sending) -> Letter:
            told = _forged(plain, sending.forgery)
            spoiled = sending.forgery is Forgery.BAD_SIGNATURE
            return self._letter(url, event, self._resource(told, original_type), sending, turn, spoiled=spoiled)

        def probe(sending: Sending) -> Letter:
            letter = self._letter(url, event, self._resource(plain, original_type), sending, turn, spoiled=False)
            headers = dict(letter.headers)
            headers["Wechatpay-Signature"] = PROBE_MARK + headers["Wechatpay-Signature"][len(PROBE_MARK) :]
            return Letter(url=url, headers=headers, body=letter.body)

        if self._probe and turn % self._probe == 0:
            self._notifications.add(_PROBE_HEAD + name, plan=CallbackPlan(), build=probe, happened_ms=at_ms)
        self._notifications.add(name, plan=plan, build=build, happened_ms=at_ms)

    def _tell_v2(self, order: Order, refund: Refund, at_ms: int) -> None:
        info = write_xml(v2_words.refund_notice_fields(order, refund), root="root")
        partner = {"sub_mch_id": order.asked.sub_mchid} if order.asked.is_partner else {}

        def build(_sending: Sending) -> Letter:
            body = write_xml(
                {
                    "return_code": "SUCCESS",
                    "appid": order.asked.appid,
                    "mch_id": self._merchant.mchid,
                    **partner,
                    "nonce_str": new_nonce(self._random_bytes),
                    "req_info": encrypt_req_info(self._merchant.api_v2_key, info),
                }
            )
            return Letter(url=refund.notify_url, headers={"content-type": "text/xml"}, body=body)

        name = f"{_V2_HEAD}refund-{refund.out_refund_no}"
        self._notifications.add(name, plan=CallbackPlan(), build=build, happened_ms=at_ms)

    def _resource(self, plain: Mapping[str, object], original_type: str) -> Mapping[str, str]:
        nonce = new_nonce(self._random_bytes, NONCE_BYTES)
        text = json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        ciphertext = encrypt_gcm(self._merchant.api_v3_key, text, nonce=nonce, associated_data=original_type)
        return {
            "original_type": original_type,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": ciphertext,
            "associated_data": original_type,
            "nonce": nonce,
        }

    def _letter(
        self,
        url: str,
        event: Mapping[str, str],
        resource: Mapping[str, str],
        sending: Sending,
        turn: int,
        *,
        spoiled: bool,
    ) -> Letter:
        body = json.dumps({**event, "resource": resource}, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        signed = body + b" " if spoiled else body
        key = callback_signing(self._merchant, turn)
        headers = key.headers(signed, now_ms=sending.now_ms, nonce=new_nonce(self._random_bytes))
        more = {"content-type": "application/json", "user-agent": "Mozilla/4.0", "accept": "*/*"}
        return Letter(url=url, headers={**headers, **more}, body=body)


def is_received(delivery_id: str, status: int | None, body: bytes) -> bool:
    """Whether the shop's answer means "received". A probe is sent once, whatever is said to it."""
    if delivery_id.startswith(_PROBE_HEAD):
        return True
    if delivery_id.startswith(_V2_HEAD):
        try:
            return status == 200 and read_xml(body).get("return_code") == "SUCCESS"
        except (NotFlatXml, NotUtf8):
            return False
    return status in (200, 204)


def _forged(plain: Mapping[str, object], forgery: Forgery | None) -> Mapping[str, object]:
    match forgery:
        case Forgery.WRONG_AMOUNT:
            amount = part_of(plain, "amount")
            more_fen = (whole_number(amount, "total") or 0) + 1
            return {**plain, "amount": {**amount, "total": more_fen, "payer_total": more_fen}}
        case Forgery.OTHER_MERCHANT:
            names = {"mchid": _OTHER_MCHID, "sp_mchid": _OTHER_MCHID, "appid": _OTHER_APPID, "sp_appid": _OTHER_APPID}
            return {name: names.get(name, value) for name, value in plain.items()}
        case Forgery.BAD_SIGNATURE | None:
            return plain


def _uuid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
