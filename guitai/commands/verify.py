"""`guitai verify`: walks the journal's chain and recomputes its tables; names the first thing that does not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guitai.exits import Exit
from guitai.folder import data_dir_option, folder_troubles, resolved
from protocol.reasons import Reason

if TYPE_CHECKING:
    from sync.journal.verify import Verdict


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_dir_option
def command(as_json: bool, data_dir: Path | None) -> int:
    """Check that no entry of the journal was changed, removed or added. Runs beside the app."""
    from terminal.live.reading import FolderReader

    with folder_troubles():
        verdict, unsent = FolderReader(resolved(data_dir)).checked()
    whole = verdict.broken is None
    message = _whole(verdict) if whole else _broken(verdict)
    if as_json:
        found = {
            "entries": verdict.entries,
            "payments": verdict.payments,
            "unsent": unsent.count,
            "unsent_fen": unsent.fen,
            "parked": unsent.parked,
            "head": verdict.head,
            "broken": verdict.broken,
            "entry": verdict.seq,
            "payment_no": verdict.payment_no,
            "reason": Reason.DONE if whole else Reason.JOURNAL_DAMAGED,
            "message": message,
        }
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        click.echo(message)
        if not whole:
            click.echo("Keep the whole data folder as it is, copy it to a safe place, and call support.", err=True)
    return int(Exit.DONE if whole else Exit.NOT_DONE)


def _whole(verdict: Verdict) -> str:
    return f"The journal is whole: {verdict.entries} entries about {verdict.payments} payments. Head {verdict.head}."


def _broken(verdict: Verdict) -> str:
    from sync.journal.verify import Break

    match verdict.broken:
        case Break.CHAIN:
            return f"The chain breaks at entry {verdict.seq}: it was changed, removed, added or moved."
        case Break.DELIVERED:
            return f"Entry {verdict.seq} is not the one that the gateway holds: it was written anew, or removed."
        case Break.UNREADABLE:
            return f"Entry {verdict.seq} is of a kind that this program does not know."
        case Break.BEHIND:
            return f"It ends at entry {verdict.entries}, and this computer saw another end: removed or written anew."
        case Break.STORY:
            return f"Entry {verdict.seq} cannot follow the entries before it: they were written anew, or some removed."
        case Break.TABLES if verdict.seq is not None:
            return f"Entry {verdict.seq} is filed under another payment than it is about."
        case Break.TABLES:
            return f"The row of payment {verdict.payment_no} is not what its entries say."
        case Break.FILE | None:
            return "The journal's file is damaged."
