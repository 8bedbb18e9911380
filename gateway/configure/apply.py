"""Units of work for a document: what is held, the plan, and the plan written. One transaction: all of it or nothing.

The plan is made in the transaction that writes it, so nobody changes what it was compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Table, insert, select, update

from gateway.configure.document import AccountEntry, Document, MerchantEntry, StoreEntry
from gateway.configure.faults import Faults
from gateway.configure.plan import Held, Item, Kind, Plan, Verb, make_plan
from gateway.routing.rules import AccountTerms
from gateway.store import routes
from gateway.store.tables import CHANNEL_ACCOUNTS, MERCHANTS, STORES
from gateway.store.tables_routes import ROUTE_RULES
from gateway.store.units import Tx

_TABLES: Final[Mapping[Kind, tuple[Table, str]]] = {
    Kind.MERCHANT: (MERCHANTS, "merchant_id"),
    Kind.STORE: (STORES, "store_id"),
    Kind.ACCOUNT: (CHANNEL_ACCOUNTS, "account_id"),
    Kind.ROUTE: (ROUTE_RULES, "route_id"),
}


def read_held(tx: Tx) -> Held:
    """Everything that a document can name, by id."""
    merchants = tx.connection.execute(select(MERCHANTS).order_by(MERCHANTS.c.merchant_id))
    stores = tx.connection.execute(select(STORES).order_by(STORES.c.store_id))
    accounts = tx.connection.execute(select(CHANNEL_ACCOUNTS).order_by(CHANNEL_ACCOUNTS.c.account_id))
    terms = routes.terms(tx)
    return Held(
        merchants=tuple(
            MerchantEntry(id=row.merchant_id, name=row.name, late_money=row.late_money) for row in merchants
        ),
        stores=tuple(
            StoreEntry(id=row.store_id, merchant=row.merchant_id, name=row.name, time_zone=row.time_zone)
            for row in stores
        ),
        accounts=tuple(
            AccountEntry(
                id=row.account_id,
                merchant=row.merchant_id,
                channel=row.channel,
                default_for_qr=bool(row.shown_default),
                settings=row.settings,
                terms=terms.get(row.account_id, AccountTerms()),
            )
            for row in accounts
        ),
        routes=tuple(routes.rules(tx)),
    )


def plan_document(tx: Tx, document: Document) -> Plan | Faults:
    """What `apply_document` would do now. Writes nothing."""
    return make_plan(document, read_held(tx))


def apply_document(tx: Tx, document: Document) -> Plan | Faults:
    """Writes what the plan adds and changes, and returns the plan. With faults nothing is written."""
    plan = plan_document(tx, document)
    if isinstance(plan, Plan):
        rows = _rows(document)
        for item in plan.changes:
            _write(tx, item, rows[item.kind, item.id])
        for account in document.accounts:
            routes.keep_terms(tx, account.id, account.terms)
    return plan


def _write(tx: Tx, item: Item, row: Mapping[str, Any]) -> None:
    table, key = _TABLES[item.kind]
    if item.verb is Verb.ADD:
        tx.connection.execute(insert(table), {key: item.id, **row})
    else:
        tx.connection.execute(update(table).where(table.c[key] == item.id).values(**row))


def _rows(document: Document) -> dict[tuple[Kind, str], dict[str, Any]]:
    """Columns but the key, by what they belong to."""
    rows: dict[tuple[Kind, str], dict[str, Any]] = {}
    for merchant in document.merchants:
        rows[Kind.MERCHANT, merchant.id] = {"name": merchant.name, "late_money": merchant.late_money}
    for store in document.stores:
        row = {"merchant_id": store.merchant, "name": store.name, "time_zone": store.time_zone}
        rows[Kind.STORE, store.id] = row
    for account in document.accounts:
        rows[Kind.ACCOUNT, account.id] = {
            "merchant_id": account.merchant,
            "channel": account.channel,
            "shown_default": int(account.default_for_qr),
            "settings": account.settings,
        }
    for rule in document.routes:
        rows[Kind.ROUTE, rule.id] = {"merchant_id": rule.merchant, "body": routes.write_rule(rule)}
    return rows
