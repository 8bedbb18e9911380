"""An alarm is open as long as what it tells of, and no longer: whoever reads ten about what is over misses the next."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from gateway.channels.port import ChannelReason, Closed, Paid, RefundDone, RefundRefused, UndoRefused
from gateway.jobs.calls import Decide
from gateway.jobs.keeping import keep, keep_refund
from gateway.jobs.late_cases import LateCase, accept, open_cases, send_back
from gateway.jobs.schedule import DEFAULT_PACE
from gateway.payments.answers import answer_query
from gateway.payments.late import LateRefusal, LateWord
from gateway.payments.notified import notified_wrongly
from gateway.payments.refunds import answer_refund
from gateway.payments.undo import answer_cancel, sending_close
from gateway.payments.values import AlarmKind, ChannelOrder, Payment, PaymentKey, Refund, Step
from gateway.store import payments, refunds
from gateway.store.tables import MERCHANTS
from gateway.store.units import Tx
from protocol.cash import CASH_TAKEN
from protocol.messages import LateMoneyState, PaymentStatus, RefundRequest, encode
from protocol.numbers import new_number
from protocol.states import GatewayState, RefundState
from tests.contract.gateway.gateway_world import Fault, Till, World, in_world, number_of, status_of
from tests.contract.gateway.offline_world import offline_till, pays, url_of
from tests.contract.gateway.page_world import PageWorld, in_page_world
from tests.contract.gateway.test_gateway_cash import Chain, late_state, pay_behind, unpaid

WORD = LateWord(person="老王", reason="客人走了")
HOLD = update(MERCHANTS).values(late_money="hold")
FROZEN = UndoRefused(code="ACQ.REASON_TRADE_BEEN_FREEZEN", reason=ChannelReason.TRADE_FROZEN)


def decided(world: World, out_trade_no: str, decide: Decide) -> Payment:
    """What a decision makes of an order's rows, kept as an answer's is."""

    def unit(tx: Tx) -> Payment:
        found = payments.with_order(tx, out_trade_no)
        assert found is not None
        payment, order = found
        now_ms = world.clock.now_ms()
        step = decide(payment, order, now_ms)
        return keep(tx, payment, step, lambda _: DEFAULT_PACE, now_ms=now_ms, order_before=order)

    return world.store.run_now(unit)


def refused(payment: Payment, order: ChannelOrder, now_ms: int) -> Step:
    return answer_cancel(payment, order, FROZEN, said_by="alipay", now_ms=now_ms, even_since_ms=0)


@pytest.mark.parametrize("script", ["never", "ask_password:30", "reverse_ack_not_applied"])
def test_an_undo_that_was_refused_is_no_alarm_once_the_payment_ended(script: str) -> None:
    """Whichever way it ends: closed, or given back as a refund."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code(script))
        await till.pay(request)
        await asyncio.sleep(2)
        await till.cancel(request.payment_no)
        await asyncio.sleep(0.2)
        decided(world, f"{request.payment_no[:25]}00", refused)
        assert world.alarms() == {AlarmKind.UNDO_REFUSED: 1}
        status, _ = await till.final(request.payment_no)
        assert status.state is GatewayState.NOT_PAID
        assert world.alarms() == {}

    in_world(story)


@pytest.mark.parametrize("pays", [False, True])
def test_a_close_for_another_payer_that_was_refused_is_no_alarm_once_its_order_ended_or_was_paid(pays: bool) -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        phone = world.phone("alipay", script="pay" if pays else "never")
        page = await phone.open(status.qr)
        said = await phone.press(page)
        (name,) = (order.out_trade_no for order in world.orders_of(world.payment_of(status).key))
        decided(world, name, lambda p, o, now_ms: sending_close(p, o, now_ms=now_ms))
        decided(world, name, refused)
        assert world.alarms() == {AlarmKind.UNDO_REFUSED: 1}
        if pays:
            phone.pay(said)
        final, _ = await till.final(status.payment_no)
        assert final.state is (GatewayState.PAID if pays else GatewayState.NOT_PAID)
        assert world.alarms() == {}
        # The answer to a close that was under way meanwhile is about what is over.
        decided(world, name, refused)
        assert world.alarms() == {}

    in_page_world(story)


