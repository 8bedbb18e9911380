"""The plan: what is added, changed, unchanged and kept; what may not move; and that keys are never shown."""

from __future__ import annotations

import dataclasses
import json

import msgspec
import pytest
from msgspec.structs import replace

from gateway.configure.document import Document
from gateway.configure.faults import Faults
from gateway.configure.plan import Held, Item, Kind, Plan, Verb, make_plan
from gateway.configure.plan_text import plan_lines
from sandbox.alipay.merchant import pkcs8_pem
from sandbox.keys import new_merchant
from tests.unit.gateway.configure_shop import MERCHANT, STORE, account, document, private_pem, shop


def held(read: Document) -> Held:
    return Held(merchants=read.merchants, stores=read.stores, accounts=read.accounts)


def plan_of(text: str, before: str = "") -> Plan:
    plan = make_plan(document(text), held(document(before)))
    assert isinstance(plan, Plan), plan
    return plan


def faults_of(text: str, before: str = "") -> list[tuple[str, str]]:
    found = make_plan(document(text), held(document(before)))
    assert isinstance(found, Faults), found
    return [(fault.where, fault.key) for fault in found.faults]


def verbs(plan: Plan) -> list[tuple[Verb, Kind, str]]:
    return [(item.verb, item.kind, item.id) for item in plan.items]


def test_an_empty_store_gets_everything():
    assert verbs(plan_of(shop())) == [
        (Verb.ADD, Kind.MERCHANT, "m1"),
        (Verb.ADD, Kind.STORE, "s1"),
        (Verb.ADD, Kind.ACCOUNT, "a1"),
    ]


def test_the_same_document_again_changes_nothing():
    plan = plan_of(shop(), before=shop())
    assert {item.verb for item in plan.items} == {Verb.UNCHANGED}
    assert plan.changes == ()


def test_order_and_blank_lines_around_a_key_are_no_change():
    again = STORE + account(private_key=json.dumps("\n" + private_pem() + "\n\n")) + MERCHANT
    assert plan_of(again, before=shop()).changes == ()


def test_a_change_is_told_field_by_field():
    plan = plan_of(MERCHANT + STORE.replace("一店", "二店") + account(min_query_interval_ms="1000"), before=shop())
    told = [(i.id, [(f.field, f.before, f.after) for f in i.fields]) for i in plan.changes]
    assert told == [("s1", [("name", "一店", "二店")]), ("a1", [("min_query_interval_ms", None, "1000")])]


def test_a_setting_that_is_left_out_is_a_change():
    plan = plan_of(shop(), before=MERCHANT + STORE + account(min_query_interval_ms="1000"))
    assert [(f.field, f.before, f.after) for f in plan.changes[0].fields] == [("min_query_interval_ms", "1000", None)]


def test_what_the_file_does_not_name_is_kept():
    plan = plan_of('[[merchants]]\nid = "m2"\nname = "新店"\n', before=shop())
    assert verbs(plan) == [
        (Verb.ADD, Kind.MERCHANT, "m2"),
        (Verb.KEPT, Kind.MERCHANT, "m1"),
        (Verb.KEPT, Kind.STORE, "s1"),
        (Verb.KEPT, Kind.ACCOUNT, "a1"),
    ]


def test_a_new_store_may_name_a_merchant_that_is_held():
    assert len(plan_of(STORE, before=MERCHANT).changes) == 1


def test_a_merchant_that_nobody_knows_is_a_fault_for_each_who_names_it():
    assert faults_of(STORE + account()) == [("store s1", "merchant"), ("channel account a1", "merchant")]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (STORE.replace('"m1"', '"m2"'), ("store s1", "merchant")),
        (account(merchant="m2"), ("channel account a1", "merchant")),
        (account(app_id='"2021000000000009"'), ("channel account a1", "app_id")),
    ],
)
def test_what_payments_hang_on_does_not_move(text: str, place: tuple[str, str]):
    assert faults_of(MERCHANT + '[[merchants]]\nid = "m2"\nname = "x"\n' + text, before=shop()) == [place]


