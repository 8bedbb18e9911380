"""Each wallet, each script, scan and QR, with notifications, in virtual time: the outcome, the wallet's money, the
gateway's record and the ledger agree; certainty within 60 s of the scan (of the end of the display for a QR).

`BEFORE`: what must be known at the till by then; late money is looked for a day longer and goes back by itself.
"""

from __future__ import annotations

import asyncio

import pytest

from protocol.messages import LateMoneyState, Light, PaymentStatus
from protocol.states import GatewayState
from sandbox.scripts import ARGUMENTS, Argument, Behaviour
from tests.contract.gateway.gateway_world import Till, World, in_world, status_of

PAID, NOT_PAID = GatewayState.PAID, GatewayState.NOT_PAID
WALLETS = ("alipay", "wechat", "unionpay")
_ARGUMENTS = {Argument.SECONDS: "5", Argument.COUNT_OF_UNDOS: "3", Argument.COUNT_OF_QUERIES: "2"}
SCRIPTS = [f"{one.value}:{_ARGUMENTS[ARGUMENTS[one]]}" if one in ARGUMENTS else one.value for one in Behaviour]
#: The customers who pay, and whose money is kept.
_BUYERS = {
    "pay", "ask_password:5", "system_error_charged", "drop_after_charge", "query_limit:2", "callback_lost",
    "callback_late:5", "callback_twice", "callback_before_answer", "callback_wrong_amount", "callback_bad_signature",
    "callback_other_merchant", "refund_processing:5", "refund_balance_low", "refund_whole_only", "maintenance",
}  # fmt: skip
#: Of a scanned code only: there is no QR that could be cancelled before it is scanned.
_SCANNED_BUYERS = _BUYERS | {"precreate_cancel_then_scan"}


def agrees(world: World, status: PaymentStatus) -> None:
    """`/phone/money` and the gateway's record say the same, and the ledger with them."""
    captured, refunded, _ = world.money(status)
    if status.state is PAID:
        assert (captured, refunded) == (status.amount_fen, 0), world.timeline(status)
        assert status.transaction_tail is not None
    else:
        assert captured == refunded, world.timeline(status)
        assert status.proof is not None
        assert status.late_money is None or status.late_money.state is LateMoneyState.UNDONE
        assert status.light is Light.GREEN
    world.ledger_agrees()


async def _settled_for_good(world: World, till: Till, payment_no: str) -> PaymentStatus:
    """A day later: whatever came late was found and went back."""
    await asyncio.sleep(25 * 3_600)
    return status_of(await till.ask(payment_no))


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("wallet", WALLETS)
def test_a_scanned_code(wallet: str, script: str) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code(script))
        await till.pay(request)
        status, seconds = await till.final(request.payment_no)
        assert status.state is (PAID if script in _SCANNED_BUYERS else NOT_PAID), world.timeline(status)
        assert seconds <= 60, world.timeline(status)
        agrees(world, await _settled_for_good(world, till, request.payment_no))

    in_world(story, interval_ms=1_000, wallet=wallet, notify=True)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("wallet", WALLETS)
def test_a_wallets_own_qr(wallet: str, script: str) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(None)
        shown = await till.shown(request)
        assert shown.qr is not None
        assert shown.qr_expires_ms is not None
        world.scan(shown.qr, script)
        status, _ = await till.final(request.payment_no)
        assert status.state is (PAID if script in _BUYERS else NOT_PAID), world.timeline(status)
        assert world.clock.now_ms() <= shown.qr_expires_ms + 60_000
        agrees(world, await _settled_for_good(world, till, request.payment_no))

    in_world(story, interval_ms=1_000, wallet=wallet, notify=True)


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_lost_callback_costs_at_most_3_s_while_the_customer_pays(wallet: str) -> None:
    """From the wallet knowing to the till knowing."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(None)
        shown = await till.shown(request)
        assert shown.qr is not None
        world.scan(shown.qr, "callback_lost")
        began = world.loop.time()
        status, seconds = await till.final(request.payment_no)
        assert status.state is PAID
        assert world.loop.time() - began == seconds
        # The customer of this script pays one second after the scan.
        assert seconds <= 1 + 3

    in_world(story, interval_ms=1_000, wallet=wallet, notify=True)


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_notification_is_quicker_than_the_next_query(wallet: str) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(None)
        shown = await till.shown(request)
        assert shown.qr is not None
        world.scan(shown.qr, "pay")
        status, seconds = await till.final(request.payment_no)
        assert status.state is PAID
        assert seconds < 1

    in_world(story, interval_ms=30_000, wallet=wallet, notify=True)
