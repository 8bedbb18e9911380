"""Marks on paths that are rarely taken: what a world has reached, seen from outside.

A simulation that never reaches a path proves nothing about it. `EXPECTED` names what the suite's seeds must reach,
`BY_FLAG` what only long runs do, `UNREACHED` what none has.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from proof.asked import Asked, Verb
from proof.simulation.evidence import ChannelOrderRow, GatewayRow, RefundRow
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind, TerminalState
from sync.engine.model import PaymentView


class Marks:
    """`counts`: how often each mark was reached."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def reached(self, mark: str) -> None:
        self.counts[mark] += 1

    def row_moved(self, before: GatewayRow | None, after: GatewayRow) -> None:
        if before is None:
            self.reached(f"gateway takes {after.state}")
        elif before.state is not after.state:
            self.reached(f"gateway {before.state} to {after.state}")
        if after.proof is not None and (before is None or before.proof is None):
            self.reached(f"proof {after.proof}")
        if after.late is not None and (before is None or before.late is not after.late):
            self.reached(f"late money {after.late}")
        if after.cancel_requested and before is not None and not before.cancel_requested:
            self.reached(f"cancelled in {before.state}")

    def order_moved(self, before: ChannelOrderRow | None, after: ChannelOrderRow) -> None:
        if after.ended is not None and (before is None or before.ended is None):
            self.reached(f"order ends {after.ended}")

    def refund_moved(self, before: RefundRow | None, after: RefundRow) -> None:
        if before is not None and before.state is not after.state:
            self.reached(f"refund {before.state} to {after.state}")
        if before is None:
            self.reached(f"refund by {after.cause}")

    def shown(self, before: PaymentView | None, after: PaymentView) -> None:
        if before is not None and before.state is not after.state:
            self.reached(f"till {before.state} to {after.state}")

    def called(self, asked: Asked) -> None:
        if asked.verb is not Verb.OTHER:
            self.reached(f"{asked.wallet} {asked.verb}")


_G, _T, _P = GatewayState, TerminalState, ProofKind

EXPECTED: Final = frozenset(
    {
        *("the printed QR is rung for", "the printed QR is rung for again"),
        *(f"gateway {a} to {b}" for a, b in (
            (_G.CREATED, _G.SENT), (_G.CREATED, _G.NOT_PAID), (_G.SENT, _G.PAID), (_G.SENT, _G.NOT_PAID),
            (_G.SENT, _G.REVERSING), (_G.SENT, _G.UNDO_BY_REFUND), (_G.REVERSING, _G.NOT_PAID),
            (_G.UNDO_BY_REFUND, _G.NOT_PAID),
        )),
        *(f"till {a} to {b}" for a, b in (
            (_T.SENDING, _T.WAITING), (_T.SENDING, _T.UNKNOWN), (_T.SENDING, _T.CANCELLING),
            (_T.SENDING, _T.NOT_PAID), (_T.WAITING, _T.UNKNOWN), (_T.WAITING, _T.CANCELLING), (_T.WAITING, _T.PAID),
            (_T.WAITING, _T.NOT_PAID), (_T.UNKNOWN, _T.WAITING), (_T.UNKNOWN, _T.CANCELLING), (_T.UNKNOWN, _T.PAID),
            (_T.UNKNOWN, _T.NOT_PAID), (_T.CANCELLING, _T.PAID), (_T.CANCELLING, _T.NOT_PAID),
        )),
        *(f"proof {kind}" for kind in _P),
        *(f"{wallet} {verb}" for wallet in ("alipay", "wechat", "unionpay") for verb in (
            Verb.PAY, Verb.CREATE, Verb.QUERY, Verb.CANCEL, Verb.REFUND
        )),
        *(f"till {_T.AWAITING_PROOF} to {b}" for b in (_T.WAITING, _T.CANCELLING, _T.PAID, _T.NOT_PAID)),
        "an ORDER is shown",
        "an ORDER begins",
        "an ORDER is closed at first sight",
        "a STATUS is shown",
        "a PAID proof is given",
        "a CLOSED proof is given",
        "proof takes paid",
        "proof takes expired",
        *(f"proof read as {reason}" for reason in (
            Reason.PROOF_UNREADABLE, Reason.PROOF_OTHER_TILL, Reason.PROOF_BAD_SIGNATURE, Reason.PROOF_USED,
            Reason.PROOF_CANCELLED, Reason.PROOF_SETTLED, Reason.ANCHOR_FAILED,
        )),
        "a code to type is shown",
        "a typed code takes paid",
        *(f"a typed code read as {reason}" for reason in (
            Reason.TYPED_SLIP, Reason.TYPED_WRONG, Reason.TYPED_TRIES, Reason.TYPED_SHIFT_TRIES, Reason.TYPED_AMOUNT,
            Reason.TYPED_SHIFT_AMOUNT,
        )),
        "cancelled order goes back",
        "cash first",
        "cash second",
        "cash given back",
        "a till is frozen",
        "a frozen till is activated again",
        "refund CREATED to SENT",
        "refund SENT to DONE",
        "late money found",
        "late money undone",
        "a restored database is noticed",
        "a person saw to a restored database",
        "a forgotten payment is taken up",
    }
)  # fmt: skip
#: Reached by longer runs (`guitai simulate --seeds 500`), not by every suite.
BY_FLAG: Final = frozenset({f"gateway {_G.REVERSING} to {_G.UNDO_BY_REFUND}", "refund SENT to FAILED"})
#: Edges of the tables that no run over a line can take: the gateway answers a first request before its wallet does, and
#: a till that heard nothing, or was refused, or began anew, is at UNKNOWN before it asks again.
UNREACHED: Final = frozenset({f"till {_T.SENDING} to {_T.PAID}"})
