"""Who holds an Alipay account: the authorisation page, the exchange of its code, and the buyers a trade may name.

One customer name is one account. An authorisation code works once, for ten minutes, for the application that asked.
Must not know: trades, envelopes, HTTP servers.
"""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from sandbox.alipay.envelope import Call, Node, Unnamed
from sandbox.codes import Buyer, draw_alipay_buyer
from sandbox.wire import RandomBytes, random_digits, random_text

CODE_LIFE_MS = 600_000
_HEX = "0123456789abcdef"
_OPEN_ID_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_SCOPES = ("auth_base", "auth_user")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    buyer: Buyer
    open_id: str


class Identities:
    def __init__(self, *, app_id: str, random_bytes: RandomBytes) -> None:
        self._app_id = app_id
        self._random_bytes = random_bytes
        self._by_customer: dict[str, _Account] = {}
        self._by_id: dict[str, Buyer] = {}
        self._codes: dict[str, tuple[_Account, int]] = {}

    def authorize(self, query: bytes, customer: str, now_ms: int) -> str | None:
        """The address to go back to, with an authorisation code; None: the page was not asked for rightly."""
        asked = {name: values[0] for name, values in parse_qs(query.decode("latin-1")).items()}
        back = urlsplit(asked.get("redirect_uri", ""))
        if asked.get("app_id") != self._app_id or asked.get("scope") not in _SCOPES or not back.scheme:
            return None
        code = random_text(self._random_bytes, 28, _HEX) + "X" + random_digits(self._random_bytes, 2)
        self._codes[code] = (self._account(customer), now_ms)
        handed = {"app_id": self._app_id, "source": "alipay_wallet", "scope": asked["scope"], "auth_code": code}
        if "state" in asked:
            handed["state"] = asked["state"]
        return urlunsplit(back._replace(query="&".join(part for part in (back.query, urlencode(handed)) if part)))

    def token(self, call: Call, now_ms: int) -> Node | Unnamed:
        """alipay.system.oauth.token: the code becomes a user id, once."""
        if call.params.get("grant_type") != "authorization_code":
            return _refused("isv.grant-type-invalid", "grant_type 应为 authorization_code")
        account, issued_ms = self._codes.pop(call.params.get("code", ""), (None, 0))
        if account is None or now_ms >= issued_ms + CODE_LIFE_MS:
            return _refused("isv.code-invalid", "授权码 code 无效")
        return {
            "access_token": "authbseB" + random_text(self._random_bytes, 32, _HEX),
            "alipay_user_id": account.open_id,
            "expires_in": 1296000,
            "open_id": account.open_id,
            "re_expires_in": 2592000,
            "refresh_token": "authbseB" + random_text(self._random_bytes, 32, _HEX),
            "user_id": account.buyer.user_id,
        }

    def buyer(self, user_id: str, open_id: str) -> Buyer | None:
        """The account of a user id or an open id that this wallet gave out."""
        return self._by_id.get(user_id or open_id)

    def _account(self, customer: str) -> _Account:
        account = self._by_customer.get(customer)
        if account is None:
            open_id = random_text(self._random_bytes, 32, _OPEN_ID_ALPHABET)
            account = _Account(buyer=draw_alipay_buyer(self._random_bytes), open_id=open_id)
            self._by_customer[customer] = account
            self._by_id[account.buyer.user_id] = self._by_id[open_id] = account.buyer
        return account


def _refused(sub_code: str, sub_msg: str) -> Unnamed:
    return Unnamed(node={"code": "40002", "msg": "Invalid Arguments", "sub_code": sub_code, "sub_msg": sub_msg})
