"""What is said at the gateway's admin door: one JSON object per line, a question and its answer.

Contents of key files travel in `files`, by the name that the document uses: both ends are on one computer and the door
is open to its owner alone. Secrets stay out of repr.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from gateway.configure.faults import Faults
from gateway.configure.plan import Plan

#: Largest question in bytes. A channel account takes about 3 KB.
MOST_BYTES: Final = 1_048_576
#: Largest answer: it lists all that is open, which after a restored backup may be thousands of payments and alarms.
MOST_ANSWER_BYTES: Final = 64 * 1_048_576


class ApplyOrder(Struct, frozen=True, kw_only=True, tag_field="do", tag="apply", forbid_unknown_fields=True):
    toml: str
    files: dict[str, str] = {}
    dry_run: bool = False

    def __repr__(self) -> str:
        return "ApplyOrder(…)"


class CodeOrder(Struct, frozen=True, kw_only=True, tag_field="do", tag="activation_code", forbid_unknown_fields=True):
    store: str
    uses: int = 1
    days: int = 1


class LateAction(StrEnum):
    LIST = "list"
    ACCEPT = "accept"
    REFUND = "refund"
    BY_HAND = "by_hand"


class LateOrder(Struct, frozen=True, kw_only=True, tag_field="do", tag="late_money", forbid_unknown_fields=True):
    """What a person says about late money; `LIST` says nothing."""

    action: LateAction
    out_trade_no: str = ""
    person: str = ""
    reason: str = ""


class BillsAction(StrEnum):
    LIST = "list"
    SHOW = "show"
    FETCH = "fetch"


class BillsOrder(Struct, frozen=True, kw_only=True, tag_field="do", tag="bills", forbid_unknown_fields=True):
    """`day`: a Beijing day, YYYY-MM-DD; empty: the one that ended last. `account` empty: all. `after`: a line."""

    action: BillsAction
    day: str = ""
    account: str = ""
    kind: str = "trade"
    after: int = 0


class StaticQrOrder(Struct, frozen=True, kw_only=True, tag_field="do", tag="static_qr", forbid_unknown_fields=True):
    """`renew`: a new one, and those that are printed end."""

    store: str
    renew: bool = False


class AlarmsAction(StrEnum):
    LIST = "list"
    CLOSE = "close"


class AlarmsOrder(Struct, frozen=True, kw_only=True, tag_field="do", tag="alarms", forbid_unknown_fields=True):
    """What a person says about an alarm; `LIST` says nothing."""

    action: AlarmsAction
    alarm: int = 0
    person: str = ""
    reason: str = ""


class TerminalsAction(StrEnum):
    LIST = "list"
    REVOKE = "revoke"
    REISSUE = "reissue"


class TerminalsOrder(Struct, frozen=True, kw_only=True, tag_field="do", tag="terminals", forbid_unknown_fields=True):
    """`REISSUE`: an activation code for this till alone, good for `days`."""

    action: TerminalsAction
    terminal: str = ""
    days: int = 1


class ProofKeysAction(StrEnum):
    LIST = "list"
    ROTATE = "rotate"
    COMPROMISE = "compromise"


class ProofKeysOrder(Struct, frozen=True, kw_only=True, tag_field="do", tag="proof_keys", forbid_unknown_fields=True):
    """`kid`: the key that is no secret any more."""

    action: ProofKeysAction
    kid: int = 0


class RestoredAction(StrEnum):
    LIST = "list"
    FOUND = "found"
    TAKE_UP = "take_up"
    DONE = "done"


class RestoredOrder(Struct, frozen=True, kw_only=True, tag_field="do", tag="restored", forbid_unknown_fields=True):
    """What a person says about a database that was restored from a backup; `LIST` says nothing. `sent_ms`: when the
    order was made at its channel, where that is known."""

    action: RestoredAction
    out_trade_no: str = ""
    account: str = ""
    sent_ms: int | None = None
    person: str = ""
    reason: str = ""


Order = (
    AlarmsOrder
    | ApplyOrder
    | BillsOrder
    | CodeOrder
    | LateOrder
    | ProofKeysOrder
    | RestoredOrder
    | StaticQrOrder
    | TerminalsOrder
)


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    token: str
    order: Order

    def __repr__(self) -> str:
        return "Question(…)"


class _Asker(Struct, frozen=True, kw_only=True):
    token: str

    def __repr__(self) -> str:
        return "_Asker(…)"


class Planned(Struct, frozen=True, kw_only=True, tag_field="said", tag="planned"):
    """The plan; `applied` is false for a dry run."""

    plan: Plan
    applied: bool


class CodeMade(Struct, frozen=True, kw_only=True, tag_field="said", tag="code"):
    """`ticket` is the text of the activation QR; None while nobody knows at which address the gateway is reached."""

    code: str
    store: str
    uses: int
    expires_ms: int
    ticket: str | None

    def __repr__(self) -> str:
        return f"CodeMade(store={self.store!r})"


class LateCaseSaid(Struct, frozen=True, kw_only=True):
    out_trade_no: str
    payment_no: str
    channel: str
    amount_fen: int
    found_ms: int
    going_back: bool
    refused: bool = False


class LateSaid(Struct, frozen=True, kw_only=True, tag_field="said", tag="late_money"):
    """The cases that are open now; `done`: what was asked for was done."""

    cases: tuple[LateCaseSaid, ...]
    done: bool = False


class Refused(Struct, frozen=True, kw_only=True, tag_field="said", tag="refused"):
    """What was written is at fault; nothing was done."""

    faults: Faults


class Failed(Struct, frozen=True, kw_only=True, tag_field="said", tag="failed"):
    """The gateway could not; whether it was done is not known unless `hint` says so."""

    reason: str
    hint: str


class BillSaid(Struct, frozen=True, kw_only=True):
    """What is known of one bill; `size` in bytes, of the file as it came."""

    account: str
    channel: str
    kind: str
    day: str
    state: str
    code: str
    tries: int
    asked_ms: int | None
    sha256: str | None
    size: int
    lines: int


class BillLineSaid(Struct, frozen=True, kw_only=True):
    """One line of a bill, as gateway/bills/line.py has it."""

    line: int
    kind: str
    out_trade_no: str
    refund_no: str | None
    transaction_id: str
    amount_fen: int
    fee_millifen: int
    at_ms: int
    state: str


class BillsSaid(Struct, frozen=True, kw_only=True, tag_field="said", tag="bills"):
    day: str
    bills: tuple[BillSaid, ...]
    lines: tuple[BillLineSaid, ...] = ()


class StaticQrSaid(Struct, frozen=True, kw_only=True, tag_field="said", tag="static_qr"):
    """`fresh`: it was made now."""

    store: str
    url: str
    fresh: bool


class AlarmSaid(Struct, frozen=True, kw_only=True):
    alarm: int
    kind: str
    about: str
    detail: str
    raised_ms: int


class AlarmsSaid(Struct, frozen=True, kw_only=True, tag_field="said", tag="alarms"):
    """The alarms that are open now; `done`: what was asked for was done."""

    alarms: tuple[AlarmSaid, ...]
    done: bool = False


class TerminalSaid(Struct, frozen=True, kw_only=True):
    """`frozen_ms`: there are two of it; it sells again once it was activated again."""

    terminal: str
    name: str
    store: str
    epoch: int
    activated_ms: int
    revoked_ms: int | None
    frozen_ms: int | None


class TerminalsSaid(Struct, frozen=True, kw_only=True, tag_field="said", tag="terminals"):
    terminals: tuple[TerminalSaid, ...]
    done: bool = False


class ProofKeySaid(Struct, frozen=True, kw_only=True):
    """`state`: current, next, retired or compromised."""

    kid: int
    state: str
    made_ms: int
    retired_ms: int | None
    compromised_ms: int | None


class ProofKeysSaid(Struct, frozen=True, kw_only=True, tag_field="said", tag="proof_keys"):
    keys: tuple[ProofKeySaid, ...]
    done: bool = False


class InQuestionSaid(Struct, frozen=True, kw_only=True):
    """A payment that may have been charged. `order_no` begins its numbers in a wallet's books; `known`: it is here,
    open when the backup was made or taken up since."""

    payment_no: str
    order_no: str
    terminal: str
    amount_fen: int
    begun_ms: int
    known: bool


class RestoredSaid(Struct, frozen=True, kw_only=True, tag_field="said", tag="restored"):
    """`found_ms` and `how`: when and how it was noticed, None when nobody has to look at anything. `waiting`: tills
    that have not spoken since, or whose journal is not here yet: nothing of theirs can be seen to before."""

    in_question: tuple[InQuestionSaid, ...]
    waiting: tuple[str, ...] = ()
    found_ms: int | None = None
    how: str | None = None
    done: bool = False


Said = (
    AlarmsSaid
    | BillsSaid
    | CodeMade
    | Failed
    | LateSaid
    | Planned
    | ProofKeysSaid
    | Refused
    | RestoredSaid
    | StaticQrSaid
    | TerminalsSaid
)


def write_line(words: Question | Order | Said) -> bytes:
    return msgspec.json.encode(words) + b"\n"


def token_of(line: bytes) -> str | None:
    """Who asks, before what is asked is looked at."""
    try:
        return msgspec.json.decode(line, type=_Asker).token
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def read_order(line: bytes) -> Order | None:
    """None for anything else: the decoder's own words may repeat what was in the line."""
    try:
        return msgspec.json.decode(line, type=Question).order
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def read_said(line: bytes) -> Said | None:
    try:
        return msgspec.json.decode(line, type=Said)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
