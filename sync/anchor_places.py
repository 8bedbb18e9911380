"""Where the anchor of a till is kept: a file of mode 0600 under the user's state folder, on Windows a registry value.

`GUITAI_STATE_DIR` names another folder (a demo's, which must leave nothing behind). The machine is known by what the
system calls it, hashed: the id itself is nobody's business.
"""

from __future__ import annotations

import os
import socket
import sys
import uuid
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from sync.anchor import AnchorPlace, AnchorRecord

STATE_FOLDER: Final = "GUITAI_STATE_DIR"
_MACHINE_FILES: Final = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_REGISTRY: Final = r"Software\Guitai\Anchors"
_MACHINE_KEY: Final = r"SOFTWARE\Microsoft\Cryptography"


def state_folder() -> Path:
    """This user's folder for what must not be copied along with a data folder."""
    named = os.environ.get(STATE_FOLDER)
    if named:
        return Path(named)
    from platformdirs import user_state_path

    return user_state_path("guitai", appauthor=False)


def anchor_place(terminal_id: str) -> AnchorPlace:
    """Where this computer keeps the anchor of that terminal."""
    if sys.platform == "win32" and not os.environ.get(STATE_FOLDER):
        return RegistryAnchor(terminal_id)
    return FileAnchor(state_folder() / f"{terminal_id}.anchor")


def write_anchor(record: AnchorRecord) -> str:
    return msgspec.json.encode(record).decode()


def read_anchor(text: str) -> AnchorRecord:
    """ValueError when it is no anchor."""
    try:
        return msgspec.json.decode(text, type=AnchorRecord)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"not an anchor: {error}") from None


class FileAnchor:
    """One file, written whole (temporary file, sync, rename)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> AnchorRecord | None:
        try:
            return read_anchor(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def write(self, record: AnchorRecord) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self.path.with_name(self.path.name + ".part")
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(write_anchor(record))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)

    def machine(self) -> str:
        return machine_id()


class RegistryAnchor:
    """A value under this user's key. Not tried on a real Windows yet."""

    def __init__(self, terminal_id: str) -> None:
        self._name = terminal_id

    def read(self) -> AnchorRecord | None:
        assert sys.platform == "win32", "there is a registry on Windows only"
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, _REGISTRY) as key:
                return read_anchor(str(winreg.QueryValueEx(key, self._name)[0]))
        except FileNotFoundError:
            return None

    def write(self, record: AnchorRecord) -> None:
        assert sys.platform == "win32", "there is a registry on Windows only"
        import winreg

        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, _REGISTRY) as key:
            winreg.SetValueEx(key, self._name, 0, winreg.REG_SZ, write_anchor(record))
            winreg.FlushKey(key)

    def machine(self) -> str:
        return machine_id()


def machine_id() -> str:
    """This computer, as 32 hexadecimal characters."""
    return sha256(b"guitai-machine-v1\0" + _machine_name().encode()).hexdigest()[:32]


def _machine_name() -> str:
    if sys.platform == "win32":
        import winreg

        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _MACHINE_KEY) as key:
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])
    for name in _MACHINE_FILES:
        try:
            found = Path(name).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if found:
            return found
    # A system without a machine id (a container): its name and its network card.
    return f"{socket.gethostname()} {uuid.getnode():012x}"
