"""The cashier page over the real gateway and the simulated wallets: each wallet pays; looking creates nothing; two
wallets can never both pay."""

from __future__ import annotations

import asyncio

import pytest

from protocol.states import GatewayState, ProofKind
from sandbox.wallet import Scanned, ScanResult
from tests.contract.gateway.gateway_world import Fault, status_of
from tests.contract.gateway.page_world import PageWorld, in_page_world, page_order

WALLETS = ["wechat", "alipay", "unionpay"]


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_customer_of_each_wallet_pays_the_same_qr(wallet: str) -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        followed = await world.phone(wallet).follow(status.qr)
        assert isinstance(followed, Scanned), followed
        assert followed.result is ScanResult.PAID
        final, seconds = await till.final(status.payment_no)
        assert final.state is GatewayState.PAID
        assert final.channel == wallet
        assert seconds < 3
        assert world.money(final)[:2] == (1250, 0)
        world.ledger_agrees()

    in_page_world(story)


def test_looking_creates_nothing_however_often_and_whoever_looks() -> None:
    """Wallets fetch a link before anybody opens it."""

    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        before = world.payment_of(status)
        for agent in ("", "curl/8", *(world.wallets.by_name[name].user_agent for name in WALLETS)):
            for method in ("GET", "HEAD"):
                answer = await world.request(method, status.qr, headers={"user-agent": agent})
                assert answer.status_code in (200, 302)
        page = await world.phone("wechat").open(status.qr)
        assert page.facts["state"] == "open"
        assert world.all_orders() == 0
        assert world.payment_of(status) == before
        assert [sent for sent in world.line.sent if sent[1] == "create"] == []

    in_page_world(story)


def test_a_page_that_nobody_pressed_on_is_cancelled_at_once_by_our_own_row() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        await world.phone("alipay").open(status.qr)
        cancelled = status_of(await till.cancel(status.payment_no))
        assert cancelled.state is GatewayState.NOT_PAID
        assert world.payment_of(status).proof_kind is ProofKind.NEVER_OPENED
        page = await world.phone("alipay").open(status.qr)
        assert page.facts["state"] == "over"
        assert page.facts["press"] is None

    in_page_world(story)


def test_the_second_wallet_waits_until_the_first_order_is_proven_closed() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        wechat, alipay = world.phone("wechat"), world.phone("alipay")
        first, second = await wechat.open(status.qr), await alipay.open(status.qr)
        opened = await wechat.press(first)
        assert opened["result"] == "open"
        waits = await alipay.press(second)
        assert (waits["result"], waits["bridge"], waits["redirect"]) == ("wait", None, None)
        assert len(world.orders_of(world.payment_of(status).key)) == 1
        # The first one was quiet for a while: his order is closed, and only then the second gets one.
        await asyncio.sleep(21)
        said = await alipay.press(second)
        assert said["result"] == "wait"
        for _ in range(30):
            said = await alipay.press(second)
            live = [one for one in world.orders_of(world.payment_of(status).key) if one.ended_kind is None]
            assert len(live) <= 1
            if said["result"] == "open":
                break
            await asyncio.sleep(1)
        assert said["result"] == "open"
        closed, live_now = world.orders_of(world.payment_of(status).key)
        assert closed.ended_kind is ProofKind.CLOSED
        assert live_now.channel == "alipay"
        # What the first phone still holds pays nothing any more.
        assert wechat.pay(opened).result is not ScanResult.PAID
        assert alipay.pay(said).result is ScanResult.PAID
        final, _ = await till.final(status.payment_no)
        assert (final.state, final.channel) == (GatewayState.PAID, "alipay")
        assert world.money(final)[:2] == (1250, 0)
        world.ledger_agrees()

    in_page_world(story)


def test_a_payer_who_was_quicker_than_the_close_has_paid_and_the_other_is_told() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        wechat, alipay = world.phone("wechat"), world.phone("alipay")
        first, second = await wechat.open(status.qr), await alipay.open(status.qr)
        opened = await wechat.press(first)
        await asyncio.sleep(21)
        assert (await alipay.press(second))["result"] == "wait"
        wechat.pay(opened)
        final, _ = await till.final(status.payment_no)
        assert (final.state, final.channel) == (GatewayState.PAID, "wechat")
        assert (await alipay.press(second))["result"] == "paid"
        assert (await alipay.open(status.qr)).facts["state"] == "paid"
        assert world.money(final)[:2] == (1250, 0)

    in_page_world(story)


