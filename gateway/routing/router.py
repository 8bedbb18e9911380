"""The choice over the accounts, rules and health as they are now. In memory, no clock; the caller keeps the decision.

A decision is made in the transaction that makes the channel order, and is kept with it (`gateway.store.routes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta, timezone, tzinfo
from typing import Final

from gateway.routing.accounts import Accounts
from gateway.routing.choose import Candidate, Decision, Standing, choose
from gateway.routing.health import HealthState, state_at, unsteady_tenths
from gateway.routing.health_book import HealthBook
from gateway.routing.moments import moment_of
from gateway.routing.rules import Mode, RouteRequest, Rule, in_order
from protocol.auth_code import PaymentCode, classify_scan
from protocol.secret import Secret

#: Where a store stands of which nothing else is known.
BEIJING: Final = timezone(timedelta(hours=8))


class Router:
    """`load` replaces rules and zones as a whole, after the accounts were loaded."""

    def __init__(self, accounts: Accounts, health: HealthBook) -> None:
        self._accounts = accounts
        self._health = health
        self._rules: dict[str, tuple[Rule, ...]] = {}
        self._zones: dict[str, tzinfo] = {}

    def load(self, rules: Sequence[Rule], zones: Mapping[str, tzinfo]) -> None:
        """`zones`: each store's time zone, by its id."""
        merchants = {rule.merchant for rule in rules}
        self._rules = {name: in_order([rule for rule in rules if rule.merchant == name]) for name in merchants}
        self._zones = dict(zones)

    def for_code(
        self,
        *,
        merchant_id: str,
        store_id: str,
        auth_code: Secret,
        amount_fen: int,
        not_sent: tuple[str, ...],
        now_ms: int,
    ) -> Decision | None:
        """For a scanned code. None: it is no payment code."""
        code = classify_scan(auth_code.reveal())
        if not isinstance(code, PaymentCode):
            return None
        return self._decide(merchant_id, store_id, code.wallet, Mode.CUSTOMER, amount_fen, not_sent, now_ms)

    def for_qr(
        self, *, merchant_id: str, store_id: str, amount_fen: int, not_sent: tuple[str, ...], now_ms: int
    ) -> Decision:
        """For the QR of a wallet itself: any wallet's."""
        return self._decide(merchant_id, store_id, None, Mode.MERCHANT, amount_fen, not_sent, now_ms)

    def for_page(
        self,
        *,
        merchant_id: str,
        store_id: str,
        channel: str,
        amount_fen: int,
        now_ms: int,
        not_sent: tuple[str, ...] = (),
    ) -> Decision:
        """For the page opened in this wallet's browser."""
        return self._decide(merchant_id, store_id, channel, Mode.PAGE, amount_fen, not_sent, now_ms)

    def begins(self, decision: Decision, *, now_ms: int) -> None:
        """The channel order of this decision is made: when it is a probe, others wait for its result."""
        if decision.probe and decision.chosen is not None:
            self._health.probe_begins(decision.chosen.account_id, now_ms=now_ms)

    def states(self, *, now_ms: int) -> dict[str, HealthState]:
        """The health of every open account, for the metrics."""
        return self._health.states((c.account_id for c in self._accounts.candidates), now_ms=now_ms)

    def _decide(
        self,
        merchant_id: str,
        store_id: str,
        wallet: str | None,
        mode: Mode,
        amount_fen: int,
        not_sent: tuple[str, ...],
        now_ms: int,
    ) -> Decision:
        request = RouteRequest(
            merchant_id=merchant_id,
            wallet=wallet,
            mode=mode,
            amount_fen=amount_fen,
            moment=moment_of(now_ms, self._zones.get(store_id, BEIJING)),
            not_sent=not_sent,
        )
        mine = [
            self._standing(candidate, now_ms)
            for candidate in self._accounts.candidates
            if candidate.merchant_id == merchant_id and wallet in (None, candidate.channel)
        ]
        return choose(request, mine, self._rules.get(merchant_id, ()))

    def _standing(self, candidate: Candidate, now_ms: int) -> Standing:
        health = self._health.of(candidate.account_id)
        return Standing(
            account_id=candidate.account_id,
            channel=candidate.channel,
            marked=candidate.shown_default,
            pages=self._accounts.pages(candidate.account_id),
            terms=candidate.terms,
            state=state_at(health, now_ms=now_ms),
            probing=self._health.probing(candidate.account_id, now_ms=now_ms),
            unsteady=unsteady_tenths(health, now_ms=now_ms),
        )
