"""Bills of the simulated wallets through the whole gateway: the day after, each has the day's lines."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from gateway.bills.line import LineKind, StatementLine
from gateway.bills.plan import BillState, day_of, first_asked_ms
from gateway.channels.port import BillKind
from gateway.core import Gateway
from gateway.store import bills, refunds
from gateway.store.bills import BillKey
from proof.virtual_time import VirtualTimeLoop, run_virtual
from protocol.messages import PaymentStatus, RefundRequest, encode
from protocol.numbers import new_number
from protocol.states import GatewayState, RefundState
from sandbox.billing import BillDiscrepancy, DiscrepancyKind
from tests.contract.gateway.gateway_world import ACCOUNT_IDS, START_MS, Till, World

WALLETS = ("alipay", "wechat", "unionpay")
DAY = day_of(START_MS)


class BillsWorld(World):
    """A gateway that wants the daily bills. `buyer_of`: the till that took a payment."""

    def __init__(self, loop: VirtualTimeLoop, *, wallet: str) -> None:
        super().__init__(loop, interval_ms=1_000, wallet=wallet)
        self.buyer_of: dict[str, Till] = {}

    def _new_gateway(self) -> Gateway:
        return Gateway(
            store=self.store,
            clock=self.clock,
            entropy=self.entropy,
            keys=self.keys,
            exchange_for=lambda _account: self.line,
            qr_shown_ms=self.qr_shown_ms,
            longest_sleep_ms=600_000,
            bill_kinds=tuple(BillKind),
        )

    def key(self, kind: BillKind = BillKind.TRADE) -> BillKey:
        return BillKey(account_id=ACCOUNT_IDS[self.wallet], kind=kind, day=DAY)

    def bill(self, kind: BillKind = BillKind.TRADE) -> bills.Bill | None:
        return self.store.run_now(lambda tx: bills.find(tx, self.key(kind)))

    def lines(self, kind: BillKind = BillKind.TRADE) -> list[StatementLine]:
        return self.store.run_now(lambda tx: bills.lines_of(tx, self.key(kind)))

    async def paid(self, amount_fen: int) -> PaymentStatus:
        till = await self.till()
        request = till.payment(self.show_code("pay"), amount_fen=amount_fen)
        await till.pay(request)
        status, _ = await till.final(request.payment_no)
        assert status.state is GatewayState.PAID
        await till.ack(status)
        self.buyer_of[status.payment_no] = till
        return status

    async def refunded(self, status: PaymentStatus, amount_fen: int) -> str:
        """Gives a part back; the refund's number."""
        till = self.buyer_of[status.payment_no]
        refund_no = new_number(self.entropy.bytes(15))
        asked = RefundRequest(refund_no=refund_no, amount_fen=amount_fen, currency="CNY", operator="01", note="")
        path = f"/v1/payments/{status.payment_no}/refunds"
        response = await till.send(till.signed("POST", path, encode(asked)))
        assert response.status == 200, response.body
        await asyncio.sleep(60)
        found = self.store.run_now(lambda tx: refunds.find(tx, refund_no))
        assert found is not None
        assert found.state is RefundState.DONE
        return refund_no

    async def until_fetched(self) -> None:
        await asyncio.sleep((first_asked_ms(DAY) - self.clock.now_ms()) / 1000 + 5)


def play(wallet: str, *, back_fen: int = 0, wrong: tuple[BillDiscrepancy, ...] = ()) -> BillsWorld:
    """Two payments, a part of the first given back, then the next day's morning."""
    loop = VirtualTimeLoop()

    async def played() -> BillsWorld:
        world = BillsWorld(loop, wallet=wallet)
        await world.gateway.start()
        try:
            first = await world.paid(1250)
            await world.paid(300)
            if back_fen:
                await world.refunded(first, back_fen)
            world.wallets.by_name[wallet].distort_bill(date.fromisoformat(DAY), wrong)
            before = world.store.run_now(lambda tx: bills.of_day(tx, DAY))
            assert before == []
            await world.until_fetched()
            return world
        finally:
            await world.gateway.aclose()

    return run_virtual(played(), loop)


@pytest.mark.parametrize("wallet", WALLETS)
def test_the_day_after_the_days_payments_are_in_the_rows(wallet: str) -> None:
    world = play(wallet)
    bill = world.bill()
    assert bill is not None
    assert (bill.state, bill.lines, bill.tries) == (BillState.KEPT, 2, 1), bill.code
    lines = world.lines()
    numbers = {order.out_trade_no for order in world.wallets.orders()}
    assert {line.out_trade_no for line in lines} == numbers
    assert [(line.kind, line.amount_fen) for line in lines] == [(LineKind.PAY, 1250), (LineKind.PAY, 300)]
    assert [line.fee_millifen for line in lines] == [8_000, 2_000]
    assert all(line.sha256 == bill.sha256 and day_of(line.at_ms) == DAY for line in lines)
    assert world.alarms() == {}
    flow = world.bill(BillKind.FUND_FLOW)
    if wallet == "unionpay":
        assert flow is None
    else:
        assert flow is not None
        assert flow.state is BillState.KEPT, flow.code
        assert sum(line.amount_fen for line in world.lines(BillKind.FUND_FLOW)) == 1250 + 300 - 8 - 2
    idle = [one for one in ACCOUNT_IDS.values() if one != ACCOUNT_IDS[wallet]]
    wanted = world.store.run_now(lambda tx: bills.of_day(tx, DAY))
    assert {one.key.account_id for one in wanted}.isdisjoint(idle), "an account without orders has no bill to miss"


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_bill_says_what_it_says(wallet: str) -> None:
    """A line that is nobody's is kept like the others: comparing is not the reader's task."""
    extra = BillDiscrepancy(kind=DiscrepancyKind.EXTRA_ROW, out_trade_no="STRANGER00000001", amount_fen=999)
    world = play(wallet, wrong=(extra,))
    lines = world.lines()
    assert [line.amount_fen for line in lines if line.out_trade_no == "STRANGER00000001"] == [999]
    assert len(lines) == 3


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_refund_is_a_line_of_its_own(wallet: str) -> None:
    """Under the number that the till gave it, at the payment that it belongs to."""
    world = play(wallet, back_fen=250)
    (back,) = [line for line in world.lines() if line.kind is not LineKind.PAY]
    first = world.lines()[0]
    assert (back.kind, back.amount_fen, back.fee_millifen < 0) == (LineKind.REFUND, -250, True)
    assert (back.out_trade_no, back.transaction_id) == (first.out_trade_no, first.transaction_id)
    assert back.refund_no is not None
    assert world.store.run_now(lambda tx: refunds.find(tx, back.refund_no or "")) is not None
