"""Cash in a till's journal: durable before it is shown, one tender for a sale, the owner's limits, given back once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from protocol.cash import CASH_RETURNED, CASH_TAKEN, read_cash
from protocol.messages import LateMoney, LateMoneyState, Light
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind
from protocol.states import TerminalState as S
from sync.engine.cash import day_start_ms
from sync.engine.model import CASH, CashLimits, Line, PaymentView
from sync.journal.read import JournalReader, OrdersFilter
from sync.journal.verify import Break
from tests.contract.sync.counter import Counter, at_the_counter

DAY_MS = 86_400_000


async def unpaid(c: Counter) -> PaymentView:
    """A wallet payment that is proven not paid."""
    c.gateway.wallet = lambda _: GatewayState.NOT_PAID
    return await c.view(c.scan(), S.NOT_PAID)


def test_cash_is_in_the_journal_and_in_every_list_with_the_line_down_from_the_start(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.down = True
        await c.open()
        taken = await c.view(c.take_cash(1250, received=2000))
        assert (taken.state, taken.channel) == (S.PAID, CASH)
        assert taken.cash is not None
        assert (taken.cash.received_fen, taken.cash.change_fen) == (2000, 750)
        with JournalReader(c.path) as read:
            (line,) = read.orders(OrdersFilter())
            assert (line.order_no, line.last.cash) == (taken.order_no, taken.cash)
            (entry,) = read.timeline(taken.order_no)
            assert (entry.kind, entry.said_by) == (CASH_TAKEN, "01")
            assert [view.payment_no for view in read.cash_taken(since_ms=0, until_ms=2**60)] == [taken.payment_no]
            assert (read.unsent().count, read.unsent().fen) == (1, 1250)
            assert read.verify().broken is None
        assert c.link is not None
        assert (c.link.unsent, c.link.unsent_fen, c.link.cash_offline_fen) == (1, 1250, 1250)

    at_the_counter(tmp_path, story, opened=False)


def test_what_the_till_writes_is_what_the_gateway_reads(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        taken = await c.view(c.take_cash(1250))
        c.return_cash(taken.payment_no)
        await c.until(lambda: c.link is not None and c.link.unsent == 0 and len(c.gateway.entries) == 2)
        kinds = [entry.kind for entry in c.gateway.entries]
        assert kinds == [CASH_TAKEN, CASH_RETURNED]
        for entry in c.gateway.entries:
            said = read_cash(entry.body)
            assert said is not None
            assert (said.payment_no, said.sale_id, said.amount_fen) == (taken.payment_no, taken.sale_id, 1250)
        assert c.link is not None
        assert c.link.unsent_fen == 0

    at_the_counter(tmp_path, story)


def test_cash_closes_the_sale_of_a_green_payment_and_the_order_is_never_charged_again(
    tmp_path: Path,
) -> None:
    async def story(c: Counter) -> None:
        payment = await unpaid(c)
        cash = await c.view(c.take_cash(1250, order_no=payment.order_no))
        assert cash.sale_id == payment.sale_id
        assert await c.refused(c.scan(order_no=payment.order_no)) is Reason.ORDER_PAID
        assert await c.refused(c.take_cash(1250, order_no=payment.order_no)) is Reason.ORDER_PAID
        c.return_cash(cash.payment_no)
        await c.until(lambda: _returned(c, cash.payment_no))
        await c.view(c.scan(order_no=payment.order_no), S.NOT_PAID)

    at_the_counter(tmp_path, story)


def _returned(c: Counter, payment_no: str) -> bool:
    seen = c.by_number(payment_no)
    return seen is not None and seen.cash is not None and seen.cash.returned_at_ms is not None


@pytest.mark.parametrize("state", [GatewayState.SENT, GatewayState.PAID])
def test_cash_is_refused_while_a_wallet_may_pay_or_has_paid(tmp_path: Path, state: GatewayState) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: state
        payment = await c.view(c.scan(), S.WAITING if state is GatewayState.SENT else S.PAID)
        why = await c.refused(c.take_cash(1250, order_no=payment.order_no))
        assert why is (Reason.ORDER_OPEN if state is GatewayState.SENT else Reason.ORDER_PAID)

    at_the_counter(tmp_path, story)


def test_an_unknown_payment_and_late_money_refuse_cash_and_amber_allows_it(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        payment = await c.view(c.scan(), S.WAITING)
        c.gateway.down = True
        await c.number_in(payment.payment_no, S.UNKNOWN)
        assert await c.refused(c.take_cash(1250, order_no=payment.order_no)) is Reason.ORDER_OPEN
        c.gateway.down = False
        c.cancel(payment.payment_no)
        await c.number_in(payment.payment_no, S.CANCELLING)
        assert await c.refused(c.take_cash(1250, order_no=payment.order_no)) is Reason.ORDER_OPEN
        c.gateway.change(payment.payment_no, state=GatewayState.REVERSING, light=Light.AMBER, cancel_requested=True)
        await c.until(lambda: _light(c, payment.payment_no) is Light.AMBER)
        cash = await c.view(c.take_cash(1250, order_no=payment.order_no))
        assert cash.sale_id == payment.sale_id
        c.return_cash(cash.payment_no)
        c.gateway.settle(payment.payment_no, GatewayState.NOT_PAID, proof=ProofKind.CLOSED)
        await c.number_in(payment.payment_no, S.NOT_PAID)
        late = LateMoney(state=LateMoneyState.FOUND, amount_fen=1250, found_at_ms=c.gateway_clock.wall_ms())
        c.gateway.change(payment.payment_no, late_money=late)
        await c.until(lambda: _late(c, payment.payment_no), within_s=7200)
        assert await c.refused(c.take_cash(1250, order_no=payment.order_no)) is Reason.ORDER_OPEN

    at_the_counter(tmp_path, story)


def _light(c: Counter, payment_no: str) -> Light | None:
    seen = c.by_number(payment_no)
    return None if seen is None else seen.light


def _late(c: Counter, payment_no: str) -> bool:
    seen = c.by_number(payment_no)
    return seen is not None and seen.late_money is not None


def test_too_little_an_unknown_order_and_another_amount_are_refused(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        payment = await unpaid(c)
        assert await c.refused(c.take_cash(1250, received=1249)) is Reason.CASH_SHORT
        assert await c.refused(c.take_cash(0)) is Reason.BAD_AMOUNT
        assert await c.refused(c.take_cash(1250, order_no="X" * 25)) is Reason.UNKNOWN_PAYMENT
        assert await c.refused(c.take_cash(1300, order_no=payment.order_no)) is Reason.CONTENT_DIFFERS
        assert await c.refused(c.return_cash(payment.payment_no)) is Reason.UNKNOWN_PAYMENT

    at_the_counter(tmp_path, story)


def test_the_owners_limits_hold_by_the_journals_own_figures(tmp_path: Path) -> None:
    """Per sale at any time; per day for what was taken offline, which a new day and giving back make free again."""

    async def story(c: Counter) -> None:
        limits = CashLimits(sale_fen=2000, offline_day_fen=3000)
        await c.up()
        assert await c.refused(c.take_cash(2001, limits=limits)) is Reason.CASH_LIMIT
        assert (
            await c.refused(c.take_cash(1, limits=CashLimits(sale_fen=0, offline_day_fen=1))) is Reason.CASH_NOT_ALLOWED
        )
        await c.view(c.take_cash(2000, limits=limits))
        c.gateway.down = True
        await c.until(lambda: c.link is not None and c.link.line is Line.DOWN)
        first = await c.view(c.take_cash(2000, limits=limits))
        assert await c.refused(c.take_cash(1001, limits=limits)) is Reason.CASH_OFFLINE_LIMIT
        never = CashLimits(sale_fen=2000, offline_day_fen=0)
        assert await c.refused(c.take_cash(1, limits=never)) is Reason.CASH_NOT_ALLOWED
        await c.view(c.take_cash(1000, limits=limits))
        c.return_cash(first.payment_no)
        await c.view(c.take_cash(2000, limits=limits))
        assert await c.refused(c.take_cash(1, limits=limits)) is Reason.CASH_OFFLINE_LIMIT
        await asyncio.sleep(DAY_MS / 1000)
        await c.view(c.take_cash(2000, limits=limits))

    at_the_counter(tmp_path, story)


def test_the_shops_day_begins_at_its_own_midnight() -> None:
    midnight = 1_795_276_800_000  # 2026-11-22 00:00 in China
    assert day_start_ms(midnight) == day_start_ms(midnight + DAY_MS - 1) == midnight
    assert day_start_ms(midnight - 1) == midnight - DAY_MS


def test_cash_survives_a_crash_and_is_given_back_once(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        taken = await c.view(c.take_cash(1250))
        await c.restart()
        c.return_cash(taken.payment_no)
        c.return_cash(taken.payment_no)
        await c.until(lambda: _returned(c, taken.payment_no))
        await asyncio.sleep(1)
        with JournalReader(c.path) as read:
            assert [entry.kind for entry in read.timeline(taken.order_no)] == [CASH_TAKEN, CASH_RETURNED]
            (back,) = read.cash_returned(since_ms=0, until_ms=2**60)
            assert (back.refunded_fen, back.amount.fen) == (1250, 1250)
            assert read.verify().broken is None

    at_the_counter(tmp_path, story)


def test_a_changed_row_of_cash_is_named(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        taken = await c.view(c.take_cash(1250))
        c.journal._db.execute("update cash set amount_fen = 1")  # pyright: ignore[reportPrivateUsage]  # a thief's hand
        with JournalReader(c.path) as read:
            verdict = read.verify()
        assert (verdict.broken, verdict.payment_no) == (Break.TABLES, taken.payment_no)

    at_the_counter(tmp_path, story)
