"""The cashier app sells by real key events on a real screen; what counts is what the wallet says afterwards.

`GUITAI_X11_PICTURES=FOLDER` keeps a picture of each state for people to look at.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from drivers.camera.decoders import installed_decoders
from guitai.demo.children import guitai_command
from tests.e2e.running import Running
from tests.e2e.screen import Screen
from tests.e2e.shop import Counter, guitai

pytestmark = pytest.mark.x11

SOON_S = 20.0
#: An undo is certain within a minute (the promise to the cashier).
CERTAIN_S = 60.0
PAUSE_MS = 300
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The app at its counter."""

    screen: Screen
    counter: Counter
    running: Running
    folder: Path

    def orders(self) -> list[Mapping[str, Any]]:
        """The till's own orders, newest first."""
        told = guitai("orders", "--data-dir", str(self.folder), "--json")
        assert told.status == 0, told
        found: list[Mapping[str, Any]] = told.result["orders"]
        return found

    def newest(self, state: str, *, within_s: float = SOON_S) -> Mapping[str, Any]:
        """The newest order once it has this state."""

        def look() -> Mapping[str, Any] | None:
            orders = self.orders()
            return orders[0] if orders and orders[0]["state"] == state else None

        return until(look, within_s=within_s, what=f"the newest order is {state}")

    def type(self, text: str) -> None:
        """As a person; then a moment, as a person takes to reach for the gun."""
        self.screen.fingers.person(text)
        self.screen.fingers.rest(PAUSE_MS)

    def shown_qr(self) -> str:
        """The QR on the screen, read from its pixels as a phone would."""
        decoders = installed_decoders()

        def look() -> str | None:
            found = decoders.decode(self.screen.picture())
            return found[0].text if found else None

        return until(look, within_s=SOON_S, what="a QR is on the screen")

    def kept_fen(self, order_no: str) -> int:
        """What the wallet has taken for an order and not given back."""
        order = self.counter.money().get(order_no)
        return 0 if order is None else order["captured_fen"] - order["refunded_fen"]


def until(look: Callable[[], Found | None], *, within_s: float, what: str) -> Found:
    """Asks again and again until there is an answer."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {within_s} s: {what}")


@pytest.fixture(scope="module")
def opened(screen: Screen, counter: Counter) -> Iterator[App]:
    folder = counter.till("on-screen")
    command = guitai_command("terminal", "--data-dir", str(folder), "--scanner", counter.shop.scanner, "--announce")
    running = screen.run(command, name="app")
    ready = json.loads(running.line(within_s=30))
    assert (ready["event"], ready["activated"]) == ("ready", True)
    yield App(screen=screen, counter=counter, running=running, folder=folder)
    assert running.alive, running.log()
    assert running.end() == 0
    assert running.log() == "", "the app warned about something"


@pytest.fixture
def app(opened: App) -> App:
    """The home screen with nothing typed; no order is open."""
    opened.screen.fingers.press("Escape")
    opened.screen.fingers.press("Escape")
    opened.screen.fingers.rest(PAUSE_MS)
    return opened


def test_an_amount_and_the_trigger_are_a_whole_sale(app: App) -> None:
    """`12.5` typed, a code under the serial gun, nothing else: the wallet shows exactly one charge of 1250."""
    before = set(app.counter.money())
    app.type("12.5")
    app.screen.keep("amount")
    app.counter.call("/phone/hold", {"auth_code": app.counter.code("pay")})
    order = app.newest("PAID")
    app.screen.fingers.rest(PAUSE_MS)
    app.screen.keep("paid")
    assert order["amount_fen"] == 1250
    new = {number: money for number, money in app.counter.money().items() if number not in before}
    assert {number: money["captured_fen"] for number, money in new.items()} == {order["order_no"]: 1250}
    assert app.kept_fen(order["order_no"]) == 1250


def test_one_key_shows_a_qr_that_a_phone_can_read_from_the_screen(app: App) -> None:
    """`8`, F2: the picture of the screen holds a QR; the phone that scans it pays 800."""
    before = set(app.counter.money())
    app.type("8")
    app.screen.fingers.press("F2")
    qr = app.shown_qr()
    app.screen.keep("qr")
    app.counter.call("/phone/scan", {"qr": qr, "wallet": "alipay", "script": "pay"})
    order = app.newest("PAID")
    assert order["amount_fen"] == 800
    assert set(app.counter.money()) - before == {order["order_no"]}
    assert app.kept_fen(order["order_no"]) == 800
    app.screen.fingers.rest(PAUSE_MS)
    assert installed_decoders().decode(app.screen.picture()) == [], "a QR that was paid is gone from the screen"


def test_a_waiting_payment_is_cancelled_by_the_second_press_only(app: App) -> None:
    """A customer who never confirms: one Esc asks, the second cancels; it ends not paid, with a proof."""
    app.type("5")
    app.counter.call("/phone/hold", {"auth_code": app.counter.code("never")})
    waiting = app.newest("WAITING")
    app.screen.keep("waiting")
    app.screen.fingers.press("Escape")
    app.screen.fingers.rest(1_000)
    assert app.newest("WAITING")["order_no"] == waiting["order_no"], "a slip of the finger undoes nothing"
    app.screen.keep("cancel-asked")
    app.screen.fingers.press("Escape")
    app.screen.fingers.rest(PAUSE_MS)
    app.screen.keep("cancelling")
    order = app.newest("NOT_PAID", within_s=CERTAIN_S)
    app.screen.fingers.rest(PAUSE_MS)
    app.screen.keep("not-paid")
    assert (order["order_no"], order["amount_fen"]) == (waiting["order_no"], 500)
    assert order["proof"] is not None
    assert app.kept_fen(order["order_no"]) == 0


def test_a_goods_barcode_typed_by_a_gun_is_no_sale_and_no_digit(app: App) -> None:
    """The wrong thing under a keyboard wedge: nothing is sent, the amount stays, and the next right scan is charged."""
    before = len(app.orders())
    app.type("6")
    app.screen.fingers.gun("6901234567892")
    app.screen.fingers.rest(PAUSE_MS)
    app.screen.keep("goods-barcode")
    assert len(app.orders()) == before
    app.counter.call("/phone/hold", {"auth_code": app.counter.code("pay")})
    order = until(
        lambda: next((row for row in app.orders()[: len(app.orders()) - before] if row["state"] == "PAID"), None),
        within_s=SOON_S,
        what="the sale after the goods barcode is paid",
    )
    assert (order["amount_fen"], len(app.orders())) == (600, before + 1)
    assert app.kept_fen(order["order_no"]) == 600


def test_a_keyboard_wedge_charges_what_was_typed(app: App) -> None:
    """The customer's code comes as 18 key presses and Return at a gun's speed: one charge, of the typed amount."""
    before = set(app.counter.money())
    app.type("7.77")
    app.screen.fingers.gun(app.counter.code("pay"))
    order = until(
        lambda: next((row for row in app.orders() if row["amount_fen"] == 777 and row["state"] == "PAID"), None),
        within_s=SOON_S,
        what="the wedge's sale is paid",
    )
    assert set(app.counter.money()) - before == {order["order_no"]}
    assert app.kept_fen(order["order_no"]) == 777
