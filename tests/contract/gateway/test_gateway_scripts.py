"""All nine customers' behaviours, scanned and by QR, in virtual time: the outcome agrees with the wallet's money,
NOT_PAID only with a proof, certainty within 60 s of the scan (of the end of the display for a QR)."""

from __future__ import annotations

import pytest

from protocol.messages import Light, PaymentStatus
from protocol.states import GatewayState, ProofKind
from tests.contract.gateway.gateway_world import World, in_world

PAID, NOT_PAID = GatewayState.PAID, GatewayState.NOT_PAID

SCANNED = [
    ("pay", PAID, None),
    ("ask_password:10", PAID, None),
    ("ask_password:50", NOT_PAID, ProofKind.CLOSED),
    ("balance_low", NOT_PAID, ProofKind.DECLINED),
    ("expired", NOT_PAID, ProofKind.DECLINED),
    ("system_error_charged", PAID, None),
    ("system_error_not_charged", NOT_PAID, None),
    ("drop_after_charge", PAID, None),
    ("drop_before_charge", NOT_PAID, ProofKind.ABSENT),
    ("never", NOT_PAID, ProofKind.CLOSED),
]

SHOWN = [
    ("pay", PAID, None),
    ("ask_password:10", PAID, None),
    ("ask_password:500", NOT_PAID, ProofKind.CLOSED),
    ("balance_low", NOT_PAID, ProofKind.CLOSED),
    ("expired", NOT_PAID, None),
    ("system_error_charged", PAID, None),
    ("system_error_not_charged", NOT_PAID, None),
    ("drop_after_charge", PAID, None),
    ("drop_before_charge", NOT_PAID, None),
    ("never", NOT_PAID, None),
]


def agrees(world: World, status: PaymentStatus, proof: ProofKind | None) -> None:
    captured, refunded, _ = world.money(status)
    if status.state is PAID:
        assert (captured, refunded) == (status.amount_fen, 0)
        assert status.proof is None
        assert status.transaction_tail is not None
    else:
        assert captured == refunded
        assert status.proof is not None
        assert status.light is Light.GREEN
        assert proof is None or status.proof.kind is proof


@pytest.mark.parametrize("interval_ms", [1_000, 3_000])
@pytest.mark.parametrize(("script", "outcome", "proof"), SCANNED)
def test_a_scanned_code_ends_as_the_wallet_says(
    script: str, outcome: GatewayState, proof: ProofKind | None, interval_ms: int
) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code(script))
        await till.pay(request)
        status, seconds = await till.final(request.payment_no)
        assert status.state is outcome, world.timeline(status)
        assert seconds <= 60, world.timeline(status)
        agrees(world, status, proof)

    in_world(story, interval_ms=interval_ms)


@pytest.mark.parametrize("interval_ms", [1_000, 3_000])
@pytest.mark.parametrize(("script", "outcome", "proof"), SHOWN)
def test_a_shown_qr_ends_as_the_wallet_says(
    script: str, outcome: GatewayState, proof: ProofKind | None, interval_ms: int
) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(None)
        shown = await till.shown(request)
        assert shown.qr is not None
        assert shown.qr_expires_ms is not None
        world.scan(shown.qr, script)
        status, _ = await till.final(request.payment_no)
        assert status.state is outcome, world.timeline(status)
        assert world.clock.now_ms() <= shown.qr_expires_ms + 60_000
        agrees(world, status, proof)

    in_world(story, interval_ms=interval_ms)


def test_a_qr_that_nobody_scans_is_closed_within_a_minute_of_its_end() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        shown = await till.shown(till.payment(None))
        status, seconds = await till.final(shown.payment_no)
        assert status.proof is not None
        assert status.proof.kind is ProofKind.ABSENT
        assert 120 <= seconds <= 180
        assert status.qr is None

    in_world(story)
