"""The customers in front of one till: which wallet each has and how he behaves, and the phones that scan its QRs.

A phone follows a page for seconds while its till goes on selling, so each has a thread. A customer whose phone lost the
page, because the gateway was just killed, scans again. It must not know the till.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from proof.torture.phone import SandboxCalls

_WALLETS: Final = ("alipay", "wechat", "unionpay")
#: Mostly quick ones: a script that holds an order open for its 45 seconds is the exception. None whose money comes
#: after all that a shop can do: that is found by the watch, minutes or hours later, and no run waits so long.
_SCRIPTS: Final = (
    *("pay",) * 8,
    *("callback_lost",) * 4,
    *("callback_twice", "callback_late:5", "callback_before_answer") * 2,
    *("ask_password:1", "ask_password:3", "balance_low", "expired") * 2,
    *("system_error_charged", "drop_after_charge") * 2,
    "callback_bad_signature",
    "refund_processing:2",
    "reverse_recall:1",
    "system_error_not_charged",
    "drop_before_charge",
    "never",
)
_PHONES: Final = 12
_MOST_SCANS: Final = 6
_SCANS_AGAIN_S: Final = 1.0
#: Problems of a phone that lost the line, or came while another customer was paying.
_TRY_AGAIN: Final = frozenset({"page_unreachable", "not_a_cashier_page", "press_refused", "busy"})
#: What a phone is told that paid, or may still be paying.
_PAYS: Final = frozenset({"paid", "waiting", "already_paid"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    wallet: str
    script: str
    name: str


class Customers:
    """`open_code` shows a code; `scan` sends a phone off, and `left` hears when one ended without paying."""

    def __init__(self, sandbox: str, *, left: Callable[[str], None]) -> None:
        self._phone = SandboxCalls(sandbox)
        self._left = left
        self._threads = ThreadPoolExecutor(_PHONES, thread_name_prefix="phone")

    def draw(self) -> Customer:
        return Customer(
            wallet=random.choice(_WALLETS), script=random.choice(_SCRIPTS), name=f"customer{random.randint(1, 9)}"
        )

    def show_code(self, customer: Customer) -> str:
        shown = self._phone.post("/phone/codes", {"wallet": customer.wallet, "script": customer.script})
        return str(shown["auth_code"])

    def scan(self, customer: Customer, *, qr: str, payment_no: str) -> None:
        """Returns at once. `left` is called with `payment_no` from the phone's thread."""
        self._threads.submit(self._follow, customer, qr, payment_no)

    def _follow(self, customer: Customer, qr: str, payment_no: str) -> None:
        body = {"qr": qr, "wallet": customer.wallet, "script": customer.script, "customer": customer.name}
        said = self._phone.post("/phone/scan", body)
        for _ in range(_MOST_SCANS - 1):
            if said.get("reason") not in _TRY_AGAIN:
                break
            time.sleep(_SCANS_AGAIN_S)
            said = self._phone.post("/phone/scan", body)
        if said.get("result") not in _PAYS:
            self._left(payment_no)
