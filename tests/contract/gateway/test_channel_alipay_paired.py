"""Rule: our Alipay adapter and the simulated wallet, which share no code, understand each other in every script.

Without sockets: an `Exchange` that hands the request's bytes to the wallet and its bytes back.
"""

from __future__ import annotations

import asyncio
import hashlib
from urllib.parse import urlsplit

import pytest

from gateway.channels.account import parse_account
from gateway.channels.port import (
    Channel,
    ChannelReason,
    ChannelRequest,
    ChannelResponse,
    Closed,
    Declined,
    LineFault,
    Mismatch,
    NoAnswer,
    NotFound,
    OrderRef,
    Paid,
    PayOrder,
    PayVerdict,
    Pending,
    QrOrder,
    QrReady,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    Unknown,
)
from gateway.channels.registry import open_channel
from protocol.secret import Secret
from sandbox.alipay.merchant import pkcs8_pem, public_pem
from sandbox.alipay.server import AlipayServer
from sandbox.codes import CodeBook
from sandbox.keys import new_merchant
from sandbox.scripts import parse_script
from sandbox.wire import Answer, HttpRequestParts

START_MS = 1_795_312_800_000
MERCHANT = new_merchant()
REF = OrderRef(out_trade_no="0123456789ABCDEFGHJKMNPQR01", amount_fen=1250)


class Shop:
    """One channel, one wallet, one clock."""

    def __init__(self, *, cancel_retries: int = 0) -> None:
        self.now_ms = START_MS
        self._drawn = 0
        self.codes = CodeBook(self._random_bytes)
        self.wallet = AlipayServer(
            merchant=MERCHANT, codes=self.codes, random_bytes=self._random_bytes, cancel_retries=cancel_retries
        )
        account = parse_account(
            {
                "id": "a",
                "channel": "alipay",
                "base_url": "http://127.0.0.1:8600/alipay/gateway.do",
                "app_id": MERCHANT.app_id,
                "seller_id": MERCHANT.seller_id,
                "private_key": pkcs8_pem(MERCHANT.merchant_key),
                "wallet_public_key": public_pem(MERCHANT.wallet_key.public_key()),
                "min_query_interval_ms": 1000,
            }
        )
        self.channel: Channel = open_channel(account)

    def _random_bytes(self, count: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_128(str(self._drawn).encode()).digest(count)

    async def __call__(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NoAnswer:
        assert connect_timeout_ms < read_timeout_ms
        parts = HttpRequestParts(
            method=request.method,
            query=urlsplit(request.url).query.encode("ascii"),
            body=request.body,
            content_type=request.headers["content-type"],
        )
        reply = self.wallet.handle(parts, self.now_ms)
        if not isinstance(reply, Answer):
            return NoAnswer(LineFault.CUT)
        return ChannelResponse(status=reply.status, headers={"content-type": reply.content_type}, body=reply.body)

    def pay(self, script: str, *, amount_fen: int = REF.amount_fen) -> object:
        wanted = parse_script(script)
        assert wanted is not None
        order = PayOrder(
            out_trade_no=REF.out_trade_no,
            amount_fen=amount_fen,
            subject="早餐 {豆浆} } 1/2",
            auth_code=Secret(self.codes.issue_alipay(wanted, self.now_ms)),
            operator="c01",
            terminal="T0001",
            store="S0001",
            open_for_ms=60_000,
        )
        return asyncio.run(self.channel.pay(order, now_ms=self.now_ms).perform(self))

    def query(self, ref: OrderRef = REF) -> object:
        return asyncio.run(self.channel.query(ref, now_ms=self.now_ms).perform(self))

    def cancel(self) -> object:
        return asyncio.run(self.channel.cancel(REF, now_ms=self.now_ms).perform(self))

    def close(self) -> object:
        return asyncio.run(self.channel.close(REF, now_ms=self.now_ms).perform(self))

    def precreate(self) -> object:
        order = QrOrder(
            out_trade_no=REF.out_trade_no,
            amount_fen=REF.amount_fen,
            subject="早餐",
            operator="c01",
            terminal="T0001",
            store="S0001",
            open_for_ms=120_000,
        )
        return asyncio.run(self.channel.precreate(order, now_ms=self.now_ms).perform(self))


def test_paid_at_once_and_found_paid_by_query() -> None:
    shop = Shop()
    paid = shop.pay("pay")
    assert isinstance(paid, Paid)
    assert (paid.amount_fen, paid.paid_at_ms) == (1250, START_MS)
    assert len(paid.payer_tail) == 4
    assert shop.query() == paid


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ("balance_low", Declined(code="ACQ.BUYER_BALANCE_NOT_ENOUGH", reason=ChannelReason.BALANCE_LOW)),
        ("expired", Declined(code="ACQ.PAYMENT_AUTH_CODE_INVALID", reason=ChannelReason.CODE_INVALID)),
        ("ask_password:5", Pending(payer_prompted=True)),
        ("never", Pending(payer_prompted=True)),
        ("system_error_charged", Unknown(reason=ChannelReason.CHANNEL_ERROR, code="ACQ.SYSTEM_ERROR")),
        ("system_error_not_charged", Unknown(reason=ChannelReason.CHANNEL_ERROR, code="ACQ.SYSTEM_ERROR")),
        ("drop_after_charge", NoAnswer(LineFault.CUT)),
        ("drop_before_charge", NoAnswer(LineFault.CUT)),
    ],
)
def test_the_pay_answer_of_each_script(script: str, verdict: PayVerdict | NoAnswer) -> None:
    assert Shop().pay(script) == verdict