@pytest.mark.parametrize("key", ["app_id", "appid", "mch_id", "sub_mch_id", "mer_id"])
def test_who_an_account_is_at_its_wallet_does_not_move(key: str):
    """Each wallet's own numbers; also when one appears where there was none."""
    known = held(document(shop()))
    settings = json.loads(known.accounts[0].settings)
    for before in ("1900000001", None):
        told = {**settings, key: before} if before else {k: v for k, v in settings.items() if k != key}
        other = dataclasses.replace(known.accounts[0], settings=json.dumps(told))
        now = dataclasses.replace(known.accounts[0], settings=json.dumps({**settings, key: "1900000002"}))
        found = make_plan(Document(merchants=known.merchants, stores=(), accounts=(now,)), Held(accounts=(other,)))
        assert isinstance(found, Faults)
        assert [fault.key for fault in found.faults] == [key]


@pytest.mark.parametrize(
    ("key", "before", "after", "moves"),
    [
        ("mode", None, "partner", True),
        ("mode", "direct", "partner", True),
        ("mode", "partner", None, True),
        ("mode", None, "direct", False),
        ("mode", "direct", None, False),
        ("seller_id", "2088000000000001", "2088000000000002", True),
        ("seller_id", None, "2088000000000002", False),
        ("seller_id", "2088000000000001", None, False),
    ],
)
def test_whom_an_account_collects_for_does_not_move(key: str, before: str | None, after: str | None, moves: bool):
    """Another merchant's books know nothing of the payments that are open: "not found" there would be a proof."""
    known = held(document(shop()))
    bare = {name: value for name, value in json.loads(known.accounts[0].settings).items() if name != key}
    was, now = (
        dataclasses.replace(known.accounts[0], settings=json.dumps({**bare, **({key: value} if value else {})}))
        for value in (before, after)
    )
    found = make_plan(Document(merchants=known.merchants, stores=(), accounts=(now,)), Held(accounts=(was,)))
    assert isinstance(found, Faults) == moves
    if isinstance(found, Faults):
        assert [fault.key for fault in found.faults] == [key]


def test_an_account_does_not_become_one_of_another_wallet():
    known = held(document(shop()))
    other = dataclasses.replace(
        known.accounts[0], channel="other", settings=known.accounts[0].settings.replace('"alipay"', '"other"')
    )
    found = make_plan(document(shop()), replace(known, accounts=(other,)))
    assert isinstance(found, Faults)
    assert [fault.key for fault in found.faults] == ["channel"]


def test_one_account_of_a_merchant_makes_the_qrs():
    """Two in the file, or one in the file beside one that is kept."""
    both = MERCHANT + account() + account(id="a2")
    assert faults_of(both) == [("channel account a2", "default_for_qr")]
    assert faults_of(account(id="a2"), before=shop()) == [("channel account a2", "default_for_qr")]
    moved = account(default=False) + account(id="a2")
    assert [item.id for item in plan_of(moved, before=shop()).changes] == ["a1", "a2"]


def test_a_key_is_changed_and_never_shown():
    other = pkcs8_pem(new_merchant().merchant_key)
    plan = plan_of(MERCHANT + STORE + account(private_key=json.dumps(other)), before=shop())
    (item,) = plan.changes
    assert [(f.field, f.before, f.after, f.secret) for f in item.fields] == [("private_key", None, None, True)]
    assert plan_lines(plan)[-1] == "~ channel account a1  private_key changed"
    for shown in (plan, plan_of(shop())):
        text = msgspec.json.encode(shown).decode() + "\n".join(plan_lines(shown)) + repr(shown)
        assert "MII" not in text
        assert "KEY-----" not in text


def test_the_plan_reads_like_a_list():
    text = MERCHANT + STORE.replace("一店", "二店")
    assert plan_lines(plan_of(text, before=shop())) == [
        "= merchant m1  unchanged",
        "~ store s1  name: 一店 -> 二店",
        ". channel account a1  kept (not in the file)",
    ]
    assert plan_lines(plan_of(STORE, before=MERCHANT))[-1] == (
        "+ store s1  merchant = m1, name = 一店, time_zone = Asia/Shanghai"
    )
    assert len(plan_lines(Plan(items=()))) == 1


def test_a_plan_survives_the_wire():
    plan = plan_of(shop())
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
    assert all(isinstance(item, Item) for item in plan.items)
