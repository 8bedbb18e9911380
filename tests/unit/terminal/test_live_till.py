"""The port's promises: commands never vanish, a late subscriber hears everything, nothing runs on after close."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from drivers.scanner.events import DeviceEvent, Scan
from drivers.scanner.start import RunningScanner
from drivers.scanner.uri import BadScannerUri
from protocol.activation import ActivationTicket
from protocol.keys import public_text
from protocol.messages import Presented
from protocol.money import Money
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import TerminalState
from sync.activate import ActivationRefusedError
from sync.engine.model import (
    CancelPayment,
    Command,
    CommandRefused,
    Line,
    LinkView,
    PaymentView,
    Published,
    StartPayment,
    StorePaidView,
)
from sync.errors import FolderLockedError, SyncError
from sync.folder import Folder, TerminalIdentity
from terminal.cashier.ports import ActivationAnswered, GunSeen, GunState, Publication, ScanRead
from terminal.cashier.state import CHINA
from terminal.live.readiness import Readiness
from terminal.live.till import KEPT, LiveTill
from terminal.reports.day import day_of

DEADLINE_S = 10.0
IDENTITY = TerminalIdentity(
    terminal_id="T1", terminal_name="1", epoch=1, store_id="s", store_name="茶店", merchant_id="m", merchant_name="M",
    gateway_url="https://g", gateway_keys={}, root_keys={},
)  # fmt: skip
TICKET = ActivationTicket(code=Secret("ABCDEFGH1234"))
LINK = LinkView(
    line=Line.UP, clock_skew_ms=0, clock_warning=False, unsent=0, oldest_unsent_at_ms=None, last_contact_ms=1
)  # fmt: skip
START = StartPayment(
    request_id="R1", sale_id=None, order_no=None, amount=Money(1), presented=Presented.MERCHANT, auth_code=None,
    subject="tea", operator="", scanned_at_ms=0,
)  # fmt: skip


def payment(number: int, state: TerminalState = TerminalState.PAID) -> PaymentView:
    return PaymentView(
        payment_no=f"P{number}", order_no=f"O{number}", n=1, sale_id="S", amount=Money(1),
        presented=Presented.MERCHANT, state=state, light=None, safe_to_rescan=False, reason=None, proof=None,
        channel=None, transaction_tail=None, qr=None, qr_expires_ms=None, payer_prompted=False,
        cancel_requested=False, late_money=None, started_at_ms=number, settled_at_ms=None, elapsed_ms=None,
        request_id=None,
    )  # fmt: skip


@dataclass
class FakeSync:
    """sync's till as a fake: keeps commands, publishes what the test says, may be dead."""

    commands: list[Command] = field(default_factory=list[Command])
    publish: Callable[[Published], None] = lambda _: None
    dead: bool = False
    begun: int = 0
    closed: int = 0
    identity: TerminalIdentity = IDENTITY

    def open(self, data_dir: Path, /, *, publish: Callable[[Published], None]) -> FakeSync:
        self.publish = publish
        return self

    def submit(self, command: Command) -> None:
        if self.dead:
            raise RuntimeError("Event loop is closed")
        self.commands.append(command)

    def begin(self) -> None:
        self.begun += 1

    def close(self) -> None:
        self.closed += 1


def activated(data_dir: Path, /, *, gateway_url: str, ticket: ActivationTicket, device_name: str) -> TerminalIdentity:
    return IDENTITY


def never(data_dir: Path, /, *, gateway_url: str, ticket: ActivationTicket, device_name: str) -> TerminalIdentity:
    raise AssertionError("not asked for here")


def no_gun(uri: str, on_event: Callable[[DeviceEvent], None], /) -> RunningScanner | BadScannerUri:
    raise AssertionError("no gun is set up")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An activated folder, as far as the port looks itself."""
    (tmp_path / "terminal.toml").touch()
    return tmp_path


def test_a_command_to_a_till_that_is_not_there_is_refused_aloud(tmp_path: Path) -> None:
    heard: list[Publication] = []
    till = LiveTill(tmp_path, open_till=FakeSync().open, activate_folder=never, start_gun=no_gun)
    till.subscribe(heard.append)
    till.submit(START)
    till.submit(CancelPayment(payment_no="P1", operator=""))
    till.close()
    assert heard[1:] == [
        CommandRefused(request_id="R1", reason=Reason.NOT_ACTIVATED),
        CommandRefused(request_id="P1", reason=Reason.NOT_ACTIVATED),
    ]


def test_a_command_to_a_sync_thread_that_has_died_is_refused_aloud(folder: Path) -> None:
    heard: list[Publication] = []
    sync = FakeSync(dead=True)
    till = LiveTill(folder, open_till=sync.open, activate_folder=never, start_gun=no_gun)
    till.subscribe(heard.append)
    till.submit(START)
    till.close()
    assert heard[-1] == CommandRefused(request_id="R1", reason=Reason.INTERNAL)


@pytest.mark.parametrize("skew_ms", [0, 40 * 86_400_000, -40 * 86_400_000])
def test_today_is_the_day_of_the_tills_own_clock(folder: Path, skew_ms: int) -> None:
    """Entries go by the gateway's time; a computer that is a day ahead would show a day without takings."""
    sync = FakeSync()
    till = LiveTill(folder, open_till=sync.open, activate_folder=never, start_gun=no_gun)
    sync.publish(replace(LINK, clock_skew_ms=skew_ms))
    before, read, after = _today(skew_ms), till.read_day(0).day, _today(skew_ms)
    till.close()
    assert read in (before, after)


