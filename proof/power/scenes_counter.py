"""Scenes of a till that sells without its line, and of cash: offline orders, their proofs and typed codes, what a
bitmap takes back, tills that are frozen, activated again and switched off, entries that are withheld.
"""

from __future__ import annotations

import asyncio
import json
from typing import Final

from gateway.configure.words import CodeMade, TerminalsAction, TerminalsOrder, TerminalsSaid
from proof.power.props import UPPER_LIMITS
from proof.power.shop import Shop
from proof.wallets import GATEWAY_ORIGIN
from protocol.keys import private_key
from protocol.money import CNY, Money
from protocol.numbers import NUMBER_BYTES, new_number
from protocol.offline.order import OfflineOrder, OrderType, SignedOrder, read_order, sign_order
from protocol.secret import Secret
from protocol.states import GatewayState, TerminalState
from sandbox.wallet_browser import WalletBrowser
from sync.engine.model import (
    CancelPayment,
    Line,
    ParkOffline,
    PaymentView,
    ReadProof,
    ReturnCash,
    ShowOffline,
    ShowStatus,
    TakeCash,
    TypeCode,
)
from sync.engine.statements import CashBack, ParkWhy, PaymentConflict
from sync.journal.journal import Journal

#: More than an entry may hold: its gateway refuses it for good.
_TOO_LONG: Final = 17_000


async def cash(shop: Shop) -> None:
    """Taken and given back, with the line and without it."""
    for cut in (False, True):
        await _line(shop, cut=cut)
        taken = await _takes(shop)
        request = shop.next_request()
        shop.submit(ReturnCash(request_id=request, payment_no=taken.payment_no, why=CashBack.GOODS_BACK, operator="01"))
        await shop.until(lambda taken=taken: _returned(shop.sight.payments[taken.payment_no]))
        await _takes(shop)
    await _line(shop, cut=False)
    await asyncio.sleep(30.0)


async def without_line(shop: Shop) -> None:
    """Proofs that are scanned, typed and refused; orders that are put aside; one that is only asked about."""
    shop.till_line_is_cut = True
    asked = await shop.sell()
    await shop.until(lambda: shop.sight.payments[asked.payment_no].state is TerminalState.UNKNOWN)
    await _line(shop, cut=True)
    paid = await _shown(shop)
    phone = await shop.phone_pays(_qr(paid))
    await _worth(
        shop, ReadProof(request_id=shop.next_request(), text=(await _proof(shop, phone, paid))[0], operator="01")
    )
    typed = await _shown(shop)
    code = (await _proof(shop, await shop.phone_pays(_qr(typed)), typed))[1]
    wrong = code[:-1] + str((int(code[-1]) + 1) % 10)
    for one in (wrong, code):
        request = shop.next_request()
        await _worth(shop, TypeCode(request_id=request, payment_no=typed.payment_no, code=Secret(one), operator="01"))
    shop.submit(ShowStatus(request_id=shop.next_request(), payment_no=asked.payment_no, operator="01"))
    await shop.until(lambda: shop.sight.payments[asked.payment_no].offline is not None)
    phone = shop.browser("alipay")
    await phone.fetch("GET", _page(shop.sight.payments[asked.payment_no]), headers={})
    left = await _shown(shop)
    shop.submit(ParkOffline(payment_no=left.payment_no, why=ParkWhy.LEFT, operator="01"))
    await shop.until(lambda: _parked(shop.sight.payments[left.payment_no]))
    await _line(shop, cut=False)
    shop.cancel(asked)
    await shop.settled(asked)
    await asyncio.sleep(60.0)


async def taken_back(shop: Shop) -> None:
    """Orders that the till gave up: one never came, one was paid. The next order's bitmap says so, and money goes back
    by itself."""
    await shop.apply("老店", late_money="refund")
    await _line(shop, cut=True)
    for pays in (False, True):
        given_up = await _shown(shop)
        if pays:
            await shop.phone_pays(_qr(given_up))
        shop.submit(CancelPayment(payment_no=given_up.payment_no, operator="01", goods_handed=False))
        await shop.until(lambda gone=given_up: shop.sight.payments[gone.payment_no].cancel_requested)
    shown = await _shown(shop)
    phone = await shop.phone_pays(_qr(shown))
    await _post(phone, shown, "close")
    await asyncio.sleep(120.0)
    await _line(shop, cut=False)
    await shop.settled(shown)
    await asyncio.sleep(120.0)
    await shop.apply("老店")


async def withheld(shop: Shop) -> None:
    """An entry that the gateway can never take: the chain goes on over it."""
    sold = await shop.settled(await shop.sell())
    await shop.stop_till()
    who = shop.till_folder.read_identity()
    journal = Journal.open(shop.till_folder.journal, terminal_id=who.terminal_id)
    conflict = PaymentConflict(
        payment_no=sold.payment_no, said_by="x" * _TOO_LONG, gateway_state=GatewayState.NOT_PAID, state_seq=9
    )
    journal.append([conflict], at_ms=shop.clock.now_ms())
    journal.close()
    await shop.start_till()
    await shop.until(lambda: shop.sight.link is not None and shop.sight.link.parked == 1)
    await asyncio.sleep(60.0)


