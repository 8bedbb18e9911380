"""Merchants, stores, channel accounts and terminals; activation codes and who used them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import bindparam, func, insert, select, update

from gateway.store.statements import Statement
from gateway.store.tables import ACTIVATION_CODES, ACTIVATIONS, CHANNEL_ACCOUNTS, MERCHANTS, STORES, TERMINALS
from gateway.store.units import Tx


class Terminal(Struct, frozen=True, kw_only=True):
    """A terminal with the names of where it stands."""

    terminal_id: str
    name: str
    public_key: str
    epoch: int
    store_id: str
    store_name: str
    merchant_id: str
    merchant_name: str


class AccountRow(Struct, frozen=True, kw_only=True):
    """A channel account as kept: `settings` is JSON and holds secrets, so it stays out of repr."""

    account_id: str
    merchant_id: str
    channel: str
    shown_default: bool
    settings: str

    def __repr__(self) -> str:
        return f"AccountRow({self.account_id})"


class ActivationCode(Struct, frozen=True, kw_only=True):
    """`terminal_id`: good for this terminal's device only."""

    store_id: str
    uses_left: int
    expires_ms: int
    terminal_id: str | None = None


def code_digest(code: str) -> str:
    """Codes are kept as a digest: a copied database opens no terminal."""
    return sha256(b"guitai-activation\0" + code.encode()).hexdigest()


_TERMINAL: Final = (
    select(
        TERMINALS.c.terminal_id,
        TERMINALS.c.name,
        TERMINALS.c.public_key,
        TERMINALS.c.epoch,
        STORES.c.store_id,
        STORES.c.name.label("store_name"),
        MERCHANTS.c.merchant_id,
        MERCHANTS.c.name.label("merchant_name"),
    )
    .join(STORES, STORES.c.store_id == TERMINALS.c.store_id)
    .join(MERCHANTS, MERCHANTS.c.merchant_id == STORES.c.merchant_id)
)
_BY_ID: Final = Statement(_TERMINAL.where(TERMINALS.c.terminal_id == bindparam("k_id")))
_BY_KEY: Final = _TERMINAL.where(TERMINALS.c.public_key == bindparam("k_key"))
_ACTIVATED: Final = _TERMINAL.join(ACTIVATIONS, ACTIVATIONS.c.terminal_id == TERMINALS.c.terminal_id).where(
    ACTIVATIONS.c.code_digest == bindparam("k_digest"), ACTIVATIONS.c.public_key == bindparam("k_key")
)
_CODE: Final = select(ACTIVATION_CODES).where(ACTIVATION_CODES.c.code_digest == bindparam("k_digest"))
_USE: Final = (
    update(ACTIVATION_CODES)
    .where(ACTIVATION_CODES.c.code_digest == bindparam("k_digest"), ACTIVATION_CODES.c.uses_left > 0)
    .values(uses_left=ACTIVATION_CODES.c.uses_left - 1)
)
_REPLACE: Final = (
    update(TERMINALS)
    .where(TERMINALS.c.terminal_id == bindparam("k_id"))
    .values(store_id=bindparam("v_store"), name=bindparam("v_name"), epoch=TERMINALS.c.epoch + 1)
)
_COUNT: Final = select(func.count()).where(TERMINALS.c.store_id == bindparam("k_store"))


def terminal(tx: Tx, terminal_id: str) -> Terminal | None:
    return _read(tx.row(_BY_ID, {"k_id": terminal_id}))


def terminal_by_key(tx: Tx, public_key: str) -> Terminal | None:
    return _read(tx.connection.execute(_BY_KEY, {"k_key": public_key}).one_or_none())


def activated(tx: Tx, *, digest: str, public_key: str) -> Terminal | None:
    """The terminal that this very code and key made, if they did."""
    found = tx.connection.execute(_ACTIVATED, {"k_digest": digest, "k_key": public_key})
    return _read(found.one_or_none())


