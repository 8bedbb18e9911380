"""How a simulated customer behaves: the scripts, and the plan of each for a scanned code and for a QR or page.

The two tables are total: every behaviour has one plan for each way of paying. `docs/sandbox-scripts.md` says what each
means at the till. Must not know: any wallet, HTTP, time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import assert_never

from sandbox.plan import CallbackPlan, Effect, Fault, Forgery, Plan, RefundPlan, UndoPlan


class Behaviour(Enum):
    PAY = "pay"
    ASK_PASSWORD = "ask_password"
    BALANCE_LOW = "balance_low"
    EXPIRED = "expired"
    SYSTEM_ERROR_CHARGED = "system_error_charged"
    SYSTEM_ERROR_NOT_CHARGED = "system_error_not_charged"
    DROP_AFTER_CHARGE = "drop_after_charge"
    DROP_BEFORE_CHARGE = "drop_before_charge"
    NEVER = "never"
    REVERSE_RECALL = "reverse_recall"
    PAY_AFTER_REVERSE = "pay_after_reverse"
    PAY_EXECUTES_LATE = "pay_executes_late"
    REVERSE_ACK_NOT_APPLIED = "reverse_ack_not_applied"
    REVERSE_APPLIES_LATE = "reverse_applies_late"
    CLOSE_ACK_STILL_PAYABLE = "close_ack_still_payable"
    PAY_AFTER_TIME_EXPIRE = "pay_after_time_expire"
    PRECREATE_CANCEL_THEN_SCAN = "precreate_cancel_then_scan"
    QUERY_LIMIT = "query_limit"
    CALLBACK_LOST = "callback_lost"
    CALLBACK_LATE = "callback_late"
    CALLBACK_TWICE = "callback_twice"
    CALLBACK_BEFORE_ANSWER = "callback_before_answer"
    CALLBACK_WRONG_AMOUNT = "callback_wrong_amount"
    CALLBACK_BAD_SIGNATURE = "callback_bad_signature"
    CALLBACK_OTHER_MERCHANT = "callback_other_merchant"
    REFUND_PROCESSING = "refund_processing"
    REFUND_BALANCE_LOW = "refund_balance_low"
    REFUND_WHOLE_ONLY = "refund_whole_only"
    MAINTENANCE = "maintenance"


class Argument(Enum):
    """What stands behind the colon of a script's name."""

    SECONDS = "S"
    COUNT_OF_UNDOS = "K"
    COUNT_OF_QUERIES = "N"


ARGUMENTS: Mapping[Behaviour, Argument] = {
    Behaviour.ASK_PASSWORD: Argument.SECONDS,
    Behaviour.REVERSE_RECALL: Argument.COUNT_OF_UNDOS,
    Behaviour.PAY_EXECUTES_LATE: Argument.SECONDS,
    Behaviour.REVERSE_APPLIES_LATE: Argument.SECONDS,
    Behaviour.QUERY_LIMIT: Argument.COUNT_OF_QUERIES,
    Behaviour.CALLBACK_LATE: Argument.SECONDS,
    Behaviour.REFUND_PROCESSING: Argument.SECONDS,
}
"""The behaviours that need one; every other has none."""

_MOST_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    behaviour: Behaviour
    delay_ms: int | None = None
    """The seconds of a behaviour that has them."""
    count: int | None = None
    """The undos or queries of a behaviour that counts them."""

    def __str__(self) -> str:
        if self.delay_ms is not None:
            return f"{self.behaviour.value}:{self.delay_ms // 1000}"
        if self.count is not None:
            return f"{self.behaviour.value}:{self.count}"
        return self.behaviour.value


