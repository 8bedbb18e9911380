"""Each guard of the till's calls by itself: what is refused is refused by name, and nothing is applied."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.channels.port import Paid
from gateway.jobs import desk
from gateway.jobs.keeping import keep
from gateway.jobs.schedule import DEFAULT_PACE, undo_goes_on
from gateway.payments.moves import to_paid
from gateway.payments.values import AlarmKind, ChannelOrder, Payment, PaymentKey
from gateway.store import guards
from gateway.store.units import Tx
from protocol.messages import AckRequest, CancelRequest, PaymentStatus, RefundRequest, encode
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.signature import WINDOW_S
from protocol.states import GatewayState, ProofKind
from sandbox.wallet import MoneyState
from tests.contract.gateway.gateway_world import Fault, Till, World, in_world, number_of, problem_of, status_of

PAID, NOT_PAID = GatewayState.PAID, GatewayState.NOT_PAID
#: The same code comes again at its own till, or at another.
AT = pytest.mark.parametrize("other_till", [False, True])


async def paid(world: World, till: Till) -> PaymentStatus:
    request = till.payment(world.show_code("pay"))
    await till.pay(request)
    status, _ = await till.final(request.payment_no)
    assert status.state is PAID
    return status


@pytest.mark.parametrize(("state", "later"), [(PAID, 1), (NOT_PAID, 0)])
def test_an_acknowledgement_of_what_was_not_told_ends_no_notice(state: GatewayState, later: int) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        status = await paid(world, till)
        wrong = msgspec.structs.replace(status, state=state, state_seq=status.state_seq + later)
        assert problem_of(await till.ack(wrong)).reason is Reason.CONTENT_DIFFERS
        await asyncio.sleep(130)
        assert world.alarms() == {AlarmKind.PAID_UNNOTICED: 1}

    in_world(story)


def test_what_is_open_is_not_acknowledged() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("ask_password:5"))
        status = status_of(await till.pay(request))
        assert problem_of(await till.ack(status)).reason is Reason.CONTENT_DIFFERS
        await till.final(request.payment_no)
        await asyncio.sleep(130)
        assert world.alarms() == {AlarmKind.PAID_UNNOTICED: 1}

    in_world(story)


def test_what_was_signed_long_ago_has_no_effect() -> None:
    """Whoever kept a till's bytes cannot use them later: not to cancel, to acknowledge or to give money back."""

    async def story(world: World) -> None:
        till = await world.till()
        status = await paid(world, till)
        waiting = till.payment(world.show_code("ask_password:20"))
        await till.pay(waiting)
        till.skew_s = -WINDOW_S - 10
        back = RefundRequest(
            refund_no=new_number(world.entropy.bytes(15)), amount_fen=100, currency="CNY", note="", operator="01"
        )
        old = (
            (f"/v1/payments/{status.payment_no}/ack", encode(AckRequest(state=PAID, state_seq=status.state_seq))),
            (f"/v1/payments/{status.payment_no}/refunds", encode(back)),
            (f"/v1/payments/{waiting.payment_no}/cancel", encode(CancelRequest(amount_fen=1250, operator="01"))),
        )
        for path, body in old:
            assert problem_of(await till.call("POST", path, body)).reason is Reason.CLOCK
        till.skew_s = 0
        late, _ = await till.final(waiting.payment_no)
        assert (late.state, late.cancel_requested) == (PAID, False)
        await asyncio.sleep(130)
        assert world.alarms() == {AlarmKind.PAID_UNNOTICED: 2}
        assert sum(order.refunded_fen for order in world.wallets.orders()) == 0

    in_world(story)


def test_a_cancel_of_another_amount_is_about_something_else() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("ask_password:5"))
        await till.pay(request)
        assert problem_of(await till.cancel(request.payment_no, 1249)).reason is Reason.CONTENT_DIFFERS
        status, _ = await till.final(request.payment_no)
        assert (status.state, status.cancel_requested) == (PAID, False)

    in_world(story)


@AT
def test_a_code_whose_payment_is_open_begins_no_other(other_till: bool) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        code = world.show_code("ask_password:20")
        await till.pay(till.payment(code))
        second = await world.till() if other_till else till
        status = status_of(await second.pay(second.payment(code)))
        assert (status.state, status.reason) == (NOT_PAID, Reason.CODE_USED_ELSEWHERE)
        await asyncio.sleep(1)
        assert len({number for _, verb, number in world.line.sent if verb == "pay"}) == 1

    in_world(story)