def paid(payment: Payment, order: ChannelOrder, now_ms: int) -> Step:
    verdict = Paid(
        amount_fen=order.amount_fen, transaction_id=f"T{order.out_trade_no}", paid_at_ms=now_ms, payer_tail=""
    )
    return _asked(payment, order, verdict, now_ms)


def closed(payment: Payment, order: ChannelOrder, now_ms: int) -> Step:
    return _asked(payment, order, Closed(code="TRADE_CLOSED"), now_ms)


def _asked(payment: Payment, order: ChannelOrder, verdict: Paid | Closed, now_ms: int) -> Step:
    return answer_query(payment, order, verdict, said_by=order.channel, asked_ms=now_ms, now_ms=now_ms, even_since_ms=0)


async def twice_late(world: PageWorld, till: Till) -> tuple[PaymentStatus, str, str]:
    """A payment on the page that two payers gave up, one after another, and both paid all the same."""
    world.store.run_now(lambda tx: tx.connection.execute(HOLD))
    status = await world.shown_page(till)
    assert status.qr is not None
    for wallet in ("alipay", "wechat"):
        phone = world.phone(wallet, script="never")
        page = await phone.open(status.qr)
        await phone.press(page)
        assert await phone.leave(page)
        await asyncio.sleep(10)
    final, _ = await till.final(status.payment_no)
    one, two = (order.out_trade_no for order in world.orders_of(world.payment_of(status).key))
    await asyncio.sleep(1)
    for name in (one, two):
        assert decided(world, name, paid).late_state is LateMoneyState.FOUND
        await asyncio.sleep(1)
    assert world.alarms() == {AlarmKind.LATE_MONEY: 1}
    return final, one, two


def waiting(world: World) -> list[LateCase]:
    return world.store.run_now(open_cases)


def test_an_alarm_of_late_money_stays_while_money_of_another_order_of_its_payment_waits() -> None:
    """And the payment says that some waits, until none does."""

    async def story(world: PageWorld) -> None:
        till = await world.till()
        status, one, two = await twice_late(world, till)
        assert decided(world, one, closed).late_state is LateMoneyState.FOUND
        assert [case.out_trade_no for case in waiting(world)] == [two]
        assert world.alarms() == {AlarmKind.LATE_MONEY: 1}
        assert status_of(await till.ask(status.payment_no)).light is None
        assert decided(world, two, closed).late_state is LateMoneyState.UNDONE
        assert world.alarms() == {}

    in_page_world(story)


def test_what_else_somebody_must_look_at_stays_when_late_money_went_back() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        _, status = await unpaid(world, till)
        name = f"{status.order_no}00"
        pay_behind(world, status.order_no)
        await late_state(till, status, LateMoneyState.FOUND)
        decided(world, name, lambda p, o, _: notified_wrongly(p, o, ("amount",), said_by=o.channel))
        assert world.alarms() == {AlarmKind.LATE_MONEY: 1, AlarmKind.MISMATCH: 1}
        goes_back_late(world, name)
        await late_state(till, status, LateMoneyState.UNDONE)
        assert world.alarms() == {AlarmKind.MISMATCH: 1}

    in_world(story)


def test_what_else_came_late_for_a_sale_goes_back_when_a_person_keeps_some_of_it() -> None:
    """A duplicate always goes back, and the payment says all the while that money of its is kept."""

    async def story(world: PageWorld) -> None:
        till = await world.till()
        status, one, two = await twice_late(world, till)
        assert isinstance(kept(world, one), PaymentKey)
        assert world.payment_of(status).late_state is LateMoneyState.ACCEPTED
        assert [(case.out_trade_no, case.going_back) for case in waiting(world)] == [(two, True)]
        assert world.alarms() == {AlarmKind.LATE_MONEY: 1}
        assert kept(world, two) is LateRefusal.GOING_BACK
        assert decided(world, two, closed).late_state is LateMoneyState.ACCEPTED
        assert world.alarms() == {}

    in_page_world(story)


