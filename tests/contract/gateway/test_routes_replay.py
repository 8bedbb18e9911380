"""`guitai gateway routes replay`: a day's decisions again by other rules, beside a running gateway. Reads only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import structlog
from msgspec.structs import replace
from sqlalchemy import insert

from gateway.routing.choose import choose
from gateway.routing.health import HealthState
from gateway.routing.moments import Moment
from gateway.routing.rules import Mode, RouteRequest
from gateway.store import payments, routes
from gateway.store.runners import InlineStore
from gateway.store.sqlite import DatabaseLock, open_sqlite
from gateway.store.tables import TERMINALS
from gateway.store.units import Tx
from guitai.cli import run
from protocol.numbers import new_number
from tests.contract.gateway.gateway_world import seed_places
from tests.unit.gateway.configure_shop import MERCHANT, account
from tests.unit.gateway.payment_rows import KEY, order, payment
from tests.unit.gateway.routing_shop import standing, terms

Capture = pytest.CaptureFixture[str]
#: 2027-01-15 00:00 in Beijing.
MIDNIGHT_MS = 1_799_942_400_000
OTHER = (
    '[[routes]]\nid = "r1"\nmerchant = "m1"\naccounts = ["a2"]\nmin_fen = 20000\n'
    '[[channel_accounts]]\nid = "a2"\ncost_ppm = 2000\n'
)


@pytest.fixture(autouse=True)
def log_settings() -> Generator[None, None, None]:
    yield
    structlog.reset_defaults()


def _decided(tx: Tx, number: int, amount_fen: int, at_ms: int) -> None:
    """A payment of that amount; `a1` costs 0.6 %, `a2` 0.9 %, `a3` is free and was broken then."""
    key = replace(KEY, order_no=new_number(bytes([number] * 15)))
    name = f"{key.order_no}00"
    asked = RouteRequest(
        merchant_id="m1",
        wallet="alipay",
        mode=Mode.CUSTOMER,
        amount_fen=amount_fen,
        moment=Moment(weekday=5, minute=600),
    )
    accounts = [
        standing("a1", terms=terms(6_000)),
        standing("a2", terms=terms(9_000)),
        standing("a3", state=HealthState.OPEN),
    ]
    row = payment(key=key, amount_fen=amount_fen, out_trade_no=name)
    sent = order(key=key, amount_fen=amount_fen, out_trade_no=name, sent_ms=at_ms)
    payments.add(tx, row)
    payments.add_channel_order(tx, sent)
    routes.add(tx, choose(asked, accounts, ()), sent)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Two payments of the day, one of the day before and one of the day after."""
    path = tmp_path / "g.db"
    store = InlineStore(open_sqlite(path))

    def unit(tx: Tx) -> None:
        seed_places(tx, {})
        terminal = {"terminal_id": KEY.terminal_id, "store_id": "s1", "name": "1", "public_key": "k", "epoch": 1}
        tx.connection.execute(insert(TERMINALS), {**terminal, "activated_ms": 0, "journal_seq": 0, "journal_head": ""})
        _decided(tx, 1, 40_000, MIDNIGHT_MS - 1)
        _decided(tx, 2, 10_000, MIDNIGHT_MS)
        _decided(tx, 3, 20_000, MIDNIGHT_MS + 86_399_999)
        _decided(tx, 4, 40_000, MIDNIGHT_MS + 86_400_000)

    store.run_now(unit)
    asyncio.run(store.aclose())
    return path


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "other.toml"
    path.write_text(OTHER, encoding="utf-8")
    return path


def replayed(database: Path, rules: Path, capture: Capture, day: str = "2027-01-15") -> dict[str, Any]:
    asked = ["gateway", "routes", "replay", "--date", day, "--rules", str(rules), "--database", str(database)]
    assert run([*asked, "--json"]) == 0
    out, err = capture.readouterr()
    assert err == ""
    return json.loads(out)


