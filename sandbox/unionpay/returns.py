"""What goes back to the buyer by the original's queryId: refunds (04/00) and the same-day cancel (31/00).

Rules, the real one's: each has a name of its own, and the same name again is a duplicate that moves nothing; refunds
together never exceed what was paid; a cancel gives back all, on the settlement day of the payment, and only what
nothing was given back of; accepted is not yet returned. Must not know: forms, HTTP, signatures.
"""

from dataclasses import dataclass, replace

from sandbox.course import ask_refund
from sandbox.unionpay.beijing import settlement_day
from sandbox.unionpay.book import TradeBook
from sandbox.unionpay.codes import Code
from sandbox.unionpay.payments import new_query_id
from sandbox.unionpay.trades import Return, Trade, TradeName, TradeState, TxnType, Wire
from sandbox.wire import RandomBytes, random_digits


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedReturn:
    name: TradeName
    txn_type: TxnType
    orig_query_id: str
    amount_fen: int
    wire: Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    trade: Trade
    one: Return


class Returns:
    def __init__(self, *, book: TradeBook, random_bytes: RandomBytes, settlement_hour: int) -> None:
        self._book = book
        self._random_bytes = random_bytes
        self._settlement_hour = settlement_hour

    def give_back(self, asked: AskedReturn, now_ms: int) -> Returned | Code:
        if self._book.is_taken(asked.name):
            return Code.DUPLICATE
        trade = self._book.trade_by(asked.orig_query_id, now_ms)
        if trade is None or trade.paid_ms is None:
            return Code.ORIGINAL_STATE
        if trade.course.in_maintenance(now_ms):
            return Code.CLOSED_SYSTEM
        refused = self._why_not(trade, asked, now_ms)
        if refused is not None:
            return refused
        course, balance_low = ask_refund(trade.course)
        trade = self._book.keep(replace(trade, course=course))
        return Code.BALANCE_LOW if balance_low else self._begin(trade, asked, now_ms)

    def find(self, name: TradeName, now_ms: int) -> Returned | Code:
        trade = self._book.trade_of_return(name, now_ms)
        if trade is None:
            return Code.NO_SUCH_TRADE
        if trade.course.in_maintenance(now_ms):
            return Code.CLOSED_SYSTEM
        return Returned(trade=trade, one=_named(trade, name))

    def _why_not(self, trade: Trade, asked: AskedReturn, now_ms: int) -> Code | None:
        if trade.state is TradeState.VOID or trade.asked_back_fen == trade.asked.amount_fen:
            return Code.ALREADY_UNDONE
        if asked.txn_type is TxnType.CANCEL:
            return self._why_not_cancel(trade, asked, now_ms)
        too_much = trade.asked_back_fen + asked.amount_fen > trade.asked.amount_fen
        in_part = trade.course.plan.refund.whole_only and asked.amount_fen != trade.asked.amount_fen
        return Code.AMOUNT_LIMIT if too_much or in_part else None

    def _why_not_cancel(self, trade: Trade, asked: AskedReturn, now_ms: int) -> Code | None:
        assert trade.paid_ms is not None
        if trade.returns:
            return Code.ORIGINAL_STATE
        if asked.amount_fen != trade.asked.amount_fen:
            return Code.DIFFERS
        day = settlement_day(trade.paid_ms, self._settlement_hour)
        return None if settlement_day(now_ms, self._settlement_hour) == day else Code.OUT_OF_TIME

    def _begin(self, trade: Trade, asked: AskedReturn, now_ms: int) -> Returned:
        one = Return(
            name=asked.name,
            txn_type=asked.txn_type,
            amount_fen=asked.amount_fen,
            query_id=new_query_id(self._random_bytes, now_ms),
            trace_no=random_digits(self._random_bytes, 6),
            asked_ms=now_ms,
            lands_ms=now_ms + trade.course.plan.refund.processing_ms,
            wire=asked.wire,
        )
        trade = self._book.keep(replace(trade, returns=(*trade.returns, one)))
        self._book.keep_return(trade, one)
        settled = self._book.trade(trade.name, now_ms)
        assert settled is not None
        return Returned(trade=settled, one=_named(settled, one.name))


def _named(trade: Trade, name: TradeName) -> Return:
    return next(one for one in trade.returns if one.name == name)
