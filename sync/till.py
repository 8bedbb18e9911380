"""A whole till without a screen: folder, lock, journal, line and runner on a thread of their own.

Used by the cashier app and by `guitai pay`. `publish` is called on the sync thread; it must return at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from protocol.activation import ActivationTicket
from protocol.keys import b64url, private_key, read_public
from protocol.reasons import Reason
from protocol.secret import Secret
from sync.activate import SEED_BYTES, activate
from sync.anchor_places import anchor_place
from sync.engine.model import Command, Line, LinkView, Published
from sync.errors import DiskError, SyncError
from sync.folder import Folder, TerminalIdentity
from sync.journal.journal import Journal
from sync.journal.room import BALLAST_BYTES, Room
from sync.link.calls import Credentials
from sync.link.http import HttpExchange
from sync.lock import FolderLock
from sync.offline_desk import OfflineMeans
from sync.ports import SystemClock, system_entropy
from sync.runner import RoomPort, Runner

_CLOSE_S: Final = 5.0

#: Who does the work, and what lets it begin.
_Opened = tuple[Runner, Callable[[], object]]


class Till:
    """An open till. `submit` and `begin` may be called from any thread."""

    def __init__(
        self, data_dir: Path, *, publish: Callable[[Published], None], ballast_bytes: int, at_once: bool = True
    ) -> None:
        self.folder = Folder(data_dir)
        self.identity = self.folder.read_identity()
        self.folder.make()
        self._publish = publish
        self._link = _NOTHING_HEARD
        opened: Future[_Opened] = Future()
        self._thread = threading.Thread(
            target=self._live, args=(ballast_bytes, opened), name="guitai-sync", daemon=True
        )
        self._thread.start()
        try:
            self._runner, self._begin = opened.result()
        except BaseException:
            self._thread.join(_CLOSE_S)
            raise
        if at_once:
            self.begin()

    def submit(self, command: Command) -> None:
        """Hands a command over; what comes of it is published."""
        self._runner.submit(command)

    def begin(self) -> None:
        """It goes to work, if it was opened to wait; what was submitted by now is its first."""
        try:
            self._begin()
        except RuntimeError:
            # The loop has ended already.
            pass

    def close(self) -> None:
        """Ends the thread and gives the folder back. What is open stays in the journal for the next start."""
        try:
            self._runner.stop()
        except RuntimeError:
            # The loop has ended already, by an earlier close or by the failure that was published then.
            pass
        self.begin()
        self._thread.join(_CLOSE_S)

    def _tell(self, view: Published) -> None:
        if isinstance(view, LinkView):
            self._link = view
        self._publish(view)

    def _live(self, ballast_bytes: int, opened: Future[_Opened]) -> None:
        """The thread: everything that touches journal or line happens here."""
        try:
            with FolderLock(self.folder.lock):
                asyncio.run(self._serve(ballast_bytes, opened))
        except BaseException as error:
            if not opened.done():
                opened.set_exception(error)
                return
            # Nothing may be started any more; what is unsent stays so, and whoever leaves the app must know.
            self._publish(replace(self._link, line=Line.DOWN, refusing=Reason.INTERNAL, kit_awaited=False))
            raise

    async def _serve(self, ballast_bytes: int, opened: Future[_Opened]) -> None:
        credentials = _credentials(self.folder, self.identity)
        room = Room(self.folder.path, ballast_bytes=ballast_bytes)
        journal = open_journal(self.folder.journal, self.identity.terminal_id, room)
        try:
            async with HttpExchange() as exchange:
                runner = Runner(
                    journal=journal,
                    room=room,
                    exchange=exchange,
                    credentials=credentials,
                    clock=SystemClock(),
                    entropy=system_entropy,
                    publish=self._tell,
                    offline=self._offline_means(),
                )
                exchange.signed_time = runner.signed_time_s
                begun, loop = asyncio.Event(), asyncio.get_running_loop()
                opened.set_result((runner, lambda: loop.call_soon_threadsafe(begun.set)))
                await begun.wait()
                await runner.run()
        finally:
            journal.close()

    def _offline_means(self) -> OfflineMeans | None:
        """Without a key nothing can be sold without the line; everything else goes on."""
        try:
            seed = self.folder.offline_key(lambda: Secret(b64url(system_entropy(SEED_BYTES))))
        except SyncError:
            return None
        return OfflineMeans(
            epoch=self.identity.epoch, key=private_key(seed), anchor=anchor_place(self.identity.terminal_id)
        )


#: Before the runner's first word on the line.
_NOTHING_HEARD: Final = LinkView(
    line=Line.CHECKING,
    clock_skew_ms=None,
    clock_warning=False,
    unsent=0,
    oldest_unsent_at_ms=None,
    last_contact_ms=None,
)


def open_journal(path: Path, terminal_id: str, room: RoomPort) -> Journal:
    """On a full disk the ballast makes room: nothing new starts then, but what is open can be settled."""
    try:
        return Journal.open(path, terminal_id=terminal_id)
    except DiskError as error:
        if error.reason is not Reason.DISK_FULL or not room.release():
            raise
        return Journal.open(path, terminal_id=terminal_id)


def _credentials(folder: Folder, identity: TerminalIdentity) -> Credentials:
    keys = {kid: read_public(text) for kid, text in identity.gateway_keys.items()}
    return Credentials(
        terminal_id=identity.terminal_id,
        gateway_url=identity.gateway_url,
        key=private_key(folder.read_device_key()),
        gateway_keys={kid: key for kid, key in keys.items() if key is not None},
        epoch=identity.epoch,
    )


def open_till(
    data_dir: Path,
    *,
    publish: Callable[[Published], None],
    ballast_bytes: int = BALLAST_BYTES,
    at_once: bool = True,
) -> Till:
    """Opens the till in a folder. NotActivatedError, FolderLockedError, ConfigDamagedError, JournalDamagedError,
    JournalNewerError or DiskError say why not; nothing is changed then. Not `at_once`: it works from `begin` on."""
    return Till(data_dir, publish=publish, ballast_bytes=ballast_bytes, at_once=at_once)


def activate_folder(
    data_dir: Path, *, gateway_url: str, ticket: ActivationTicket, device_name: str
) -> TerminalIdentity:
    """Activates a folder over the network and waits for it. SyncError says why not."""

    async def work() -> TerminalIdentity:
        async with HttpExchange() as exchange:
            return await activate(
                folder,
                gateway_url=gateway_url,
                ticket=ticket,
                device_name=device_name,
                exchange=exchange,
                clock=SystemClock(),
                entropy=system_entropy,
            )

    folder = Folder(data_dir)
    folder.make()
    with FolderLock(folder.lock):
        return asyncio.run(work())
