"""The state panel while the line is down: the offline QR, waiting for its proof, the typed code, the questions."""

from __future__ import annotations

from protocol.offline.typed_code import CODE_DIGITS
from protocol.states import TerminalState
from sync.engine.model import PaymentView
from terminal.cashier.keys import ANSWERS, Command, KeyHint
from terminal.cashier.keys_now import keys_of
from terminal.cashier.offline import STATUS_SHOWN_MS
from terminal.cashier.phrase import say
from terminal.cashier.state import Asked, CashierState, CodeEntry, Question, Sale
from terminal.cashier.view import PanelView, Ring, Sign, Tone

_KEYS = (Command.TYPE_CODE, Command.PARK, Command.CANCEL, Command.SUBMIT, Command.BACK)


def awaiting_of(state: CashierState, sale: Sale, payment: PaymentView) -> PanelView:
    """An order that was shown as an offline QR and is neither proven nor cancelled."""
    if state.question is not None:
        return _question(state, state.question, payment)
    if state.code is not None:
        return _code(state, state.code, payment)
    part = payment.offline
    assert part is not None, "an order that awaits its proof was shown"
    elapsed_s = max(0, state.now_ms - sale.started_ms) // 1000
    of_s = max(1, (part.until_ms - part.shown_at_ms) // 1000)
    support = payment.order_no[-6:]
    if payment.state is TerminalState.WAITING:
        return PanelView(
            sign=Sign.RING,
            tone=Tone.WAITING,
            big=say("state.offline_opened"),
            customer=say("state.offline_customer"),
            todo=say("state.offline_proof_todo"),
            ring=Ring(elapsed_s=elapsed_s),
            actions=_actions(state),
            support=support,
        )
    if elapsed_s >= of_s:
        return PanelView(
            sign=Sign.HATCHED_QUESTION,
            tone=Tone.UNKNOWN,
            big=say("state.awaiting"),
            customer=say("state.awaiting_customer"),
            todo=say("state.awaiting_todo"),
            actions=_actions(state),
            support=support,
        )
    return PanelView(
        sign=Sign.RING,
        tone=Tone.WAITING,
        big=say("state.offline"),
        customer=say("state.offline_customer"),
        todo=say("state.offline_todo", seconds=of_s - elapsed_s),
        ring=Ring(elapsed_s=elapsed_s, of_s=of_s),
        qr=part.qr,
        actions=_actions(state),
        support=support,
    )


def status_of_cut(state: CashierState, sale: Sale, payment: PaymentView) -> PanelView | None:
    """The QR that only asks, while it is shown; None: the ordinary "not confirmed" panel."""
    part = payment.offline
    if sale.status_ms is None or part is None or not part.status:
        return None
    left_ms = sale.status_ms + STATUS_SHOWN_MS - state.now_ms
    if left_ms <= 0:
        return None
    return PanelView(
        sign=Sign.HATCHED_QUESTION,
        tone=Tone.UNKNOWN,
        big=say("state.status_qr"),
        customer=say("state.status_customer"),
        todo=say("state.status_todo", seconds=left_ms // 1000),
        qr=part.qr,
        support=payment.order_no[-6:],
    )


def _question(state: CashierState, question: Question, payment: PaymentView) -> PanelView:
    goods = question.kind is Asked.GOODS
    return PanelView(
        sign=Sign.NOTE,
        tone=Tone.UNKNOWN,
        big=say("ask.goods" if goods else "ask.park"),
        customer=say("ask.goods_why" if goods else "ask.park_why"),
        todo=say("ask.back", key=state.settings.keys[Command.BACK]),
        actions=tuple(hint for hint in keys_of(state) if hint.command in ANSWERS)[:2] if goods else (),
        support=payment.order_no[-6:],
    )


def _code(state: CashierState, entry: CodeEntry, payment: PaymentView) -> PanelView:
    part = payment.offline
    filled = entry.digits + "_" * (CODE_DIGITS - len(entry.digits))
    groups = " ".join(filled[i : i + 4] for i in range(0, CODE_DIGITS, 4))
    return PanelView(
        sign=Sign.NOTE,
        tone=Tone.WAITING,
        big=say("state.code", digits=groups),
        customer=say("state.code_customer"),
        todo=say("state.code_todo", count=part.tries_left if part is not None else 0),
        actions=_actions(state),
        support=payment.order_no[-6:],
    )


def _actions(state: CashierState) -> tuple[KeyHint, ...]:
    return tuple(hint for hint in keys_of(state) if hint.command in _KEYS)[:2]
