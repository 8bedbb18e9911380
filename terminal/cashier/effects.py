"""What has to be done after a step, in this order. Effects are values; the screen's controller carries them out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """Hand this to sync."""

    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Play a sound."""

    sound: Sound


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrders:
    """Fetch the latest orders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadHistory:
    """Fetch one order's timeline."""

    order_no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDay:
    """Fetch one day's takings."""

    days_ago: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChecks:
    """Run the doctor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activate:
    """Bind this till."""

    gateway: str
    ticket: ActivationTicket


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSetting:
    """Keep a setting and apply it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """End the app: whoever closes it knows what is unsent."""


Effect = Submit | Play | ReadOrders | ReadHistory | ReadDay | RunChecks | Activate | ChangeSetting | Leave
