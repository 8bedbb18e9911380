"""How a simulated customer behaves: nine scripts, and what each means for a scanned code and for a QR.

A script only says what the customer and the wallet's line do; the wallet then plays it in its own protocol. The two
tables are total: every behaviour has one plan for each way of paying. Must not know: any wallet, HTTP, time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

_TIMED = re.compile(r"ask_password:([0-9]{1,6})", re.ASCII)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    behaviour: Behaviour
    delay_ms: int | None = None
    """How long the customer takes over the password; only `ask_password` has one."""

    def __str__(self) -> str:
        if self.delay_ms is None:
            return self.behaviour.value
        return f"{self.behaviour.value}:{self.delay_ms // 1000}"


class Effect(Enum):
    """What becomes of the money."""

    CHARGED = "charged"
    OPENED = "opened"
    """A trade exists and waits for its buyer, who pays after `pays_after_ms` or never."""
    BALANCE_LOW = "balance_low"
    CODE_REFUSED = "code_refused"
    OPENED_LATE = "opened_late"
    """The customer opens the QR only after it has expired."""
    NOTHING = "nothing"


class Fault(Enum):
    """What happens to an answer on its way out."""

    SYSTEM_ERROR = "system_error"
    CUT = "cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    effect: Effect
    pays_after_ms: int | None = None
    answer_fault: Fault | None = None
    """Replaces the answer to the pay call."""
    query_faults: tuple[Fault, ...] = ()
    """Each replaces the answer to one later query, in order."""


def parse_script(text: str) -> Script | None:
    """A script by its name, or None. `ask_password` needs its seconds: `ask_password:5`."""
    timed = _TIMED.fullmatch(text)
    if timed is not None:
        return Script(behaviour=Behaviour.ASK_PASSWORD, delay_ms=int(timed.group(1)) * 1000)
    for behaviour in Behaviour:
        if behaviour.value == text and behaviour is not Behaviour.ASK_PASSWORD:
            return Script(behaviour=behaviour)
    return None


_SCANNED_CODE: Mapping[Behaviour, Plan] = {
    Behaviour.PAY: Plan(effect=Effect.CHARGED),
    Behaviour.ASK_PASSWORD: Plan(effect=Effect.OPENED),
    Behaviour.BALANCE_LOW: Plan(effect=Effect.BALANCE_LOW),
    Behaviour.EXPIRED: Plan(effect=Effect.CODE_REFUSED),
    Behaviour.SYSTEM_ERROR_CHARGED: Plan(effect=Effect.CHARGED, answer_fault=Fault.SYSTEM_ERROR),
    # The trade was opened and the debit failed: found by query as unpaid, undone by cancel.
    Behaviour.SYSTEM_ERROR_NOT_CHARGED: Plan(effect=Effect.OPENED, answer_fault=Fault.SYSTEM_ERROR),
    Behaviour.DROP_AFTER_CHARGE: Plan(effect=Effect.CHARGED, answer_fault=Fault.CUT),
    # Nothing reached the wallet: the order is unknown to it.
    Behaviour.DROP_BEFORE_CHARGE: Plan(effect=Effect.NOTHING, answer_fault=Fault.CUT),
    Behaviour.NEVER: Plan(effect=Effect.OPENED),
}

_TWO_SYSTEM_ERRORS = (Fault.SYSTEM_ERROR, Fault.SYSTEM_ERROR)

_SHOWN_QR: Mapping[Behaviour, Plan] = {
    Behaviour.PAY: Plan(effect=Effect.CHARGED),
    Behaviour.ASK_PASSWORD: Plan(effect=Effect.OPENED),
    Behaviour.BALANCE_LOW: Plan(effect=Effect.OPENED),
    Behaviour.EXPIRED: Plan(effect=Effect.OPENED_LATE),
    Behaviour.SYSTEM_ERROR_CHARGED: Plan(effect=Effect.CHARGED, query_faults=_TWO_SYSTEM_ERRORS),
    Behaviour.SYSTEM_ERROR_NOT_CHARGED: Plan(effect=Effect.OPENED, query_faults=_TWO_SYSTEM_ERRORS),
    Behaviour.DROP_AFTER_CHARGE: Plan(effect=Effect.CHARGED, query_faults=(Fault.CUT,)),
    Behaviour.DROP_BEFORE_CHARGE: Plan(effect=Effect.OPENED, query_faults=(Fault.CUT,)),
    Behaviour.NEVER: Plan(effect=Effect.OPENED),
}


def plan_for_code(script: Script) -> Plan:
    """What happens when the shop scans this customer's code."""
    return _with_delay(_SCANNED_CODE[script.behaviour], script)


def plan_for_qr(script: Script) -> Plan:
    """What happens when this customer scans the shop's QR."""
    return _with_delay(_SHOWN_QR[script.behaviour], script)


def _with_delay(plan: Plan, script: Script) -> Plan:
    return Plan(
        effect=plan.effect,
        pays_after_ms=script.delay_ms,
        answer_fault=plan.answer_fault,
        query_faults=plan.query_faults,
    )