def parse_script(text: str) -> Script | None:
    """A script by its name, with its argument where it has one (`ask_password:5`), or None."""
    name, colon, digits = text.partition(":")
    behaviour = next((b for b in Behaviour if b.value == name), None)
    if behaviour is None:
        return None
    argument = ARGUMENTS.get(behaviour)
    if argument is None:
        return None if colon else Script(behaviour=behaviour)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS):
        return None
    match argument:
        case Argument.SECONDS:
            return Script(behaviour=behaviour, delay_ms=int(digits) * 1000)
        case Argument.COUNT_OF_UNDOS | Argument.COUNT_OF_QUERIES:
            return Script(behaviour=behaviour, count=int(digits))
        case _:
            assert_never(argument)


_CHARGED = Plan(effect=Effect.CHARGED)
_OPENED = Plan(effect=Effect.OPENED)
_PASSWORD_MS = 5_000
_EXECUTES_AFTER_UNDO_MS = 2_000
_STILL_PAYS_AFTER_CLOSE_MS = 3_000
_PAYS_AFTER_EXPIRY_MS = 2_000
# WeChat's own limit for a scanned code is 45 s, and it is the shop's deadline at every wallet.
_PAST_THE_DEADLINE_MS = 46_000
_MAINTENANCE_MS = 20_000
_BALANCE_LOW_REFUSALS = 2
_TWO_SYSTEM_ERRORS = (Fault.SYSTEM_ERROR, Fault.SYSTEM_ERROR)

_EITHER_WAY: Mapping[Behaviour, Plan] = {
    Behaviour.PAY: _CHARGED,
    Behaviour.ASK_PASSWORD: _OPENED,
    Behaviour.NEVER: _OPENED,
    Behaviour.REVERSE_RECALL: _OPENED,
    Behaviour.PAY_AFTER_REVERSE: replace(_OPENED, pays_after_undo_ms=_EXECUTES_AFTER_UNDO_MS),
    Behaviour.REVERSE_ACK_NOT_APPLIED: replace(_OPENED, undo=UndoPlan(acknowledged_unapplied=1)),
    Behaviour.REVERSE_APPLIES_LATE: _OPENED,
    Behaviour.QUERY_LIMIT: replace(_OPENED, pays_after_ms=_PASSWORD_MS),
    Behaviour.REFUND_PROCESSING: _CHARGED,
    Behaviour.REFUND_BALANCE_LOW: replace(_CHARGED, refund=RefundPlan(balance_low_refusals=_BALANCE_LOW_REFUSALS)),
    Behaviour.REFUND_WHOLE_ONLY: replace(_CHARGED, refund=RefundPlan(whole_only=True)),
    Behaviour.MAINTENANCE: replace(_CHARGED, maintenance_ms=_MAINTENANCE_MS),
}

_CALLBACKS: Mapping[Behaviour, CallbackPlan] = {
    Behaviour.CALLBACK_LOST: CallbackPlan(lost=True),
    Behaviour.CALLBACK_LATE: CallbackPlan(),
    Behaviour.CALLBACK_TWICE: CallbackPlan(copies=2),
    Behaviour.CALLBACK_BEFORE_ANSWER: CallbackPlan(before_answer=True),
    Behaviour.CALLBACK_WRONG_AMOUNT: CallbackPlan(forgery=Forgery.WRONG_AMOUNT),
    Behaviour.CALLBACK_BAD_SIGNATURE: CallbackPlan(forgery=Forgery.BAD_SIGNATURE),
    Behaviour.CALLBACK_OTHER_MERCHANT: CallbackPlan(forgery=Forgery.OTHER_MERCHANT),
}

