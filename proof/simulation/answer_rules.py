"""Rules about what the gateway answers, asked as the answer leaves it: to a till that it refuses, and to a wallet whose
notification it took. One function per rule; see `proof.simulation.invariants`.

An answer may wait for its line, and the world goes on meanwhile: what is refused must have been so when the request
came, or when its answer left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from proof.simulation.complaints import Complaint, Complaints
from proof.simulation.evidence import Evidence, GatewayRow, RefundRow
from proof.simulation.evidence_side import SideRows
from proof.simulation.network import Reply
from protocol.keys import read_terminal_keyid
from protocol.messages import (
    LateMoneyState,
    PaymentRequest,
    Problem,
    RefundRequest,
    UndecodableError,
    decode,
)
from protocol.reasons import Reason
from protocol.signature import RequestParts, SignatureRefusal
from protocol.signature.profile import read_input
from protocol.states import GatewayState, RefundState

#: Of what a gateway does not accept it keeps so many an hour for an account.
_KEPT_AN_HOUR: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AsItWas:
    """What the gateway's file held at a moment: its rows as values that never change."""

    rows: Mapping[str, GatewayRow]
    refunds: Mapping[str, RefundRow]
    side: SideRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The gateway's signed refusal of a request. `before`: as it was when the request came, `now`: as it is."""

    request: RequestParts
    reason: Reason
    terminal_id: str
    epoch: int
    before: AsItWas
    now: AsItWas

    @property
    def moments(self) -> tuple[AsItWas, AsItWas]:
        return self.before, self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeAnswered:
    """What a wallet heard of a notification to this account. `received`: it need not come again."""

    account_id: str
    received: bool


def refusal(request: RequestParts, body: bytes, before: AsItWas, now: AsItWas) -> Refused | None:
    """None: nobody of the shop was refused, or nobody knows what."""
    parsed = read_input(request.headers)
    if isinstance(parsed, SignatureRefusal):
        return None
    named = read_terminal_keyid(parsed.verified.keyid)
    if named is None:
        return None
    try:
        problem = decode(Problem, body)
    except UndecodableError:
        return None
    return Refused(request=request, reason=problem.reason, terminal_id=named[0], epoch=named[1], before=before, now=now)


def a_refusal_of_the_gateway_is_so(e: Evidence, refused: Refused) -> Complaints:
    """Whoever is refused hears the true reason: by it a cashier lets a customer go, or asks for the money once more."""
    parts = refused.request.path.split("/")
    number = parts[3] if len(parts) > 3 else ""
    about = number or refused.terminal_id
    match refused.reason:
        case Reason.TERMINAL_FROZEN:
            if not any(_stands(refused, was, "frozen") for was in refused.moments):
                yield about, f"refused as {refused.reason}, and its terminal sells"
        case Reason.TERMINAL_REVOKED:
            if not any(_stands(refused, was, "revoked") for was in refused.moments):
                yield about, f"refused as {refused.reason}, and nobody switched its terminal off"
        case Reason.UNKNOWN_PAYMENT:
            if all((row := was.rows.get(number)) and row.terminal_id == refused.terminal_id for was in refused.moments):
                yield about, "refused as unknown, and it is here"
        case Reason.UNKNOWN_REFUND:
            mine = [was.refunds.get(number) for was in refused.moments]
            if all(refund is not None and refund.terminal_id == refused.terminal_id for refund in mine):
                yield about, "a refund is refused as unknown, and it is here"
        case Reason.GATEWAY_RESTORED:
            if e.restored.at_ms is None:
                yield about, f"refused as {refused.reason}, and nobody put its database back"
        case Reason.CONTENT_DIFFERS | Reason.JOURNAL_FORK:
            forgot = e.restored.at_ms is not None  # it compares with what it held before
            if refused.terminal_id not in e.unruly and not forgot and not _was_timed_again(e, refused.request):
                yield about, f"a till that keeps the rules is refused as {refused.reason}"
        case _:
            yield from _of_money(e, refused, number)


def _was_timed_again(e: Evidence, request: RequestParts) -> bool:
    """It is an earlier one of a number that was sent anew with another time, because the first was refused for its
    clock: where a clock leaps back, that one may count, and then this one comes once more."""
    if request.method != "POST" or request.path != "/v1/payments":
        return False
    asked = decode(PaymentRequest, request.body)
    return asked.expires != e.expires_ms.get(asked.payment_no, asked.expires)