def test_two_phones_that_press_in_the_same_moment_get_one_order() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        qr = status.qr
        assert qr is not None
        phones = [world.phone(wallet, customer=who) for wallet in WALLETS for who in ("a", "b")]
        pages = [await phone.open(qr) for phone in phones]
        said = await asyncio.gather(*(phone.press(page) for phone, page in zip(phones, pages, strict=True)))
        assert sorted(one["result"] for one in said) == ["open", *["wait"] * 5]
        assert len(world.orders_of(world.payment_of(status).key)) == 1

    in_page_world(story)


def test_a_double_press_of_one_payer_is_one_order_and_one_call() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        phone = world.phone("wechat")
        page = await phone.open(status.qr)
        one, two = await asyncio.gather(phone.press(page), phone.press(page))
        three = await phone.press(page)
        assert sorted([one["result"], two["result"]]) == ["again", "open"]
        assert three["result"] == "again"
        assert one["bridge"] == two["bridge"] == three["bridge"]
        assert len([sent for sent in world.line.sent if sent[1] == "create"]) == 1
        assert phone.pay(three).result is ScanResult.PAID

    in_page_world(story)


def test_a_restart_asks_for_another_sign_in_and_finds_the_same_payers_order() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        phone = world.phone("alipay")
        page = await phone.open(status.qr)
        await phone.press(page)
        await world.restart()
        lost = await phone.press(page)
        assert (lost["result"], lost["bridge"]) == ("wait", None)
        assert lost["redirect"].startswith(f"{status.qr}?")
        again = await phone.open(lost["redirect"])
        said = await phone.press(again)
        assert said["result"] == "again"
        assert phone.pay(said).result is ScanResult.PAID
        final, _ = await till.final(status.payment_no)
        assert final.state is GatewayState.PAID
        assert len(world.orders_of(world.payment_of(status).key)) == 1

    in_page_world(story)


@pytest.mark.parametrize("fault", [Fault(lose="after"), Fault(lose="before"), Fault(html=True)])
def test_a_lost_answer_is_asked_for_again_under_the_same_number(fault: Fault) -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        phone = world.phone("wechat")
        page = await phone.open(status.qr)
        world.line.faults["create"] = [fault]
        said = await phone.press(page)
        assert (said["result"], said["bridge"], said["redirect"]) == ("open", None, None)
        again = await phone.press(page)
        assert again["result"] == "again"
        assert phone.pay(again).result is ScanResult.PAID
        final, _ = await till.final(status.payment_no)
        assert final.state is GatewayState.PAID
        assert page_order(world, status).calls == 2

    in_page_world(story)


def test_a_call_that_never_left_frees_the_page_for_the_next_press() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        phone = world.phone("alipay")
        page = await phone.open(status.qr)
        world.line.faults["create"] = [Fault(lose="not_sent")]
        refused = await phone.press(page)
        assert (refused["result"], refused["retry_after_ms"]) == ("wait", 5_000)
        said = await phone.press(page)
        assert said["result"] == "open"
        assert phone.pay(said).result is ScanResult.PAID
        final, _ = await till.final(status.payment_no)
        assert final.state is GatewayState.PAID
        kinds = [one.ended_kind for one in world.orders_of(world.payment_of(status).key)]
        assert kinds == [ProofKind.NOT_SENT, None]

    in_page_world(story)


def test_a_till_that_cancels_while_a_payer_signs_gets_its_proof_and_the_page_says_so() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        phone = world.phone("wechat")
        page = await phone.open(status.qr)
        said = await phone.press(page)
        await till.cancel(status.payment_no)
        assert (await phone.press(page))["result"] == "over"
        final, _ = await till.final(status.payment_no)
        assert final.state is GatewayState.NOT_PAID
        told = await phone.status(page, said)
        assert told["state"] == "over"
        assert phone.pay(said).result is not ScanResult.PAID
        assert world.money(final)[0] == 0

    in_page_world(story)


