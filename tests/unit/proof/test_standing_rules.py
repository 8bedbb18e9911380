"""The rules about tills that there are two of see what they must see, and nothing else."""

from __future__ import annotations

import pytest

from proof.simulation import standing_rules
from proof.simulation.evidence import Evidence
from proof.simulation.evidence_side import SideRows, StandingRow
from tests.unit.proof.evidence_on_paper import NOW_MS, TILL, PaperGateway, PaperSide, refund_row


@pytest.fixture
def gateway() -> PaperGateway:
    return PaperGateway()


@pytest.fixture
def side() -> PaperSide:
    return PaperSide()


@pytest.fixture
def evidence(gateway: PaperGateway, side: PaperSide) -> Evidence:
    e = Evidence(gateway=gateway, tills={}, money=lambda _: None, now_ms=lambda: NOW_MS, strict=True, faultless=False)
    e.side.file = side
    return e


def standing(*, frozen: bool = False, revoked: bool = False) -> SideRows:
    return SideRows(standings={TILL: StandingRow(epoch=1, frozen=frozen, revoked=revoked)})


@pytest.mark.parametrize(
    ("freezes", "alarm", "complains"),
    [(True, None, True), (True, "order_clone", False), (False, "journal_fork", True), (False, None, False)],
)
def test_a_freeze_is_told_and_its_end_too(
    evidence: Evidence, gateway: PaperGateway, freezes: bool, alarm: str | None, complains: bool
) -> None:
    gateway.alarms = [] if alarm is None else [(alarm, TILL)]
    evidence.side.rows = standing(frozen=freezes)
    assert bool(list(standing_rules.a_freeze_is_told(evidence, standing(frozen=not freezes), TILL))) is complains
    assert not list(standing_rules.a_freeze_is_told(evidence, standing(frozen=freezes), TILL)), "nothing moved"


@pytest.mark.parametrize("how", ["frozen", "revoked"])
def test_a_stopped_till_gives_nothing_back(evidence: Evidence, how: str) -> None:
    """A refund in the very commit that stops it was asked for before; one of the gateway's own is no till's."""
    rule, stopped = standing_rules.a_stopped_till_gives_nothing_back, standing(**{how: True})
    evidence.side.rows = stopped
    assert list(rule(evidence, stopped, refund_row()))
    assert not list(rule(evidence, standing(), refund_row()))
    assert not list(rule(evidence, stopped, refund_row(cause="late")))


def test_only_what_was_put_back_is_called_restored(evidence: Evidence, side: PaperSide) -> None:
    rule = standing_rules.only_what_was_put_back_is_in_question
    assert not list(rule(evidence))
    side.restored = 1
    assert list(rule(evidence))
    evidence.restored.at_ms = NOW_MS
    assert not list(rule(evidence))
