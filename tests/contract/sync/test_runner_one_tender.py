"""A sale is paid once: money that came for one of its orders after all lets no other order of it be charged."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from protocol.messages import LateMoney, LateMoneyState
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind
from protocol.states import TerminalState as S
from sync.engine.model import Line, PaymentView
from tests.contract.sync.counter import Counter, at_the_counter
from tests.contract.sync.offline_counter import OfflineCounter, without_line

SALE = new_number(bytes(15))


async def second_order(c: Counter) -> tuple[PaymentView, PaymentView]:
    """A sale whose first order was cancelled, and whose second one is proven not paid."""
    first = await c.view(c.scan(), S.WAITING)
    c.cancel(first.payment_no)
    await c.number_in(first.payment_no, S.CANCELLING)
    c.gateway.settle(first.payment_no, GatewayState.NOT_PAID, proof=ProofKind.CLOSED)
    first = await c.number_in(first.payment_no, S.NOT_PAID)
    c.gateway.wallet = lambda _: GatewayState.NOT_PAID
    second = await c.view(c.scan(order_no=first.order_no), S.NOT_PAID)
    assert second.order_no != first.order_no
    assert second.sale_id == first.sale_id
    return first, second


async def late_on(c: Counter, payment: PaymentView, state: LateMoneyState) -> None:
    late = LateMoney(state=state, amount_fen=1250, found_at_ms=c.gateway_clock.wall_ms())
    c.gateway.change(payment.payment_no, late_money=late)
    await c.until(lambda: _late(c, payment.payment_no) is state, within_s=7_200)


def _late(c: Counter, payment_no: str) -> LateMoneyState | None:
    seen = c.by_number(payment_no)
    return None if seen is None or seen.late_money is None else seen.late_money.state


@pytest.mark.parametrize("restarted", [False, True])
def test_late_money_of_an_earlier_order_refuses_the_next_scan_of_its_sale_until_it_went_back(
    tmp_path: Path, restarted: bool
) -> None:
    async def story(c: Counter) -> None:
        first, second = await second_order(c)
        await late_on(c, first, LateMoneyState.FOUND)
        if restarted:
            await c.restart()
            await c.up()
        assert await c.refused(c.scan(order_no=second.order_no)) is Reason.LATE_MONEY
        await late_on(c, first, LateMoneyState.UNDONE)
        await c.view(c.scan(order_no=second.order_no), S.NOT_PAID)

    at_the_counter(tmp_path, story)


def test_late_money_that_a_person_kept_pays_for_its_whole_sale(tmp_path: Path) -> None:
    """Also when only the journal remembers it: what was kept is not watched any more."""

    async def story(c: Counter) -> None:
        first, second = await second_order(c)
        await late_on(c, first, LateMoneyState.FOUND)
        await late_on(c, first, LateMoneyState.ACCEPTED)
        assert await c.refused(c.scan(order_no=second.order_no)) is Reason.LATE_MONEY
        await asyncio.sleep(600)
        assert await c.refused(c.scan(order_no=second.order_no)) is Reason.LATE_MONEY
        assert await c.refused(c.scan(order_no=second.order_no, qr=True)) is Reason.LATE_MONEY
        assert await c.refused(c.take_cash(1250, order_no=second.order_no)) is Reason.ORDER_OPEN

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize("by_sale", [False, True])
def test_no_cash_is_taken_beside_a_scan_of_its_sale_that_waits_for_the_line(tmp_path: Path, by_sale: bool) -> None:
    """Whichever way the sale is named: after a cancel it goes on under a new order."""

    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.NOT_PAID
        given_up = await c.view(c.scan(), S.NOT_PAID)
        await c.crash()
        for kind in ("journal", "query", "ack"):
            c.gateway.delay_ms[kind] = 2_000
        await c.open()
        c.gateway.wallet = lambda _: GatewayState.PAID
        scanned = c.scan(sale_id=given_up.sale_id) if by_sale else c.scan(order_no=given_up.order_no)
        await asyncio.sleep(0.5)
        assert c.last(scanned) is None
        assert await c.refused(c.take_cash(1250, order_no=given_up.order_no)) is Reason.ORDER_OPEN
        await c.view(scanned, S.PAID)

    at_the_counter(tmp_path, story)


def test_what_was_given_up_is_looked_at_at_once_after_a_restart(tmp_path: Path) -> None:
    """Its money may have come while the program was off."""

    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.NOT_PAID
        given_up = await c.view(c.scan(), S.NOT_PAID)
        await asyncio.sleep(5)
        await c.crash()
        late = LateMoney(state=LateMoneyState.FOUND, amount_fen=1250, found_at_ms=c.gateway_clock.wall_ms())
        c.gateway.change(given_up.payment_no, late_money=late)
        await asyncio.sleep(86_400)
        await c.open()
        await c.until(lambda: _late(c, given_up.payment_no) is LateMoneyState.FOUND, within_s=10)

    at_the_counter(tmp_path, story)


def test_late_money_that_waits_for_a_person_is_asked_about_after_a_restart_however_old_it_is(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.NOT_PAID
        given_up = await c.view(c.scan(), S.NOT_PAID)
        await late_on(c, given_up, LateMoneyState.FOUND)
        await asyncio.sleep(60)
        await c.crash()
        await asyncio.sleep(5 * 86_400)
        await c.open()
        await c.up()
        await c.view(c.take_cash(700))
        await c.restart()
        await late_on(c, given_up, LateMoneyState.UNDONE)

    at_the_counter(tmp_path, story)


def test_a_new_order_that_names_the_sale_alone_is_refused_too(tmp_path: Path) -> None:
    """So the screen asks after a cancel: it names the sale and no order."""

    async def story(c: Counter) -> None:
        first, _ = await second_order(c)
        await late_on(c, first, LateMoneyState.FOUND)
        assert await c.refused(c.scan(sale_id=first.sale_id)) is Reason.LATE_MONEY

    at_the_counter(tmp_path, story)


def test_nor_is_such_a_sale_shown_as_an_offline_qr(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        first, second = await second_order(c)
        await late_on(c, first, LateMoneyState.FOUND)
        await c.lose_line()
        assert await c.refused(c.show_offline(order_no=second.order_no)) is Reason.LATE_MONEY

    without_line(tmp_path, story)


@pytest.mark.parametrize("crashed", [False, True])
def test_a_sale_that_is_named_again_is_followed_and_not_charged_again(tmp_path: Path, crashed: bool) -> None:
    """The caller's first run died before it heard the end; the customer presents a new code."""

    async def story(c: Counter) -> None:
        first = await c.view(c.scan(sale_id=SALE), S.WAITING)
        assert first.sale_id == SALE
        if crashed:
            await c.crash()
            await c.open()
            await c.up()
        again = c.scan(sale_id=SALE)
        assert (await c.view(again)).payment_no == first.payment_no
        c.gateway.settle(first.payment_no, GatewayState.PAID)
        await c.view(again, S.PAID)
        await c.restart()
        await c.up()
        later = await c.view(c.scan(sale_id=SALE, qr=True), S.PAID)
        assert later.payment_no == first.payment_no
        assert list(c.gateway.statuses) == [first.payment_no]
        assert await c.refused(c.scan(1251, sale_id=SALE)) is Reason.ORDER_PAID

    at_the_counter(tmp_path, story)


