"""What the owner says about routing: an account's terms (what it costs, when it serves), and rules. Pure.

Rules
- Of a merchant's rules the first that matches and has an account for the payment decides which accounts may take it;
  first is the smaller `priority`, then the smaller id. Without a rule every account of the wallet may.
- What a rule does not say matches everything. Amounts are inclusive; hours are the store's wall clock.
- Costs are parts per million of the amount and a fixed sum in fen; they are compared exactly and shown rounded half up.
It must not know accounts' keys, health, or where rules are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from gateway.routing.moments import Moment, Window, minutes_left

_MILLION: Final = 1_000_000
DEFAULT_PRIORITY: Final = 100


class Mode(StrEnum):
    """How the payment comes: the customer's code is scanned, a wallet's own QR is shown, or the page is opened."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"
    PAGE = "page"


class RuleOrder(StrEnum):
    """How a rule's accounts are chosen from: the criteria in their order, or simply as listed."""

    COST = "cost"
    LISTED = "listed"


class AccountTerms(Struct, frozen=True, kw_only=True):
    """What an account costs and when its wallet serves it. `hours` empty: always."""

    cost_ppm: int = 0
    cost_fen: int = 0
    hours: tuple[Window, ...] = ()

    def cost_millionths(self, amount_fen: int) -> int:
        """In millionths of a fen: exact, for comparing."""
        return amount_fen * self.cost_ppm + self.cost_fen * _MILLION

    def estimate_fen(self, amount_fen: int) -> int:
        """Rounded half up."""
        return (self.cost_millionths(amount_fen) + _MILLION // 2) // _MILLION

    def minutes_left(self, moment: Moment) -> int:
        return minutes_left(self.hours, moment.minute)


class Rule(Struct, frozen=True, kw_only=True):
    """`accounts`: those that may take what matches, in the owner's preference. `weekdays`: 1 is Monday."""

    id: str
    merchant: str
    accounts: tuple[str, ...]
    wallets: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = ()
    min_fen: int | None = None
    max_fen: int | None = None
    hours: tuple[Window, ...] = ()
    weekdays: tuple[int, ...] = ()
    order: RuleOrder = RuleOrder.COST
    priority: int = DEFAULT_PRIORITY
    enabled: bool = True


class RouteRequest(Struct, frozen=True, kw_only=True):
    """The facts of one payment that routing looks at; nothing in it is about a person.

    `wallet` None: the shop's QR may be any wallet's. `not_sent`: accounts at which an earlier payment of the same
    order was proven never to have left.
    """

    merchant_id: str
    wallet: str | None
    mode: Mode
    amount_fen: int
    moment: Moment
    not_sent: tuple[str, ...] = ()


def in_order(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """As they are tried."""
    return tuple(sorted((rule for rule in rules if rule.enabled), key=lambda rule: (rule.priority, rule.id)))


def matches(rule: Rule, request: RouteRequest) -> bool:
    """Whether the rule speaks of this payment. A request for any wallet is narrowed by the rule's accounts alone."""
    return (
        rule.enabled
        and rule.merchant == request.merchant_id
        and (not rule.wallets or request.wallet is None or request.wallet in rule.wallets)
        and (not rule.modes or request.mode in rule.modes)
        and (rule.min_fen is None or request.amount_fen >= rule.min_fen)
        and (rule.max_fen is None or request.amount_fen <= rule.max_fen)
        and (not rule.weekdays or request.moment.weekday in rule.weekdays)
        and minutes_left(rule.hours, request.moment.minute) > 0
    )
