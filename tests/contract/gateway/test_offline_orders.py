"""Offline orders over the real gateway and the simulated wallets: SAFETY.md section 3, rules 2 to 4 and 6."""

from __future__ import annotations

import asyncio
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from gateway.cashier_page.limits import Ask
from gateway.channels.port import Paid
from gateway.jobs.keeping import keep
from gateway.jobs.schedule import DEFAULT_PACE
from gateway.offline.judge import FIRST_SIGHT_MS, ORDER_LIMIT_FEN, PAY_WINDOW_MS, TYPED_ORDER_LIMIT_FEN
from gateway.payments.moves import to_paid
from gateway.payments.values import AlarmKind, PaymentKey
from gateway.routing.rules import AccountTerms
from gateway.store import offline, payments, refunds, routes, standing
from gateway.store.tables import CHANNEL_ACCOUNTS, MERCHANTS
from gateway.store.units import Tx
from proof.wallets import account_settings
from protocol.chain import genesis, link
from protocol.messages import JournalEntry, JournalUpload, PaymentStatus, RefundRequest, encode
from protocol.numbers import new_number
from protocol.offline.order import CANCEL_INTENDED, OFFLINE_SHOWN, ClockQuality
from protocol.offline.proof import ProofType
from protocol.offline.typed_code import frees, read_code
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind
from sandbox.wallet import ScanResult
from tests.contract.gateway.gateway_world import problem_of, script_of, status_of
from tests.contract.gateway.offline_world import (
    OfflineTill,
    again,
    look,
    offline_side,
    offline_till,
    payment_of,
    pays,
    phone_post,
    post,
    url_of,
)
from tests.contract.gateway.page_world import PageWorld, in_page_world

WALLETS = ["wechat", "alipay", "unionpay"]
NEUTRAL = "请勿付款，请收银员联网或改收现金"
CANCELLED = "此单已取消，请勿付款"


async def press(world: PageWorld, a: OfflineTill, wallet: str = "wechat", **changes: object) -> dict[str, object]:
    """The till's next order is opened and pressed; its bitmap is believed then."""
    phone = world.phone(wallet)
    signed = a.order(**changes)
    return await phone.press(await phone.open(url_of(world, signed)))


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_customer_of_each_wallet_pays_and_carries_the_proof_to_the_till(wallet: str) -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone(wallet)
        page = await pays(phone, url_of(world, signed))
        final, _ = await a.till.final(f"{signed.order.order_no}-1")
        assert (final.state, final.amount_fen, final.channel) == (GatewayState.PAID, 1250, wallet)
        status, told = await phone_post(phone, page, "proof")
        assert status == 200
        proof = a.verifies(told["proof"], signed)
        assert (proof.proof.type, proof.proof.channel) == (ProofType.PAID, wallet)
        assert told["amount"] == "12.50"
        assert told["order"] == signed.order.order_no[-5:]
        assert status_of(await a.till.ack(final)).state is GatewayState.PAID
        assert world.money(final)[:2] == (1250, 0)
        world.ledger_agrees()

    in_page_world(story)


def test_looking_creates_nothing_however_often_and_whoever_looks() -> None:
    """Wallets fetch a link before anybody opens it: not even first sight is taken."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order(cancelled=0)
        for agent in ("", "curl/8", *(world.wallets.by_name[name].user_agent for name in WALLETS)):
            for method in ("GET", "HEAD"):
                answer = await world.request(method, url_of(world, signed), headers={"user-agent": agent})
                assert answer.status_code in (200, 302)
        assert (await world.phone("wechat").open(url_of(world, signed))).facts["state"] == "open"
        assert payment_of(world, signed) is None
        assert world.all_orders() == 0
        seen = world.store.run_now(lambda tx: offline.by_number(tx, a.terminal_id, signed.order.order_no))
        assert seen is None

    in_page_world(story)


def test_a_bitmap_is_not_believed_by_looking() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        first, second = a.order(), a.order(cancelled=1)
        await look(world, second)
        assert (await world.phone("alipay").open(url_of(world, first))).facts["state"] == "open"

    in_page_world(story)


def test_the_address_is_read_case_blind_and_led_to_one_way_of_writing_it() -> None:
    """A QR in capitals is smaller."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        for path in (f"/O/{signed.text}", f"/o/{signed.text.lower()}"):
            answer = await world.request("GET", path)
            assert (answer.status_code, answer.headers["location"]) == (302, f"../o/{signed.text}")
        phone = world.phone("wechat")
        assert (await phone.open(f"{world.public_url}/O/{signed.text}")).facts["state"] == "open"

    in_page_world(story)


def test_two_phones_that_press_in_the_same_moment_get_one_order() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phones = [world.phone(wallet, customer=who) for wallet in WALLETS for who in ("a", "b")]
        opened = [await phone.open(url_of(world, signed)) for phone in phones]
        said = await asyncio.gather(*(p.press(page) for p, page in zip(phones, opened, strict=True)))
        assert sorted(str(one["result"]) for one in said) == ["open", *["wait"] * 5]
        assert len(world.all_payments()) == 1
        assert world.all_orders() == 1

    in_page_world(story)