_SCANNED_CODE: Mapping[Behaviour, Plan] = {
    **_EITHER_WAY,
    Behaviour.BALANCE_LOW: Plan(effect=Effect.BALANCE_LOW),
    Behaviour.EXPIRED: Plan(effect=Effect.CODE_REFUSED),
    Behaviour.SYSTEM_ERROR_CHARGED: replace(_CHARGED, answer_fault=Fault.SYSTEM_ERROR),
    # The trade was opened and the debit failed: found by query as unpaid, undone by cancel.
    Behaviour.SYSTEM_ERROR_NOT_CHARGED: replace(_OPENED, answer_fault=Fault.SYSTEM_ERROR),
    Behaviour.DROP_AFTER_CHARGE: replace(_CHARGED, answer_fault=Fault.CUT),
    # Nothing reached the wallet: the order is unknown to it.
    Behaviour.DROP_BEFORE_CHARGE: Plan(effect=Effect.NOTHING, answer_fault=Fault.CUT),
    Behaviour.PAY_EXECUTES_LATE: Plan(effect=Effect.HIDDEN, answer_fault=Fault.CUT),
    Behaviour.CLOSE_ACK_STILL_PAYABLE: _EITHER_WAY[Behaviour.REVERSE_ACK_NOT_APPLIED],
    Behaviour.PAY_AFTER_TIME_EXPIRE: replace(_OPENED, executes_after_ms=_PAST_THE_DEADLINE_MS),
    Behaviour.PRECREATE_CANCEL_THEN_SCAN: _CHARGED,
    **{behaviour: replace(_CHARGED, callback=callback) for behaviour, callback in _CALLBACKS.items()},
}

_SHOWN_QR: Mapping[Behaviour, Plan] = {
    **_EITHER_WAY,
    Behaviour.BALANCE_LOW: _OPENED,
    Behaviour.EXPIRED: Plan(effect=Effect.OPENED_LATE),
    Behaviour.SYSTEM_ERROR_CHARGED: replace(_CHARGED, query_faults=_TWO_SYSTEM_ERRORS),
    Behaviour.SYSTEM_ERROR_NOT_CHARGED: replace(_OPENED, query_faults=_TWO_SYSTEM_ERRORS),
    Behaviour.DROP_AFTER_CHARGE: replace(_CHARGED, query_faults=(Fault.CUT,)),
    Behaviour.DROP_BEFORE_CHARGE: replace(_OPENED, query_faults=(Fault.CUT,)),
    Behaviour.PAY_EXECUTES_LATE: _OPENED,
    Behaviour.CLOSE_ACK_STILL_PAYABLE: replace(
        _OPENED, payable_after_close=True, pays_after_undo_ms=_STILL_PAYS_AFTER_CLOSE_MS
    ),
    Behaviour.PAY_AFTER_TIME_EXPIRE: replace(_OPENED, pays_after_expiry_ms=_PAYS_AFTER_EXPIRY_MS),
    Behaviour.PRECREATE_CANCEL_THEN_SCAN: Plan(effect=Effect.SCANNED_AFTER_UNDO, pays_after_undo_ms=1_000),
    **{b: replace(_OPENED, pays_after_ms=1_000, callback=callback) for b, callback in _CALLBACKS.items()},
}


def plan_for_code(script: Script) -> Plan:
    """What happens when the shop scans this customer's code."""
    return _with_argument(_SCANNED_CODE[script.behaviour], script)


def plan_for_qr(script: Script) -> Plan:
    """What happens when this customer scans the shop's QR, or pays on its page."""
    return _with_argument(_SHOWN_QR[script.behaviour], script)


def _with_argument(plan: Plan, script: Script) -> Plan:
    delay_ms, count = script.delay_ms or 0, script.count or 0
    match script.behaviour:
        case Behaviour.ASK_PASSWORD:
            return replace(plan, pays_after_ms=delay_ms)
        case Behaviour.PAY_EXECUTES_LATE:
            return replace(plan, pays_after_undo_ms=delay_ms)
        case Behaviour.REVERSE_APPLIES_LATE:
            return replace(plan, undo=UndoPlan(applies_after_ms=delay_ms))
        case Behaviour.CALLBACK_LATE:
            return replace(plan, callback=CallbackPlan(late_ms=delay_ms))
        case Behaviour.REFUND_PROCESSING:
            return replace(plan, refund=RefundPlan(processing_ms=delay_ms))
        case Behaviour.REVERSE_RECALL:
            return replace(plan, undo=UndoPlan(recalls=count))
        case Behaviour.QUERY_LIMIT:
            return replace(plan, query_limit=count)
        case _:
            return plan