def test_what_was_begun_for_a_named_sale_is_said_without_the_line_too(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        first = await c.view(c.scan(sale_id=SALE), S.WAITING)
        c.gateway.down = True
        await c.until(lambda: c.link is not None and c.link.line is Line.DOWN)
        assert (await c.view(c.scan(sale_id=SALE), S.UNKNOWN)).payment_no == first.payment_no
        assert await c.refused(c.scan(1251, sale_id=SALE)) is Reason.ORDER_OPEN
        c.cancel(first.payment_no)
        assert await c.refused(c.scan(sale_id=SALE)) is Reason.ORDER_OPEN

    at_the_counter(tmp_path, story)


def test_a_named_sale_that_is_proven_not_paid_is_charged_by_a_new_order(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.NOT_PAID
        first = await c.view(c.scan(sale_id=SALE), S.NOT_PAID)
        c.gateway.wallet = lambda _: GatewayState.PAID
        second = await c.view(c.scan(sale_id=SALE), S.PAID)
        assert second.sale_id == first.sale_id == SALE
        assert second.order_no != first.order_no
        assert (await c.view(c.scan(sale_id=SALE), S.PAID)).payment_no == second.payment_no

    at_the_counter(tmp_path, story)


def test_a_name_that_is_used_again_the_next_day_is_no_sale_that_was_paid(tmp_path: Path) -> None:
    """Goods would leave unpaid."""

    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        await c.view(c.scan(sale_id=SALE), S.PAID)
        await asyncio.sleep(11 * 3_600)
        await c.view(c.scan(sale_id=SALE), S.PAID)
        await asyncio.sleep(2 * 3_600)
        assert await c.refused(c.scan(sale_id=SALE)) is Reason.ORDER_PAID
        assert len(c.gateway.statuses) == 1

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_try_that_was_refused_for_an_open_one_lets_nobody_charge_its_sale(tmp_path: Path, restarted: bool) -> None:
    """The first try's money came after all; the gateway knows that, and this till does not yet."""

    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.NOT_PAID
        first = await c.view(c.scan(), S.NOT_PAID)
        assert first.safe_to_rescan
        late = LateMoney(state=LateMoneyState.FOUND, amount_fen=1250, found_at_ms=c.gateway_clock.wall_ms())
        c.gateway.change(first.payment_no, late_money=late)
        second = await c.view(c.scan(order_no=first.order_no), S.NOT_PAID)
        assert second.reason is Reason.ORDER_OPEN
        assert (second.safe_to_rescan, second.light) == (False, None)
        await c.until(lambda: _late(c, first.payment_no) is LateMoneyState.FOUND, within_s=5)
        if restarted:
            await c.restart()
            await c.up()
        await late_on(c, first, LateMoneyState.UNDONE)
        assert await c.refused(c.scan(order_no=first.order_no)) is Reason.ORDER_OPEN
        assert await c.refused(c.scan(sale_id=first.sale_id)) is Reason.ORDER_OPEN
        assert await c.refused(c.take_cash(1250, order_no=first.order_no)) is Reason.ORDER_OPEN

    at_the_counter(tmp_path, story)


def test_nor_does_cash_pay_for_a_sale_that_the_gateway_calls_paid(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.NOT_PAID
        first = await c.view(c.scan(), S.NOT_PAID)
        c.gateway.stopped = Reason.ORDER_PAID
        second = await c.view(c.scan(order_no=first.order_no), S.NOT_PAID)
        assert second.reason is Reason.ORDER_PAID
        assert not second.safe_to_rescan
        assert await c.refused(c.take_cash(1250, order_no=first.order_no)) is Reason.ORDER_OPEN
        assert await c.refused(c.scan(order_no=first.order_no)) is Reason.ORDER_PAID

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize("state", list(LateMoneyState))
def test_what_an_earlier_payer_of_the_page_paid_late_says_nothing_against_the_one_who_pays(
    tmp_path: Path, state: LateMoneyState
) -> None:
    """Two payers at one page: the first one's order was given up, the second one's pays. The gateway gives the first
    one's money back; "charge again if needed" would be said of a paid sale."""

    async def story(c: Counter) -> None:
        qr = await c.view(c.scan(qr=True), S.WAITING)
        late = LateMoney(state=state, amount_fen=1250, found_at_ms=c.gateway_clock.wall_ms())
        c.gateway.change(qr.payment_no, late_money=late)
        c.gateway.change(qr.payment_no, state=GatewayState.PAID, reason=Reason.PAID)
        paid = await c.number_in(qr.payment_no, S.PAID)
        assert paid.late_money is None
        c.gateway.change(qr.payment_no, late_money=LateMoney(state=state, amount_fen=1250, found_at_ms=1))
        await asyncio.sleep(120)
        seen = c.by_number(qr.payment_no)
        assert seen is not None
        assert (seen.state, seen.late_money) == (S.PAID, None)

    at_the_counter(tmp_path, story)