def test_only_who_paid_gets_the_proof() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        payer, other = world.phone("wechat"), world.phone("wechat", customer="other")
        page, its_page = await payer.open(url_of(world, signed)), await other.open(url_of(world, signed))
        payer.pay(await payer.press(page))
        await a.till.final(f"{signed.order.order_no}-1")
        assert (await phone_post(other, its_page, "proof"))[0] == 403
        assert (await post(world, signed, "proof")).status_code == 403
        shown = await other.open(url_of(world, signed))
        assert 'data-state="taken"' in shown.html
        assert "/proof" not in shown.html
        assert (await phone_post(payer, page, "proof"))[0] == 200

    in_page_world(story)


def test_the_payer_who_comes_back_signs_in_and_gets_the_same_bytes_also_after_a_restart() -> None:
    """A stored proof is the same proof again."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order(release=3)
        phone = world.phone("alipay")
        page = await pays(phone, url_of(world, signed))
        await a.till.final(f"{signed.order.order_no}-1")
        first = (await phone_post(phone, page, "proof"))[1]
        await asyncio.sleep(90)
        await world.restart()
        back = world.phone("alipay")
        again = await back.open(url_of(world, signed))
        assert 'data-state="paid"' in again.html
        assert (await phone_post(back, again, "proof"))[1] == first

    in_page_world(story)


async def cheaper_account(world: PageWorld) -> None:
    """The owner has a second account at WeChat, and the first one costs from now on."""
    settings = {**account_settings(world.wallets.by_name["wechat"], account_id="w2", interval_ms=3_000)}
    row = {"account_id": "w2", "merchant_id": "m1", "channel": "wechat", "shown_default": 0}

    def unit(tx: Tx) -> None:
        tx.connection.execute(insert(CHANNEL_ACCOUNTS), {**row, "settings": json.dumps(settings)})
        routes.keep_terms(tx, "w1", AccountTerms(cost_ppm=6_000))

    world.store.run_now(unit)
    await world.gateway.load_accounts()


def test_the_payer_who_comes_back_is_known_although_another_account_would_be_chosen_now() -> None:
    """Who he is was told to the account that he paid at: there he signs in again, and gets his proof."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        page = await pays(phone, url_of(world, signed))
        await a.till.final(f"{signed.order.order_no}-1")
        first = (await phone_post(phone, page, "proof"))[1]
        await cheaper_account(world)
        back, other = world.phone("wechat"), world.phone("wechat", customer="another")
        assert (await phone_post(back, await back.open(url_of(world, signed)), "proof"))[1] == first
        assert (await phone_post(other, await other.open(url_of(world, signed)), "proof"))[0] == 403
        fresh = world.phone("wechat")
        said = await fresh.press(await fresh.open(url_of(world, a.order())))
        assert said["result"] == "open"
        assert [order.account_id for order in world.orders_of(payment_of_last(world, a))] == ["w2"]

    in_page_world(story)


def test_the_payer_who_comes_back_to_his_open_order_presses_it_again_although_another_account_would_be_chosen() -> None:
    """And is not taken for another payer, for whom his own order would be given up."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        await phone.press(await phone.open(url_of(world, signed)))
        await cheaper_account(world)
        await asyncio.sleep(30)
        back = world.phone("wechat")
        said = await back.press(await back.open(url_of(world, signed)))
        assert said["result"] == "again"
        assert [order.account_id for order in world.orders_of(payment_of_last(world, a))] == ["w1"]

    in_page_world(story)


def payment_of_last(world: PageWorld, a: OfflineTill) -> PaymentKey:
    found = payment_of(world, a.made[-1])
    assert found is not None
    return found.key


def test_there_is_no_proof_before_the_end() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        assert (await post(world, signed, "proof")).status_code == 404
        phone = world.phone("wechat")
        page = await phone.open(url_of(world, signed))
        await phone.press(page)
        assert (await phone_post(phone, page, "proof"))[0] == 409

    in_page_world(story)


def test_the_typed_code_is_told_after_paid_and_is_the_one_that_the_till_can_check() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world, wanted=3)
        signed = a.order(release=2)
        phone = world.phone("wechat")
        page = await pays(phone, url_of(world, signed))
        await a.till.final(f"{signed.order.order_no}-1")
        _, told = await phone_post(phone, page, "proof")
        code = read_code(told["typed"])
        assert code is not None
        held = next(one.verifier for one in a.kit.codes if one.index == 2)
        assert frees(code, held, terminal_id=a.terminal_id, epoch=1, index=2)

    in_page_world(story)


@pytest.mark.parametrize(
    ("release", "amount_fen", "told"),
    [(0, 1250, False), (5, TYPED_ORDER_LIMIT_FEN, True), (5, TYPED_ORDER_LIMIT_FEN + 1, False)],
)
def test_no_typed_code_without_an_index_nor_above_its_limit(release: int, amount_fen: int, told: bool) -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order(release=release, amount_fen=amount_fen)
        phone = world.phone("wechat")
        page = await pays(phone, url_of(world, signed))
        await a.till.final(f"{signed.order.order_no}-1")
        assert ((await phone_post(phone, page, "proof"))[1]["typed"] is not None) is told

    in_page_world(story)


async def typed_code(world: PageWorld, a: OfflineTill, release: int) -> object:
    """What the payer of an order with this index reads out."""
    signed = a.order(release=release)
    phone = world.phone("wechat")
    page = await pays(phone, url_of(world, signed))
    await a.till.final(f"{signed.order.order_no}-1")
    return (await phone_post(phone, page, "proof"))[1]["typed"]


def test_an_index_frees_its_order_whatever_other_orders_tills_and_activations_used() -> None:
    async def story(world: PageWorld) -> None:
        a, b = await offline_till(world), await offline_till(world)
        codes = [await typed_code(world, till, release) for till, release in ((a, 3), (a, 4), (b, 3))]
        await again(world, a.till)
        codes.append(await typed_code(world, await offline_side(world, a.till), 3))
        assert None not in codes
        assert len(set(codes)) == 4

    in_page_world(story)


def test_what_a_till_cancelled_and_counted_is_its_own_and_of_its_activation() -> None:
    """Counters are each till's, and begin anew when it is activated again."""

    async def story(world: PageWorld) -> None:
        a, b = await offline_till(world), await offline_till(world)
        await press(world, a, oseq=40)
        assert (await press(world, a, wallet="alipay", oseq=41, cancelled=0b1))["result"] == "open"
        assert (await press(world, b, oseq=40))["result"] == "open"
        await again(world, a.till)
        anew = await offline_side(world, a.till)
        for oseq in (1, 40):
            assert (await press(world, anew, oseq=oseq))["result"] == "open"

    in_page_world(story)


