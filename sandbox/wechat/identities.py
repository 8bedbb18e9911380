"""Who holds a WeChat account: the OAuth page, the exchange of its code for an openid, and the payers an order may name.

One customer name is one account, and one openid for each application. A code works once, for five minutes.
Must not know: orders, v2, v3.
"""

import json
import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from sandbox.codes import Buyer, draw_wechat_buyer
from sandbox.wechat.merchant import WechatMerchant
from sandbox.wire import Answer, HttpRequestParts, RandomBytes, random_text

AUTHORIZE_PATH = "/connect/oauth2/authorize"
TOKEN_PATH = "/sns/oauth2/access_token"
CODE_LIFE_MS = 300_000
_OPENID = re.compile(r"o[0-9A-Za-z_-]{27}", re.ASCII)
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SCOPES = ("snsapi_base", "snsapi_userinfo")
_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>微信授权（模拟）</title>
<p>请在微信客户端打开链接 · Open this link in WeChat.</p></html>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    appid: str
    buyer: Buyer
    scope: str
    issued_ms: int
    used: bool = False


class Identities:
    def __init__(self, *, merchant: WechatMerchant, random_bytes: RandomBytes) -> None:
        self._secrets = {merchant.appid: merchant.app_secret, merchant.sub_appid: merchant.app_secret}
        self._random_bytes = random_bytes
        self._accounts: dict[tuple[str, str], Buyer] = {}
        self._by_openid: dict[str, Buyer] = {}
        self._grants: dict[str, _Grant] = {}

    def authorize(self, request: HttpRequestParts, customer: str, now_ms: int) -> str | None:
        """The address to go back to, with a code; None: this is not the page, or it was not asked for rightly."""
        asked = _first_values(request.query)
        back = urlsplit(asked.get("redirect_uri", ""))
        right = asked.get("appid") in self._secrets and asked.get("response_type") == "code"
        if request.path != AUTHORIZE_PATH or not right or asked.get("scope") not in _SCOPES or not back.scheme:
            return None
        appid = asked["appid"]
        buyer = self._account(appid, customer)
        code = random_text(self._random_bytes, 32, _ALPHABET)
        self._grants[code] = _Grant(appid=appid, buyer=buyer, scope=asked["scope"], issued_ms=now_ms)
        handed = urlencode({"code": code, "state": asked.get("state", "")})
        return urlunsplit(back._replace(query="&".join(part for part in (back.query, handed) if part)))

    def page(self, _request: HttpRequestParts, _now_ms: int) -> Answer:
        """The authorisation page as any other browser sees it."""
        return Answer(status=200, content_type="text/html; charset=utf-8", body=_PAGE.encode("utf-8"))

    def access_token(self, request: HttpRequestParts, now_ms: int) -> Answer:
        """The code becomes an openid, once."""
        asked = _first_values(request.query)
        secret = self._secrets.get(asked.get("appid", ""))
        if secret is None:
            return _refused(40013, "invalid appid")
        if asked.get("secret") != secret:
            return _refused(40125, "invalid appsecret")
        if asked.get("grant_type") != "authorization_code":
            return _refused(40002, "invalid grant_type")
        code = asked.get("code", "")
        grant = self._grants.get(code)
        if grant is None or grant.appid != asked["appid"]:
            return _refused(40029, "invalid code")
        if grant.used:
            return _refused(40163, "code been used")
        if now_ms >= grant.issued_ms + CODE_LIFE_MS:
            return _refused(42003, "code expired")
        self._grants[code] = replace(grant, used=True)
        return _json(
            {
                "access_token": random_text(self._random_bytes, 86, _ALPHABET),
                "expires_in": 7200,
                "refresh_token": random_text(self._random_bytes, 86, _ALPHABET),
                "openid": grant.buyer.user_id,
                "scope": grant.scope,
            }
        )

    def buyer(self, openid: str) -> Buyer | None:
        """The account of an openid. One that this wallet never gave out is somebody else's, if it has the form."""
        known = self._by_openid.get(openid)
        if known is not None:
            return known
        return Buyer(user_id=openid, logon_id="") if _OPENID.fullmatch(openid) else None

    def _account(self, appid: str, customer: str) -> Buyer:
        buyer = self._accounts.get((appid, customer))
        if buyer is None:
            buyer = draw_wechat_buyer(self._random_bytes)
            self._accounts[appid, customer] = self._by_openid[buyer.user_id] = buyer
        return buyer


def _first_values(query: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query.decode("latin-1")).items()}


def _refused(code: int, message: str) -> Answer:
    return _json({"errcode": code, "errmsg": message})


def _json(body: dict[str, object]) -> Answer:
    return Answer(status=200, content_type="text/plain", body=json.dumps(body).encode("utf-8"))
