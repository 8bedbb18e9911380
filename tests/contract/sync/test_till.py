"""A till on its own thread, over real loopback HTTP, in a real folder: activation, a sale, a close, secrets."""

from __future__ import annotations

import asyncio
import logging
import queue
import stat
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec.structs import replace

from protocol.activation import ActivationTicket
from protocol.keys import fingerprint, public_of_device_keyid, public_text, read_public
from protocol.messages import (
    ActivationAnswer,
    ActivationRequest,
    Presented,
    Problem,
    PublicKeyEntry,
    decode,
    encode,
)
from protocol.money import Money
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.signature import RequestParts, ResponseParts, Verified, sign_response, verify_request
from protocol.states import GatewayState, TerminalState
from sync.activate import ActivationRefusedError
from sync.engine.model import (
    CashLimits,
    CommandRefused,
    Line,
    LinkView,
    PaymentView,
    Published,
    StartPayment,
    TakeCash,
)
from sync.errors import (
    ConfigDamagedError,
    FolderLockedError,
    JournalDamagedError,
    NotActivatedError,
    SyncError,
)
from sync.folder import Folder, TerminalIdentity
from sync.journal.read import JournalReader, OrdersFilter
from sync.link.exchange import NoAnswer, NotSent, Timeouts
from sync.lock import FolderLock
from sync.till import Till, activate_folder, open_till
from tests.contract.sync.fake_gateway import GATEWAY_KEY, GATEWAY_KID, STRANGER_KEY, TERMINAL_ID, FakeGateway
from tests.contract.sync.loopback import Loopback

CANARY = "289999888877776666"
CODE = "ABCDEFGH1234"
DEADLINE_S = 20.0


class Served:
    """The fake gateway over HTTP in a thread of its own; it also activates terminals."""

    def __init__(self) -> None:
        self.gateway = FakeGateway(now_ms=lambda: time.time_ns() // 1_000_000, find_key=self._device_key)
        self.gateway.wallet = lambda _: GatewayState.PAID
        self.activations: list[str] = []
        #: Which terminal each said that it was already.
        self.said: list[str | None] = []
        self.root = STRANGER_KEY
        self.sign_with_root = True
        self.refuse: Reason | None = None
        self.lose_answers = 0
        self.epoch = 1
        self.terminal_id = TERMINAL_ID
        self.url = ""
        self._ready = threading.Event()

    def _device_key(self, keyid: str) -> Ed25519PublicKey | None:
        return read_public(self.activations[-1]) if keyid == TERMINAL_ID and self.activations else None

    async def handle(self, request: RequestParts) -> ResponseParts | None:
        if request.path == "/v1/terminals/activate":
            return self._activate(request)
        answer = await self.gateway("", request, Timeouts(connect_ms=1, write_ms=1, read_ms=50, total_ms=100))
        return None if isinstance(answer, (NotSent, NoAnswer)) else answer

    def _activate(self, request: RequestParts) -> ResponseParts | None:
        assert isinstance(verify_request(request, find_key=public_of_device_keyid), Verified)
        asked = decode(ActivationRequest, request.body)
        self.activations.append(asked.public_key)
        self.said.append(asked.terminal_id)
        if self.lose_answers:
            self.lose_answers -= 1
            return None
        if self.refuse is not None:
            problem = Problem(type="x", title="no", status=403, reason=self.refuse, server_time_ms=1)
            return ResponseParts(status=403, headers={"content-type": "application/json"}, body=encode(problem))
        answer = ActivationAnswer(
            terminal_id=self.terminal_id,
            terminal_name='till "1"\n',
            epoch=self.epoch,
            store_id="s",
            store_name="茶店",
            merchant_id="m",
            merchant_name="M",
            keys=(
                PublicKeyEntry(kid=GATEWAY_KID, use="http", public_key=public_text(GATEWAY_KEY)),
                PublicKeyEntry(kid="ROOT", use="root", public_key=public_text(self.root)),
            ),
            server_time_ms=self.gateway.now_ms(),
        )
        plain = ResponseParts(status=200, headers={"content-type": "application/json"}, body=encode(answer))
        key, kid = (self.root, "ROOT") if self.sign_with_root else (GATEWAY_KEY, GATEWAY_KID)
        headers = sign_response(plain, request=request, key=key, keyid=kid, created_s=1, nonce=b"n" * 16)
        return replace(plain, headers=headers)

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        async with Loopback(self.handle) as server:
            self.url = server.url
            self._ready.set()
            await self._ended.wait()

    def wait(self) -> None:
        assert self._ready.wait(DEADLINE_S)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)


