"""`guitai demo` as CONTRACT.md has it: one line when ready to sell, a further till can join, and it ends as a whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest

from guitai.demo.children import guitai_command
from guitai.demo.play import Shop
from tests.e2e.shop import Counter, guitai


def test_the_demo_sells_to_a_further_till_and_ends_within_five_seconds(tmp_path: Path) -> None:
    command = guitai_command("demo", "--offscreen", "--json", "--data-dir", str(tmp_path / "demo"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        line = json.loads(demo.stdout.readline())
        assert set(line) == {"gateway", "sandbox", "phone", "scanner", "data_dir", "activation_code"}
        till = guitai("orders", "--data-dir", line["data_dir"], "--json")
        assert till.status == 0
        second = guitai("demo", "--offscreen", "--json", "--data-dir", str(tmp_path / "demo"))
        assert (second.status, second.result["reason"]) == (5, "folder_locked")
        _sell_at_a_further_till(line, tmp_path)
        started = time.monotonic()
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(10) == 0
        assert time.monotonic() - started < 5
    for url in (line["gateway"], line["sandbox"]):
        with pytest.raises(URLError):
            build_opener(ProxyHandler({})).open(f"{url}/healthz", timeout=2)


def _sell_at_a_further_till(line: dict[str, str], folder: Path) -> None:
    shop = Shop(
        gateway=line["gateway"],
        sandbox=line["sandbox"],
        phone=line["phone"],
        scanner=line["scanner"],
        activation_code=line["activation_code"],
    )
    counter = Counter(shop, folder)
    paid = counter.pay(counter.till("second"), "--code", counter.code("pay"))
    assert (paid.status, paid.result["outcome"]) == (0, "paid")
    orders = counter.money()
    assert [order["captured_fen"] for order in orders.values()] == [1250]


def test_a_demo_that_is_killed_leaves_nothing_running(tmp_path: Path) -> None:
    """Linux ends the children when the demo dies without ending them."""
    command = guitai_command("demo", "--offscreen", "--json", "--data-dir", str(tmp_path / "demo"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        line = json.loads(demo.stdout.readline())
        os.kill(demo.pid, signal.SIGKILL)
        demo.wait(10)
    deadline = time.monotonic() + 10
    open_url = build_opener(ProxyHandler({})).open
    while time.monotonic() < deadline:
        try:
            open_url(f"{line['sandbox']}/phone/money", timeout=1).close()
        except (URLError, ConnectionError):
            break
    else:
        pytest.fail("the sandbox outlived its demo")


def test_a_place_that_cannot_hold_the_demo_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    ended = guitai("demo", "--offscreen", "--json", "--data-dir", str(tmp_path / "file" / "demo"))
    assert (ended.status, ended.result["reason"]) == (5, "folder_unreadable")
