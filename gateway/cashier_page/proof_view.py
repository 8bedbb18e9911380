"""A proof as the page's script draws it: title, amount, the order's tail, the QR as one path, digits in groups. Pure.

The QR is version 6-M: 144 characters of its own alphabet, with the quiet zone that guns need, dark on white.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import qrcode
from qrcode.constants import ERROR_CORRECT_M

from gateway.cashier_page.showing import yuan
from gateway.cashier_page.words import LANGUAGES
from gateway.jobs.offline_proofs import Issued
from protocol.offline.proof import ProofType
from protocol.states import ProofKind

#: Modules of a version 6 symbol, and of the white around it.
QR_VERSION: Final = 6
QUIET: Final = 4
_TAIL: Final = 5
#: Title and text. Of an order that was closed at its wallet nobody says that it never took money.
_PAID: Final = ("paid_title", "proof_text")
_CLOSED: Final = ("closed_title", "closed_text")
_BACK: Final = ("back_title", "back_text")
_MAY_HAVE_TAKEN: Final = frozenset({ProofKind.CLOSED, ProofKind.REFUNDED})
#: The QR of a text: its side in modules, and its path. Slow, so a world without eyes may leave it out.
Draw = Callable[[str], dict[str, object]]


def proof_json(issued: Issued, *, language: str, draw: Draw) -> dict[str, object]:
    words, payment = LANGUAGES[language], issued.payment
    paid = issued.type is ProofType.PAID
    title, text = _PAID if paid else _BACK if payment.proof_kind in _MAY_HAVE_TAKEN else _CLOSED
    at_ms = payment.settled_ms if payment.settled_ms is not None else payment.created_ms
    return {
        "type": "paid" if paid else "closed",
        "proof": issued.text,
        "title": words[title],
        "text": words[text],
        "amount": yuan(payment.amount_fen),
        "order": payment.key.order_no[-_TAIL:],
        "at_ms": at_ms,
        "typed": None if issued.typed is None else grouped(issued.typed),
        "qr": draw(issued.text),
    }


def grouped(digits: str) -> str:
    """`123 456 789 012`: as it is read aloud."""
    return " ".join(digits[i : i + 3] for i in range(0, len(digits), 3))


@lru_cache(maxsize=1_024)
def qr_path(text: str) -> dict[str, object]:
    """`size`: the side in modules, quiet zone included. `path`: SVG, a rectangle for each run of dark modules. A proof
    never changes and a page asks for it again and again: it is drawn once, which takes 10 ms of the loop."""
    drawn = qrcode.QRCode(version=QR_VERSION, error_correction=ERROR_CORRECT_M, border=QUIET)
    drawn.add_data(text)
    drawn.make(fit=False)
    rows: list[list[bool]] = drawn.get_matrix()
    parts: list[str] = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            run = 0
            while x + run < len(row) and row[x + run]:
                run += 1
            if run:
                parts.append(f"M{x} {y}h{run}v1h-{run}z")
            x += run or 1
    return {"size": len(rows), "path": "".join(parts)}
