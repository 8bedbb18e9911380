"""What a shop can do with orders, whichever protocol it speaks: pay by code, place, query, close, reverse.

Rules, the real one's: the same number with the same content is the same order, with other content an error; a code
belongs to one order; a scanned code's order is reversed and never closed, at any time for seven days, and reversing a
paid one gives everything back; a reverse of a number that was never seen says yes. Must not know: XML, JSON, HTTP,
signatures.
"""

import re
from dataclasses import replace
from typing import TypeAlias, assert_never

from sandbox.codes import Buyer, CodeBook, CodeRefused, Presented
from sandbox.course import Course, QueryTurn, UndoTurn, ask_query, ask_undo
from sandbox.plan import Effect, Fault, Plan
from sandbox.wechat.beijing import day_stamp
from sandbox.wechat.book import OrderBook
from sandbox.wechat.orders import CODE_ORDER_LIFE_MS, Asked, Order, OrderEvent, TradeState, TradeType, undo_event
from sandbox.wechat.refusals import No
from sandbox.wire import CutConnection, RandomBytes, random_digits, random_text

Said: TypeAlias = Order | No | CutConnection

REVERSE_WINDOW_MS = 7 * 86_400_000
DEFAULT_LIFE_MS = 7 * 86_400_000
CODE_URL_LIFE_MS = 7_200_000
_CODE = re.compile(r"1[0-5][0-9]{16}", re.ASCII)
_UNTOUCHED = Plan(effect=Effect.OPENED)
_PR_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HEX = "0123456789abcdef"


