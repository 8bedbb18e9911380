"""`guitai gateway static-qr`: the link of a store's static QR, to print and to put up at the counter."""

from __future__ import annotations

import click

from guitai.exits import Exit
from guitai.gateway_door import ask, database_option, draw, print_faults, print_json, public_url_option, troubles
from protocol.reasons import Reason


@click.command("static-qr")
@click.option("--store", required=True, metavar="ID", help="The store whose counter it stands on.")
@click.option("--renew", is_flag=True, help="Make a new one; those that are printed open nothing any more.")
@public_url_option
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def static_qr(store: str, renew: bool, public_url: str | None, database: str | None, as_json: bool) -> int:
    """Show the store's static QR: customers scan it and enter the amount themselves. Made when there is none."""
    from gateway.configure.words import Refused, StaticQrOrder, StaticQrSaid

    with troubles():
        said = ask(database, StaticQrOrder(store=store, renew=renew), url=public_url)
    if isinstance(said, Refused):
        return print_faults(said.faults, as_json, start="No static QR was made.")
    assert isinstance(said, StaticQrSaid), "an order for a static QR is answered with one"
    message = "A new static QR." if said.fresh else "The store's static QR."
    if as_json:
        print_json(reason=Reason.DONE, message=message, store=said.store, url=said.url, fresh=said.fresh)
        return int(Exit.DONE)
    draw(said.url)
    click.echo(said.url)
    click.echo(f"{message} Store {said.store}; its tills ring when it was paid.")
    return int(Exit.DONE)
