"""A store's static QR (台牌): made once, told again for as long as it is good, renewed when a printed one must end.

It has a "terminal" of its own, whose public key is none: no device can sign as it.
"""

from __future__ import annotations

from msgspec import Struct

from gateway.configure.faults import Faults, one_fault
from gateway.store import pages, places
from gateway.store.pages import STATIC_KEY
from gateway.store.units import Tx
from protocol.chain import genesis
from protocol.numbers import TERMINAL_ID_BYTES, crockford, new_terminal_id

#: Random bytes behind a static QR: its token, then its terminal.
STATIC_BYTES = 16 + TERMINAL_ID_BYTES


class StaticToken(Struct, frozen=True, kw_only=True):
    token: str
    fresh: bool


def static_qr(tx: Tx, *, store_id: str, renew: bool, now_ms: int, random: bytes) -> StaticToken | Faults:
    """`renew`: printed ones open nothing any more. `random`: STATIC_BYTES bytes that nobody can guess."""
    if not places.store_exists(tx, store_id):
        return one_fault("static QR", "store", "no store has this id; apply a file that names it first")
    known = pages.static_token(tx, store_id)
    if known is not None and not renew:
        return StaticToken(token=known, fresh=False)
    pages.revoke_static(tx, store_id, now_ms=now_ms)
    terminal_id = pages.static_terminal(tx, store_id)
    if terminal_id is None:
        terminal_id = new_terminal_id(random[16:])
        places.add_terminal(
            tx,
            terminal_id=terminal_id,
            store_id=store_id,
            name="台牌",
            public_key=STATIC_KEY + store_id,
            head=genesis(terminal_id),
            now_ms=now_ms,
        )
    token = crockford(random[:16])
    pages.add(tx, token=token, store_id=store_id, terminal_id=terminal_id, key=None, now_ms=now_ms)
    return StaticToken(token=token, fresh=True)
