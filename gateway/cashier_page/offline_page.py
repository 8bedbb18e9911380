"""`/o/{ORDER}`: the cashier page of an order that a till without a line signed, and the proof that the till scans.

Rules (SAFETY.md section 3, docs/offline-qr.md)
- Looking creates nothing, not even first sight: the judge's verdict is shown, read only. Pressing pay, "I am not
  paying", and the page's own call for the proof are the only things that write.
- Whatever is wrong with an ORDER, one neutral sentence; a cancelled one is told as such.
- PAID is proven to the wallet identity that paid and to nobody else; that nothing was paid, to anybody.
- An ORDER stands in an address: nothing of the address is logged, counted or told to others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.cashier_page.asking import address_of, read_press, said, token_of
from gateway.cashier_page.choosing import PageRouter
from gateway.cashier_page.limits import Ask
from gateway.cashier_page.looking import Look
from gateway.cashier_page.page import CashierPage
from gateway.cashier_page.pressing import REFUSED_MS
from gateway.cashier_page.proof_view import Draw, proof_json, qr_path
from gateway.cashier_page.rendering import (
    ProofCalls,
    Shown,
    ask_page,
    busy_page,
    cancelled_page,
    end_page,
    pay_page,
    refused_page,
)
from gateway.cashier_page.showing import PageState
from gateway.cashier_page.tickets import PayerSession
from gateway.cashier_page.words import LANGUAGES
from gateway.jobs.calls import ChannelCalls
from gateway.jobs.offline_finding import Found, find_order, may_see
from gateway.jobs.offline_orders import begin_order, close_order
from gateway.jobs.offline_proofs import Issued, issue_proof
from gateway.jobs.shop_pages import ShopPages
from gateway.offline.judge import NEUTRAL, Verdict
from gateway.payments.paging import PagePress
from gateway.payments.values import Payment
from gateway.ports import Entropy
from gateway.proof_keys import ProofKeys
from gateway.store.units import Tx
from protocol.offline.order import OrderType, SignedOrder, read_order
from protocol.offline.proof import ProofType

_PAYABLE: Final = (Verdict.NEW, Verdict.KNOWN)
#: The answer of a call that is not for this ORDER, or not for who calls.
_NOTHING: Final = {"result": PagePress.OVER.value, "closed": False}


class OfflinePage(CashierPage):
    """See the module. `proof_keys` sign, `draw` draws a proof's QR; `full`: the store's disk takes no new payment."""

    letter = "o"

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
        proof_keys: ProofKeys,
        full: Callable[[], bool],
        draw: Draw = qr_path,
    ) -> None:
        super().__init__(
            calls=calls,
            router=router,
            shop_pages=shop_pages,
            entropy=entropy,
            process_key=process_key,
            mark_key=mark_key,
            wake=wake,
            full=full,
        )
        self._full = full
        self._proof_keys = proof_keys
        self._woken = wake
        self._draw = draw

    def routes(self) -> list[Route]:
        at = f"/{self.letter}/{{token}}"
        return [
            *super().routes(),
            # A QR in capitals is smaller: its whole address is read case-blind, and led to the one way of writing it.
            Route("/O/{token}", self.show, methods=["GET"]),
            Route(f"{at}/close", self.close, methods=["POST"]),
            Route(f"{at}/proof", self.proof, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """`GET /o/{ORDER}`."""
        if not self._allow(Ask.ORDER, request, ""):
            return busy_page(self._shown(request))
        signed = read_order(token_of(request))
        if signed is None:
            return refused_page(self._shown(request))
        if request.scope["path"] != f"/{self.letter}/{signed.text}":
            return self._led(f"../{self.letter}/{signed.text}")
        found = await self._found(signed)
        if found.page is None or found.verdict in NEUTRAL:
            return refused_page(self._shown(request), tell=f"{signed.text}/pay")
        if signed.order.type is OrderType.STATUS:
            return self._status_page(request, found)
        if found.verdict is Verdict.CANCELLED:
            return cancelled_page(self._shown(request))
        seen = _look(found)
        if found.verdict is Verdict.TOO_LATE:
            shown = self._shown(request, seen)
            calls = _calls(found, shown, closes=True)
            return ask_page(shown, "late", amount_fen=signed.order.amount_fen, proves=calls, waits=False)
        return self._page_of(request, seen)

    async def press(self, request: Request) -> Response:
        """`POST /o/{ORDER}/pay`: first sight, when everything holds; from there a press as on any page."""
        if not self._allow(Ask.PRESS, request, token_of(request)):
            told = {**_NOTHING, "result": PagePress.WAIT.value, "status": None, "bridge": None, "redirect": None}
            return said({**told, "retry_after_ms": REFUSED_MS}, status=429)
        asked = await read_press(request)
        if isinstance(asked, Response):
            return asked
        signed = read_order(token_of(request))
        if signed is None or signed.order.type is not OrderType.PAY:
            return self._refused(request, "refused")
        session, found = self._session(request, signed.text), await self._found(signed)
        if session is None and found.verdict is not Verdict.CLONE:
            if found.page is None or found.verdict in NEUTRAL:
                return self._refused(request, "refused")
            return said({**self._waiting(), "redirect": self._page_url(request, signed.text)})
        if found.verdict is Verdict.NEW and self._full():
            return said(self._waiting())  # the order stands: it is pressed again once there is room
        now_ms, ring = self._clock.now_ms(), self._proof_keys.ring
        url, pace_of = self._url(signed.text), self._calls.pace_of
        try:
            found = await self._store.run(lambda tx: begin_order(tx, signed, ring, pace_of, url=url, now_ms=now_ms))
        except IntegrityError:
            return said(self._waiting())  # the same order or counter at the same moment elsewhere
        self._woken()
        if session is None or found.page is None or found.verdict in NEUTRAL:
            return self._refused(request, "refused")
        if found.verdict is Verdict.CANCELLED:
            return self._refused(request, "cancelled")
        if found.verdict not in _PAYABLE and found.verdict is not Verdict.SETTLED:
            return self._refused(request, "late")
        outcome = await self._pressing.press(found.page, session, amount_fen=None, address=address_of(request))
        return self._said(request, found.page, outcome)

    async def close(self, request: Request) -> Response:
        """`POST /o/{ORDER}/close`: "I am not paying"; of a STATUS, that an order that never came can never be paid."""
        if not self._allow(Ask.ORDER, request, ""):
            return said(_NOTHING, status=429)
        asked = await read_press(request)
        if isinstance(asked, Response):
            return asked
        signed = read_order(token_of(request))
        if signed is None:
            return said(_NOTHING, status=404)
        session = self._session(request, signed.text)
        now_ms, ring, mark = self._clock.now_ms(), self._proof_keys.ring, _mark(session)

        def unit(tx: Tx) -> tuple[Found, bool]:
            return close_order(tx, signed, ring, self._calls.pace_of, mark=mark, now_ms=now_ms)

        try:
            found, closed = await self._store.run(unit)
        except IntegrityError:
            return said(_NOTHING, status=409)
        if found.page is None or found.verdict in NEUTRAL:
            return said(_NOTHING, status=404)
        self._calls.waiters.wake(found.key)
        self._woken()
        words = LANGUAGES[self._language(request)]
        return said({"closed": closed, "text": "" if closed else words["wait_title"]})

    async def proof(self, request: Request) -> Response:
        """`POST /o/{ORDER}/proof`: the proof, once there is one (409 until then), for who may see it (403)."""
        if not self._allow(Ask.ORDER, request, ""):
            return said({"proof": None}, status=429)
        asked = await read_press(request)
        if isinstance(asked, Response):
            return asked
        signed = read_order(token_of(request))
        if signed is None:
            return said({"proof": None}, status=404)
        mark, now_ms = _mark(self._session(request, signed.text)), self._clock.now_ms()

        def unit(tx: Tx) -> tuple[Found, Issued | None]:
            keys = self._proof_keys
            found = find_order(tx, signed, keys.ring, now_ms=now_ms)
            issued = issue_proof(
                tx, found, keys.ring, keys.typed_code_key(), self._calls.pace_of, mark=mark, now_ms=now_ms
            )
            return found, issued

        try:
            found, issued = await self._store.run(unit)
        except IntegrityError:
            found, issued = await self._store.run(unit)  # asked twice at the same moment: the other call's is there
        if not found.same:
            return said({"proof": None}, status=404)
        if issued is not None:
            self._calls.waiters.wake(found.key)
            return said(proof_json(issued, language=self._language(request), draw=self._draw))
        return said({"proof": None}, status=409 if may_see(found, mark) else 403)

    def _allow(self, ask: Ask, request: Request, about: str) -> bool:
        """Whatever is asked about an ORDER costs a signature: it counts in the address's share, whichever it names."""
        if ask is not Ask.ORDER and not super()._allow(Ask.ORDER, request, ""):
            return False
        return super()._allow(ask, request, about)

    async def _look(self, token: str, order_no: str = "") -> Look | None:
        signed = read_order(token)
        found = None if signed is None else await self._found(signed)
        return None if found is None or (not found.same and found.verdict in NEUTRAL) else _look(found)

    async def _found(self, signed: SignedOrder) -> Found:
        now_ms, ring = self._clock.now_ms(), self._proof_keys.ring
        return await self._store.run(lambda tx: find_order(tx, signed, ring, now_ms=now_ms))

    def _status_page(self, request: Request, found: Found) -> Response:
        seen = _look(found)
        shown = self._shown(request, seen)
        payment, amount_fen = found.payment, found.signed.order.amount_fen
        if payment is None:
            calls = _calls(found, shown, closes=True)
            return ask_page(shown, "unknown", amount_fen=amount_fen, proves=calls, waits=False)
        if found.ended is None:
            calls = _calls(found, shown, closes=False)
            return ask_page(shown, "settling", amount_fen=amount_fen, proves=calls, waits=True)
        if found.ended.type is ProofType.PAID and found.live is not None and found.live.payer_mark is not None:
            return self._page_of(request, seen)
        state = PageState.PAID if found.ended.type is ProofType.PAID else PageState.OVER
        return self._end_page(shown, seen, payment, state)

    def _end_page(self, shown: Shown, seen: Look, payment: Payment, state: PageState) -> Response:
        """Whoever did not pay sees that it is settled, and no proof."""
        proof = f"{seen.page.token}/proof?lang={shown.language}"
        proves = None if state is PageState.TAKEN else ProofCalls(proof=proof)
        return end_page(shown, payment, state, proves=proves)

    def _pay_page(self, request: Request, shown: Shown, seen: Look, state: PageState) -> Response:
        token, key = seen.page.token, seen.page.key
        assert key is not None, "an offline order has its payment's number"
        calls = ProofCalls(proof=f"{token}/proof?lang={shown.language}", close=f"{token}/close?lang={shown.language}")
        return pay_page(
            shown,
            state=state,
            press=f"{token}/pay?lang={shown.language}",
            status=None if seen.payment is None else self._status_url(request, token, key),
            amount_fen=seen.amount_fen,
            most_fen=self._static_most_fen,
            proves=calls,
        )

    def _refused(self, request: Request, what: str) -> Response:
        words = LANGUAGES[self._language(request)]
        told = {"result": "refused", "title": words[f"{what}_title"], "text": words[f"{what}_text"]}
        return said({**self._waiting(), **told}, status=200)

    def _waiting(self) -> dict[str, object]:
        return {
            "result": PagePress.WAIT.value,
            "bridge": None,
            "redirect": None,
            "status": None,
            "retry_after_ms": REFUSED_MS,
        }


def _mark(session: PayerSession | None) -> str | None:
    return None if session is None else session.mark


def _calls(found: Found, shown: Shown, *, closes: bool) -> ProofCalls:
    token, language = found.signed.text, f"?lang={shown.language}"
    return ProofCalls(proof=f"{token}/proof{language}", close=f"{token}/close{language}" if closes else None)


def _look(found: Found) -> Look:
    assert found.page is not None, "the terminal is known"
    return Look(
        page=found.page,
        payment=found.payment if found.same else None,
        live=found.live if found.same else None,
        not_sent=found.not_sent if found.same else (),
        asked_fen=found.signed.order.amount_fen,
    )
