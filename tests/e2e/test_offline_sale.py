"""The offline QR from end to end with real processes: the till's line is cut, the customer's phone is not.

The phone is Chromium as a wallet's browser, the gun is a pty, and what the gun reads is decoded from the photograph of
the phone's screen by an independent reader. Later the line is mended, and both sides agree.
"""

from __future__ import annotations

import json
import os
import tty
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from guitai.demo.children import guitai_command
from protocol.numbers import CROCKFORD
from tests.e2e.cut_line import CutLine
from tests.e2e.running import Running
from tests.e2e.shop import Counter, guitai
from tests.e2e.test_cashier_page_chromium import browser, in_wallet, phone, photographed
from tests.e2e.test_offline_page_chromium import scanned

pytestmark = pytest.mark.chromium
__all__ = ["browser", "phone"]


class Gun:
    """A scan gun on a serial line that others open by its name."""

    def __init__(self) -> None:
        self._gun, self._line = os.openpty()
        tty.setraw(self._line)
        self.uri = f"serial:{os.ttyname(self._line)}"

    def reads(self, text: str) -> None:
        os.write(self._gun, text.encode() + b"\r")

    def close(self) -> None:
        os.close(self._gun)
        os.close(self._line)


@pytest.fixture
def gun() -> Iterator[Gun]:
    gun = Gun()
    yield gun
    gun.close()


@pytest.fixture
def line(counter: Counter) -> Iterator[CutLine]:
    with CutLine(counter.shop.gateway) as line:
        yield line


def sold_once(counter: Counter, line: CutLine, folder: Path) -> Path:
    """A till that was activated over this line and has sold online: it holds its kit."""
    asked = ("activate", "--gateway", line.url, "--code", counter.shop.activation_code, "--data-dir", str(folder))
    done = guitai(*asked, "--json")
    assert done.status == 0, done.lines
    paid = counter.pay(folder, "--code", counter.code("pay"), amount="1.00")
    assert paid.status == 0, paid.lines
    return folder


class Offline:
    """`guitai pay --qr --offline` while it runs."""

    def __init__(self, running: Running) -> None:
        self._running = running
        shown = self._line()
        if shown["event"] == "ready":
            shown = self._line()
        assert shown["event"] == "qr", shown
        self.qr = str(shown["qr"])
        self.payment_no = str(shown["payment_no"])

    def result(self) -> Mapping[str, Any]:
        return self._line()

    def said(self) -> str:
        """What it told the cashier beside the results."""
        return self._running.log()

    def _line(self) -> Mapping[str, Any]:
        return json.loads(self._running.line(within_s=60))


@contextmanager
def selling(till: Path, gun: Gun, log: Path, *, wait_s: int = 60) -> Generator[Offline]:
    command = guitai_command(
        "pay", "--amount", "12.50", "--qr", "--offline", "--scanner", gun.uri, "--wait", str(wait_s), "--json",
        "--data-dir", str(till),
    )  # fmt: skip
    running = Running(command, env=os.environ, log=log)
    try:
        yield Offline(running)
    finally:
        running.end()


def paid_on(phone: Page, counter: Counter, qr: str, folder: Path, name: str, *, wallet: str = "wechat") -> str:
    """The customer pays what the QR asks for; the proof, as a gun reads it from the phone's screen."""
    phone.goto(in_wallet(counter, wallet, qr))
    phone.locator("#press").click()
    expect(phone.locator("#proof-title")).to_have_text("付款成功", timeout=20_000)
    photographed(phone, folder, name)
    return scanned(folder / f"{name}.png")


def altered(proof: str) -> str:
    """One character of the signature is another."""
    place = len(proof) // 2
    other = CROCKFORD[(CROCKFORD.index(proof[place]) + 1) % 32]
    return proof[:place] + other + proof[place + 1 :]


def test_a_sale_without_the_tills_line_is_proven_by_the_phone_and_agrees_later(
    counter: Counter, line: CutLine, gun: Gun, phone: Page, tmp_path: Path
) -> None:
    till = sold_once(counter, line, tmp_path / "till")
    other = sold_once(counter, line, tmp_path / "other")
    line.cut()

    with selling(till, gun, tmp_path / "first.log") as sale:
        proof = paid_on(phone, counter, sale.qr, tmp_path, "first")
        gun.reads(altered(proof))
        gun.reads(proof[:100])
        gun.reads(proof)
        result = sale.result()
        said = sale.said()
    assert (result["outcome"], result["amount_fen"], result["channel"]) == ("paid", 1250, "wechat")
    assert said.count("\n") == 2, said

    with selling(till, gun, tmp_path / "second.log", wait_s=8) as sale:
        gun.reads(proof)  # the proof of the sale before
        assert sale.result()["outcome"] == "unknown"
        used = sale.said()
        open_no = sale.payment_no
    assert used.strip(), "a used proof is refused in words"

    with selling(other, gun, tmp_path / "other.log", wait_s=8) as sale:
        gun.reads(proof)
        assert sale.result()["outcome"] == "unknown"
        foreign = sale.said()
    assert foreign.strip(), "another till's proof is refused in words"
    assert len({said, used, foreign}) == 3, "each refusal has its own sentence"

    line.mend()
    paid = counter.pay(till, "--code", counter.code("pay"), amount="1.00")
    assert paid.status == 0, paid.lines
    first_no = str(result["payment_no"])
    held = counter.money()[str(result["order_no"])]
    assert (held["captured_fen"], held["refunded_fen"], held["state"]) == (1250, 0, "paid")
    assert open_no.partition("-")[0] not in counter.money()
    verified = guitai("verify", "--data-dir", str(till), "--json")
    assert verified.status == 0, verified.lines
    listed = guitai("orders", "--data-dir", str(till), "--json")
    states = {str(row["payment_no"]): row["state"] for row in listed.result["orders"]} if listed.lines else {}
    assert states.get(first_no) == "PAID"
