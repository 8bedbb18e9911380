"""Bad input through the real programs: each gets a sentence that helps; nothing is lost, nothing charged twice."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import time
import tty
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from queue import Queue
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
    assert "another" in again["message"], "the sentence names the reason"
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


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(spoil, marks=pytest.mark.slow)
        for spoil in Spoil
        if spoil not in (Spoil.NOTHING, Spoil.WRONGLY_SIGNED)
    ]
    + [Spoil.WRONGLY_SIGNED],
)
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


# --- activation ----------------------------------------------------------------------------------------------------


def activation(counter: Counter, code: str, folder: str) -> Paid:
    return guitai(
        "activate", "--gateway", counter.shop.gateway, "--code", code, "--json",
        "--data-dir", str(counter.folder / folder),
    )  # fmt: skip


def test_activation_codes_that_do_not_hold_say_why_and_leave_no_till(counter: Counter) -> None:
    """Wrong, malformed and used up: each has its reason and what to do; the folder is not activated by it."""
    database = str(counter.folder / "gateway" / "gateway.db")
    made = guitai("gateway", "activation-code", "--store", "demo-store", "--database", database, "--json")
    assert made.status == 0, made.lines
    once = str(made.result["code"])
    assert activation(counter, once, "first").status == 0
    refused = {
        "activation_used": activation(counter, once, "second"),
        "activation_unknown": activation(counter, "000000000000", "second"),
        "usage": activation(counter, "xyz", "second"),
    }
    for reason, said in refused.items():
        assert said.result["reason"] == reason, said
        assert said.status == (2 if reason == "usage" else 5)
        assert said.result["message"]
        assert said.result["hint"]
    later = counter.pay(counter.folder / "second", "--code", "283333333344443421")
    assert (later.status, later.result["reason"]) == (5, "not_activated")


# --- damaged files -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sold(counter: Counter) -> Path:
    """A till's folder after one sale, closed."""
    till = counter.till("to-be-damaged")
    assert counter.pay(till, "--code", counter.code("pay")).status == 0
    return till


def overwrite(text: bytes) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        file.write_bytes(text)

    return damage


def middle(file: Path) -> None:
    """The first pages stay: the damage is found by reading, not by the header."""
    with file.open("r+b") as opened:
        opened.seek(8192)
        opened.write(os.urandom(file.stat().st_size - 8192))


def newer(file: Path) -> None:
    journal = sqlite3.connect(file)
    journal.execute("pragma user_version = 9999")
    journal.close()


DAMAGES = [
    ("terminal.toml", overwrite(b"terminal_id = "), 2, "config_damaged"),
    ("terminal.toml", overwrite(b"\xff\xfe\x00"), 2, "config_damaged"),
    ("device.key", overwrite(b"rubbish"), 2, "config_damaged"),
    ("journal.db", overwrite(b"this is no database, but it is long enough to be read as one." * 100), 5,
     "journal_damaged"),
    ("journal.db", middle, 5, "journal_damaged"),
    ("journal.db", newer, 5, "journal_newer"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "damage", "status", "reason"), DAMAGES)
def test_a_damaged_folder_says_what_to_do_and_is_not_touched(
    counter: Counter,
    sold: Path,
    tmp_path: Path,
    name: str,
    damage: Callable[[Path], None],
    status: int,
    reason: str,
) -> None:
    """Identity, key and journal, damaged or newer: nothing is charged, and the file stays as it was found."""
    till = tmp_path / "till"
    shutil.copytree(sold, till)
    damage(till / name)
    found = (till / name).read_bytes()
    before = len(counter.money())
    paid = counter.pay(till, "--code", counter.code("pay"))
    assert (paid.status, paid.result["reason"]) == (status, reason), paid
    assert paid.result["message"]
    assert paid.result["hint"]
    assert (till / name).read_bytes() == found
    assert len(counter.money()) == before


def test_damaged_settings_never_stop_a_sale(counter: Counter, sold: Path, tmp_path: Path) -> None:
    till = tmp_path / "till"
    shutil.copytree(sold, till)
    (till / "settings.toml").write_bytes(b"scanners = [\xff")
    assert counter.pay(till, "--code", counter.code("pay")).status == 0


# --- the computer --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed")
@pytest.mark.parametrize(("off", "word"), [("+10m", "10 min fast"), ("-10m", "10 min slow")])
def test_a_clock_ten_minutes_off_sells_and_says_so(counter: Counter, off: str, word: str) -> None:
    till = counter.till(f"clock{off}")
    command = guitai_command("pay", "--data-dir", str(till), "--amount", "12.50", "--code", counter.code("pay"))
    done = subprocess.run(
        ["faketime", "-f", off, *command], capture_output=True, text=True, check=False, timeout=60, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert "Paid." in done.stdout
    assert word in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; for root only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=80m", "guitai-test", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a file system can be mounted by root only")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 65536)
    return filler


@pytest.mark.slow
def test_a_full_disk_starts_nothing_and_says_so_and_sells_again_when_there_is_room(
    counter: Counter, sold: Path, small_disk: Path
) -> None:
    till = small_disk / "till"
    shutil.copytree(sold, till)
    before = len(counter.money())
    filler = fill(small_disk)
    for _ in range(2):
        paid = counter.pay(till, "--code", counter.code("pay"))
        assert paid.result["reason"] == "disk_full", paid
        assert paid.status in (1, 5)
        assert "full" in paid.result["message"]
    assert len(counter.money()) == before
    filler.unlink()
    assert counter.pay(till, "--code", counter.code("pay")).status == 0
    assert guitai("verify", "--data-dir", str(till), "--json").status == 0


@pytest.mark.slow
def test_what_was_open_settles_on_a_full_disk(counter: Counter, rogue: RogueGateway, small_disk: Path) -> None:
    """The reserve that a till keeps is given up, so that an unknown payment still gets its outcome."""
    till = small_disk / "till"
    shutil.copytree(counter.till("full-and-open"), till)
    point_at(till, rogue.url, instead_of=counter.shop.gateway)
    assert counter.pay(till, "--code", counter.code("pay"), amount="0.01").status == 0
    rogue.spoil = Spoil.HTML
    paid = counter.pay(till, "--code", counter.code("pay"), "--wait", "2")
    assert paid.status == 3, paid
    rogue.spoil = Spoil.NOTHING
    fill(small_disk)
    assert settled(till, paid.result["payment_no"]).state.value == "PAID"
    assert kept_fen(counter, paid.result["order_no"]) == 1250


def test_a_read_only_disk_starts_nothing_and_can_still_be_read(counter: Counter, small_disk: Path) -> None:
    till = small_disk / "till"
    shutil.copytree(counter.till("read-only"), till)
    assert counter.pay(till, "--code", counter.code("pay")).status == 0
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    before = len(counter.money())
    paid = counter.pay(till, "--code", counter.code("pay"))
    assert (paid.status, paid.result["reason"]) == (5, "disk_read_only"), paid
    assert paid.result["hint"]
    assert len(counter.money()) == before
    for command in (("orders",), ("verify",), ("report", "daily")):
        assert guitai(*command, "--data-dir", str(till), "--json").status == 0, command