class Payments:
    def __init__(self, *, book: OrderBook, codes: CodeBook, random_bytes: RandomBytes) -> None:
        self._book = book
        self._codes = codes
        self._random_bytes = random_bytes

    def pay_by_code(self, asked: Asked, auth_code: str, now_ms: int) -> Said:
        """Charges the customer whose code was scanned."""
        known = self._book.order(asked.out_trade_no, now_ms)
        if known is not None:
            return _pay_again(known, asked, auth_code, now_ms)
        if not is_payment_code(auth_code):
            return No.CODE_NOT_OURS
        presented = self._codes.present(auth_code, now_ms)
        match presented:
            case CodeRefused.UNKNOWN:
                return No.CODE_NOT_OURS
            case CodeRefused.USED:
                return No.CODE_USED
            case CodeRefused.TOO_OLD:
                return No.CODE_EXPIRED
            case Presented():
                return self._pay_first(asked, auth_code, presented, now_ms)
            case _:
                assert_never(presented)

    def place(self, asked: Asked, buyer: Buyer, now_ms: int) -> Order | No:
        """An order that a customer will pay: by a QR, in the wallet's browser, or from another browser."""
        known = self._book.order(asked.out_trade_no, now_ms)
        if known is None:
            return self._book.keep(self._new_order(asked, buyer, now_ms))
        if known.asked != asked:
            return No.NUMBER_USED
        return known if known.is_open else _why_closed(known)

    def find(self, *, out_trade_no: str = "", transaction_id: str = "", sub_mchid: str = "", now_ms: int) -> Order | No:
        """The order that a call is about. Given both names, WeChat goes by transaction_id."""
        if transaction_id:
            order = self._book.order_by(transaction_id, now_ms)
            if order is None or order.paid_ms is None:
                return No.TRANSACTION_UNKNOWN
        else:
            order = self._book.order(out_trade_no, now_ms)
        if order is None or order.hidden or order.asked.sub_mchid != sub_mchid:
            return No.ORDER_UNKNOWN
        return No.SYSTEM_ERROR if order.course.in_maintenance(now_ms) else order

    def query(self, order: Order, now_ms: int) -> Said:
        course, turn = ask_query(order.course, now_ms)
        order = self._book.keep(replace(order, course=course))
        match turn:
            case QueryTurn.ANSWER:
                return order
            case QueryTurn.TOO_OFTEN:
                return No.TOO_OFTEN
            case QueryTurn.CUT:
                return CutConnection(after_effect=False)
            case QueryTurn.SYSTEM_ERROR:
                return No.SYSTEM_ERROR
            case _:
                assert_never(turn)

    def close(self, order: Order, now_ms: int) -> Order | No:
        """Only for an order that waits for its buyer and was not made from a scanned code."""
        if order.by_code:
            return No.ONLY_REVERSE
        if order.paid_ms is not None:
            return No.ORDER_PAID
        if order.state is TradeState.CLOSED:
            return No.ORDER_CLOSED
        return self._undo(order, now_ms)

    def reverse(self, order: Order, now_ms: int) -> Order | No:
        """Whatever became of this scanned code, nobody shall have paid for it."""
        if not order.by_code:
            return No.ONLY_CLOSE
        if order.state is TradeState.REVOKED:
            return order
        if order.state is TradeState.REFUND:
            return No.REVERSE_AFTER_REFUND
        if now_ms >= order.created_ms + REVERSE_WINDOW_MS:
            return No.REVERSE_OVERDUE
        return self._undo(order, now_ms)

    def reverse_unseen(self, out_trade_no: str, now_ms: int) -> None:
        """A reverse of a number that a query does not find. An order kept out of sight hears of it all the same."""
        order = self._book.order(out_trade_no, now_ms)
        if order is not None and order.hidden:
            course, _ = ask_undo(order.course, paid=False, now_ms=now_ms)
            self._book.keep(replace(order, course=course))

    def _undo(self, order: Order, now_ms: int) -> Order | No:
        course, turn = ask_undo(order.course, paid=order.paid_ms is not None, now_ms=now_ms)
        order = self._book.keep(replace(order, course=course))
        match turn:
            case UndoTurn.AGAIN:
                return No.REVERSE_AGAIN
            case UndoTurn.ACKNOWLEDGED:
                return order
            case UndoTurn.APPLIES:
                return self._book.move(order, undo_event(order), now_ms)
            case _:
                assert_never(turn)

    def _new_order(self, asked: Asked, buyer: Buyer, now_ms: int, plan: Plan = _UNTOUCHED) -> Order:
        day = day_stamp(now_ms)
        by_code = asked.trade_type is TradeType.MICROPAY
        longest_ms = now_ms + (CODE_ORDER_LIFE_MS if by_code else DEFAULT_LIFE_MS)
        native = asked.trade_type is TradeType.NATIVE
        pr = random_text(self._random_bytes, 7, _PR_ALPHABET) + "zz"
        return Order(
            asked=asked,
            transaction_id=f"4200{random_digits(self._random_bytes, 6)}{day}{random_digits(self._random_bytes, 10)}",
            buyer=buyer,
            created_ms=now_ms,
            course=Course(plan=plan, begun_ms=now_ms),
            ends_ms=longest_ms if asked.expires_ms is None else min(longest_ms, asked.expires_ms),
            prepay_id="" if by_code else f"wx{day}{random_text(self._random_bytes, 26, _HEX)}",
            code_url=f"weixin://wxpay/bizpayurl?pr={pr}" if native else "",
        )

    def _pay_first(self, asked: Asked, auth_code: str, presented: Presented, now_ms: int) -> Said:
        plan = presented.plan
        fresh = replace(self._new_order(asked, presented.buyer, now_ms, plan), auth_code=auth_code)
        said = self._take_effect(fresh, now_ms)
        match plan.answer_fault:
            case Fault.CUT:
                return CutConnection(after_effect=plan.effect is not Effect.NOTHING)
            case Fault.SYSTEM_ERROR:
                return No.SYSTEM_ERROR
            case None:
                return No.SYSTEM_ERROR if fresh.course.in_maintenance(now_ms) else said
            case _:
                assert_never(plan.answer_fault)

    def _take_effect(self, fresh: Order, now_ms: int) -> Said:
        plan = fresh.course.plan
        match plan.effect:
            case Effect.CHARGED:
                return self._book.move(self._book.keep(fresh), OrderEvent.BUYER_PAYS, now_ms)
            case Effect.OPENED:
                # A debit that failed on WeChat's side asks nobody for a password.
                asks = plan.answer_fault is None
                self._book.keep(replace(fresh, state=TradeState.USERPAYING if asks else TradeState.NOTPAY))
                return No.USER_PAYING
            case Effect.HIDDEN:
                self._book.keep(fresh)
                return No.SYSTEM_ERROR
            case Effect.BALANCE_LOW:
                self._book.keep(replace(fresh, state=TradeState.PAYERROR))
                return No.BALANCE_LOW
            case Effect.CODE_REFUSED | Effect.OPENED_LATE | Effect.SCANNED_AFTER_UNDO:
                return No.CODE_EXPIRED
            case Effect.NOTHING:
                return No.SYSTEM_ERROR
            case _:
                assert_never(plan.effect)


def is_payment_code(auth_code: str) -> bool:
    """Eighteen digits that begin with 10 to 15."""
    return _CODE.fullmatch(auth_code) is not None


def _pay_again(order: Order, asked: Asked, auth_code: str, now_ms: int) -> No:
    """The same out_trade_no once more. A new code is a new customer, and needs a new number."""
    if order.asked != asked:
        return No.NUMBER_USED
    if order.course.in_maintenance(now_ms) or order.hidden:
        return No.SYSTEM_ERROR
    if not order.is_open:
        return No.BALANCE_LOW if order.state is TradeState.PAYERROR else _why_closed(order)
    return No.USER_PAYING if order.auth_code == auth_code else No.BUYER_DIFFERS


def _why_closed(order: Order) -> No:
    if order.state is TradeState.REVOKED:
        return No.ORDER_REVERSED
    return No.ORDER_CLOSED if order.state is TradeState.CLOSED else No.ORDER_PAID
