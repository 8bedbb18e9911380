"""Which sentence belongs to which reason, refusal, wallet and state. Families of keys are named once, here.

A family is `prefix.value` for every value of a closed list; `FAMILIES` is what the test of the catalogues walks.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from protocol.auth_code import ScanRefusal, Wallet
from protocol.money import AmountRefusal, Money
from protocol.reasons import Reason
from protocol.states import ProofKind, TerminalState
from sync.engine.model import CASH
from sync.engine.statements import CashBack, ParkWhy
from terminal.cashier.phrase import Phrase, say

#: Scan troubles that are not the grammar's: two codes at once, a used code, a burst that cannot be believed.
SCAN_TROUBLES: Final = (
    "two_codes", "duplicate", "used", "busy", "offline", "untrusted", "no_amount", "not_activated",
    "alt_code", "num_lock_off", "mixed_with_typing",
)  # fmt: skip
#: Reasons that a payment can end or stay open with; others are said by `reason.other`.
PAYMENT_REASONS: Final[tuple[Reason, ...]] = (
    Reason.CODE_INVALID, Reason.CODE_EXPIRED, Reason.BALANCE_LOW, Reason.PAYER_LIMIT, Reason.PAYER_REFUSED,
    Reason.RISK_REFUSED, Reason.MERCHANT_REFUSED, Reason.DECLINED, Reason.CANCELLED, Reason.EXPIRED, Reason.TIMED_OUT,
    Reason.NOT_SENT, Reason.NOT_CONFIRMED, Reason.CODE_USED_ELSEWHERE, Reason.NO_CHANNEL, Reason.AMOUNT_REFUSED,
    Reason.TERMINAL_REVOKED, Reason.TERMINAL_FROZEN, Reason.UNKNOWN_TERMINAL, Reason.CLOCK, Reason.DISK_FULL,
    Reason.DISK_READ_ONLY, Reason.GATEWAY_FULL, Reason.GATEWAY_UNREACHABLE, Reason.ORDER_OPEN, Reason.ORDER_PAID,
    Reason.INTERNAL, Reason.LINE_UP, Reason.OFFLINE_NO_KIT, Reason.OFFLINE_AMOUNT, Reason.OFFLINE_WAITING,
    Reason.ANCHOR_FAILED, Reason.GATEWAY_RESTORED,
)  # fmt: skip
#: Reasons that a refund can end or stay open with, beside those of payments.
REFUND_REASONS: Final[tuple[Reason, ...]] = (
    Reason.PAYMENT_NOT_PAID, Reason.REFUND_EXCEEDS, Reason.UNKNOWN_PAYMENT, Reason.REFUND_REFUSED,
    Reason.SELLER_BALANCE_LOW, Reason.UNKNOWN_PATH, Reason.RATE_LIMITED,
)  # fmt: skip
#: Why a proof or a typed code is not taken; others are said as a payment's reason.
PROOF_REASONS: Final[tuple[Reason, ...]] = (
    Reason.PROOF_UNREADABLE, Reason.PROOF_UNKNOWN_KEY, Reason.PROOF_OTHER_TILL, Reason.PROOF_BAD_SIGNATURE,
    Reason.PROOF_USED, Reason.PROOF_CANCELLED, Reason.PROOF_SETTLED, Reason.PROOF_CONFLICT,
    Reason.PROOF_LATER_TRY, Reason.ANCHOR_FAILED,
    Reason.TYPED_SLIP, Reason.TYPED_WRONG, Reason.TYPED_NOT_OFFERED, Reason.TYPED_TRIES, Reason.TYPED_SHIFT_TRIES,
    Reason.TYPED_AMOUNT, Reason.TYPED_SHIFT_AMOUNT,
)  # fmt: skip
ACTIVATION_REASONS: Final[tuple[Reason, ...]] = (
    Reason.ACTIVATION_UNKNOWN, Reason.ACTIVATION_EXPIRED, Reason.ACTIVATION_USED, Reason.TOO_MANY_TRIES,
    Reason.TERMINAL_REVOKED, Reason.GATEWAY_UNREACHABLE, Reason.GATEWAY_NOT_TRUSTED, Reason.CLOCK,
    Reason.BAD_REQUEST, Reason.DISK_FULL, Reason.DISK_READ_ONLY, Reason.RATE_LIMITED, Reason.USAGE,
)  # fmt: skip
BLOCKED_REASONS: Final[tuple[Reason, ...]] = (
    Reason.FOLDER_LOCKED, Reason.FOLDER_UNREADABLE, Reason.JOURNAL_DAMAGED, Reason.JOURNAL_NEWER, Reason.DISK_FULL,
    Reason.DISK_READ_ONLY, Reason.CONFIG_DAMAGED,
)  # fmt: skip
SPEAKERS: Final = ("gateway", "till", "cashier")


class RefundWord(StrEnum):
    """How a refund that was asked for stands."""

    REFUNDED = "refunded"
    REFUSED = "refused"
    UNKNOWN = "unknown"


FAMILIES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "scan": (*(value.value for value in ScanRefusal), *SCAN_TROUBLES),
        "amount": tuple(value.value for value in AmountRefusal if value is not AmountRefusal.EMPTY),
        "reason": (*(value.value for value in PAYMENT_REASONS), "other"),
        "proof_refused": tuple(value.value for value in PROOF_REASONS),
        "proof_todo": tuple(value.value for value in PROOF_REASONS),
        "answer_goods": ("no", "yes"),
        "answer_park": tuple(value.value for value in ParkWhy),
        "refund_reason": tuple(value.value for value in REFUND_REASONS),
        "refund": tuple(value.value for value in RefundWord),
        "activation_reason": (*(value.value for value in ACTIVATION_REASONS), "other"),
        "blocked": tuple(value.value for value in BLOCKED_REASONS),
        "blocked_todo": tuple(value.value for value in BLOCKED_REASONS),
        "wallet": (*(value.value for value in Wallet), CASH, "other", "none"),
        "cash_why": tuple(value.value for value in CashBack),
        "proof_kind": tuple(value.value.lower() for value in ProofKind),
        "word": tuple(value.value.lower() for value in TerminalState),
        "who": SPEAKERS,
    }
)


def scan_trouble(name: str) -> Phrase:
    """What a scan is, when it cannot be charged."""
    return say(f"scan.{name}")


def amount_trouble(refusal: AmountRefusal, max_fen: int) -> Phrase:
    """Why an amount is not taken."""
    if refusal is AmountRefusal.TOO_LARGE:
        return say("amount.too_large", limit=Money(max_fen).yuan())
    return say(f"amount.{refusal.value}")


def reason(value: Reason | None) -> Phrase | None:
    """The sentence of a payment's reason; None when there is none to say."""
    if value is None or value in (Reason.PAID, Reason.DONE, Reason.LATE_MONEY):
        return None
    return say(f"reason.{value.value}" if value in PAYMENT_REASONS else "reason.other")


