"""`guitai activate`: makes the device key and binds this folder to a store."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guitai.exits import CommandStop, Exit
from guitai.folder import data_dir_option, folder_troubles, resolved
from protocol.reasons import Reason

if TYPE_CHECKING:
    from sync.folder import TerminalIdentity


@click.command()
@click.option("--gateway", required=True, metavar="URL", help="The gateway's address, such as https://pay.example.com")
@click.option("--code", required=True, help="The activation code, or the text of its QR; '-' reads it from stdin.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_dir_option
def command(gateway: str, code: str, as_json: bool, data_dir: Path | None) -> int:
    """Bind this data folder to a store with a code from the shop owner."""
    from protocol.activation import read_ticket
    from sync.till import activate_folder

    text = sys.stdin.readline() if code == "-" else code
    ticket = read_ticket(text)
    if ticket is None:
        raise CommandStop(
            Exit.USAGE,
            reason=Reason.USAGE,
            message="This is not an activation code.",
            hint="An activation code is 12 letters and digits; blanks and dashes do not matter.",
        )
    with folder_troubles():
        identity = activate_folder(
            resolved(data_dir), gateway_url=gateway, ticket=ticket, device_name=platform.node()[:128]
        )
    click.echo(json.dumps(_as_json(identity), ensure_ascii=False) if as_json else _in_words(identity))
    return int(Exit.DONE)


def _as_json(identity: TerminalIdentity) -> dict[str, object]:
    return {
        "terminal_id": identity.terminal_id,
        "terminal": identity.terminal_name,
        "store_id": identity.store_id,
        "store": identity.store_name,
        "merchant_id": identity.merchant_id,
        "merchant": identity.merchant_name,
        "gateway": identity.gateway_url,
        "reason": Reason.DONE,
        "message": "Activated.",
    }


def _in_words(identity: TerminalIdentity) -> str:
    name = identity.terminal_name or identity.terminal_id
    return f"Activated: {identity.store_name}, till {name}, at {identity.gateway_url}. `guitai terminal` sells."
