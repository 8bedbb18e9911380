"""A scan gun that is a keyboard, on a real screen with a Chinese input method at work: nothing altered, lost or left.

Every key is a real X event at a gun's speed. By default 60 scans, spread over the home screen and the order filter;
`GUITAI_X11_SCANS=500 ./run test -m x11 tests/e2e/test_x11_scans.py` does as many as it says. What would go wrong
without care is shown by `test_a_plain_text_field_alters_scans_here`: same keys, same input method, a bare text field.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from tests.e2e.fingers import GUN_MS
from tests.e2e.running import Running
from tests.e2e.scan_stage import KEY_NAME, digest
from tests.e2e.screen import ENGINE, Screen

pytestmark = pytest.mark.x11

SCANS = int(os.environ.get("GUITAI_X11_SCANS", "60"))
#: Between a scan and what comes next; a gun's code with no terminator ends by a silence that is shorter.
PAUSE_MS = 130
ANSWER_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A program on the screen that says what it reads."""

    screen: Screen
    running: Running
    key: str

    def hear(self, event: str) -> dict[str, Any]:
        said = cast("dict[str, Any]", json.loads(self.running.line(within_s=ANSWER_S)))
        assert said["event"] == event, said
        return said

    def now(self) -> dict[str, Any]:
        """What stands in the fields; also proves that nothing else was said before."""
        self.running.say("look")
        return self.hear("state")

    def hidden(self, code: str) -> str:
        return digest(code, self.key)

    def pause(self) -> None:
        self.screen.fingers.rest(PAUSE_MS)


def stage(screen: Screen, folder: Path, mode: str) -> Stage:
    key = secrets.token_hex(8)
    command = [sys.executable, "-m", "tests.e2e.scan_stage", mode, str(folder)]
    running = screen.run(command, name=f"stage-{mode}", env={KEY_NAME: key})
    made = Stage(screen=screen, running=running, key=key)
    assert json.loads(running.line(within_s=30)) == {"event": "ready", "input_method": "ibus"}
    return made