def test_what_came_late_under_another_order_of_the_sale_goes_back_too() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        world.store.run_now(lambda tx: tx.connection.execute(HOLD))
        first = till.payment(world.show_code("drop_before_charge"))
        await till.pay(first)
        await till.final(first.payment_no)
        second = till.payment(world.show_code("drop_before_charge"), sale_id=first.sale_id)
        await till.pay(second)
        other, _ = await till.final(second.payment_no)
        await asyncio.sleep(1)
        one, two = (f"{number_of(request)}00" for request in (first, second))
        for name in (one, two):
            decided(world, name, paid)
        assert isinstance(kept(world, one), PaymentKey)
        assert [(case.out_trade_no, case.going_back) for case in waiting(world)] == [(two, True)]
        assert status_of(await till.ask(other.payment_no)).light is None

    in_world(story)


def kept(world: World, out_trade_no: str) -> PaymentKey | LateRefusal:
    return world.store.run_now(
        lambda tx: accept(tx, out_trade_no, WORD, lambda _: DEFAULT_PACE, now_ms=world.clock.now_ms())
    )


async def give_back(till: Till, payment_no: str, fen: int) -> str:
    """The till's refund, and time for it; its number."""
    number = new_number(till.world.entropy.bytes(15))
    asked = RefundRequest(refund_no=number, amount_fen=fen, currency="CNY", note="", operator="01")
    upload = till.signed("POST", f"/v1/payments/{payment_no}/refunds", encode(asked))
    assert (await till.send(upload)).status == 200
    await asyncio.sleep(10)
    return number


def test_a_sale_that_was_paid_twice_is_no_alarm_once_all_of_the_wallets_money_went_back() -> None:
    """Whichever of the two tenders goes back; a part of it is not enough. What is told of the cash later is not new."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        await till.pay(request)
        status, _ = await till.final(request.payment_no)
        await till.ack(status)
        chain = Chain(till)
        await chain.upload(chain.cash(CASH_TAKEN, request.sale_id))
        assert world.alarms() == {AlarmKind.PAID_TWICE: 1}
        await give_back(till, request.payment_no, 1_000)
        assert world.alarms() == {AlarmKind.PAID_TWICE: 1}
        await give_back(till, request.payment_no, 250)
        assert world.alarms() == {}
        await chain.upload(chain.cash(CASH_TAKEN, request.sale_id))
        assert world.alarms() == {}

    in_world(story)


NEVER = RefundRefused(code="ACQ.TRADE_NOT_ALLOW_REFUND", reason=ChannelReason.REFUND_REFUSED, final=True)


def refund_refused(world: World, refund_no: str, *, must_go_back: bool) -> Refund:
    """Its wallet's final word, in answer to its only send."""
    return refund_said(world, refund_no, NEVER, must_go_back=must_go_back)


def refund_said(
    world: World, refund_no: str, verdict: RefundDone | RefundRefused, *, must_go_back: bool = True
) -> Refund:
    """A wallet's answer to a refund that was sent."""

    def unit(tx: Tx) -> Refund:
        refund = refunds.find(tx, refund_no)
        assert refund is not None
        now_ms = world.clock.now_ms()
        step = answer_refund(refund, verdict, said_by="alipay", asked_ms=None, must_go_back=must_go_back, now_ms=now_ms)
        keep_refund(tx, refund, step, lambda _: DEFAULT_PACE, now_ms=now_ms)
        return step.refund

    return world.store.run_now(unit)


