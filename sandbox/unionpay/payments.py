"""What a shop can do with trades: charge a scanned code, have a QR made, query, reverse.

Rules, the real one's: a consume is answered "accepted", and only a query or a notification says paid; a name that is
taken is a duplicate whatever it asks; an order's QR is no trade before somebody scanned it; a reversal of a name that
was never seen says yes, and that name is dead from then on; paid money can be reversed until its settlement day ends.
Must not know: forms, HTTP, signatures.
"""

import re
from dataclasses import replace
from typing import TypeAlias, assert_never

from sandbox.codes import Buyer, CodeBook, CodeRefused, Presented, draw_unionpay_buyer
from sandbox.course import Course, QueryTurn, UndoTurn, ask_query, ask_undo
from sandbox.plan import Effect, Fault, Plan
from sandbox.unionpay.beijing import settlement_day, txn_stamp
from sandbox.unionpay.book import TradeBook
from sandbox.unionpay.codes import Code
from sandbox.unionpay.trades import Asked, Trade, TradeEvent, TradeName, TradeState
from sandbox.wire import CutConnection, RandomBytes, random_digits

Said: TypeAlias = Trade | Code | CutConnection

QR_HEAD = "https://qr.95516.com/"
CODE_LIFE_MS = 60_000
QR_LIFE_MS = 300_000
"""Without payTimeout. Not published: settings of the simulation."""
_CODE = re.compile(r"62[0-9]{17}", re.ASCII)
_UNTOUCHED = Plan(effect=Effect.OPENED)


