"""An Alipay bill's way through its adapter into the rows: a signed address and the ZIP that lies there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.bills.desk import BillDesk
from gateway.bills.plan import BillState, day_start_ms
from gateway.channels.port import BillKind, ChannelRequest, ChannelResponse, NoAnswer, NotSent
from gateway.store import bills, tasks
from gateway.store.bills import Bill, BillKey
from gateway.store.tasks import TaskKind
from tests.contract.gateway.callback_world import CallbackWorld, in_callback_world, open_order
from tests.unit.gateway import channel_alipay_wallet as alipay
from tests.unit.gateway.bill_files import FILE, alipay_row, alipay_text, alipay_zip

KEY = BillKey(account_id="a1", kind=BillKind.TRADE, day=FILE.day)
TEN = day_start_ms(FILE.day) + 34 * 3_600_000
NAME = "alipay_data_dataservice_bill_downloadurl_query_response"
ADDRESS = {"code": "10000", "msg": "Success", "bill_download_url": "http://127.0.0.1:8600/bill?token=1"}
NONE = {"code": "40004", "msg": "Business Failed", "sub_code": "isp.bill_not_exist", "sub_msg": "账单不存在"}
ZIP = alipay_zip(
    alipay_text(
        [alipay_row(), alipay_row(kind="退款", amount="-2.50", request_no="R1")],
        paid="1笔，商家实收共12.50",
        back="1笔，商家实收退款共-2.50",
    )
)

Answering = Callable[[ChannelRequest], ChannelResponse]


def fetched(answering: Answering, *, now_ms: int = TEN) -> tuple[Bill, int, dict[str, int]]:
    """The day's trade bill after one try, how many lines there are, and the open alarms."""

    async def story(world: CallbackWorld) -> tuple[Bill, int, dict[str, int]]:
        async def line(
            request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
        ) -> ChannelResponse | NotSent | NoAnswer:
            await asyncio.sleep(0)
            return answering(request)

        world.line = line
        world.put(*open_order())
        world.clock.at_ms = now_ms
        desk = BillDesk(calls=world.calls, seal=world.seal, kinds=(BillKind.TRADE,))
        await desk.start()
        for _ in range(2):
            due = world.store.run_now(lambda tx: tasks.due(tx, now_ms=now_ms, limit=9))
            for task in due:
                if task.kind is TaskKind.BILL:
                    await desk.work(task.ref)
        bill = world.store.run_now(lambda tx: bills.find(tx, KEY))
        assert bill is not None
        return bill, len(world.store.run_now(lambda tx: bills.lines_of(tx, KEY))), world.alarms()

    return in_callback_world(story)


def _answer(request: ChannelRequest, node: dict[str, object], file: bytes) -> ChannelResponse:
    if request.method == "GET":
        return ChannelResponse(status=200, headers={}, body=file)
    return alipay.answer(alipay.body(node, name=NAME))


def test_the_zip_at_the_signed_address_is_the_bill() -> None:
    bill, lines, alarms = fetched(lambda request: _answer(request, dict(ADDRESS), ZIP))
    assert (bill.state, bill.lines, lines, bill.size, alarms) == (BillState.KEPT, 2, 2, len(ZIP), {}), bill.code


def test_one_code_says_both_not_yet_and_never() -> None:
    """Until the end of the day after it is "not yet"."""
    none: Answering = lambda request: _answer(request, dict(NONE), ZIP)  # noqa: E731
    early, _, _ = fetched(none)
    assert early.state is BillState.WANTED
    late, lines, alarms = fetched(none, now_ms=day_start_ms(FILE.day) + 49 * 3_600_000)
    assert (late.state, lines, alarms) == (BillState.NONE, 0, {})


def test_a_page_at_the_address_is_no_bill_and_an_unsigned_address_is_not_called() -> None:
    page, lines, _ = fetched(lambda request: _answer(request, dict(ADDRESS), b"<html>expired</html>"))
    assert (page.state, page.code, lines) == (BillState.WANTED, "unreadable not a zip", 0)
    called: list[str] = []

    def forged(request: ChannelRequest) -> ChannelResponse:
        called.append(request.method)
        whole = alipay.body(dict(ADDRESS), name=NAME)
        return alipay.answer(whole.replace(b"8600", b"8699"))

    bill, lines, _ = fetched(forged)
    assert (bill.state, bill.code, lines) == (BillState.WANTED, "bad_signature", 0)
    assert called == ["POST"]


def test_a_cut_zip_is_kept_and_not_believed() -> None:
    bill, lines, _ = fetched(lambda request: _answer(request, dict(ADDRESS), ZIP[:-30]))
    assert (bill.state, lines, bill.size) == (BillState.UNREADABLE, 0, len(ZIP) - 30)
    assert bill.code.startswith("archive")