def test_a_refund_that_was_refused_for_good_is_no_alarm_once_another_one_gave_all_back() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        await till.pay(request)
        await till.ack((await till.final(request.payment_no))[0])
        world.line.faults["refund"] = [Fault(lose="before")]
        world.line.faults["refund_query"] = [Fault(lose="before")] * 50
        first = await give_back(till, request.payment_no, 1_250)
        assert refund_refused(world, first, must_go_back=False).state is RefundState.FAILED
        assert world.alarms() == {AlarmKind.REFUND_REFUSED: 1}
        await give_back(till, request.payment_no, 250)
        assert world.alarms() == {AlarmKind.REFUND_REFUSED: 1}
        await give_back(till, request.payment_no, 1_000)
        assert world.alarms() == {}
        world.ledger_agrees()

    in_world(story)


@pytest.mark.parametrize("part", [False, True])
def test_a_paid_order_that_its_till_had_cancelled_is_an_alarm_until_all_of_it_is_back(part: bool) -> None:
    """At once when a person gave it back. Who gave a part of it back decides about the rest, and the alarm waits."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order(amount_fen=30_000)
        await pays(world.phone("wechat"), url_of(world, signed))
        final, _ = await a.till.final(f"{signed.order.order_no}-1")
        await a.till.ack(final)
        await a.till.cancel(final.payment_no, amount_fen=30_000)
        assert world.alarms() == {AlarmKind.CANCELLED_PAID: 1}
        await give_back(a.till, final.payment_no, 100 if part else 30_000)
        assert world.alarms() == ({AlarmKind.CANCELLED_PAID: 1} if part else {})
        await asyncio.sleep(26 * 3_600)
        assert world.money(final)[1] == (100 if part else 30_000)
        assert world.alarms() == ({AlarmKind.CANCELLED_PAID: 1} if part else {})
        if part:
            await give_back(a.till, final.payment_no, 29_900)
            assert world.alarms() == {}
        world.ledger_agrees()

    in_page_world(story)


def test_a_cancelled_order_that_its_wallet_will_not_give_back_waits_for_a_person_who_does() -> None:
    """The gateway's own try ends with the wallet's final word; what a person asks for then ends both alarms."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order(amount_fen=20_000)
        await pays(world.phone("wechat"), url_of(world, signed))
        final, _ = await a.till.final(f"{signed.order.order_no}-1")
        await a.till.ack(final)
        world.line.faults["refund"] = [Fault(lose="before")]
        world.line.faults["refund_query"] = [Fault(lose="before")] * 50
        await a.till.cancel(final.payment_no, amount_fen=20_000)
        await asyncio.sleep(2)
        (order,) = world.orders_of(world.payment_of(final).key)
        assert refund_refused(world, f"{order.out_trade_no}RC", must_go_back=False).state is RefundState.FAILED
        world.line.faults.clear()
        await asyncio.sleep(26 * 3_600)
        assert world.alarms() == {AlarmKind.CANCELLED_PAID: 1, AlarmKind.REFUND_REFUSED: 1}
        assert world.money(final)[:2] == (20_000, 0)
        await give_back(a.till, final.payment_no, 20_000)
        assert world.alarms() == {}
        assert world.money(final)[:2] == (20_000, 20_000)
        world.ledger_agrees()

    in_page_world(story)


@pytest.mark.parametrize("holds", [False, True])
def test_a_cancel_that_is_heard_when_all_is_back_is_nobodys_alarm(holds: bool) -> None:
    """The till that cancelled it delivers its journal late; another one has given the money back meanwhile."""

    async def story(world: PageWorld) -> None:
        if holds:
            world.store.run_now(lambda tx: tx.connection.execute(HOLD))
        a = await offline_till(world)
        signed = a.order(amount_fen=30_000)
        await pays(world.phone("wechat"), url_of(world, signed))
        final, _ = await a.till.final(f"{signed.order.order_no}-1")
        await a.till.ack(final)
        await give_back(a.till, final.payment_no, 30_000)
        await a.till.cancel(final.payment_no, amount_fen=30_000)
        await asyncio.sleep(26 * 3_600)
        assert world.alarms() == {}
        assert world.money(final)[:2] == (30_000, 30_000)

    in_page_world(story)


