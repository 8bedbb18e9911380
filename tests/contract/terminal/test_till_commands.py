"""The till's commands as somebody calls them: on a prepared folder, beside a running till, and on damaged files."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from guitai.cli import run
from sync.till import open_till
from tests.contract.sync.samples import order, started, whole
from tests.contract.terminal.till_folder import fill, gateway_on_loopback, make_till

#: 2026-03-02 09:00:00 in the shop.
MORNING_MS = 1_772_413_200_000
DAY = "2026-03-02"


@pytest.fixture
def till(tmp_path: Path) -> Path:
    """Two settled orders, one paid and one not, and one that is open."""
    make_till(tmp_path)
    fill(tmp_path, [*whole(1), *whole(2, paid=False), started(3, fen=800)], at_ms=MORNING_MS)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


# --- orders -----------------------------------------------------------------------------------------------------------


def test_orders_lists_the_newest_first_and_narrows(till: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["orders", "--data-dir", str(till), "--json"]) == 0
    listed = said(capsys)
    assert [line["order_no"] for line in listed["orders"]] == [order(3), order(2), order(1)]
    assert [line["state"] for line in listed["orders"]] == ["SENDING", "NOT_PAID", "PAID"]
    assert listed["reason"] == "done"
    assert run(["orders", "--data-dir", str(till), "--filter", "not paid"]) == 0
    assert "2" in (text := capsys.readouterr().out)
    assert len(text.splitlines()) == 1
    assert run(["orders", "--data-dir", str(till), "--limit", "1", "--json"]) == 0
    assert len(said(capsys)["orders"]) == 1


@pytest.mark.parametrize("written", [order(1), order(1).lower(), f"{order(1)}-1", " ".join(order(1))])
def test_an_order_is_told_in_words_however_its_number_is_written(
    till: Path, capsys: pytest.CaptureFixture[str], written: str
) -> None:
    assert run(["orders", written, "--data-dir", str(till)]) == 0
    text = capsys.readouterr().out
    assert "Payment code read, recorded here" in text
    assert "Paid" in text
    assert "Outcome recorded on both sides" in text
    assert "09:00:00" in text


def test_an_unknown_or_damaged_number_says_so(till: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["orders", order(99), "--data-dir", str(till), "--json"]) == 1
    assert said(capsys)["reason"] == "unknown_payment"
    wrong = order(1)[:-1] + ("0" if order(1)[-1] != "0" else "1")
    assert run(["orders", wrong, "--data-dir", str(till), "--json"]) == 2


@pytest.mark.parametrize("arguments", [["orders"], ["verify"], ["report", "daily"]])
def test_a_folder_that_is_no_till_is_not_an_empty_till(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run([*arguments, "--data-dir", str(tmp_path / "none"), "--json"]) == 5
    assert said(capsys)["reason"] == "not_activated"
    assert not (tmp_path / "none").exists()


# --- verify -----------------------------------------------------------------------------------------------------------


def test_verify_walks_the_chain_and_names_the_first_break(till: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "--data-dir", str(till), "--json"]) == 0
    whole_one = said(capsys)
    assert (whole_one["entries"], whole_one["payments"], whole_one["broken"]) == (9, 3, None)
    connection = sqlite3.connect(till / "journal.db")
    connection.execute("drop trigger entry_is_never_changed")
    connection.execute("update entry set at_ms = at_ms + 1 where seq = 4")
    connection.commit()
    connection.close()
    assert run(["verify", "--data-dir", str(till), "--json"]) == 1
    broken = said(capsys)
    assert (broken["broken"], broken["entry"], broken["reason"]) == ("chain", 4, "journal_damaged")
    assert run(["verify", "--data-dir", str(till)]) == 1
    assert "entry 4" in capsys.readouterr().out


def test_verify_sees_a_table_that_is_not_what_the_entries_say(till: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(till / "journal.db")
    connection.execute("update payment set amount_fen = 1 where order_no = ?", (order(2),))
    connection.commit()
    connection.close()
    assert run(["verify", "--data-dir", str(till)]) == 1
    assert f"{order(2)}-1" in capsys.readouterr().out


def test_a_file_that_is_no_journal_is_a_trouble_of_the_folder(till: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (till / "journal.db").write_bytes(b"not a database" * 500)
    assert run(["verify", "--data-dir", str(till), "--json"]) == 5
    assert said(capsys)["reason"] == "journal_damaged"


# --- report -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-02-30", "today"])
def test_a_day_that_is_none_is_wrong_usage(till: Path, capsys: pytest.CaptureFixture[str], day: str) -> None:
    assert run(["report", "daily", "--date", day, "--data-dir", str(till), "--json"]) == 2
    assert said(capsys)["reason"] == "usage"
    assert run(["gateway", "digests", "--date", day, "--json"]) == 2


def test_the_day_has_a_digest_in_words_and_in_json(till: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "daily", "--date", DAY, "--data-dir", str(till), "--json"]) == 0
    digest = said(capsys)["digest"]
    assert (digest["entries"], digest["first_seq"], digest["last_seq"], digest["paid_fen"]) == (9, 1, 9, 1250)
    assert run(["report", "daily", "--date", DAY, "--data-dir", str(till)]) == 0
    assert f"Digest    {digest['digest']}   entries 1-9" in capsys.readouterr().out
    assert run(["report", "daily", "--date", "2026-03-03", "--data-dir", str(till)]) == 0
    assert "Digest" not in capsys.readouterr().out


def test_the_days_report_sums_paid_payments_and_puts_the_unresolved_first(
    till: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "daily", "--date", DAY, "--data-dir", str(till), "--json"]) == 0
    day = said(capsys)
    assert (day["count"], day["amount_fen"], day["not_paid"]) == (1, 1250, 1)
    assert day["wallets"] == [{"channel": "alipay", "count": 1, "amount_fen": 1250}]
    assert day["hours"] == [{"hour": 9, "count": 1, "amount_fen": 1250}]
    assert [payment["payment_no"] for payment in day["unresolved"]] == [f"{order(3)}-1"]
    assert run(["report", "daily", "--date", DAY, "--data-dir", str(till)]) == 0
    text = capsys.readouterr().out
    assert text.index("Needs attention") < text.index("Taken")


def test_the_csv_has_the_same_sums_and_another_day_has_none(
    till: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run(["report", "daily", "--date", DAY, "--format", "csv", "--data-dir", str(till)]) == 0
    rows = list(csv.reader(io.StringIO(capsysbinary.readouterr().out.decode("utf-8-sig"))))
    assert rows[1][:2] == ["unresolved", f"{order(3)}-1"]
    assert rows[2] == ["total", DAY, "1", "12.50", "1250"]
    assert run(["report", "daily", "--date", "2026-03-03", "--format", "csv", "--data-dir", str(till)]) == 0
    assert b"total,2026-03-03,0,0.00,0" in capsysbinary.readouterr().out


# --- doctor -----------------------------------------------------------------------------------------------------------


def checks(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in said(capsys)["checks"]}


def test_doctor_runs_beside_a_till_that_sells_and_asks_the_gateway(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with gateway_on_loopback() as (url, gateway):
        make_till(tmp_path, gateway_url=url)
        till = open_till(tmp_path, publish=lambda _: None, ballast_bytes=100_000)
        try:
            assert run(["doctor", "--data-dir", str(tmp_path), "--json"]) == 0
            found = checks(capsys)
        finally:
            till.close()
        assert gateway.codes == []
    assert [found[name]["passed"] for name in ("activation", "gateway", "clock", "journal", "disk")] == [True] * 5


def test_doctor_does_not_speak_for_a_journal_that_only_its_till_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gateway that was put back from a backup takes a till's first word for how far its journal went then: below
    that, a number that it does not know may have been charged."""
    with gateway_on_loopback() as (url, gateway):
        make_till(tmp_path, gateway_url=url)
        (tmp_path / "journal.db").write_bytes(b"not a database" * 500)
        assert run(["doctor", "--data-dir", str(tmp_path), "--json"]) == 1
        found = checks(capsys)
        asked = [request.headers for _, request in gateway.seen]
    assert found["gateway"]["passed"] is True
    assert len(asked) == 1
    assert "guitai-journal" not in asked[0]


