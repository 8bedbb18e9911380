"""`guitai sandbox`: simulated wallets that speak the real wire protocol, and a customer's phone."""

from __future__ import annotations

from pathlib import Path

import click

from guitai.exits import CommandStop, Exit


@click.group()
def command() -> None:
    """Simulated wallets and a customer's phone, for demo, training and tests."""


@command.command()
@click.option("--listen", default="127.0.0.1:8600", show_default=True, metavar="HOST:PORT", help="Port 0: a free one.")
@click.option(
    "--tls-listen",
    metavar="HOST:PORT",
    help="Where calls that need a client certificate are taken. Default: the next port, or a free one.",
)
@click.option("--gun", is_flag=True, help="Also open a virtual scan gun, a serial line that a terminal can read.")
@click.option("--keys", type=click.Path(path_type=Path), help="Keep the wallet keys here, for a restart.")
def serve(listen: str, tls_listen: str | None, gun: bool, keys: Path | None) -> None:
    """Serve until Ctrl-C. Prints one JSON line when ready: {"sandbox","tls","phone","gun"}."""
    from sandbox.problems import SandboxError
    from sandbox.serve import run_sandbox

    try:
        run_sandbox(listen, gun=gun, tls_listen=tls_listen, keys_folder=keys)
    except SandboxError as error:
        raise CommandStop(Exit.USAGE, reason=error.reason, message=str(error), hint=error.hint) from error
