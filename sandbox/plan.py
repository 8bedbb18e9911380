"""What will happen to one order, as plain values: the customer, the line, the undo, the notification, the refunds.

A plan says what happens, never in which words: each wallet plays it in its own protocol. `sandbox.course` counts how
far a plan has been played. Must not know: any wallet, HTTP, time, the scripts' names.
"""

from dataclasses import dataclass
from enum import Enum

QUERY_WINDOW_MS = 10_000
"""The stretch over which `Plan.query_limit` counts."""


class Effect(Enum):
    """What the pay call, or the scan of a QR or page, does with the order and the money."""

    CHARGED = "charged"
    OPENED = "opened"
    """A trade exists and waits for its buyer, who pays after `pays_after_ms` or never."""
    BALANCE_LOW = "balance_low"
    CODE_REFUSED = "code_refused"
    OPENED_LATE = "opened_late"
    """The customer opens the QR only after it has expired."""
    NOTHING = "nothing"
    """The request never reached the wallet: the code stays fresh."""
    HIDDEN = "hidden"
    """The wallet took the request, and keeps it out of sight: a query finds no order, an undo answers OK all the same.
    The order shows itself when the charge executes (`pays_after_undo_ms`)."""
    SCANNED_AFTER_UNDO = "scanned_after_undo"
    """QR and page: nobody scans until the shop has undone it; the customer opens it then and pays."""


class Fault(Enum):
    """What happens to an answer on its way out."""

    SYSTEM_ERROR = "system_error"
    CUT = "cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlan:
    """How undos (cancel, reverse, close, reversal) of an order that nobody has paid go: first the recalls, then the
    acknowledged ones that do nothing, then one that works. An undo of paid money always works."""

    recalls: int = 0
    """So many undos answer "again" and do nothing."""
    acknowledged_unapplied: int = 0
    """So many undos answer OK and do nothing."""
    applies_after_ms: int = 0
    """The undo that works answers OK at once and takes effect this much later."""


class Forgery(Enum):
    """What is wrong with a notification; everything else about it is right."""

    WRONG_AMOUNT = "wrong_amount"
    """Rightly signed, over an amount that is one fen more."""
    BAD_SIGNATURE = "bad_signature"
    OTHER_MERCHANT = "other_merchant"
    """Rightly signed, for another merchant or application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPlan:
    lost: bool = False
    """No delivery ever reaches the shop, however often the wallet tries."""
    late_ms: int = 0
    copies: int = 1
    """How many deliveries go out at once, as from several of the wallet's machines."""
    before_answer: bool = False
    """The first delivery reaches the shop before the answer to the call that caused it."""
    forgery: Forgery | None = None
    """On every delivery, the retries too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPlan:
    processing_ms: int = 0
    """How long each refund stays under way."""
    balance_low_refusals: int = 0
    """So many refund calls are refused because the shop's own balance is too low."""
    whole_only: bool = False
    """A part is refused for good, as of a payment with a coupon; WeChat knows no such refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A charge named by `pays_after_ms` needs an order that is still open. The three others (after the undo, after
    expiry, in spite of all) execute once at their moment whatever became of the order before, unless it is paid."""

    effect: Effect
    pays_after_ms: int | None = None
    """The customer pays this long after the pay call or the scan."""
    executes_after_ms: int | None = None
    """The charge executes this long after the pay call, undone or not."""
    pays_after_undo_ms: int | None = None
    """The charge executes this long after the first undo that was acknowledged."""
    pays_after_expiry_ms: int | None = None
    """The charge executes this long after the order's own expiry."""
    payable_after_close: bool = False
    """Undos are acknowledged and leave the order open, for queries too, until it is paid."""
    answer_fault: Fault | None = None
    """Replaces the answer to the pay call."""
    query_faults: tuple[Fault, ...] = ()
    """Each replaces the answer to one later query, in order."""
    query_limit: int | None = None
    """So many queries are answered within `QUERY_WINDOW_MS` of the first; the others hear "too often"."""
    maintenance_ms: int = 0
    """So long after the pay call or the scan everything about this order hears "maintenance", the pay call too."""
    undo: UndoPlan = UndoPlan()
    callback: CallbackPlan = CallbackPlan()
    refund: RefundPlan = RefundPlan()