def test_a_merchant_who_decides_himself_has_no_alarm_left_of_what_he_gave_back() -> None:
    async def story(world: PageWorld) -> None:
        world.store.run_now(lambda tx: tx.connection.execute(HOLD))
        a = await offline_till(world)
        signed = a.order()
        await pays(world.phone("wechat"), url_of(world, signed))
        final, _ = await a.till.final(f"{signed.order.order_no}-1")
        await a.till.ack(final)
        await a.till.cancel(final.payment_no)
        assert world.alarms() == {AlarmKind.CANCELLED_PAID: 1}
        await give_back(a.till, final.payment_no, 1_250)
        assert world.alarms() == {}

    in_page_world(story)


def goes_back_late(world: World, out_trade_no: str) -> PaymentKey | LateRefusal:
    return world.store.run_now(
        lambda tx: send_back(tx, out_trade_no, WORD, lambda _: DEFAULT_PACE, now_ms=world.clock.now_ms())
    )


@pytest.mark.parametrize("covered", [False, True])
def test_late_money_that_is_found_again_goes_back_although_its_first_refund_was_refused_for_good(covered: bool) -> None:
    """Its wallet had called the order closed meanwhile, so that nothing seemed to be owed: a number that has ended
    gives nothing back any more, another one does."""

    async def story(world: World) -> None:
        till = await world.till()
        request, status = await unpaid(world, till)
        name = f"{status.order_no}00"
        pay_behind(world, status.order_no)
        status = await late_state(till, status, LateMoneyState.FOUND)
        world.line.faults["refund"] = [Fault(lose="before")]
        world.line.faults["refund_query"] = [Fault(lose="before")] * 50
        assert isinstance(goes_back_late(world, name), PaymentKey)
        await asyncio.sleep(1)
        decided(world, name, closed)
        assert refund_refused(world, f"{name}RL", must_go_back=False).state is RefundState.FAILED
        world.line.faults.clear()
        if covered:
            chain = Chain(till)
            await chain.upload(chain.cash(CASH_TAKEN, request.sale_id))
        status = await late_state(till, status, LateMoneyState.FOUND)
        assert world.money(status)[:2] == (1250, 0)
        if not covered:
            assert isinstance(goes_back_late(world, name), PaymentKey)
        await late_state(till, status, LateMoneyState.UNDONE)
        assert world.money(status)[:2] == (1250, 1250)
        assert world.alarms() == {}
        world.ledger_agrees()

    in_world(story)


@pytest.mark.parametrize("undo", [False, True])
def test_a_refund_that_must_be_made_and_never_will_be_is_no_alarm_once_its_wallet_closed_the_order(undo: bool) -> None:
    """The undo's, and late money's: nothing is owed any more. What its wallet says of it later is nobody's alarm."""

    async def story(world: World) -> None:
        till = await world.till()
        world.line.faults["refund"] = [Fault(lose="before")]
        world.line.faults["refund_query"] = [Fault(lose="before")] * 50
        if undo:
            request = till.payment(world.show_code("ask_password:100"))
            await till.pay(request)
            await asyncio.sleep(1)
            name = f"{number_of(request)}00"
            world.line.faults["query"] = [Fault(lose="before")] * 50
            await till.cancel(request.payment_no)
            assert decided(world, name, paid).state is GatewayState.UNDO_BY_REFUND
        else:
            request, status = await unpaid(world, till)
            name = f"{status.order_no}00"
            pay_behind(world, status.order_no)
            await late_state(till, status, LateMoneyState.FOUND)
            goes_back_late(world, name)
        await asyncio.sleep(1)
        number = f"{name}{'RU' if undo else 'RL'}"
        assert refund_refused(world, number, must_go_back=True).state is RefundState.SENT
        assert world.alarms()[AlarmKind.REFUND_NEVER] == 1
        decided(world, name, closed)
        assert world.alarms() == {}
        assert refund_refused(world, number, must_go_back=False).state is RefundState.FAILED
        assert world.alarms() == {}

    in_world(story)
