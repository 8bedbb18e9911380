"""The envelope of v3: the Authorization header in, a signed answer out.

Rules: a request without User-Agent or Accept is refused first; then the header's form, its time (five minutes), the
merchant, the serial and the signature over the exact bytes sent, each refused by words of its own; an answer of success
is signed, a refusal is not. Must not know: orders, what a call means.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import parse_qsl

from sandbox.wechat.merchant import WechatMerchant
from sandbox.wechat.signing import SCHEME, answer_signing, new_nonce, rsa_verifies
from sandbox.wire import Answer, HttpRequestParts, RandomBytes, random_digits, random_text

CLOCK_WINDOW_MS = 300_000
_CONTENT_TYPE = "application/json; charset=utf-8"
_PART = re.compile(r'([a-z_]+)="([^"]*)"', re.ASCII)
_PARTS = frozenset({"mchid", "nonce_str", "signature", "timestamp", "serial_no"})
_HEX = "0123456789ABCDEF"


@dataclass(frozen=True, slots=True, kw_only=True)
class V3Call:
    """A request whose signature held. The body stays out of repr: it may carry a payment code."""

    method: str
    path: str
    """As sent, still percent-encoded."""
    query: Mapping[str, str] = field(repr=False)
    body: Mapping[str, object] = field(repr=False)
    asked_serial: str
    host: str
    """Under which name the caller reached this wallet."""

    def text(self, name: str) -> str:
        return text_of(self.body, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    status: int
    code: str
    message: str
    field: str = ""
    issue: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An answer of success; without a body it is 204."""

    body: Mapping[str, object] | None = field(default=None, repr=False)


def open_v3(request: HttpRequestParts, merchant: WechatMerchant, now_ms: int) -> V3Call | Problem:
    headers = request.headers
    if not headers.get("user-agent") or not headers.get("accept"):
        return Problem(status=400, code="PARAM_ERROR", message="Http头缺少Accept或User-Agent")
    refused = _why_unauthorized(request, merchant, now_ms)
    if refused is not None:
        return refused
    body = _read_body(request.body)
    if isinstance(body, Problem):
        return body
    return V3Call(
        method=request.method,
        path=request.path,
        query=dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True)),
        body=body,
        asked_serial=headers.get("wechatpay-serial", ""),
        host=headers.get("host", "api.mch.weixin.qq.com"),
    )


def seal_v3(done: Done, *, call: V3Call, merchant: WechatMerchant, random_bytes: RandomBytes, now_ms: int) -> Answer:
    body = b"" if done.body is None else json.dumps(done.body, ensure_ascii=False, separators=(",", ":")).encode()
    signed = answer_signing(merchant, call.asked_serial).headers(body, now_ms=now_ms, nonce=new_nonce(random_bytes))
    return Answer(
        status=204 if done.body is None else 200,
        content_type=_CONTENT_TYPE,
        body=body,
        headers={**signed, "Request-ID": _request_id(random_bytes, "0")},
    )


def refuse_v3(problem: Problem, random_bytes: RandomBytes) -> Answer:
    said: dict[str, object] = {"code": problem.code, "message": problem.message}
    if problem.field or problem.issue:
        detail = {"field": problem.field, "issue": problem.issue, "location": problem.location or "body"}
        said["detail"] = detail
    return Answer(
        status=problem.status,
        content_type=_CONTENT_TYPE,
        body=json.dumps(said, ensure_ascii=False).encode("utf-8"),
        headers={"Request-ID": _request_id(random_bytes, "26844" + random_digits(random_bytes, 4))},
    )


def text_of(body: Mapping[str, object], name: str) -> str:
    """A text field, empty when absent or not text. A lone surrogate, which UTF-8 cannot carry, becomes `?`."""
    value = body.get(name)
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def part_of(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    """An object within the body, empty when absent or not an object."""
    value = body.get(name)
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def whole_number(body: Mapping[str, object], name: str) -> int | None:
    value = body.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _why_unauthorized(request: HttpRequestParts, merchant: WechatMerchant, now_ms: int) -> Problem | None:
    scheme, space, rest = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return _sign_error("Http头缺少Authorization", "authorization")
    if scheme != SCHEME:
        return _sign_error("Http头Authorization认证类型不正确", "authorization")
    found = [_PART.fullmatch(part) for part in rest.split(",")]
    parts = {part.group(1): part.group(2) for part in found if part is not None}
    if not space or None in found or len(found) != len(parts) or parts.keys() != _PARTS:
        return _sign_error("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》", "authorization")
    timestamp = parts["timestamp"]
    if not re.fullmatch(r"[0-9]{1,12}", timestamp, re.ASCII):
        return _sign_error("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》", "timestamp")
    if abs(now_ms - int(timestamp) * 1000) > CLOCK_WINDOW_MS:
        return _sign_error("Http头Authorization时间戳与发起请求的时间不得超过5分钟", "timestamp")
    if parts["mchid"] != merchant.mchid:
        return _sign_error("商户号不存在或与证书不匹配", "mchid")
    if parts["serial_no"] != merchant.merchant.serial_no:
        return _sign_error("商户证书序列号有误。请使用签名私钥匹配的证书序列号", "serial_no")
    target = request.path + (f"?{request.query.decode('latin-1')}" if request.query else "")
    head = f"{request.method}\n{target}\n{timestamp}\n{parts['nonce_str']}\n".encode("latin-1", "replace")
    public = merchant.merchant.key.public_key()
    if not parts["nonce_str"] or not rsa_verifies(public, head + request.body + b"\n", parts["signature"]):
        return _sign_error("错误的签名，验签失败", "signature")
    return None


def _sign_error(message: str, named: str) -> Problem:
    issue = "sign not match" if named == "signature" else ""
    return Problem(status=401, code="SIGN_ERROR", message=message, field=named, issue=issue, location="authorization")


def _read_body(body: bytes) -> Mapping[str, object] | Problem:
    if not body:
        return {}
    try:
        read: object = json.loads(body)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        return Problem(status=400, code="PARAM_ERROR", message="请求body不是合法的JSON对象", location="body")
    return cast("Mapping[str, object]", read)


def _request_id(random_bytes: RandomBytes, code: str) -> str:
    return f"08{random_text(random_bytes, 30, _HEX)}-{code}"
