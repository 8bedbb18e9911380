"""What commands share about the terminal's data folder: the option, and how its troubles end a command."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guitai.exits import CommandStop, Exit
from protocol.reasons import Reason

if TYPE_CHECKING:
    from sync.errors import SyncError

_CONFIGURATION = frozenset({Reason.CONFIG_DAMAGED, Reason.USAGE})
_GATEWAY = frozenset({Reason.GATEWAY_UNREACHABLE, Reason.GATEWAY_NOT_TRUSTED})


def data_dir_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--data-dir D`: where the terminal keeps its key, its identity and its journal."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="The terminal's data folder. Default: the system's place for application data.",
    )(command)


def resolved(data_dir: Path | None) -> Path:
    """The folder asked for, or the system's default."""
    from sync.folder import default_folder

    return default_folder() if data_dir is None else data_dir


def exit_of(reason: Reason) -> Exit:
    """The exit status of a trouble with the folder or the line."""
    if reason in _GATEWAY:
        return Exit.GATEWAY
    return Exit.USAGE if reason in _CONFIGURATION else Exit.DATA


def stop_of(error: SyncError) -> CommandStop:
    return CommandStop(exit_of(error.reason), reason=error.reason, message=error.message, hint=error.hint)


@contextmanager
def folder_troubles() -> Generator[None]:
    """Turns what sync raises about the environment into the command's ending."""
    from sync.errors import SyncError

    try:
        yield
    except SyncError as error:
        raise stop_of(error) from error
