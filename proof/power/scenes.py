"""What happens in the recorded shop, scene by scene: each brings about kinds of transaction that drawn worlds rarely or
never reach. `proof.power.kinds` says which kinds code has and no scene reaches.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from msgspec.structs import replace

from gateway.api.operations import pages
from gateway.channels.port import (
    ChannelReason,
    Closed,
    Failed,
    Mismatch,
    PaymentNotified,
    RefundRefused,
    UndoRefused,
    UndoRetry,
    Unknown,
)
from gateway.configure.words import (
    AlarmsAction,
    AlarmsOrder,
    AlarmsSaid,
    BillsAction,
    BillsOrder,
    LateAction,
    LateOrder,
    LateSaid,
    StaticQrOrder,
    StaticQrSaid,
)
from gateway.payments.values import AlarmKind
from proof.power import scenes_counter, scenes_restored
from proof.power.props import script_of
from proof.power.shop import STORE_ID, Shop
from proof.power.twisted import instead
from protocol.messages import CancelRequest, RefundRequest, encode
from protocol.numbers import NUMBER_BYTES, new_number
from protocol.reasons import Reason
from protocol.states import GatewayState
from sandbox.wallet_browser import WalletBrowser
from sync.engine.model import ListenToStore, PaymentView
from sync.engine.statements import PaymentConflict, PaymentRefused
from sync.folder import Folder
from sync.journal.journal import Journal

_HOUR_S: Final = 3_600.0
_SAID_NOTHING: Final = Unknown(reason=ChannelReason.CHANNEL_ERROR)
_SAID_CLOSED: Final = Closed(code="a wallet that is wrong")


async def everything(shop: Shop) -> None:
    """All scenes, one after another."""
    for scene in (
        _sales_and_refunds,
        _cancels,
        _refused_refunds,
        _pages,
        _static_qr,
        _late_money,
        _told_too_late,
        _notifications,
        _alarms,
        scenes_counter.cash,
        scenes_counter.without_line,
        scenes_counter.taken_back,
        scenes_counter.withheld,
        scenes_counter.two_tills,
        _one_code_twice,
        _entries_of_a_gateway_that_errs,
        _restarts,
        _bills,
        _a_second_folder,
        scenes_restored.restored,
        scenes_counter.switched_off,
    ):
        await scene(shop)


async def _sales_and_refunds(shop: Shop) -> None:
    for wallet in ("alipay", "wechat", "unionpay"):
        sold = await shop.settled(await shop.sell(wallet=wallet))
        await shop.give_back(sold, 400)
        await shop.give_back(sold, sold.amount.fen - 400)
    for script in ("ask_password:6", "balance_low", "system_error_not_charged", "drop_after_charge", "never"):
        await shop.settled(await shop.sell(script))
    failed = Failed(code="PAYERROR", reason=ChannelReason.PAYMENT_FAILED, money_taken=False, closed_once_undone=False)
    shop.twists.plan("query", instead(failed))
    await shop.settled(await shop.sell("never", wallet="wechat"))
    shop.till_line_is_cut = True
    sold = await shop.sell("ask_password:4")
    await asyncio.sleep(30.0)
    shop.till_line_is_cut = False
    await shop.settled(sold)


async def _cancels(shop: Shop) -> None:
    for wallet in ("alipay", "wechat"):
        sold = await shop.sell("ask_password:100", wallet=wallet)
        shop.twists.plan("cancel", instead(UndoRefused(code="FROZEN", reason=ChannelReason.TRADE_FROZEN)))
        await asyncio.sleep(2.0)
        shop.cancel(sold)
        await shop.settled(sold)
    sold = await shop.sell("ask_password:100", wallet="wechat")
    shop.twists.plan("cancel", instead(UndoRetry(code="USERPAYING")), instead(_SAID_NOTHING))
    shop.cancel(sold)
    await shop.settled(sold)
    # The undo is refused because it was paid meanwhile: it goes back as a refund.
    sold = await shop.sell("ask_password:5")
    await asyncio.sleep(4.0)
    shop.twists.plan("cancel", instead(UndoRefused(code="PAID", reason=ChannelReason.ORDER_STATE)))
    shop.unserved.add("cancel")
    shop.cancel(sold)
    await asyncio.sleep(10.0)
    shop.unserved.clear()
    await shop.settled(sold)
    # Cancelled, and paid before the undo could begin: it goes back as a refund.
    sold = await shop.sell("ask_password:3", wallet="wechat")
    shop.cancel(sold)
    await shop.settled(sold)
    unknown = new_number(shop.chance.randbytes(NUMBER_BYTES))
    body = encode(CancelRequest(amount_fen=1250, operator="01"))
    await shop.call("POST", f"/v1/payments/{unknown}-1/cancel", body)


async def _refused_refunds(shop: Shop) -> None:
    sold = await shop.settled(await shop.sell())
    shop.twists.plan(
        "refund", instead(RefundRefused(code="NOT_ALLOWED", reason=ChannelReason.REFUND_REFUSED, final=True))
    )
    await shop.give_back(sold, 100)
    shop.twists.plan("refund", instead(Mismatch(fields=("amount",))))
    await shop.give_back(sold, 200)
    # Another program of this till gave back what the till's own engine still counts on.
    body = encode(
        RefundRequest(
            refund_no=new_number(shop.chance.randbytes(NUMBER_BYTES)),
            amount_fen=1_000,
            currency="CNY",
            note="",
            operator="01",
        )
    )
    await shop.call("POST", f"/v1/payments/{sold.payment_no}/refunds", body)
    await shop.give_back(sold, 900)


async def _pages(shop: Shop) -> None:
    for wallet in ("wechat", "alipay", "unionpay"):
        shown = await shop.sell(shows_qr=True)
        await shop.phone_pays(_qr(shown), wallet=wallet)
        await shop.settled(shown)
    # What the wallet made of the press is not known: the same customer presses again.
    shown = await shop.sell(shows_qr=True)
    shop.twists.plan("create", instead(_SAID_NOTHING))
    for _ in range(2):
        await shop.phone_pays(_qr(shown), wallet="wechat")
    shop.cancel(shown)
    await shop.settled(shown)
    await shop.apply("老店", qr_wallet="alipay")
    shown = await shop.sell(shows_qr=True)
    shop.wallets.scan(_qr(shown), script_of("pay"))
    await shop.settled(shown)
    await shop.apply("老店")
    shown = await shop.sell(shows_qr=True)
    await _leaves(shop, _qr(shown))
    await shop.phone_pays(_qr(shown), wallet="wechat")
    await shop.settled(shown)
    await shop.settled(await shop.sell(shows_qr=True))


async def _leaves(shop: Shop, qr: str) -> None:
    """A customer presses pay, lets somebody else pay, and looks at the page for a while."""
    browser = WalletBrowser(
        wallet=shop.wallets.by_name["alipay"],
        customer="undecided",
        script=script_of("never"),
        line=shop,
        clock=shop.clock.now_ms,
    )
    from sandbox.following import follow

    following = asyncio.ensure_future(follow(browser, qr))
    await asyncio.sleep(1.0)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    page = qr.partition("?")[0]
    await browser.fetch("POST", f"{page}/leave", headers={"content-type": "application/json"}, body=b"{}")
    await browser.fetch("GET", f"{page}/status?wait=2", headers={})


async def _static_qr(shop: Shop) -> None:
    assert shop.till is not None
    shop.till.submit(ListenToStore())
    for renew in (False, True):
        made = await shop.owner(StaticQrOrder(store=STORE_ID, renew=renew))
        assert isinstance(made, StaticQrSaid), made
        rung = len(shop.sight.rung)
        await shop.phone_pays(made.url, wallet="alipay", fen=500)
        await shop.until(lambda rung=rung: len(shop.sight.rung) > rung)
    await asyncio.sleep(5.0)


async def _late(shop: Shop) -> PaymentView:
    """A payment that its wallet called closed while the customer was still typing; he pays a minute later."""
    sold = await shop.sell("ask_password:40")
    await asyncio.sleep(1.0)
    shop.twists.plan("query", instead(_SAID_CLOSED))
    shop.cancel(sold)
    await shop.settled(sold)
    await shop.until(lambda: shop.sight.payments[sold.payment_no].late_money is not None, 2 * _HOUR_S)
    return sold


async def _late_money(shop: Shop) -> None:
    for action in (LateAction.ACCEPT, LateAction.REFUND):
        await _late(shop)
        await _decide(shop, action)
    # Its refund is refused for a while; meanwhile the wallet says that the order was closed after all.
    await _late(shop)
    low = RefundRefused(code="BALANCE", reason=ChannelReason.SELLER_BALANCE_LOW, final=False)
    shop.twists.plan("refund", *[instead(low)] * 5)
    shop.twists.plan("query", *[instead(_SAID_CLOSED)] * 20)
    shop.unserved.add("refund")
    await _decide(shop, LateAction.REFUND)
    shop.unserved.clear()
    shop.twists.planned.clear()
    await asyncio.sleep(120.0)
    # Its wallet refuses the refund for good, and the owner gives it back by other means.
    await _late(shop)
    never = RefundRefused(code="NOT_ALLOWED", reason=ChannelReason.REFUND_REFUSED, final=True)
    shop.twists.plan("refund", *[instead(never)] * 5)
    shop.unserved.add("refund")
    await _decide(shop, LateAction.REFUND)
    await _decide(shop, LateAction.BY_HAND)
    shop.unserved.clear()
    shop.twists.planned.clear()


async def _decide(shop: Shop, action: LateAction) -> None:
    listed = await shop.owner(LateOrder(action=LateAction.LIST))
    assert isinstance(listed, LateSaid), listed
    for case in listed.cases:
        if not case.going_back or (case.refused and action is LateAction.BY_HAND):
            await shop.owner(
                LateOrder(action=action, out_trade_no=case.out_trade_no, person="owner", reason="he came back")
            )
    await asyncio.sleep(120.0)


async def _told_too_late(shop: Shop) -> None:
    """The answer to the pay call says "paid" and comes after the order had ended: it may have been true before that."""
    shop.twists.plan("query", *[instead(_SAID_CLOSED)] * 20)
    shop.slow["pay"] = 12.0
    shop.wallets_notify = False
    sold = await shop.sell()
    await asyncio.sleep(1.0)
    shop.cancel(sold)
    await shop.settled(sold)
    shop.twists.planned.clear()
    await asyncio.sleep(120.0)
    shop.slow.clear()
    shop.wallets_notify = True
    await _decide(shop, LateAction.REFUND)


async def _notifications(shop: Shop) -> None:
    def of_another_amount(verdict: Any) -> Any:
        if isinstance(verdict, PaymentNotified) and hasattr(verdict.verdict, "amount_fen"):
            return replace(verdict, verdict=replace(verdict.verdict, amount_fen=1))
        return verdict

    shop.twists.plan("read_notification", of_another_amount)
    await shop.settled(await shop.sell())
    await asyncio.sleep(60.0)
    await shop.gateway.callbacks.handle("alipay", "nobody", {}, b"x=1", "127.0.0.1")


async def _alarms(shop: Shop) -> None:
    """The owner closes what does not end by itself."""
    listed = await shop.owner(AlarmsOrder(action=AlarmsAction.LIST))
    assert isinstance(listed, AlarmsSaid), listed
    alarm = next(one.alarm for one in listed.alarms if one.kind == AlarmKind.MISMATCH)
    order = AlarmsOrder(action=AlarmsAction.CLOSE, alarm=alarm, person="owner", reason="seen")
    assert isinstance(await shop.owner(order), AlarmsSaid)


async def _one_code_twice(shop: Shop) -> None:
    """A code whose payment was proven unpaid may be scanned again by the same till."""
    code = shop.wallets.show_code("alipay", script_of("balance_low"))
    for _ in range(2):
        await shop.settled(await shop.sell(code=code))


async def _a_second_folder(shop: Shop) -> None:
    """The same device with a fresh code: the same terminal, one epoch later."""
    again = Folder(shop.folder / "till-again")
    again.make()
    again.write_pending_key(shop.till_folder.read_device_key())
    await shop.activate(again)


async def _entries_of_a_gateway_that_errs(shop: Shop) -> None:
    """What only a gateway with a defect would sign, written as the engine would write it."""
    sold = await shop.settled(await shop.sell())
    await shop.stop_till()
    who = shop.till_folder.read_identity()
    journal = Journal.open(shop.till_folder.journal, terminal_id=who.terminal_id)
    conflict = PaymentConflict(
        payment_no=sold.payment_no, said_by="gateway", gateway_state=GatewayState.NOT_PAID, state_seq=9
    )
    refused = PaymentRefused(payment_no=sold.payment_no, said_by="gateway", reason=Reason.BAD_REQUEST)
    journal.append([conflict, refused], at_ms=shop.clock.now_ms())
    journal.close()
    await shop.start_till()


async def _restarts(shop: Shop) -> None:
    sold = await shop.sell("ask_password:8")
    await shop.stop_till()
    await asyncio.sleep(200.0)  # paid, and nobody noticed
    await shop.restart_gateway()
    await shop.start_till()
    await shop.settled(sold)
    shop.clock.leaps()
    await shop.settled(await shop.sell("ask_password:4"))
    for page in pages(shop.gateway, shop.clock).values():
        await page()


async def _bills(shop: Shop) -> None:
    """Until the bills of the first day are there; a second look at one, and a restart that prunes what is old."""
    await _decide(shop, LateAction.REFUND)
    await shop.stop_till()
    await asyncio.sleep(26 * _HOUR_S)
    for action in (BillsAction.LIST, BillsAction.FETCH):
        await shop.owner(BillsOrder(action=action))
    await asyncio.sleep(_HOUR_S)
    await shop.start_till()
    await shop.settled(await shop.sell())


def _qr(view: PaymentView) -> str:
    assert view.qr is not None, "it is shown"
    return view.qr
