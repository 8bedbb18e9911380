"""Orders on a real SQLite store: a document is written whole or not at all, twice is once, codes keep their limits."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

import gateway.configure
from gateway.channels.http import HttpExchange
from gateway.channels.reach import Reach
from gateway.configure.activation import create_code
from gateway.configure.apply import read_held
from gateway.configure.document import key_files
from gateway.configure.faults import Faults
from gateway.configure.orders import OwnerOrders
from gateway.configure.words import ApplyOrder, CodeMade, CodeOrder, Planned, Refused
from gateway.proof_keys import ProofKeys
from gateway.routing.accounts import Accounts
from gateway.routing.choose import Candidate
from gateway.store import places
from gateway.store.runners import InlineStore
from gateway.store.units import Tx
from proof.stores import empty_store
from protocol.activation import read_ticket
from sandbox.keys import APP_ID, SELLER_ID
from tests.unit.gateway.configure_shop import MERCHANT, STORE, account, private_pem, shop, wallet_pem

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
ROOT = "7NP3DYWD96MGW1VE"


class FixedClock:
    def now_ms(self) -> int:
        return NOW_MS

    def even_since_ms(self) -> int:
        return NOW_MS


class CountedEntropy:
    def __init__(self) -> None:
        self.calls = 0

    def bytes(self, count: int) -> bytes:
        self.calls += 1
        return bytes([self.calls]) * count


def no_proof_keys() -> ProofKeys:
    raise AssertionError("nothing here asks for them")


@dataclass
class Desk:
    """Orders over a database in memory; `told` counts how often the gateway was told to read its accounts again."""

    engine: Engine = field(default_factory=empty_store)
    url: str | None = "https://pay.example.com"
    told: int = 0

    def __post_init__(self) -> None:
        self.store = InlineStore(self.engine)
        self.orders = OwnerOrders(
            store=self.store,
            clock=FixedClock(),
            entropy=CountedEntropy(),
            root_fingerprint=ROOT,
            url=self.url,
            proof_keys=no_proof_keys,
            applied=self._applied,
        )

    async def _applied(self) -> None:
        self.told += 1

    def apply(self, toml: str, *, dry_run: bool = False, files: dict[str, str] | None = None) -> Planned | Refused:
        said = asyncio.run(self.orders.do(ApplyOrder(toml=toml, files=files or {}, dry_run=dry_run)))
        assert isinstance(said, Planned | Refused)
        return said

    def code(self, store: str = "s1", *, uses: int = 1, days: int = 1) -> CodeMade | Refused:
        said = asyncio.run(self.orders.do(CodeOrder(store=store, uses=uses, days=days)))
        assert isinstance(said, CodeMade | Refused)
        return said

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        tables = ("merchants", "stores", "channel_accounts", "activation_codes")
        return {name: self.store.run_now(lambda tx, name=name: _rows(tx, name)) for name in tables}


def _rows(tx: Tx, table: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in tx.connection.execute(text(f"SELECT * FROM {table}"))]


@pytest.fixture
def desk() -> Generator[Desk, None, None]:
    desk = Desk()
    yield desk
    asyncio.run(desk.store.aclose())


def test_a_document_is_written_and_the_gateway_told(desk: Desk):
    said = desk.apply(shop())
    assert isinstance(said, Planned)
    assert said.applied
    assert len(said.plan.changes) == 3
    assert desk.told == 1
    held = desk.dump()
    assert [row[:2] for row in held["merchants"]] == [("m1", "老王早餐")]
    assert held["stores"] == [("s1", "m1", "一店", "Asia/Shanghai")]


def test_what_was_written_opens_as_a_channel(desk: Desk):
    """The rows are what the serving gateway loads: the account opens, and is the merchant's default for QRs."""
    desk.apply(shop())
    (row,) = desk.store.run_now(places.accounts)
    candidate = Candidate(
        account_id=row.account_id, merchant_id=row.merchant_id, channel=row.channel, shown_default=row.shown_default
    )
    accounts = Accounts(lambda _account: HttpExchange(reach=Reach.LOOPBACK))
    accounts.load([(candidate, row.settings)])
    assert accounts.broken == {}
    assert [(c.account_id, c.channel, c.shown_default) for c in accounts.candidates] == [("a1", "alipay", True)]


def test_applying_twice_is_applying_once(desk: Desk):
    desk.apply(shop())
    before = desk.dump()
    again = desk.apply(shop())
    assert isinstance(again, Planned)
    assert again.plan.changes == ()
    assert (desk.dump(), desk.told) == (before, 1)