def _today(skew_ms: int) -> str:
    return str(day_of(time.time_ns() // 1_000_000 - skew_ms, CHINA))


def test_what_rang_before_anybody_listened_is_heard_once_by_the_first_who_does(folder: Path) -> None:
    sync = FakeSync()
    till = LiveTill(folder, open_till=sync.open, activate_folder=never, start_gun=no_gun)
    ring = StorePaidView(seq=1, payment_no="P1", amount=Money(1), channel=None, transaction_tail=None, paid_at_ms=1)
    sync.publish(ring)
    first: list[Publication] = []
    second: list[Publication] = []
    till.subscribe(first.append)
    till.subscribe(second.append)
    till.close()
    assert first.count(ring) == 1
    assert ring not in second


def test_a_late_subscriber_hears_the_newest_picture_of_everything_before_anything_new(folder: Path) -> None:
    sync, heard = FakeSync(), list[Publication]()
    till = LiveTill(folder, open_till=sync.open, activate_folder=never, start_gun=no_gun)
    sync.publish(payment(2, TerminalState.WAITING))
    sync.publish(payment(1))
    sync.publish(payment(2))
    sync.publish(LINK)
    till.subscribe(heard.append)
    sync.publish(payment(3))
    till.close()
    assert heard == [payment(1), payment(2), LINK, GunSeen(gun=GunState.NONE), payment(3)]


def test_what_is_remembered_is_bounded_and_an_open_payment_is_never_forgotten(folder: Path) -> None:
    sync, heard = FakeSync(), list[Publication]()
    till = LiveTill(folder, open_till=sync.open, activate_folder=never, start_gun=no_gun)
    sync.publish(payment(0, TerminalState.UNKNOWN))
    for number in range(1, KEPT + 50):
        sync.publish(payment(number))
    till.subscribe(heard.append)
    till.close()
    views = [told for told in heard if isinstance(told, PaymentView)]
    assert len(views) == KEPT
    assert views[0] == payment(0, TerminalState.UNKNOWN)
    assert views[-1] == payment(KEPT + 49)


def test_the_line_is_left_alone_until_there_is_a_screen_to_tell(folder: Path) -> None:
    """What the line needs is loaded meanwhile by no thread that the window would have to wait for."""
    sync = FakeSync()
    till = LiveTill(folder, open_till=sync.open, activate_folder=never, start_gun=no_gun)
    before = sync.begun
    till.subscribe(lambda _: None)
    till.close()
    assert (before, sync.begun) == (0, 1)


def test_a_callback_may_submit_from_inside(folder: Path) -> None:
    sync = FakeSync()
    till = LiveTill(folder, open_till=sync.open, activate_folder=never, start_gun=no_gun)
    till.subscribe(lambda told: till.submit(START) if told == LINK else None)
    sync.publish(LINK)
    till.close()
    assert sync.commands == [START]


def test_a_scan_before_anybody_listens_is_nobodys(folder: Path) -> None:
    """A code that was scanned while the program started must not be charged when the screen appears."""
    guns: list[Callable[[DeviceEvent], None]] = []

    def gun(uri: str, on_event: Callable[[DeviceEvent], None], /) -> RunningScanner | BadScannerUri:
        guns.append(on_event)
        return BadScannerUri(text=uri, problem="", suggestion="")

    heard: list[Publication] = []
    till = LiveTill(folder, scanners=["serial:x"], open_till=FakeSync().open, activate_folder=never, start_gun=gun)
    guns[0](Scan(text="281234567890123456", at_ms=1, device="serial:x"))
    till.subscribe(heard.append)
    guns[0](Scan(text="282222222222222222", at_ms=2, device="serial:x"))
    till.close()
    guns[0](Scan(text="283333333333333333", at_ms=3, device="serial:x"))
    assert [told.text.reveal() for told in heard if isinstance(told, ScanRead)] == ["282222222222222222"]


def test_one_activation_at_a_time_and_the_next_may_follow(tmp_path: Path) -> None:
    going, asked, heard = threading.Event(), list[str](), list[Publication]()
    answered = threading.Event()

    def activate(
        data_dir: Path, /, *, gateway_url: str, ticket: ActivationTicket, device_name: str
    ) -> TerminalIdentity:
        asked.append(gateway_url)
        assert going.wait(DEADLINE_S)
        raise FolderLockedError("x")

    def hear(told: Publication) -> None:
        heard.append(told)
        if isinstance(told, ActivationAnswered):
            answered.set()

    till = LiveTill(tmp_path, open_till=FakeSync().open, activate_folder=activate, start_gun=no_gun)
    till.subscribe(hear)
    till.activate(gateway="https://a", ticket=TICKET)
    till.activate(gateway="https://b", ticket=TICKET)
    going.set()
    assert answered.wait(DEADLINE_S)
    answered.clear()
    till.activate(gateway="https://c", ticket=TICKET)
    assert answered.wait(DEADLINE_S)
    till.close()
    assert asked == ["https://a", "https://c"]
    assert heard[1:] == [ActivationAnswered(reason=Reason.FOLDER_LOCKED)] * 2


def test_a_till_that_opens_after_the_app_was_closed_is_closed_again(tmp_path: Path) -> None:
    going, sync = threading.Event(), FakeSync()

    def activate(
        data_dir: Path, /, *, gateway_url: str, ticket: ActivationTicket, device_name: str
    ) -> TerminalIdentity:
        assert going.wait(DEADLINE_S)
        return IDENTITY

    till = LiveTill(tmp_path, open_till=sync.open, activate_folder=activate, start_gun=no_gun)
    till.activate(gateway="https://a", ticket=TICKET)
    closing = threading.Thread(target=till.close)
    closing.start()
    going.set()
    closing.join(DEADLINE_S)
    assert sync.closed == 1


def test_ready_is_said_once_and_at_once_without_a_gun(folder: Path) -> None:
    """The line is not waited for: a scan is taken before the gateway's first word."""
    sync, said = FakeSync(), list[str]()
    till = LiveTill(folder, open_till=sync.open, activate_folder=never, start_gun=no_gun)
    Readiness(till, guns=False, ready=lambda: said.append("ready")).watch()
    assert said == ["ready"]
    sync.publish(LINK)
    till.close()
    assert said == ["ready"]


def test_a_gun_that_is_not_there_delays_the_word_and_never_withholds_it(folder: Path) -> None:
    ready = threading.Event()
    till = LiveTill(folder, open_till=FakeSync().open, activate_folder=never, start_gun=no_gun)
    Readiness(till, guns=True, ready=ready.set, patience_s=0.05).watch()
    assert ready.wait(DEADLINE_S)
    till.close()


def test_a_bound_folder_is_activated_again_with_its_till_closed_meanwhile(tmp_path: Path) -> None:
    """Sync holds the folder's lock: the till is given back first, and opened again whatever came of it."""
    folder = Folder(tmp_path)
    folder.make()
    folder.write_identity(
        replace(IDENTITY, gateway_keys={"G1": public_text(Ed25519PrivateKey.from_private_bytes(b"g" * 32))})
    )
    sync, heard, closed_at = FakeSync(), list[Publication](), list[int]()
    answers: list[SyncError | None] = [None, ActivationRefusedError(Reason.USAGE, "another till's code")]

    def activate(
        data_dir: Path, /, *, gateway_url: str, ticket: ActivationTicket, device_name: str
    ) -> TerminalIdentity:
        closed_at.append(sync.closed)
        assert gateway_url == IDENTITY.gateway_url
        refusal = answers.pop(0)
        if refusal is not None:
            raise refusal
        return IDENTITY

    answered = threading.Event()

    def hear(told: Publication) -> None:
        heard.append(told)
        if isinstance(told, ActivationAnswered):
            answered.set()

    till = LiveTill(tmp_path, open_till=sync.open, activate_folder=activate, start_gun=no_gun)
    till.subscribe(hear)
    for _ in range(2):
        till.activate(gateway="", ticket=TICKET)
        assert answered.wait(DEADLINE_S)
        answered.clear()
    assert closed_at == [1, 2]
    assert sync.begun == 3, "a till that is opened again before a screen begins by itself"
    assert [told.reason for told in heard if isinstance(told, ActivationAnswered)] == [Reason.DONE, Reason.USAGE]
    till.submit(START)
    assert sync.commands == [START]
    till.close()
