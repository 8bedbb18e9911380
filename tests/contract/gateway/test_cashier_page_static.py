"""A store's static QR: looking creates nothing, a press makes payment and order at once, and the store's tills ring."""

from __future__ import annotations

import asyncio

import pytest

from gateway.payments.values import AlarmKind
from protocol.messages import Problem, StoreAckRequest, StorePaidAnswer, decode, encode
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind
from sandbox.following import NotFollowed
from sandbox.wallet import Scanned, ScanResult
from tests.contract.gateway.gateway_world import Till
from tests.contract.gateway.page_world import PageWorld, in_page_world

WALLETS = ["wechat", "alipay", "unionpay"]


async def heard(till: Till, *, after: int | None = None, wait: int = 0) -> StorePaidAnswer:
    query = f"wait={wait}" + ("" if after is None else f"&after={after}")
    response = await till.send(till.signed("GET", "/v1/store/paid", query=query))
    assert response.status == 200, response.body
    return decode(StorePaidAnswer, response.body)


async def rang(till: Till, through: int) -> StorePaidAnswer | Problem:
    body = encode(StoreAckRequest(through=through))
    response = await till.send(till.signed("POST", "/v1/store/paid/ack", body))
    return decode(StorePaidAnswer if response.status == 200 else Problem, response.body)


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_customer_types_the_amount_pays_and_the_counter_rings(wallet: str) -> None:
    async def story(world: PageWorld) -> None:
        qr, till = world.static_qr(), await world.till()
        waiting = asyncio.create_task(heard(till, after=0, wait=20))
        followed = await world.phone(wallet).follow(qr, amount_fen=880)
        assert isinstance(followed, Scanned)
        assert followed.result is ScanResult.PAID
        began = world.loop.time()
        told = await waiting
        assert world.loop.time() - began < 3
        (paid,) = told.paid
        assert (paid.amount_fen, paid.channel, told.last) == (880, wallet, paid.seq)
        assert paid.transaction_tail is not None
        assert len(paid.transaction_tail) == 4
        assert (await heard(till, after=told.last)).paid == ()
        world.ledger_agrees()

    in_page_world(story)


def test_looking_at_a_static_qr_creates_nothing() -> None:
    async def story(world: PageWorld) -> None:
        qr = world.static_qr()
        page = await world.phone("wechat").open(qr)
        assert page.facts["amount_fen"] is None
        assert page.facts["state"] == "open"
        assert await world.phone("alipay").follow(qr) is NotFollowed.AMOUNT_NEEDED
        assert world.all_payments() == []

    in_page_world(story)


def test_an_amount_outside_the_limit_begins_nothing() -> None:
    async def story(world: PageWorld) -> None:
        phone = world.phone("wechat")
        page = await phone.open(world.static_qr())
        for amount in (0, -1, 500_001, 10**15):
            body = b'{"amount_fen": %d}' % amount
            answer = await phone.browser.fetch(
                "POST", page.url + "/pay", headers={"content-type": "application/json"}, body=body
            )
            assert answer is not None
            assert answer.status == 422
        assert world.all_payments() == []

    in_page_world(story)


def test_a_double_press_is_one_payment_and_another_amount_gives_the_first_up() -> None:
    async def story(world: PageWorld) -> None:
        phone = world.phone("alipay")
        page = await phone.open(world.static_qr())
        one, two = await asyncio.gather(phone.press(page, 500), phone.press(page, 500))
        assert sorted([one["result"], two["result"]]) == ["again", "open"]
        (first,) = world.all_payments()
        corrected = await phone.press(page, 550)
        assert corrected["result"] == "open"
        assert phone.pay(corrected).result is ScanResult.PAID
        await asyncio.sleep(70)
        by_amount = {one.amount_fen: one for one in world.all_payments()}
        assert by_amount[550].state is GatewayState.PAID
        assert by_amount[500].state is GatewayState.NOT_PAID
        assert by_amount[500].key == first.key
        world.ledger_agrees()

    in_page_world(story)


def test_two_customers_pay_at_the_same_counter_without_waiting_for_each_other() -> None:
    async def story(world: PageWorld) -> None:
        qr, till = world.static_qr(), await world.till()
        phones = [world.phone("wechat", customer=who) for who in ("a", "b")] + [world.phone("unionpay")]
        said = await asyncio.gather(*(phone.follow(qr, amount_fen=100 + n) for n, phone in enumerate(phones)))
        assert [one.result for one in said if isinstance(one, Scanned)] == [ScanResult.PAID] * 3
        await asyncio.sleep(5)
        told = await heard(till)
        assert sorted(one.amount_fen for one in told.paid) == [100, 101, 102]
        assert len({one.payment_no for one in told.paid}) == 3

    in_page_world(story)


