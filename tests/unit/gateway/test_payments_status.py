"""What the till is told: nothing to scan once a cancel is durable, no green light while late money is not back."""

from __future__ import annotations

import pytest

from gateway.payments.status import status_of
from protocol.messages import LateMoneyState, Light, Presented
from protocol.states import GatewayState
from tests.unit.gateway.payment_rows import payment

QR = "https://qr.example/abc"


def test_a_qr_is_shown_while_the_payment_is_open() -> None:
    row = payment(presented=Presented.MERCHANT, qr=QR, qr_expires_ms=120_000)
    status = status_of(row, now_ms=1)
    assert (status.qr, status.qr_expires_ms) == (QR, 120_000)


def test_a_qr_is_shown_no_more_once_the_cancel_is_durable() -> None:
    row = payment(presented=Presented.MERCHANT, qr=QR, qr_expires_ms=120_000, cancel_requested_ms=5)
    status = status_of(row, now_ms=6)
    assert (status.qr, status.qr_expires_ms) == (None, None)


@pytest.mark.parametrize(
    ("late", "light"), [(None, Light.GREEN), (LateMoneyState.FOUND, None), (LateMoneyState.UNDONE, Light.GREEN)]
)
def test_the_green_light_is_out_while_late_money_is_not_back(late: LateMoneyState | None, light: Light | None) -> None:
    row = payment(GatewayState.NOT_PAID, late_state=late, late_found_ms=None if late is None else 60_000)
    assert status_of(row, now_ms=61_000).light is light
