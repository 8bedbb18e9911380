"""How the command ends: the exit statuses that scripts rely on, and the one exception that carries them.

A status is part of the public contract; never give one a second meaning. NOT_DONE is a statement ("not paid"), so
nothing that merely went wrong may end with it: what we do not understand ends as UNKNOWN.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses of every `guitai` command."""

    DONE = 0
    """Done, or paid."""
    NOT_DONE = 1
    """Not paid, or a check failed."""
    USAGE = 2
    """Wrong usage or configuration."""
    UNKNOWN = 3
    """The outcome is not known."""
    DEVICE = 4
    """A device is missing or does not answer."""
    DATA = 5
    """The data folder is locked by another program, or not activated."""
    GATEWAY = 6
    """The gateway cannot be reached."""


class CommandStop(Exception):
    """Ends a command with a status, a reason from the closed list, and words for a person.

    `hint` says what to do about it; it is empty where nothing is known to help.
    """

    def __init__(self, exit_status: Exit, *, reason: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.exit_status = exit_status
        self.reason = reason
        self.message = message
        self.hint = hint