@pytest.fixture
def served() -> Generator[Served]:
    server = Served()
    thread = threading.Thread(target=server.run)
    thread.start()
    server.wait()
    yield server
    server.end()
    thread.join(DEADLINE_S)


def ticket(*, root: str | None = None, url: str | None = None) -> ActivationTicket:
    return ActivationTicket(code=Secret(CODE), root_fingerprint=root, gateway_url=url)


def activated(folder: Path, served: Served) -> TerminalIdentity:
    return activate_folder(folder, gateway_url=served.url, ticket=ticket(), device_name="till 1")


class Heard:
    """What the till published, with waiting."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Published] = queue.Queue()
        self.all: list[Published] = []

    def __call__(self, view: Published) -> None:
        self._queue.put(view)

    def until(self, found: Callable[[Published], bool]) -> Published:
        ends = time.monotonic() + DEADLINE_S
        while True:
            view = self._queue.get(timeout=max(0.01, ends - time.monotonic()))
            self.all.append(view)
            if found(view):
                return view

    def nothing(self, *, for_s: float) -> bool:
        try:
            self._queue.get(timeout=for_s)
        except queue.Empty:
            return True
        return False


@contextmanager
def open_for_sale(folder: Path) -> Generator[tuple[Till, Heard]]:
    heard = Heard()
    till = open_till(folder, publish=heard, ballast_bytes=100_000)
    try:
        yield till, heard
    finally:
        till.close()


def sale(code: str = CANARY) -> StartPayment:
    return StartPayment(
        request_id="R1",
        sale_id=None,
        order_no=None,
        amount=Money(1250),
        presented=Presented.CUSTOMER,
        auth_code=Secret(code),
        subject="tea",
        operator="01",
        scanned_at_ms=time.monotonic_ns() // 1_000_000,
    )


def paid(view: Published) -> bool:
    return isinstance(view, PaymentView) and view.state is TerminalState.PAID


# --- activation -----------------------------------------------------------------------------------------------------


def test_an_activated_folder_is_private_and_reads_back_what_the_gateway_said(tmp_path: Path, served: Served) -> None:
    folder = tmp_path / "till"
    identity = activated(folder, served)
    assert Folder(folder).read_identity() == identity
    assert (identity.store_name, identity.terminal_name) == ("茶店", 'till "1"\n')
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("terminal.toml", "device.key", "journal.db"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert not (folder / "pending.key").exists()
    assert not list(folder.glob("*.part"))


def test_a_lost_answer_burns_nothing_the_same_key_asks_again(tmp_path: Path, served: Served) -> None:
    served.lose_answers = 1
    with pytest.raises(ActivationRefusedError) as refusal:
        activated(tmp_path, served)
    assert refusal.value.reason is Reason.GATEWAY_UNREACHABLE
    activated(tmp_path, served)
    assert len(served.activations) == 2
    assert len(set(served.activations)) == 1


def test_a_scanned_ticket_believes_the_named_root_key_only(tmp_path: Path, served: Served) -> None:
    right = fingerprint(public_text(served.root))
    for wrong_root, signs in (("0" * 16, True), (right, False)):
        served.sign_with_root = signs
        with pytest.raises(ActivationRefusedError) as refusal:
            activate_folder(
                tmp_path, gateway_url="", ticket=ticket(root=wrong_root, url=served.url), device_name="till"
            )
        assert refusal.value.reason is Reason.GATEWAY_NOT_TRUSTED
        assert not Folder(tmp_path).activated
    served.sign_with_root = True
    activate_folder(tmp_path, gateway_url="", ticket=ticket(root=right, url=served.url), device_name="till")
    assert Folder(tmp_path).activated


def test_a_refused_code_says_which_refusal(tmp_path: Path, served: Served) -> None:
    served.refuse = Reason.ACTIVATION_EXPIRED
    with pytest.raises(ActivationRefusedError) as refusal:
        activated(tmp_path, served)
    assert refusal.value.reason is Reason.ACTIVATION_EXPIRED
    assert CODE not in str(refusal.value)


def test_an_activated_folder_is_activated_again_as_itself_with_the_next_epoch(tmp_path: Path, served: Served) -> None:
    activated(tmp_path, served)
    key, journal = (tmp_path / "device.key").read_bytes(), (tmp_path / "journal.db").read_bytes()
    served.epoch = 2
    assert activated(tmp_path, served).epoch == 2
    assert Folder(tmp_path).read_identity().epoch == 2
    assert len(set(served.activations)) == 1
    assert served.said == [None, TERMINAL_ID], "a gateway that was restored from a backup may have lost it"
    assert ((tmp_path / "device.key").read_bytes(), (tmp_path / "journal.db").read_bytes()) == (key, journal)


def test_a_code_for_another_till_leaves_an_activated_folder_as_it_is(tmp_path: Path, served: Served) -> None:
    """Its journal holds this till's orders."""
    activated(tmp_path, served)
    served.epoch, served.terminal_id = 2, "T00000000000Z"
    with pytest.raises(ActivationRefusedError) as refusal:
        activated(tmp_path, served)
    assert refusal.value.reason is Reason.USAGE
    assert Folder(tmp_path).read_identity().epoch == 1


