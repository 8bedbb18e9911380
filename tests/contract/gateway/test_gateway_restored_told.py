"""A gateway whose database is a backup hears the tills first: what it had told them, what their cashiers cancelled, and
which try of an order is the latest. Only then does a wallet's word count: it may be older than what was done since."""

from __future__ import annotations

from pathlib import Path

from gateway.configure.words import RestoredAction
from gateway.jobs.restored_told import follow_journal
from gateway.jobs.schedule import DEFAULT_PACE
from gateway.payments.values import PaymentKey
from gateway.store import alarms, journal, payments, restorations
from gateway.store.units import Tx
from proof.power.props import script_of
from proof.power.shop import Shop
from protocol.chain import genesis, link
from protocol.messages import JournalEntry, Presented, Proof
from protocol.money import CNY, Money
from protocol.numbers import new_out_trade_no
from protocol.secret import Secret
from protocol.states import GatewayState, ProofKind, RefundState, TerminalState
from sync.engine.model import PaymentView, StartPayment, StartRefund
from sync.engine.statements import PaymentSettled, kind_of, write_statement
from tests.contract.gateway.gateway_world import START_MS, World, in_world
from tests.contract.gateway.test_gateway_restored import SLOW, back_up, money, now, owner, play, restore, row, seconds


async def sell_again(shop: Shop, first: PaymentView, script: str) -> PaymentView:
    """Another try of the same order."""
    request_id = shop.next_request()
    shop.submit(
        StartPayment(
            request_id=request_id,
            sale_id=first.sale_id,
            order_no=first.order_no,
            amount=Money(1250, CNY),
            presented=Presented.CUSTOMER,
            auth_code=Secret(shop.wallets.show_code("alipay", script_of(script))),
            subject="早餐",
            operator="01",
            scanned_at_ms=round(shop.loop.time() * 1000),
        )
    )
    return await shop.view_of(request_id)


def kept_fen(shop: Shop, view: PaymentView) -> int:
    return sum(taken - back for taken, back in money(shop, view))


def test_what_is_found_is_of_the_latest_try(tmp_path: Path) -> None:
    """The backup has the page of the first try, open. Its till was told that nobody opened it, and tried again."""

    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        first = await shop.sell(shows_qr=True)
        kept = back_up(shop)
        assert (await shop.settled(first)).state is TerminalState.NOT_PAID
        second = await sell_again(shop, first, "pay")
        assert (await shop.settled(second)).state is TerminalState.PAID
        await restore(shop, kept)
        await seconds(shop, 30.0)
        await owner(shop, RestoredAction.TAKE_UP, out_trade_no=new_out_trade_no(first.order_no, 0), account="alipay")
        await seconds(shop, 30.0)
        assert (row(shop, first), row(shop, second)) == (GatewayState.NOT_PAID, GatewayState.PAID)
        await owner(shop, RestoredAction.DONE)

    play(story, tmp_path)


def test_a_notification_that_is_older_than_its_undo_is_no_payment(tmp_path: Path) -> None:
    """The cashier cancelled, the gateway undid it, and its database was put back; then the wallet tells of "paid"."""

    async def story(shop: Shop) -> None:
        kept = back_up(shop)
        shop.slow["pay"], shop.unserved = 12.0, {"query"}
        view = await shop.sell("callback_late:30")
        shop.cancel(view)
        await seconds(shop, 6.0)
        assert money(shop, view) == [(1250, 1250)], "it was charged, and undone"
        await restore(shop, kept)
        shop.slow.clear()
        shop.unserved.clear()
        states: set[TerminalState] = set()
        for _ in range(120):
            await seconds(shop, 1.0)
            states.add(now(shop, view).state)
        assert TerminalState.PAID not in states
        assert row(shop, view) is not GatewayState.PAID
        await owner(shop, RestoredAction.DONE)
        assert (await shop.settled(view)).state is TerminalState.NOT_PAID

    play(story, tmp_path)


