"""What other rules would have chosen for payments that were made, and what that would have cost. Pure.

Rules
- The facts are those of the moment: the accounts and their health as the decision kept them, and the terms of accounts
  that the file with the other rules does not name.
- An account that did not exist then is no candidate: nobody knows how it would have stood.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from gateway.routing.choose import Decision, RouteReason, Standing, choose
from gateway.routing.rules import AccountTerms, RouteRequest, Rule, in_order


class Facts(Struct, frozen=True, kw_only=True):
    """What a decision looked at."""

    request: RouteRequest
    standings: tuple[Standing, ...]


class Recorded(Struct, frozen=True, kw_only=True):
    """A decision as it was kept with its channel order."""

    out_trade_no: str
    terminal_id: str
    order_no: str
    n: int
    at_ms: int
    account_id: str
    cost_fen: int
    facts: Facts
    reasons: tuple[RouteReason, ...]


class Replayed(Struct, frozen=True, kw_only=True):
    """`then`: the decision as it was. `now`: by the other rules."""

    then: Recorded
    now: Decision

    @property
    def moved(self) -> bool:
        return self.now.chosen is None or self.now.chosen.account_id != self.then.account_id


class Totals(Struct, frozen=True, kw_only=True):
    """Costs in fen. `unserved`: payments for which the other rules leave no account; they cost nothing."""

    decisions: int
    moved: int
    unserved: int
    cost_then_fen: int
    cost_now_fen: int


def replay(recorded: Recorded, rules: Sequence[Rule], terms: Mapping[str, AccountTerms]) -> Replayed:
    """`terms`: those that the other rules' file names, by account."""
    standings = [replace(s, terms=terms.get(s.account_id, s.terms)) for s in recorded.facts.standings]
    return Replayed(then=recorded, now=choose(recorded.facts.request, standings, in_order(rules)))


def totals(replayed: Sequence[Replayed]) -> Totals:
    return Totals(
        decisions=len(replayed),
        moved=sum(1 for one in replayed if one.moved),
        unserved=sum(1 for one in replayed if one.now.chosen is None),
        cost_then_fen=sum(one.then.cost_fen for one in replayed),
        cost_now_fen=sum(one.now.cost_fen for one in replayed),
    )
