"""The scene of a gateway that was restored from a backup: what a till began is in question, one payment is taken up by
a person, and everything goes on once he said that he looked.
"""

from __future__ import annotations

import asyncio

from gateway.configure.words import Order, RestoredAction, RestoredOrder, RestoredSaid
from gateway.jobs.restored import look_at_anchor
from gateway.store.anchor import Anchor
from proof.power.shop import Shop
from protocol.messages import JournalUpload, encode
from protocol.numbers import new_out_trade_no
from sync.engine.model import PaymentView

#: Longer than a pay request lives.
_TOO_LATE_S = 20.0


async def restored(shop: Shop) -> None:
    """One payment was lost and is taken up, one never was there, one stood on its page."""
    await _anchored(shop)
    page = await shop.sell(shows_qr=True)
    await _said(shop, RestoredOrder(action=RestoredAction.FOUND, person="owner", reason="the database of yesterday"))
    lost, never = await _begun_without_answers(shop)
    shop.cancel(page)
    await asyncio.sleep(60.0)
    listed = await _said(shop, RestoredOrder(action=RestoredAction.LIST))
    assert {one.payment_no for one in listed.in_question} == {lost.payment_no, never.payment_no, page.payment_no}
    took = RestoredOrder(
        action=RestoredAction.TAKE_UP,
        out_trade_no=new_out_trade_no(lost.order_no, 0),
        account="alipay",
        person="owner",
        reason="the wallet's books",
    )
    await _said(shop, took)
    await asyncio.sleep(60.0)
    await _said(shop, RestoredOrder(action=RestoredAction.DONE, person="owner", reason="looked at all of them"))
    for one in (lost, never, page):
        await shop.settled(one)
    assert (await shop.call("POST", "/v1/journal", encode(JournalUpload(entries=(), told=1 << 40)))).status == 200
    await _said(shop, RestoredOrder(action=RestoredAction.DONE, person="owner", reason="a till that was wrong"))


async def _anchored(shop: Shop) -> None:
    """As the program does at its start, which a shop without processes does not make."""
    anchor = Anchor(shop.folder / "gateway.db")
    assert await look_at_anchor(shop.store, anchor, shop.clock, shop.entropy) is None
    await shop.store.run(anchor.begun)


async def _begun_without_answers(shop: Shop) -> tuple[PaymentView, PaymentView]:
    """Before the till hears from the gateway."""
    shop.till_line_is_cut = True
    first, second = await shop.sell(), await shop.sell()
    await asyncio.sleep(_TOO_LATE_S)
    shop.till_line_is_cut = False
    for begun in (first, second):
        await shop.until(lambda begun=begun: shop.sight.payments[begun.payment_no].cancel_requested)
    return first, second


async def _said(shop: Shop, order: Order) -> RestoredSaid:
    said = await shop.owner(order)
    assert isinstance(said, RestoredSaid), said
    return said