def proof_reason(value: Reason, time: str) -> Phrase:
    """Why a proof or a typed code changes nothing; `time`: when its order was settled."""
    if value is Reason.PROOF_USED:
        return say("proof_refused.proof_used", time=time)
    return say(f"proof_refused.{value.value}") if value in PROOF_REASONS else reason(value) or say("reason.other")


def proof_todo(value: Reason) -> Phrase | None:
    """What to do then."""
    return say(f"proof_todo.{value.value}") if value in PROOF_REASONS else None


def refund_reason(value: Reason | None) -> Phrase | None:
    """The sentence of a refund's reason; None when there is none to say."""
    if value is not None and value in REFUND_REASONS:
        return say(f"refund_reason.{value.value}")
    return None if value in (Reason.REFUNDED, Reason.NOT_CONFIRMED) else reason(value)


def refund_outcome(word: RefundWord, amount_fen: int) -> Phrase:
    """What became of a refund, and what to do."""
    return say(f"refund.{word.value}", amount=yuan(amount_fen))


def refund_left(amount_fen: int) -> Phrase:
    """What can still go back of a payment."""
    return say("refund_left", amount=yuan(amount_fen))


def activation_reason(value: Reason) -> Phrase:
    """Why a till was not bound."""
    return say(f"activation_reason.{value.value}" if value in ACTIVATION_REASONS else "activation_reason.other")


def wallet(channel: str | None) -> Phrase:
    """A wallet by name."""
    if not channel:
        return say("wallet.none")
    known = channel == CASH or channel in Wallet._value2member_map_
    return say(f"wallet.{channel}") if known else say("wallet.other", name=channel)


def clock_off(skew_ms: int) -> Phrase:
    """How far the computer's clock is from the gateway's."""
    minutes = max(1, round(abs(skew_ms) / 60_000))
    return say("banner.clock_fast" if skew_ms > 0 else "banner.clock_slow", minutes=minutes)


def state_word(state: TerminalState) -> Phrase:
    """One or two words for a list."""
    return say(f"word.{state.value.lower()}")


def speaker(name: str) -> Phrase:
    """Who said it."""
    return say(f"who.{name}" if name in SPEAKERS else "who.gateway")


def yuan(amount_fen: int) -> str:
    """`12.50`."""
    return Money(amount_fen).yuan()


def yuan_grouped(amount_fen: int) -> str:
    """`12,345.00`: reports only."""
    whole, part = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}{whole:,}.{part:02d}"