def test_a_payer_who_is_known_hears_the_neutral_sentence_too_when_the_till_is_switched_off_before_his_press() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        page = await phone.open(url_of(world, signed))
        world.store.run_now(lambda tx: standing.revoke(tx, a.terminal_id, now_ms=world.clock.now_ms()))
        said = await phone.press(page)
        assert (said["result"], NEUTRAL in said["text"]) == ("refused", True)
        assert payment_of(world, signed) is None

    in_page_world(story)


def test_an_index_that_two_orders_name_frees_neither() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        first, second = a.order(release=7), a.order(release=7)
        phone = world.phone("wechat")
        pages = [await pays(phone, url_of(world, one)) for one in (first, second)]
        await a.till.final(f"{second.order.order_no}-1")
        assert [(await phone_post(phone, page, "proof"))[1]["typed"] for page in pages] == [None, None]

    in_page_world(story)


def test_not_paying_closes_at_once_what_nobody_pressed_and_gives_a_closed_proof() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        page = await phone.open(url_of(world, signed))
        assert (await phone_post(phone, page, "close"))[1]["closed"] is True
        status, told = await phone_post(phone, page, "proof")
        assert (status, told["type"], told["typed"]) == (200, "closed", None)
        assert a.verifies(told["proof"], signed).proof.type is ProofType.CLOSED
        assert (await phone.press(page))["result"] in ("refused", "over")
        final = status_of(await a.till.ask(f"{signed.order.order_no}-1"))
        assert (final.state, final.proof is not None and final.proof.kind) == (
            GatewayState.NOT_PAID,
            ProofKind.TOMBSTONE,
        )

    in_page_world(story)


@pytest.mark.parametrize("wallet", WALLETS)
def test_not_paying_after_a_press_is_proven_only_after_table_p(wallet: str) -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone(wallet)
        page = await phone.open(url_of(world, signed))
        held = await phone.press(page)
        assert (await phone_post(phone, page, "close"))[1]["closed"] is True
        assert (await phone_post(phone, page, "proof"))[0] == 409
        final, _ = await a.till.final(f"{signed.order.order_no}-1")
        assert final.state is GatewayState.NOT_PAID
        assert final.proof is not None
        status, told = await phone_post(phone, page, "proof")
        assert (status, told["type"]) == (200, "closed")
        assert phone.pay(held).result is not ScanResult.PAID
        assert world.money(final)[0] == 0

    in_page_world(story)


def test_nobody_closes_what_another_customer_is_paying() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        payer, other = world.phone("wechat"), world.phone("alipay")
        page, its_page = await payer.open(url_of(world, signed)), await other.open(url_of(world, signed))
        said = await payer.press(page)
        assert (await phone_post(other, its_page, "close"))[1]["closed"] is False
        assert (await post(world, signed, "close")).json()["closed"] is False
        payer.pay(said)
        final, _ = await a.till.final(f"{signed.order.order_no}-1")
        assert final.state is GatewayState.PAID
        assert (await phone_post(payer, page, "close"))[1]["closed"] is True  # it has ended: nothing is changed
        assert status_of(await a.till.ask(final.payment_no)).state is GatewayState.PAID

    in_page_world(story)


def test_the_window_ends_five_minutes_after_the_first_press_and_gives_a_closed_proof() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat", script="never")
        page = await phone.open(url_of(world, signed))
        held = await phone.press(page)
        payment = payment_of(world, signed)
        assert payment is not None
        assert payment.qr_expires_ms == payment.created_ms + PAY_WINDOW_MS
        final, _ = await a.till.final(f"{signed.order.order_no}-1", seconds=900)
        assert final.state is GatewayState.NOT_PAID
        assert world.clock.now_ms() >= payment.created_ms + PAY_WINDOW_MS
        assert (await look(world, signed)).status_code == 200
        told = (await post(world, signed, "proof")).json()
        assert a.verifies(told["proof"], signed).proof.type is ProofType.CLOSED
        assert phone.pay(held).result is not ScanResult.PAID

    in_page_world(story)