async def two_tills(shop: Shop) -> None:
    """A copied disk: another order under the same counter. The till is frozen, activated again, and switched off."""
    await _line(shop, cut=True)
    shown = await _shown(shop)
    await shop.phone_pays(_qr(shown))
    copied = _signed(shown).order
    number = new_number(shop.chance.randbytes(NUMBER_BYTES))
    clone = OfflineOrder(
        type=OrderType.PAY,
        terminal_id=copied.terminal_id,
        epoch=copied.epoch,
        order_no=number,
        amount_fen=copied.amount_fen,
        kid=copied.kid,
        oseq=copied.oseq,
        cancelled=copied.cancelled,
        release=0,
        made_at_s=copied.made_at_s,
        clock=copied.clock,
    )
    signed = sign_order(clone, private_key(shop.till_folder.offline_key(_no_new_key)))
    await _pressed(shop.browser("alipay"), f"{GATEWAY_ORIGIN}/o/{signed.text}")
    await _line(shop, cut=False)
    await shop.settled(shown)
    request = shop.collect()
    await shop.until(lambda: request in shop.sight.refused or shop.ended(request))
    who = shop.till_folder.read_identity()
    await shop.stop_till()
    made = await shop.owner(TerminalsOrder(action=TerminalsAction.REISSUE, terminal=who.terminal_id))
    assert isinstance(made, CodeMade), made
    shop.till_folder.write_pending_key(shop.till_folder.read_device_key())
    await shop.activate(shop.till_folder, code=made.code)
    await shop.start_till()
    await shop.until(lambda: shop.sight.link is not None and shop.sight.link.refusing is None)
    await shop.settled(await shop.sell())


async def switched_off(shop: Shop) -> None:
    """The owner's last word about a till."""
    who = shop.till_folder.read_identity()
    for action in (TerminalsAction.LIST, TerminalsAction.REVOKE):
        said = await shop.owner(TerminalsOrder(action=action, terminal=who.terminal_id))
        assert isinstance(said, TerminalsSaid), said
    await asyncio.sleep(60.0)


async def _line(shop: Shop, *, cut: bool) -> None:
    shop.till_line_is_cut = cut
    wanted = Line.DOWN if cut else Line.UP
    await shop.until(lambda: shop.sight.link is not None and shop.sight.link.line is wanted)


async def _takes(shop: Shop) -> PaymentView:
    request = shop.next_request()
    shop.submit(
        TakeCash(
            request_id=request,
            order_no=None,
            amount=Money(1250, CNY),
            received_fen=2000,
            limits=UPPER_LIMITS,
            operator="01",
        )
    )
    return await shop.view_of(request)


async def _shown(shop: Shop) -> PaymentView:
    request = shop.next_request()
    shop.submit(
        ShowOffline(
            request_id=request,
            order_no=None,
            amount=Money(1250, CNY),
            subject="早餐",
            operator="01",
            shown_at_ms=shop.mono_ms(),
        )
    )
    return await shop.view_of(request)


async def _worth(shop: Shop, command: ReadProof | TypeCode) -> None:
    shop.submit(command)
    await shop.until(lambda: command.request_id in shop.sight.proofs)


async def _proof(shop: Shop, phone: WalletBrowser, shown: PaymentView) -> tuple[str, str]:
    """What the payer's screen shows: the proof's text, and the digits to read aloud."""
    for _ in range(30):
        said = await _post(phone, shown, "proof")
        if said.get("proof"):
            return str(said["proof"]), str(said["typed"] or "").replace(" ", "")
        await asyncio.sleep(2.0)
    raise AssertionError("the payer never got a proof")


async def _post(phone: WalletBrowser, shown: PaymentView, call: str) -> dict[str, object]:
    return await _pressed(phone, f"{_page(shown)}", call)


async def _pressed(phone: WalletBrowser, page: str, call: str = "pay") -> dict[str, object]:
    headers = {"content-type": "application/json"}
    answer = await phone.fetch("POST", f"{page}/{call}", headers=headers, body=b"{}")
    assert answer is not None, "phones have a line"
    told: dict[str, object] = json.loads(answer.body)
    return told


def _page(shown: PaymentView) -> str:
    return f"{GATEWAY_ORIGIN}/o/{_signed(shown).text}"


def _signed(shown: PaymentView) -> SignedOrder:
    signed = read_order(_qr(shown).rpartition("/")[2])
    assert signed is not None, "the till shows an ORDER"
    return signed


def _qr(shown: PaymentView) -> str:
    assert shown.offline is not None, "it is shown"
    return shown.offline.qr


def _parked(view: PaymentView) -> bool:
    return view.offline is not None and view.offline.parked is not None


def _returned(view: PaymentView) -> bool:
    return view.cash is not None and view.cash.returned_at_ms is not None


def _no_new_key() -> Secret:
    raise AssertionError("the till has its key")
