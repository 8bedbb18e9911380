"""How ACP 5.1.0 travels: a request is a signed url-encoded form; its answer is the same kind of text, signed and NOT
url-encoded; a notification is url-encoded again.

A form that is none (a name twice, a broken escape, not UTF-8) is answered by HTTP 400 without a signature: there is
nobody to answer to. Must not know: what the fields of a call mean.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote_plus

from sandbox.unionpay.codes import Code, words_of
from sandbox.unionpay.merchant import UnionpayMerchant
from sandbox.unionpay.signing import SignMethod, is_signed, sealed
from sandbox.wire import Answer, HttpRequestParts

ANSWER_TYPE = "text/html;charset=UTF-8"
_ECHOED = (
    *("version", "encoding", "merId", "accessType", "bizType", "txnType", "txnSubType", "orderId", "txnTime"),
    *("reqReserved", "acqInsCode", "subMerId", "subMerName", "subMerAbbr"),
)
REPEATABLE = re.compile(r"(?:[^&{}\[\]]|\{[^{}]*\}|\[[^\[\]]*\]){1,1024}")
"""What an answer, which is not url-encoded, can repeat: `&` only inside of braces or brackets."""
_VERSION = "5.1.0"
_MOST_FIELDS = 128
_MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A form that the merchant signed. It may hold a payment code, so it stays out of repr."""

    method: SignMethod
    fields: Mapping[str, str] = field(repr=False)

    def text(self, name: str) -> str:
        return self.fields.get(name, "")

    def echoed(self) -> dict[str, str]:
        """What every answer to this call repeats, as far as it can be repeated."""
        return {name: self.fields[name] for name in _ECHOED if REPEATABLE.fullmatch(self.fields.get(name, ""))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A form that is not this merchant's call."""

    call: Call
    code: Code
    detail: str = ""


def open_form(request: HttpRequestParts, merchant: UnionpayMerchant) -> Call | Refused | Answer:
    if request.method != "POST":
        return _not_a_form(405)
    fields = _read(request.body)
    if fields is None:
        return _not_a_form(400)
    method = next((one for one in SignMethod if one.value == fields.get("signMethod")), None)
    call = Call(method=method or SignMethod.RSA, fields=fields)
    if fields.get("version") != _VERSION or fields.get("encoding", "").upper() != "UTF-8":
        return Refused(call=call, code=Code.BAD_FORMAT, detail="version或encoding不支持")
    if method is None:
        return Refused(call=call, code=Code.BAD_FORMAT, detail="signMethod不支持")
    for name in ("merId", "signature"):
        if not fields.get(name):
            return Refused(call=call, code=Code.MISSING, detail=name)
    if fields["merId"] != merchant.mer_id:
        return Refused(call=call, code=Code.BAD_MERCHANT)
    return call if is_signed(fields, method, merchant) else Refused(call=call, code=Code.BAD_SIGNATURE)


def refuse(refused: Refused, merchant: UnionpayMerchant) -> Answer:
    return answer(refused.call, result(refused.code, refused.detail), merchant)


def answer(call: Call, said: Mapping[str, str], merchant: UnionpayMerchant) -> Answer:
    """`said` over what is repeated of the call, signed as the call was."""
    body = plain_text(sealed({**call.echoed(), **said}, call.method, merchant))
    return Answer(status=200, content_type=ANSWER_TYPE, body=body)


def result(code: Code, detail: str = "") -> dict[str, str]:
    return {"respCode": code.value, "respMsg": words_of(code, detail)}


def plain_text(fields: Mapping[str, str]) -> bytes:
    """Not url-encoded, as UnionPay answers."""
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items())).encode("utf-8")


def form_text(fields: Mapping[str, str]) -> bytes:
    """Url-encoded, as UnionPay notifies."""
    return "&".join(f"{name}={quote_plus(value)}" for name, value in sorted(fields.items())).encode("ascii")


def _read(body: bytes) -> dict[str, str] | None:
    if not body or len(body) > _MOST_BYTES or not body.isascii():
        return None
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        return None
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else None


def _not_a_form(status: int) -> Answer:
    return Answer(status=status, content_type=ANSWER_TYPE, body=b"Invalid request.")