def test_a_closed_proof_closes_the_number_for_every_later_payment() -> None:
    """Never both PAID and CLOSED for one order: a payment n+1 over the line is refused, too."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat", script="never")
        await phone.press(await phone.open(url_of(world, signed)))
        await a.till.final(f"{signed.order.order_no}-1", seconds=900)
        await post(world, signed, "proof")
        code = world.wallets.show_code("alipay", phone.browser.script)
        more = a.till.payment(code, order_no=signed.order.order_no, n=2)
        assert problem_of(await a.till.pay(more)).reason is Reason.ORDER_CANCELLED

    in_page_world(story)


def test_the_store_itself_refuses_a_second_outcome_of_one_order() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()

        def ends(digest: bytes, as_: ProofType) -> None:
            world.store.run_now(
                lambda tx: offline.add_proof(
                    tx,
                    digest,
                    terminal_id=a.terminal_id,
                    order_no=signed.order.order_no,
                    type_=as_,
                    kid=1,
                    raw=b"",
                    now_ms=1,
                )
            )

        ends(b"1" * 32, ProofType.PAID)
        with pytest.raises(IntegrityError):
            ends(b"2" * 32, ProofType.CLOSED)

    in_page_world(story)


def test_the_bitmap_makes_a_tombstone_of_an_earlier_unpaid_order() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        first = a.order()
        phone = world.phone("wechat")
        page = await phone.open(url_of(world, first))
        held = await phone.press(page)
        await press(world, a, wallet="alipay", cancelled=0b1)
        final, _ = await a.till.final(f"{first.order.order_no}-1")
        assert (final.state, final.reason) == (GatewayState.NOT_PAID, Reason.CANCELLED)
        assert phone.pay(held).result is not ScanResult.PAID

    in_page_world(story)


@pytest.mark.parametrize("back", [1, 8, 16])
def test_the_bitmap_closes_an_earlier_order_that_was_never_seen_here(back: int) -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        first = a.order(oseq=5)
        await press(world, a, oseq=5 + back, cancelled=1 << (back - 1))
        answer = await look(world, first)
        assert (answer.status_code, CANCELLED in answer.text) == (410, True)
        assert (await post(world, first, "pay")).json()["result"] == "wait"  # signs in first
        assert payment_of(world, first) is None

    in_page_world(story)


def test_a_paid_order_that_its_till_had_cancelled_goes_back_by_itself_up_to_two_hundred() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        first = a.order(amount_fen=20_000)
        await pays(world.phone("wechat"), url_of(world, first))
        final, _ = await a.till.final(f"{first.order.order_no}-1")
        await press(world, a, wallet="alipay", cancelled=0b1)
        await asyncio.sleep(30)
        assert world.money(final)[:2] == (20_000, 20_000)
        assert AlarmKind.CANCELLED_PAID not in world.alarms()
        world.ledger_agrees()

    in_page_world(story)


def test_a_paid_order_whose_cancel_comes_over_the_line_goes_back_too_and_once() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        first, larger = a.order(amount_fen=20_000), a.order(amount_fen=20_001)
        for signed in (first, larger):
            await pays(world.phone("wechat"), url_of(world, signed))
            final, _ = await a.till.final(f"{signed.order.order_no}-1")
            for _ in range(2):
                told = status_of(await a.till.cancel(final.payment_no, amount_fen=final.amount_fen))
                assert told.state is GatewayState.PAID
        await asyncio.sleep(30)
        paid, _ = await a.till.final(f"{first.order.order_no}-1")
        assert world.money(paid)[:2] == (20_000, 20_000)
        assert paid.given_back_ms is not None
        waits, _ = await a.till.final(f"{larger.order.order_no}-1")
        assert world.money(waits)[:2] == (20_001, 0)
        assert waits.given_back_ms is None
        assert world.alarms()[AlarmKind.CANCELLED_PAID] == 1
        await asyncio.sleep(25 * 3_600)
        assert world.money(waits)[:2] == (20_001, 20_001)
        world.ledger_agrees()

    in_page_world(story)


def test_a_cancel_that_only_the_journal_tells_of_gives_a_paid_order_back_and_ends_an_open_one() -> None:
    """The till heard PAID before its cancel went out, and sends none any more."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        paid, pressed = a.order(), a.order()
        await pays(world.phone("wechat"), url_of(world, paid))
        final, _ = await a.till.final(f"{paid.order.order_no}-1")
        phone = world.phone("alipay")
        await phone.press(await phone.open(url_of(world, pressed)))
        entries: list[JournalEntry] = []
        head = genesis(a.terminal_id)
        bodies = [f'{{"payment_no":"{signed.order.order_no}-1"}}' for signed in (paid, pressed)]
        for seq, body in enumerate([*bodies, '{"payment_no":7}', "no entry of ours"], start=1):
            head = link(head, seq=seq, kind=CANCEL_INTENDED, at_ms=1, body=body)
            entries.append(JournalEntry(seq=seq, kind=CANCEL_INTENDED, at_ms=1, body=body, hash=head))
        upload = a.till.signed("POST", "/v1/journal", encode(JournalUpload(entries=tuple(entries))))
        assert (await a.till.send(upload)).status == 200
        ended, _ = await a.till.final(f"{pressed.order.order_no}-1")
        assert (ended.state, ended.cancel_requested) == (GatewayState.NOT_PAID, True)
        await asyncio.sleep(30)
        assert world.money(final)[:2] == (1250, 1250)
        world.ledger_agrees()

    in_page_world(story)


