"""Undoing what is open: the cashier's cancel against every moment of a payment, lost cancels, restarts, late money.

Whatever happens, the outcome agrees with the wallet's money and NOT_PAID has a proof."""

from __future__ import annotations

import asyncio

import pytest

from gateway.channels.port import PayOrder, RefundDone
from gateway.payments.values import AlarmKind
from protocol.messages import LateMoneyState, Light, PaymentStatus
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import GatewayState, ProofKind
from sandbox.wallet import MoneyState
from tests.contract.gateway.gateway_world import Fault, Till, World, in_world, number_of, problem_of, status_of
from tests.contract.gateway.test_gateway_alarms import decided, paid, refund_said, refused

PAID, NOT_PAID = GatewayState.PAID, GatewayState.NOT_PAID


@pytest.mark.parametrize("script", ["ask_password:40", "never", "drop_before_charge", "system_error_not_charged"])
def test_a_cancel_of_an_open_payment_ends_unpaid_within_a_minute(script: str) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code(script))
        await till.pay(request)
        await asyncio.sleep(2)
        cancelled = status_of(await till.cancel(request.payment_no))
        assert cancelled.cancel_requested
        status, seconds = await till.final(request.payment_no)
        assert status.state is NOT_PAID
        assert status.reason is Reason.CANCELLED
        assert seconds <= 60
        captured, refunded, _ = world.money(status)
        assert captured == refunded

    in_world(story)


def test_a_cancel_after_paid_leaves_paid() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        await till.pay(request)
        await till.final(request.payment_no)
        assert status_of(await till.cancel(request.payment_no)).state is PAID
        await asyncio.sleep(120)
        assert status_of(await till.ask(request.payment_no)).state is PAID
        assert not any(method == "cancel" for _, method, _ in world.line.sent)

    in_world(story)


def test_paid_with_a_durable_cancel_intent_is_given_back() -> None:
    """The intent came while the pay answer was on its way: the money goes back, the proof says so."""

    async def story(world: World) -> None:
        till = await world.till()
        world.line.faults["pay"] = [Fault(answer_late_s=1)]
        world.line.faults["query"] = [Fault(late_s=3)]
        request = till.payment(world.show_code("pay"))
        await till.pay(request)
        await asyncio.sleep(0.5)
        await till.cancel(request.payment_no)
        status, _ = await till.final(request.payment_no)
        assert status.state is NOT_PAID
        assert status.proof is not None
        assert (status.proof.kind, status.reason) == (ProofKind.REFUNDED, Reason.CANCELLED)
        assert world.money(status) == (1250, 1250, MoneyState.REFUNDED)

    in_world(story)


