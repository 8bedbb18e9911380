"""`guitai pay`: one sale without a screen, on an activated folder that no app holds."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from guitai.exits import CommandStop, Exit
from guitai.folder import data_dir_option, folder_troubles, resolved
from guitai.seconds import Seconds
from protocol.auth_code import PaymentCode, ScanRefusal, classify_scan
from protocol.messages import Presented
from protocol.money import MAX_AMOUNT_FEN, AmountRefusal, Money, parse_amount
from protocol.reasons import Reason
from protocol.states import TerminalState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from guitai.counter.selling import OneSale, ProofSource, Sold
    from protocol.auth_code import CodeRange
    from sync.engine.model import PaymentView, ProofView
    from sync.till import Till

_AMOUNT_SENTENCES = {
    AmountRefusal.EMPTY: "The amount is missing. Give it in yuan, for example --amount 12.50.",
    AmountRefusal.NOT_A_NUMBER: "The amount is not a number. Give it in yuan, for example --amount 12.50.",
    AmountRefusal.ZERO: "The amount is zero. Give at least 0.01.",
    AmountRefusal.NEGATIVE: "The amount is negative. Undoing a payment is a refund, not a sale.",
    AmountRefusal.TOO_MANY_DECIMALS: "The amount has more than two decimals. The smallest unit is 0.01.",
    AmountRefusal.TOO_LARGE: f"The amount is too large: one payment is at most {Money(MAX_AMOUNT_FEN).yuan()}.",
}
_SENTENCES = {
    "paid": "Paid.",
    "unknown": "Not confirmed yet: no goods, no second charge. The till goes on asking at its next start.",
}
#: Refusals of a sale that an earlier run began and that took money, or may have.
_SALE_HAS_MONEY = (Reason.ORDER_OPEN, Reason.ORDER_PAID, Reason.LATE_MONEY)


@click.command()
@click.option("--amount", required=True, help="In yuan: 12.50")
@click.option("--code", help="The customer's payment code; '-' reads it from standard input.")
@click.option("--scanner", metavar="URI", help="Read the code from this scanner: serial:/dev/ttyACM0, hid:, camera:0 …")
@click.option("--qr", is_flag=True, help="Show a QR that the customer scans.")
@click.option("--offline", is_flag=True, help="With --qr and the line down: the offline QR, proven by the phone.")
@click.option("--proof", type=click.Choice(["-"]), help="With --qr: read proofs of the offline QR from standard input.")
@click.option("--sale", metavar="NAME", help="Your own name of this sale: a second run with it charges nothing more.")
@click.option("--wait", type=Seconds(1, 3600), default=75, show_default=True, help="Seconds to the outcome.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@data_dir_option
def command(
    amount: str,
    code: str | None,
    scanner: str | None,
    qr: bool,
    offline: bool,
    proof: str | None,
    sale: str | None,
    wait: float,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Take one payment; the exit status says paid (0), not paid (1) or unknown (3)."""
    money = parse_amount(amount)
    if isinstance(money, AmountRefusal):
        raise CommandStop(Exit.USAGE, reason=Reason.BAD_AMOUNT, message=_AMOUNT_SENTENCES[money])
    proven = qr and code is None and (proof is None or scanner is None)
    if not proven and [code is not None, scanner is not None, qr].count(True) != 1:
        raise click.UsageError("Say where the payment comes from: exactly one of --code, --scanner and --qr.")
    if (offline or proof is not None) and not qr:
        raise click.UsageError("--offline and --proof belong to --qr.")
    if sale is not None and (not sale.strip() or offline or proof is not None or scanner is not None):
        raise click.UsageError("--sale takes a name and belongs to --code or to --qr alone.")
    from guitai.counter.selling import OneSale
    from sync.till import open_till

    one = OneSale()
    with folder_troubles():
        till = open_till(resolved(data_dir), publish=one.publish)
    try:
        if qr and (offline or proof is not None or scanner is not None):
            return _show(till, one, money, scanner=scanner, lines=proof is not None, wait=wait, as_json=as_json)
        return _sell(till, one, money, code=code, scanner=scanner, name=sale, wait=wait, as_json=as_json)
    finally:
        till.close()