def test_what_comes_along_with_an_entry_that_stays_at_the_till_is_not_believed() -> None:
    """Nothing says that it is what was hashed: the chain goes on over it, and nothing else follows."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        paid = a.order()
        await pays(world.phone("wechat"), url_of(world, paid))
        final, _ = await a.till.final(f"{paid.order.order_no}-1")
        sale_id = new_number(world.entropy.bytes(15))
        body = f'{{"payment_no":"{final.payment_no}","sale_id":"{sale_id}"}}'
        entry = JournalEntry(
            seq=1, kind=CANCEL_INTENDED, at_ms=1, body=body, hash="1" * 64, withheld=Reason.BAD_REQUEST
        )
        upload = a.till.signed("POST", "/v1/journal", encode(JournalUpload(entries=(entry,))))
        assert (await a.till.send(upload)).status == 200
        await asyncio.sleep(30)
        payment = payment_of(world, paid)
        assert payment is not None
        assert (payment.state, payment.sale_id) == (GatewayState.PAID, None)
        assert world.money(final)[:2] == (1250, 0)

    in_page_world(story)


def test_an_order_whose_cancel_the_journal_told_of_before_its_first_sight_never_begins() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        body = f'{{"payment_no":"{signed.order.order_no}-1"}}'
        head = link(genesis(a.terminal_id), seq=1, kind=CANCEL_INTENDED, at_ms=1, body=body)
        entry = JournalEntry(seq=1, kind=CANCEL_INTENDED, at_ms=1, body=body, hash=head)
        upload = a.till.signed("POST", "/v1/journal", encode(JournalUpload(entries=(entry,))))
        assert (await a.till.send(upload)).status == 200
        phone = world.phone("wechat")
        said = await phone.press(await phone.open(url_of(world, signed)))
        assert said["result"] not in ("open", "again")
        payment = payment_of(world, signed)
        assert payment is not None
        assert (payment.state, payment.proof_kind) == (GatewayState.NOT_PAID, ProofKind.TOMBSTONE)
        assert status_of(await a.till.cancel(f"{signed.order.order_no}-1")).state is GatewayState.NOT_PAID

    in_page_world(story)


def test_an_order_of_a_till_without_a_clock_is_found_behind_a_day_of_its_journal() -> None:
    """Such an order grows not too old by itself: its cancel, and the sale of another, may lie 2,000 entries back."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        cancelled, shown = a.order(clock=ClockQuality.GUESSED), a.order(clock=ClockQuality.GUESSED)
        sale_id = new_number(world.entropy.bytes(15))
        said = [
            (CANCEL_INTENDED, f'{{"payment_no":"{cancelled.order.order_no}-1"}}'),
            (OFFLINE_SHOWN, f'{{"payment_no":"{shown.order.order_no}-1","sale_id":"{sale_id}"}}'),
            *(("payment.settled", f'{{"n":{n}}}') for n in range(2_000)),
        ]
        head, entries = genesis(a.terminal_id), list[JournalEntry]()
        for seq, (kind, body) in enumerate(said, start=1):
            head = link(head, seq=seq, kind=kind, at_ms=1, body=body)
            entries.append(JournalEntry(seq=seq, kind=kind, at_ms=1, body=body, hash=head))
        for at in range(0, len(entries), 100):
            some = JournalUpload(entries=tuple(entries[at : at + 100]))
            assert (await a.till.send(a.till.signed("POST", "/v1/journal", encode(some)))).status == 200
            await asyncio.sleep(1)
        await pays(world.phone("wechat"), url_of(world, shown))
        phone = world.phone("alipay")
        assert (await phone.press(await phone.open(url_of(world, cancelled))))["result"] not in ("open", "again")
        found = payment_of(world, shown)
        assert found is not None
        assert found.sale_id == sale_id
        found = payment_of(world, cancelled)
        assert found is not None
        assert (found.state, found.proof_kind) == (GatewayState.NOT_PAID, ProofKind.TOMBSTONE)

    in_page_world(story)


