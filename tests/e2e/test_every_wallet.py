"""The demo's shop takes every wallet: by its code, by the one QR followed without a screen, and in Chromium; with or
without notifications, and gives back through each."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from guitai.demo.children import guitai_command
from guitai.demo.setting import WALLETS
from tests.e2e.shop import Counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A till that shows a QR and waits."""

    qr: str
    till: subprocess.Popen[str]

    def result(self) -> dict[str, Any]:
        assert self.till.stdout is not None
        return dict(json.loads(self.till.stdout.read().splitlines()[-1]))


@contextmanager
def shown_at(till: Path) -> Generator[Shown]:
    arguments = ["pay", "--data-dir", str(till), "--amount", "3.21", "--qr", "--json", "--wait", "30"]
    with subprocess.Popen(guitai_command(*arguments), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next(read for read in map(json.loads, process.stdout) if read["event"] == "qr")
        yield Shown(qr=line["qr"], till=process)


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_wallets_code_is_charged_there_and_a_part_goes_back(counter: Counter, wallet: str) -> None:
    """The wallet is recognised by its code; `guitai refund` gives back through the same wallet, never past the rest."""
    till = counter.till(f"code-{wallet}")
    paid = counter.pay(till, "--code", counter.code("pay", wallet))
    assert (paid.status, paid.result["outcome"], paid.result["channel"]) == (0, "paid", wallet)
    number = paid.result["order_no"]
    order = counter.money()[number]
    assert (order["wallet"], order["captured_fen"], order["refunded_fen"]) == (wallet, 1250, 0)
    given = counter.refund(till, number, amount="2.50")
    assert (given.status, given.result["outcome"], given.result["refundable_fen"]) == (0, "refunded", 1000)
    too_much = counter.refund(till, number, amount="10.01")
    assert (too_much.status, too_much.result["outcome"]) == (1, "refused")
    order = counter.money()[number]
    assert (order["captured_fen"], order["refunded_fen"]) == (1250, 250)


@pytest.mark.parametrize("wallet", WALLETS)
def test_the_one_qr_is_paid_by_any_wallet(counter: Counter, wallet: str) -> None:
    with shown_at(counter.till(f"qr-{wallet}")) as shown:
        scanned = counter.call("/phone/scan", {"qr": shown.qr, "wallet": wallet, "script": "pay"})
        assert (scanned["wallet"], scanned["result"], scanned["state"]) == (wallet, "paid", "paid")
        result = shown.result()
    assert (result["outcome"], result["channel"], result["amount_fen"]) == ("paid", wallet, 321)
    assert counter.money()[result["order_no"]]["captured_fen"] == 321


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_lost_notification_is_no_lost_payment(counter: Counter, wallet: str) -> None:
    """The wallet knows and never says so: the gateway asks, while somebody is paying every 2 s at least."""
    with shown_at(counter.till(f"lost-{wallet}")) as shown:
        counter.call("/phone/scan", {"qr": shown.qr, "wallet": wallet, "script": "callback_lost"})
        pressed_s = time.monotonic()
        result = shown.result()
    # A second until the customer has paid, and the next query; not the 120 s that a QR is shown.
    assert time.monotonic() - pressed_s < 20
    assert (result["outcome"], result["channel"]) == ("paid", wallet)
    assert counter.money()[result["order_no"]]["captured_fen"] == 321


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.chromium
@pytest.mark.parametrize("wallet", WALLETS)
def test_the_page_in_chromium_is_paid_through_the_wallets_own_script(
    counter: Counter, browser: Browser, wallet: str
) -> None:
    """WeChat and Alipay by their bridges, UnionPay by its address; the page ends as our own rows say."""
    with shown_at(counter.till(f"page-{wallet}")) as shown:
        context = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
        page = context.new_page()
        thrown: list[str] = []
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.goto(f"{counter.shop.sandbox}/phone/browser?{urlencode({'wallet': wallet, 'url': shown.qr})}")
        page.locator("#press").click()
        if wallet == "unionpay":
            expect(page.locator("#said")).to_have_text("付款成功")
        else:
            expect(page.locator("#page")).to_have_attribute("data-state", "paid")
        context.close()
        assert thrown == []
        assert shown.result()["outcome"] == "paid"