def _sell(
    till: Till,
    sale: OneSale,
    amount: Money,
    *,
    code: str | None,
    scanner: str | None,
    wait: float,
    as_json: bool,
    name: str | None = None,
) -> int:
    from terminal.live.settings import read_device_settings

    ranges = read_device_settings(till.folder.path).ranges
    given = None if code is None else _given_code(code, till.identity.gateway_url, ranges)
    sale.wait_for_contact()
    presented, auth_code, scanned_s = Presented.MERCHANT, None, time.monotonic()
    if given is not None:
        presented, auth_code = Presented.CUSTOMER, given.auth_code
    elif scanner is not None:
        from guitai.counter.scanning import wait_for_code

        found = wait_for_code(
            scanner,
            ranges=ranges,
            ready=lambda: _print({"event": "ready"}, as_json, "Ready. Scan the customer's payment code."),
            refused=lambda sentence: click.echo(sentence, err=True),
            until_s=time.monotonic() + wait,
        )
        if found is None:
            return _nothing_scanned(amount, as_json)
        presented, auth_code, scanned_s = Presented.CUSTOMER, found.code.auth_code, found.at_ms / 1000
    sold = sale.run(
        till,
        amount=amount,
        name=name,
        presented=presented,
        auth_code=auth_code,
        scanned_at_ms=int(scanned_s * 1000),
        until_s=time.monotonic() + wait,
        show_qr=lambda view: _show_qr(view, as_json),
    )
    status = _report(sold, amount, as_json)
    _warn_of_clock(sale.clock_skew_ms)
    if sold.view is not None and sold.view.state.final:
        sale.wait_for_delivery()
    return int(status)


def _show(
    till: Till, sale: OneSale, amount: Money, *, scanner: str | None, lines: bool, wait: float, as_json: bool
) -> int:
    """A QR: the ordinary one while the line is up, else the offline one, whose proof comes from the gun or a line."""
    from guitai.counter.proofs import Lines, Nowhere, open_gun

    sale.wait_for_contact()
    if sale.line_is_up:
        return _sell(till, sale, amount, code=None, scanner=None, wait=wait, as_json=as_json)

    def said(sentence: str) -> None:
        click.echo(sentence, err=True)

    def follow(proofs: ProofSource) -> Sold:
        return sale.run_offline(
            till,
            amount=amount,
            until_s=time.monotonic() + wait,
            show_qr=lambda view: _show_qr(view, as_json),
            proofs=proofs,
            refused=lambda seen: said(_refused_proof(seen)),
        )

    if scanner is not None:
        with open_gun(scanner, said) as gun:
            _print({"event": "ready"}, as_json, "Ready.")
            sold = follow(gun)
    else:
        sold = follow(Lines(said) if lines else Nowhere())
    return int(_report(sold, amount, as_json))


def _refused_proof(seen: ProofView) -> str:
    from guitai import wording
    from terminal.cashier import words

    when = wording.when(seen.at_ms) if seen.at_ms is not None else ""
    todo = words.proof_todo(seen.reason)
    text = wording.text(words.proof_reason(seen.reason, when))
    return f"{text}. {wording.text(todo)}" if todo is not None else text


def _given_code(code: str, gateway_url: str, ranges: Sequence[CodeRange]) -> PaymentCode:
    from sync.link.address import is_loopback

    if code == "-":
        code = sys.stdin.readline()
    elif not is_loopback(urlsplit(gateway_url).hostname or ""):
        raise CommandStop(
            Exit.USAGE,
            reason=Reason.USAGE,
            message="A payment code on the command line shows in the process list and the shell's history.",
            hint="Use --code - and give the code on standard input. (A loopback gateway takes it as an argument.)",
        )
    found = classify_scan(code, ranges=ranges)
    if not isinstance(found, PaymentCode):
        from guitai.counter.scanning import SCAN_SENTENCES

        empty = found is ScanRefusal.EMPTY
        message = "No payment code was given." if empty else SCAN_SENTENCES[found]
        raise CommandStop(Exit.USAGE, reason=Reason.NOT_A_PAYMENT_CODE, message=message)
    return found


