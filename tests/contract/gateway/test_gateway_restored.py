"""A gateway whose database is a backup: nothing that was done after it is claimed not to have been charged, until a
person looked; and what he finds in a wallet's books goes the way of every payment."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.configure.words import (
    Order,
    Refused,
    RestoredAction,
    RestoredOrder,
    RestoredSaid,
    StaticQrOrder,
    StaticQrSaid,
)
from gateway.payments.values import PaymentKey
from gateway.store import alarms, ledger, payments, restorations
from gateway.store.runners import InlineStore
from gateway.store.sqlite import open_sqlite
from proof.power.props import script_of
from proof.power.shop import Shop, in_shop
from protocol.messages import PaymentRequest, Presented, Problem, decode, encode
from protocol.numbers import NUMBER_BYTES, new_number, new_out_trade_no
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import GatewayState, ProofKind, TerminalState
from sync.engine.model import ListenToStore, PaymentView
from tests.contract.gateway.offline_world import offline_till, payment_of, pays, post, url_of
from tests.contract.gateway.page_world import PageWorld, in_page_world

#: What a customer with a password box is given.
SLOW = "ask_password:8"


def play(story: Callable[[Shop], Coroutine[Any, Any, None]], folder: Path) -> None:
    in_shop(story, folder, seed=1)


def back_up(shop: Shop) -> Path:
    """As `sqlite3 gateway.db ".backup"` does, while the gateway runs."""
    kept = shop.folder / "backup.db"
    with closing(sqlite3.connect(shop.folder / "gateway.db")) as source, closing(sqlite3.connect(kept)) as copy:
        source.backup(copy)
    return kept


async def restore(shop: Shop, kept: Path, *, noticed: bool = True) -> None:
    """The gateway ends; its database is replaced by the backup; it starts again."""
    await shop.gateway.aclose()
    await shop.store.aclose()
    for end in ("", "-wal", "-shm"):
        (shop.folder / f"gateway.db{end}").unlink(missing_ok=True)
    shutil.copyfile(kept, shop.folder / "gateway.db")
    shop.store = InlineStore(open_sqlite(shop.folder / "gateway.db"))
    if noticed:
        shop.store.run_now(lambda tx: restorations.found(tx, "a test", now_ms=shop.clock.now_ms()))
    await shop.restart_gateway()


async def owner(shop: Shop, action: RestoredAction, **values: Any) -> RestoredSaid:
    said = await shop.owner(_order(action, **values))
    assert isinstance(said, RestoredSaid), said
    return said


def _order(action: RestoredAction, **values: Any) -> Order:
    return RestoredOrder(action=action, person="老王", reason="对账单", **values)


def now(shop: Shop, view: PaymentView) -> PaymentView:
    return shop.sight.payments[view.payment_no]


def row(shop: Shop, view: PaymentView) -> GatewayState | None:
    terminal = shop.till_folder.read_identity().terminal_id
    key = PaymentKey(terminal_id=terminal, order_no=view.order_no, n=view.n)
    found = shop.store.run_now(lambda tx: payments.find(tx, key))
    return None if found is None else found.state


def money(shop: Shop, view: PaymentView) -> list[tuple[int, int]]:
    shop.wallets.look()
    mine = [one for one in shop.wallets.orders() if one.out_trade_no.startswith(view.order_no)]
    return [(one.captured_fen, one.refunded_fen) for one in mine]


async def seconds(shop: Shop, count: float) -> None:
    ends_s = shop.loop.time() + count
    await shop.until(lambda: shop.loop.time() >= ends_s, count + 1.0)


def test_a_charge_that_the_backup_does_not_know_has_no_green_light_until_a_person_found_it(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        kept = back_up(shop)
        view = await shop.sell(SLOW)
        await seconds(shop, 3.0)
        await restore(shop, kept)
        await seconds(shop, 300.0)
        assert money(shop, view) == [(1250, 0)], "it was charged after the gateway had forgotten it"
        assert not now(shop, view).state.final
        assert not now(shop, view).safe_to_rescan
        assert row(shop, view) is None, "no tombstone"
        assert shop.store.run_now(alarms.open_counts)["gateway_restored"] == 1
        listed = await owner(shop, RestoredAction.LIST)
        assert [one.payment_no for one in listed.in_question] == [view.payment_no]
        number = new_out_trade_no(view.order_no, 0)
        taken = await owner(shop, RestoredAction.TAKE_UP, out_trade_no=number, account="alipay")
        assert [(one.payment_no, one.known) for one in taken.in_question] == [(view.payment_no, True)]
        ended = await shop.settled(view)
        assert ended.state is TerminalState.PAID, "found before the till's next cancel came"
        assert money(shop, view) == [(1250, 0)]
        await owner(shop, RestoredAction.DONE)
        assert "gateway_restored" not in shop.store.run_now(alarms.open_counts)
        assert shop.store.run_now(ledger.unbalanced) == []

    play(story, tmp_path)


def test_the_wallets_own_notification_finds_what_the_backup_does_not_know(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        kept = back_up(shop)
        view = await shop.sell("callback_late:30")
        await seconds(shop, 3.0)
        assert money(shop, view) == [(1250, 0)]
        await restore(shop, kept)
        await seconds(shop, 20.0)
        assert row(shop, view) is None
        await seconds(shop, 60.0)
        assert row(shop, view) is not None, "the wallet told of it, and nobody else"
        ended = await shop.settled(view)
        assert (ended.state, money(shop, view)) in (
            (TerminalState.PAID, [(1250, 0)]),
            (TerminalState.NOT_PAID, [(1250, 1250)]),
        )
        assert (await owner(shop, RestoredAction.LIST)).in_question == ()

    play(story, tmp_path)


def test_a_payment_that_was_open_in_the_backup_is_not_undone_by_itself(tmp_path: Path) -> None:
    """The lost part told the till PAID, and the goods left; the restored gateway's line to the wallet is bad."""

    async def story(shop: Shop) -> None:
        view = await shop.sell("ask_password:6")
        kept = back_up(shop)
        assert (await shop.settled(view)).state is TerminalState.PAID
        shop.unserved.update(("query", "cancel"))
        await restore(shop, kept)
        await seconds(shop, 200.0)
        shop.unserved.clear()
        await seconds(shop, 60.0)
        assert (row(shop, view), money(shop, view)) == (GatewayState.PAID, [(1250, 0)])

    play(story, tmp_path)


