"""Who holds the phone: the wallet's authorisation page, what comes back from it, and the exchange for a payer's id.

Rules: `auth_base` asks the customer nothing; an authorisation code works once; `open_id` is preferred, because a user's
number is no longer given to new applications. It must not know pages or sessions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from gateway.channels.alipay import codes
from gateway.channels.alipay.nodes import Node, Ours, ask, unsettled
from gateway.channels.alipay.requests import TOKEN
from gateway.channels.port import ChannelResponse, PayerKnown, PayerUnknown, PayerVerdict
from protocol.secret import Secret

AUTHORIZE_URL: Final = "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm"
_AUTH_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_PAYER: Final = re.compile(r"[A-Za-z0-9_-]{16,128}", re.ASCII)


def authorize_address(page: str, *, app_id: str, redirect: str, state: str) -> str:
    query = {"app_id": app_id, "scope": "auth_base", "redirect_uri": redirect, "state": state}
    return f"{page}?{urlencode(query, quote_via=quote, safe='')}"


def authorization_code(query: Mapping[str, str], *, app_id: str) -> Secret | None:
    """What came back, when it is a code for our application."""
    code = query.get("auth_code", "")
    if not _AUTH_CODE.fullmatch(code) or query.get("app_id", app_id) != app_id:
        return None
    return Secret(code)


def read_payer(response: ChannelResponse, *, ours: Ours) -> PayerVerdict:
    """A success has no `code`: it is known by its token."""
    node = ours.verified(response, method=TOKEN)
    if not isinstance(node, Node):
        return node
    if node.refusal in codes.PAYER_CODE_REFUSED:
        return PayerUnknown(code=node.refusal)
    if not node.has("access_token") or node.code not in ("", codes.OK):
        return unsettled(node)
    payer = node.text("open_id") or node.text("user_id")
    return PayerKnown(payer=Secret(payer)) if _PAYER.fullmatch(payer) else ask(node)
