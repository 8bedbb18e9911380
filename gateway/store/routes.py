"""Rules, accounts' terms and decisions as rows, and back. A decision is added in its channel order's transaction."""

from __future__ import annotations

from datetime import tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from gateway.payments.values import ChannelOrder
from gateway.routing.choose import Decision, RouteReason
from gateway.routing.replay import Facts, Recorded
from gateway.routing.rules import AccountTerms, Rule
from gateway.store.statements import Statement
from gateway.store.tables import STORES
from gateway.store.tables_routes import ACCOUNT_TERMS, ROUTE_DECISIONS, ROUTE_RULES
from gateway.store.units import Tx

_D: Final = ROUTE_DECISIONS.c
_INSERT: Final = Statement(insert(ROUTE_DECISIONS))
_FIND: Final = select(ROUTE_DECISIONS).where(_D.out_trade_no == bindparam("k_out"))
_BETWEEN: Final = (
    select(ROUTE_DECISIONS)
    .where(_D.at_ms >= bindparam("k_from"), _D.at_ms < bindparam("k_until"))
    .order_by(_D.at_ms, _D.out_trade_no)
)
_FORGET_TERMS: Final = delete(ACCOUNT_TERMS).where(ACCOUNT_TERMS.c.account_id == bindparam("k_account"))
_JSON: Final = msgspec.json.Encoder()


def write_rule(rule: Rule) -> str:
    return _JSON.encode(rule).decode()


def rules(tx: Tx) -> list[Rule]:
    rows = tx.connection.execute(select(ROUTE_RULES.c.body).order_by(ROUTE_RULES.c.route_id))
    return [msgspec.json.decode(body, type=Rule) for (body,) in rows]


def keep_terms(tx: Tx, account_id: str, terms: AccountTerms) -> None:
    """Replaces what was said of this account."""
    tx.connection.execute(_FORGET_TERMS, {"k_account": account_id})
    if terms != AccountTerms():
        row = {"account_id": account_id, "body": _JSON.encode(terms).decode()}
        tx.connection.execute(insert(ACCOUNT_TERMS), row)


def terms(tx: Tx) -> dict[str, AccountTerms]:
    """By account; those of whom nothing was said are missing."""
    rows = tx.connection.execute(select(ACCOUNT_TERMS.c.account_id, ACCOUNT_TERMS.c.body))
    return {account_id: msgspec.json.decode(body, type=AccountTerms) for account_id, body in rows}


def zones(tx: Tx) -> dict[str, tzinfo]:
    """The stores' time zones, as far as this system knows them."""
    found: dict[str, tzinfo] = {}
    for store_id, name in tx.connection.execute(select(STORES.c.store_id, STORES.c.time_zone)):
        try:
            found[store_id] = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            continue  # a database that came from a system with more zones: Beijing time is taken
    return found


def add(tx: Tx, decision: Decision, order: ChannelOrder) -> None:
    """Raises IntegrityError when this order was routed before, or does not exist."""
    assert decision.chosen is not None, "an order was made at an account"
    assert decision.chosen.account_id == order.account_id, "the order is at the account that was chosen"
    facts = Facts(request=decision.request, standings=decision.standings)
    row = {
        "out_trade_no": order.out_trade_no,
        "terminal_id": order.key.terminal_id,
        "order_no": order.key.order_no,
        "n": order.key.n,
        "at_ms": order.sent_ms,
        "account_id": order.account_id,
        "cost_fen": decision.cost_fen,
        "facts": _JSON.encode(facts).decode(),
        "reasons": _JSON.encode(decision.reasons).decode(),
    }
    tx.change(_INSERT, row)


def find(tx: Tx, out_trade_no: str) -> Recorded | None:
    rows = tx.connection.execute(_FIND, {"k_out": out_trade_no})
    found = [_recorded(*row) for row in rows]
    return found[0] if found else None


def between(tx: Tx, *, from_ms: int, until_ms: int) -> list[Recorded]:
    """Decisions of a span of time, oldest first."""
    rows = tx.connection.execute(_BETWEEN, {"k_from": from_ms, "k_until": until_ms})
    return [_recorded(*row) for row in rows]


def _recorded(
    out_trade_no: str,
    terminal_id: str,
    order_no: str,
    n: int,
    at_ms: int,
    account_id: str,
    cost_fen: int,
    facts: str,
    reasons: str,
) -> Recorded:
    return Recorded(
        out_trade_no=out_trade_no,
        terminal_id=terminal_id,
        order_no=order_no,
        n=n,
        at_ms=at_ms,
        account_id=account_id,
        cost_fen=cost_fen,
        facts=msgspec.json.decode(facts, type=Facts),
        reasons=msgspec.json.decode(reasons, type=tuple[RouteReason, ...]),
    )