def test_done_leaves_in_question_what_is_of_a_till_that_did_not_speak_yet(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        kept = back_up(shop)
        view = await shop.sell("ask_password:6")
        await seconds(shop, 2.0)
        shop.till_line_is_cut = True
        await restore(shop, kept)
        await seconds(shop, 60.0)
        said = await owner(shop, RestoredAction.DONE)
        assert said.waiting == (shop.till_folder.read_identity().terminal_id,)
        shop.till_line_is_cut = False
        await seconds(shop, 120.0)
        assert not now(shop, view).state.final
        assert shop.store.run_now(alarms.open_counts)["gateway_restored"] == 1
        number = new_out_trade_no(view.order_no, 0)
        assert (await owner(shop, RestoredAction.TAKE_UP, out_trade_no=number, account="alipay")).waiting == ()
        assert (await shop.settled(view)).state in (TerminalState.PAID, TerminalState.NOT_PAID)
        await owner(shop, RestoredAction.DONE)
        assert "gateway_restored" not in shop.store.run_now(alarms.open_counts)

    play(story, tmp_path)


@pytest.mark.parametrize(("account", "ordinal"), [("wechat", 0), ("alipay", 1)])
def test_an_order_that_was_taken_up_by_mistake_proves_nothing_and_gives_way(
    tmp_path: Path, account: str, ordinal: int
) -> None:
    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        kept = back_up(shop)
        view = await shop.sell(SLOW)
        await seconds(shop, 3.0)
        await restore(shop, kept)
        await seconds(shop, 30.0)
        wrong = new_out_trade_no(view.order_no, ordinal)
        await owner(shop, RestoredAction.TAKE_UP, out_trade_no=wrong, account=account)
        await seconds(shop, 400.0)
        assert not now(shop, view).state.final
        if account == "alipay":
            right = new_out_trade_no(view.order_no, 0)
            await owner(shop, RestoredAction.TAKE_UP, out_trade_no=right, account="alipay")
            await seconds(shop, 100.0)
            await owner(shop, RestoredAction.DONE)
            ended = await shop.settled(view)
            kept_fen = 1250 if ended.state is TerminalState.PAID else 0
            assert sum(taken - back for taken, back in money(shop, view)) == kept_fen

    play(story, tmp_path)


def test_an_order_that_gave_way_and_was_the_right_one_is_watched_for_its_money(tmp_path: Path) -> None:
    """The wallet did not answer, so the person took up another number: what the first one took is late money."""

    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        kept = back_up(shop)
        view = await shop.sell("ask_password:3")
        await seconds(shop, 10.0)
        assert money(shop, view) == [(1250, 0)]
        shop.unserved.add("query")
        await restore(shop, kept)
        await seconds(shop, 30.0)
        for ordinal in (0, 1):
            number = new_out_trade_no(view.order_no, ordinal)
            await owner(shop, RestoredAction.TAKE_UP, out_trade_no=number, account="alipay")
            await seconds(shop, 20.0)
        shop.unserved.clear()
        await seconds(shop, 400.0)
        assert shop.store.run_now(alarms.open_counts)["late_money"] == 1

    play(story, tmp_path)


def test_a_lost_qr_that_is_taken_up_is_asked_about_and_not_made_anew(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        await shop.apply("老店", qr_wallet="alipay")
        kept = back_up(shop)
        view = await shop.sell(shows_qr=True)
        qr = now(shop, view).qr
        assert qr is not None
        assert shop.wallets.scan(qr, script_of("pay")) is not None
        await restore(shop, kept)
        await seconds(shop, 30.0)
        number = new_out_trade_no(view.order_no, 0)
        await owner(shop, RestoredAction.TAKE_UP, out_trade_no=number, account="alipay")
        await shop.settled(view)
        assert sum(taken - back for taken, back in money(shop, view)) in (0, 1250)
        assert len(money(shop, view)) == 1

    play(story, tmp_path)


@pytest.mark.parametrize("down_s", [0.5, 2.3, 6.0])
def test_a_tills_cancel_tells_by_itself_that_more_is_known(tmp_path: Path, down_s: float) -> None:
    """The whole folder was put back, nobody said a word, and the cancel comes before the journal's next delivery."""

    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        await seconds(shop, 20.0)
        kept = back_up(shop)
        view = await shop.sell(SLOW)
        await seconds(shop, 3.0)
        shop.till_line_is_cut = True
        await restore(shop, kept, noticed=False)
        await seconds(shop, down_s)
        shop.till_line_is_cut = False
        await seconds(shop, 300.0)
        assert not now(shop, view).state.final
        assert row(shop, view) is None

    play(story, tmp_path)


def test_pages_are_in_question_too_when_only_the_till_knows(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        view = await shop.sell(shows_qr=True)
        qr = now(shop, view).qr
        assert qr is not None
        kept = back_up(shop)
        sold = await shop.settled(await shop.sell())
        assert sold.state is TerminalState.PAID
        await seconds(shop, 5.0)
        shop.slow["query"] = 30.0
        await shop.phone_pays(qr, wallet="wechat")
        shop.slow.clear()
        await restore(shop, kept, noticed=False)
        await seconds(shop, 20.0)
        shop.cancel(view)
        await seconds(shop, 300.0)
        assert money(shop, view) == [(1250, 0)]
        assert not now(shop, view).state.final

    play(story, tmp_path)


def test_a_request_that_began_before_the_backup_was_noticed_is_not_admitted_anew(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        await shop.stop_till()
        identity = shop.till_folder.read_identity()
        shop.store.run_now(lambda tx: restorations.found(tx, "a test", now_ms=shop.clock.now_ms()))
        number = new_number(shop.chance.randbytes(NUMBER_BYTES))
        key = PaymentKey(terminal_id=identity.terminal_id, order_no=number, n=1)
        old = PaymentRequest(
            payment_no=key.payment_no,
            sale_id=number,
            amount_fen=1250,
            currency="CNY",
            presented=Presented.CUSTOMER,
            subject="早餐",
            operator="01",
            expires=shop.clock.now_ms() + 9_000,
            auth_code=Secret(shop.wallets.show_code("alipay", script_of("pay"))),
        )
        answer = await shop.call("POST", "/v1/payments", encode(old))
        assert decode(Problem, answer.body).reason is Reason.GATEWAY_RESTORED
        assert shop.store.run_now(lambda tx: payments.find(tx, key)) is None

    play(story, tmp_path)


def test_a_word_that_was_signed_before_is_no_first_word(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        await shop.stop_till()
        terminal = shop.till_folder.read_identity().terminal_id
        found_ms = shop.clock.now_ms()
        shop.store.run_now(lambda tx: restorations.found(tx, "a test", now_ms=found_ms))
        shop.store.run_now(lambda tx: restorations.heard_from(tx, terminal, 1, signed_ms=found_ms - 1_000))
        assert shop.store.run_now(restorations.waiting) == (terminal,)
        shop.store.run_now(lambda tx: restorations.heard_from(tx, terminal, 0, signed_ms=found_ms + 1_000))
        assert shop.store.run_now(restorations.waiting) == ()

    play(story, tmp_path)


def test_static_payments_after_a_restored_backup_ring_though_the_till_heard_of_later_ones(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        shop.submit(ListenToStore())
        kept = back_up(shop)
        made = await shop.owner(StaticQrOrder(store="s1"))
        assert isinstance(made, StaticQrSaid), made
        await shop.phone_pays(made.url, fen=200)
        await shop.until(lambda: len(shop.sight.rung) == 1)
        await restore(shop, kept)
        made = await shop.owner(StaticQrOrder(store="s1"))
        assert isinstance(made, StaticQrSaid), made
        await shop.phone_pays(made.url, fen=300)
        await shop.until(lambda: len(shop.sight.rung) == 2)

    play(story, tmp_path)


def test_an_offline_order_that_may_have_been_begun_is_neither_begun_nor_closed() -> None:
    async def story(world: PageWorld) -> None:
        side = await offline_till(world)
        signed = side.order()
        world.store.run_now(lambda tx: restorations.found(tx, "a test", now_ms=world.clock.now_ms()))
        for what in ("press", "close"):
            answer = await post(world, signed, what)
            assert payment_of(world, signed) is None, answer.text
        world.clock.offset_ms += 1_300_000
        young = side.order()
        phone = world.phone("alipay")
        await pays(phone, url_of(world, young))
        assert (paid := payment_of(world, young)) is not None
        assert paid.page

    in_page_world(story)


def test_what_was_never_charged_is_green_once_a_person_said_that_he_looked_and_not_before(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        kept = back_up(shop)
        shop.till_line_is_cut = True
        view = await shop.sell()
        await restore(shop, kept)
        await seconds(shop, 20.0)
        shop.till_line_is_cut = False
        await seconds(shop, 300.0)
        assert not now(shop, view).state.final
        await owner(shop, RestoredAction.DONE)
        ended = await shop.settled(view)
        assert (ended.state, ended.proof and ended.proof.kind) == (TerminalState.NOT_PAID, ProofKind.TOMBSTONE)
        assert money(shop, view) == []

    play(story, tmp_path)


def test_sales_that_begin_after_the_till_heard_from_it_go_on_as_ever(tmp_path: Path) -> None:
    """Paid ones, and one whose request was lost: its number is younger than the backup, so its tombstone is true."""

    async def story(shop: Shop) -> None:
        await restore(shop, back_up(shop))
        await seconds(shop, 30.0)
        sold = await shop.settled(await shop.sell())
        assert sold.state is TerminalState.PAID
        shop.till_line_is_cut = True
        lost = await shop.sell()
        await seconds(shop, 20.0)
        shop.till_line_is_cut = False
        ended = await shop.settled(lost)
        assert (ended.state, ended.proof and ended.proof.kind) == (TerminalState.NOT_PAID, ProofKind.TOMBSTONE)
        assert (await owner(shop, RestoredAction.LIST)).in_question == ()

    play(story, tmp_path)


def test_an_open_payment_of_the_backup_ends_and_its_till_believes_it(tmp_path: Path) -> None:
    """The till was told more about it than the backup knows: a lower `state_seq` it would not believe."""

    async def story(shop: Shop) -> None:
        view = await shop.sell("ask_password:20")
        kept = back_up(shop)
        await seconds(shop, 5.0)
        shop.slow["query"] = 1.0
        await restore(shop, kept)
        ended = await shop.settled(view)
        assert ended.state is TerminalState.PAID
        assert money(shop, view) == [(1250, 0)]

    play(story, tmp_path)


def test_what_is_said_of_an_open_payment_is_newer_than_all_that_was_said_before(tmp_path: Path) -> None:
    """How much the till was told since the backup nobody knows: no payment changes a thousand times in a second."""

    async def story(shop: Shop) -> None:
        view = await shop.sell("ask_password:30")
        kept = back_up(shop)
        await restore(shop, kept)
        terminal = shop.till_folder.read_identity().terminal_id
        open_ones = shop.store.run_now(
            lambda tx: payments.of_order(tx, terminal_id=terminal, order_no=view.order_no),
        )
        assert [one.state_seq > shop.clock.now_ms() // 1_000 - 60 for one in open_ones] == [True]

    play(story, tmp_path)


def test_a_page_that_was_open_is_pressed_by_nobody_and_does_not_end_by_an_empty_row(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        view = await shop.sell(shows_qr=True)
        qr = now(shop, view).qr
        assert qr is not None
        kept = back_up(shop)
        shop.slow["query"] = 30.0
        await shop.phone_pays(qr, wallet="wechat")
        shop.slow.clear()
        await restore(shop, kept)
        await shop.phone_pays(qr, wallet="alipay")
        assert money(shop, view) == [(1250, 0)], "a second wallet may not pay a page in question"
        shop.cancel(view)
        await seconds(shop, 300.0)
        assert row(shop, view) is GatewayState.CREATED
        assert not now(shop, view).state.final
        number = new_out_trade_no(view.order_no, 0)
        await owner(shop, RestoredAction.TAKE_UP, out_trade_no=number, account="wechat")
        await seconds(shop, 120.0)
        assert money(shop, view) == [(1250, 1250)]
        await owner(shop, RestoredAction.DONE)
        assert (await shop.settled(view)).state is TerminalState.NOT_PAID

    play(story, tmp_path)


def test_a_page_that_nobody_pressed_ends_once_a_person_looked(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        view = await shop.sell(shows_qr=True)
        await restore(shop, back_up(shop))
        await seconds(shop, 300.0)
        assert not now(shop, view).state.final
        await owner(shop, RestoredAction.DONE)
        ended = await shop.settled(view)
        assert (ended.state, ended.proof and ended.proof.kind) == (TerminalState.NOT_PAID, ProofKind.NEVER_OPENED)

    play(story, tmp_path)


def test_a_till_that_was_told_more_than_is_here_says_so_and_only_its_numbers_are_in_question(tmp_path: Path) -> None:
    """The whole folder was put back, and nobody said a word: the till's journal is the witness."""

    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        kept = back_up(shop)
        view = await shop.sell(SLOW)
        await seconds(shop, 3.0)
        await restore(shop, kept, noticed=False)
        await seconds(shop, 300.0)
        assert shop.store.run_now(alarms.open_counts)["gateway_restored"] == 1
        assert not now(shop, view).state.final
        assert [one.payment_no for one in (await owner(shop, RestoredAction.LIST)).in_question] == [view.payment_no]

    play(story, tmp_path)


@pytest.mark.parametrize(
    ("number", "account", "hint"),
    [
        ("X" * 27, "alipay", "27 characters"),
        (None, "nobody", "no such channel account"),
        (None, "unionpay", "--sent"),
        ("other", "alipay", "no till"),
    ],
)
def test_what_cannot_be_taken_up_is_refused_in_words(
    tmp_path: Path, number: str | None, account: str, hint: str
) -> None:
    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        kept = back_up(shop)
        view = await shop.sell(SLOW)
        await seconds(shop, 3.0)
        paid_before = await shop.sell()
        await shop.settled(paid_before)
        await restore(shop, kept)
        await seconds(shop, 30.0)
        said = number or new_out_trade_no(view.order_no, 0)
        if number == "other":
            said = new_out_trade_no(new_order(shop), 0)
        refused = await shop.owner(_order(RestoredAction.TAKE_UP, out_trade_no=said, account=account))
        assert isinstance(refused, Refused)
        assert hint in refused.faults.faults[0].hint

    play(story, tmp_path)


def new_order(shop: Shop) -> str:
    return new_number(shop.chance.randbytes(NUMBER_BYTES))


def test_without_a_restored_backup_there_is_nothing_to_say(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        assert (await owner(shop, RestoredAction.LIST)).in_question == ()
        for action in (RestoredAction.DONE, RestoredAction.TAKE_UP):
            refused = await shop.owner(_order(action, out_trade_no="X" * 27, account="alipay"))
            assert isinstance(refused, Refused)
        nameless = await shop.owner(RestoredOrder(action=RestoredAction.FOUND, person=" ", reason="x"))
        assert isinstance(nameless, Refused)

    play(story, tmp_path)
