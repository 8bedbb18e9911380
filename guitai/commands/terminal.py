"""`guitai terminal`: the cashier app."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guitai.display import NO_DISPLAY, has_display
from guitai.exits import CommandStop
from guitai.folder import data_dir_option, exit_of, resolved

if TYPE_CHECKING:
    from terminal.cashier.ports import TillBlockedError
    from terminal.live.till import LiveTill


@click.command()
@click.option("--offscreen", is_flag=True, help="Show no window (for scripts, and where there is no display).")
@click.option(
    "--scanner", "scanners", metavar="URI", multiple=True, help="Read this scanner too; the settings' are read always."
)
@click.option("--announce", is_flag=True, help="Print one JSON line on standard output when the till is ready.")
@data_dir_option
def command(offscreen: bool, scanners: tuple[str, ...], announce: bool, data_dir: Path | None) -> int:
    """Sell: the cashier's screen. A folder that is not activated yet shows the activation panel."""
    _check_scanners(scanners)
    if not offscreen and not has_display():
        click.echo(NO_DISPLAY, err=True)
        offscreen = True
    # Both before Qt is imported: an input method must not reorder a gun's keys.
    os.environ["IBUS_ENABLE_SYNC_MODE"] = "1"
    if offscreen:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return _run(resolved(data_dir), offscreen=offscreen, scanners=scanners, announce=announce)


def _run(folder: Path, *, offscreen: bool, scanners: tuple[str, ...], announce: bool) -> int:
    from terminal.cashier.ports import TillBlockedError
    from terminal.live.readiness import Readiness
    from terminal.live.settings import read_device_settings
    from terminal.ui.app import run_terminal

    settings = read_device_settings(folder)
    for trouble in settings.troubles:
        click.echo(f"Warning: {trouble}", err=True)
    uris = tuple(dict.fromkeys((*settings.scanners, *(uri for uri in scanners if not uri.startswith("keyboard:")))))
    blocked: list[TillBlockedError] = []
    opened: list[LiveTill] = []

    def open_port() -> LiveTill:
        """On a thread, while Qt starts."""
        from terminal.live.till import open_live_till

        try:
            opened.append(open_live_till(folder, scanners=uris))
        except TillBlockedError as error:
            blocked.append(error)
            raise
        return opened[0]

    def window_is_up() -> None:
        if announce:
            Readiness(opened[0], guns=bool(uris), ready=lambda: _announce(folder, opened[0])).watch()

    status = run_terminal(
        data_dir=folder, offscreen=offscreen, open_port=open_port, ranges=settings.ranges, on_ready=window_is_up
    )
    if blocked:
        raise _stop_of(blocked[0])
    return status


def _announce(folder: Path, till: LiveTill) -> None:
    line = {"event": "ready", "data_dir": str(folder), "activated": till.identity().activated}
    click.echo(json.dumps(line, ensure_ascii=False))
    sys.stdout.flush()


def _stop_of(blocked: TillBlockedError) -> CommandStop:
    from sync.errors import SyncError

    why = blocked.__cause__
    if isinstance(why, SyncError):
        return CommandStop(exit_of(blocked.reason), reason=blocked.reason, message=why.message, hint=why.hint)
    return CommandStop(
        exit_of(blocked.reason), reason=blocked.reason, message="The till's data folder cannot be used now."
    )


def _check_scanners(scanners: tuple[str, ...]) -> None:
    from drivers.scanner.uri import BadScannerUri, parse_scanner_uri

    for uri in scanners:
        found = parse_scanner_uri(uri)
        if isinstance(found, BadScannerUri):
            from guitai.device_words import uri_stop

            raise uri_stop(found)
