"""The till's data folder: what lies where, who may read it, the identity file, the device key and the lock.

    terminal.toml   who this terminal is and which gateway keys it believes      journal.db (+ -wal, -shm)
    device.key      the device's private key, 0600                               ballast, lock
    offline.key     the key that signs offline orders, 0600; another one on purpose
    pending.key     a device key whose activation was not answered yet

The folder is 0700. The key lies in a plain file: who can read this user's files can be this terminal until it is
revoked. Identity and key are written whole (temporary file, sync, rename).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from protocol.keys import private_key, read_public
from protocol.reasons import Reason
from protocol.secret import Secret
from sync.errors import ConfigDamagedError, DiskError, NotActivatedError

_FORMAT: Final = 1


class TerminalIdentity(Struct, frozen=True, kw_only=True):
    """Who this terminal is. `gateway_keys`: key id → public key text; answers signed with these are believed."""

    terminal_id: str
    terminal_name: str
    epoch: int
    store_id: str
    store_name: str
    merchant_id: str
    merchant_name: str
    gateway_url: str
    gateway_keys: Mapping[str, str]
    root_keys: Mapping[str, str]


def default_folder() -> Path:
    """Where this user's till lives unless another folder is named."""
    from platformdirs import user_data_path

    return user_data_path("guitai", appauthor=False)


class Folder:
    """Paths and small files. Reads and writes nothing until asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = path / "journal.db"
        self.lock = path / "lock"
        self._identity = path / "terminal.toml"
        self._key = path / "device.key"
        self._pending = path / "pending.key"
        self._offline = path / "offline.key"

    def make(self) -> None:
        """Makes the folder, for this user only."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if os.access(self.path, os.W_OK):
                self.path.chmod(0o700)
            else:
                raise DiskError(Reason.DISK_READ_ONLY, f"{self.path} cannot be written.")
        except OSError as error:
            raise disk_trouble(error, self.path) from error

    @property
    def activated(self) -> bool:
        return self._identity.exists()

    # --- identity ------------------------------------------------------------------------------------------------

    def read_identity(self) -> TerminalIdentity:
        """NotActivatedError when there is none, ConfigDamagedError when it cannot be trusted."""
        text = self._text(self._identity)
        if text is None:
            raise NotActivatedError(str(self.path))
        try:
            return _identity_from(tomllib.loads(text))
        except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
            raise ConfigDamagedError(f"{self._identity.name} is damaged or incomplete.") from None

    def write_identity(self, identity: TerminalIdentity) -> None:
        import tomlkit

        document = tomlkit.document()
        document.add(tomlkit.comment("Who this terminal is. Written at activation; do not edit."))
        document.add("format", tomlkit.item(_FORMAT))
        for name in _TEXTS:
            document.add(name, tomlkit.item(getattr(identity, name)))
        document.add("epoch", tomlkit.item(identity.epoch))
        document.add("gateway_keys", tomlkit.item(dict(identity.gateway_keys)))
        document.add("root_keys", tomlkit.item(dict(identity.root_keys)))
        self._write(self._identity, tomlkit.dumps(document))

    # --- keys ----------------------------------------------------------------------------------------------------

    def read_device_key(self) -> Secret:
        """The seed of the device key as base64url text."""
        text = self._text(self._key)
        if text is None:
            raise ConfigDamagedError(f"{self._key.name} is missing.")
        return _checked_key(text, self._key.name)

    def offline_key(self, fresh: Callable[[], Secret]) -> Secret:
        """The seed of the key that signs ORDERs; made with `fresh` the first time."""
        text = self._text(self._offline)
        if text is not None:
            return _checked_key(text, self._offline.name)
        seed = fresh()
        self._write(self._offline, seed.reveal() + "\n")
        return seed

    def pending_key(self) -> Secret | None:
        """The key of an activation that was begun: asking again with it burns no second code."""
        text = self._text(self._pending)
        return None if text is None else _checked_key(text, self._pending.name)

    def write_pending_key(self, seed: Secret) -> None:
        self._write(self._pending, seed.reveal() + "\n")

    def adopt(self, identity: TerminalIdentity) -> None:
        """The activation was answered: the pending key becomes the device key, then the identity makes it count."""
        seed = self.pending_key()
        assert seed is not None, "an activation begins with a pending key"
        self._write(self._key, seed.reveal() + "\n")
        self.write_identity(identity)
        self._pending.unlink(missing_ok=True)

    # --- files ---------------------------------------------------------------------------------------------------

    def _text(self, path: Path) -> str | None:
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise ConfigDamagedError(f"{path.name} is not text.") from None
        except OSError as error:
            raise disk_trouble(error, path) from error

    def _write(self, path: Path, text: str) -> None:
        part = path.with_name(path.name + ".part")
        try:
            part.unlink(missing_ok=True)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            if os.name == "posix":
                folder = os.open(self.path, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        except OSError as error:
            raise disk_trouble(error, path) from error


_TEXTS: Final = (
    "terminal_id", "terminal_name", "store_id", "store_name", "merchant_id", "merchant_name", "gateway_url",
)  # fmt: skip


def _identity_from(table: dict[str, Any]) -> TerminalIdentity:
    if table["format"] != _FORMAT:
        raise ValueError("format")
    texts = {name: table[name] for name in _TEXTS}
    epoch, keys, roots = table["epoch"], table["gateway_keys"], table["root_keys"]
    if not all(isinstance(text, str) for text in texts.values()) or not isinstance(epoch, int):
        raise TypeError("types")
    for public in (*keys.values(), *roots.values()):
        if read_public(public) is None:
            raise ValueError("key")
    if not keys or not texts["terminal_id"]:
        raise ValueError("empty")
    return TerminalIdentity(**texts, epoch=epoch, gateway_keys=dict(keys), root_keys=dict(roots))


def _checked_key(text: str, name: str) -> Secret:
    seed = Secret(text.strip())
    try:
        private_key(seed)
    except ValueError:
        raise ConfigDamagedError(f"{name} is damaged.") from None
    return seed


def disk_trouble(error: OSError, path: Path) -> DiskError:
    """What a failed file operation says about the disk."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskError(Reason.DISK_FULL, f"The disk of {path} is full.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return DiskError(Reason.DISK_READ_ONLY, f"{path} cannot be written or read.")
    return DiskError(Reason.FOLDER_UNREADABLE, f"{path}: {error.strerror or type(error).__name__}.")