def test_what_opens_a_wallet_is_handed_to_nobody_once_the_till_cancelled() -> None:
    """The wallet's answer was on its way when the cashier gave up: nobody is led to pay what is being undone."""

    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        phone = world.phone("wechat")
        page = await phone.open(status.qr)
        world.line.faults["create"] = [Fault(answer_late_s=2)]
        pressing = asyncio.create_task(phone.press(page))
        await asyncio.sleep(1)
        await till.cancel(status.payment_no)
        said = await pressing
        assert (said["bridge"], said["redirect"]) == (None, None)
        final, _ = await till.final(status.payment_no)
        assert final.state is GatewayState.NOT_PAID
        assert world.money(final)[0] == 0

    in_page_world(story)


def test_a_page_whose_time_is_up_begins_nothing() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        phone = world.phone("unionpay")
        page = await phone.open(status.qr)
        await asyncio.sleep(116)
        assert (await phone.press(page))["result"] == "over"
        final, _ = await till.final(status.payment_no)
        assert final.state is GatewayState.NOT_PAID
        assert world.all_orders() == 0
        assert (await phone.open(status.qr)).facts["state"] == "over"

    in_page_world(story)


def test_the_status_waits_for_our_own_rows_and_says_paid_only_by_them() -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        phone = world.phone("alipay")
        page = await phone.open(status.qr)
        said = await phone.press(page)
        told = await phone.status(page, said)
        assert told["state"] == "open"
        waiting = asyncio.create_task(phone.status(page, said, query=f"&after={told['seq']}&wait=20"))
        await asyncio.sleep(5)
        assert not waiting.done(), "nothing has changed"
        phone.pay(said)
        began = world.loop.time()
        paid = await waiting
        assert paid["state"] == "paid"
        assert paid["amount"] == "12.50"
        assert world.loop.time() - began < 3

    in_page_world(story)


@pytest.mark.parametrize("wallet", ["wechat", "alipay"])
def test_a_payer_who_says_that_he_will_not_pay_frees_the_page_at_once(wallet: str) -> None:
    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        first, second = world.phone(wallet), world.phone("unionpay")
        page, other = await first.open(status.qr), await second.open(status.qr)
        opened = await first.press(page)
        assert (await second.leave(other)) is False, "nobody else can give it up"
        assert (await second.press(other))["result"] == "wait"
        assert (await first.leave(page)) is True
        began = world.loop.time()
        said = await second.press(other)
        while said["result"] == "wait":
            await asyncio.sleep(1)
            said = await second.press(other)
        assert said["result"] == "open"
        assert world.loop.time() - began < 6
        assert first.pay(opened).result is not ScanResult.PAID
        assert second.pay(said).result is ScanResult.PAID
        final, _ = await till.final(status.payment_no)
        assert (final.state, final.channel) == (GatewayState.PAID, "unionpay")
        assert world.money(final)[:2] == (1250, 0)

    in_page_world(story)


@pytest.mark.parametrize("what", ["paid", "cancelled"])
def test_whoever_paid_or_whose_page_is_being_ended_leaves_nothing(what: str) -> None:
    """He is not told that another may pay now."""

    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        phone = world.phone("alipay")
        page = await phone.open(status.qr)
        said = await phone.press(page)
        if what == "paid":
            phone.pay(said)
            assert (await till.final(status.payment_no))[0].state is GatewayState.PAID
        else:
            world.line.always = Fault(lose="before")
            await till.cancel(status.payment_no)
            await asyncio.sleep(45)
            assert world.payment_of(status).state is GatewayState.REVERSING
        assert (await phone.leave(page)) is False
        assert page_order(world, status).release_ms is None

    in_page_world(story)


def test_a_wallet_that_can_only_reverse_is_not_closed_for_another_payer() -> None:
    """A reverse takes a payment back: the second payer waits until the page's own end."""

    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        first, second = world.phone("unionpay"), world.phone("wechat")
        page, other = await first.open(status.qr), await second.open(status.qr)
        opened = await first.press(page)
        assert (await first.leave(page)) is False
        await asyncio.sleep(30)
        assert (await second.press(other))["result"] == "wait"
        assert page_order(world, status).undo_sent_ms is None
        assert first.pay(opened).result is ScanResult.PAID
        final, _ = await till.final(status.payment_no)
        assert (final.state, final.channel) == (GatewayState.PAID, "unionpay")

    in_page_world(story)