@pytest.mark.parametrize("script", ["system_error_charged", "drop_after_charge"])
def test_what_was_charged_without_an_answer_is_found_by_query(script: str) -> None:
    shop = Shop()
    shop.pay(script)
    assert isinstance(shop.query(), Paid)


@pytest.mark.parametrize("script", ["drop_before_charge", "balance_low"])
def test_what_was_not_charged_is_not_found_and_its_cancel_is_acknowledged(script: str) -> None:
    shop = Shop()
    shop.pay(script)
    assert shop.query() == NotFound(code="ACQ.TRADE_NOT_EXIST")
    assert shop.cancel() == UndoAcknowledged(action=UndoAction.NONE)


def test_an_error_that_left_a_trade_open_is_settled_by_cancel() -> None:
    shop = Shop()
    shop.pay("system_error_not_charged")
    assert shop.query() == Pending(payer_prompted=True)
    assert shop.cancel() == UndoAcknowledged(action=UndoAction.CLOSE)
    assert shop.query() == Closed(code="TRADE_CLOSED")


def test_a_password_entered_in_time_is_found_by_polling() -> None:
    shop = Shop()
    shop.pay("ask_password:5")
    assert shop.query() == Pending(payer_prompted=True)
    shop.now_ms += 6_000
    assert isinstance(shop.query(), Paid)


def test_cancel_closes_an_open_trade_and_gives_a_paid_one_back() -> None:
    waiting, paid = Shop(), Shop()
    waiting.pay("never")
    assert waiting.cancel() == UndoAcknowledged(action=UndoAction.CLOSE)
    assert waiting.query() == Closed(code="TRADE_CLOSED")
    paid.pay("pay")
    assert paid.cancel() == UndoAcknowledged(action=UndoAction.REFUND)
    assert paid.query() == Closed(code="TRADE_CLOSED")
    money = paid.wallet.order(REF.out_trade_no, paid.now_ms)
    assert money is not None
    assert (money.captured_fen, money.refunded_fen) == (1250, 1250)


def test_cancel_is_repeated_while_the_wallet_asks_for_it_and_refused_after_its_window() -> None:
    shop = Shop(cancel_retries=1)
    shop.pay("pay")
    assert shop.cancel() == UndoRetry(code="retry_flag")
    shop.now_ms += shop.channel.traits.undo_window_ms
    assert shop.cancel() == UndoRefused(code="ACQ.TRADE_CANCEL_TIME_OUT", reason=ChannelReason.UNDO_WINDOW_OVER)


def test_the_wallet_closes_an_unpaid_trade_by_itself_after_a_minute() -> None:
    shop = Shop()
    shop.pay("never")
    shop.now_ms += 61_000
    assert shop.query() == Closed(code="TRADE_CLOSED")


def test_close_is_for_open_trades_only() -> None:
    shop = Shop()
    assert shop.close() == UndoRefused(code="ACQ.TRADE_NOT_EXIST", reason=ChannelReason.ORDER_NOT_FOUND)
    shop.pay("never")
    assert shop.close() == UndoAcknowledged(action=UndoAction.CLOSE)
    shop = Shop()
    shop.pay("pay")
    assert shop.close() == UndoRefused(code="ACQ.TRADE_STATUS_ERROR", reason=ChannelReason.ORDER_STATE)


def test_a_shown_qr_is_not_found_until_it_is_scanned_and_then_paid() -> None:
    shop = Shop()
    ready = shop.precreate()
    assert isinstance(ready, QrReady)
    assert shop.query() == NotFound(code="ACQ.TRADE_NOT_EXIST")
    script = parse_script("pay")
    assert script is not None
    shop.wallet.scan(ready.qr, script, shop.now_ms)
    assert isinstance(shop.query(), Paid)


def test_the_same_number_with_another_amount_is_never_paid() -> None:
    shop = Shop()
    shop.pay("pay")
    assert isinstance(shop.pay("pay", amount_fen=1251), Unknown)
    assert shop.query(OrderRef(out_trade_no=REF.out_trade_no, amount_fen=1251)) == Mismatch(fields=("total_amount",))
