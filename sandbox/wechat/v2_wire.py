"""The envelope of v2: XML in, a signature over its fields, signed XML out.

Rules: every request's signature is checked over the values as they were sent, before anything else is looked at; the
answer is signed by the request's sign_type, which it does not echo; an answer with return_code FAIL is not signed.
Must not know: orders, what a field means.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from sandbox.wechat.merchant import WechatMerchant
from sandbox.wechat.xml_text import NotFlatXml, NotUtf8, read_xml, write_xml
from sandbox.wire import Answer, HttpRequestParts, RandomBytes, random_text

Fields: TypeAlias = Mapping[str, str | int]

_NONCE_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CONTENT_TYPE = "text/xml; charset=utf-8"


class SignType(Enum):
    MD5 = "MD5"
    HMAC_SHA256 = "HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Call:
    """A request whose signature held. The fields stay out of repr: they may carry a payment code."""

    fields: Mapping[str, str] = field(repr=False)
    sign_type: SignType

    def text(self, name: str) -> str:
        """A field, empty when absent."""
        return self.fields.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Refused:
    """The request was not looked into: an unsigned answer says why."""

    return_msg: str


def signature(fields: Mapping[str, str], key: str, sign_type: SignType) -> str:
    """Upper-case hex over the sorted non-empty fields and the key."""
    covered = [f"{name}={fields[name]}" for name in sorted(fields) if fields[name] and name != "sign"]
    text = "&".join([*covered, f"key={key}"]).encode("utf-8")
    match sign_type:
        case SignType.MD5:
            return hashlib.md5(text, usedforsecurity=False).hexdigest().upper()
        case SignType.HMAC_SHA256:
            return hmac.new(key.encode("utf-8"), text, hashlib.sha256).hexdigest().upper()


def open_v2(request: HttpRequestParts, merchant: WechatMerchant) -> V2Call | V2Refused:
    if request.method != "POST":
        return V2Refused(return_msg="请使用post方法")
    if not request.body.strip():
        return V2Refused(return_msg="post数据为空")
    try:
        fields = read_xml(request.body)
    except NotUtf8:
        return V2Refused(return_msg="未使用指定编码格式utf-8")
    except NotFlatXml:
        return V2Refused(return_msg="XML格式错误")
    for name in ("mch_id", "nonce_str", "sign"):
        if not fields.get(name):
            return V2Refused(return_msg=f"缺少参数{name}")
    if fields["mch_id"] != merchant.mchid:
        return V2Refused(return_msg="商户号mch_id不存在")
    sign_type = _sign_type(fields.get("sign_type", ""))
    if sign_type is None:
        return V2Refused(return_msg="sign_type参数格式错误")
    expected = signature(fields, merchant.api_v2_key, sign_type)
    if not hmac.compare_digest(expected.encode(), fields["sign"].encode("utf-8")):
        return V2Refused(return_msg="签名错误")
    return V2Call(fields=fields, sign_type=sign_type)


def refuse_v2(refused: V2Refused) -> Answer:
    return xml_answer({"return_code": "FAIL", "return_msg": refused.return_msg})


def seal_v2(fields: Fields, sign_type: SignType, merchant: WechatMerchant, random_bytes: RandomBytes) -> Answer:
    """A signed answer. `fields` begin after what every answer has."""
    whole = {
        "return_code": "SUCCESS",
        "return_msg": "OK",
        "mch_id": merchant.mchid,
        "nonce_str": random_text(random_bytes, 16, _NONCE_ALPHABET),
        **fields,
    }
    texts = {name: str(value) for name, value in whole.items()}
    return xml_answer({**whole, "sign": signature(texts, merchant.api_v2_key, sign_type)})


def xml_answer(fields: Fields) -> Answer:
    return Answer(status=200, content_type=_CONTENT_TYPE, body=write_xml(fields))


def _sign_type(text: str) -> SignType | None:
    return next((one for one in SignType if one.value == (text or "MD5")), None)
