"""The rules about what pays for a sale see what they must see, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proof.simulation import tender_rules, timed
from proof.simulation.evidence import Evidence
from proof.simulation.evidence_side import SeenRow, SideRows
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, RefundState
from tests.unit.proof.evidence_on_paper import (
    NOW_MS,
    NUMBER,
    SECOND,
    TILL,
    PaperGateway,
    PaperSide,
    order_row,
    payment_row,
    refund_row,
)

FOUND, ACCEPTED = LateMoneyState.FOUND, LateMoneyState.ACCEPTED
G = GatewayState
SALE = (TILL, SECOND)


@pytest.fixture
def gateway() -> PaperGateway:
    return PaperGateway()


@pytest.fixture
def side() -> PaperSide:
    return PaperSide()


@pytest.fixture
def evidence(gateway: PaperGateway, side: PaperSide) -> Evidence:
    e = Evidence(gateway=gateway, tills={}, money=lambda _: None, now_ms=lambda: NOW_MS, strict=False, faultless=False)
    e.side.file = side
    return e


def kept(evidence: Evidence, gateway: PaperGateway) -> list[str]:
    gateway.orders[f"{NUMBER}00"] = order_row(late=ACCEPTED)
    gateway.rows[f"{NUMBER}-1"] = payment_row(G.NOT_PAID, late=ACCEPTED)
    rule = tender_rules.late_money_is_kept_when_all_is_settled
    return [what for _, what in rule(evidence, order_row(late=FOUND), order_row(late=ACCEPTED))]


@pytest.mark.parametrize(
    ("state", "complains"), [(G.SENT, True), (G.PAID, True), (G.REVERSING, True), (G.NOT_PAID, False)]
)
def test_late_money_is_kept_only_when_the_whole_sale_has_ended(
    evidence: Evidence, gateway: PaperGateway, state: GatewayState, complains: bool
) -> None:
    gateway.rows[f"{SECOND}-1"] = payment_row(state, number=SECOND)
    assert bool(kept(evidence, gateway)) is complains


def test_late_money_that_is_on_its_way_back_is_not_kept(evidence: Evidence, gateway: PaperGateway) -> None:
    gateway.given_back["r"] = refund_row(cause="late", state=RefundState.SENT)
    assert kept(evidence, gateway)
    gateway.given_back["r"] = refund_row(cause="late", state=RefundState.FAILED)
    assert not kept(evidence, gateway)


def test_late_money_is_not_kept_over_an_entry_that_nobody_read(evidence: Evidence, gateway: PaperGateway) -> None:
    gateway.alarms = [("entry_withheld", "another#3")]
    assert not kept(evidence, gateway)
    gateway.alarms = [("entry_withheld", f"{TILL}#3")]
    assert kept(evidence, gateway)


def test_two_orders_of_one_payment_do_not_both_keep_what_came_late(evidence: Evidence, gateway: PaperGateway) -> None:
    gateway.orders["beside"] = replace(order_row(late=ACCEPTED), out_trade_no="beside")
    assert kept(evidence, gateway)


def told(evidence: Evidence) -> list[str]:
    return [about for about, _ in tender_rules.two_tenders_are_told(evidence)]


def test_two_wallet_payments_of_one_sale_are_both_told(evidence: Evidence, gateway: PaperGateway) -> None:
    for number in (NUMBER, SECOND):
        gateway.rows[f"{number}-1"], gateway.orders[f"{number}00"] = payment_row(number=number), order_row(number)
    gateway.alarms = [("paid_twice", f"{TILL}:{NUMBER}-1")]
    assert told(evidence) == [f"{SECOND}-1"]
    gateway.given_back["part"] = refund_row(400, number=SECOND)
    assert told(evidence) == [f"{SECOND}-1"], "a part of it is no end"
    gateway.given_back["rest"] = refund_row(600, number=SECOND)
    assert not told(evidence)


def test_a_wallet_payment_beside_cash_is_told(evidence: Evidence, gateway: PaperGateway, side: PaperSide) -> None:
    gateway.rows[f"{NUMBER}-1"], gateway.orders[f"{NUMBER}00"] = payment_row(), order_row()
    assert not told(evidence)
    side.in_cash = {SALE}
    assert told(evidence) == [f"{NUMBER}-1"]
    gateway.alarms = [("paid_twice", f"{TILL}:{NUMBER}-1")]
    assert not told(evidence)


@pytest.mark.parametrize(
    ("back_fen", "told_of", "complains"),
    [(0, False, True), (400, False, True), (1_000, False, False), (400, True, False)],
)
def test_a_cancelled_order_that_is_paid_is_a_case_until_all_is_back(
    evidence: Evidence, gateway: PaperGateway, back_fen: int, told_of: bool, complains: bool
) -> None:
    evidence.rows[f"{NUMBER}-1"] = payment_row()
    seen = SeenRow(terminal_id=TILL, order_no=NUMBER, digest="", epoch=2, oseq=30)
    evidence.side.rows = SideRows(seen={NUMBER: seen}, cancelled=frozenset({(TILL, 2, 30)}))
    gateway.given_back = {"r": refund_row(back_fen)} if back_fen else {}
    gateway.alarms = [("cancelled_paid", f"{TILL}:{NUMBER}-1")] if told_of else []
    assert bool(list(tender_rules.a_cancelled_order_is_a_case(evidence))) is complains


def test_each_order_that_is_a_duplicate_goes_back(evidence: Evidence, gateway: PaperGateway) -> None:
    """Not one of several."""
    evidence.holds_late_money = True
    gateway.rows[f"{NUMBER}-1"] = payment_row(G.NOT_PAID, late=ACCEPTED)
    gateway.orders = {"kept": replace(order_row(late=ACCEPTED), out_trade_no="kept")}
    for number in ("first", "second"):
        gateway.orders[number] = replace(order_row(late=FOUND), out_trade_no=number)
    gateway.given_back["r"] = replace(refund_row(cause="late", state=RefundState.SENT), out_trade_no="first")
    assert [what.split()[5] for _, what in timed.late_money_is_on_its_way(evidence)] == ["second,"]
