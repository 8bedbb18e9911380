"""`guitai gateway bills` from the command line: what is known, the lines of one bill, and asking for it now."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gateway.bills.line import BillFile, Statement
from gateway.bills.parsers.reading import read_bill
from gateway.bills.plan import BillState, day_of
from gateway.channels.port import BillKind
from gateway.store import bills, tasks
from gateway.store.bills import BillKey, KeptFile, bill_ref
from gateway.store.runners import InlineStore
from gateway.store.sqlite import open_sqlite
from gateway.store.units import Tx
from gateway.system import SystemClock
from guitai.cli import run
from tests.unit.gateway.bill_files import FILE, alipay_row, alipay_text, alipay_zip
from tests.unit.gateway.configure_shop import shop

T = TypeVar("T")
Capture = pytest.CaptureFixture[str]
DAY = FILE.day
KEY = BillKey(account_id="a1", kind=BillKind.TRADE, day=DAY)


@pytest.fixture
def database(tmp_path: Path, capsys: Capture) -> str:
    """A shop with one Alipay account and one bill of two lines."""
    path, file = tmp_path / "g.db", tmp_path / "shop.toml"
    file.write_text(shop(), encoding="utf-8")
    assert run(["gateway", "apply", str(file), "--database", str(path)]) == 0
    _in_store(path, _put)
    capsys.readouterr()
    return str(path)


def _in_store(path: Path, unit: Callable[[Tx], T]) -> T:
    store = InlineStore(open_sqlite(path))
    try:
        return store.run_now(unit)
    finally:
        asyncio.run(store.aclose())


def _put(tx: Tx) -> None:
    rows = [alipay_row(), alipay_row(kind="退款", amount="-2.50", request_no="REFUND1", fee="0.02")]
    content = alipay_zip(alipay_text(rows, paid="1笔，商家实收共12.50", back="1笔，商家实收退款共-2.50"))
    read = read_bill("alipay", BillKind.TRADE, content, BillFile(day=DAY, sha256=FILE.sha256))
    assert isinstance(read, Statement), read
    bills.add_file(tx, KeptFile(sha256=FILE.sha256, size=len(content), received_ms=1, sealed=b"sealed"))
    assert bills.want(tx, KEY, channel="alipay")
    assert not bills.want(tx, KEY, channel="alipay")
    bill = bills.find(tx, KEY)
    assert bill is not None
    kept = replace(bill, state=BillState.KEPT, sha256=FILE.sha256, size=len(content), lines=2, tries=1, kept_ms=2)
    bills.save(tx, kept)
    bills.add_lines(tx, KEY, read.lines)


def _json(capsys: Capture) -> dict[str, Any]:
    out, err = capsys.readouterr()
    assert err == ""
    (line,) = out.splitlines()
    return json.loads(line)


def test_list_tells_what_is_known_of_a_day(database: str, capsys: Capture) -> None:
    assert run(["gateway", "bills", "list", "--day", DAY, "--database", database]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("a1  trade  kept  2 lines, ")
    assert first.endswith(FILE.sha256)
    assert last == f"{DAY}: 1 bills, 0 not there."
    assert run(["gateway", "bills", "list", "--day", DAY, "--database", database, "--json"]) == 0
    (bill,) = _json(capsys)["bills"]
    assert (bill["state"], bill["channel"], bill["sha256"]) == ("kept", "alipay", FILE.sha256)
    assert run(["gateway", "bills", "list", "--database", database, "--json"]) == 0
    said = _json(capsys)
    assert (said["day"], said["bills"]) == (day_of(SystemClock().now_ms() - 86_400_000), [])


def test_show_tells_the_lines(database: str, capsys: Capture) -> None:
    command = ["gateway", "bills", "show", "--day", DAY, "--account", "a1", "--database", database]
    assert run(command) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1:4] for line in out[1:3]] == [
        ["pay", "ORDER1", "¥12.50"],
        ["refund", "REFUND1", "-¥2.50"],
    ]
    assert run([*command, "--json"]) == 0
    lines = _json(capsys)["lines"]
    assert [(line["amount_fen"], line["fee_millifen"]) for line in lines] == [(1250, 8_000), (-250, -2_000)]
    assert run([*command, "--json", "--after", str(lines[0]["line"])]) == 0
    assert len(_json(capsys)["lines"]) == 1
    assert run([*command, "--kind", "fund_flow"]) == 2


def test_fetch_makes_due_what_is_not_there_and_leaves_what_is(database: str, capsys: Capture) -> None:
    assert run(["gateway", "bills", "fetch", "--day", DAY, "--database", database, "--json"]) == 0
    states = {bill["kind"]: bill["state"] for bill in _json(capsys)["bills"]}
    assert states == {"trade": "kept", "fund_flow": "wanted"}
    due = _in_store(Path(database), lambda tx: [task.ref for task in tasks.due(tx, now_ms=2**60, limit=9)])
    assert due == [bill_ref(replace(KEY, kind=BillKind.FUND_FLOW))]


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--day", "22.11.2026"],
        ["list", "--day", DAY, "--account", "nobody"],
        ["fetch", "--day", "2099-01-01"],
        ["show", "--day", DAY, "--account", "nobody"],
        ["show", "--day", "2026-11-21", "--account", "a1"],
    ],
)
def test_what_cannot_be_is_said(arguments: list[str], database: str, capsys: Capture) -> None:
    assert run(["gateway", "bills", *arguments, "--database", database, "--json"]) == 2
    assert _json(capsys)["faults"]
