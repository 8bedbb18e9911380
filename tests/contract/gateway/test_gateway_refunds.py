"""Refunds at every wallet: reserved before the wallet is called, one number for ever, partial and repeated, driven to
the end; a thousand at once never exceed what was paid."""

from __future__ import annotations

import asyncio

import pytest

from gateway.payments.values import AlarmKind
from protocol.messages import Problem, RefundRequest, RefundStatus, decode, encode
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.signature import ResponseParts
from protocol.states import RefundState
from tests.contract.gateway.gateway_world import Fault, Till, World, in_world

WALLETS = ("alipay", "wechat", "unionpay")
AMOUNT_FEN = 1250


async def _paid(world: World, till: Till, script: str = "pay") -> str:
    request = till.payment(world.show_code(script), amount_fen=AMOUNT_FEN)
    await till.pay(request)
    await till.final(request.payment_no)
    return request.payment_no


def _asked(world: World, amount_fen: int, refund_no: str | None = None) -> RefundRequest:
    number = refund_no or new_number(world.entropy.bytes(15))
    return RefundRequest(refund_no=number, amount_fen=amount_fen, currency="CNY", note="退货", operator="01")


async def _refund(till: Till, payment_no: str, request: RefundRequest) -> RefundStatus | Problem:
    path = f"/v1/payments/{payment_no}/refunds"
    return _read(await till.send(till.signed("POST", path, encode(request))))


def _read(response: ResponseParts) -> RefundStatus | Problem:
    return decode(RefundStatus if response.status == 200 else Problem, response.body)


async def _done(till: Till, refund_no: str) -> RefundStatus:
    for _ in range(200):
        response = await till.send(till.signed("GET", f"/v1/refunds/{refund_no}", query="wait=25"))
        status = _read(response)
        assert isinstance(status, RefundStatus), status
        if status.state.final:
            return status
    raise AssertionError(f"refund {refund_no} is not settled")


def _returned(world: World) -> int:
    return sum(order.refunded_fen for order in world.wallets.orders())


@pytest.mark.parametrize("wallet", WALLETS)
@pytest.mark.parametrize("script", ["pay", "refund_processing:30", "refund_balance_low"])
def test_a_refund_in_two_parts_gives_everything_back_once(wallet: str, script: str) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        payment_no = await _paid(world, till, script)
        first, rest = _asked(world, 450), _asked(world, AMOUNT_FEN - 450)
        for request, left in ((first, AMOUNT_FEN - 450), (rest, 0)):
            taken = await _refund(till, payment_no, request)
            assert isinstance(taken, RefundStatus), taken
            assert taken.refundable_fen == left
            assert (await _done(till, request.refund_no)).state is RefundState.DONE
        again = await _refund(till, payment_no, first)
        assert isinstance(again, RefundStatus), again
        assert again.state is RefundState.DONE
        assert _returned(world) == AMOUNT_FEN
        assert AlarmKind.REFUND_REFUSED not in world.alarms(), "what stood in its way is over"
        world.ledger_agrees()

    in_world(story, wallet=wallet, notify=True)


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_refund_whose_answers_are_lost_is_repeated_under_its_number(wallet: str) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        payment_no = await _paid(world, till)
        world.line.faults["refund"] = [Fault(lose="after"), Fault(lose="before"), Fault(html=True)]
        request = _asked(world, 700)
        await _refund(till, payment_no, request)
        await world.restart(down_s=3)
        assert (await _done(till, request.refund_no)).state is RefundState.DONE
        assert _returned(world) == 700
        assert {number for _, verb, number in world.line.sent if verb == "refund"} == {request.refund_no}
        world.ledger_agrees()

    in_world(story, wallet=wallet)


def test_the_same_number_with_other_content_is_refused_and_applies_nothing() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        payment_no = await _paid(world, till)
        request = _asked(world, 300)
        await _refund(till, payment_no, request)
        other = await _refund(till, payment_no, _asked(world, 301, request.refund_no))
        assert isinstance(other, Problem)
        assert other.reason is Reason.CONTENT_DIFFERS
        await _done(till, request.refund_no)
        assert _returned(world) == 300

    in_world(story)


def test_not_one_fen_more_than_what_was_paid_goes_back() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        payment_no = await _paid(world, till)
        for asked_fen, taken in (
            (AMOUNT_FEN + 1, False),
            (700, True),
            (AMOUNT_FEN - 699, False),
            (550, True),
            (1, False),
        ):
            answer = await _refund(till, payment_no, _asked(world, asked_fen))
            assert isinstance(answer, RefundStatus) == taken
            assert isinstance(answer, RefundStatus) or answer.reason is Reason.REFUND_EXCEEDS
        await asyncio.sleep(60)
        assert _returned(world) == AMOUNT_FEN
        world.ledger_agrees()

    in_world(story)


@pytest.mark.parametrize("at_another_till", [False, True])
def test_a_refunds_number_belongs_to_one_payment(at_another_till: bool) -> None:
    """The same number, amount and words for another payment, the same till's or another's, are other content."""

    async def story(world: World) -> None:
        till = await world.till()
        first = await _paid(world, till)
        request = _asked(world, 300)
        await _refund(till, first, request)
        asking = await world.till() if at_another_till else till
        other = await _refund(asking, await _paid(world, asking), request)
        assert isinstance(other, Problem)
        assert other.reason is Reason.CONTENT_DIFFERS
        await _done(till, request.refund_no)
        assert _returned(world) == 300

    in_world(story)


def test_what_is_not_paid_and_what_is_unknown_cannot_be_refunded() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        open_still = till.payment(world.show_code("never"))
        await till.pay(open_still)
        refused = await _refund(till, open_still.payment_no, _asked(world, 1))
        assert isinstance(refused, Problem)
        assert refused.reason is Reason.PAYMENT_NOT_PAID
        other = await world.till()
        payment_no = await _paid(world, till)
        foreign = await _refund(other, payment_no, _asked(world, 1))
        assert isinstance(foreign, Problem)
        assert foreign.reason is Reason.UNKNOWN_PAYMENT

    in_world(story)


def test_a_refund_that_is_too_large_is_told_how_much_is_left() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        payment_no = await _paid(world, till)
        await _refund(till, payment_no, _asked(world, 400))
        refused = await _refund(till, payment_no, _asked(world, AMOUNT_FEN - 399))
        assert isinstance(refused, Problem)
        assert (refused.reason, refused.refundable_fen) == (Reason.REFUND_EXCEEDS, AMOUNT_FEN - 400)
        assert isinstance(await _refund(till, payment_no, _asked(world, AMOUNT_FEN - 400)), RefundStatus)

    in_world(story)


@pytest.mark.parametrize(("wallet", "count"), [("alipay", 1_000), ("wechat", 60), ("unionpay", 60)])
def test_a_thousand_parallel_refunds_never_exceed_what_was_paid(wallet: str, count: int) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        payment_no = await _paid(world, till)
        requests = [_asked(world, 50) for _ in range(count)]
        answers = await asyncio.gather(*(_refund(till, payment_no, request) for request in requests))
        taken = [answer for answer in answers if isinstance(answer, RefundStatus)]
        refused = [answer for answer in answers if isinstance(answer, Problem)]
        assert {(problem.reason, problem.refundable_fen) for problem in refused} == {(Reason.REFUND_EXCEEDS, 0)}
        assert sum(status.amount_fen for status in taken) == AMOUNT_FEN
        for status in taken:
            assert (await _done(till, status.refund_no)).state is RefundState.DONE
        assert _returned(world) == AMOUNT_FEN
        world.ledger_agrees()

    in_world(story, wallet=wallet)
