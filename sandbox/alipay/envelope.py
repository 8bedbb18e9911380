"""The envelope of `gateway.do`: public parameters in, a signed node out.

Rules: parameters may come in the query, in a form body, or split over both (SDKs differ); every signature is checked,
over the bytes as they were sent; nothing of a method is looked at before the signature holds. A timestamp must be well
formed, but its distance from now is not judged: SDKs in use send their host's local time as if it were Beijing's.
Must not know: trades, methods' parameters.
"""

import codecs
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from sandbox.alipay.beijing import parse_stamp
from sandbox.alipay.merchant import Merchant
from sandbox.alipay.signing import request_text, sign, verifies
from sandbox.wire import Answer, HttpRequestParts

Node: TypeAlias = Mapping[str, object]

_CHARSETS = {"utf-8": "utf-8", "gbk": "gbk", "gb2312": "gb2312", "gb18030": "gb18030"}
_NO_NODE = "error_response"
_WITHOUT_BIZ = ("alipay.system.oauth.token",)

_MISSING = (
    ("timestamp", "isv.missing-timestamp"),
    ("version", "isv.missing-version"),
    ("sign_type", "isv.missing-signature-type"),
    ("sign", "isv.missing-signature"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request whose signature held. `biz` is out of repr: it may carry a payment code; `params`, the public
    parameters, an authorisation code."""

    method: str
    charset: str
    params: Mapping[str, str]
    biz: Mapping[str, object]
    cert_sn: str | None
    """In certificate mode, the wallet's own certificate, which the answer names."""
    host: str
    """Where the caller reached this wallet."""

    def __repr__(self) -> str:
        return f"Call({self.method})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The envelope was not accepted. Without a known app or method the answer is an unsigned `error_response`."""

    node: Node
    method: str | None
    charset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnamed:
    """A method's refusal that comes as a plain `error_response`, as the authorisation methods do it."""

    node: Node


def open_envelope(request: HttpRequestParts, merchant: Merchant, methods: Collection[str]) -> Call | Refused:
    """Reads, checks and verifies one request."""
    merged = _merged_params(request)
    if merged is None:
        return _invalid("isv.invalid-parameter", "同一参数出现了两个不同的值", None, "utf-8")
    text = {name: value.decode("latin-1") for name, value in merged.items() if value}
    charset = _CHARSETS.get(text.get("charset", "utf-8").lower())
    if charset is None:
        return _invalid("isv.invalid-charset", "不支持的字符集", None, "utf-8")
    refused = _check_addressee(text, merchant, methods, charset)
    if refused is not None:
        return refused
    method = text["method"]
    refused = _check_form(text, method, charset) or _check_certificates(text, merchant, method, charset)
    if refused is not None:
        return refused
    if not verifies(merchant.merchant_key.public_key(), request_text(merged), text["sign"]):
        return _invalid("isv.invalid-signature", "验签出错，请检查密钥与待签名字符串", method, charset)
    if text.get("app_auth_token", merchant.app_auth_token) != merchant.app_auth_token:
        return _no_token(method, charset)
    biz: Mapping[str, object] | None = (
        {} if method in _WITHOUT_BIZ else _biz_content(merged.get("biz_content", b""), charset)
    )
    if biz is None:
        return _invalid("isv.invalid-parameter", "biz_content 不是合法的 JSON 对象", method, charset)
    certified = merchant.chain is not None and "app_cert_sn" in text
    return Call(
        method=method,
        charset=charset,
        params={name: codecs.decode(value, charset, "replace") for name, value in merged.items()},
        biz=biz,
        cert_sn=merchant.chain.wallet_sn if merchant.chain is not None and certified else None,
        host=request.headers.get("host", ""),
    )


def seal(node: Node, *, method: str | None, charset: str, key: RSAPrivateKey, cert_sn: str | None = None) -> Answer:
    """The HTTP answer around a node. The signature covers the node's text exactly as it stands in the body."""
    text = json.dumps(node, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    raw = text.encode(charset, errors="replace")
    name = _NO_NODE if method is None else method.replace(".", "_") + "_response"
    signature = b"" if method is None else b',"sign":"' + sign(key, raw).encode("ascii") + b'"'
    certificate = b"" if cert_sn is None else b',"alipay_cert_sn":"' + cert_sn.encode("ascii") + b'"'
    body = b'{"' + name.encode("ascii") + b'":' + raw + certificate + signature + b"}"
    return Answer(status=200, content_type=f"text/html;charset={charset}", body=body)


def _merged_params(request: HttpRequestParts) -> dict[str, bytes] | None:
    """Query and form body as one table of raw bytes. None when the two, or one of them, contradict themselves."""
    texts = [request.query]
    if request.method == "POST" and "form-urlencoded" in request.content_type.lower():
        texts.append(request.body)
    merged: dict[str, bytes] = {}
    for text in texts:
        # latin-1 keeps every byte as it was sent: the charset is itself one of the parameters.
        for name, value in parse_qsl(text.decode("latin-1"), keep_blank_values=True, encoding="latin-1"):
            raw = value.encode("latin-1")
            if merged.setdefault(name, raw) != raw:
                return None
    return merged


def _check_addressee(
    text: Mapping[str, str], merchant: Merchant, methods: Collection[str], charset: str
) -> Refused | None:
    if "method" not in text:
        return _missing("isv.missing-method", "method", None, charset)
    if text["method"] not in methods:
        return _invalid("isv.invalid-method", "不存在的方法名", None, charset)
    if "app_id" not in text:
        return _missing("isv.missing-app-id", "app_id", None, charset)
    if text["app_id"] != merchant.app_id:
        return _invalid("isv.invalid-app-id", "无效的 app_id", None, charset)
    return None


def _check_form(text: Mapping[str, str], method: str, charset: str) -> Refused | None:
    for name, sub_code in _MISSING:
        if name not in text:
            return _missing(sub_code, name, method, charset)
    if parse_stamp(text["timestamp"]) is None:
        return _invalid("isv.invalid-timestamp", "timestamp 应为 yyyy-MM-dd HH:mm:ss", method, charset)
    if text.get("format", "JSON").upper() != "JSON":
        return _invalid("isv.invalid-format", "只支持 JSON", method, charset)
    if text["version"] != "1.0":
        return _invalid("isv.invalid-parameter", "version 应为 1.0", method, charset)
    if text["sign_type"] != "RSA2":
        return _invalid("isv.invalid-signature-type", "只支持 RSA2", method, charset)
    return None


def _check_certificates(text: Mapping[str, str], merchant: Merchant, method: str, charset: str) -> Refused | None:
    """Certificate mode names the application's certificate and the root that the caller trusts."""
    if "app_cert_sn" not in text and "alipay_root_cert_sn" not in text:
        return None
    chain = merchant.chain
    if chain is None or text.get("app_cert_sn") != chain.application_sn:
        return _invalid("isv.invalid-app-cert-sn", "应用公钥证书序列号与应用不符", method, charset)
    if text.get("alipay_root_cert_sn") != chain.root_sn:
        return _invalid("isv.invalid-root-cert-sn", "支付宝根证书序列号不符", method, charset)
    return None


def _biz_content(raw: bytes, charset: str) -> Mapping[str, object] | None:
    try:
        # Numbers stay text, so that an amount never passes through a float.
        parsed: object = json.loads(codecs.decode(raw, charset), parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, object]", parsed) if isinstance(parsed, dict) else None


def _missing(sub_code: str, name: str, method: str | None, charset: str) -> Refused:
    node = {"code": "40001", "msg": "Missing Required Arguments", "sub_code": sub_code, "sub_msg": f"缺少参数 {name}"}
    return Refused(node=node, method=method, charset=charset)


def _no_token(method: str, charset: str) -> Refused:
    """A partner's call in the name of a merchant who did not authorise it."""
    node = {
        "code": "20001",
        "msg": "Insufficient Token Permissions",
        "sub_code": "aop.invalid-app-auth-token",
        "sub_msg": "无效的应用授权令牌",
    }
    return Refused(node=node, method=method, charset=charset)


def _invalid(sub_code: str, sub_msg: str, method: str | None, charset: str) -> Refused:
    node = {"code": "40002", "msg": "Invalid Arguments", "sub_code": sub_code, "sub_msg": sub_msg}
    return Refused(node=node, method=method, charset=charset)
