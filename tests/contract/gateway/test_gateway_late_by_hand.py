"""Late money that a person gave back by other means than its wallet: said once, booked, and never sent back too."""

from __future__ import annotations

import asyncio

import pytest

from gateway.channels.port import RefundDone
from gateway.configure.faults import one_fault
from gateway.configure.late_money import late_word
from gateway.configure.words import LateAction, LateOrder, LateSaid
from gateway.jobs.keeping import keep_refund
from gateway.jobs.late_cases import by_hand
from gateway.jobs.schedule import DEFAULT_PACE
from gateway.payments.late import LateRefusal
from gateway.payments.refunds import answer_refund
from gateway.payments.values import AlarmKind, PaymentKey
from gateway.store import ledger, refunds
from gateway.store.units import Tx
from protocol.messages import LateMoneyState, Light, PaymentStatus
from protocol.states import GatewayState, RefundState
from tests.contract.gateway.gateway_world import Fault, Till, World, in_world, number_of
from tests.contract.gateway.test_gateway_alarms import decided, goes_back_late, paid, refund_refused, waiting
from tests.contract.gateway.test_gateway_cash import WORD, kept_by_a_person, late_state, pay_behind, unpaid


def said_by_hand(world: World, out_trade_no: str) -> PaymentKey | LateRefusal:
    return world.store.run_now(
        lambda tx: by_hand(tx, out_trade_no, WORD, lambda _: DEFAULT_PACE, now_ms=world.clock.now_ms())
    )


async def found_late(world: World, till: Till) -> tuple[PaymentStatus, str, str]:
    """Late money that waits for a person; the name of its order, and its sale."""
    request, status = await unpaid(world, till)
    pay_behind(world, status.order_no)
    status = await late_state(till, status, LateMoneyState.FOUND)
    return status, f"{status.order_no}00", request.sale_id


async def settled_by_hand(world: World, till: Till, status: PaymentStatus, name: str) -> PaymentStatus:
    """It is told, booked and closed, whatever the wallet says; and nothing more is asked or sent."""
    status = await late_state(till, status, LateMoneyState.UNDONE)
    assert (status.state, status.light) == (GatewayState.NOT_PAID, Light.GREEN)
    assert world.alarms() == {}
    assert waiting(world) == []
    assert world.timeline(status)[-1] in ("late_money_by_hand", "refund_given_up")
    assert decided(world, name, paid).late_state is LateMoneyState.UNDONE
    assert world.alarms() == {}
    calls = len(world.line.sent)
    await asyncio.sleep(72 * 3_600)
    assert len(world.line.sent) == calls
    assert world.money(status)[:2] == (1250, 0)
    world.ledger_agrees()
    assert world.store.run_now(ledger.balances)["to_settle:m1"] == -1250
    return status


def test_what_a_person_gave_back_by_other_means_is_no_case_any_more_and_its_sale_may_be_charged_again() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        status, name, sale_id = await found_late(world, till)
        assert isinstance(said_by_hand(world, name), PaymentKey)
        status = await settled_by_hand(world, till, status, name)
        for word in (said_by_hand, goes_back_late):
            assert word(world, name) is LateRefusal.NOT_LATE
        assert kept_by_a_person(world, status) is LateRefusal.NOT_LATE
        again = till.payment(world.show_code("pay"), sale_id=sale_id)
        await till.pay(again)
        assert (await till.final(again.payment_no))[0].state is GatewayState.PAID
        await asyncio.sleep(60)
        assert world.money(status)[:2] == (1250, 0)

    in_world(story)


def test_a_refund_that_its_wallet_refused_for_good_ends_when_a_person_gave_the_money_back() -> None:
    """While it may still work, nobody may say so: the payer would be paid twice."""

    async def story(world: World) -> None:
        till = await world.till()
        status, name, _ = await found_late(world, till)
        world.line.faults["refund"] = [Fault(lose="before")]
        world.line.faults["refund_query"] = [Fault(lose="before")] * 50
        assert isinstance(goes_back_late(world, name), PaymentKey)
        assert said_by_hand(world, name) is LateRefusal.ON_ITS_WAY
        await asyncio.sleep(1)
        assert said_by_hand(world, name) is LateRefusal.ON_ITS_WAY
        assert [(case.going_back, case.refused) for case in waiting(world)] == [(True, False)]
        refund_refused(world, f"{name}RL", must_go_back=True)
        assert [(case.going_back, case.refused) for case in waiting(world)] == [(True, True)]
        assert world.alarms() == {AlarmKind.LATE_MONEY: 1, AlarmKind.REFUND_NEVER: 1}
        assert isinstance(said_by_hand(world, name), PaymentKey)
        refund = world.store.run_now(lambda tx: refunds.find(tx, f"{name}RL"))
        assert refund is not None
        assert refund.state is RefundState.FAILED
        status = await settled_by_hand(world, till, status, name)

        def gives_back_all_the_same(tx: Tx) -> None:
            done = RefundDone(amount_fen=1250, channel_refund_id="", done_at_ms=None)
            step = answer_refund(refund, done, said_by="alipay", asked_ms=None, must_go_back=False, now_ms=0)
            keep_refund(tx, refund, step, lambda _: DEFAULT_PACE, now_ms=0)

        world.store.run_now(gives_back_all_the_same)
        assert world.alarms() == {AlarmKind.CONFLICT: 1}, "he was paid back twice: a person looks"

    in_world(story)


def test_of_a_payment_that_is_being_undone_nobody_says_so() -> None:
    """What is not paid is proven by table P; the refund stays what it was, and the alarm says that it never works."""

    async def story(world: World) -> None:
        till = await world.till()
        world.line.faults["refund"] = [Fault(lose="before")]
        world.line.faults["refund_query"] = [Fault(lose="before")] * 50
        world.line.faults["query"] = [Fault(lose="before")] * 50
        request = till.payment(world.show_code("ask_password:100"))
        await till.pay(request)
        await asyncio.sleep(1)
        name = f"{number_of(request)}00"
        await till.cancel(request.payment_no)
        assert decided(world, name, paid).state is GatewayState.UNDO_BY_REFUND
        await asyncio.sleep(1)
        refund_refused(world, f"{name}RU", must_go_back=True)
        order = LateOrder(action=LateAction.BY_HAND, out_trade_no=name, person="Wang", reason="cash")
        said = world.store.run_now(lambda tx: late_word(tx, order, now_ms=world.clock.now_ms()))
        assert "being undone" in str(said)
        refund = world.store.run_now(lambda tx: refunds.find(tx, f"{name}RU"))
        assert refund is not None
        assert refund.state is RefundState.SENT
        assert world.alarms()[AlarmKind.REFUND_NEVER] == 1

    in_world(story)


@pytest.mark.parametrize(("person", "reason", "fault"), [(" ", "cash", "by"), ("Wang", " ", "reason")])
def test_who_gave_it_back_and_how_is_said(person: str, reason: str, fault: str) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        _, name, _ = await found_late(world, till)
        order = LateOrder(action=LateAction.BY_HAND, out_trade_no=name, person=person, reason=reason)
        said = world.store.run_now(lambda tx: late_word(tx, order, now_ms=world.clock.now_ms()))
        assert said == one_fault("late money", fault, "must be given: it is kept with the payment")
        assert len(waiting(world)) == 1
        right = LateOrder(action=LateAction.BY_HAND, out_trade_no=name, person="Wang", reason="cash")
        done = world.store.run_now(lambda tx: late_word(tx, right, now_ms=world.clock.now_ms()))
        assert isinstance(done, tuple)
        assert done[0] == LateSaid(cases=(), done=True)

    in_world(story)