def test_a_refund_that_is_on_its_way_when_the_day_is_over_is_waited_for() -> None:
    """A person asked for it; as long as it is not done, the money is not back and the alarm stays."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        first = a.order(amount_fen=20_001)
        await pays(world.phone("wechat", script="refund_processing:90000"), url_of(world, first))
        final, _ = await a.till.final(f"{first.order.order_no}-1")
        await press(world, a, wallet="alipay", cancelled=0b1)
        await asyncio.sleep(23 * 3_600)
        asked = RefundRequest(
            refund_no=new_number(world.entropy.bytes(15)), amount_fen=20_001, currency="CNY", operator="01", note=""
        )
        upload = a.till.signed("POST", f"/v1/payments/{final.payment_no}/refunds", encode(asked))
        assert (await a.till.send(upload)).status == 200
        await asyncio.sleep(2 * 3_600)
        assert world.money(final)[:2] == (20_001, 0)
        assert world.alarms()[AlarmKind.CANCELLED_PAID] == 1
        await asyncio.sleep(48 * 3_600)
        assert world.money(final)[:2] == (20_001, 20_001)
        assert AlarmKind.CANCELLED_PAID not in world.alarms()
        world.ledger_agrees()

    in_page_world(story)


def test_a_larger_one_waits_for_a_person_and_goes_back_by_itself_after_a_day() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        first = a.order(amount_fen=20_001)
        await pays(world.phone("wechat"), url_of(world, first))
        final, _ = await a.till.final(f"{first.order.order_no}-1")
        await press(world, a, wallet="alipay", cancelled=0b1)
        await asyncio.sleep(23 * 3_600)
        assert world.money(final)[:2] == (20_001, 0)
        assert world.alarms()[AlarmKind.CANCELLED_PAID] == 1
        await asyncio.sleep(2 * 3_600)
        assert world.money(final)[:2] == (20_001, 20_001)
        assert AlarmKind.CANCELLED_PAID not in world.alarms()
        world.ledger_agrees()

    in_page_world(story)


def test_one_that_a_person_gave_back_goes_back_once_and_is_nobodys_alarm() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        first = a.order(amount_fen=20_001)
        await pays(world.phone("wechat"), url_of(world, first))
        final, _ = await a.till.final(f"{first.order.order_no}-1")
        await press(world, a, wallet="alipay", cancelled=0b1)
        assert world.alarms()[AlarmKind.CANCELLED_PAID] == 1
        number = new_number(world.entropy.bytes(15))
        back = RefundRequest(refund_no=number, amount_fen=20_001, currency="CNY", note="", operator="01")
        path = f"/v1/payments/{final.payment_no}/refunds"
        assert (await a.till.send(a.till.signed("POST", path, encode(back)))).status == 200
        await asyncio.sleep(25 * 3_600)
        assert world.money(final)[:2] == (20_001, 20_001)
        assert AlarmKind.CANCELLED_PAID not in world.alarms()
        world.ledger_agrees()

    in_page_world(story)


def test_orders_may_come_in_any_order_within_sixteen() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        orders = [a.order() for _ in range(18)]
        for signed in (orders[17], orders[1], orders[9]):
            phone = world.phone("wechat")
            said = await phone.press(await phone.open(url_of(world, signed)))
            assert said["result"] == "open", signed.order.oseq
        answer = await look(world, orders[0])
        assert (answer.status_code, NEUTRAL in answer.text) == (404, True)

    in_page_world(story)


def test_a_good_clock_and_ten_minutes_late_is_a_tombstone_with_its_proof() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        page = await phone.open(url_of(world, signed))
        await asyncio.sleep(FIRST_SIGHT_MS / 1000 + 1)
        said = await phone.press(page)
        assert (said["result"], said["bridge"]) == ("over", None)
        final = status_of(await a.till.ask(f"{signed.order.order_no}-1"))
        assert (final.state, final.reason) == (GatewayState.NOT_PAID, Reason.EXPIRED)
        told = (await phone_post(phone, page, "proof"))[1]
        assert a.verifies(told["proof"], signed).proof.type is ProofType.CLOSED

    in_page_world(story)


def test_looking_at_a_late_order_makes_no_tombstone_and_offers_to() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        await asyncio.sleep(FIRST_SIGHT_MS / 1000 + 1)
        answer = await look(world, signed)
        assert "此码太旧，不能付款" in answer.text
        assert payment_of(world, signed) is None
        assert (await post(world, signed, "close")).json()["closed"] is True
        assert (await post(world, signed, "proof")).json()["type"] == "closed"

    in_page_world(story)


def test_a_guessed_clock_has_no_such_bound() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        said = await press(world, a, made_at_s=1, clock=ClockQuality.GUESSED)
        assert said["result"] == "open"

    in_page_world(story)


def _another_key(world: PageWorld) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(world.entropy.bytes(32))


@pytest.mark.parametrize(
    "wrong",
    ["text", "length", "terminal", "signature", "altered", "epoch", "kid", "amount", "revoked", "frozen"],
)
def test_each_refusal_is_the_one_neutral_sentence_in_each_language(wrong: str) -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        url = url_of(world, signed)
        match wrong:
            case "text":
                url = url.replace(signed.text[50:60], "UUUUUUUUUU")
            case "length":
                url = url[:-1]
            case "terminal":
                url = url_of(world, a.order(terminal_id="0" * 13))
            case "signature":
                url = url_of(world, a.order(key=_another_key(world)))
            case "altered":
                changed = bytearray(signed.raw)
                changed[28] ^= 1
                url = url_of(world, replace(signed, raw=bytes(changed)))
            case "epoch":
                url = url_of(world, a.order(epoch=2))
            case "kid":
                url = url_of(world, a.order(kid=99))
            case "amount":
                url = url_of(world, a.order(amount_fen=ORDER_LIMIT_FEN + 1))
            case "revoked":
                world.store.run_now(lambda tx: standing.revoke(tx, a.terminal_id, now_ms=1))
            case _:
                await press(world, a, oseq=9)
                await post(world, a.order(oseq=9), "pay")
        for language, sentence in (
            ("zh-CN", NEUTRAL),
            ("zh-TW", "請勿付款，請收銀員連網或改收現金"),
            ("en", "Do not pay. The cashier must connect, or take cash."),
        ):
            answer = await look(world, url, language=language)
            assert (answer.status_code, sentence in answer.text) == (404, True)
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert "12.50" not in answer.text
            assert "一店" not in answer.text
        pressed = await world.request("POST", f"{url}/pay", headers={"content-type": "application/json"}, body=b"{}")
        assert pressed.json()["result"] == "refused"
        assert payment_of(world, signed) is None

    in_page_world(story)


def test_what_is_not_settled_is_refused_at_the_press_when_the_till_was_switched_off_meanwhile() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        phone = world.phone("wechat")
        page = await phone.open(url_of(world, signed := a.order()))
        world.store.run_now(lambda tx: standing.revoke(tx, a.terminal_id, now_ms=1))
        said = await phone.press(page)
        assert (said["result"], said["bridge"]) == ("refused", None)
        assert payment_of(world, signed) is None

    in_page_world(story)


def test_proofs_of_orders_already_paid_stay_valid_after_the_till_was_switched_off() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        page = await pays(phone, url_of(world, signed))
        await a.till.final(f"{signed.order.order_no}-1")
        world.store.run_now(lambda tx: standing.revoke(tx, a.terminal_id, now_ms=1))
        told = (await phone_post(phone, page, "proof"))[1]
        assert a.verifies(told["proof"], signed).proof.type is ProofType.PAID
        assert 'data-state="paid"' in (await phone.open(url_of(world, signed))).html

    in_page_world(story)


def test_another_order_under_the_same_counter_freezes_the_till_with_an_alarm() -> None:
    """The page of the second tells so itself, once a phone has opened it: looking notes nothing."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        assert (await press(world, a, oseq=4))["result"] == "open"
        second = a.order(oseq=4)
        shown = await look(world, second)
        assert f'"tell": "{second.text}/pay"' in shown.text
        assert AlarmKind.ORDER_CLONE not in world.alarms()
        assert (await post(world, second, "pay")).json()["result"] == "refused"
        assert world.alarms()[AlarmKind.ORDER_CLONE] == 1
        refused = problem_of(await a.till.pay(a.till.payment(world.wallets.show_code("alipay", script_of("pay")))))
        assert refused.reason is Reason.TERMINAL_FROZEN
        assert payment_of(world, second) is None

    in_page_world(story)