def _of_money(e: Evidence, refused: Refused, number: str) -> Iterator[Complaint]:
    request = refused.request
    if request.method != "POST":
        return
    if request.path == "/v1/payments":
        yield from _of_payment(refused, decode(PaymentRequest, request.body))
    elif request.path.endswith("/refunds"):
        yield from _of_refund(e, refused, number, decode(RefundRequest, request.body))


def _of_payment(refused: Refused, asked: PaymentRequest) -> Iterator[Complaint]:
    if not any(_is_so(refused, was, asked) for was in refused.moments):
        yield asked.payment_no, f"refused as {refused.reason}, and it is not so"


def _is_so(refused: Refused, was: AsItWas, asked: PaymentRequest) -> bool:
    """Why a new payment may not begin, by the rows of its order and of its sale."""
    order_no = asked.payment_no.partition("-")[0]
    mine = [row for row in was.rows.values() if row.terminal_id == refused.terminal_id]
    of_order = [row for row in mine if row.order_no == order_no]
    match refused.reason:
        case Reason.ORDER_PAID:
            return any(covers(row) for row in mine if row.order_no == order_no or row.sale_id == asked.sale_id)
        case Reason.ORDER_OPEN:
            return any(row.state is not GatewayState.NOT_PAID or row.late is LateMoneyState.FOUND for row in of_order)
        case Reason.ORDER_CANCELLED:
            return any(row.cancel_requested for row in of_order)
        case _:
            return True


def _of_refund(e: Evidence, refused: Refused, number: str, asked: RefundRequest) -> Iterator[Complaint]:
    rows = [was.rows.get(number) for was in refused.moments]
    if refused.reason is Reason.PAYMENT_NOT_PAID and all(row is not None and covers(row) for row in rows):
        yield number, "a refund is refused because it is not paid, and it is"
    orders = {order.out_trade_no for order in e.gateway.orders_of(number)}
    captured_fen = sum(fen for order, fen in e.gateway.captured().items() if order in orders)
    if refused.reason is Reason.REFUND_EXCEEDS and len(orders) == 1:
        left = [captured_fen - _asked_back_fen(was, orders, asked.refund_no) for was in refused.moments]
        if all(asked.amount_fen <= fen for fen in left):
            yield number, f"a refund of {asked.amount_fen} fen is refused as too much, and {min(left)} are left"


def covers(row: GatewayRow) -> bool:
    """Whether its money is kept for its sale."""
    return row.state is GatewayState.PAID or row.late is LateMoneyState.ACCEPTED


def _asked_back_fen(was: AsItWas, orders: set[str], but: str) -> int:
    return sum(
        refund.amount_fen
        for refund in was.refunds.values()
        if refund.out_trade_no in orders and refund.state is not RefundState.FAILED and refund.refund_no != but
    )


def _stands(refused: Refused, was: AsItWas, how: str) -> bool:
    """Frozen, or signed as the one of two that its owner left; switched off."""
    standing = was.side.standings.get(refused.terminal_id)
    if standing is None:
        return True
    return standing.frozen or refused.epoch < standing.epoch if how == "frozen" else standing.revoked


def is_received(wallet: str, reply: Reply) -> bool:
    """Whether a wallet takes this answer for its word "received"."""
    match wallet:
        case "alipay":
            return reply.status == 200 and reply.body == b"success"
        case "wechat":
            return reply.status in (200, 204) and b"FAIL" not in reply.body
        case _:
            return reply.status == 200


def a_notice_is_kept_before_it_is_answered(e: Evidence, answered: NoticeAnswered) -> Complaints:
    """A wallet that hears "received" never says it again: what it said is in the file then, as taken."""
    if not answered.received or e.side.file is None or (e.leaps is not None and e.leaps.last_ms):
        return  # whoever leaps over half a year forgets what is as old
    e.side.notices[answered.account_id] += 1
    taken, kept = e.side.file.notices(answered.account_id)
    if taken < e.side.notices[answered.account_id] and kept - taken < _KEPT_AN_HOUR:
        yield (
            answered.account_id,
            f"{e.side.notices[answered.account_id]} notifications were answered as received, and {taken} are kept so",
        )


ON_REFUSED: Final = (a_refusal_of_the_gateway_is_so,)
ON_NOTICE: Final = (a_notice_is_kept_before_it_is_answered,)
