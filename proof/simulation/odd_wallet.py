"""A wallet that says odd things, rightly signed: what a bank's mistake, a second machine or a wrong table makes of it.

- A refund that must go back is refused for good, and works when it is sent again.
- A refund's first send works, is not answered, and is not known to a query; the next send is refused for good.
- The first call for a QR or a page goes through and is not answered; the next one is declined.
- A code's pay call says "declined" of what a query or a notification called paid before.

Its books stay true. Only Alipay's machines do this: how a wallet words it is tried elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gateway.channels.port import ChannelRequest
from proof.asked import Asked, Verb
from proof.simulation.network import LineEnd, Reply, Then
from proof.simulation.new_words import NewWords
from proof.simulation.processes import outside
from proof.wallets import Wallets
from sandbox.alipay.envelope import Node, seal
from sandbox.alipay.nodes import failure

#: Longer than until the first query about a code.
_ANSWERS_LATE_S: Final = 5.0
_MOST_REFUSALS: Final = 2

Serve = Callable[[ChannelRequest, Then], None]


def answers_of(wallets: Wallets) -> Serve:
    """The wallets as they are."""

    def serve(request: ChannelRequest, then: Then) -> None:
        answer = wallets.serve(request)
        if answer is None:
            then(LineEnd.CUT)
        else:
            then(Reply(status=answer.status, headers=answer.headers, body=answer.body))

    return serve


class OddWallet:
    """`rate`: of how many orders and refunds; `serve`: the wallet as it is; `is_paid`: whether the gateway holds an
    order's payment as paid; `contradicted(number)`: the gateway reads "declined" of a payment that it knows as paid."""

    def __init__(
        self,
        *,
        rate: float,
        key: RSAPrivateKey,
        chance_of: Callable[[str], Random],
        serve: Serve,
        words: NewWords,
        is_paid: Callable[[str], bool],
        contradicted: Callable[[str], None],
        note: Callable[[str, str], None],
    ) -> None:
        self._rate = rate
        self._key = key
        self._chance_of = chance_of
        self._serve = serve
        self._words = words
        self._is_paid = is_paid
        self._contradicted = contradicted
        self._note = note
        self._left: dict[str, int] = {}
        self._refused: set[str] = set()
        self._worked: set[str] = set()
        self._blind: set[str] = set()
        self._opened: set[str] = set()
        self._lies: dict[bytes, str] = {}

    def serve(self, about: Asked, request: ChannelRequest, then: Then) -> None:
        """One request as it arrives."""
        then = self._words.over(about, request, then)
        if about.verb is Verb.REFUND_QUERY and about.number in self._blind:
            then(self._sealed(about, request, {"code": "10000", "msg": "Success"}))
            return
        if not self._rate or about.wallet != "alipay" or about.verb not in (Verb.REFUND, Verb.CREATE, Verb.PAY):
            self._serve(request, then)
            return
        chance = self._chance_of(f"odd {about.number}")
        if chance.random() >= self._rate:
            self._serve(request, then)
            return
        match about.verb:
            case Verb.REFUND:
                if about.number[-2:] in ("RU", "RL") or chance.random() < 0.3:
                    self._refuse_at_first(about, request, then, chance.randint(1, _MOST_REFUSALS))
                else:
                    self._work_unsaid(about, request, then)
            case Verb.CREATE:
                self._open_unheard(about, request, then)
            case _:
                self._decline_what_is_paid(about, request, then)

    def heard(self, body: bytes) -> None:
        """The gateway is about to read this."""
        number = self._lies.get(body)
        if number is not None:
            self._contradicted(number)

    def _refuse_at_first(self, about: Asked, request: ChannelRequest, then: Then, times: int) -> None:
        left = self._left.setdefault(about.number, times)
        again = request.url in self._refused  # a copy that the line made (it has the same time in it) stays refused
        if left == 0 and not again:
            self._serve(request, then)
            return
        if not again:
            self._refused.add(request.url)
            self._left[about.number] = left - 1
        then(self._refusal(about, request, "ACQ.TRADE_NOT_ALLOW_REFUND"))

    def _work_unsaid(self, about: Asked, request: ChannelRequest, then: Then) -> None:
        if about.number in self._worked:
            self._blind.discard(about.number)
            then(self._refusal(about, request, "ACQ.TRADE_NOT_ALLOW_REFUND"))
            return
        self._worked.add(about.number)
        self._blind.add(about.number)
        self._serve(request, _unheard)
        then(LineEnd.CUT)

    def _open_unheard(self, about: Asked, request: ChannelRequest, then: Then) -> None:
        if about.number in self._opened:
            then(self._refusal(about, request, "ACQ.PAYMENT_FAIL"))
            return
        self._opened.add(about.number)
        self._serve(request, _unheard)
        then(LineEnd.CUT)

    def _decline_what_is_paid(self, about: Asked, request: ChannelRequest, then: Then) -> None:
        self._serve(request, _unheard)

        def answers() -> None:
            if not self._is_paid(about.number):
                then(LineEnd.CUT)
                return
            lie = self._refusal(about, request, "ACQ.BUYER_BALANCE_NOT_ENOUGH")
            self._lies[lie.body] = about.number
            then(lie)

        asyncio.get_running_loop().call_later(_ANSWERS_LATE_S, answers, context=outside())

    def _refusal(self, about: Asked, request: ChannelRequest, code: str) -> Reply:
        return self._sealed(about, request, failure(code, about.number))

    def _sealed(self, about: Asked, request: ChannelRequest, node: Node) -> Reply:
        self._note(f"odd_{about.verb}", f"{about.number} {node.get('sub_code', '')}".rstrip())
        method = parse_qs(urlsplit(request.url).query)["method"][0]
        said = seal({**node, "out_trade_no": _order_of(about)}, method=method, charset="utf-8", key=self._key)
        return Reply(status=said.status, headers={"content-type": said.content_type}, body=said.body)


def _order_of(about: Asked) -> str:
    """A refusal of a refund names no order; what is said of one names it."""
    return "" if about.verb in (Verb.REFUND, Verb.REFUND_QUERY) else about.number


def _unheard(_reply: Reply | LineEnd) -> None:
    """Nobody hears this answer."""
