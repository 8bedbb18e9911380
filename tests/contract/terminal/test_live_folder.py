"""The real till behind the screen, in a real folder: one app per folder, every damage named, a sale, an activation."""

from __future__ import annotations

import queue
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from protocol.activation import ActivationTicket
from protocol.messages import Presented
from protocol.money import Money
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import TerminalState
from sync.engine.model import Line, LinkView, PaymentView, StartPayment
from sync.folder import TerminalIdentity
from sync.till import open_till
from terminal.cashier.ports import ActivationAnswered, GunSeen, GunState, Publication, TillBlockedError
from terminal.live.till import LiveTill, open_live_till
from tests.contract.sync.samples import AT_MS, order, whole
from tests.contract.terminal.till_folder import DEADLINE_S, fill, gateway_on_loopback, make_till


class Heard:
    """What a screen would be told, with waiting."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Publication] = queue.Queue()
        self.all: list[Publication] = []

    def __call__(self, told: Publication) -> None:
        self._queue.put(told)

    def until(self, found: Callable[[Publication], bool]) -> Publication:
        ends = time.monotonic() + DEADLINE_S
        while True:
            told = self._queue.get(timeout=max(0.01, ends - time.monotonic()))
            self.all.append(told)
            if found(told):
                return told


def start(code: str = "289999888877776666") -> StartPayment:
    return StartPayment(
        request_id="R1", sale_id=None, order_no=None, amount=Money(1250), presented=Presented.CUSTOMER,
        auth_code=Secret(code), subject="tea", operator="01", scanned_at_ms=time.monotonic_ns() // 1_000_000,
    )  # fmt: skip


def blocked(folder: Path) -> Reason:
    with pytest.raises(TillBlockedError) as error:
        open_live_till(folder)
    return error.value.reason


def test_a_folder_takes_one_app_and_is_free_again_after_close(tmp_path: Path) -> None:
    make_till(tmp_path)
    till = open_live_till(tmp_path)
    try:
        assert blocked(tmp_path) is Reason.FOLDER_LOCKED
    finally:
        till.close()
    open_live_till(tmp_path).close()


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("journal.db", b"not a database" * 500, Reason.JOURNAL_DAMAGED),
        ("terminal.toml", b"format = 1\nterminal_id = ", Reason.CONFIG_DAMAGED),
        ("terminal.toml", b"\xff\xfe", Reason.CONFIG_DAMAGED),
        ("device.key", b"short", Reason.CONFIG_DAMAGED),
    ],
)
def test_a_damaged_file_stops_the_start_with_its_reason_and_stays_as_it_is(
    tmp_path: Path, file: str, content: bytes, reason: Reason
) -> None:
    make_till(tmp_path)
    (tmp_path / file).write_bytes(content)
    assert blocked(tmp_path) is reason
    assert (tmp_path / file).read_bytes() == content


def test_a_journal_of_a_newer_version_stops_the_start(tmp_path: Path) -> None:
    make_till(tmp_path)
    fill(tmp_path, whole(1), at_ms=AT_MS)
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.execute("pragma user_version = 99")
    connection.close()
    assert blocked(tmp_path) is Reason.JOURNAL_NEWER


def test_a_journal_whose_identity_is_gone_is_not_offered_for_activation(tmp_path: Path) -> None:
    make_till(tmp_path)
    fill(tmp_path, whole(1), at_ms=AT_MS)
    (tmp_path / "terminal.toml").unlink()
    assert blocked(tmp_path) is Reason.CONFIG_DAMAGED


def test_a_file_where_the_folder_should_be_is_a_reason_too(tmp_path: Path) -> None:
    (tmp_path / "till").write_text("a file")
    assert blocked(tmp_path / "till") is Reason.FOLDER_UNREADABLE


def test_a_damaged_settings_file_does_not_stop_the_start(tmp_path: Path) -> None:
    make_till(tmp_path)
    (tmp_path / "settings.toml").write_text("scanners = [\n")
    open_live_till(tmp_path).close()


def test_the_screen_first_hears_the_last_orders_and_then_that_the_line_is_down(tmp_path: Path) -> None:
    make_till(tmp_path)
    fill(tmp_path, whole(1), at_ms=AT_MS)
    heard, till = Heard(), open_live_till(tmp_path)
    try:
        till.subscribe(heard)
        first = heard.until(lambda _: True)
        assert isinstance(first, PaymentView)
        assert (first.order_no, first.state) == (order(1), TerminalState.PAID)
        heard.until(lambda told: isinstance(told, LinkView) and told.line is Line.DOWN)
        assert till.identity().store == "茶店"
    finally:
        till.close()


def test_a_sale_goes_through_to_paid_and_is_read_back(tmp_path: Path) -> None:
    with gateway_on_loopback() as (url, gateway):
        make_till(tmp_path, gateway_url=url)
        heard, till = Heard(), open_live_till(tmp_path)
        try:
            till.subscribe(heard)
            heard.until(lambda told: isinstance(told, LinkView) and told.line is Line.UP)
            till.submit(start())
            paid = heard.until(lambda told: isinstance(told, PaymentView) and told.state is TerminalState.PAID)
            assert isinstance(paid, PaymentView)
            assert [row.payment.payment_no for row in till.read_orders(limit=5)] == [paid.payment_no]
            assert "paid" in [entry.kind for entry in till.read_history(paid.order_no)]
            assert till.read_day(0).amount_fen == 1250
            gateway_check = next(check for check in till.run_checks() if check.name == "gateway")
            assert gateway_check.passed is True
        finally:
            till.close()
        assert gateway.codes == ["289999888877776666"]
        assert "289999888877776666" not in repr(heard.all)


def test_an_activation_opens_the_till_without_a_restart(tmp_path: Path) -> None:
    def activate(
        data_dir: Path, /, *, gateway_url: str, ticket: ActivationTicket, device_name: str
    ) -> TerminalIdentity:
        assert (gateway_url, ticket.code.reveal()) == ("http://127.0.0.1:9", "ABCDEFGH1234")
        return make_till(data_dir)

    heard = Heard()
    till = LiveTill(tmp_path, open_till=open_till, activate_folder=activate)
    try:
        assert not till.identity().activated
        till.subscribe(heard)
        assert heard.until(lambda _: True) == GunSeen(gun=GunState.NONE)
        till.activate(gateway="http://127.0.0.1:9", ticket=ActivationTicket(code=Secret("ABCDEFGH1234")))
        answer = heard.until(lambda told: isinstance(told, ActivationAnswered))
        assert isinstance(answer, ActivationAnswered)
        assert (answer.reason, answer.identity) == (Reason.DONE, till.identity())
        assert till.identity().activated
        with pytest.raises(TillBlockedError):
            open_live_till(tmp_path)
    finally:
        till.close()
    open_live_till(tmp_path).close()


def test_an_activation_that_fails_says_why_and_can_be_tried_again(tmp_path: Path) -> None:
    heard, till = Heard(), open_live_till(tmp_path)
    ticket = ActivationTicket(code=Secret("ABCDEFGH1234"))
    try:
        till.subscribe(heard)
        for gateway, reason in (
            ("http://127.0.0.1:9", Reason.GATEWAY_UNREACHABLE),
            ("ftp://shop", Reason.BAD_REQUEST),
            ("http://127.0.0.1:9", Reason.GATEWAY_UNREACHABLE),
        ):
            till.activate(gateway=gateway, ticket=ticket)
            answer = heard.until(lambda told: isinstance(told, ActivationAnswered))
            assert answer == ActivationAnswered(reason=reason)
    finally:
        till.close()