def _show_qr(view: PaymentView, as_json: bool) -> None:
    if as_json:
        _print({"event": "qr", "qr": _qr_of(view), "payment_no": view.payment_no}, as_json, "")
        return
    import qrcode

    drawn = qrcode.QRCode(border=2)
    drawn.add_data(_qr_of(view))
    drawn.print_ascii(out=sys.stdout, invert=True)
    click.echo(f"Let the customer scan this to pay {view.amount}.")


def _qr_of(view: PaymentView) -> str:
    return view.offline.qr if view.offline is not None else view.qr or ""


def _nothing_scanned(amount: Money, as_json: bool) -> int:
    message = "No payment code was scanned. Nothing was charged."
    result: dict[str, Any] = {
        "event": "result", "order_no": None, "payment_no": None, "outcome": "not_paid", "safe_to_rescan": True,
        "amount_fen": amount.fen, "channel": None, "elapsed_ms": None, "reason": Reason.NO_SCAN, "message": message,
    }  # fmt: skip
    _print(result, as_json, message)
    return int(Exit.NOT_DONE)


def _report(sold: Sold, amount: Money, as_json: bool) -> Exit:
    view = sold.view
    outcome, status = _outcome(sold)
    reason = sold.refused or (view.reason if view is not None else None) or _default_reason(outcome)
    message = _message(outcome, reason, sold)
    result: dict[str, Any] = {
        "event": "result",
        "order_no": view.order_no if view else None,
        "payment_no": view.payment_no if view else None,
        "outcome": outcome,
        "safe_to_rescan": view.safe_to_rescan if view else sold.refused not in (None, *_SALE_HAS_MONEY),
        "amount_fen": amount.fen,
        "channel": view.channel if view else None,
        "elapsed_ms": view.elapsed_ms if view else None,
        "reason": reason,
        "message": message,
    }
    _print(result, as_json, f"{message} {amount}" + (f" ({view.payment_no})" if view else ""))
    return status


def _warn_of_clock(skew_ms: int | None) -> None:
    """A wrong clock never stops a sale; it is said."""
    if skew_ms is None:
        return
    from guitai import wording
    from terminal.cashier import words

    click.echo(f"Warning: {wording.text(words.clock_off(skew_ms))}", err=True)


def _outcome(sold: Sold) -> tuple[str, Exit]:
    if sold.refused is not None:
        unreachable = sold.refused in (Reason.GATEWAY_UNREACHABLE, Reason.GATEWAY_NOT_TRUSTED)
        return "not_paid", Exit.GATEWAY if unreachable else Exit.NOT_DONE
    match sold.view.state if sold.view is not None else None:
        case TerminalState.PAID:
            return "paid", Exit.DONE
        case TerminalState.NOT_PAID:
            assert sold.view is not None
            return "not_paid", Exit.GATEWAY if sold.view.reason is Reason.NOT_SENT else Exit.NOT_DONE
        case _:
            return "unknown", Exit.UNKNOWN


def _default_reason(outcome: str) -> Reason:
    return {"paid": Reason.PAID, "not_paid": Reason.DECLINED}.get(outcome, Reason.NOT_CONFIRMED)


def _message(outcome: str, reason: Reason, sold: Sold) -> str:
    """What happened, why, and what to do."""
    if sold.before:
        return "Paid already, by an earlier run for this sale: nothing was charged now."
    if outcome != "not_paid":
        return _SENTENCES[outcome]
    start = "Nothing was charged." if sold.refused is not None else "Not paid."
    if sold.refused in _SALE_HAS_MONEY:
        start = "Nothing was charged by this run."
    safe = sold.refused is None and sold.view is not None and sold.view.safe_to_rescan
    return " ".join((start, _why(reason), *(("It is safe to scan again.",) if safe else ())))


def _why(reason: Reason) -> str:
    from guitai import wording
    from terminal.cashier import words

    if reason is Reason.GATEWAY_NOT_TRUSTED:
        return wording.text("banner.untrusted")
    sentence = wording.text(words.reason(reason) or "reason.other")
    unreachable = reason in (Reason.GATEWAY_UNREACHABLE, Reason.NOT_SENT)
    return f"{sentence} Check the network, then try again; `guitai doctor` says more." if unreachable else sentence


def _print(line: dict[str, Any], as_json: bool, text: str) -> None:
    click.echo(json.dumps(line, ensure_ascii=False) if as_json else text)
    sys.stdout.flush()
