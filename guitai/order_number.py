"""An order's number as somebody writes it on the command line."""

from __future__ import annotations

from guitai.exits import CommandStop, Exit
from protocol.numbers import order_of_out_trade_no, read_number, read_payment_no
from protocol.reasons import Reason


def payment_no_of(written: str) -> str | None:
    """The one payment that was written, if it was a payment's number."""
    payment = read_payment_no("".join(written.split()).upper())
    return None if payment is None else str(payment)


def order_no_of(written: str) -> str:
    """In groups, in lower case, of one payment, or as a channel knows it; CommandStop when it is none of these."""
    plain = "".join(written.split()).upper()
    payment = read_payment_no(plain)
    order_no = payment.order_no if payment is not None else order_of_out_trade_no(plain) or read_number(written)
    if order_no is None:
        raise CommandStop(
            Exit.USAGE,
            reason=Reason.USAGE,
            message="This is not an order number.",
            hint="`guitai orders --filter TEXT` finds one by any part of it.",
        )
    return order_no
