"""A proof that is scanned in the moment in which the offline QR appears is handed over; an older scan is not."""

from __future__ import annotations

import time
from queue import Queue
from types import SimpleNamespace
from typing import Any

from msgspec.structs import replace

from drivers.scanner.events import Scan
from guitai.counter.proofs import Gun
from guitai.counter.selling import OneSale
from protocol.money import Money
from protocol.offline.text import PROOF_PREFIX
from protocol.states import TerminalState
from sync.engine.model import ReadProof, ShowOffline
from terminal.ui.gallery_scenes import payment


def scan(text: str) -> Scan:
    return Scan(text=PROOF_PREFIX + text, at_ms=0, device="gun")


def test_a_proof_that_is_scanned_with_the_qr_counts_and_one_from_before_does_not() -> None:
    sale, events, read = OneSale(), Queue[Any](), list[str]()
    shown = payment(1, TerminalState.AWAITING_PROOF, 1250)

    def submit(command: object) -> None:
        if isinstance(command, ShowOffline):
            events.put(scan("BEFORE"))
            sale.publish(replace(shown, request_id=command.request_id))
            request_ids.append(command.request_id)
        elif isinstance(command, ReadProof):
            read.append(command.text)
            sale.publish(replace(shown, request_id=request_ids[0], state=TerminalState.PAID))

    request_ids = list[str]()
    till: Any = SimpleNamespace(submit=submit, identity=SimpleNamespace(store_name="shop"))
    sold = sale.run_offline(
        till,
        amount=Money(1250),
        until_s=time.monotonic() + 20,
        show_qr=lambda _view: events.put(scan("WITH")),
        proofs=Gun(events, read.append),
        refused=lambda _seen: None,
    )
    assert read == [PROOF_PREFIX + "WITH"]
    assert sold.view is not None
    assert sold.view.state is TerminalState.PAID
