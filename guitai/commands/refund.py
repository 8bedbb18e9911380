"""`guitai refund`: give money of one order back, on an activated folder that no app holds."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guitai.exits import CommandStop, Exit
from guitai.folder import data_dir_option, folder_troubles, resolved
from guitai.order_number import order_no_of, payment_no_of
from guitai.seconds import Seconds
from protocol.money import MAX_AMOUNT_FEN, AmountRefusal, Money, parse_amount
from protocol.reasons import Reason
from protocol.states import RefundState

if TYPE_CHECKING:
    from guitai.counter.refunding import GivenBack

_LONGEST_NOTE = 128
_UNREACHABLE = frozenset({Reason.GATEWAY_UNREACHABLE, Reason.GATEWAY_NOT_TRUSTED})
_AMOUNT_SENTENCES = {
    AmountRefusal.EMPTY: "The amount is missing. Give it in yuan, for example --amount 1.00.",
    AmountRefusal.NOT_A_NUMBER: "The amount is not a number. Give it in yuan, for example --amount 1.00.",
    AmountRefusal.ZERO: "The amount is zero. Give at least 0.01.",
    AmountRefusal.NEGATIVE: "The amount is negative. Say how much goes back, for example --amount 1.00.",
    AmountRefusal.TOO_MANY_DECIMALS: "The amount has more than two decimals. The smallest unit is 0.01.",
    AmountRefusal.TOO_LARGE: f"The amount is too large: one payment is at most {Money(MAX_AMOUNT_FEN).yuan()}.",
}


@click.command()
@click.option("--order", "number", required=True, metavar="ORDER_NO", help="The order's number; a payment's will do.")
@click.option("--amount", required=True, help="How much goes back, in yuan: 1.00. May be a part, and be repeated.")
@click.option("--note", default="", help="Why, for the record.")
@click.option("--name", help="Your own name of this refund: a second run with it gives nothing more back.")
@click.option("--wait", type=Seconds(1, 3600), default=75, show_default=True, help="Seconds to the outcome.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_dir_option
def command(
    number: str, amount: str, note: str, name: str | None, wait: float, as_json: bool, data_dir: Path | None
) -> int:
    """Give money back; the exit status says refunded (0), refused (1) or still going on (3).

    Each call is a refund of its own, unless it is named. One that is still going on is never lost: the next program on
    the folder goes on with it under the same number.
    """
    order_no = order_no_of(number)
    money = parse_amount(amount)
    if isinstance(money, AmountRefusal):
        raise CommandStop(Exit.USAGE, reason=Reason.BAD_AMOUNT, message=_AMOUNT_SENTENCES[money])
    if len(note) > _LONGEST_NOTE:
        raise click.UsageError(f"The note is longer than {_LONGEST_NOTE} characters.")
    if name is not None and not name.strip():
        raise click.UsageError("--name takes a name: one for each refund.")
    from guitai.counter.refunding import OneRefund
    from sync.till import open_till

    refund = OneRefund()
    with folder_troubles():
        till = open_till(resolved(data_dir), publish=refund.publish)
    try:
        refund.wait_for_contact()
        given = refund.run(
            till,
            order_no=order_no,
            payment_no=payment_no_of(number),
            amount=money,
            note=note,
            name=name,
            until_s=time.monotonic() + wait,
        )
        status = _report(given, order_no, money, as_json)
        if given.view is not None and given.view.state.final:
            refund.wait_for_delivery()
        return int(status)
    finally:
        till.close()


def _report(given: GivenBack, order_no: str, amount: Money, as_json: bool) -> Exit:
    from guitai import wording
    from terminal.cashier import words
    from terminal.cashier.words import RefundWord

    view = given.view
    word, status, reason = _outcome(given)
    why = words.refund_reason(reason)
    trouble = reason is not Reason.REFUNDED and why is not None
    sentences = [wording.text(words.refund_outcome(RefundWord(word), amount.fen))]
    if given.before:
        sentences.append("That was an earlier run of this name: nothing more was given back now.")
    if reason is Reason.CONTENT_DIFFERS:
        sentences.append("This name belongs to another refund: give each one a name of its own.")
    elif reason is Reason.GATEWAY_NOT_TRUSTED:
        sentences.append(wording.text("banner.untrusted"))
    elif reason is Reason.GATEWAY_UNREACHABLE:
        sentences.append("The gateway cannot be reached. Check the network; `guitai doctor` says more.")
    elif trouble and why is not None:
        sentences.append(wording.text(why))
    if reason is Reason.REFUND_EXCEEDS and given.refundable_fen is not None:
        sentences.append(wording.text(words.refund_left(given.refundable_fen)))
    message = " ".join(sentences)
    if as_json:
        result = {
            "refund_no": view.refund_no if view else None,
            "order_no": order_no,
            "payment_no": view.payment_no if view else None,
            "outcome": word,
            "amount_fen": amount.fen,
            "refundable_fen": given.refundable_fen,
            "reason": reason,
            "message": message,
        }
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        click.echo(f"{message} ({view.refund_no})" if view else message)
    return status


def _outcome(given: GivenBack) -> tuple[str, Exit, Reason]:
    """What it is called, how the command ends, and why."""
    view = given.view
    if given.refused is not None:
        return "refused", Exit.GATEWAY if given.refused in _UNREACHABLE else Exit.NOT_DONE, given.refused
    match view.state if view is not None else RefundState.SENT:
        case RefundState.DONE:
            return "refunded", Exit.DONE, Reason.REFUNDED
        case RefundState.FAILED:
            reason = view.reason if view is not None else None
            return "refused", Exit.NOT_DONE, reason or Reason.REFUND_REFUSED
        case RefundState.CREATED | RefundState.SENT:
            reason = view.reason if view is not None else None
            return "unknown", Exit.UNKNOWN, reason or Reason.NOT_CONFIRMED