class Payments:
    def __init__(self, *, book: TradeBook, codes: CodeBook, random_bytes: RandomBytes, settlement_hour: int) -> None:
        self._book = book
        self._codes = codes
        self._random_bytes = random_bytes
        self._settlement_hour = settlement_hour

    def charge_code(self, asked: Asked, qr_no: str, now_ms: int) -> Said:
        """01/06. A trade: accepted."""
        if self._book.is_taken(asked.name):
            return self._again(asked.name, now_ms)
        if not is_payment_code(qr_no):
            return Code.BAD_CODE
        presented = self._codes.present(qr_no, now_ms)
        match presented:
            case CodeRefused.UNKNOWN | CodeRefused.USED:
                return Code.BAD_CODE
            case CodeRefused.TOO_OLD:
                return Code.CODE_EXPIRED
            case Presented():
                return self._charge(asked, presented, now_ms)
            case _:
                assert_never(presented)

    def make_qr(self, asked: Asked, now_ms: int) -> Trade | Code:
        """01/07."""
        if self._book.is_taken(asked.name):
            return self._again(asked.name, now_ms)
        buyer = draw_unionpay_buyer(self._random_bytes)
        trade = self._new_trade(asked, buyer, Course(plan=_UNTOUCHED, begun_ms=now_ms), now_ms)
        qr = QR_HEAD + "00010000/01" + random_digits(self._random_bytes, 30)
        return self._book.keep(replace(trade, qr=qr))

    def query(self, trade: Trade, now_ms: int) -> Said:
        """One query of a trade that exists."""
        if trade.course.in_maintenance(now_ms):
            return Code.CLOSED_SYSTEM
        course, turn = ask_query(trade.course, now_ms)
        trade = self._book.keep(replace(trade, course=course))
        match turn:
            case QueryTurn.ANSWER:
                return trade
            case QueryTurn.TOO_OFTEN:
                return Code.TOO_OFTEN
            case QueryTurn.CUT:
                return CutConnection(after_effect=False)
            case QueryTurn.SYSTEM_ERROR:
                return Code.TIMEOUT
            case _:
                assert_never(turn)

    def reverse(self, name: TradeName, amount_fen: int | None, now_ms: int) -> Code:
        """99/01. Whatever became of this consume, nobody shall have paid for it."""
        trade = self._book.trade(name, now_ms)
        if trade is None:
            if self._book.trade_of_return(name, now_ms) is not None:
                return Code.ORIGINAL_STATE
            self._book.keep_reversed(name)
            return Code.OK
        if amount_fen not in (None, trade.asked.amount_fen):
            return Code.DIFFERS
        if trade.course.in_maintenance(now_ms):
            return Code.CLOSED_SYSTEM
        if trade.state is TradeState.VOID:
            return Code.OK
        if trade.returns:
            return Code.ORIGINAL_STATE
        if trade.paid_ms is not None and not self._settles_today(trade.paid_ms, now_ms):
            return Code.OUT_OF_TIME
        return self._undo(trade, now_ms)

    def _undo(self, trade: Trade, now_ms: int) -> Code:
        course, turn = ask_undo(trade.course, paid=trade.paid_ms is not None, now_ms=now_ms)
        trade = self._book.keep(replace(trade, course=course))
        match turn:
            case UndoTurn.AGAIN:
                return Code.ACCEPTED
            case UndoTurn.ACKNOWLEDGED:
                return Code.OK
            case UndoTurn.APPLIES:
                self._book.move(trade, TradeEvent.SHOP_REVERSES, now_ms)
                return Code.OK
            case _:
                assert_never(turn)

    def _settles_today(self, paid_ms: int, now_ms: int) -> bool:
        return settlement_day(paid_ms, self._settlement_hour) == settlement_day(now_ms, self._settlement_hour)

    def _again(self, name: TradeName, now_ms: int) -> Code:
        trade = self._book.trade(name, now_ms)
        closed = trade is not None and trade.course.in_maintenance(now_ms)
        return Code.CLOSED_SYSTEM if closed else Code.DUPLICATE

    def _charge(self, asked: Asked, presented: Presented, now_ms: int) -> Said:
        plan = presented.plan
        course = Course(plan=plan, begun_ms=now_ms)
        said = self._take_effect(self._new_trade(asked, presented.buyer, course, now_ms), now_ms)
        match plan.answer_fault:
            case Fault.CUT:
                return CutConnection(after_effect=plan.effect is not Effect.NOTHING)
            case Fault.SYSTEM_ERROR:
                return Code.TIMEOUT
            case None:
                return Code.CLOSED_SYSTEM if course.in_maintenance(now_ms) else said
            case _:
                assert_never(plan.answer_fault)

    def _take_effect(self, fresh: Trade, now_ms: int) -> Trade | Code:
        seen = replace(fresh, seen=True)
        match fresh.course.plan.effect:
            case Effect.CHARGED:
                return self._book.move(self._book.keep(seen), TradeEvent.BUYER_PAYS, now_ms)
            case Effect.OPENED:
                return self._book.keep(seen)
            case Effect.HIDDEN:
                return self._book.keep(fresh)
            case Effect.BALANCE_LOW:
                self._book.keep(replace(seen, state=TradeState.FAILED, failed_by=Code.BALANCE_LOW))
                return Code.BALANCE_LOW
            case Effect.CODE_REFUSED | Effect.OPENED_LATE | Effect.SCANNED_AFTER_UNDO:
                return Code.CODE_EXPIRED
            case Effect.NOTHING:
                return Code.TIMEOUT
            case _:
                assert_never(fresh.course.plan.effect)

    def _new_trade(self, asked: Asked, buyer: Buyer, course: Course, now_ms: int) -> Trade:
        longest_ms = now_ms + (CODE_LIFE_MS if asked.by_code else QR_LIFE_MS)
        return Trade(
            asked=asked,
            query_id=new_query_id(self._random_bytes, now_ms),
            trace_no=random_digits(self._random_bytes, 6),
            buyer=buyer,
            created_ms=now_ms,
            course=course,
            ends_ms=longest_ms if asked.pay_until_ms is None else asked.pay_until_ms,
            seen=False,
        )


def is_payment_code(qr_no: str) -> bool:
    """Nineteen digits that begin with 62."""
    return _CODE.fullmatch(qr_no) is not None


def new_query_id(random_bytes: RandomBytes, now_ms: int) -> str:
    """Twenty-one digits."""
    return random_digits(random_bytes, 2) + txn_stamp(now_ms)[2:] + random_digits(random_bytes, 7)
