"""The rules about ORDERs that begin and proofs that are handed out see what they must see, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from proof.simulation import invariants_begun as rules
from proof.simulation.complaints import Complaints
from proof.simulation.evidence import ChannelOrderRow, Evidence, GatewayRow
from proof.simulation.evidence_side import OrderShown, ProofRow, SeenRow, SideRows, StandingRow
from proof.simulation.invariants_begun import Handed
from protocol.offline.order import OfflineOrder, OrderType, SignedOrder, sign_order
from protocol.offline.proof import OfflineProof, ProofType, SignedProof, sign_proof
from protocol.states import GatewayState
from tests.unit.proof.evidence_on_paper import (
    HONEST,
    KEY,
    NOW_MS,
    NUMBER,
    OTHER,
    SECOND,
    TILL,
    PaperGateway,
    evidence_on_paper,
)

BEGUN = GatewayRow(
    terminal_id=TILL,
    payment_no=f"{NUMBER}-1",
    order_no=NUMBER,
    sale_id=None,
    amount_fen=1_000,
    state=GatewayState.CREATED,
    state_seq=1,
    proof=None,
    out_trade_no=None,
    cancel_requested=False,
    acked_seq=None,
    late=None,
    amber=False,
)
PAID = dataclasses.replace(BEGUN, state=GatewayState.PAID, out_trade_no=f"{NUMBER}00")
BEFORE = SideRows(standings={TILL: StandingRow(epoch=2, frozen=False)})
SeenRule = Callable[[Evidence, SideRows, SeenRow], Complaints]


@pytest.fixture
def evidence() -> Evidence:
    return evidence_on_paper()


def _seen(e: Evidence, order: OfflineOrder, row: GatewayRow = BEGUN) -> SeenRow:
    """The gateway took this ORDER; what became of it is `row`."""
    signed = sign_order(order, KEY)
    digest = signed.digest.hex()
    e.side.shown[digest] = OrderShown(till="till1", payment_no=row.payment_no, signed=signed)
    e.rows[row.payment_no] = row
    return SeenRow(terminal_id=TILL, order_no=order.order_no, digest=digest, epoch=order.epoch, oseq=order.oseq)


_WRONG: tuple[tuple[SeenRule, OfflineOrder], ...] = (
    (rules.an_order_keeps_its_limit, replace(HONEST, amount_fen=500_001)),
    (rules.an_order_is_of_this_activation, replace(HONEST, epoch=1)),
    (rules.a_bad_key_begins_nothing, replace(HONEST, kid=251)),
    (rules.an_order_is_not_far_behind, replace(HONEST, oseq=13)),
)


@pytest.mark.parametrize(("rule", "wrong"), _WRONG)
def test_what_must_not_begin_is_seen_when_it_begins(evidence: Evidence, rule: SeenRule, wrong: OfflineOrder) -> None:
    """The rule complains of the wrong ORDER alone, and only when it is more than a tombstone."""
    evidence.side.bad_keys.add(251)
    newest = SeenRow(terminal_id=TILL, order_no=SECOND, digest="", epoch=wrong.epoch, oseq=30)
    before = dataclasses.replace(BEFORE, seen={SECOND: newest})
    assert list(rule(evidence, before, _seen(evidence, wrong)))
    ended = dataclasses.replace(BEGUN, state=GatewayState.NOT_PAID)
    assert not list(rule(evidence, before, _seen(evidence, wrong, ended)))
    assert not list(rule(evidence, before, _seen(evidence, replace(HONEST, oseq=14))))


def test_nothing_begins_after_a_proof_of_closed(evidence: Evidence) -> None:
    closed = ProofRow(digest="", terminal_id=TILL, order_no=NUMBER, paid=False, raw=b"")
    before = dataclasses.replace(BEFORE, proofs={"": closed})
    second = dataclasses.replace(BEGUN, payment_no=f"{NUMBER}-2")
    assert list(rules.a_closed_order_stays_closed(evidence, before, second))
    assert not list(
        rules.a_closed_order_stays_closed(evidence, before, dataclasses.replace(second, state=GatewayState.NOT_PAID))
    )
    assert not list(rules.a_closed_order_stays_closed(evidence, BEFORE, second))
    paid = dataclasses.replace(before, proofs={"": dataclasses.replace(closed, paid=True)})
    assert not list(rules.a_closed_order_stays_closed(evidence, paid, second))


def test_nothing_begins_of_a_till_that_is_switched_off(evidence: Evidence) -> None:
    off = dataclasses.replace(BEFORE, standings={TILL: StandingRow(epoch=2, frozen=False, revoked=True)})
    assert list(rules.a_revoked_till_begins_nothing(evidence, off, BEGUN))
    assert not list(
        rules.a_revoked_till_begins_nothing(evidence, off, dataclasses.replace(BEGUN, state=GatewayState.NOT_PAID))
    )
    assert not list(rules.a_revoked_till_begins_nothing(evidence, BEFORE, BEGUN))


@pytest.mark.parametrize(("open_ms", "complains"), [(359_000, False), (361_000, True)])
def test_an_order_is_open_for_five_minutes(evidence: Evidence, open_ms: int, complains: bool) -> None:
    evidence.rows[BEGUN.payment_no] = BEGUN
    evidence.side.seen_since_ms[NUMBER] = NOW_MS - open_ms
    assert bool(list(rules.an_order_has_its_window(evidence))) is complains
    evidence.rows[BEGUN.payment_no] = dataclasses.replace(BEGUN, cancel_requested=True)
    assert not list(rules.an_order_has_its_window(evidence))


def _proof(order: SignedOrder, key: Ed25519PrivateKey, kid: int = 1) -> SignedProof:
    said = OfflineProof(
        type=ProofType.PAID, kid=kid, order_no=order.order.order_no, at_s=1, channel="wechat", tail="1234"
    )
    return sign_proof(said, key, order_digest=order.digest)


@pytest.mark.parametrize(
    ("key", "kid", "complains"), [(KEY, 1, False), (OTHER, 1, True), (KEY, 9, True), (KEY, 2, True), (KEY, 3, True)]
)
def test_a_proof_is_signed_by_a_good_key_that_it_names(
    evidence: Evidence, key: Ed25519PrivateKey, kid: int, complains: bool
) -> None:
    """Another key, a number that is none, a key that others have, one that the ORDER does not name."""
    evidence.side.keys.update({1: KEY.public_key(), 2: KEY.public_key(), 3: KEY.public_key()})
    evidence.side.bad_keys.add(2)
    seen = _seen(evidence, HONEST)
    raw = _proof(evidence.side.shown[seen.digest].signed, key, kid).raw
    row = ProofRow(digest=seen.digest, terminal_id=TILL, order_no=NUMBER, paid=True, raw=raw)
    assert bool(list(rules.a_proof_is_signed(evidence, BEFORE, row))) is complains
    if kid == 3:  # unless others have the one that it names
        evidence.side.bad_keys.add(1)
        assert not list(rules.a_proof_is_signed(evidence, BEFORE, row))


@pytest.mark.parametrize(("wallet", "complains"), [("wechat", False), ("alipay", True)])
def test_a_proof_names_the_wallet_that_was_paid(evidence: Evidence, wallet: str, complains: bool) -> None:
    """Its proof says WeChat Pay."""
    paid_at = ChannelOrderRow(
        out_trade_no=f"{NUMBER}00",
        payment_no=f"{NUMBER}-1",
        account_id=f"m1-{wallet}-0",
        undo_sent=False,
        reverse_sent=False,
        ended=None,
    )
    gateway = PaperGateway()
    gateway.orders = {paid_at.out_trade_no: paid_at}
    evidence.gateway = gateway
    evidence.rows[PAID.payment_no] = PAID
    raw = _proof(sign_order(HONEST, KEY), KEY).raw
    row = ProofRow(digest="", terminal_id=TILL, order_no=NUMBER, paid=True, raw=raw)
    assert bool(list(rules.a_proof_names_its_wallet(evidence, BEFORE, row))) is complains
    evidence.rows.clear()
    assert not list(rules.a_proof_names_its_wallet(evidence, BEFORE, row))


def _handed(order: OfflineOrder, *, to: str = "a customer", typed: str | None = None) -> Handed:
    signed = sign_order(order, KEY)
    return Handed(signed=signed, text=_proof(signed, KEY).text, typed=typed, to=("wechat", to))


def test_a_proof_of_paid_goes_to_who_paid(evidence: Evidence) -> None:
    """By the wallet's own account; of a scanned code nobody knows the payer, and a STATUS tells anybody."""
    evidence.rows[PAID.payment_no] = PAID
    evidence.side.payers[f"{NUMBER}00"] = ("wechat", "a customer")
    rule = rules.a_proof_goes_to_its_payer
    assert not list(rule(evidence, _handed(HONEST)))
    assert list(rule(evidence, _handed(HONEST, to="another")))
    status = replace(HONEST, type=OrderType.STATUS)
    assert list(rule(evidence, _handed(status, to="another")))
    evidence.side.payers.clear()
    assert list(rule(evidence, _handed(HONEST)))
    assert not list(rule(evidence, _handed(status, to="another")))


def test_a_code_to_type_is_of_one_small_order(evidence: Evidence) -> None:
    rule = rules.a_code_is_shown_for_its_order
    assert not list(rule(evidence, _handed(HONEST, typed="1")))
    assert list(rule(evidence, _handed(replace(HONEST, amount_fen=50_001), typed="1")))
    evidence.side.typed_of[SECOND] = "1"
    assert list(rule(evidence, _handed(HONEST, typed="1")))
    assert not list(rule(evidence, _handed(HONEST, typed="2")))
    evidence.side.typed_of[NUMBER] = "3"
    assert list(rule(evidence, _handed(HONEST, typed="2")))
