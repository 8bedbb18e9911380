"""Asks a till for one refund and waits for what it becomes. Decides nothing about money: it reads the views."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from guitai.counter.hearing import Ear
from protocol.numbers import NUMBER_BYTES, new_number
from protocol.reasons import Reason
from sync.engine.model import CommandRefused, RefundView, StartRefund

if TYPE_CHECKING:
    from protocol.money import Money
    from sync.till import Till


class GivenBack(Struct, frozen=True, kw_only=True):
    """How far the refund came: its last view, or why nothing was started. `refundable_fen`: what can still go back, by
    the gateway's last word, or by this till's own. `before`: an earlier run had ended it."""

    view: RefundView | None
    refused: Reason | None
    refundable_fen: int | None = None
    before: bool = False


def named_refund(terminal_id: str, name: str) -> str:
    """The number of a refund that the caller names: the same at each run on this till."""
    return new_number(hashlib.sha256(f"refund\n{terminal_id}\n{name}".encode()).digest()[:NUMBER_BYTES])


class OneRefund(Ear):
    """One refund, from the command to its outcome."""

    def run(
        self,
        till: Till,
        *,
        order_no: str,
        payment_no: str | None,
        amount: Money,
        note: str,
        until_s: float,
        name: str | None = None,
    ) -> GivenBack:
        """Starts the refund and follows it until it is final, refused, or `until_s` (monotonic seconds) is past.
        `name`: the caller's own name of the refund; what an earlier run began for it is followed instead."""
        request_id = secrets.token_hex(8)
        till.submit(
            StartRefund(
                request_id=request_id,
                order_no=order_no,
                payment_no=payment_no,
                amount=amount,
                note=note,
                operator="guitai refund",
                refund_no=None if name is None else named_refund(till.identity.terminal_id, name),
            )
        )
        last: RefundView | None = None
        while time.monotonic() < until_s:
            match self.next(until_s):
                case CommandRefused(request_id=refused_id) as refused if refused_id == request_id:
                    return GivenBack(view=last, refused=refused.reason, refundable_fen=refused.refundable_fen)
                case RefundView() as view if view.request_id == request_id:
                    before = last is None and view.state.final
                    last = view
                    if view.state.final:
                        return _told(view, before=before)
                case _:
                    pass
        return _told(last)


def _told(view: RefundView | None, *, before: bool = False) -> GivenBack:
    left_fen = None if view is None else view.refundable_fen
    return GivenBack(view=view, refused=None, refundable_fen=left_fen, before=before)
