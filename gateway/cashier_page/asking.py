"""Reads a request to the page: its token, its numbers, its language, the body of a press with its limits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final, cast

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.cashier_page.rendering import HEADERS
from gateway.cashier_page.words import known_language

MOST_BODY: Final = 1_024
_READ_S: Final = 5.0
_TOKEN: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """`amount_fen`: typed on a static QR's page."""

    amount_fen: int | None = None


async def read_press(request: Request) -> Press | Response:
    """What was pressed, or the answer to what is no press: only the page itself may send one."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return refused(403)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return refused(415)
    body = bytearray()
    try:
        async with asyncio.timeout(_READ_S):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BODY:
                    return refused(413)
        return msgspec.json.decode(bytes(body), type=Press)
    except (ClientDisconnect, TimeoutError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return refused(400)


def refused(status: int) -> Response:
    return Response(status_code=status, headers=HEADERS)


def said(values: Mapping[str, object], *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(values), status_code=status, media_type="application/json", headers=HEADERS)


def token_of(request: Request) -> str:
    return cast("str", request.path_params["token"])


def is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def chosen_language(request: Request) -> str:
    """`?lang=…` when somebody chose a language by name, to go along; otherwise nothing."""
    language = known_language(request.query_params.get("lang", ""))
    return "" if language is None else f"?lang={language}"


def number_in(request: Request, name: str, *, otherwise: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else otherwise


def address_of(request: Request) -> str:
    """The phone's address. A proxy in front names it; the web server believes one on this computer only."""
    return request.client.host if request.client is not None else ""