def test_a_payment_that_its_customer_leaves_ends_with_a_proof_and_rings_for_nobody() -> None:
    async def story(world: PageWorld) -> None:
        qr, till = world.static_qr(), await world.till()
        phone = world.phone("wechat")
        page = await phone.open(qr)
        said = await phone.press(page, 990)
        await asyncio.sleep(200)
        (payment,) = world.all_payments()
        assert payment.state is GatewayState.NOT_PAID
        assert payment.proof_kind is ProofKind.CLOSED
        assert (await phone.status(page, said))["state"] == "over"
        assert (await heard(till, after=0)).paid == ()

    in_page_world(story)


def test_the_status_of_a_static_qr_is_that_of_its_own_payment() -> None:
    async def story(world: PageWorld) -> None:
        phone = world.phone("alipay")
        page = await phone.open(world.static_qr())
        said = await phone.press(page, 120)
        phone.pay(said)
        told = await phone.status(page, said, query="&wait=10&after=1")
        while told["state"] == "open":
            told = await phone.status(page, said, query=f"&wait=10&after={told['seq']}")
        assert (told["state"], told["amount"]) == ("paid", "1.20")
        till = await world.till()
        foreign = await world.shown_page(till)
        moved = said["status"].replace(said["status"].rpartition("=")[2], foreign.order_no)
        answer = await phone.browser.fetch("GET", page.url.rpartition("/")[0] + "/" + moved, headers={})
        assert answer is not None
        assert answer.status == 404

    in_page_world(story)


def test_whoever_acknowledges_ends_the_notice_for_every_till() -> None:
    async def story(world: PageWorld) -> None:
        qr, one, two = world.static_qr(), await world.till(), await world.till()
        await world.phone("alipay").follow(qr, amount_fen=300)
        told = await heard(one, after=0, wait=20)
        assert (await heard(two)).paid == told.paid, "every till of the store hears of it"
        await rang(two, told.last)
        assert (await heard(one)).paid == (), "without `after` it begins at what nobody acknowledged"
        await asyncio.sleep(200)
        assert AlarmKind.PAID_UNNOTICED.value not in world.alarms()
        assert isinstance(await rang(one, told.last), StorePaidAnswer), "a second acknowledgement changes nothing"

    in_page_world(story)


def test_what_nobody_acknowledges_is_told_as_unnoticed_until_somebody_does() -> None:
    async def story(world: PageWorld) -> None:
        qr, till = world.static_qr(), await world.till()
        await world.phone("alipay").follow(qr, amount_fen=300)
        await asyncio.sleep(200)
        assert world.alarms().get(AlarmKind.PAID_UNNOTICED.value) == 1
        told = await heard(till)
        await rang(till, told.last)
        assert AlarmKind.PAID_UNNOTICED.value not in world.alarms()

    in_page_world(story)


def test_nobody_acknowledges_what_has_not_happened_or_is_another_stores() -> None:
    async def story(world: PageWorld) -> None:
        qr, till, foreign = world.static_qr(), await world.till(), await world.till(store_id="s2")
        await world.phone("alipay").follow(qr, amount_fen=300)
        told = await heard(till, after=0, wait=20)
        ahead = await rang(till, told.last + 1)
        assert isinstance(ahead, Problem)
        assert ahead.reason is Reason.CONTENT_DIFFERS
        assert (await heard(foreign, after=0)).paid == ()
        assert isinstance(await rang(foreign, told.last), Problem)
        assert (await heard(till)).paid == told.paid

    in_page_world(story)


def test_what_came_after_the_till_rang_is_not_acknowledged_with_it() -> None:
    async def story(world: PageWorld) -> None:
        qr, till = world.static_qr(), await world.till()
        await world.phone("alipay").follow(qr, amount_fen=300)
        told = await heard(till, after=0, wait=20)
        await world.phone("wechat").follow(qr, amount_fen=400)
        assert len((await heard(till, after=told.last, wait=20)).paid) == 1
        await rang(till, told.last)
        assert [one.amount_fen for one in (await heard(till)).paid] == [400]
        await asyncio.sleep(200)
        assert world.alarms().get(AlarmKind.PAID_UNNOTICED.value) == 1

    in_page_world(story)


def test_no_device_can_sign_as_a_static_qr() -> None:
    async def story(world: PageWorld) -> None:
        world.static_qr()
        till = await world.till()
        till.keyid = "STAT1CQR00001"
        response = await till.send(till.signed("GET", "/v1/store/paid"))
        assert response.status == 401

    in_page_world(story)
