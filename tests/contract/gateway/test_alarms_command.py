"""`guitai gateway alarms`: somebody is named for each alarm closed by hand, and late money is never closed so."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.payments.values import Alarm, AlarmKind
from gateway.store.alarms import open_counts, raise_alarm
from gateway.store.runners import InlineStore
from gateway.store.sqlite import open_sqlite
from gateway.store.units import Tx
from guitai.cli import run

Capture = pytest.CaptureFixture[str]
RAISED_MS = 1_796_000_000_000


def _in_store(database: Path, *units: Callable[[Tx], object]) -> list[object]:
    """Runs them, one transaction each, as a gateway would."""

    async def scene() -> list[object]:
        store = InlineStore(open_sqlite(database))
        try:
            return [await store.run(unit) for unit in units]
        finally:
            await store.aclose()

    return asyncio.run(scene())


def _raise(kind: AlarmKind, about: str) -> Callable[[Tx], object]:
    return lambda tx: raise_alarm(tx, Alarm(kind=kind, detail="what was seen"), about=about, now_ms=RAISED_MS)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "g.db"
    _in_store(path, _raise(AlarmKind.FORGED_CALLBACK, "ali"), _raise(AlarmKind.LATE_MONEY, "T/O-1"))
    return path


def _said(capture: Capture) -> dict[str, Any]:
    return json.loads(capture.readouterr().out)


def test_open_alarms_are_listed_oldest_first(database: Path, capsys: Capture) -> None:
    assert run(["gateway", "alarms", "list", "--database", str(database), "--json"]) == 0
    said = _said(capsys)
    assert [(alarm["alarm"], alarm["kind"], alarm["about"]) for alarm in said["alarms"]] == [
        (1, "forged_callback", "ali"),
        (2, "late_money", "T/O-1"),
    ]
    assert run(["gateway", "alarms", "list", "--database", str(database)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split()[-5:] == ["forged_callback", "ali", "what", "was", "seen"]
    assert shown[-1] == "2 open."


def test_an_alarm_is_closed_by_a_named_person_with_a_reason(database: Path, capsys: Capture) -> None:
    """Both stay with it; the same cause raises a new one."""
    closing_words = ["--by", "王店长", "--reason", "换了密钥", "--database", str(database), "--json"]
    assert run(["gateway", "alarms", "close", "1", *closing_words]) == 0
    assert [alarm["alarm"] for alarm in _said(capsys)["alarms"]] == [2]
    with closing(sqlite3.connect(database)) as connection:
        row = connection.execute("select closed_by, closed_reason, closed_ms > 0 from alarms where alarm_id = 1")
        assert row.fetchone() == ("王店长", "换了密钥", 1)
    again, counts = _in_store(database, _raise(AlarmKind.FORGED_CALLBACK, "ali"), open_counts)
    assert again is True
    assert counts == {"forged_callback": 1, "late_money": 1}


@pytest.mark.parametrize(
    ("number", "person", "reason", "sentence"),
    [
        ("1", " ", "seen", "by"),
        ("1", "Wang", " ", "reason"),
        ("7", "Wang", "seen", "no alarm with this number is open"),
        ("2", "Wang", "seen", "late money is decided by"),
    ],
    ids=["nobody", "no reason", "not open", "late money"],
)
def test_a_word_that_closes_nothing_says_why(
    database: Path, capsys: Capture, number: str, person: str, reason: str, sentence: str
) -> None:
    words = ["--by", person, "--reason", reason, "--database", str(database), "--json"]
    assert run(["gateway", "alarms", "close", number, *words]) == 2
    assert sentence in _said(capsys)["message"]
    assert _in_store(database, open_counts) == [{"forged_callback": 1, "late_money": 1}]


def test_what_is_not_late_is_not_given_back_by_hand(database: Path, capsys: Capture) -> None:
    words = ["--by", "Wang", "--reason", "cash", "--database", str(database), "--json"]
    assert run(["gateway", "late", "by-hand", "X" * 27, *words]) == 2
    assert "no late money waits" in _said(capsys)["message"]
    assert run(["gateway", "late", "by-hand", "--help"]) == 0
    assert "nobody is paid back twice" in " ".join(capsys.readouterr().out.split())