def test_the_key_of_offline_orders_is_another_one_and_this_users_alone(tmp_path: Path, served: Served) -> None:
    activated(tmp_path, served)
    till = open_till(tmp_path, publish=Heard(), ballast_bytes=0)
    till.close()
    first = (tmp_path / "offline.key").read_bytes()
    assert first != (tmp_path / "device.key").read_bytes()
    assert (tmp_path / "offline.key").stat().st_mode & 0o777 == 0o600
    open_till(tmp_path, publish=Heard(), ballast_bytes=0).close()
    assert (tmp_path / "offline.key").read_bytes() == first


def test_a_till_that_waits_says_nothing_before_it_is_told_to_begin(tmp_path: Path, served: Served) -> None:
    """What was submitted meanwhile goes out then; one that is closed before leaves its folder free."""
    activated(tmp_path, served)
    open_till(tmp_path, publish=Heard(), ballast_bytes=0, at_once=False).close()
    heard = Heard()
    till = open_till(tmp_path, publish=heard, ballast_bytes=0, at_once=False)
    till.submit(sale())
    assert heard.nothing(for_s=0.2)
    till.begin()
    heard.until(paid)
    till.close()
    assert served.gateway.codes == [CANARY]


# --- opening ----------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_a_till_or_is_damaged_says_so(tmp_path: Path, served: Served) -> None:
    with pytest.raises(NotActivatedError):
        open_till(tmp_path, publish=Heard())
    activated(tmp_path, served)
    identity, key = tmp_path / "terminal.toml", tmp_path / "device.key"
    good, good_key = identity.read_bytes(), key.read_bytes()
    odd_keys = good.partition(b"[gateway_keys]")[0] + b'gateway_keys = "K"\nroot_keys = 3\n'
    nested = b"deep = " + b"[" * 5_000 + b"]" * 5_000 + b"\n" + good
    half, newer = good[: len(good) // 2], good.replace(b"format = 1", b"format = 9")
    for bad in (b"", b"\xff\xfe", b"format = 1\n", half, newer, odd_keys, nested):
        identity.write_bytes(bad)
        with pytest.raises(ConfigDamagedError):
            open_till(tmp_path, publish=Heard())
    identity.write_bytes(good)
    key.write_bytes(good_key[:20])
    with pytest.raises(ConfigDamagedError) as refusal:
        open_till(tmp_path, publish=Heard())
    assert good_key.decode()[:20] not in str(refusal.value)
    key.write_bytes(good_key)
    journal = tmp_path / "journal.db"
    journal.write_bytes(b"not a database" * 500)
    with pytest.raises(JournalDamagedError):
        open_till(tmp_path, publish=Heard())
    assert journal.read_bytes() == b"not a database" * 500


def test_an_activation_that_is_cut_in_the_middle_leaves_a_folder_that_can_be_activated(
    tmp_path: Path, served: Served
) -> None:
    """The key is there before the identity that makes it count; the pending key goes last."""
    blocked = tmp_path / "terminal.toml.part"
    blocked.mkdir()
    with pytest.raises(SyncError):
        activated(tmp_path, served)
    folder = Folder(tmp_path)
    assert not folder.activated
    assert folder.pending_key() is not None
    assert folder.read_device_key().reveal() == (folder.pending_key() or Secret("")).reveal()
    blocked.rmdir()
    activated(tmp_path, served)
    assert len(set(served.activations)) == 1, "the same key asked again"
    assert folder.pending_key() is None


def test_a_held_folder_is_refused_and_free_again_after_close(tmp_path: Path, served: Served) -> None:
    activated(tmp_path, served)
    with open_for_sale(tmp_path), pytest.raises(FolderLockedError):
        open_till(tmp_path, publish=Heard())
    with FolderLock(tmp_path / "lock"):
        pass


# --- a sale -----------------------------------------------------------------------------------------------------------


def test_a_sale_over_http_is_paid_acknowledged_and_delivered(tmp_path: Path, served: Served) -> None:
    activated(tmp_path, served)
    with open_for_sale(tmp_path) as (till, heard):
        assert till.identity.terminal_id == TERMINAL_ID
        till.submit(sale())
        view = heard.until(paid)
        assert isinstance(view, PaymentView)
        assert view.elapsed_ms is not None
        with JournalReader(tmp_path / "journal.db") as reader:
            (line,) = reader.orders(OrdersFilter())
        assert line.last.state is TerminalState.PAID
        heard.until(lambda v: isinstance(v, LinkView) and v.unsent == 0)
    assert served.gateway.codes == [CANARY]
    assert served.gateway.acked == {view.payment_no: view_seq(served, view.payment_no)}


def view_seq(served: Served, payment_no: str) -> int:
    return served.gateway.statuses[payment_no].state_seq


def test_a_till_that_was_closed_in_the_middle_settles_after_the_next_start(tmp_path: Path, served: Served) -> None:
    activated(tmp_path, served)
    served.gateway.wallet = lambda _: GatewayState.SENT
    with open_for_sale(tmp_path) as (till, heard):
        till.submit(sale())
        view = heard.until(lambda v: isinstance(v, PaymentView) and v.state is TerminalState.WAITING)
        assert isinstance(view, PaymentView)
    served.gateway.settle(view.payment_no, GatewayState.PAID)
    with open_for_sale(tmp_path) as (_, heard):
        again = heard.until(paid)
    assert isinstance(again, PaymentView)
    assert again.payment_no == view.payment_no
    assert served.gateway.codes == [CANARY]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_till_that_a_bug_ended_says_so_and_what_is_unsent(tmp_path: Path, served: Served) -> None:
    """Whoever leaves the app then must know what the gateway does not hold."""
    activated(tmp_path, served)
    served.gateway.refuse_journal = Reason.INTERNAL
    links: queue.Queue[LinkView] = queue.Queue()

    def publish(view: Published) -> None:
        if isinstance(view, LinkView):
            links.put(view)
        elif isinstance(view, CommandRefused):
            raise ZeroDivisionError

    till = open_till(tmp_path, publish=publish, ballast_bytes=100_000)
    limits = CashLimits(sale_fen=10_000, offline_day_fen=10_000)
    for received_fen in (1250, 0):
        amount = Money(1250)
        till.submit(
            TakeCash(
                request_id=f"R{received_fen}", order_no=None, amount=amount, received_fen=received_fen, limits=limits,
                operator="01",
            )
        )  # fmt: skip
    while (last := links.get(timeout=DEADLINE_S)).refusing is None:
        pass
    till.close()
    assert (last.line, last.refusing) == (Line.DOWN, Reason.INTERNAL)
    assert (last.unsent, last.unsent_fen) == (1, 1250)
    assert last.oldest_unsent_at_ms is not None


def test_the_payment_code_reaches_no_file_no_log_no_view_and_no_text(
    tmp_path: Path, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    activated(tmp_path, served)
    with open_for_sale(tmp_path) as (till, heard):
        command = sale()
        till.submit(command)
        heard.until(paid)
        heard.until(lambda v: isinstance(v, LinkView) and v.unsent == 0)
        texts = [repr(command), repr(heard.all), repr(till), caplog.text]
        files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "journal.db"]
    files.append((tmp_path / "journal.db").read_bytes())
    assert served.gateway.codes == [CANARY]
    assert all(CANARY not in text for text in texts)
    assert all(CANARY.encode() not in content for content in files)
    assert all(CANARY not in entry.body for entry in served.gateway.entries)
    assert any(b"payment.started" in content for content in files), "the search reads what the till wrote"
