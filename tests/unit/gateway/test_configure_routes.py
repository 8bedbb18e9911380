"""Routes and terms in the owner's file: what is read, every fault at its key, and what the plan says of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.configure import document as document_module
from gateway.configure.document import RoutesFile, read_document, read_routes
from gateway.configure.faults import Faults
from gateway.configure.plan import Held, Plan, Verb, make_plan
from gateway.configure.plan_text import plan_lines
from gateway.routing.rules import AccountTerms, Mode, Rule, RuleOrder
from tests.unit.gateway.configure_shop import MERCHANT, STORE, account, document, shop
from tests.unit.gateway.routing_shop import terms, windows

ROUTE = '[[routes]]\nid = "r1"\nmerchant = "m1"\naccounts = ["a1"]\n'
FULL = """
wallets = ["alipay", "wechat"]
modes = ["customer", "page"]
min_fen = 100
max_fen = 200
hours = ["08:00-12:00", "22:00-02:00"]
weekdays = ["mon", "sun"]
order = "listed"
priority = 5
enabled = false
"""
TERMS = 'cost_ppm = 6000\ncost_fen = 2\nservice_hours = ["06:00-24:00"]'


def held_by(text: str) -> Held:
    read = document(text)
    return Held(merchants=read.merchants, stores=read.stores, accounts=read.accounts, routes=read.routes)


def faults_of(text: str) -> list[tuple[str, str]]:
    read = read_document(text, files={}, time_zones=())
    found = make_plan(read, Held()) if not isinstance(read, Faults) else read
    assert isinstance(found, Faults), found
    return [(fault.where, fault.key) for fault in found.faults]


def test_a_route_says_little_and_matches_much():
    assert document(shop() + ROUTE).routes == (Rule(id="r1", merchant="m1", accounts=("a1",)),)


def test_a_route_is_read_as_written():
    (rule,) = document(shop() + ROUTE + FULL).routes
    assert rule == Rule(
        id="r1",
        merchant="m1",
        accounts=("a1",),
        wallets=("alipay", "wechat"),
        modes=(Mode.CUSTOMER, Mode.PAGE),
        min_fen=100,
        max_fen=200,
        hours=windows("08:00-12:00", "22:00-02:00"),
        weekdays=(1, 7),
        order=RuleOrder.LISTED,
        priority=5,
        enabled=False,
    )


def test_an_accounts_terms_are_no_settings_of_its_channel():
    (one,) = document(MERCHANT + account(more=TERMS)).accounts
    assert one.terms == terms(6_000, 2, "06:00-24:00")
    assert json.loads(one.settings).keys().isdisjoint({"cost_ppm", "cost_fen", "service_hours"})
    (bare,) = document(MERCHANT + account()).accounts
    assert bare.terms == AccountTerms()


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("accounts = []", "accounts"),
        ('accounts = "a1"', "accounts"),
        ('accounts = ["a1", "a1"]', "accounts"),
        ('accounts = [["a1"]]', "accounts"),
        ('wallets = ["paypal"]', "wallets"),
        ('modes = ["card"]', "modes"),
        ("min_fen = 0", "min_fen"),
        ("min_fen = 1.5", "min_fen"),
        ('max_fen = "100"', "max_fen"),
        ("min_fen = 2\nmax_fen = 1", "max_fen"),
        ('hours = ["8-12"]', "hours"),
        ('hours = ["24:00-08:00"]', "hours"),
        ('weekdays = ["montag"]', "weekdays"),
        ("weekdays = [1]", "weekdays"),
        ('order = "random"', "order"),
        ("priority = true", "priority"),
        ("priority = -1", "priority"),
        ('enabled = "no"', "enabled"),
        ("color = 1", "color"),
    ],
)
def test_a_fault_of_a_route_stands_at_its_key(line: str, key: str):
    start = ROUTE.replace('accounts = ["a1"]\n', "") if line.startswith("accounts") else ROUTE
    assert faults_of(shop() + start + line + "\n") == [("[[routes]] r1", key)]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("cost_ppm = 0.6", "cost_ppm"),
        ("cost_ppm = 100001", "cost_ppm"),
        ("cost_fen = -1", "cost_fen"),
        ('service_hours = "08:00-22:00"', "service_hours"),
        ('service_hours = ["08:00"]', "service_hours"),
    ],
)
def test_a_fault_of_an_accounts_terms_stands_at_its_key(line: str, key: str):
    assert faults_of(MERCHANT + STORE + account(more=line)) == [("[[channel_accounts]] a1", key)]


def test_a_route_names_accounts_of_its_own_merchant():
    """Of the file or held; a payment never goes to another merchant's account."""
    other = '[[merchants]]\nid = "m2"\nname = "别家"\n'
    assert faults_of(shop() + other + ROUTE.replace('"m1"', '"m2"')) == [("route r1", "accounts")]
    assert faults_of(shop() + ROUTE.replace('"a1"', '"a9"')) == [("route r1", "accounts")]
    assert faults_of(shop() + ROUTE.replace('"m1"', '"m9"')) == [("route r1", "merchant"), ("route r1", "accounts")]
    plan = make_plan(document(ROUTE), held_by(shop()))
    assert isinstance(plan, Plan)


def test_the_plan_says_what_changes_and_keeps_a_route_that_is_not_named():
    before = held_by(shop() + ROUTE)
    plan = make_plan(document(ROUTE + "enabled = false\n"), before)
    assert isinstance(plan, Plan)
    assert "~ route r1  enabled: true -> false" in plan_lines(plan)
    kept = make_plan(document(shop()), before)
    assert isinstance(kept, Plan)
    assert [(item.verb, item.id) for item in kept.items][-1] == (Verb.KEPT, "r1")
    again = make_plan(document(shop() + ROUTE), before)
    assert isinstance(again, Plan)
    assert again.changes == ()


def test_the_plan_says_what_an_account_costs():
    plan = make_plan(document(MERCHANT + account(more=TERMS)), held_by(MERCHANT + account()))
    assert isinstance(plan, Plan)
    (line,) = [line for line in plan_lines(plan) if line.startswith("~")]
    assert "cost_ppm: (not set) -> 6000" in line
    assert "service_hours: (not set) -> 06:00-24:00" in line


def test_a_replay_reads_a_whole_document_or_only_what_routing_needs():
    slim = read_routes(ROUTE + '[[channel_accounts]]\nid = "a1"\ncost_ppm = 3800\n')
    assert isinstance(slim, RoutesFile)
    assert slim.terms == {"a1": terms(3_800)}
    assert [rule.id for rule in slim.routes] == ["r1"]
    whole = read_routes(shop() + ROUTE)
    assert isinstance(whole, RoutesFile)
    assert whole.terms == {"a1": AccountTerms()}


@pytest.mark.parametrize("text", ["[[routes", "[[rules]]\n", ROUTE + "color = 1\n", ROUTE + ROUTE])
def test_a_replay_refuses_a_file_at_fault(text: str):
    assert isinstance(read_routes(text), Faults)


def test_the_example_that_is_commented_out_is_a_good_one():
    text = Path(document_module.__file__).with_name("example.toml").read_text(encoding="utf-8")
    shown = [line.removeprefix("# ") for line in text[text.index("# [[routes]]") :].splitlines()]
    read = read_routes("\n".join(shown))
    assert isinstance(read, RoutesFile), read
    (rule,) = read.routes
    assert (rule.weekdays, rule.min_fen, rule.order) == ((1, 2, 3, 4, 5), 100_000, RuleOrder.LISTED)
