"""Accounts as they stand, requests and rules, for the tests of routing."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from gateway.routing.choose import Decision, Standing, Why, choose
from gateway.routing.moments import Moment, Window, read_window
from gateway.routing.rules import AccountTerms, Mode, RouteRequest, Rule, in_order

NOON = Moment(weekday=6, minute=720)


def windows(*texts: str) -> tuple[Window, ...]:
    read = [read_window(text) for text in texts]
    assert None not in read, texts
    return tuple(window for window in read if window is not None)


def terms(ppm: int = 0, fen: int = 0, *hours: str) -> AccountTerms:
    return AccountTerms(cost_ppm=ppm, cost_fen=fen, hours=windows(*hours))


def standing(account_id: str, **changes: Any) -> Standing:
    return replace(Standing(account_id=account_id, channel="alipay"), **changes)


def request(**changes: Any) -> RouteRequest:
    row = RouteRequest(merchant_id="m1", wallet="alipay", mode=Mode.CUSTOMER, amount_fen=10_000, moment=NOON)
    return replace(row, **changes)


def rule(*accounts: str, **changes: Any) -> Rule:
    return replace(Rule(id="r1", merchant="m1", accounts=accounts), **changes)


def decide(asked: RouteRequest, standings: list[Standing], *rules: Rule) -> Decision:
    return choose(asked, standings, in_order(rules))


def chosen(decision: Decision) -> str | None:
    return None if decision.chosen is None else decision.chosen.account_id


def said(decision: Decision) -> list[tuple[Why, str]]:
    return [(reason.why, reason.about) for reason in decision.reasons]
