"""`guitai gateway proof-keys`: the keys that sign the proofs of offline orders, and their rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from guitai.gateway_door import ask, database_option, dated, json_option, print_faults, print_rows, troubles

if TYPE_CHECKING:
    from gateway.configure.words import ProofKeySaid, ProofKeysOrder


@click.group("proof-keys")
def proof_keys() -> None:
    """Keys that sign the proofs of offline orders."""


@proof_keys.command("list")
@database_option
@json_option
def list_keys(database: str | None, as_json: bool) -> int:
    """Which key is current, which is next, which ended when."""
    from gateway.configure.words import ProofKeysAction, ProofKeysOrder

    return _said(ProofKeysOrder(action=ProofKeysAction.LIST), database, as_json)


@proof_keys.command()
@database_option
@json_option
def rotate(database: str | None, as_json: bool) -> int:
    """The next key becomes current; the one until now stays good for 90 days."""
    from gateway.configure.words import ProofKeysAction, ProofKeysOrder

    return _said(ProofKeysOrder(action=ProofKeysAction.ROTATE), database, as_json)


@proof_keys.command()
@click.argument("kid", type=click.IntRange(0, 255))
@database_option
@json_option
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
    return print_rows("keys", said.keys, as_json, message=message, line=_line)


def _line(key: ProofKeySaid) -> str:
    ended_ms = key.compromised_ms if key.compromised_ms is not None else key.retired_ms
    ended = "" if ended_ms is None else f" since {dated(ended_ms)}"
    return f"{key.kid:>3}  made {dated(key.made_ms)}  {key.state}{ended}"
