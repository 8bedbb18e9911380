"""Bad input, through the real programs: each ends with a sentence that helps; nothing is lost, nothing charged twice."""

from __future__ import annotations

import json
import os
import subprocess
import time
import tty
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from guitai.demo.children import guitai_command
from sync.engine.model import PaymentView, Published
from sync.till import open_till
from tests.e2e.rogue import RogueGateway, Spoil
from tests.e2e.shop import Counter, Paid, guitai


def kept_fen(counter: Counter, order_no: str) -> int:
    """What the customer paid for an order in the end."""
    order = counter.money().get(order_no)
    return 0 if order is None else int(order["captured_fen"]) - int(order["refunded_fen"])


# --- the gun -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gun_till(counter: Counter) -> Path:
    return counter.till("bad-gun")


def scan(till: Path, *reads: bytes) -> tuple[Mapping[str, Any], str, int]:
    """One `guitai pay` whose gun sends these bytes; the result line, what was said meanwhile, the exit status."""
    gun, line = os.openpty()
    tty.setraw(line)
    command = guitai_command(
        "pay", "--data-dir", str(till), "--amount", "1.11", "--json", "--wait", "3",
        "--scanner", f"serial:{os.ttyname(line)}",
    )  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline()) == {"event": "ready"}
        for read in reads:
            os.write(gun, read)
        result = json.loads(process.stdout.readline())
        said = process.stderr.read()
        status = process.wait(20)
    os.close(gun)
    os.close(line)
    return result, said, status


GUN = [
    ("noise", (b"\xff\xfe\x00\x9c\x81\r",), "unreadable"),
    ("half a code", (b"2875435\r",), "part of a code"),
    ("goods barcode", (b"6901234567892\r",), "goods barcode"),
    ("a web link", (b"https://qr.alipay.com/fkx123\r",), "web link"),
    ("letters", (b"ABC123456789012345\r",), "digits only"),
]


def test_what_is_no_payment_code_is_named_and_never_charged(counter: Counter, gun_till: Path) -> None:
    """Noise, half a code, a goods barcode, a web link, letters: each is named, and the gun goes on waiting."""
    before = len(counter.money())
    result, said, status = scan(gun_till, *(read for _, reads, _ in GUN for read in reads))
    for name, _, sentence in GUN:
        assert sentence in said, (name, said)
    assert (status, result["outcome"], result["reason"]) == (1, "not_paid", "no_scan")
    assert len(counter.money()) == before


def test_a_code_that_follows_rubbish_is_charged_once(counter: Counter, gun_till: Path) -> None:
    result, said, status = scan(gun_till, b"2875435\r", b"6901234567892\r", counter.code("pay").encode() + b"\r")
    assert (status, result["outcome"]) == (0, "paid")
    assert "goods barcode" in said
    assert kept_fen(counter, result["order_no"]) == 111


def test_two_codes_in_one_read_charge_one_customer_at_most(counter: Counter, gun_till: Path) -> None:
    """Glued together they are no code; one after the other only the first is taken."""
    before = len(counter.money())
    first, second = counter.code("pay").encode(), counter.code("pay").encode()
    glued, said, status = scan(gun_till, first + second + b"\r")
    assert (status, glued["reason"]) == (1, "no_scan")
    assert "too long" in said
    lined, _, status = scan(gun_till, first + b"\r" + second + b"\r")
    assert (status, lined["outcome"]) == (0, "paid")
    assert len(counter.money()) == before + 1


def test_a_code_twice_is_charged_once(counter: Counter, gun_till: Path) -> None:
    """Twice in one read, and again in the next sale: the second sale says that the code is in use."""
    before = len(counter.money())
    code = counter.code("pay").encode() + b"\r"
    first, _, status = scan(gun_till, code + code)
    assert (status, first["outcome"]) == (0, "paid")
    again, _, status = scan(gun_till, code)
    assert (status, again["outcome"], again["reason"]) == (1, "not_paid", "code_used_elsewhere")
    assert "in use" in again["message"]
    assert len(counter.money()) == before + 1
    assert kept_fen(counter, first["order_no"]) == 111


# --- a gateway that cannot be believed -----------------------------------------------------------------------------


@pytest.fixture
def rogue(counter: Counter) -> Iterator[RogueGateway]:
    with RogueGateway(counter.shop.gateway) as made:
        yield made


def point_at(till: Path, address: str, *, instead_of: str) -> None:
    identity = till / "terminal.toml"
    identity.write_text(identity.read_text(encoding="utf-8").replace(instead_of, address), encoding="utf-8")


def settled(till: Path, payment_no: str) -> PaymentView:
    """Starts the till again and waits until this payment is final."""
    heard: Queue[Published] = Queue()
    opened = open_till(till, publish=heard.put)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            match heard.get(timeout=30):
                case PaymentView() as view if view.payment_no == payment_no and view.state.final:
                    return view
                case _:
                    pass
    finally:
        opened.close()
    raise AssertionError(f"{payment_no} is still open")


@pytest.mark.parametrize("spoil", [spoil for spoil in Spoil if spoil is not Spoil.NOTHING])
def test_an_answer_that_cannot_be_believed_is_unknown_and_settles_once(
    counter: Counter, rogue: RogueGateway, spoil: Spoil
) -> None:
    """The wallet charges, the till hears rubbish: unknown, never paid or failed; with the true gateway back, paid."""
    till = counter.till(f"rogue-{spoil}")
    point_at(till, rogue.url, instead_of=counter.shop.gateway)
    assert counter.pay(till, "--code", counter.code("pay"), amount="0.01").status == 0
    rogue.spoil = spoil
    paid = counter.pay(till, "--code", counter.code("pay"), "--wait", "4")
    assert rogue.spoiled > 0
    assert (paid.status, paid.result["outcome"], paid.result["safe_to_rescan"]) == (3, "unknown", False), paid
    assert "no second charge" in paid.result["message"]
    assert kept_fen(counter, paid.result["order_no"]) == 1250
    rogue.spoil = Spoil.NOTHING
    assert settled(till, paid.result["payment_no"]).state.value == "PAID"
    order = counter.money()[paid.result["order_no"]]
    assert (order["captured_fen"], order["refunded_fen"], order["state"]) == (1250, 0, "paid")
