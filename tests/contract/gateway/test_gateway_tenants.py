"""What belongs to one terminal is nobody else's: every call of the gateway, tried by another till of the same store, by
a till of another merchant, and by a number that was guessed. Made from the table of calls: a new one is placed here.
"""

from __future__ import annotations

import pytest
from msgspec import Struct

from gateway.api.limits import CALLS
from gateway.api.routes import Call
from protocol.messages import (
    AckRequest,
    CancelRequest,
    PaymentStatus,
    Problem,
    RefundRequest,
    decode,
    encode,
)
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.states import GatewayState
from tests.contract.gateway.gateway_world import Till, World, in_world, number_of, problem_of, status_of

REFUND = new_number(b"r" * 15)
#: Calls that name a payment or a refund: method, path after the number, body, and what a stranger is told.
NAMED: dict[Call, tuple[str, str, Struct | None, Reason | GatewayState]] = {
    Call.ASK: ("GET", "/v1/payments/{payment}", None, Reason.UNKNOWN_PAYMENT),
    Call.ACK: (
        "POST",
        "/v1/payments/{payment}/ack",
        AckRequest(state=GatewayState.PAID, state_seq=9),
        Reason.UNKNOWN_PAYMENT,
    ),
    Call.CANCEL: (
        "POST",
        "/v1/payments/{payment}/cancel",
        CancelRequest(amount_fen=1250, operator="x"),
        GatewayState.NOT_PAID,
    ),
    Call.REFUND: (
        "POST",
        "/v1/payments/{payment}/refunds",
        RefundRequest(refund_no=new_number(b"q" * 15), amount_fen=1, currency="CNY", note="", operator="x"),
        Reason.UNKNOWN_PAYMENT,
    ),
    Call.ASK_REFUND: ("GET", "/v1/refunds/{refund}", None, Reason.UNKNOWN_REFUND),
}
#: Calls that name nothing of anybody: their subject is the caller himself.
OWN = {Call.ACTIVATE, Call.TAKE, Call.JOURNAL, Call.STORE_PAID, Call.STORE_ACK}


def test_every_call_is_placed() -> None:
    assert set(NAMED) | OWN == set(CALLS)
    assert not set(NAMED) & OWN


async def sold(world: World) -> tuple[Till, PaymentStatus]:
    """A paid payment of ¥12.50 with ¥1.00 given back under `REFUND`."""
    till = await world.till()
    request = till.payment(world.show_code("pay"))
    await till.pay(request)
    status, _ = await till.final(request.payment_no)
    refund = RefundRequest(refund_no=REFUND, amount_fen=100, currency="CNY", note="", operator="01")
    answer = await till.send(till.signed("POST", f"/v1/payments/{request.payment_no}/refunds", encode(refund)))
    assert answer.status == 200
    return till, status


@pytest.mark.parametrize("store", ["s1", "s2"])
@pytest.mark.parametrize("call", NAMED)
def test_another_till_neither_sees_nor_moves_what_is_not_its_own(call: Call, store: str) -> None:
    """Its cancel of that number makes a tombstone of its own, under its own name, and nothing else."""

    async def story(world: World) -> None:
        owner, paid = await sold(world)
        stranger = await world.till(store_id=store)
        method, path, body, expected = NAMED[call]
        path = path.format(payment=paid.payment_no, refund=REFUND)
        response = await stranger.send(stranger.signed(method, path, b"" if body is None else encode(body)))
        if isinstance(expected, Reason):
            assert decode(Problem, response.body).reason is expected
        else:
            told = decode(PaymentStatus, response.body)
            assert (told.state, told.terminal_id, told.channel) == (expected, stranger.keyid, None)
        assert owner.keyid.encode() not in response.body
        after = status_of(await owner.ask(paid.payment_no))
        assert (after.state, after.state_seq, after.cancel_requested) == (paid.state, paid.state_seq, False)
        assert world.money(paid)[:2] == (1250, 100) or world.money(paid)[:2] == (1250, 0)

    in_world(story)


def test_a_guessed_number_is_a_payment_of_ones_own_and_tells_nothing_of_the_others() -> None:
    """Idempotency is within a terminal: the same number from another one is no "first answer again"."""

    async def story(world: World) -> None:
        _, paid = await sold(world)
        thief = await world.till()
        guess = thief.payment(world.show_code("balance_low"), order_no=paid.order_no)
        assert number_of(guess) == paid.order_no
        first = status_of(await thief.pay(guess))
        assert first.terminal_id == thief.keyid
        assert first.state is not GatewayState.PAID
        assert world.money(paid)[0] == 1250

    in_world(story)


def test_a_signature_of_one_terminal_is_no_word_of_another() -> None:
    async def story(world: World) -> None:
        owner, paid = await sold(world)
        thief = await world.till()
        thief.keyid = owner.keyid
        answer = problem_of(await thief.call("GET", f"/v1/payments/{paid.payment_no}"))
        assert answer.reason is Reason.BAD_SIGNATURE

    in_world(story)
