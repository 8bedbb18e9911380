"""From a command to the event of the engine that it asks for, with fresh numbers from chance."""

from __future__ import annotations

from typing import assert_never

from protocol.numbers import NUMBER_BYTES, new_number
from sync.engine.events import (
    CancelAsked,
    CashAsked,
    CashBackAsked,
    Event,
    RefundAsked,
    StartAsked,
    StoreListened,
)
from sync.engine.model import (
    CancelPayment,
    Command,
    ListenToStore,
    ParkOffline,
    ReadProof,
    ReturnCash,
    ShowOffline,
    ShowStatus,
    StartPayment,
    StartRefund,
    TakeCash,
    TypeCode,
)
from sync.engine.offline_events import OfflineAsked
from sync.offline_desk import asked
from sync.ports import Entropy


def event_of(command: Command, entropy: Entropy) -> Event:
    """The event; what only journal and disk know is added by the runner."""
    match command:
        case StartPayment():
            return StartAsked(
                command=command,
                new_sale_id=new_number(entropy(NUMBER_BYTES)),
                new_order_no=new_number(entropy(NUMBER_BYTES)),
                last=None,
            )
        case CancelPayment():
            return CancelAsked(command=command)
        case StartRefund():
            number = command.refund_no or new_number(entropy(NUMBER_BYTES))
            return RefundAsked(command=command, new_refund_no=number, last=None)
        case TakeCash():
            return CashAsked(
                command=command,
                new_sale_id=new_number(entropy(NUMBER_BYTES)),
                new_order_no=new_number(entropy(NUMBER_BYTES)),
            )
        case ReturnCash():
            return CashBackAsked(command=command)
        case ListenToStore():
            return StoreListened()
        case ShowOffline():
            return OfflineAsked(
                command=command,
                new_sale_id=new_number(entropy(NUMBER_BYTES)),
                new_order_no=new_number(entropy(NUMBER_BYTES)),
            )
        case ShowStatus() | ParkOffline() | ReadProof() | TypeCode():
            return asked(command)
        case _:
            assert_never(command)
