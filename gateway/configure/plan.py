"""The plan: what applying a file would change, computed and done in one transaction. Applying twice changes nothing.

Nothing is ever removed: what the file no longer names stays, because payments may still refer to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, insert, select, update

from gateway.configure.reading import ConfigurationError, Wanted
from gateway.store.tables import CHANNEL_ACCOUNTS, MERCHANTS, STORES
from gateway.store.units import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`verb`: add or change. `fields`: what changes, by name; values are not repeated, for some are keys."""

    verb: str
    what: str
    id: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    changes: tuple[Change, ...]


class PlannedOnly(Exception):
    """Rolls the transaction of a dry run back."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("nothing was applied")
        self.plan = plan


def applying(wanted: Wanted, *, dry_run: bool) -> Callable[[Tx], Plan]:
    """A unit that applies the file, or raises PlannedOnly with the plan."""

    def unit(tx: Tx) -> Plan:
        changes = [
            *_merge(
                tx,
                MERCHANTS,
                "merchant_id",
                "merchant",
                [{"merchant_id": m.id, "name": m.name} for m in wanted.merchants],
            ),
            *_merge(
                tx,
                STORES,
                "store_id",
                "store",
                [{"store_id": s.id, "merchant_id": s.merchant, "name": s.name} for s in wanted.stores],
            ),
            *_merge(tx, CHANNEL_ACCOUNTS, "account_id", "channel account", _account_rows(wanted)),
        ]
        plan = Plan(changes=tuple(changes))
        if dry_run:
            raise PlannedOnly(plan)
        return plan

    return unit


def _account_rows(wanted: Wanted) -> list[dict[str, Any]]:
    return [
        {
            "account_id": a.id,
            "merchant_id": a.merchant,
            "channel": a.channel,
            "shown_default": int(a.shown_default),
            "settings": a.settings,
        }
        for a in wanted.accounts
    ]


def _merge(tx: Tx, table: Table, key: str, what: str, rows: Sequence[Mapping[str, Any]]) -> list[Change]:
    changes: list[Change] = []
    for row in rows:
        held = tx.connection.execute(select(table).where(table.c[key] == row[key])).mappings().one_or_none()
        if held is None:
            tx.connection.execute(insert(table), dict(row))
            changes.append(Change(verb="add", what=what, id=row[key], fields=()))
            continue
        differs = tuple(sorted(name for name, value in row.items() if held[name] != value))
        if "merchant_id" in differs:
            raise ConfigurationError(f"{what} {row[key]}: belongs to another merchant already; give it a new id")
        if "channel" in differs:
            raise ConfigurationError(f"{what} {row[key]}: is of another wallet already; give it a new id")
        if differs:
            values = {name: row[name] for name in differs}
            tx.connection.execute(update(table).where(table.c[key] == row[key]).values(**values))
            changes.append(Change(verb="change", what=what, id=row[key], fields=differs))
    return changes