def test_what_nobody_cancelled_and_was_paid_while_it_was_undone_is_told_as_timed_out() -> None:
    """The wallet refuses the undo: the customer's money goes back as a refund."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("reverse_ack_not_applied"))
        world.line.faults["pay"] = [Fault(lose="after")]
        world.line.faults["query"] = [Fault(lose="before")] * 500
        await till.pay(request)
        await asyncio.sleep(55)
        order = f"{number_of(request)}00"
        decided(world, order, refused)
        world.line.faults["refund"] = [Fault(lose="before")]
        assert decided(world, order, paid).state is GatewayState.UNDO_BY_REFUND
        world.gateway.scheduler.wake()
        await asyncio.sleep(1)
        refund_said(world, f"{order}RU", RefundDone(amount_fen=1250, channel_refund_id="", done_at_ms=None))
        status, _ = await till.final(request.payment_no)
        assert status.proof is not None
        assert (status.proof.kind, status.reason) == (ProofKind.REFUNDED, Reason.TIMED_OUT)

    in_world(story)


def test_a_cancel_whose_answers_are_lost_is_repeated_until_a_query_proves_it() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        world.line.faults["cancel"] = [Fault(lose="before"), Fault(lose="not_sent"), Fault(html=True)]
        request = till.payment(world.show_code("never"))
        await till.pay(request)
        await asyncio.sleep(5)
        await till.cancel(request.payment_no)
        status, seconds = await till.final(request.payment_no)
        assert status.proof is not None
        assert status.proof.kind is ProofKind.CLOSED
        assert seconds < 30

    in_world(story)


def test_a_refused_cancel_is_an_alarm_and_a_retry_never_a_state() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("never"))
        await till.pay(request)
        await asyncio.sleep(1)
        world.line.always = Fault(lose="after")
        await till.cancel(request.payment_no)
        await asyncio.sleep(100)
        open_still = status_of(await till.ask(request.payment_no))
        assert not open_still.state.final
        assert open_still.light is Light.AMBER
        world.line.always = None
        status, _ = await till.final(request.payment_no)
        assert status.state is NOT_PAID
        assert status.light is Light.GREEN

    in_world(story)


def test_a_channel_outage_moves_nothing_until_it_ends() -> None:
    """Timeouts, cuts and HTML are no events: the payment stays open for an hour and is then settled by a query."""

    async def story(world: World) -> None:
        till = await world.till()
        world.line.faults["pay"] = [Fault(lose="after")]
        request = till.payment(world.show_code("pay"))
        await till.pay(request)
        world.line.always = Fault(html=True, lose="before")
        await asyncio.sleep(3600)
        assert not status_of(await till.ask(request.payment_no)).state.final
        world.line.always = None
        status, _ = await till.final(request.payment_no)
        assert status.state is NOT_PAID
        assert world.money(status) == (1250, 1250, MoneyState.REVERSED)

    in_world(story)


@pytest.mark.parametrize("at_s", [0.01, 0.03, 2.0, 44.0, 45.01, 46.0, 50.0])
@pytest.mark.parametrize("script", ["pay", "ask_password:30", "never", "drop_after_charge", "drop_before_charge"])
def test_a_gateway_that_dies_at_any_moment_settles_after_its_restart(script: str, at_s: float) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code(script))
        await till.pay(request)
        await asyncio.sleep(at_s)
        await world.restart(down_s=5)
        status, _ = await till.final(request.payment_no, seconds=90)
        captured, refunded, _ = world.money(status)
        assert captured - refunded == (1250 if status.state is PAID else 0)
        assert (status.proof is None) == (status.state is PAID)

    in_world(story)


def test_a_pay_request_that_arrives_late_at_the_wallet_is_never_called_absent_too_early() -> None:
    """Not found proves nothing while the pay request may still be on its way: the pay socket must be closed 30 s."""

    async def story(world: World) -> None:
        till = await world.till()
        world.line.faults["pay"] = [Fault(late_s=16)]
        request = till.payment(world.show_code("pay"))
        await till.pay(request)
        await asyncio.sleep(1)
        await till.cancel(request.payment_no)
        status, _ = await till.final(request.payment_no)
        captured, refunded, _ = world.money(status)
        assert status.state is NOT_PAID
        assert captured == refunded

    in_world(story)


def test_money_that_comes_after_the_proof_is_found_told_and_given_back() -> None:
    """A pay request that was held up on its way charges after everything said that it cannot: the watch finds it."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("drop_before_charge"))
        await till.pay(request)
        status, _ = await till.final(request.payment_no)
        assert status.proof is not None
        assert status.proof.kind is ProofKind.ABSENT
        _pay_behind(world, status.order_no)
        late = await _change(till, status)
        assert late.late_money is not None
        assert late.late_money.state is LateMoneyState.FOUND
        assert world.alarms()[AlarmKind.LATE_MONEY] == 1
        again = till.payment(world.show_code("pay"), order_no=status.order_no, sale_id=request.sale_id, n=2)
        assert problem_of(await till.pay(again)).reason is Reason.ORDER_OPEN
        late = await _change(till, late)
        assert late.late_money is not None
        assert late.late_money.state is LateMoneyState.UNDONE
        assert late.state is NOT_PAID
        captured, refunded, _ = world.money(status)
        assert (captured, refunded) == (1250, 1250)

    in_world(story)


def test_nothing_is_asked_any_more_once_late_money_has_gone_back() -> None:
    """The wallet said that the refund is done: there is no more money that could come."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("drop_before_charge"))
        await till.pay(request)
        status, _ = await till.final(request.payment_no)
        _pay_behind(world, status.order_no)
        late = await _change(till, await _change(till, status))
        assert late.late_money is not None
        assert late.late_money.state is LateMoneyState.UNDONE
        calls = len(world.line.sent)
        await asyncio.sleep(25 * 3_600)
        assert len(world.line.sent) == calls

    in_world(story)


async def _change(till: Till, status: PaymentStatus) -> PaymentStatus:
    """The next thing that the till is told, within ten minutes."""
    for _ in range(24):
        later = status_of(await till.ask(status.payment_no, wait=25, after=status.state_seq))
        if later.state_seq > status.state_seq:
            return later
    raise AssertionError("nothing changed")


def _pay_behind(world: World, order_no: str) -> None:
    """The wallet charges although everything said that it cannot: a pay request that was held up on its way."""
    account = world.gateway.accounts.find("a1")
    assert account is not None
    order = PayOrder(
        out_trade_no=f"{order_no}00",
        amount_fen=1250,
        subject="早餐",
        auth_code=Secret(world.show_code("pay")),
        operator="01",
        terminal="T",
        store="",
        open_for_ms=60_000,
    )
    world.wallets.serve(account.channel.pay(order, now_ms=world.clock.now_ms()).request)
