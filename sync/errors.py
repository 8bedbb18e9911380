"""The environment's troubles of this room: exceptions with a reason for programs and a hint for people.

None of them carries a payment code or a key; texts name files and facts only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocol.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.engine.statements import AnyStatement


class SyncError(Exception):
    """Something around the till is not as it must be. `hint_key` names the sentence that the app shows in the shop's
    language; `hint` is the same in plain English for logs and the command line."""

    def __init__(self, reason: Reason, message: str, *, hint: str, hint_key: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.hint = hint
        self.hint_key = hint_key or f"hint.{reason.value}"


class JournalDamagedError(SyncError):
    """The journal file cannot be trusted. It is kept as it is: nothing deletes or rewrites it."""

    def __init__(self, message: str) -> None:
        super().__init__(
            Reason.JOURNAL_DAMAGED,
            message,
            hint="The file is kept. Copy the whole data folder to a safe place, check the disk, and call support; "
            "paid orders are also known to the gateway.",
        )


class JournalNewerError(SyncError):
    """A later version of the program wrote this journal."""

    def __init__(self, *, found: int, known: int) -> None:
        super().__init__(
            Reason.JOURNAL_NEWER,
            f"The journal has format {found}; this program knows up to {known}.",
            hint="Start the newer version of the program again; the journal was not touched.",
        )


class FolderLockedError(SyncError):
    """Another program holds this data folder."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            Reason.FOLDER_LOCKED,
            f"Another program is using {folder}.",
            hint="Only one till may use a data folder. Close the other one, or choose another folder.",
        )


class NotActivatedError(SyncError):
    """No terminal identity is in this folder yet."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            Reason.NOT_ACTIVATED,
            f"{folder} holds no activated terminal.",
            hint="Activate it with a code from the shop owner: guitai activate --gateway URL --code CODE.",
        )


class ConfigDamagedError(SyncError):
    """A file of the terminal's identity cannot be read."""

    def __init__(self, message: str) -> None:
        super().__init__(
            Reason.CONFIG_DAMAGED,
            message,
            hint="Restore the file from a backup of the data folder, or activate this terminal again in a new folder. "
            "The journal is not affected.",
        )


_DISK_HINTS = {
    Reason.DISK_FULL: "Free some space on this disk; running payments are still recorded.",
    Reason.DISK_READ_ONLY: "The disk or folder cannot be written to. Check its rights and the disk itself.",
    Reason.FOLDER_UNREADABLE: "The disk reports errors. Check it, and copy the data folder to a safe place soon.",
}


class DiskError(SyncError):
    """The disk did not take or give what it should. `reason` says which: full, read-only, or failing."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(reason, message, hint=_DISK_HINTS[reason])


class CommitUnknownError(SyncError):
    """The disk failed in the middle of a commit and cannot be read: the statements may be in the file or not. If they
    are, the chain's entry `seq` has the hash `digest`."""

    def __init__(self, trouble: SyncError, statements: Sequence[AnyStatement], *, seq: int, digest: str) -> None:
        super().__init__(trouble.reason, trouble.message, hint=trouble.hint, hint_key=trouble.hint_key)
        self.statements = statements
        self.seq = seq
        self.digest = digest


class JournalGuardError(SyncError):
    """The journal's own guard refused an entry: the order already has a payment that is open or paid."""

    def __init__(self) -> None:
        super().__init__(
            Reason.ORDER_OPEN,
            "The order already has a payment that is open or paid.",
            hint="Wait for its outcome or cancel it.",
        )
