"""The real till behind the screen: sync's till, guns, readers, checks and activation as one `TerminalPort`.

Rules: nothing here decides about money. `submit`, `activate`, `subscribe` and `identity` return at once; the readers
and `run_checks` block and belong on the caller's worker thread. A subscriber first hears what is known, then all that
is new, in order; callbacks come from any thread and must return at once. Scans before the first subscriber are nobody's
and are dropped.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, assert_never

from protocol.activation import ActivationTicket
from protocol.reasons import Reason
from sync.engine.model import (
    CancelPayment,
    Command,
    CommandRefused,
    LinkView,
    ListenToStore,
    ParkOffline,
    PaymentView,
    ProofView,
    Published,
    ReadProof,
    RefundView,
    ReturnCash,
    ShowOffline,
    ShowStatus,
    StartPayment,
    StartRefund,
    StorePaidView,
    TakeCash,
    TypeCode,
)
from sync.errors import ConfigDamagedError, SyncError
from sync.folder import Folder, TerminalIdentity
from sync.link.address import AddressError
from terminal.cashier.ports import (
    ActivationAnswered,
    CheckFound,
    DayRead,
    GunSeen,
    HistoryEntry,
    Identity,
    OrderRow,
    Publication,
    ScanRead,
    TillBlockedError,
)
from terminal.cashier.state import CHINA
from terminal.live.guns import Guns, Start, open_gun
from terminal.live.mapping import blocking_reason, identity_of

if TYPE_CHECKING:
    from terminal.live.reading import FolderReader

#: How many of the latest orders a screen that was just switched on shows.
RECENT = 30
#: How many payments are kept for somebody who subscribes late.
KEPT = 300
_CLOSE_S = 5.0


class OpenTill(Protocol):
    """An open till of sync."""

    @property
    def identity(self) -> TerminalIdentity: ...

    def submit(self, command: Command) -> None: ...

    def begin(self) -> None: ...

    def close(self) -> None: ...


class Opener(Protocol):
    """sync.till.open_till, or a fake of it."""

    def __call__(self, data_dir: Path, /, *, publish: Callable[[Published], None]) -> OpenTill: ...


class Activator(Protocol):
    """sync.till.activate_folder, or a fake of it."""

    def __call__(
        self, data_dir: Path, /, *, gateway_url: str, ticket: ActivationTicket, device_name: str
    ) -> TerminalIdentity: ...


class LiveTill:
    """See the module. Opens what the folder holds: a till, or nothing yet (then `activate`). Raises SyncError."""

    def __init__(
        self,
        data_dir: Path,
        *,
        scanners: Iterable[str] = (),
        open_till: Opener,
        activate_folder: Activator,
        start_gun: Start = open_gun,
    ) -> None:
        self._data_dir = data_dir
        self._open_till, self._activate_folder = open_till, activate_folder
        # Re-entrant: a callback may submit, and a refusal is published from there.
        self._lock = threading.RLock()
        self._callbacks: list[Callable[[Publication], None]] = []
        self._payments: dict[str, PaymentView] = {}
        self._link: LinkView | None = None
        self._rings: list[StorePaidView] = []
        self._identity = Identity()
        self._till: OpenTill | None = None
        self._activation: threading.Thread | None = None
        self._activating = False
        self._closed = False
        if Folder(data_dir).activated:
            self._open()
        try:
            self._guns = Guns(scanners, self._publish, start=start_gun)
        except BaseException:
            self._close_till()
            raise

    def _reader(self) -> FolderReader:
        """A reader for the caller's thread. Loaded when something is read: a new till has nothing to read yet."""
        from terminal.live.reading import FolderReader

        return FolderReader(self._data_dir)

    def identity(self) -> Identity:
        with self._lock:
            return self._identity

    def submit(self, command: Command) -> None:
        with self._lock:
            till = self._till
        number = _number_of(command)
        if till is None:
            self._publish(CommandRefused(request_id=number, reason=Reason.NOT_ACTIVATED))
            return
        try:
            till.submit(command)
        except RuntimeError:
            # The sync thread has ended (its loop is closed): nothing was taken, and the screen must know.
            self._publish(CommandRefused(request_id=number, reason=Reason.INTERNAL))

    def activate(self, *, gateway: str, ticket: ActivationTicket) -> None:
        with self._lock:
            if self._closed or self._activating:
                return
            self._activating = True
            self._activation = threading.Thread(
                target=self._activate, args=(gateway, ticket), name="guitai-activation", daemon=True
            )
            self._activation.start()

    def subscribe(self, callback: Callable[[Publication], None]) -> None:
        with self._lock:
            for view in sorted(self._payments.values(), key=lambda payment: payment.started_at_ms):
                callback(view)
            if self._link is not None:
                callback(self._link)
            callback(self._guns.now())
            # Nobody was there when it rang: the first who comes hears it.
            rings, self._rings = self._rings, []
            for ring in rings:
                callback(ring)
            self._callbacks.append(callback)
            if self._till is not None:
                self._till.begin()

    def read_orders(self, *, limit: int) -> tuple[OrderRow, ...]:
        return self._reader().orders(limit=limit)

    def read_history(self, order_no: str) -> tuple[HistoryEntry, ...]:
        return self._reader().history(order_no)

    def read_day(self, days_ago: int) -> DayRead:
        # "Today" is the day of the till's own clock, by which its entries go: this computer's may be wrong by hours.
        with self._lock:
            skew_ms = (self._link.clock_skew_ms or 0) if self._link is not None else 0
        return self._reader().day_back(days_ago, now_ms=time.time_ns() // 1_000_000 - skew_ms, zone=CHINA)

    def run_checks(self) -> tuple[CheckFound, ...]:
        # Imported when it is asked for: it knows every kind of device, and selling does not wait for that.
        from terminal.live.checks import checks_of
        from terminal.live.looking import look_at

        with self._lock:
            link = self._link
        return checks_of(look_at(self._data_dir, link=link, guns=self._guns.all(), devices=tuple))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._callbacks.clear()
            activation = self._activation
        self._guns.close()
        if activation is not None:
            activation.join(_CLOSE_S)
        self._close_till()

    # --- inside ----------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Opens the folder's till; the last orders are known before it says anything newer."""
        for row in self._reader().orders(limit=RECENT):
            if row.payment.state.final and row.payment.late_money is None:
                self._payments[row.payment.payment_no] = row.payment
        till = self._open_till(self._data_dir, publish=self._publish)
        with self._lock:
            self._till, self._identity = till, identity_of(till.identity)
            if self._callbacks:
                till.begin()

    def _close_till(self) -> None:
        with self._lock:
            till, self._till = self._till, None
        if till is not None:
            till.close()

    def _activate(self, gateway: str, ticket: ActivationTicket) -> None:
        """On its own thread: binds the folder, then opens its till without a restart of the program."""
        answer = self._activated(gateway, ticket)
        with self._lock:
            self._activating, closed = False, self._closed
        self._publish(answer)
        if closed:
            self._close_till()

    def _activated(self, gateway: str, ticket: ActivationTicket) -> ActivationAnswered:
        try:
            folder = Folder(self._data_dir)
            known = folder.read_identity() if folder.activated else None
            # The folder has one holder: a till that is open gives it back, and is opened again whatever came of it.
            self._close_till()
            bound = known is not None
            try:
                self._activate_folder(
                    self._data_dir,
                    gateway_url=gateway or (known.gateway_url if known is not None else ""),
                    ticket=ticket,
                    device_name=socket.gethostname()[:128],
                )
                bound = True
            finally:
                if bound:
                    self._open()
        except AddressError:
            return ActivationAnswered(reason=Reason.BAD_REQUEST)
        except SyncError as error:
            return ActivationAnswered(reason=error.reason)
        return ActivationAnswered(reason=Reason.DONE, identity=self.identity())

    def _remember(self, view: PaymentView) -> None:
        """The newest picture of each payment; of settled ones the last few hundred."""
        self._payments.pop(view.payment_no, None)
        self._payments[view.payment_no] = view
        if len(self._payments) > KEPT:
            settled = next((old.payment_no for old in self._payments.values() if old.state.final), view.payment_no)
            del self._payments[settled]

    def _publish(self, told: Publication) -> None:
        """Remembers what a later subscriber must hear, and tells everybody. Any thread."""
        with self._lock:
            match told:
                case PaymentView():
                    self._remember(told)
                case LinkView():
                    self._link = told
                case StorePaidView():
                    if not self._callbacks:
                        self._rings.append(told)
                case RefundView() | CommandRefused() | ProofView() | GunSeen() | ScanRead() | ActivationAnswered():
                    pass
                case _:
                    assert_never(told)
            for callback in tuple(self._callbacks):
                callback(told)


def _number_of(command: Command) -> str:
    """By which a refusal of the command is known."""
    match command:
        case (
            StartPayment()
            | StartRefund()
            | TakeCash()
            | ReturnCash()
            | ShowOffline()
            | ShowStatus()
            | ReadProof()
            | TypeCode()
        ):
            return command.request_id
        case CancelPayment() | ParkOffline():
            return command.payment_no
        case ListenToStore():
            return ""
        case _:
            assert_never(command)


def _open_listening(data_dir: Path, /, *, publish: Callable[[Published], None]) -> OpenTill:
    """A till with somebody in front of it: it rings for the store's static QR. It goes on the line once its screen is
    there to listen: what the line needs takes a tenth of a second to load, and the window would wait for it."""
    from sync.till import open_till

    till = open_till(data_dir, publish=publish, at_once=False)
    till.submit(ListenToStore())
    return till


def open_live_till(data_dir: Path, *, scanners: Iterable[str] = ()) -> LiveTill:
    """The till of a data folder, activated or not. TillBlockedError says why the folder cannot be used. Blocks."""
    from sync.till import activate_folder

    folder = Folder(data_dir)
    try:
        folder.make()
        if not folder.activated and folder.journal.exists():
            # Binding this folder again would put two terminals' orders into one journal.
            raise ConfigDamagedError("The terminal's identity is missing, but its journal is here.")
        return LiveTill(data_dir, scanners=scanners, open_till=_open_listening, activate_folder=activate_folder)
    except SyncError as error:
        raise TillBlockedError(blocking_reason(error)) from error
