"""A customer follows the QR of a shop's page without a screen: opens it, signs in, presses pay, pays in the wallet.

What the page says is read as a person would read it (`sandbox.shop_page`); what the wallet's script is handed decides,
as on a real phone. Ends within a few seconds: whoever is told to wait longer gives up for now, and may scan again.
"""

import asyncio
import json
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias, assert_never
from urllib.parse import urljoin, urlsplit

from sandbox.line import LineAnswer
from sandbox.shop_page import PageFacts, PageState, PressAnswer, PressResult, read_page, read_press
from sandbox.wallet import Scanned, ScanResult
from sandbox.wallet_browser import Nowhere, OwnQr, WalletBrowser, WebPlace

PATIENCE_S: Final = 4.0
_MOST_REDIRECTS: Final = 10
_MOST_REOPENINGS: Final = 2
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class NotFollowed(Enum):
    """Why nothing was paid, and no wallet had a part in it."""

    UNREACHABLE = "page_unreachable"
    NOT_A_PAGE = "not_a_cashier_page"
    OTHER_APP = "other_app"
    """The page asks for another app than this wallet."""
    AMOUNT_NEEDED = "amount_needed"
    PRESS_REFUSED = "press_refused"
    BUSY = "busy"
    """Another customer is paying, or the shop is still asking the wallet."""


Followed: TypeAlias = Scanned | NotFollowed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    url: str
    facts: PageFacts


async def follow(browser: WalletBrowser, qr: str, *, amount_fen: int | None = None) -> Followed:
    """`amount_fen`: what the customer types on a page that asks for it."""
    shown = await _open(browser, qr)
    if not isinstance(shown, _Shown):
        return shown
    match shown.facts.state:
        case PageState.PAID:
            return Scanned(result=ScanResult.ALREADY_PAID, out_trade_no=None)
        case PageState.OVER:
            return Scanned(result=ScanResult.QR_EXPIRED, out_trade_no=None)
        case PageState.CHOOSE_APP:
            return NotFollowed.OTHER_APP
        case PageState.OPEN | PageState.WAIT:
            return await _press_until_settled(browser, shown, amount_fen)
        case _:
            assert_never(shown.facts.state)


async def _open(browser: WalletBrowser, qr: str) -> _Shown | Followed:
    """The page behind the QR, redirects and sign-in done."""
    here = qr
    for _ in range(_MOST_REDIRECTS):
        match browser.place(here):
            case OwnQr(qr=own):
                return browser.scan(own)
            case Nowhere():
                return NotFollowed.UNREACHABLE
            case WebPlace(url=url):
                answer = await browser.fetch("GET", url, headers={"accept": "text/html"})
        if answer is None:
            return NotFollowed.UNREACHABLE
        if answer.status not in _REDIRECTS:
            facts = read_page(answer.body)
            return NotFollowed.NOT_A_PAGE if facts is None else _Shown(url=url, facts=facts)
        here = urljoin(url, answer.header("location"))
    return NotFollowed.UNREACHABLE


async def _press_until_settled(browser: WalletBrowser, shown: _Shown, amount_fen: int | None) -> Followed:
    if shown.facts.amount_fen is None and amount_fen is None:
        return NotFollowed.AMOUNT_NEEDED
    body = json.dumps({} if shown.facts.amount_fen is not None else {"amount_fen": amount_fen}).encode("ascii")
    loop = asyncio.get_running_loop()
    gives_up_at = loop.time() + PATIENCE_S
    reopenings = 0
    while True:
        if shown.facts.press is None:
            return NotFollowed.NOT_A_PAGE
        said = _answer_of(await _post(browser, shown.url, urljoin(shown.url, shown.facts.press), body))
        if isinstance(said, NotFollowed):
            return said
        followed = await _settle(browser, shown.url, said)
        wait_s = said.retry_after_ms / 1000
        if isinstance(followed, _Shown):
            # The shop knows this customer no more: the page was opened anew, and the sign-in made again.
            shown, followed, wait_s = followed, NotFollowed.BUSY, 0.0
            reopenings += 1
        tired = reopenings > _MOST_REOPENINGS or loop.time() + wait_s > gives_up_at
        if tired or followed is not NotFollowed.BUSY:
            return followed
        await asyncio.sleep(wait_s)


async def _settle(browser: WalletBrowser, page_url: str, said: PressAnswer) -> Followed | _Shown:
    match said.result:
        case PressResult.PAID:
            return Scanned(result=ScanResult.ALREADY_PAID, out_trade_no=None)
        case PressResult.OVER:
            return Scanned(result=ScanResult.ORDER_CLOSED, out_trade_no=None)
        case PressResult.WAIT:
            return NotFollowed.BUSY if said.redirect is None else await _open(browser, urljoin(page_url, said.redirect))
        case PressResult.OPEN | PressResult.AGAIN:
            if said.bridge is not None:
                return browser.pay(said.bridge)
            if said.redirect is not None:
                return await _pay_there(browser, urljoin(page_url, said.redirect))
            return NotFollowed.BUSY
        case _:
            assert_never(said.result)


async def _pay_there(browser: WalletBrowser, address: str) -> Followed:
    """The shop sent the customer to an address of the wallet."""
    place = browser.place(address)
    if isinstance(place, OwnQr):
        return browser.scan(place.qr)
    return NotFollowed.PRESS_REFUSED


async def _post(browser: WalletBrowser, page_url: str, url: str, body: bytes) -> LineAnswer | None:
    page = urlsplit(page_url)
    if urlsplit(url)[:2] != page[:2]:
        return None
    headers = {
        "accept": "application/json",
        "content-type": "application/json",
        "origin": f"{page.scheme}://{page.netloc}",
        "referer": page_url,
        "sec-fetch-site": "same-origin",
    }
    return await browser.fetch("POST", url, headers=headers, body=body)


def _answer_of(answer: LineAnswer | None) -> PressAnswer | NotFollowed:
    if answer is None:
        return NotFollowed.UNREACHABLE
    said = read_press(answer.body)
    return NotFollowed.PRESS_REFUSED if said is None else said
