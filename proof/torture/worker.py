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

from proof.torture.phone import SandboxCalls
from protocol.messages import Presented
from protocol.money import CNY, Money
from protocol.secret import Secret
from sync.engine.model import (
    CancelPayment,
    CommandRefused,
    Line,
    LinkView,
    PaymentView,
    Published,
    RefundView,
    StartPayment,
    StorePaidView,
)
from sync.till import Till, open_till

#: Mostly quick ones: a script that holds an order open for its 45 seconds is the exception.
_SCRIPTS: Final = (
    *("pay",) * 8,
    *("ask_password:1", "ask_password:3", "balance_low", "expired") * 2,
    *("system_error_charged", "drop_after_charge") * 2,
    "system_error_not_charged",
    "drop_before_charge",
    "never",
)
_AT_ONCE: Final = 8
_PAUSE_S: Final = (0.02, 0.25)
_HASTY: Final = 0.15
_QR_SHARE: Final = 0.25
_POLL_S: Final = 0.05


class Seller:
    """Cashier and customers of one till, in one thread; pictures arrive from the till's own."""

    def __init__(self, data_dir: Path, sandbox: str) -> None:
        self._views: SimpleQueue[Published] = SimpleQueue()
        self._phone = SandboxCalls(sandbox)
        self._open: dict[str, PaymentView] = {}
        self._scanned: set[str] = set()
        self._scripts: dict[str, str] = {}
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
            if not self._stopping.is_set() and now_s >= next_sale_s and len(self._open) < _AT_ONCE:
                self._sell(order_no=None, amount=Money(random.randint(1, 9_999), CNY))
                next_sale_s = now_s + random.uniform(*_PAUSE_S)
            idle = self._stopping.is_set() and not self._open and self._delivered()
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
            case CommandRefused() | RefundView() | StorePaidView():
                return
            case PaymentView():
                was_open = self._open.pop(view.payment_no, None) is not None
                if not view.state.final:
                    self._open[view.payment_no] = view
                    self._attend(view, new=not was_open)
                elif was_open and view.safe_to_rescan and not self._stopping.is_set() and random.random() < 0.5:
                    self._sell(order_no=None if view.cancel_requested else view.order_no, amount=view.amount)

    def _attend(self, view: PaymentView, *, new: bool) -> None:
        if view.qr is not None and view.qr not in self._scanned:
            self._scanned.add(view.qr)
            script = self._scripts.get(view.request_id or "", "pay")
            self._phone.post("/phone/scan", {"qr": view.qr, "wallet": "alipay", "script": script})
        if new and random.random() < _HASTY:
            self._till.submit(CancelPayment(payment_no=view.payment_no, operator="01"))
        if view.qr is not None and self._stopping.is_set() and not view.cancel_requested:
            self._till.submit(CancelPayment(payment_no=view.payment_no, operator="01"))

    def _sell(self, *, order_no: str | None, amount: Money) -> None:
        self._pressed += 1
        request_id, script = str(self._pressed), random.choice(_SCRIPTS)
        shows_qr = random.random() < _QR_SHARE
        self._scripts[request_id] = script
        code = None if shows_qr else self._phone.post("/phone/codes", {"wallet": "alipay", "script": script})
        self._till.submit(
            StartPayment(
                request_id=request_id,
                sale_id=None,
                order_no=order_no,
                amount=amount,
                presented=Presented.MERCHANT if shows_qr else Presented.CUSTOMER,
                auth_code=None if code is None else Secret(str(code["auth_code"])),
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
