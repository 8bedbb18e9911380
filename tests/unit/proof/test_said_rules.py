"""The rules about what a till says beside its payments see what they must see, and nothing else."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proof.simulation import said_rules
from proof.simulation.evidence import Evidence
from proof.simulation.invariants_begun import Paying, one_payer_per_order
from proof.simulation.invariants_cash import cash_without_the_line_is_counted, the_change_is_right
from proof.simulation.till_evidence import Refusal
from protocol.money import Money
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.cash_record import CashRecord
from sync.engine.model import CashLimits, Line, TakeCash
from sync.engine.views import cash_view
from tests.unit.proof.evidence_on_paper import NOW_MS, NUMBER, PaperGateway, evidence_on_paper, paper_till


@pytest.fixture
def evidence() -> Evidence:
    return evidence_on_paper()


@pytest.mark.parametrize(
    ("reason", "paid", "late", "complains"),
    [
        (Reason.ORDER_PAID, False, False, True),
        (Reason.ORDER_PAID, True, False, False),
        (Reason.LATE_MONEY, True, False, True),
        (Reason.LATE_MONEY, False, True, False),
        (Reason.ORDER_OPEN, False, False, False),
    ],
)
def test_a_press_is_refused_for_what_is_so(
    evidence: Evidence, reason: Reason, paid: bool, late: bool, complains: bool
) -> None:
    """Each refusal is judged once."""
    till, _ = paper_till()
    evidence.tills["till1"] = till
    till.refusals.append(Refusal(about="till1/1", reason=reason, sale_was_paid=paid, sale_had_late_money=late))
    assert bool(list(said_rules.a_refusal_says_what_is_so(evidence))) is complains
    assert not list(said_rules.a_refusal_says_what_is_so(evidence))


def test_a_figure_that_stays_wrong_is_a_complaint_and_one_that_is_put_right_is_none() -> None:
    now_ms = NOW_MS
    till, file = paper_till()
    evidence = Evidence(
        gateway=PaperGateway(),
        tills={"till1": till},
        money=lambda _: None,
        now_ms=lambda: now_ms,
        strict=True,
        faultless=False,
    )
    rule = said_rules.what_is_undelivered_is_counted
    till.up_since_ms, till.unsent_fen, file.unsent = NOW_MS, 2_000, 1_000
    assert not list(rule(evidence))
    now_ms += said_rules.TOLD_WITHIN_MS
    assert not list(rule(evidence))
    now_ms += 1
    assert list(rule(evidence))
    file.unsent = 2_000
    assert not list(rule(evidence))
    file.unsent = 1_000
    assert not list(rule(evidence))
    till.up_since_ms = None  # its screen is black
    now_ms += 2 * said_rules.TOLD_WITHIN_MS
    assert not list(rule(evidence))


def test_nobody_else_is_handed_an_order(evidence: Evidence) -> None:
    evidence.gateway = PaperGateway()
    mine = Paying(out_trade_no=f"{NUMBER}00", payer=("wechat", "a customer"))
    assert not list(one_payer_per_order(evidence, mine))
    evidence.side.payers[mine.out_trade_no] = mine.payer
    assert not list(one_payer_per_order(evidence, mine))
    assert list(one_payer_per_order(evidence, Paying(out_trade_no=mine.out_trade_no, payer=("wechat", "another"))))


@pytest.mark.parametrize(("change_fen", "complains"), [(250, False), (1_250, True)])
def test_the_change_is_what_was_handed_over_without_the_price(
    evidence: Evidence, change_fen: int, complains: bool
) -> None:
    till, _ = paper_till()
    price, limits = Money(1_000), CashLimits(sale_fen=1_000, offline_day_fen=1_000)
    till.presses(
        TakeCash(request_id="till1/1", order_no=None, amount=price, received_fen=1_250, limits=limits, operator="01")
    )
    record = CashRecord(
        payment_no=f"{NUMBER}-1",
        order_no=NUMBER,
        sale_id=NUMBER,
        amount=price,
        received_fen=1_250,
        change_fen=change_fen,
        operator="01",
        offline=False,
        taken_at_ms=NOW_MS,
    )
    view = cash_view(record)
    assert view.state is TerminalState.PAID
    assert bool(list(the_change_is_right(evidence, till, replace(view, request_id="till1/1")))) is complains


@pytest.mark.parametrize(
    ("pressed", "shown", "noted", "complains"),
    [
        (Line.UP, Line.UP, False, False),
        (Line.UP, Line.UP, True, True),
        (Line.DOWN, Line.DOWN, True, False),
        (Line.DOWN, Line.UNTRUSTED, False, True),
        (Line.DOWN, Line.UP, True, False),
        (Line.DOWN, Line.UP, False, False),
        (None, Line.DOWN, False, False),
    ],
)
def test_cash_is_noted_as_taken_with_or_without_the_line(
    evidence: Evidence, pressed: Line | None, shown: Line, noted: bool, complains: bool
) -> None:
    """As it was shown when it was pressed, or when it was told: a commit in doubt is told later."""
    till, file = paper_till()
    price = Money(1_000, "CNY")
    record = CashRecord(
        payment_no=f"{NUMBER}-1",
        order_no=NUMBER,
        sale_id=NUMBER,
        amount=price,
        received_fen=1_000,
        change_fen=0,
        operator="01",
        offline=noted,
        taken_at_ms=NOW_MS,
    )
    file.tenders[record.payment_no] = record
    till.cash_line["till1/1"], till.line = pressed, shown
    view = replace(cash_view(record), request_id="till1/1")
    assert bool(list(cash_without_the_line_is_counted(evidence, till, view))) is complains
