"""`guitai gateway proof-keys`: the keys that sign the proofs of offline orders, and their rotation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from guitai.exits import Exit
from guitai.gateway_door import ask, database_option, print_faults, print_json, troubles
from protocol.reasons import Reason

if TYPE_CHECKING:
    from gateway.configure.words import ProofKeysOrder


@click.group("proof-keys")
def proof_keys() -> None:
    """Keys that sign the proofs of offline orders."""


@proof_keys.command("list")
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_keys(database: str | None, as_json: bool) -> int:
    """Which key is current, which is next, which ended when."""
    from gateway.configure.words import ProofKeysAction, ProofKeysOrder

    return _said(ProofKeysOrder(action=ProofKeysAction.LIST), database, as_json)


@proof_keys.command()
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def rotate(database: str | None, as_json: bool) -> int:
    """The next key becomes current; the one until now stays good for 90 days."""
    from gateway.configure.words import ProofKeysAction, ProofKeysOrder

    return _said(ProofKeysOrder(action=ProofKeysAction.ROTATE), database, as_json)


@proof_keys.command()
@click.argument("kid", type=click.IntRange(0, 255))
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compromise(kid: int, database: str | None, as_json: bool) -> int:
    """This key is no secret any more: orders that name it are refused, it signs nothing, tills drop it."""
    from gateway.configure.words import ProofKeysAction, ProofKeysOrder

    return _said(ProofKeysOrder(action=ProofKeysAction.COMPROMISE, kid=kid), database, as_json)


def _said(order: ProofKeysOrder, database: str | None, as_json: bool) -> int:
    from gateway.configure.words import ProofKeysSaid, Refused

    with troubles():
        said = ask(database, order, url=None)
    if isinstance(said, Refused):
        return print_faults(said.faults, as_json, start="Nothing was changed.")
    assert isinstance(said, ProofKeysSaid), "an order about proof keys is answered with them"
    message = "Done." if said.done else f"{len(said.keys)} keys."
    if as_json:
        import msgspec

        listed: object = msgspec.to_builtins(said.keys)
        print_json(reason=Reason.DONE, message=message, keys=listed)
        return int(Exit.DONE)
    for key in said.keys:
        ended_ms = key.compromised_ms if key.compromised_ms is not None else key.retired_ms
        ended = "" if ended_ms is None else f" since {_when(ended_ms)}"
        click.echo(f"{key.kid:>3}  made {_when(key.made_ms)}  {key.state}{ended}")
    click.echo(message)
    return int(Exit.DONE)


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