@AT
def test_a_code_that_never_left_is_free_at_its_own_till_and_for_one_payment(other_till: bool) -> None:
    async def story(world: World) -> None:
        till, other = await world.till(), await world.till()
        world.line.faults["pay"] = [Fault(lose="not_sent")]
        code = world.show_code("ask_password:20")
        first = till.payment(code)
        await till.pay(first)
        status, _ = await till.final(first.payment_no)
        assert status.proof is not None
        assert status.proof.kind is ProofKind.NOT_SENT
        if not other_till:
            again = till.payment(code, order_no=number_of(first), sale_id=first.sale_id, n=2)
            assert status_of(await till.pay(again)).state is GatewayState.SENT
        asking = other if other_till else till
        refused = status_of(await asking.pay(asking.payment(code)))
        assert (refused.state, refused.reason) == (NOT_PAID, Reason.CODE_USED_ELSEWHERE)

    in_world(story)


def test_what_was_used_is_known_for_as_long_as_it_may_come_again() -> None:
    """A signature is good for its window before and after; a payment code's mark is kept for a day."""

    async def story(world: World) -> None:
        key, now_ms = PaymentKey(terminal_id="T", order_no="O", n=1), world.clock.now_ms()

        def used(nonce_ms: int, mark_ms: int) -> tuple[bool, bool]:
            world.store.run_now(lambda tx: guards.prune(tx, now_ms=now_ms + nonce_ms))
            fresh = world.store.run_now(lambda tx: guards.use_nonce(tx, keyid="k", nonce="n", now_ms=now_ms))
            world.store.run_now(lambda tx: guards.prune(tx, now_ms=now_ms + mark_ms))
            return not fresh, world.store.run_now(lambda tx: guards.marked(tx, b"m")) == key

        world.store.run_now(lambda tx: guards.use_nonce(tx, keyid="k", nonce="n", now_ms=now_ms))
        world.store.run_now(lambda tx: guards.add_mark(tx, b"m", key, now_ms=now_ms))
        assert used(2 * WINDOW_S * 1_000, 86_400_000) == (True, True)

    in_world(story)


@pytest.mark.parametrize("changed", ["amount_fen", "sale_id"])
def test_a_further_try_of_an_order_has_its_amount_and_its_sale(changed: str) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        first = till.payment(world.show_code("balance_low"))
        await till.pay(first)
        assert (await till.final(first.payment_no))[0].state is NOT_PAID
        again = till.payment(world.show_code("pay"), order_no=number_of(first), sale_id=first.sale_id, n=2)
        other = {"amount_fen": 1251, "sale_id": new_number(world.entropy.bytes(15))}[changed]
        refused = await till.pay(msgspec.structs.replace(again, **{changed: other}))
        assert problem_of(refused).reason is Reason.CONTENT_DIFFERS
        assert (await till.final((status_of(await till.pay(again))).payment_no))[0].state is PAID
        assert sum(order.captured_fen for order in world.wallets.orders()) == 1250

    in_world(story)


def test_what_was_paid_between_the_question_and_its_reverse_is_not_reversed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two transactions: a notification may come between them."""

    async def story(world: World) -> None:
        till = await world.till()
        status = status_of(await till.pay(till.payment(world.show_code("ask_password:600"))))

        def told(payment: Payment, order: ChannelOrder) -> bool:
            goes_on = undo_goes_on(payment, order)
            paid = Paid(transaction_id="4200001", amount_fen=1250, paid_at_ms=world.clock.now_ms(), payer_tail="")

            def unit(tx: Tx) -> None:
                now_ms = world.clock.now_ms()
                step = to_paid(payment, order, paid, fresh=True, said_by="wechat", now_ms=now_ms)
                keep(tx, payment, step, lambda _account: DEFAULT_PACE, now_ms=now_ms, order_before=order)

            world.store.run_now(unit)
            return goes_on

        monkeypatch.setattr(desk, "undo_goes_on", told)
        await asyncio.sleep(50)
        assert status_of(await till.ask(status.payment_no)).state is PAID
        assert world.money(status)[2] is MoneyState.WAITING

    in_world(story)