@pytest.fixture(scope="module")
def till(screen: Screen, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = stage(screen, tmp_path_factory.mktemp("till"), "till")
    yield made
    assert made.running.log() == "", "the app warned about something"
    made.running.end()


@pytest.fixture
def field(screen: Screen, tmp_path: Path) -> Iterator[Stage]:
    made = stage(screen, tmp_path, "field")
    yield made
    made.running.end()


def some_code(dice: random.Random, *, wallet: str = "") -> str:
    """18 digits; of Alipay or WeChat Pay, or of nobody."""
    return (wallet or dice.choice(["13", "28", "16", "77", "90"])) + "".join(dice.choices("0123456789", k=16))


# The screen's programs may be used by one window at a time: the plain field first, then the till.


def test_the_input_method_is_at_work(field: Stage) -> None:
    """libpinyin turns a person's keys into Chinese in a plain text field: it is there and it is active."""
    assert field.screen.engine() == ENGINE
    field.screen.fingers.person("nihao \r")
    said = field.hear("text")
    assert said["chinese"]
    assert said["code"] == field.hidden("你好")


def test_a_plain_text_field_alters_scans_here(field: Stage) -> None:
    """The control: the same keys into a field without our care come out wrong, so that the tests below can fail."""
    dice = random.Random(1)
    altered = 0
    for count in range(200):
        code = some_code(dice)
        field.screen.fingers.gun(code)
        altered += field.hear("text")["code"] != field.hidden(code)
        field.pause()
        if altered:
            print(f"the plain field altered scan {count + 1}")
            return
    pytest.fail("200 scans into a plain text field came out right: the input method is not in the way")


@pytest.fixture
def home(till: Stage) -> Stage:
    """The home screen, nothing typed."""
    for _ in range(4):  # from a page, from a notice, from an amount; at an empty counter Esc would ask whether to leave
        till.pause()
        if (till.now()["page_after"], till.now()["entry"]) == ("HOME", ""):
            break
        till.screen.fingers.press("Escape")
    left = till.now()
    assert (left["page_after"], left["entry"], left["focus"]) == ("HOME", "", "Window")
    return till


def test_scans_at_the_home_screen(home: Stage) -> None:
    """With an amount or without one, whoever's code it is: read exactly, and the amount is what the cashier typed."""
    dice = random.Random(6)
    wanted = home.now()["filter"]
    for _ in range((SCANS + 1) // 2):
        amount = dice.choice(["", "", "8", "12.5"])
        code = some_code(dice)
        if amount:
            home.screen.fingers.person(amount)
            home.pause()
        home.screen.fingers.gun(code)
        if amount and code[:2] in ("13", "28"):
            fen = {"8": 800, "12.5": 1250}[amount]
            assert home.hear("charge") == {"event": "charge", "code": home.hidden(code), "amount_fen": fen}
        heard = home.hear("scan")
        assert heard["code"] == home.hidden(code)
        assert (heard["page"], heard["entry"], heard["filter"], heard["fields"]) == ("HOME", amount, wanted, 0)
        home.pause()
        for _ in range(2):
            if home.now()["entry"]:
                home.screen.fingers.press("Escape")
                home.pause()


def test_scans_in_the_order_filter(home: Stage) -> None:
    """The filter keeps what the cashier typed into it and takes nothing of a scan."""
    dice = random.Random(7)
    for _ in range((SCANS + 1) // 2):
        wanted = dice.choice(["", "12", "12.50"])
        code = some_code(dice)
        home.screen.fingers.press("F6")
        home.screen.fingers.person(wanted)
        home.pause()
        home.screen.fingers.gun(code)
        heard = home.hear("scan")
        assert heard["code"] == home.hidden(code)
        assert (heard["page"], heard["entry"], heard["filter"], heard["fields"]) == ("ORDERS", "", wanted, 0)
        home.pause()
        assert home.now()["entry"] == ""


@pytest.mark.parametrize(
    ("gap_ms", "end"), [(GUN_MS, "\t"), (GUN_MS, "\r\n"), (GUN_MS, ""), (8, "\r"), (8, ""), (20, "\r")]
)
def test_every_gun_speed_and_terminator(home: Stage, gap_ms: int, end: str) -> None:
    """CR, TAB, CR LF or a pause; a quick gun, an 8 ms one and a slow one: the code is read, the keyboard stays put."""
    dice = random.Random(gap_ms + len(end))
    wanted = home.now()["filter"]
    for _ in range(5):
        code = some_code(dice)
        home.screen.fingers.gun(code, end=end, gap_ms=gap_ms)
        heard = home.hear("scan")
        assert heard["code"] == home.hidden(code)
        assert (heard["page"], heard["entry"], heard["filter"], heard["fields"]) == ("HOME", "", wanted, 0)
        assert heard["focus"] == "Window"
        home.pause()
    assert home.now()["entry"] == ""


def test_a_person_types_before_between_and_after_scans(home: Stage) -> None:
    """`12` + a goods barcode + `.5` + a payment code is one charge of 12.50; the next digits start the next sale."""
    dice = random.Random(9)
    fingers = home.screen.fingers
    for _ in range(3):
        payment = some_code(dice, wallet="28")
        fingers.person("12")
        home.pause()
        fingers.gun("6901234567892")
        goods = home.hear("scan")
        assert (goods["code"], goods["entry"]) == (home.hidden("6901234567892"), "12")
        home.pause()
        fingers.person(".5")
        home.pause()
        fingers.gun(payment)
        assert home.hear("charge") == {"event": "charge", "code": home.hidden(payment), "amount_fen": 1250}
        assert home.hear("scan")["code"] == home.hidden(payment)
        home.pause()
        fingers.person("7")
        home.pause()
        assert home.now()["entry"] == "7"
        fingers.press("BackSpace")
        home.pause()
        assert home.now()["entry"] == ""


def test_a_code_scanned_from_the_order_filter_collects_the_amount_that_waits(home: Stage) -> None:
    """From anywhere: an amount, then a look at the orders, then the scan: charged once, right, and nothing is left."""
    code = some_code(random.Random(10), wallet="28")
    fingers = home.screen.fingers
    fingers.person("3.21")
    fingers.press("F6")
    fingers.person("12")
    home.pause()
    fingers.gun(code)
    assert home.hear("charge") == {"event": "charge", "code": home.hidden(code), "amount_fen": 321}
    heard = home.hear("scan")
    assert (heard["code"], heard["filter"], heard["page_after"]) == (home.hidden(code), "12", "HOME")
    home.pause()
    assert home.now()["entry"] == ""
