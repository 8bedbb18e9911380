"""STATUS QRs: the customer's phone carries the gateway's answer about a payment that was cut in the middle (SAFETY.md
section 3, 4): paid, not paid, open, and never heard of."""

from __future__ import annotations

import asyncio

import pytest

from gateway.store import standing
from protocol.messages import PaymentStatus
from protocol.offline.order import OrderType, SignedOrder
from protocol.offline.proof import ProofType
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind
from tests.contract.gateway.gateway_world import problem_of, script_of, status_of
from tests.contract.gateway.offline_world import OfflineTill, look, offline_till, payment_of, phone_post, post, url_of
from tests.contract.gateway.page_world import PageWorld, in_page_world


async def scanned(world: PageWorld, a: OfflineTill, script: str) -> PaymentStatus:
    """A payment whose code was scanned; the till never heard its answer."""
    request = a.till.payment(world.wallets.show_code("alipay", script_of(script)))
    return status_of(await a.till.pay(request))


def asking(a: OfflineTill, status: PaymentStatus) -> SignedOrder:
    return a.order(type=OrderType.STATUS, order_no=status.order_no, amount_fen=status.amount_fen)


def test_a_scanned_payment_that_was_paid_is_proven_to_whoever_carries_the_status() -> None:
    """Of a scanned code no payer is known: the STATUS on the till's own screen is the word."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        status = await scanned(world, a, "pay")
        await a.till.final(status.payment_no)
        signed = asking(a, status)
        assert 'data-state="paid"' in (await look(world, signed)).text
        told = (await post(world, signed, "proof")).json()
        proof = a.verifies(told["proof"], signed).proof
        assert (proof.type, proof.channel) == (ProofType.PAID, "alipay")
        assert (await post(world, signed, "proof")).json() == told

    in_page_world(story)


def test_a_payment_on_the_page_is_proven_to_its_payer_only() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        status = await world.shown_page(a.till)
        assert status.qr is not None
        payer = world.phone("wechat")
        page = await payer.open(status.qr)
        payer.pay(await payer.press(page))
        await a.till.final(status.payment_no)
        signed = asking(a, status)
        assert (await post(world, signed, "proof")).status_code == 403
        other = world.phone("wechat", customer="other")
        shown = await other.open(url_of(world, signed))
        assert 'data-state="taken"' in shown.html
        assert (await phone_post(other, shown, "proof"))[0] == 403
        mine = await payer.open(url_of(world, signed))
        assert 'data-state="paid"' in mine.html
        assert (await phone_post(payer, mine, "proof"))[1]["type"] == "paid"

    in_page_world(story)


def test_a_payment_that_ended_unpaid_gives_a_closed_proof_and_closes_its_number() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        status = await scanned(world, a, "balance_low")
        await a.till.final(status.payment_no)
        signed = asking(a, status)
        told = (await post(world, signed, "proof")).json()
        assert a.verifies(told["proof"], signed).proof.type is ProofType.CLOSED
        more = a.till.payment(world.wallets.show_code("alipay", script_of("pay")), order_no=status.order_no, n=2)
        assert problem_of(await a.till.pay(more)).reason is Reason.ORDER_CANCELLED

    in_page_world(story)


def test_an_open_payment_is_still_being_settled_and_a_press_changes_nothing() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        status = await scanned(world, a, "ask_password:20")
        signed = asking(a, status)
        await asyncio.sleep(1)
        assert "结果还没有确定" in (await look(world, signed)).text
        assert (await post(world, signed, "close")).json()["closed"] is False
        assert (await post(world, signed, "proof")).status_code == 409
        final, _ = await a.till.final(status.payment_no)
        assert final.state is GatewayState.PAID
        assert (await post(world, signed, "proof")).json()["type"] == "paid"

    in_page_world(story)


def test_looking_at_an_unknown_order_makes_no_tombstone() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order(type=OrderType.STATUS)
        assert "没有收到这笔付款" in (await look(world, signed)).text
        assert payment_of(world, signed) is None
        assert (await post(world, signed, "proof")).status_code == 409

    in_page_world(story)


def test_a_press_on_an_unknown_order_makes_a_tombstone_that_a_later_post_can_never_charge() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order(type=OrderType.STATUS)
        assert (await post(world, signed, "close")).json()["closed"] is True
        told = (await post(world, signed, "proof")).json()
        assert a.verifies(told["proof"], signed).proof.type is ProofType.CLOSED
        number = signed.order.order_no
        for n in (1, 2):
            code = world.wallets.show_code("alipay", script_of("pay"))
            answer = await a.till.pay(a.till.payment(code, order_no=number, n=n))
            if n == 1:
                dead = status_of(answer)
                assert (dead.state, dead.proof is not None and dead.proof.kind) == (
                    GatewayState.NOT_PAID,
                    ProofKind.TOMBSTONE,
                )
            else:
                assert problem_of(answer).reason is Reason.ORDER_CANCELLED
        assert world.all_orders() == 0

    in_page_world(story)


def test_two_status_qrs_of_one_order_have_two_proofs_and_one_outcome() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        status = await scanned(world, a, "pay")
        await a.till.final(status.payment_no)
        first = asking(a, status)
        await asyncio.sleep(5)
        second = asking(a, status)
        for signed in (first, second):
            told = (await post(world, signed, "proof")).json()
            assert a.verifies(told["proof"], signed).proof.type is ProofType.PAID

    in_page_world(story)


def test_a_status_uses_no_counter_of_the_offline_orders() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        await post(world, a.order(type=OrderType.STATUS, oseq=40), "close")
        phone = world.phone("wechat")
        said = await phone.press(await phone.open(url_of(world, a.order(oseq=1))))
        assert said["result"] == "open"

    in_page_world(story)


@pytest.mark.parametrize("how", ["revoked", "frozen"])
def test_a_till_that_begins_nothing_may_still_ask(how: str) -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        status = await scanned(world, a, "pay")
        await a.till.final(status.payment_no)
        if how == "revoked":
            world.store.run_now(lambda tx: standing.revoke(tx, a.terminal_id, now_ms=1))
        else:
            phone = world.phone("wechat")
            await phone.press(await phone.open(url_of(world, a.order(oseq=7))))
            await post(world, a.order(oseq=7), "pay")
        signed = asking(a, status)
        assert (await post(world, signed, "proof")).json()["type"] == "paid"

    in_page_world(story)


def test_another_tills_status_about_this_order_learns_nothing() -> None:
    """A number belongs to the terminal that made it: to another till the order is one that never came."""

    async def story(world: PageWorld) -> None:
        a, b = await offline_till(world), await offline_till(world)
        status = await scanned(world, a, "pay")
        await a.till.final(status.payment_no)
        signed = asking(b, status)
        assert "没有收到这笔付款" in (await look(world, signed)).text

    in_page_world(story)
