"""Runs one payment on a till and waits for what it becomes. Decides nothing about money: it reads the views."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from guitai.counter.hearing import Ear
from protocol.numbers import NUMBER_BYTES, new_number
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.model import CommandRefused, PaymentView, ProofView, ReadProof, ShowOffline, StartPayment

if TYPE_CHECKING:
    from protocol.messages import Presented
    from protocol.money import Money
    from protocol.secret import Secret
    from sync.till import Till


class Sold(Struct, frozen=True, kw_only=True):
    """How far the payment came: its last view, or why nothing was started. `before`: an earlier run had taken it."""

    view: PaymentView | None
    refused: Reason | None
    before: bool = False


def named_sale(terminal_id: str, name: str) -> str:
    """The number of a sale that the caller names: the same at each run on this till."""
    return new_number(hashlib.sha256(f"sale\n{terminal_id}\n{name}".encode()).digest()[:NUMBER_BYTES])


class ProofSource(Protocol):
    """Where proofs come from: a gun, or lines of standard input."""

    def start(self) -> None: ...
    def next(self) -> str | None: ...


class OneSale(Ear):
    """One payment, from the command to its outcome."""

    def run_offline(
        self,
        till: Till,
        *,
        amount: Money,
        until_s: float,
        show_qr: Callable[[PaymentView], None],
        proofs: ProofSource,
        refused: Callable[[ProofView], None],
    ) -> Sold:
        """Shows the offline QR and hands over every proof that comes, until one settles this order, the line brings its
        outcome, or `until_s` (monotonic seconds) is past."""
        request_id = secrets.token_hex(8)
        till.submit(
            ShowOffline(
                request_id=request_id,
                order_no=None,
                amount=amount,
                subject=till.identity.store_name,
                operator="guitai pay",
                shown_at_ms=time.monotonic_ns() // 1_000_000,
            )
        )
        last: PaymentView | None = None
        while time.monotonic() < until_s:
            match self.next(until_s):
                case CommandRefused(request_id=refused_id, reason=reason) if refused_id == request_id:
                    return Sold(view=last, refused=reason)
                case PaymentView() as view if view.request_id == request_id:
                    if last is None:
                        proofs.start()  # first: a proof may be scanned the moment that the QR is there
                        show_qr(view)
                    last = view
                    if view.state.final:
                        return Sold(view=view, refused=None)
                case ProofView(accepted=False) as seen:
                    refused(seen)
                case _:
                    pass
            text = proofs.next() if last is not None else None
            if text is not None:
                till.submit(ReadProof(request_id=secrets.token_hex(8), text=text, operator="guitai pay"))
        return Sold(view=last, refused=None)

    def run(
        self,
        till: Till,
        *,
        amount: Money,
        name: str | None = None,
        presented: Presented,
        auth_code: Secret | None,
        scanned_at_ms: int,
        until_s: float,
        show_qr: Callable[[PaymentView], None],
    ) -> Sold:
        """Starts the payment and follows it until it is final, refused, or `until_s` (monotonic seconds) is past.
        `name`: the caller's own name of the sale; what an earlier run began for it is followed instead."""
        request_id = secrets.token_hex(8)
        till.submit(
            StartPayment(
                request_id=request_id,
                sale_id=None if name is None else named_sale(till.identity.terminal_id, name),
                order_no=None,
                amount=amount,
                presented=presented,
                auth_code=auth_code,
                subject=till.identity.store_name,
                operator="guitai pay",
                scanned_at_ms=scanned_at_ms,
            )
        )
        last: PaymentView | None = None
        shown = False
        while time.monotonic() < until_s:
            match self.next(until_s):
                case CommandRefused(request_id=refused_id, reason=reason) if refused_id == request_id:
                    return Sold(view=last, refused=reason)
                case PaymentView() as view if view.request_id == request_id:
                    before = last is None and view.state is TerminalState.PAID
                    last = view
                    if view.qr is not None and not shown:
                        shown = True
                        show_qr(view)
                    if view.state.final:
                        return Sold(view=view, refused=None, before=before)
                case _:
                    pass
        return Sold(view=last, refused=None)