def test_a_dry_run_writes_nothing(desk: Desk):
    said = desk.apply(shop(), dry_run=True)
    assert isinstance(said, Planned)
    assert (len(said.plan.changes), said.applied) == (3, False)
    assert all(rows == [] for rows in desk.dump().values())
    assert desk.told == 0


def test_a_change_is_written_and_what_is_not_named_stays(desk: Desk):
    desk.apply(shop())
    desk.apply(MERCHANT + STORE.replace("一店", "二店") + 'time_zone = "Asia/Urumqi"\n')
    held = desk.dump()
    assert held["stores"] == [("s1", "m1", "二店", "Asia/Urumqi")]
    assert len(held["channel_accounts"]) == 1


def test_a_document_at_fault_changes_nothing(desk: Desk):
    """Also when the fault shows only beside what is held, after other entries were right."""
    desk.apply(shop())
    before = desk.dump()
    for toml in ("[[x]]", STORE.replace("一店", "三店") + account(app_id='"2021000000000009"')):
        assert isinstance(desk.apply(toml), Refused)
        assert (desk.dump(), desk.told) == (before, 1)


def test_held_is_read_in_the_documents_own_words(desk: Desk):
    desk.apply(shop())
    held = desk.store.run_now(read_held)
    assert [(a.id, a.merchant, a.channel, a.default_for_qr) for a in held.accounts] == [("a1", "m1", "alipay", True)]


def test_a_code_is_kept_as_a_digest_only(desk: Desk):
    desk.apply(shop())
    made = desk.code(uses=3, days=7)
    assert isinstance(made, CodeMade)
    ((digest, store_id, uses_left, expires_ms, terminal),) = desk.dump()["activation_codes"]
    assert digest == places.code_digest(made.code)
    assert made.code not in str(digest)
    assert (store_id, uses_left, expires_ms, terminal) == ("s1", 3, NOW_MS + 7 * DAY_MS, None)
    assert made.code not in repr(made)


def test_a_ticket_is_what_a_till_can_read(desk: Desk):
    """The QR's text gives a till the address, the code and the fingerprint to trust."""
    desk.apply(shop())
    made = desk.code()
    assert isinstance(made, CodeMade)
    assert made.ticket is not None
    ticket = read_ticket(made.ticket)
    assert ticket is not None
    assert (ticket.code.reveal(), ticket.gateway_url, ticket.root_fingerprint) == (made.code, desk.url, ROOT)


def test_without_an_address_there_is_a_code_and_no_ticket():
    desk = Desk(url=None)
    desk.apply(shop())
    made = desk.code()
    assert isinstance(made, CodeMade)
    assert made.ticket is None
    asyncio.run(desk.store.aclose())


@pytest.mark.parametrize(
    ("store", "uses", "days", "keys"),
    [
        ("s9", 1, 1, ["store"]),
        ("s1", 0, 1, ["uses"]),
        ("s1", 1001, 1, ["uses"]),
        ("s1", 1, 0, ["days"]),
        ("s1", 1, 8, ["days"]),
        ("s1", -1, -1, ["uses", "days"]),
    ],
)
def test_a_code_outside_the_limits_is_not_made(desk: Desk, store: str, uses: int, days: int, keys: list[str]):
    desk.apply(shop())
    said = desk.code(store, uses=uses, days=days)
    assert isinstance(said, Refused)
    assert [fault.key for fault in said.faults.faults] == keys
    assert desk.dump()["activation_codes"] == []


@pytest.mark.parametrize(("uses", "days"), [(1, 1), (1000, 7)])
def test_the_limits_themselves_are_allowed(desk: Desk, uses: int, days: int):
    desk.apply(shop())
    made = desk.store.run_now(
        lambda tx: create_code(tx, store_id="s1", uses=uses, days=days, now_ms=NOW_MS, random=b"12345678")
    )
    assert not isinstance(made, Faults)
    assert made.code.reveal() not in repr(made)


def test_the_example_is_right_as_it_stands(desk: Desk):
    """It applies with the sandbox's keys beside it, and its app and seller are the sandbox's."""
    example = Path(gateway.configure.__file__).with_name("example.toml").read_text(encoding="utf-8")
    (written,) = tomllib.loads(example)["channel_accounts"]
    assert (written["app_id"], written["seller_id"]) == (APP_ID, SELLER_ID)
    application, wallet = key_files(example)
    said = desk.apply(example, files={application: private_pem(), wallet: wallet_pem()})
    assert isinstance(said, Planned), said
    assert len(said.plan.changes) == 3
    assert isinstance(desk.code("corner-1"), CodeMade)
