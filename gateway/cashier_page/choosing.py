"""The account behind a press: chosen by the routing when a phone signs in, and kept while its payer is known there.

A payer's id is one account's own; another account would need another sign-in. Pure.
"""

from __future__ import annotations

from typing import Protocol

from msgspec.structs import replace

from gateway.routing.choose import Decision, RouteReason, Why


class PageRouter(Protocol):
    """Chooses accounts (`gateway.routing.router.Router` does)."""

    def for_page(
        self,
        *,
        merchant_id: str,
        store_id: str,
        channel: str,
        amount_fen: int,
        now_ms: int,
        not_sent: tuple[str, ...] = (),
    ) -> Decision: ...

    def begins(self, decision: Decision, *, now_ms: int) -> None: ...


def bound(decision: Decision, account_id: str) -> Decision | None:
    """The decision for a payer who is known at this account; None: the account is none of those that stand."""
    if decision.chosen is not None and decision.chosen.account_id == account_id:
        return decision
    standing = next((s for s in decision.standings if s.account_id == account_id and s.pages), None)
    if standing is None:
        return None
    reason = RouteReason(why=Why.PAYER_KNOWN, about=account_id)
    return replace(decision, chosen=standing, reasons=(*decision.reasons, reason))
