"""The gallery's scenes without the line: the offline QR, its proof, every refusal, the typed code, the questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from protocol.messages import Presented
from protocol.money import Money
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import TerminalState
from sync.engine.model import Line, LinkView, OfflineView, PaymentView, ProofView
from sync.engine.statements import ParkWhy
from terminal.cashier import events as e
from terminal.cashier import words
from terminal.cashier.keys import Command
from terminal.cashier.ports import CheckFound
from terminal.cashier.state import CashierState
from terminal.ui.gallery_scenes import NOW_MS, number, payment, run, till, typed

ORDER_TEXT: Final = "14T00000000000G0008" + "4F7K2M9QXW3D8RTN5VBH6YCJ" * 6 + "7YMQ4T0Z3H1WX"
_TRIES: Final = 3


def part(*, status: bool = False, minutes_ago: float = 0, **changes: object) -> OfflineView:
    at_ms = NOW_MS - round(minutes_ago * 60_000)
    made = OfflineView(
        status=status, qr=f"https://pay.example.com/o/{ORDER_TEXT}", shown_at_ms=at_ms, until_ms=at_ms + 180_000,
        tries_left=0 if status else _TRIES, parked=None, goods_handed=None, proven_at_ms=None, typed=False,
    )  # fmt: skip
    return replace(made, **changes)


def order(state: TerminalState = TerminalState.AWAITING_PROOF, **changes: object) -> PaymentView:
    made = payment(99, state, 1250, presented=Presented.MERCHANT, offline=part(), channel=None, request_id="r1")
    return replace(made, **changes)


def dark() -> CashierState:
    """The line went down."""
    down = LinkView(
        line=Line.DOWN, clock_skew_ms=40, clock_warning=False, unsent=3, oldest_unsent_at_ms=NOW_MS, last_contact_ms=1
    )
    return run(till(), [e.Published(publication=down), e.Tick(unix_ms=NOW_MS)], now_ms=1_500)


def shown(*, after_ms: int = 21_000) -> CashierState:
    state = run(dark(), [*typed("12.5"), e.Pressed(command=Command.SHOW_QR)], now_ms=2_000)
    told = e.Published(publication=order())
    return run(state, [told, e.Tick(unix_ms=NOW_MS + after_ms)], now_ms=2_000 + after_ms)


def then(state: CashierState, *events: e.Event, after_ms: int = 1_000) -> CashierState:
    return run(state, events, now_ms=state.now_ms + after_ms)


def accepted() -> CashierState:
    paid = order(
        TerminalState.PAID, channel="wechat", transaction_tail="0042", elapsed_ms=31_400,
        offline=part(proven_at_ms=NOW_MS + 22_000), settled_at_ms=NOW_MS + 22_000,
    )  # fmt: skip
    worth = ProofView(request_id="r1", accepted=True, reason=Reason.PAID, payment_no=paid.payment_no)
    return then(shown(), e.Published(publication=paid), e.Published(publication=worth))


def closed() -> CashierState:
    ended = order(TerminalState.NOT_PAID, reason=Reason.EXPIRED, offline=part(proven_at_ms=NOW_MS + 22_000))
    return then(shown(), e.Published(publication=ended))


def of_another() -> CashierState:
    """A proof of the order that was put aside, while the next one is at the counter."""
    state = then(shown(), e.Pressed(command=Command.PARK), e.Pressed(command=Command.ANSWER_2))
    state = then(state, *typed("30"), e.Pressed(command=Command.SHOW_QR))
    following = replace(order(), payment_no=f"{number(98)}-1", order_no=number(98), amount=Money(3_000))
    paid = order(TerminalState.PAID, channel="wechat", offline=part(proven_at_ms=NOW_MS, parked=ParkWhy.LEFT))
    worth = ProofView(request_id="r1", accepted=True, reason=Reason.PAID, payment_no=paid.payment_no)
    told = (following, replace(paid, request_id=None), worth)
    return then(state, *(e.Published(publication=view) for view in told))


def refused(reason: Reason) -> CashierState:
    typed_one = reason.value.startswith("typed")
    worth = ProofView(
        request_id="r1", accepted=False, reason=reason, typed=typed_one, payment_no=order().payment_no,
        amount=Money(1250), started_at_ms=NOW_MS, at_ms=NOW_MS - 480_000,
        tries_left=2 if reason in (Reason.TYPED_WRONG, Reason.TYPED_SLIP) else None,
    )  # fmt: skip
    return then(shown(), e.Published(publication=worth), after_ms=200)


def refused_for_another(reason: Reason) -> CashierState:
    """The same with no sale at the counter: the sentence has the panel."""
    worth = ProofView(
        request_id="r1", accepted=False, reason=reason, payment_no=f"{number(77)}-1", amount=Money(4_200),
        started_at_ms=NOW_MS - 900_000, at_ms=NOW_MS - 480_000,
    )  # fmt: skip
    return then(dark(), e.Published(publication=worth), after_ms=200)


def typing_code() -> CashierState:
    return then(shown(), e.Pressed(command=Command.TYPE_CODE), *typed("4071552"))


def status_qr() -> CashierState:
    cut = payment(99, TerminalState.UNKNOWN, 1250, channel=None, request_id="r1")
    state = run(till(), [*typed("12.5"), e.Scanned(text=Secret("281234567890123456"))], now_ms=2_000)
    down = dark().link
    state = then(state, e.Published(publication=cut), e.Published(publication=down))
    asked = replace(cut, offline=part(status=True))
    return then(state, e.Pressed(command=Command.STATUS_QR), e.Published(publication=asked), after_ms=8_000)


def awaiting_rows() -> CashierState:
    """Two customers left without showing their proofs."""
    told = [
        replace(order(), payment_no=f"{number(seed)}-1", order_no=number(seed), amount=Money(fen), request_id=None,
                started_at_ms=NOW_MS - minutes * 60_000, offline=part(minutes_ago=minutes, parked=ParkWhy.LEFT))
        for seed, fen, minutes in ((91, 1_800, 12), (92, 4_650, 31))
    ]  # fmt: skip
    return then(dark(), *(e.Published(publication=view) for view in told), e.Tick(unix_ms=NOW_MS))


def anchor_in_doctor() -> CashierState:
    checks = (
        CheckFound(name="gateway", passed=False, found="gateway_down", todo="check_network"),
        CheckFound(name="anchor", passed=False, found="anchor_behind", todo="go_online"),
        CheckFound(name="journal", passed=True, found="journal_ok", values=(("entries", 1_204), ("unsent", 3))),
    )
    return run(dark(), [e.Pressed(command=Command.DOCTOR), e.ChecksArrived(checks=checks)], now_ms=3_000)


OFFLINE_SCENES: Final[dict[str, Callable[[], CashierState]]] = {
    "offline_ready": lambda: run(dark(), typed("12.5"), now_ms=2_000),
    "offline_qr": shown,
    "offline_opened": lambda: then(shown(), e.Published(publication=order(TerminalState.WAITING))),
    "offline_awaiting": lambda: shown(after_ms=200_000),
    "offline_awaiting_rows": awaiting_rows,
    "offline_take_back": lambda: then(awaiting_rows(), e.Pressed(command=Command.ORDERS),
                                      e.Picked(name="order", value=number(91))),
    "offline_accepted": accepted,
    "offline_closed": closed,
    "offline_proof_of_another": of_another,
    "offline_code": typing_code,
    "offline_ask_goods": lambda: then(shown(), e.Pressed(command=Command.CANCEL)),
    "offline_ask_park": lambda: then(shown(), e.Pressed(command=Command.PARK)),
    "offline_status_qr": status_qr,
    "offline_anchor_doctor": anchor_in_doctor,
    "activate_again": lambda: run(till(), [e.Pressed(command=Command.DOCTOR), e.ChecksArrived(checks=()),
                                           e.Pressed(command=Command.REACTIVATE)], now_ms=3_000),
    **{f"offline_refused_{reason.value}": lambda reason=reason: refused(reason) for reason in words.PROOF_REASONS},
    **{
        f"offline_told_{reason.value}": lambda reason=reason: refused_for_another(reason)
        for reason in words.PROOF_REASONS
        if not reason.value.startswith("typed")
    },
}  # fmt: skip
