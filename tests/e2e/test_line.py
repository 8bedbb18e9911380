"""The line from gun to wallet with real processes: bytes on a pty, a signed request, the wallet's real protocol."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
import tty
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from guitai.demo.children import guitai_command
from tests.e2e.shop import Counter


def test_a_code_from_a_serial_gun_in_random_chunks_is_charged_once(counter: Counter) -> None:
    """`guitai pay --scanner serial:PTY` fed by another program: paid, and exactly one charge of 1250 fen."""
    till = counter.till("gun")
    gun, line = os.openpty()
    tty.setraw(line)
    arguments = [
        "pay",
        "--data-dir",
        str(till),
        "--amount",
        "12.50",
        "--scanner",
        f"serial:{os.ttyname(line)}",
        "--json",
    ]
    with subprocess.Popen(guitai_command(*arguments), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"event": "ready"}
        code = counter.code("pay").encode() + b"\r"
        dice = random.Random(12)
        while code:
            cut = dice.randint(1, 5)
            os.write(gun, code[:cut])
            code = code[cut:]
        result = json.loads(process.stdout.readline())
        assert process.wait(20) == 0
    os.close(gun)
    os.close(line)
    assert result["outcome"] == "paid"
    assert result["amount_fen"] == 1250
    assert result["channel"] == "alipay"
    order = counter.money()[result["order_no"]]
    assert (order["captured_fen"], order["refunded_fen"], order["state"]) == (1250, 0, "paid")


SCAN = [
    ("pay", "paid"),
    ("ask_password:2", "paid"),
    ("balance_low", "not_paid"),
    ("expired", "not_paid"),
    ("system_error_charged", "paid"),
    ("drop_after_charge", "paid"),
]
SLOW_SCAN = [
    ("ask_password:300", "not_paid"),
    ("system_error_not_charged", "not_paid"),
    ("drop_before_charge", "not_paid"),
    ("never", "not_paid"),
]


def settle(counter: Counter, till: Path, script: str, outcome: str) -> None:
    paid = counter.pay(till, "--code", counter.code(script), "--wait", "75")
    assert paid.result["outcome"] == outcome, (script, paid)
    assert paid.status == (0 if outcome == "paid" else 1)
    assert paid.result["safe_to_rescan"] is (outcome == "not_paid")
    assert paid.result["elapsed_ms"] < 60_000
    order = counter.money().get(paid.result["order_no"])
    kept = 0 if order is None else order["captured_fen"] - order["refunded_fen"]
    assert kept == (1250 if outcome == "paid" else 0)


@pytest.mark.parametrize(("script", "outcome"), SCAN)
def test_a_scanned_code_ends_as_its_wallet_says(counter: Counter, script: str, outcome: str) -> None:
    settle(counter, counter.till(f"scan-{script.replace(':', '-')}"), script, outcome)


@pytest.mark.slow
def test_the_slow_scripts_end_with_a_proof_within_a_minute(counter: Counter) -> None:
    """Those that need the deadline, the undo and table P run side by side: each is certain within 60 s."""
    with ThreadPoolExecutor(len(SLOW_SCAN)) as side_by_side:
        runs = [
            side_by_side.submit(settle, counter, counter.till(f"slow-{script.replace(':', '-')}"), script, outcome)
            for script, outcome in SLOW_SCAN
        ]
        for run in runs:
            run.result(timeout=120)


def test_a_qr_is_paid_by_the_phone_that_scans_it(counter: Counter) -> None:
    till = counter.till("qr")
    arguments = ["pay", "--data-dir", str(till), "--amount", "3.21", "--qr", "--json"]
    with subprocess.Popen(guitai_command(*arguments), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shown = json.loads(process.stdout.readline())
        assert shown["event"] == "qr"
        counter.call("/phone/scan", {"qr": shown["qr"], "wallet": "alipay", "script": "pay"})
        result = json.loads(process.stdout.readline())
        assert process.wait(20) == 0
    assert result["outcome"] == "paid"
    assert counter.money()[result["order_no"]]["captured_fen"] == 321


def test_a_gateway_that_is_not_there_charges_nothing_and_says_so(counter: Counter, tmp_path: Path) -> None:
    till = counter.till("cut-off")
    identity = till / "terminal.toml"
    text = identity.read_text(encoding="utf-8")
    port = counter.shop.gateway.rsplit(":", 1)[1]
    identity.write_text(text.replace(f":{port}", ":9"), encoding="utf-8")
    started = time.monotonic()
    paid = counter.pay(till, "--code", counter.code("pay"))
    assert (paid.status, paid.result["outcome"], paid.result["safe_to_rescan"]) == (6, "not_paid", True)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("amount", ["0", "-1", "1e9", "12.345", "abc", ""])
def test_a_bad_amount_is_refused_before_anything_happens(counter: Counter, amount: str) -> None:
    paid = counter.pay(counter.folder / "no-such-till", "--code", "283333333344443421", amount=amount)
    assert paid.status == 2
    assert paid.result["reason"] == "bad_amount"


def test_full_width_amounts_are_read(counter: Counter) -> None:
    paid = counter.pay(counter.till("full-width"), "--code", counter.code("pay"), amount="１２.５")
    assert (paid.status, paid.result["amount_fen"]) == (0, 1250)


def test_a_second_program_on_the_same_folder_is_refused(counter: Counter) -> None:
    till = counter.till("shared")
    gun, line = os.openpty()
    tty.setraw(line)
    arguments = ["pay", "--data-dir", str(till), "--amount", "1", "--scanner", f"serial:{os.ttyname(line)}", "--json"]
    with subprocess.Popen(guitai_command(*arguments), stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert json.loads(first.stdout.readline()) == {"event": "ready"}
        second = counter.pay(till, "--code", counter.code("pay"))
        assert (second.status, second.result["reason"]) == (5, "folder_locked")
        first.terminate()
        first.wait(10)
    os.close(gun)
    os.close(line)


def test_a_folder_without_a_till_says_how_to_activate(counter: Counter, tmp_path: Path) -> None:
    paid = counter.pay(tmp_path / "empty", "--code", "283333333344443421")
    assert (paid.status, paid.result["reason"]) == (5, "not_activated")
