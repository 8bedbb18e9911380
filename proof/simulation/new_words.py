"""Words that no table knows: a new state of a wallet, a code that was added last week, rightly signed. Its
books stay true.

What is not listed settles nothing: neither "paid" nor "not paid".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

from gateway.channels.port import ChannelRequest
from proof.asked import Asked, Verb
from proof.simulation.network import LineEnd, Reply, Then
from sandbox.alipay.envelope import seal
from sandbox.alipay.nodes import failure
from sandbox.unionpay.forms import plain_text
from sandbox.unionpay.signing import SignMethod, sealed
from sandbox.wallets import Merchants
from sandbox.wechat.v2_wire import SignType, signature, xml_answer
from sandbox.wechat.xml_text import read_xml
from sandbox.wire import Answer

#: So many answers of one kind about one order.
_TIMES: Final = 2
_MD5_LENGTH: Final = 32
_XML: Final = b"<xml>"


class NewWords:
    """`rate`: of how many orders the first answers are in such words."""

    def __init__(
        self,
        *,
        rate: float,
        merchants: Merchants,
        chance_of: Callable[[str], Random],
        note: Callable[[str, str], None],
    ) -> None:
        self._rate = rate
        self._merchants = merchants
        self._chance_of = chance_of
        self._note = note
        self._said: Counter[tuple[str, Verb]] = Counter()

    def over(self, about: Asked, request: ChannelRequest, then: Then) -> Then:
        """Who hears the answer hears it in new words."""
        if not self._rate or about.verb not in (Verb.PAY, Verb.QUERY) or self._said[about.number, about.verb] >= _TIMES:
            return then
        if self._chance_of(f"new words {about.number}").random() >= self._rate:
            return then

        def reworded(reply: Reply | LineEnd) -> None:
            said = self._reworded(about, request, reply) if isinstance(reply, Reply) else None
            if said is not None:
                self._said[about.number, about.verb] += 1
                self._note(f"new_word_{about.verb}", f"{about.wallet} {about.number}")
            then(said or reply)

        return reworded

    def _reworded(self, about: Asked, request: ChannelRequest, reply: Reply) -> Reply | None:
        match about.wallet:
            case "alipay":
                return _told(self._alipay(about, request, reply.body))
            case "wechat" if reply.body.startswith(_XML):
                return _told(self._wechat(about, read_xml(reply.body)))
            case "unionpay":
                return _told(self._unionpay(about, _fields_of(reply.body)))
            case _:
                return None

    def _alipay(self, about: Asked, request: ChannelRequest, body: bytes) -> Answer | None:
        method = parse_qs(urlsplit(request.url).query)["method"][0]
        read = cast("dict[str, Any]", json.loads(body))
        node = cast("dict[str, object]", read.get(method.replace(".", "_") + "_response", {}))
        if about.verb is Verb.PAY:
            node = {**failure("ACQ.UNHEARD_OF", ""), "out_trade_no": about.number}
        elif "trade_status" in node:
            node = {**node, "trade_status": "TRADE_UNHEARD_OF"}
        else:
            return None
        return seal(node, method=method, charset="utf-8", key=self._merchants.alipay.wallet_key)

    def _wechat(self, about: Asked, fields: Mapping[str, str]) -> Answer | None:
        """v2, which names its sign_type by the length of the signature."""
        if "sign" not in fields:
            return None
        if about.verb is Verb.PAY:
            kept = ("return_code", "return_msg", "appid", "mch_id", "nonce_str")
            said = {name: fields[name] for name in kept if name in fields}
            said |= {"result_code": "FAIL", "err_code": "UNHEARDOF", "err_code_des": "-"}
        elif "trade_state" in fields:
            said = {name: value for name, value in fields.items() if name != "sign"} | {"trade_state": "UNHEARDOF"}
        else:
            return None
        how = SignType.MD5 if len(fields["sign"]) == _MD5_LENGTH else SignType.HMAC_SHA256
        return xml_answer({**said, "sign": signature(said, self._merchants.wechat.api_v2_key, how)})

    def _unionpay(self, about: Asked, fields: Mapping[str, str]) -> Answer | None:
        name = "respCode" if about.verb is Verb.PAY else "origRespCode"
        if name not in fields or "signMethod" not in fields:
            return None
        said = {key: value for key, value in fields.items() if key not in ("signature", "signPubKeyCert")}
        whole = sealed({**said, name: "88"}, SignMethod(fields["signMethod"]), self._merchants.unionpay)
        return Answer(status=200, content_type="text/html;charset=UTF-8", body=plain_text(whole))


def _told(answer: Answer | None) -> Reply | None:
    if answer is None:
        return None
    return Reply(status=answer.status, headers={"content-type": answer.content_type}, body=answer.body)


def _fields_of(body: bytes) -> dict[str, str]:
    """UnionPay's answer, which is not url-encoded."""
    pairs = (pair.partition("=") for pair in body.decode("utf-8").split("&"))
    return {name: value for name, _, value in pairs}