def test_two_pages_that_were_open_before_the_clone_was_known_cannot_both_be_pressed() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        phones = [world.phone("wechat"), world.phone("alipay")]
        orders = [a.order(oseq=4), a.order(oseq=4)]
        opened = [await p.open(url_of(world, one)) for p, one in zip(phones, orders, strict=True)]
        said = await asyncio.gather(*(p.press(page) for p, page in zip(phones, opened, strict=True)))
        assert sorted(str(one["result"]) for one in said) == ["open", "refused"]
        assert world.alarms()[AlarmKind.ORDER_CLONE] == 1

    in_page_world(story)


def test_another_content_under_the_same_number_freezes_the_till_and_tells_nothing_of_the_first() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        await pays(world.phone("wechat"), url_of(world, signed))
        await a.till.final(f"{signed.order.order_no}-1")
        other = a.order(order_no=signed.order.order_no, amount_fen=99)
        answer = await look(world, other)
        assert (answer.status_code, NEUTRAL in answer.text) == (404, True)
        assert (await post(world, other, "pay")).json()["result"] == "refused"
        assert world.alarms()[AlarmKind.ORDER_CLONE] == 1
        assert (await post(world, other, "proof")).status_code == 404
        assert (await world.request("GET", f"{url_of(world, other)}/status")).status_code == 404

    in_page_world(story)


def test_an_order_that_the_till_cancelled_over_the_line_before_anybody_pressed_is_told_as_cancelled() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        await a.till.cancel(f"{signed.order.order_no}-1")
        answer = await look(world, signed)
        assert (answer.status_code, CANCELLED in answer.text) == (410, True)

    in_page_world(story)


def test_a_number_that_was_begun_over_the_line_is_no_offline_order() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        shown = await world.shown_page(a.till)
        answer = await look(world, a.order(order_no=shown.order_no))
        assert (answer.status_code, NEUTRAL in answer.text) == (404, True)
        assert AlarmKind.ORDER_CLONE not in world.alarms()

    in_page_world(story)


