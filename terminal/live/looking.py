"""Looks at this computer for the doctor: folder, disk, journal, line, devices, sound. Changes and locks nothing.

Everything may run beside the app: the journal is read over its own read-only connection, and the gateway is asked with
an empty, signed delivery, which is a heartbeat. Blocks, at most some seconds.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from drivers.inventory import list_devices
from drivers.scanner.seen import DeviceSeen
from protocol.keys import private_key, read_public
from protocol.reasons import Reason
from sync.anchor import AnchorTrouble, look
from sync.anchor_places import anchor_place
from sync.engine.events import ProblemAnswer, SilentAnswer
from sync.engine.model import Line, LinkView
from sync.engine.statements import Silence
from sync.errors import SyncError
from sync.folder import Folder, TerminalIdentity
from sync.journal.read import JournalReader, Unsent
from sync.journal.verify import Verdict
from sync.link.calls import Credentials, Stamp, UploadAnswer, UploadCall, build, read_upload, timeouts_of
from sync.link.http import HttpExchange
from terminal.cashier.ports import GunSeen
from terminal.live.reading import FolderReader
from terminal.live.settings import SettingsTrouble, read_device_settings


class LineSeen(Struct, frozen=True, kw_only=True):
    """The line to the gateway now; `skew_ms` is this computer's clock minus the gateway's."""

    line: Line
    skew_ms: int | None = None
    refused: Reason | None = None


class JournalSeen(Struct, frozen=True, kw_only=True):
    """The journal's chain, walked whole, and what is undelivered."""

    verdict: Verdict
    unsent: Unsent


class OfflineSeen(Struct, frozen=True, kw_only=True):
    """Whether offline orders can be shown: what the anchor says of the journal, and the typed codes that are left
    (None: no kit)."""

    anchor: AnchorTrouble
    codes: int | None


class Looked(Struct, frozen=True, kw_only=True):
    """All that was seen. A SyncError's reason stands where something could not be looked at."""

    identity: TerminalIdentity | Reason
    line: LineSeen
    journal: JournalSeen | Reason | None
    offline: OfflineSeen | None
    free_bytes: int | None
    writable: bool
    guns: tuple[GunSeen, ...]
    devices: tuple[DeviceSeen, ...]
    sound: bool
    display: str
    input_method: str
    settings: tuple[SettingsTrouble, ...]


def look_at(
    data_dir: Path,
    *,
    link: LinkView | None = None,
    guns: tuple[GunSeen, ...] = (),
    devices: Callable[[], tuple[DeviceSeen, ...]] = list_devices,
) -> Looked:
    """Looks at everything. `link` is a running till's own word on the line; without it the gateway is asked."""
    return Looked(
        identity=_identity(data_dir),
        line=_line_of(link) if link is not None else ask_gateway(data_dir),
        journal=_journal(data_dir),
        offline=_offline(data_dir),
        free_bytes=_free(data_dir),
        writable=_writable(data_dir),
        guns=guns,
        devices=devices(),
        sound=sound_available(),
        display=_display(),
        input_method=os.environ.get("QT_IM_MODULE") or os.environ.get("XMODIFIERS", "").removeprefix("@im="),
        settings=read_device_settings(data_dir).troubles,
    )


def _identity(data_dir: Path) -> TerminalIdentity | Reason:
    try:
        return Folder(data_dir).read_identity()
    except SyncError as error:
        return error.reason


# --- the line ------------------------------------------------------------------------------------------------------


def _line_of(link: LinkView) -> LineSeen:
    return LineSeen(line=link.line, skew_ms=link.clock_skew_ms, refused=link.refusing)


def ask_gateway(data_dir: Path) -> LineSeen:
    """One signed heartbeat over the real line; CHECKING when this folder is nobody yet."""
    folder = Folder(data_dir)
    try:
        identity = folder.read_identity()
        key = private_key(folder.read_device_key())
    except SyncError:
        return LineSeen(line=Line.CHECKING)
    keys = {kid: read_public(text) for kid, text in identity.gateway_keys.items()}
    who = Credentials(
        terminal_id=identity.terminal_id,
        gateway_url=identity.gateway_url,
        key=key,
        gateway_keys={kid: public for kid, public in keys.items() if public is not None},
        epoch=identity.epoch,
    )
    return asyncio.run(_heartbeat(who))


async def _heartbeat(who: Credentials) -> LineSeen:
    call = UploadCall(entries=())
    sent_ms = time.time_ns() // 1_000_000
    # After a restored backup the gateway tells old from new by where a till's journal stood at its first word. Of a
    # journal that is damaged, missing or being written, nobody but its till can say that.
    stamp = Stamp(created_s=sent_ms // 1000, nonce=secrets.token_bytes(16), journal=None)
    request = build(call, who, stamp)
    async with HttpExchange() as exchange:
        response = await exchange(who.gateway_url, request, timeouts_of(call))
    now_ms = time.time_ns() // 1_000_000
    answer = read_upload(request, response, who)
    match answer:
        case UploadAnswer():
            return LineSeen(line=Line.UP, skew_ms=(sent_ms + now_ms) // 2 - answer.answer.server_time_ms)
        case ProblemAnswer():
            skew_ms = (sent_ms + now_ms) // 2 - answer.problem.server_time_ms
            refused = None if answer.problem.reason is Reason.CLOCK else answer.problem.reason
            return LineSeen(line=Line.UP, skew_ms=skew_ms, refused=refused)
        case SilentAnswer(why=Silence.UNSIGNED | Silence.UNREADABLE | Silence.MISMATCH):
            return LineSeen(line=Line.UNTRUSTED)
        case SilentAnswer():
            return LineSeen(line=Line.DOWN)


# --- folder and journal ----------------------------------------------------------------------------------------------


def _journal(data_dir: Path) -> JournalSeen | Reason | None:
    """None: there is no journal yet."""
    reader = FolderReader(data_dir)
    if not reader.exists():
        return None
    try:
        verdict, unsent = reader.verdict()
    except SyncError as error:
        return error.reason
    return JournalSeen(verdict=verdict, unsent=unsent)


def _offline(data_dir: Path) -> OfflineSeen | None:
    """None: this folder is no till, or its journal cannot be read."""
    folder = Folder(data_dir)
    try:
        identity = folder.read_identity()
        with JournalReader(folder.journal) as reader:
            trouble = look(anchor_place(identity.terminal_id), reader)
            return OfflineSeen(anchor=trouble, codes=reader.typed_codes_left(identity.epoch))
    except SyncError:
        return None


def _free(data_dir: Path) -> int | None:
    try:
        return shutil.disk_usage(_existing(data_dir)).free
    except OSError:
        return None


def _writable(data_dir: Path) -> bool:
    return os.access(_existing(data_dir), os.W_OK | os.X_OK)


def _existing(path: Path) -> Path:
    return next((folder for folder in (path, *path.parents) if folder.exists()), path)


# --- this computer ---------------------------------------------------------------------------------------------------


def sound_available() -> bool:
    """Whether sounds can be played: a program to play them, and a device or a sound server."""
    if sys.platform == "win32":
        return True
    device = shutil.which("aplay") is not None and Path("/dev/snd").exists()
    return device or shutil.which("paplay") is not None


def _display() -> str:
    """What the app would be shown on; empty when there is none."""
    if sys.platform in ("win32", "darwin"):
        return sys.platform
    return os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or ""