def add_terminal(
    tx: Tx, *, terminal_id: str, store_id: str, name: str, public_key: str, head: str, now_ms: int
) -> None:
    row = {
        "terminal_id": terminal_id,
        "store_id": store_id,
        "name": name,
        "public_key": public_key,
        "epoch": 1,
        "activated_ms": now_ms,
        "journal_seq": 0,
        "journal_head": head,
    }
    tx.connection.execute(insert(TERMINALS), row)


def activate_again(tx: Tx, *, terminal_id: str, store_id: str, name: str) -> None:
    """A known device with a fresh code: the same terminal, one epoch later."""
    tx.connection.execute(_REPLACE, {"k_id": terminal_id, "v_store": store_id, "v_name": name})


def terminals_of(tx: Tx, store_id: str) -> int:
    return tx.connection.execute(_COUNT, {"k_store": store_id}).scalar_one()


def activation_code(tx: Tx, digest: str) -> ActivationCode | None:
    row = tx.connection.execute(_CODE, {"k_digest": digest}).one_or_none()
    if row is None:
        return None
    return ActivationCode(
        store_id=row.store_id, uses_left=row.uses_left, expires_ms=row.expires_ms, terminal_id=row.terminal_id
    )


def add_activation_code(tx: Tx, *, digest: str, code: ActivationCode) -> None:
    row = {
        "code_digest": digest,
        "store_id": code.store_id,
        "uses_left": code.uses_left,
        "expires_ms": code.expires_ms,
        "terminal_id": code.terminal_id,
    }
    tx.connection.execute(insert(ACTIVATION_CODES), row)


def use_activation_code(tx: Tx, *, digest: str, public_key: str, terminal_id: str, now_ms: int) -> None:
    changed = tx.connection.execute(_USE, {"k_digest": digest})
    assert changed.rowcount == 1, "the caller saw a use left in this transaction"
    row = {"code_digest": digest, "public_key": public_key, "terminal_id": terminal_id, "at_ms": now_ms}
    tx.connection.execute(insert(ACTIVATIONS), row)


def store_exists(tx: Tx, store_id: str) -> bool:
    found = tx.connection.execute(select(STORES.c.store_id).where(STORES.c.store_id == store_id))
    return found.first() is not None


_MERCHANT_OF: Final = Statement(
    select(MERCHANTS.c.merchant_id, MERCHANTS.c.late_money)
    .join(CHANNEL_ACCOUNTS, CHANNEL_ACCOUNTS.c.merchant_id == MERCHANTS.c.merchant_id)
    .where(CHANNEL_ACCOUNTS.c.account_id == bindparam("k_account"))
)


class Owner(Struct, frozen=True, kw_only=True):
    """Whose channel account it is. `refunds_late_money`: by itself; otherwise a person decides."""

    merchant_id: str
    refunds_late_money: bool


def owner_of(tx: Tx, account_id: str) -> Owner:
    ((merchant_id, late_money),) = tx.rows(_MERCHANT_OF, {"k_account": account_id})
    return Owner(merchant_id=merchant_id, refunds_late_money=late_money != "hold")


def accounts(tx: Tx) -> list[AccountRow]:
    rows = tx.connection.execute(select(CHANNEL_ACCOUNTS).order_by(CHANNEL_ACCOUNTS.c.account_id))
    return [
        AccountRow(
            account_id=row.account_id,
            merchant_id=row.merchant_id,
            channel=row.channel,
            shown_default=bool(row.shown_default),
            settings=row.settings,
        )
        for row in rows
    ]


def _read(row: Sequence[Any] | None) -> Terminal | None:
    if row is None:
        return None
    terminal_id, name, public_key, epoch, store_id, store_name, merchant_id, merchant_name = row
    return Terminal(
        terminal_id=terminal_id,
        name=name,
        public_key=public_key,
        epoch=epoch,
        store_id=store_id,
        store_name=store_name,
        merchant_id=merchant_id,
        merchant_name=merchant_name,
    )
