"""`/q/{token}`: looks, signs a payer in, takes his press, tells how it stands. The web server's side of the page.

Rules
- Looking creates nothing: wallets fetch links before anybody opens them.
- What comes back from a sign-in is exchanged once and led away from at once: no code stays in an address.
- A press is same-origin JSON of a few bytes. "Paid" is what our own rows say.
- An unknown and a revoked token seen alike. Nothing of a cookie, a query or a payer is logged.
Addresses are given relative to the page, so that a proxy may serve it below a path of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.cashier_page.asking import (
    address_of,
    chosen_language,
    is_token,
    number_in,
    read_press,
    refused,
    said,
    token_of,
)
from gateway.cashier_page.choosing import PageRouter
from gateway.cashier_page.limits import Ask, Limits
from gateway.cashier_page.looking import Look, look_up, rows
from gateway.cashier_page.pressing import REFUSED_MS, Pressing, PressOutcome
from gateway.cashier_page.rendering import (
    HEADERS,
    Shown,
    busy_page,
    choose_app_page,
    end_page,
    gone_page,
    pay_page,
    sign_in_failed_page,
    status_words,
)
from gateway.cashier_page.showing import PageState, state_of
from gateway.cashier_page.tickets import PAYER_LIFE_MS, PayerSession, Tickets, is_browser
from gateway.cashier_page.wallets import Wallet, wallet_of
from gateway.cashier_page.words import language_of
from gateway.channels.port import PayerKnown
from gateway.jobs.calls import ChannelCalls
from gateway.jobs.shop_pages import ShopPages
from gateway.payments.paging import PagePress
from gateway.payments.values import ChannelOrder, Payment, PaymentKey
from gateway.ports import Entropy
from gateway.routing.accounts import OpenAccount
from gateway.store.pages import PageToken
from protocol.keys import b64url

#: The most that a static QR takes at once.
STATIC_MOST_FEN: Final = 500_000
LONGEST_WAIT_S: Final = 25
_BROWSER_COOKIE: Final = "guitai_b"
_PAYER_COOKIE: Final = "guitai_p"


class CashierPage:
    """`process_key` and `mark_key`: see `Tickets`. `wake` tells the scheduler."""

    #: The first step of its addresses.
    letter = "q"

    def __init__(
        self,
        *,
        calls: ChannelCalls,
        router: PageRouter,
        shop_pages: ShopPages,
        entropy: Entropy,
        process_key: bytes,
        mark_key: bytes,
        wake: Callable[[], None],
        full: Callable[[], bool],
        static_most_fen: int = STATIC_MOST_FEN,
    ) -> None:
        self._store = calls.store
        self._clock = calls.clock
        self._calls = calls
        self._router = router
        self._shop_pages = shop_pages
        self._entropy = entropy
        self._tickets = Tickets(process_key=process_key, mark_key=mark_key, entropy=entropy)
        self._pressing = Pressing(
            calls=calls, router=router, shop_pages=shop_pages, entropy=entropy, wake=wake, full=full
        )
        self._limits = Limits()
        self._static_most_fen = static_most_fen
        base = urlsplit(shop_pages.public_url or "")
        self._secure = base.scheme == "https"
        self._below = base.path

    def routes(self) -> list[Route]:
        at = f"/{self.letter}/{{token}}"
        return [
            Route(at, self.show, methods=["GET"]),
            Route(f"{at}/back", self.back, methods=["GET"]),
            Route(f"{at}/pay", self.press, methods=["POST"]),
            Route(f"{at}/leave", self.leave, methods=["POST"]),
            Route(f"{at}/status", self.status, methods=["GET"]),
        ]

    async def aclose(self) -> None:
        await self._pressing.aclose()

    async def show(self, request: Request) -> Response:
        """`GET /q/{token}`."""
        token = token_of(request)
        if not self._allow(Ask.LOOK, request, token):
            return busy_page(self._shown(request))
        seen = await self._look(token)
        if seen is None:
            allowed = self._allow(Ask.STRANGE, request, "")
            return gone_page(self._shown(request)) if allowed else busy_page(self._shown(request))
        return self._page_of(request, seen)

    def _page_of(self, request: Request, seen: Look) -> Response:
        token = seen.page.token
        wallet = wallet_of(request.headers.get("user-agent", ""))
        shown = self._shown(request, seen, wallet)
        now_ms, payment = self._clock.now_ms(), seen.payment
        session = self._session(request, token)
        if session is not None and (wallet is None or session.channel != wallet.value):
            session = None
        state = PageState.OPEN
        if payment is not None:
            state = self._state_of(seen, payment, session, now_ms=now_ms)
        if payment is not None and state in (PageState.PAID, PageState.TAKEN, PageState.OVER):
            # Perhaps it was this customer who paid: his wallet can say so.
            unknown = state is PageState.TAKEN and session is None and wallet is not None
            asked = self._sign_in(request, seen, wallet) if unknown and wallet is not None else None
            return self._end_page(shown, seen, payment, state) if asked is None else asked
        if session is not None:
            return self._pay_page(request, shown, seen, state)
        signing_in = None if wallet is None else self._sign_in(request, seen, wallet)
        if signing_in is None:
            channels = self._shop_pages.channels(seen.page.merchant_id)
            return choose_app_page(shown, channels=channels, amount_fen=seen.amount_fen)
        return signing_in

    async def back(self, request: Request) -> Response:
        """`GET /q/{token}/back`: the wallet's browser comes back from its sign-in."""
        token = token_of(request)
        if not self._allow(Ask.SIGN_IN, request, token):
            return busy_page(self._shown(request))
        seen = await self._look(token)
        if seen is None:
            return gone_page(self._shown(request))
        wallet = wallet_of(request.headers.get("user-agent", ""))
        page_url = f"../{token}{chosen_language(request)}"
        session = await self._exchange(request, seen, wallet) if wallet is not None else None
        if session is None:
            if self._session(request, token) is not None:
                return self._led(page_url)  # "back" was pressed: the sign-in is used up, and its payer still known
            return sign_in_failed_page(self._shown(request, seen, wallet), again=page_url)
        answer = self._led(page_url)
        sealed = self._tickets.seal(session, token=token, now_ms=self._clock.now_ms())
        self._set_cookie(answer, _PAYER_COOKIE, sealed, token, seconds=PAYER_LIFE_MS // 1000)
        return answer

    async def press(self, request: Request) -> Response:
        """`POST /q/{token}/pay`."""
        token = token_of(request)
        if not self._allow(Ask.PRESS, request, token):
            return said({**_answer(PagePress.WAIT, None), "retry_after_ms": REFUSED_MS}, status=429)
        asked = await read_press(request)
        if isinstance(asked, Response):
            return asked
        seen = await self._look(token)
        if seen is None:
            return said(_answer(PagePress.OVER, None), status=404)
        session = self._session(request, token)
        if session is None:
            return said({**_answer(PagePress.WAIT, None), "redirect": self._page_url(request, token)})
        if seen.page.key is None and not 1 <= (asked.amount_fen or 0) <= self._static_most_fen:
            return refused(422)
        address = address_of(request)
        outcome = await self._pressing.press(seen.page, session, amount_fen=asked.amount_fen, address=address)
        return self._said(request, seen.page, outcome)

    async def leave(self, request: Request) -> Response:
        """`POST /q/{token}/leave`: this payer will not pay, another may. A static QR's payments are nobody else's."""
        token = token_of(request)
        if not self._allow(Ask.PRESS, request, token):
            return said({"left": False}, status=429)
        asked = await read_press(request)
        if isinstance(asked, Response):
            return asked
        seen, session = await self._look(token), self._session(request, token)
        if seen is None or seen.page.key is None or session is None:
            return said({"left": False}, status=404)
        return said({"left": await self._pressing.leave(seen.page.key, session)})

    async def status(self, request: Request) -> Response:
        """`GET /q/{token}/status`: how it stands, in words; waits for a change after `after` for `wait` seconds."""
        token = token_of(request)
        if not self._allow(Ask.STATUS, request, token):
            return said({"state": "wait"}, status=429)
        seen = await self._look(token, request.query_params.get("order", ""))
        if seen is None or seen.payment is None:
            return said({"state": PageState.OVER.value}, status=404)
        session = self._session(request, token)
        wait_s = min(number_in(request, "wait", otherwise=0), LONGEST_WAIT_S)
        after = number_in(request, "after", otherwise=-1)
        payment, live = await self._wait(seen.payment.key, after=after, wait_s=wait_s)
        mark = None if session is None else session.mark
        state = state_of(payment, live, mark=mark, now_ms=self._clock.now_ms())
        return said(status_words(payment, state, self._language(request)))

    async def _wait(self, key: PaymentKey, *, after: int, wait_s: float) -> tuple[Payment, ChannelOrder | None]:
        """The rows once they changed, or are final, or the time is up. The page's own end counts as a change."""

        async def look() -> tuple[Payment, ChannelOrder | None]:
            return await self._store.run(lambda tx: rows(tx, key))

        payment, _ = await look()
        ends_s = ((payment.qr_expires_ms or 0) - self._clock.now_ms()) / 1000
        return await self._calls.waiters.held(
            key,
            look,
            lambda seen: seen[0].state.final or seen[0].state_seq > after,
            wait_s=min(wait_s, ends_s) if ends_s > 0 else wait_s,
        )

    async def _look(self, token: str, order_no: str = "") -> Look | None:
        """`order_no`: which of a static QR's payments."""
        if not is_token(token):
            return None
        return await self._store.run(lambda tx: look_up(tx, token, order_no))

    async def _exchange(self, request: Request, seen: Look, wallet: Wallet) -> PayerSession | None:
        """The payer behind what came back; None: nobody is known by it."""
        query = request.query_params
        account_id = self._tickets.use_state(
            query.get("state", ""),
            token=seen.page.token,
            browser=request.cookies.get(_BROWSER_COOKIE, ""),
            accounts=self._shop_pages.accounts(seen.page.merchant_id, wallet.value),
            now_ms=self._clock.now_ms(),
        )
        account = None if account_id is None else self._calls.accounts.find(account_id)
        if account_id is None or account is None:
            return None
        agent = request.headers.get("user-agent", "")
        call = account.channel.payer(dict(query), user_agent=agent, now_ms=self._clock.now_ms())
        if call is None:
            return None
        verdict = await self._calls.perform(account_id, lambda _channel: call)
        if not isinstance(verdict, PayerKnown):
            return None
        return self._tickets.session(account_id=account_id, channel=wallet.value, payer=verdict.payer)

    def _sign_in(self, request: Request, seen: Look, wallet: Wallet) -> Response | None:
        """To the wallet's own page, which tells who holds the phone; None: no account of this shop can."""
        page, now_ms = seen.page, self._clock.now_ms()
        account = self._account_for(seen, wallet, now_ms=now_ms)
        if account is None:
            return None
        known = request.cookies.get(_BROWSER_COOKIE, "")
        browser = known if is_browser(known) else self._tickets.new_browser()
        account_id = account.candidate.account_id
        state = self._tickets.new_state(token=page.token, browser=browser, account_id=account_id, now_ms=now_ms)
        redirect = f"{self._url(page.token)}/back{chosen_language(request)}"
        address = account.channel.authorize_url(redirect=redirect, state=state)
        if address is None:
            return None
        answer = self._led(address)
        self._set_cookie(answer, _BROWSER_COOKIE, browser, page.token, seconds=PAYER_LIFE_MS // 1000)
        return answer

    def _account_for(self, seen: Look, wallet: Wallet, *, now_ms: int) -> OpenAccount | None:
        """Where a payer pressed in this wallet he is known, and nowhere else: he may be coming back."""
        live = seen.live
        if live is not None and live.payer_mark is not None and live.channel == wallet.value:
            known = self._calls.accounts.find(live.account_id)
            if known is not None and self._shop_pages.takes(live.account_id):
                return known
        decision = self._router.for_page(
            merchant_id=seen.page.merchant_id,
            store_id=seen.page.store_id,
            channel=wallet.value,
            amount_fen=seen.amount_fen or 1,
            not_sent=seen.not_sent,
            now_ms=now_ms,
        )
        return None if decision.chosen is None else self._calls.accounts.find(decision.chosen.account_id)

    def _state_of(self, seen: Look, payment: Payment, session: PayerSession | None, *, now_ms: int) -> PageState:
        return state_of(payment, seen.live, mark=None if session is None else session.mark, now_ms=now_ms)

    def _end_page(self, shown: Shown, seen: Look, payment: Payment, state: PageState) -> Response:
        return end_page(shown, payment, state)

    def _pay_page(self, request: Request, shown: Shown, seen: Look, state: PageState) -> Response:
        page = seen.page
        status = None if page.key is None else self._status_url(request, page.token, page.key)
        return pay_page(
            shown,
            state=state,
            press=f"{page.token}/pay?lang={shown.language}",
            status=status,
            amount_fen=seen.amount_fen,
            most_fen=self._static_most_fen,
        )

    def _said(self, request: Request, page: PageToken, outcome: PressOutcome) -> Response:
        told = _answer(
            outcome.what, None if outcome.key is None else self._status_url(request, page.token, outcome.key)
        )
        told["retry_after_ms"] = outcome.again_ms
        if outcome.ready is not None:
            told["bridge"] = dict(outcome.ready.bridge) or None
            told["redirect"] = outcome.ready.redirect
        if not outcome.sign_in:
            return said(told)
        answer = said({**told, "redirect": self._page_url(request, page.token)})
        answer.delete_cookie(_PAYER_COOKIE, path=self._cookie_path(page.token))
        return answer

    def _page_url(self, request: Request, token: str) -> str:
        return self._url(token) + chosen_language(request)

    def _url(self, token: str) -> str:
        return self._shop_pages.url(token, self.letter)

    def _status_url(self, request: Request, token: str, key: PaymentKey) -> str:
        return f"{token}/status?lang={self._language(request)}&order={key.order_no}"

    def _session(self, request: Request, token: str) -> PayerSession | None:
        sealed = request.cookies.get(_PAYER_COOKIE, "")
        session = self._tickets.open(sealed, token=token, now_ms=self._clock.now_ms())
        return session if session is not None and self._shop_pages.takes(session.account_id) else None

    def _shown(self, request: Request, seen: Look | None = None, wallet: Wallet | None = None) -> Shown:
        return Shown(
            language=self._language(request),
            nonce=b64url(self._entropy.bytes(16)),
            shop="" if seen is None else seen.shop,
            wallet="" if wallet is None else wallet.value,
        )

    def _language(self, request: Request) -> str:
        return language_of(request.query_params.get("lang", ""), request.headers.get("accept-language", ""))

    def _allow(self, ask: Ask, request: Request, about: str) -> bool:
        address = address_of(request)
        return self._limits.allow(ask, address, about, now_ms=self._clock.now_ms())

    def _led(self, address: str) -> Response:
        return RedirectResponse(address, status_code=302, headers={**HEADERS, "vary": "user-agent, cookie"})

    def _cookie_path(self, token: str) -> str:
        return f"{self._below}/{self.letter}/{token}"

    def _set_cookie(self, answer: Response, name: str, value: str, token: str, *, seconds: int) -> None:
        answer.set_cookie(
            name,
            value,
            max_age=seconds,
            path=self._cookie_path(token),
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )


def _answer(what: PagePress, status: str | None) -> dict[str, object]:
    return {"result": what.value, "bridge": None, "redirect": None, "status": status, "retry_after_ms": 1_000}
