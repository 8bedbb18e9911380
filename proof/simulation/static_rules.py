"""What must hold of a store's static QR: what it takes is rung for once at each till, after it is in that till's
journal, and acknowledged by nobody who has not heard of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from msgspec import json

from gateway.store.pages import STATIC_KEY
from proof.simulation.complaints import Complaint
from proof.simulation.evidence import Evidence, GatewayRow
from proof.simulation.till_evidence import TillSight
from protocol.messages import StoreAckRequest
from protocol.signature import RequestParts
from protocol.states import GatewayState
from sync.engine.model import StorePaidView

_TAKEN: Final = "select seq, order_no, n from static_paid order by seq"
_STATIC: Final = "select terminal_id from terminals where public_key like ?"
_ACK_PATH: Final = "/v1/store/paid/ack"


class StaticEvidence:
    """The gateway's list of what the store's static QR took, read when it is asked for."""

    def __init__(self, gateway_path: Path, evidence: Evidence) -> None:
        self._db = sqlite3.connect(f"{gateway_path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        self.evidence = evidence
        self._of_nobody: set[str] = set()

    def close(self) -> None:
        self._db.close()

    def taken(self) -> dict[int, str]:
        """Payment number by the store's sequence number."""
        return {seq: f"{order_no}-{n}" for seq, order_no, n in self._db.execute(_TAKEN)}

    def is_static(self, row: GatewayRow) -> bool:
        """Whether no till began it."""
        if not self._of_nobody:
            self._of_nobody = {str(found[0]) for found in self._db.execute(_STATIC, (f"{STATIC_KEY}%",))}
        return row.terminal_id in self._of_nobody

    def payments(self) -> dict[str, GatewayRow]:
        return {number: row for number, row in self.evidence.rows.items() if self.is_static(row)}


def a_ring_is_of_money_that_came(s: StaticEvidence, till: TillSight, view: StorePaidView) -> Iterator[Complaint]:
    """The gateway has this payment as PAID, under this number of the store, with this amount."""
    row = s.payments().get(view.payment_no)
    if row is None or s.taken().get(view.seq) != view.payment_no:
        yield view.payment_no, f"{till.name} rings for what the store's QR did not take"
    elif row.state is not GatewayState.PAID or row.amount_fen != view.amount.fen:
        yield view.payment_no, f"{till.name} rings for {view.amount.fen}; it is {row.state} over {row.amount_fen}"


def a_ring_is_journaled_first(s: StaticEvidence, till: TillSight, view: StorePaidView) -> Iterator[Complaint]:
    """What was rung for is known after the power was cut."""
    if view.seq not in till.file.store_paid():
        yield view.payment_no, f"{till.name} rings, and its journal has not heard of it"


def a_run_rings_once(s: StaticEvidence, till: TillSight, view: StorePaidView) -> Iterator[Complaint]:
    """A second ring is a second payment to who hears it."""
    if view.payment_no in till.rung:
        yield view.payment_no, f"{till.name} rings a second time"


def what_is_acknowledged_was_rung_for(s: StaticEvidence, till: TillSight, request: RequestParts) -> Iterator[Complaint]:
    """With the acknowledgement the notice "paid and unnoticed" ends: somebody must have heard it."""
    if request.path != _ACK_PATH:
        return
    through = json.decode(request.body, type=StoreAckRequest).through
    for seq, number in s.taken().items():
        row = s.evidence.rows[number]
        if seq <= through and row.acked_seq is None and number not in till.ever_rung:
            yield number, f"{till.name} acknowledges it and never rang"
    if through > max(till.file.store_paid(), default=0):
        yield _ACK_PATH, f"{till.name} acknowledges {through}, and its journal ends before"


def what_the_static_qr_took_is_told_once(s: StaticEvidence) -> Iterator[Complaint]:
    """Each payment of it that is paid stands in the store's list, once, and nothing else does."""
    told = list(s.taken().values())
    paid = {number for number, row in s.payments().items() if row.state is GatewayState.PAID}
    for number in paid.symmetric_difference(told):
        yield number, "paid, and in no till's list" if number in paid else "in the tills' list, and not paid"
    for number in {one for one in told if told.count(one) > 1}:
        yield number, "twice in the tills' list"


def what_the_static_qr_took_is_noticed(s: StaticEvidence) -> Iterator[Complaint]:
    """Some till rang for it and said so."""
    for number in s.taken().values():
        if s.evidence.rows[number].acked_seq is None:
            yield number, "paid at the static QR, and no till noticed"
        elif not any(number in till.ever_rung for till in s.evidence.tills.values()):
            yield number, "noticed, and no till rang"


def no_ring_is_skipped(s: StaticEvidence) -> Iterator[Complaint]:
    """From the first that it heard of, a till that may sell has heard of all."""
    standings, taken = s.evidence.side.rows.standings, s.taken()
    for till in s.evidence.tills.values():
        standing, heard = standings.get(till.terminal_id), till.file.store_paid()
        if not heard or standing is None or standing.frozen or standing.revoked:
            continue
        if sum(other.terminal_id == till.terminal_id for other in s.evidence.tills.values()) > 1:
            continue
        for seq, number in taken.items():
            if seq > min(heard) and seq not in heard:
                yield number, f"{till.name} has not heard of it"


ON_RING: Final = (a_ring_is_of_money_that_came, a_ring_is_journaled_first, a_run_rings_once)
ON_SENT: Final = (what_is_acknowledged_was_rung_for,)
WHEN_CALM: Final = (
    what_the_static_qr_took_is_told_once,
    what_the_static_qr_took_is_noticed,
    no_ring_is_skipped,
)


class StaticJudge:
    """`ask(rule, complaints)`: keeps what the rules above complain of; `reached(mark)`: how far a world went."""

    def __init__(
        self,
        evidence: StaticEvidence,
        ask: Callable[[str, Iterator[Complaint]], None],
        reached: Callable[[str], None],
    ) -> None:
        self._evidence, self._ask, self._reached = evidence, ask, reached

    def began(self, row: GatewayRow) -> None:
        """Each press of a customer is a sale of its own."""
        if self._evidence.is_static(row):
            self._evidence.evidence.sale_of.setdefault(row.order_no, row.sale_id or row.order_no)

    def rang(self, till: TillSight, view: StorePaidView) -> None:
        for rule in ON_RING:
            self._ask(rule.__name__, rule(self._evidence, till, view))
        again = view.payment_no in till.ever_rung
        self._reached("the printed QR is rung for again" if again else "the printed QR is rung for")
        till.rung.add(view.payment_no)
        till.ever_rung.add(view.payment_no)

    def sent(self, till: TillSight, request: RequestParts) -> None:
        for rule in ON_SENT:
            self._ask(rule.__name__, rule(self._evidence, till, request))

    def calm(self) -> None:
        for rule in WHEN_CALM:
            self._ask(rule.__name__, rule(self._evidence))

    def at_rest(self) -> bool:
        return all(next(rule(self._evidence), None) is None for rule in WHEN_CALM)

    def close(self) -> None:
        self._evidence.close()
