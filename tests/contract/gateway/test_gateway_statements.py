"""What a statement of the store leaves alone: another's lease, another page, another till's rows."""

from __future__ import annotations

import asyncio

import pytest

from gateway.channels.port import RefundDone
from gateway.payments.values import AlarmKind
from gateway.store import pages, tasks
from gateway.store.runners import InlineStore
from gateway.store.tasks import Task, TaskKind
from gateway.store.units import Tx
from proof.stores import empty_store
from protocol.cash import CASH_TAKEN
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, RefundState
from tests.contract.gateway.gateway_world import Fault
from tests.contract.gateway.page_world import PageWorld, in_page_world
from tests.contract.gateway.test_gateway_alarms import decided, give_back, paid, refund_said
from tests.contract.gateway.test_gateway_cash import Chain

KINDS = [TaskKind.WORK, TaskKind.REFUND]


def leased(tx: Tx, task: Task, *, owner: str, now_ms: int) -> bool:
    """As the schedule leases: work on orders together, the rest one by one."""
    if task.kind is TaskKind.WORK:
        return tasks.lease_work(tx, [task], owner=owner, now_ms=now_ms, until_ms=now_ms + 100) == {task.ref}
    return tasks.lease(tx, task, owner=owner, now_ms=now_ms, until_ms=now_ms + 100)


def due(tx: Tx, now_ms: int) -> list[Task]:
    return tasks.due(tx, now_ms=now_ms, limit=9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lease_is_held_until_its_time_and_ended_by_its_owner_alone(kind: TaskKind) -> None:
    """Whoever looked before it was taken does not get it too, and an answer that comes late frees nobody else's."""
    store = InlineStore(empty_store())

    def unit(tx: Tx) -> None:
        tasks.put(tx, kind, "X", due_ms=10, account_id=None)
        assert due(tx, 9) == []
        (task,) = due(tx, 10)
        assert leased(tx, task, owner="a", now_ms=10)
        assert not leased(tx, task, owner="b", now_ms=109)
        assert due(tx, 109) == []
        tasks.give_back(tx, kind, "X", owner="b")
        tasks.put(tx, kind, "X", due_ms=20, account_id=None)
        tasks.put(tx, kind, "X", due_ms=20, account_id=None, release="b")
        assert due(tx, 109) == []
        assert leased(tx, task, owner="b", now_ms=110)
        tasks.put(tx, kind, "X", due_ms=30, account_id=None, release="a")
        assert due(tx, 209) == []
        tasks.give_back(tx, kind, "X", owner="b")
        assert [one.due_ms for one in due(tx, 30)] == [30]
        assert leased(tx, task, owner="b", now_ms=30)
        tasks.put(tx, kind, "X", due_ms=40, account_id=None, release="b")
        assert [one.due_ms for one in due(tx, 40)] == [40]

    store.run_now(unit)


def test_a_static_qr_that_is_renewed_takes_no_tills_page_away() -> None:
    async def story(world: PageWorld) -> None:
        world.static_qr()
        till = await world.till()
        status = await world.shown_page(till)
        world.store.run_now(lambda tx: pages.revoke_static(tx, "s1", now_ms=world.clock.now_ms()))
        assert world.store.run_now(lambda tx: pages.static_token(tx, "s1")) is None
        assert status.qr is not None
        phone = world.phone("alipay")
        phone.pay(await phone.press(await phone.open(status.qr)))
        assert (await till.final(status.payment_no))[0].state is GatewayState.PAID

    in_page_world(story)


def test_a_payer_who_begins_at_two_stores_has_an_open_payment_at_each() -> None:
    """Who he is is known to the merchant's account, which both stores use."""

    async def story(world: PageWorld) -> None:
        qr = world.static_qr()
        phone = world.phone("wechat")
        await phone.press(await phone.open(qr), amount_fen=500)
        (payment,) = world.all_payments()
        (order,) = world.orders_of(payment.key)
        assert order.payer_mark is not None
        mark = order.payer_mark

        def open_at(terminal_id: str) -> int:
            return len(
                world.store.run_now(lambda tx: pages.open_of_payer(tx, terminal_id, channel="wechat", payer_mark=mark))
            )

        assert (open_at(payment.key.terminal_id), open_at("ANOTHER")) == (1, 0)

    in_page_world(story)


def test_what_an_earlier_payer_of_the_page_got_back_is_nothing_of_the_sales_money() -> None:
    """The page was paid twice: the first payer's late money went back, the second one's is kept, and then came cash."""

    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        first, second = world.phone("wechat", script="never"), world.phone("alipay")
        page = await first.open(status.qr)
        await first.press(page)
        assert await first.leave(page)
        await asyncio.sleep(10)
        second.pay(await second.press(await second.open(status.qr)))
        final, _ = await till.final(status.payment_no)
        await till.ack(final)
        (one, _) = world.orders_of(world.payment_of(status).key)
        world.line.faults["refund"] = [Fault(lose="before")]
        world.line.faults["refund_query"] = [Fault(lose="before")] * 50
        decided(world, one.out_trade_no, paid)
        await asyncio.sleep(1)
        done = RefundDone(amount_fen=1_250, channel_refund_id="", done_at_ms=None)
        assert refund_said(world, f"{one.out_trade_no}RL", done).state is RefundState.DONE
        assert world.payment_of(status).late_state is LateMoneyState.UNDONE
        world.line.faults.clear()
        chain = Chain(till)
        sale_id = world.payment_of(status).sale_id
        assert sale_id is not None
        await chain.upload(chain.cash(CASH_TAKEN, sale_id))
        assert AlarmKind.PAID_TWICE in world.alarms()
        await give_back(till, status.payment_no, 1_250)
        assert AlarmKind.PAID_TWICE not in world.alarms()

    in_page_world(story)