def test_the_tills_later_calls_about_it_just_work() -> None:
    """The same number posted again is the answer that is there; a cancel and the long poll see the page's payment."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        page = await phone.open(url_of(world, signed))
        await phone.press(page)
        number = signed.order.order_no
        again = await a.till.pay(a.till.payment(None, order_no=number))
        assert isinstance(again, PaymentStatus)
        assert again.state is GatewayState.SENT
        differs = problem_of(await a.till.pay(a.till.payment(None, order_no=number, amount_fen=1)))
        assert differs.reason is Reason.CONTENT_DIFFERS
        await a.till.cancel(f"{number}-1")
        final, _ = await a.till.final(f"{number}-1")
        assert final.state is GatewayState.NOT_PAID
        assert status_of(await a.till.ack(final)).state is GatewayState.NOT_PAID
        told = (await phone_post(phone, page, "proof"))[1]
        assert told["type"] == "closed"

    in_page_world(story)


def test_a_restart_between_the_press_and_the_payment_loses_nothing() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        said = await phone.press(await phone.open(url_of(world, signed)))
        await world.restart(down_s=3)
        phone.pay(said)
        final, _ = await a.till.final(f"{signed.order.order_no}-1")
        assert final.state is GatewayState.PAID
        back = world.phone("wechat")
        page = await back.open(url_of(world, signed))
        told = (await phone_post(back, page, "proof"))[1]
        assert a.verifies(told["proof"], signed).proof.type is ProofType.PAID

    in_page_world(story)


def test_a_key_rotated_while_the_order_is_in_flight_still_signs_for_it() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        page = await phone.open(url_of(world, signed))
        world.gateway.proof_keys.rotate(now_ms=world.clock.now_ms())
        phone.pay(await phone.press(page))
        await a.till.final(f"{signed.order.order_no}-1")
        proof = a.verifies((await phone_post(phone, page, "proof"))[1]["proof"], signed)
        assert proof.proof.kid == signed.order.kid

    in_page_world(story)


def test_a_key_compromised_before_the_press_is_refused_before_payment() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        page = await phone.open(url_of(world, signed))
        world.gateway.proof_keys.compromise(signed.order.kid, now_ms=world.clock.now_ms())
        assert (await phone.press(page))["result"] == "refused"
        assert payment_of(world, signed) is None

    in_page_world(story)


def test_a_key_compromised_during_the_payment_signs_nothing_and_the_tills_next_key_does() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        page = await phone.open(url_of(world, signed))
        said = await phone.press(page)
        world.gateway.proof_keys.compromise(signed.order.kid, now_ms=world.clock.now_ms())
        phone.pay(said)
        await a.till.final(f"{signed.order.order_no}-1")
        proof = a.verifies((await phone_post(phone, page, "proof"))[1]["proof"], signed)
        assert proof.proof.kid == a.kit.proof_keys[1].kid

    in_page_world(story)


def test_nothing_of_an_order_reaches_a_log_or_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    async def story(world: PageWorld) -> tuple[str, str]:
        a = await offline_till(world)
        signed = a.order()
        phone = world.phone("wechat")
        page = await pays(phone, url_of(world, signed))
        await a.till.final(f"{signed.order.order_no}-1")
        told = (await phone_post(phone, page, "proof"))[1]
        await look(world, url_of(world, signed)[:-1])
        return signed.text, told["proof"]

    order, proof = in_page_world(story)
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert order[20:60] not in text
        assert proof[20:60] not in text


def test_an_address_that_asks_too_often_is_told_to_wait_before_anything_is_computed() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        for _ in range(Ask.ORDER.value[0]):
            assert (await look(world, f"{world.public_url}/o/nothing")).status_code == 404
        signed = a.order()
        busy = await look(world, signed)
        assert (busy.status_code, busy.headers["retry-after"]) == (429, "5")
        for what in ("pay", "close", "proof", "leave"):
            assert (await post(world, signed, what)).status_code == 429
        for what in ("status", "back"):
            assert (await world.request("GET", f"{url_of(world, signed)}/{what}")).status_code == 429
        elsewhere = await world.request("GET", url_of(world, signed), address="198.51.100.7")
        assert elsewhere.status_code == 200
        await asyncio.sleep(5)
        assert (await look(world, signed)).status_code == 200

    in_page_world(story)


def test_every_question_about_an_order_counts_in_the_share_whichever_order_it_names() -> None:
    """Anybody can write a new ORDER for each question, and each is a signature to check."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        for oseq in range(1, Ask.ORDER.value[0] + 1):
            asked = await world.request("GET", f"{url_of(world, a.order(oseq=oseq))}/status")
            assert asked.status_code == 404
        assert (await look(world, a.order(oseq=500))).status_code == 429

    in_page_world(story)


@pytest.mark.parametrize("what", ["pay", "close", "proof"])
def test_a_press_from_another_site_or_of_another_kind_is_none(what: str) -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        url = f"{url_of(world, signed)}/{what}"
        kind = {"content-type": "application/json"}
        other = await world.request("POST", url, headers={**kind, "sec-fetch-site": "cross-site"}, body=b"{}")
        form = await world.request("POST", url, headers={"content-type": "text/plain"}, body=b"{}")
        large = await world.request("POST", url, headers=kind, body=b" " * 2_000)
        assert (other.status_code, form.status_code, large.status_code) == (403, 415, 413)
        assert payment_of(world, signed) is None

    in_page_world(story)


def test_late_money_of_an_offline_order_goes_back_once_its_journal_says_that_the_sale_was_paid_otherwise() -> None:
    """One taken payment for what the sale owed: what the gateway could not know at the press it settles at the sync."""

    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        world.store.run_now(lambda tx: tx.connection.execute(update(MERCHANTS).values(late_money="hold")))
        signed = a.order()
        phone = world.phone("wechat")
        page = await phone.open(url_of(world, signed))
        await phone.press(page)
        await phone_post(phone, page, "close")
        final, _ = await a.till.final(f"{signed.order.order_no}-1")
        # The wallet took it all the same, and says so later.
        (order,) = world.orders_of(PaymentKey(terminal_id=a.terminal_id, order_no=signed.order.order_no, n=1))
        paid = Paid(transaction_id="4200001", amount_fen=1250, paid_at_ms=world.clock.now_ms(), payer_tail="")

        def late(tx: Tx) -> None:
            payment = payments.find(tx, order.key)
            assert payment is not None
            now_ms = world.clock.now_ms()
            step = to_paid(payment, order, paid, fresh=True, said_by="wechat", now_ms=now_ms)
            keep(tx, payment, step, lambda _account: DEFAULT_PACE, now_ms=now_ms, order_before=order)

        world.store.run_now(late)
        assert (await phone_post(phone, page, "proof"))[0] == 409  # no CLOSED proof while the money is here
        sale_id = new_number(world.entropy.bytes(15))
        other = a.till.payment(world.wallets.show_code("alipay", script_of("pay")), sale_id=sale_id)
        await a.till.pay(other)
        await a.till.final(other.payment_no)
        refunds_before = world.store.run_now(lambda tx: refunds.of_order(tx, order.out_trade_no))
        body = f'{{"payment_no":"{final.payment_no}","sale_id":"{sale_id}"}}'
        head = link(genesis(a.terminal_id), seq=1, kind="offline", at_ms=1, body=body)
        entry = JournalEntry(seq=1, kind="offline", at_ms=1, body=body, hash=head)
        upload = a.till.signed("POST", "/v1/journal", encode(JournalUpload(entries=(entry,))))
        assert (await a.till.send(upload)).status == 200
        refunds_after = world.store.run_now(lambda tx: refunds.of_order(tx, order.out_trade_no))
        assert (len(refunds_before), len(refunds_after)) == (0, 1)

    in_page_world(story)
