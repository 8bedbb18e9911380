"""What has to be done after a step, in this order. Effects are values; the screen's controller carries them out."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from protocol.activation import ActivationTicket
from sync.engine.model import Command


class Sound(StrEnum):
    """The sounds of UI.md's state table; each names a file of assets/sounds."""

    SCAN_TAKEN = "scan_taken"
    PAID = "paid"
    LATE = "late"
    NOT_PAID = "not_paid"
    REFUSED = "refused"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class Submit(Struct, frozen=True, kw_only=True):
    """Hand this to sync."""

    command: Command


class Play(Struct, frozen=True, kw_only=True):
    """Play a sound."""

    sound: Sound


class ReadOrders(Struct, frozen=True, kw_only=True):
    """Fetch the latest orders."""


class ReadHistory(Struct, frozen=True, kw_only=True):
    """Fetch one order's timeline."""

    order_no: str


class ReadDay(Struct, frozen=True, kw_only=True):
    """Fetch one day's takings."""

    days_ago: int


class RunChecks(Struct, frozen=True, kw_only=True):
    """Run the doctor."""


class Activate(Struct, frozen=True, kw_only=True):
    """Bind this till."""

    gateway: str
    ticket: ActivationTicket


class ChangeSetting(Struct, frozen=True, kw_only=True):
    """Keep a setting and apply it."""

    name: str
    value: str


class Leave(Struct, frozen=True, kw_only=True):
    """End the app: whoever closes it knows what is unsent."""


Effect = Submit | Play | ReadOrders | ReadHistory | ReadDay | RunChecks | Activate | ChangeSetting | Leave