def test_what_was_given_back_is_no_payment_though_its_wallet_calls_it_paid(tmp_path: Path) -> None:
    """UnionPay says "paid" of what was given back. The till knows what the gateway had told it."""

    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        shop.slow["pay"] = 1.0
        view = await shop.sell(wallet="unionpay")
        await shop.until(lambda: row(shop, view) is GatewayState.SENT)
        kept = back_up(shop)
        shop.cancel(view)
        ended = await shop.settled(view)
        assert (ended.proof and ended.proof.kind, money(shop, view)) == (ProofKind.REFUNDED, [(1250, 1250)])
        shop.till_line_is_cut = True
        await restore(shop, kept)
        await seconds(shop, 120.0)
        assert row(shop, view) is GatewayState.SENT, "its till was not heard"
        shop.till_line_is_cut = False
        await seconds(shop, 60.0)
        assert row(shop, view) is GatewayState.NOT_PAID
        assert money(shop, view) == [(1250, 1250)]

    play(story, tmp_path)


def test_what_a_cashier_had_cancelled_is_undone_when_it_is_taken_up(tmp_path: Path) -> None:
    """The lost part had not undone it yet."""

    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        kept = back_up(shop)
        shop.unserved = {"query", "cancel"}
        view = await shop.sell("drop_after_charge")
        await seconds(shop, 2.0)
        shop.cancel(view)
        await seconds(shop, 5.0)
        assert money(shop, view) == [(1250, 0)]
        await restore(shop, kept)
        shop.unserved.clear()
        await seconds(shop, 30.0)
        number = new_out_trade_no(view.order_no, 0)
        await owner(shop, RestoredAction.TAKE_UP, out_trade_no=number, account="alipay")
        await seconds(shop, 60.0)
        await owner(shop, RestoredAction.DONE)
        assert (await shop.settled(view)).state is TerminalState.NOT_PAID
        assert money(shop, view) == [(1250, 1250)]

    play(story, tmp_path)