def test_doctor_says_what_is_wrong_and_what_to_do(till: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (till / "settings.toml").write_text('scanners = ["serial:/dev/ttyACM0?bawd=1"]\n')
    assert run(["doctor", "--data-dir", str(till), "--json"]) == 1
    found = checks(capsys)
    assert found["gateway"]["passed"] is False
    assert found["gateway"]["todo"]
    assert found["journal"]["passed"] is True
    assert found["settings"]["passed"] is None
    assert "line 1" in found["settings"]["found"]
    (till / "journal.db").write_bytes(b"not a database" * 500)
    assert run(["doctor", "--data-dir", str(till)]) == 1
    assert "FAIL  journal       The journal is damaged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "is_code", "hint"), [("281234567890123456", True, "28…3456"), ("6901234567892", False, None)]
)
def test_a_test_scan_is_named_and_a_payment_code_is_never_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, is_code: bool, hint: str | None
) -> None:
    gun, line = os.openpty()
    read = threading.Event()

    def keep_scanning() -> None:
        while not read.wait(0.1):
            os.write(gun, f"{text}\r".encode())

    cashier = threading.Thread(target=keep_scanning)
    cashier.start()
    try:
        scan = ["doctor", "--scan", f"serial:{os.ttyname(line)}", "--wait", "10"]
        status = run([*scan, "--data-dir", str(tmp_path), "--json"])
    finally:
        read.set()
        cashier.join(10)
        os.close(gun)
        os.close(line)
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert status == 0
    assert (found["payment_code"], found["hint"], found["length"]) == (is_code, hint, len(text))
    assert text not in out + err


