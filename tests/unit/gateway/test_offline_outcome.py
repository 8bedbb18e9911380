"""SAFETY.md section 3, 4: which proof an order has, from its payments' rows; and how it is drawn."""

from __future__ import annotations

import pytest

from gateway.cashier_page.proof_view import QR_VERSION, QUIET, grouped, qr_path
from gateway.offline.outcome import outcome_of, words_of
from protocol.messages import LateMoneyState
from protocol.offline.proof import PROOF_CHARACTERS, ProofType
from protocol.states import GatewayState
from tests.unit.gateway.payment_rows import ORDER_NO, payment


@pytest.mark.parametrize("state", [s for s in GatewayState if not s.final])
def test_nothing_is_proven_before_the_end(state: GatewayState) -> None:
    assert outcome_of([payment(state)]) is None
    assert outcome_of([payment(GatewayState.NOT_PAID), payment(state)]) is None


def test_an_order_that_never_came_has_no_proof() -> None:
    assert outcome_of([]) is None


def test_closed_is_every_payment_not_paid_by_table_p() -> None:
    ended = outcome_of([payment(GatewayState.NOT_PAID), payment(GatewayState.NOT_PAID)])
    assert ended is not None
    assert ended.type is ProofType.CLOSED


@pytest.mark.parametrize("late", [LateMoneyState.FOUND, LateMoneyState.ACCEPTED])
def test_money_that_came_late_and_is_here_leaves_no_closed_proof(late: LateMoneyState) -> None:
    late_one = payment(GatewayState.NOT_PAID, late_state=late)
    assert outcome_of([late_one]) is None
    assert outcome_of([late_one, payment(GatewayState.NOT_PAID)]) is None


def test_money_that_came_late_and_went_back_leaves_it() -> None:
    assert outcome_of([payment(GatewayState.NOT_PAID, late_state=LateMoneyState.UNDONE)]) is not None


def test_paid_is_the_payment_that_was_paid_whatever_came_before() -> None:
    paid = payment(GatewayState.PAID, transaction_id="20261122001234")
    ended = outcome_of([payment(GatewayState.NOT_PAID), paid])
    assert ended is not None
    assert (ended.type, ended.payment) == (ProofType.PAID, paid)
    words = words_of(ended, order_no=ORDER_NO, kid=3, now_ms=99)
    assert (words.kid, words.at_s, words.channel, words.tail) == (3, 50, "alipay", "1234")


def test_a_transaction_without_digits_at_its_end_has_a_tail_all_the_same() -> None:
    ended = outcome_of([payment(GatewayState.PAID, transaction_id="A7-X")])
    assert ended is not None
    assert words_of(ended, order_no=ORDER_NO, kid=1, now_ms=0).tail == "0007"


def test_a_proof_is_drawn_as_version_6_with_its_quiet_zone() -> None:
    drawn = qr_path("GP1" + "0123456789ABCDEFGHJKMNPQRSTVWXYZ" * 4 + "0123456789ABC")
    assert len("GP1" + "0123456789ABCDEFGHJKMNPQRSTVWXYZ" * 4 + "0123456789ABC") == PROOF_CHARACTERS
    assert drawn["size"] == 17 + 4 * QR_VERSION + 2 * QUIET
    assert str(drawn["path"]).startswith(f"M{QUIET} {QUIET}h7")


def test_typed_digits_stand_in_groups_for_reading_aloud() -> None:
    assert grouped("075856563711") == "075 856 563 711"


def test_a_proof_is_drawn_once_however_often_its_page_asks() -> None:
    """Anybody may ask for a CLOSED proof without end, and nothing else runs on the loop while it is drawn."""
    text = "GP1" + "0123456789ABCDEFGHJKMNPQRSTVWXYZ" * 4 + "3210123456789"
    assert qr_path(text) is qr_path(text)
