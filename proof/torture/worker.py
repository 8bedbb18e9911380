"""A till without a screen that sells as fast as it is allowed to, until it is told to stop. Meant to be killed.

`python -m proof.torture.worker --data-dir D --sandbox URL`. Prints `{"ready": true}`; after the line `stop` on its
standard input it starts nothing new, and prints `{"idle": true}` once nothing is open and everything is delivered.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from proof.torture.customers import Customer, Customers
from protocol.messages import Presented
from protocol.money import CNY, Money
from protocol.secret import Secret
from protocol.states import TerminalState
from sync.engine.model import (
    CancelPayment,
    CommandRefused,
    Line,
    LinkView,
    PaymentView,
    ProofView,
    Published,
    RefundView,
    StartPayment,
    StartRefund,
    StorePaidView,
)
from sync.till import Till, open_till

_AT_ONCE: Final = 16
_PAUSE_S: Final = (0.02, 0.25)
_HASTY: Final = 0.1
_QR_SHARE: Final = 0.4
#: Two customers with two wallets at one QR: whoever is first pays, never both.
_RIVALS: Final = 0.1
_RETURNS: Final = 0.1
#: How long a cashier looks at a QR that nobody pays.
_PATIENCE_S: Final = (8.0, 30.0)
_POLL_S: Final = 0.05


class Seller:
    """Cashier of one till, in one thread; pictures arrive from the till's own, and who left from the phones'."""

    def __init__(self, data_dir: Path, sandbox: str) -> None:
        self._views: SimpleQueue[Published] = SimpleQueue()
        self._gone: SimpleQueue[str] = SimpleQueue()
        self._customers = Customers(sandbox, left=self._gone.put)
        self._open: dict[str, PaymentView] = {}
        self._refunds: set[str] = set()
        self._scanned: set[str] = set()
        self._gives_up_s: dict[str, float] = {}
        self._drawn: dict[str, Customer] = {}
        self._link: LinkView | None = None
        self._pressed = 0
        self._stopping = threading.Event()
        self._till: Till = open_till(data_dir, publish=self._views.put, ballast_bytes=0)

    def run(self) -> None:
        """Sells until told to stop, then waits until all is settled and delivered."""
        _say({"ready": True})
        threading.Thread(target=self._listen, name="worker-orders", daemon=True).start()
        next_sale_s = time.monotonic()
        told_idle = False
        while True:
            self._look()
            now_s = time.monotonic()
            self._lose_patience(now_s)
            if not self._stopping.is_set() and now_s >= next_sale_s and len(self._open) < _AT_ONCE:
                self._sell(order_no=None, amount=Money(random.randint(1, 9_999), CNY))
                next_sale_s = now_s + random.uniform(*_PAUSE_S)
            idle = self._stopping.is_set() and not self._open and not self._refunds and self._delivered()
            if idle and not told_idle:
                _say({"idle": True})
            told_idle = idle

    def _listen(self) -> None:
        for line in sys.stdin:
            if line.strip() == "stop":
                self._stopping.set()

    def _delivered(self) -> bool:
        return self._link is not None and self._link.line is Line.UP and self._link.unsent == 0

    def _look(self) -> None:
        """Takes the pictures that came."""
        try:
            view = self._views.get(timeout=_POLL_S)
            while True:
                self._take(view)
                view = self._views.get_nowait()
        except Empty:
            return

    def _take(self, view: Published) -> None:
        match view:
            case LinkView():
                self._link = view
            case RefundView():
                (self._refunds.discard if view.state.final else self._refunds.add)(view.refund_no)
            case CommandRefused() | ProofView() | StorePaidView():
                return
            case PaymentView():
                was_open = self._open.pop(view.payment_no, None) is not None
                if not view.state.final:
                    self._open[view.payment_no] = view
                    self._attend(view, new=not was_open)
                elif was_open and not self._stopping.is_set():
                    self._go_on(view)

    def _attend(self, view: PaymentView, *, new: bool) -> None:
        if view.qr is not None and view.qr not in self._scanned:
            self._scanned.add(view.qr)
            self._gives_up_s[view.payment_no] = time.monotonic() + random.uniform(*_PATIENCE_S)
            customers = [self._drawn.get(view.request_id or "") or self._customers.draw()]
            if random.random() < _RIVALS:
                customers.append(self._customers.draw())
            for customer in customers:
                self._customers.scan(customer, qr=view.qr, payment_no=view.payment_no)
        if new and random.random() < _HASTY:
            self._cancel(view.payment_no)

    def _lose_patience(self, now_s: float) -> None:
        """A QR that nobody pays is taken away; at the end of the day all of them are."""
        try:
            while True:
                self._gives_up_s[self._gone.get_nowait()] = now_s
        except Empty:
            pass
        for number in [n for n, at_s in self._gives_up_s.items() if self._stopping.is_set() or now_s >= at_s]:
            del self._gives_up_s[number]
            view = self._open.get(number)
            if view is not None and not view.cancel_requested:
                self._cancel(number)

    def _cancel(self, payment_no: str) -> None:
        self._till.submit(CancelPayment(payment_no=payment_no, operator="01"))

    def _go_on(self, view: PaymentView) -> None:
        """What a cashier does after an outcome: gives something back, collects again, or nothing."""
        if view.state is TerminalState.PAID and random.random() < _RETURNS:
            self._give_back(view)
        elif view.safe_to_rescan and random.random() < 0.5:
            self._sell(order_no=None if view.cancel_requested else view.order_no, amount=view.amount)

    def _give_back(self, view: PaymentView) -> None:
        """Parts, the whole, and now and then more than was paid."""
        for share in random.choice(((0.5,), (1.0,), (0.4, 0.6), (0.7, 0.7))):
            self._pressed += 1
            self._till.submit(
                StartRefund(
                    request_id=str(self._pressed),
                    order_no=view.order_no,
                    amount=Money(max(1, round(view.amount.fen * share)), CNY),
                    note="torture",
                    operator="01",
                )
            )

    def _sell(self, *, order_no: str | None, amount: Money) -> None:
        self._pressed += 1
        request_id, customer = str(self._pressed), self._customers.draw()
        shows_qr = random.random() < _QR_SHARE
        self._drawn[request_id] = customer
        code = None if shows_qr else Secret(self._customers.show_code(customer))
        self._till.submit(
            StartPayment(
                request_id=request_id,
                sale_id=None,
                order_no=order_no,
                amount=amount,
                presented=Presented.MERCHANT if shows_qr else Presented.CUSTOMER,
                auth_code=code,
                subject="torture",
                operator="01",
                scanned_at_ms=time.monotonic_ns() // 1_000_000,
            )
        )


def _say(line: Mapping[str, bool]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - the line is what the program that started this waits for


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--sandbox", required=True)
    given = parser.parse_args()
    Seller(given.data_dir, given.sandbox).run()


if __name__ == "__main__":
    main()