@pytest.mark.parametrize(
    ("uri", "status", "reason"),
    [("nonsense", 2, "usage"), ("keyboard:", 2, "usage")],
)
def test_a_uri_that_cannot_be_scanned_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], uri: str, status: int, reason: str
) -> None:
    assert run(["doctor", "--scan", uri, "--data-dir", str(tmp_path), "--json"]) == status
    assert said(capsys)["reason"] == reason


# --- activate and terminal --------------------------------------------------------------------------------------------


def test_activate_refuses_what_is_no_code_and_a_gateway_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--data-dir", str(tmp_path), "--json"]
    assert run(["activate", "--gateway", "http://127.0.0.1:9", "--code", "short", *where]) == 2
    assert said(capsys)["reason"] == "usage"
    assert run(["activate", "--gateway", "http://127.0.0.1:9", "--code", "ABCD-EFGH-1234", *where]) == 6
    ending = said(capsys)
    assert ending["reason"] == "gateway_unreachable"
    assert "ABCD" not in json.dumps(ending)


def test_a_bad_scanner_uri_ends_the_app_before_a_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["terminal", "--offscreen", "--scanner", "cereal:", "--data-dir", str(tmp_path)]) == 2
    assert "guitai:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "status", "reason"),
    [("journal.db", 5, "damaged"), ("terminal.toml", 2, "damaged")],
)
def test_the_app_ends_with_the_sentence_of_a_folder_that_cannot_be_used(
    till: Path, file: str, status: int, reason: str
) -> None:
    (till / file).write_bytes(b"x = " * 500)
    ended = app("--data-dir", str(till))
    assert ended.returncode == status
    assert reason in ended.stderr


def test_a_second_app_on_one_folder_ends_with_5_and_says_so(till: Path) -> None:
    first = open_till(till, publish=lambda _: None, ballast_bytes=100_000)
    try:
        ended = app("--data-dir", str(till), "--announce")
    finally:
        first.close()
    assert ended.returncode == 5
    assert "Another program is using" in ended.stderr
    assert ended.stdout == ""


def test_the_app_announces_once_that_it_is_ready_and_ends_on_sigterm(till: Path) -> None:
    """A damaged settings file is a warning; a scanner that is not plugged in delays the word, never withholds it."""
    (till / "settings.toml").write_text("scanners = 7\n")
    arguments = [sys.executable, "-m", "guitai", "terminal", "--offscreen", "--announce", "--data-dir", str(till)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            ready = json.loads(process.stdout.readline())
        finally:
            process.terminate()
        rest, warnings = process.stdout.read(), process.stderr.read()
        assert process.wait(20) == 0
    assert ready == {"event": "ready", "data_dir": str(till), "activated": True}
    assert rest == ""
    assert "settings.toml, line 1" in warnings


def app(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The app as a process of its own: it sets the environment and Qt."""
    command = [sys.executable, "-m", "guitai", "terminal", "--offscreen", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