def test_a_till_that_was_told_paid_after_its_cancel_has_been_paid(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        kept = back_up(shop)
        view = await shop.sell("ask_password:2")
        await seconds(shop, 1.5)
        shop.till_line_is_cut = True
        await seconds(shop, 2.0)
        shop.cancel(view)
        await seconds(shop, 4.0)
        shop.till_line_is_cut = False
        assert (await shop.settled(view)).state is TerminalState.PAID
        await restore(shop, kept)
        await seconds(shop, 30.0)
        number = new_out_trade_no(view.order_no, 0)
        await owner(shop, RestoredAction.TAKE_UP, out_trade_no=number, account="alipay")
        await seconds(shop, 60.0)
        assert (row(shop, view), money(shop, view)) == (GatewayState.PAID, [(1250, 0)])

    play(story, tmp_path)


def test_the_end_of_a_number_that_was_taken_up_by_mistake_is_not_the_end_of_the_payment(tmp_path: Path) -> None:
    """The first try's order is closed in the wallet's books. The second one is charged."""

    async def story(shop: Shop) -> None:
        shop.wallets_notify = False
        kept = back_up(shop)
        first = await shop.sell("never")
        assert (await shop.settled(first)).state is TerminalState.NOT_PAID
        second = await sell_again(shop, first, SLOW)
        await seconds(shop, 3.0)
        await restore(shop, kept)
        await seconds(shop, 30.0)
        for ordinal in (0, 1):
            number = new_out_trade_no(first.order_no, ordinal)
            await owner(shop, RestoredAction.TAKE_UP, out_trade_no=number, account="alipay")
            await seconds(shop, 100.0)
            assert not (now(shop, second).safe_to_rescan and kept_fen(shop, second))
        await owner(shop, RestoredAction.DONE)
        ended = await shop.settled(second)
        assert kept_fen(shop, second) == (1250 if ended.state is TerminalState.PAID else 0)

    play(story, tmp_path)


def test_nothing_is_taken_up_before_its_tills_journal_came(tmp_path: Path) -> None:
    """Which of its tries it is of only the till knows."""

    async def story(shop: Shop) -> None:
        first = await shop.sell(shows_qr=True)
        kept = back_up(shop)
        assert (await shop.settled(first)).state is TerminalState.NOT_PAID
        second = await sell_again(shop, first, "callback_late:30")
        await seconds(shop, 3.0)
        shop.till_line_is_cut = True
        await restore(shop, kept)
        await seconds(shop, 120.0)
        assert row(shop, first) is GatewayState.CREATED
        key = PaymentKey(terminal_id=shop.till_folder.read_identity().terminal_id, order_no=first.order_no, n=first.n)
        assert shop.store.run_now(lambda tx: payments.orders_of(tx, key)) == []
        shop.till_line_is_cut = False
        await seconds(shop, 600.0)
        assert (row(shop, first), row(shop, second)) == (GatewayState.NOT_PAID, GatewayState.PAID)

    play(story, tmp_path)


def test_a_gap_that_was_filled_is_no_alarm(tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        await shop.settled(await shop.sell())
        kept = back_up(shop)
        await shop.settled(await shop.sell())
        await seconds(shop, 10.0)
        await restore(shop, kept)
        await shop.settled(await shop.sell())
        await seconds(shop, 60.0)
        assert "journal_gap" not in shop.store.run_now(alarms.open_counts)

    play(story, tmp_path)


def test_a_tills_refund_tells_by_itself_that_more_is_known(tmp_path: Path) -> None:
    """The whole folder was put back, nobody said a word, and a refund that its wallet gave comes before the journal's
    next delivery: it is not called failed."""

    async def story(shop: Shop) -> None:
        await seconds(shop, 20.0)
        kept = back_up(shop)
        view = await shop.settled(await shop.sell("pay"))
        await seconds(shop, 20.0)
        price = Money(1250, CNY)
        shop.submit(
            StartRefund(request_id=shop.next_request(), order_no=view.order_no, amount=price, note="", operator="01")
        )
        shop.slow["refund"] = 3.0
        await shop.until(lambda: bool(shop.sight.refunds), 20.0)
        await seconds(shop, 1.0)
        shop.till_line_is_cut = True
        await shop.until(lambda: money(shop, view) == [(1250, 1250)], 20.0)
        await restore(shop, kept, noticed=False)
        shop.till_line_takes = "refunds"
        shop.till_line_is_cut = False
        await seconds(shop, 300.0)
        assert [one.state for one in shop.sight.refunds.values()] not in ([], [RefundState.FAILED])

    play(story, tmp_path)


def test_what_a_till_was_told_is_found_behind_all_that_a_long_outage_put_after_it() -> None:
    """Days without a line are tens of thousands of entries, and they came after this one."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("never"))
        await till.pay(request)
        number = request.payment_no
        proof = Proof(kind=ProofKind.REFUNDED, said_by="alipay", at_ms=START_MS)
        ended = PaymentSettled(payment_no=number, said_by="G", paid=False, state_seq=9, proof=proof)
        head, entries = genesis(till.keyid), list[JournalEntry]()
        for seq in range(1, 6_001):
            kind, body = (kind_of(ended), write_statement(ended)) if seq == 1 else ("note", "{}")
            head = link(head, seq=seq, kind=kind, at_ms=START_MS, body=body)
            entries.append(JournalEntry(seq=seq, kind=kind, at_ms=START_MS, body=body, hash=head))
        key = PaymentKey(terminal_id=till.keyid, order_no=number[:25], n=1)

        def told(tx: Tx) -> GatewayState:
            now_ms = world.clock.now_ms()
            journal.append(tx, till.keyid, entries, now_ms=now_ms)
            restorations.found(tx, "a test", now_ms=now_ms)
            payment = payments.find(tx, key)
            assert payment is not None
            assert payment.in_question
            return follow_journal(tx, payment, lambda _: DEFAULT_PACE, now_ms=now_ms).state

        assert world.store.run_now(told) is GatewayState.NOT_PAID

    in_world(story)
