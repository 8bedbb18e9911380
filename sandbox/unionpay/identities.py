"""Who holds a UnionPay account: the userAuth page, and the exchange of what it gives for a user id.

One customer name is one account. A code works once, for five minutes; it is base64 and comes back as it is, not
escaped, so that a `+` in it arrives as a blank. The exchange is no part of ACP's published text: a form of the
simulation. Must not know: trades.
"""

import base64
import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit, urlunsplit

from sandbox.codes import Buyer, draw_unionpay_buyer
from sandbox.unionpay.codes import Code
from sandbox.unionpay.forms import Call, result
from sandbox.wire import Answer, HttpRequestParts, RandomBytes

USER_AUTH_PATH = "/qrcGtwWeb-web/api/userAuth"
CODE_LIFE_MS = 300_000
_CODE_BYTES = 48
_CODE_FORM = re.compile(r"[A-Za-z0-9+/=_.-]{1,256}", re.ASCII)
_VERSION = "1.0.0"
_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>云闪付授权（模拟）</title>
<p>请在云闪付中打开 · Open this link in the UnionPay app.</p></html>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    buyer: Buyer
    issued_ms: int
    used: bool = False


class Identities:
    def __init__(self, *, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes
        self._accounts: dict[str, Buyer] = {}
        self._grants: dict[str, _Grant] = {}

    def authorize(self, request: HttpRequestParts, customer: str, now_ms: int) -> str | None:
        """The address to go back to, with a code; None: this is not the page, or it was not asked for rightly."""
        asked = parse_qs(request.query.decode("latin-1"))
        back = urlsplit(asked.get("redirectUrl", [""])[0])
        if request.path != USER_AUTH_PATH or asked.get("version") != [_VERSION] or not back.scheme:
            return None
        code = base64.b64encode(self._random_bytes(_CODE_BYTES)).decode("ascii")
        self._grants[code] = _Grant(buyer=self._account(customer), issued_ms=now_ms)
        handed = f"userAuthCode={code}&respCode={Code.OK.value}"
        return urlunsplit(back._replace(query="&".join(part for part in (back.query, handed) if part)))

    def page(self, _request: HttpRequestParts, _now_ms: int) -> Answer:
        """The page as any other browser sees it."""
        return Answer(status=200, content_type="text/html; charset=utf-8", body=_PAGE.encode("utf-8"))

    def user_id(self, call: Call, now_ms: int) -> dict[str, str]:
        """The code becomes a user id, once."""
        for name in ("userAuthCode", "appUpIdentifier"):
            if not call.text(name):
                return result(Code.MISSING, name)
            if not _CODE_FORM.fullmatch(call.text(name)):
                return result(Code.BAD_FORMAT, name)
        code = call.text("userAuthCode")
        repeated = {"userAuthCode": code, "appUpIdentifier": call.text("appUpIdentifier")}
        grant = self._grants.get(code)
        if grant is None:
            return {**repeated, **result(Code.NO_SUCH_TRADE)}
        if grant.used:
            return {**repeated, **result(Code.ALREADY_UNDONE)}
        if now_ms >= grant.issued_ms + CODE_LIFE_MS:
            return {**repeated, **result(Code.CODE_EXPIRED)}
        self._grants[code] = replace(grant, used=True)
        return {**repeated, **result(Code.OK), "userId": grant.buyer.user_id}

    def _account(self, customer: str) -> Buyer:
        buyer = self._accounts.get(customer)
        if buyer is None:
            buyer = self._accounts[customer] = draw_unionpay_buyer(self._random_bytes)
        return buyer
