"""Who holds the phone: WeChat's OAuth page, what comes back from it, and the exchange for an openid.

Rules: `snsapi_base` asks the customer nothing; a code works once. The exchange belongs to another platform of WeChat's:
its answer is not signed, and is believed because of TLS alone. An openid decides who may pay, never that somebody paid.
It must not know pages or sessions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from gateway.channels.port import (
    ChannelReason,
    ChannelRequest,
    ChannelResponse,
    PayerKnown,
    PayerUnknown,
    PayerVerdict,
    Unknown,
)
from gateway.channels.wechat import codes
from gateway.channels.wechat.json_text import read_json, text_of
from protocol.secret import Secret

_CODE: Final = re.compile(r"[0-9A-Za-z_-]{8,128}", re.ASCII)
_OPENID: Final = re.compile(r"[0-9A-Za-z_-]{16,128}", re.ASCII)
_HEADERS: Final = {"accept": "application/json", "user-agent": "guitai"}


def authorize_address(page: str, *, appid: str, redirect: str, state: str) -> str:
    """In WeChat's own order, and with its fragment: other orders were refused by some of its versions."""
    named = {
        "appid": appid,
        "redirect_uri": redirect,
        "response_type": "code",
        "scope": "snsapi_base",
        "state": state,
    }
    return f"{page}?{urlencode(named, quote_via=quote, safe='')}#wechat_redirect"


def authorization_code(query: Mapping[str, str]) -> Secret | None:
    code = query.get("code", "")
    return Secret(code) if _CODE.fullmatch(code) else None


def exchange_request(address: str, *, appid: str, secret: Secret, code: Secret) -> ChannelRequest:
    named = {
        "appid": appid,
        "secret": secret.reveal(),
        "code": code.reveal(),
        "grant_type": "authorization_code",
    }
    url = f"{address}?{urlencode(named, quote_via=quote, safe='')}"
    return ChannelRequest(method="GET", url=url, headers=_HEADERS, body=b"")


def read_payer(response: ChannelResponse) -> PayerVerdict:
    if response.status != 200:
        return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")
    told = read_json(response.body)
    if told is None:
        return Unknown(reason=ChannelReason.UNREADABLE)
    refused = told.get("errcode", 0)
    if refused == 0:
        openid = text_of(told, "openid")
        if _OPENID.fullmatch(openid):
            return PayerKnown(payer=Secret(openid))
        return Unknown(reason=ChannelReason.ASK_AGAIN, code="openid")
    if not isinstance(refused, int):
        return Unknown(reason=ChannelReason.UNREADABLE)
    if refused in codes.PAYER_CODE_REFUSED:
        return PayerUnknown(code=str(refused))
    busy = refused == codes.OAUTH_BUSY
    return Unknown(reason=ChannelReason.CHANNEL_ERROR if busy else ChannelReason.UNLISTED, code=str(refused)[:16])
