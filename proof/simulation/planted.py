"""Defects planted into a copy of the code, to prove that the simulation finds them: the canary must fail.

Each is one replacement in one file. A replacement that no longer fits the file is an error: a canary that was not
changed would sing for the wrong reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

ROOMS: Final = ("guitai", "proof", "sync", "gateway", "protocol", "sandbox", "drivers")


class StaleDefectError(Exception):
    """The text that a defect replaces is not in its file exactly once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """What is broken, where, and where it shows: the profile, and how many seeds from which on are surely enough."""

    name: str
    file: str
    old: str
    new: str
    profile: str = "default"
    first_seed: int = 1
    seeds: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """What a run over the broken copy said."""

    exit_status: int
    invariants: tuple[str, ...]
    stderr: str


def plant(defect: Defect, *, root: Path, copy: Path) -> None:
    """Copies the rooms of `root` into `copy` and breaks one file there."""
    for room in ROOMS:
        shutil.copytree(root / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    target = copy / defect.file
    text = target.read_text(encoding="utf-8")
    if text.count(defect.old) != 1:
        raise StaleDefectError(f"{defect.name}: its text is {text.count(defect.old)} times in {defect.file}")
    target.write_text(text.replace(defect.old, defect.new), encoding="utf-8")


def run_planted(defect: Defect, *, root: Path, timeout_s: float = 600.0) -> Caught:
    """Runs the simulation over a broken copy, in its own process."""
    with tempfile.TemporaryDirectory(prefix="guitai-planted-") as folder:
        copy = Path(folder)
        plant(defect, root=root, copy=copy)
        environment = {**os.environ, "PYTHONPATH": str(copy)}
        arguments = ("--seeds", str(defect.seeds), "--seed", str(defect.first_seed), "--profile", defect.profile)
        done = subprocess.run(
            (sys.executable, "-m", "guitai", "simulate", *arguments),
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    lines = done.stdout.strip().splitlines()
    said = cast("dict[str, Any]", json.loads(lines[-1])) if lines else {}
    found = cast("list[dict[str, str]]", said.get("violations", []))
    return Caught(
        exit_status=done.returncode,
        invariants=tuple(violation["invariant"] for violation in found),
        stderr=done.stderr,
    )


DEFECTS: Final = (
    Defect(
        name="a time-out at the till is read as not paid",
        file="sync/engine/answers.py",
        old="why is Silence.NOT_SENT and live.sends == 1",
        new="why in (Silence.NOT_SENT, Silence.NO_ANSWER) and live.sends == 1",
    ),
    Defect(
        name="a time-out at the wallet is read as not sent",
        file="gateway/payments/answers.py",
        old="""        case NotSent():
            return _not_sent(payment, order, verdict, now_ms=now_ms)
        case NoAnswer() | Unknown() | Mismatch():
            return _moves_nothing(payment, order, verdict, what="pay_unsettled", said_by=said_by)""",
        new="""        case NotSent() | NoAnswer():
            return _not_sent(payment, order, verdict, now_ms=now_ms)
        case Unknown() | Mismatch():
            return _moves_nothing(payment, order, verdict, what="pay_unsettled", said_by=said_by)""",
    ),
    Defect(
        name="paid is accepted after a reverse was sent",
        file="protocol/states.py",
        old="""        _E.PROVEN_PAID: _V.STAY,
        _E.PROVEN_PAID_CANCELLED: _V.STAY,
        _E.PROVEN_NOT_PAID: _G.NOT_PAID,
        _E.REVERSE: _V.STAY,
        _E.REVERSE_IMPOSSIBLE: _G.UNDO_BY_REFUND,""",
        new="""        _E.PROVEN_PAID: _G.PAID,
        _E.PROVEN_PAID_CANCELLED: _G.PAID,
        _E.PROVEN_NOT_PAID: _G.NOT_PAID,
        _E.REVERSE: _V.STAY,
        _E.REVERSE_IMPOSSIBLE: _G.UNDO_BY_REFUND,""",
        profile="slow",
    ),
    Defect(
        name="a durable cancel does not win over a late paid",
        file="protocol/states.py",
        old="_E.PROVEN_PAID_CANCELLED: _G.UNDO_BY_REFUND,",
        new="_E.PROVEN_PAID_CANCELLED: _G.PAID,",
        profile="slow",
    ),
    Defect(
        name="a retry makes a new number",
        file="sync/engine/turn.py",
        old="call = PayCall(payment_no=record.payment_no, request=live.request)",
        new="call = PayCall(payment_no=record.payment_no, request=__import__('msgspec').structs.replace("
        "live.request, payment_no=f'{record.order_no}-{record.n + live.sends}'))",
    ),
    Defect(
        name="absence is believed at once",
        file="gateway/payments/answers.py",
        old="""    certain = order.certain_undo_ms is not None and asked_ms >= order.certain_undo_ms
    if payment.state is not GatewayState.REVERSING or not certain:
        return Step(payment=payment, order=order)
    if order.absent_since_ms is None:""",
        new="""    if payment.state is GatewayState.REVERSING:
        return to_not_paid(
            payment, order, GatewayEvent.PROVEN_NOT_PAID, kind=ProofKind.ABSENT, said_by=said_by,
            reason=ended_reason(payment), detail=verdict.code, now_ms=now_ms,
        )
    if payment.state is not GatewayState.REVERSING:
        return Step(payment=payment, order=order)
    if order.absent_since_ms is None:""",
        profile="slow",
        seeds=60,
    ),
    Defect(
        name="an unknown number is taken as not paid",
        file="sync/engine/answers.py",
        old="    unknown = problem.reason is Reason.UNKNOWN_PAYMENT\n",
        new="    unknown = problem.reason is Reason.UNKNOWN_PAYMENT\n"
        "    if unknown:\n"
        "        _settle(turn, turn.payments[number], _not_sent(turn, turn.payments[number]))\n"
        "        return\n",
        profile="slow",
    ),
    Defect(
        name="the request leaves before the journal is written",
        file="sync/runner.py",
        old="        self._commit(effects, state, now)\n        self._state = state\n",
        new="        self._loop.call_later(0.05, self._commit, effects, state, now)\n        self._state = state\n",
    ),
    Defect(
        name="the intent to cancel is not journaled",
        file="sync/runner.py",
        old="if isinstance(effect, Append)]",
        new="if isinstance(effect, Append) and 'CancelIntended' not in type(effect.statement).__name__]",
    ),
    Defect(
        name="outcomes are not acknowledged",
        file="sync/engine/answers.py",
        old="    if live.record.ack_owed and ack.in_flight is None and ack.due_ms is None:",
        new="    if not live.final:",
        profile="calm",
        seeds=2,
    ),
    Defect(
        name="late money is ignored",
        file="gateway/payments/moves.py",
        old="        return _late(payment, order, paid.transaction_id, said, fresh=fresh, now_ms=now_ms)",
        new="        return Step(payment=payment, order=order, said=(said,))",
        profile="late",
    ),
    Defect(
        name="the wallet is asked to cancel before the intent is durable",
        file="gateway/jobs/desk.py",
        old="_, sent = await self._calls.apply(name, lambda p, o, now: "
        "sending_cancel(p, o, now_ms=now), release=False)",
        new="sent = replace(order, undo_tries=order.undo_tries + 1)",
    ),
    Defect(
        name="a restart of the gateway forgets the calls that were open",
        file="gateway/core.py",
        old="        payments.close_open_calls(tx, now_ms=now_ms)\n",
        new="",
        profile="crash",
    ),
    Defect(
        name="the delivery leaves an entry out",
        file="sync/delivery.py",
        old="self._journal.delivered_through, limit=self._batch",
        new="self._journal.delivered_through + 1, limit=self._batch",
        seeds=1,
    ),
    Defect(
        name="an older answer overwrites a newer one",
        file="sync/engine/answers.py",
        old="    if status.state_seq >= before.state_seq:\n",
        new="    if status.state_seq >= 0:\n",
        profile="slow",
        seeds=60,
    ),
    Defect(
        name="a refund retry makes a new number",
        file="gateway/jobs/refund_desk.py",
        old="            refund_no=refund.refund_no,\n            order=order_ref(order),",
        new="            refund_no=f'{refund.refund_no[:-2]}{refund.tries:02d}',\n            order=order_ref(order),",
    ),
    Defect(
        name="a notification is believed after the order ended",
        file="gateway/payments/notified.py",
        old="    if order.ended_kind is not None:\n"
        "        return _ended(payment, order, verdict, said, received_ms=received_ms)",
        new="    if order.ended_kind is not None and isinstance(verdict, Paid):\n"
        "        return to_paid(payment, replace(order, ended_kind=None), verdict, fresh=True, said_by=said_by,"
        " now_ms=received_ms)",
        profile="late",
    ),
    Defect(
        name="an undo is never taken by refund",
        file="gateway/jobs/keeping.py",
        old="    if undone and order.ended_kind is None:\n",
        new="    if undone and order.ended_kind is None and not undone:\n",
        profile="slow",
    ),
    Defect(
        name="late money is found and kept",
        file="gateway/jobs/keeping.py",
        old="    elif found and (owner.refunds_late_money or ",
        new="    elif found and found is None and (owner.refunds_late_money or ",
        profile="late",
    ),
    Defect(
        name="a payment is booked when it was only asked for",
        file="gateway/ledger/follow.py",
        old="    if mine and payment.state is GatewayState.PAID:\n",
        new="    if mine and payment.state in (GatewayState.PAID, GatewayState.REVERSING):\n",
    ),
    Defect(
        name="what went back stays in the ledger",
        file="gateway/ledger/follow.py",
        old="(booked, back(parties, order.amount_fen)) if order.ended_kind is not None else (booked,)",
        new="(booked,)",
        profile="slow",
    ),
)