def test_a_beijing_days_decisions_are_made_again_with_old_and_new_cost(database: Path, rules: Path, capsys: Capture):
    said = replayed(database, rules, capsys)
    shown = [
        (row["amount_fen"], row["account_then"], row["cost_then_fen"], row["account_now"], row["cost_now_fen"])
        for row in said["decisions"]
    ]
    # The rule is for 200 yuan and more; below it the file's cheaper terms of a2 move the payment as well.
    assert shown == [(10_000, "a1", 60, "a2", 20), (20_000, "a1", 120, "a2", 40)]
    assert (said["moved"], said["unserved"], said["cost_then_fen"], said["cost_now_fen"]) == (2, 0, 180, 60)
    assert said["decisions"][0]["reasons_then"] == ["broken:a3", "cheapest:a1"]
    assert said["decisions"][1]["reasons_now"][0] == "rule:r1"


def test_rules_without_costs_keep_the_costs_of_the_day(database: Path, tmp_path: Path, capsys: Capture):
    rules = tmp_path / "none.toml"
    rules.write_text("", encoding="utf-8")
    said = replayed(database, rules, capsys)
    assert (said["moved"], said["cost_then_fen"], said["cost_now_fen"]) == (0, 180, 180)


def test_a_table_and_the_totals_are_shown(database: Path, rules: Path, capsys: Capture):
    asked = ["gateway", "routes", "replay", "--date", "2027-01-15", "--rules", str(rules)]
    assert run([*asked, "--database", str(database)]) == 0
    lines = capsys.readouterr().out.splitlines()
    (first,) = [line for line in lines if "¥100.00" in line]
    assert first.split()[0] == "00:00:00"
    assert first.split()[2:] == ["¥100.00", "customer", "a1", "¥0.60", "a2", "¥0.20", "cheapest"]
    assert lines[-2:] == [
        "2 decisions, 2 would go elsewhere, 0 nowhere.",
        "Cost: ¥1.80 as it was, ¥0.60 by these rules (-120 fen).",
    ]


def test_it_reads_beside_a_gateway_that_holds_the_database(database: Path, rules: Path, capsys: Capture):
    lock = DatabaseLock(database)
    store = InlineStore(open_sqlite(database))
    assert len(replayed(database, rules, capsys)["decisions"]) == 2
    asyncio.run(store.aclose())
    lock.release()


def test_a_day_without_payments_is_no_fault(database: Path, rules: Path, capsys: Capture):
    said = replayed(database, rules, capsys, day="2026-01-01")
    assert (said["decisions"], said["cost_now_fen"]) == ([], 0)


def test_a_rules_file_at_fault_and_a_database_that_is_none_are_said(database: Path, tmp_path: Path, capsys: Capture):
    bad = tmp_path / "bad.toml"
    bad.write_text('[[routes]]\nid = "r1"\n', encoding="utf-8")
    asked = ["gateway", "routes", "replay", "--date", "2027-01-15", "--rules"]
    assert run([*asked, str(bad), "--database", str(database)]) == 2
    assert "[[routes]] r1: accounts" in capsys.readouterr().err
    bad.write_text("", encoding="utf-8")
    assert run([*asked, str(bad), "--database", str(tmp_path / "none.db")]) == 5
    assert not (tmp_path / "none.db").exists()
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"no database at all, but long enough to be looked at as one" * 20)
    assert run([*asked, str(bad), "--database", str(junk)]) == 5


def test_applied_routes_and_terms_are_held(tmp_path: Path, capsys: Capture):
    """Applying twice changes nothing the second time."""
    file, database = tmp_path / "shop.toml", str(tmp_path / "g.db")
    text = MERCHANT + account(more="cost_ppm = 6000") + '[[routes]]\nid = "r1"\nmerchant = "m1"\naccounts = ["a1"]\n'
    file.write_text(text, encoding="utf-8")
    assert run(["gateway", "apply", str(file), "--database", database]) == 0
    assert "+ route r1  merchant = m1, accounts = a1" in capsys.readouterr().out
    assert run(["gateway", "apply", str(file), "--database", database]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Nothing to change."
