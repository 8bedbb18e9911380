"""Who is calling, and is the request good: the order of checks of SAFETY.md section 4, in one value.

Signature, then digest, before anything is parsed. The window and the nonce come later, inside the effect's transaction
and only when the number is not known already: see `Caller.fresh`.
"""

from __future__ import annotations

from msgspec import Struct

from gateway.api.answers import Refusal
from gateway.ports import Clock
from gateway.store import guards, journal, restorations, standing
from gateway.store.places import Terminal
from gateway.store.units import Tx
from protocol.reasons import Reason
from protocol.signature import Verified, within_window


class Caller(Struct, frozen=True, kw_only=True):
    """A terminal whose signature over this request holds. `epoch`: the activation that it signs under. `journal_seq`:
    how far its journal goes, where the request says so."""

    terminal: Terminal
    verified: Verified
    clock: Clock
    epoch: int = 1
    journal_seq: int | None = None

    def in_time(self) -> None:
        """Refuses with the gateway's time when the request was signed at another time."""
        check_window(self.verified, self.clock)

    def fresh(self, tx: Tx) -> None:
        """For an effect: the window, then the nonce, unique in the effect's own transaction."""
        self.in_time()
        use_nonce(tx, self.verified, self.clock)

    def may_sell(self, tx: Tx) -> None:
        """Refuses what would begin: the till is switched off, or there are two of it and this may be the other one.
        Asking, cancelling and acknowledging go on."""
        now = standing.standing(tx, self.terminal.terminal_id)
        assert now is not None, "a terminal is never deleted"
        if now.revoked:
            raise Refusal(Reason.TERMINAL_REVOKED)
        if now.frozen or self.epoch < now.fence_epoch:
            raise Refusal(Reason.TERMINAL_FROZEN)

    def tells(self, tx: Tx, told: int) -> None:
        """How far the gateway told this till that it holds its chain. Nothing but a restored backup makes that less. A
        till that was activated again delivers it anew."""
        terminal_id = self.terminal.terminal_id
        held = journal.head(tx, terminal_id).seq if told else 0
        if told > held and (held or self.epoch == 1) and not self.lost_its_place(tx):
            reached = told if self.journal_seq is None else self.journal_seq
            restorations.told_more(tx, terminal_id, reached, now_ms=self.clock.now_ms())

    def speaks(self, tx: Tx) -> None:
        """It is there, and signed this now: after a restored backup its journal tells old from new from here on."""
        in_window = within_window(self.verified, now_s=self.clock.now_ms() // 1000)
        if self.journal_seq is None or not in_window or self.lost_its_place(tx):
            return
        signed_ms = self.verified.created_s * 1000
        restorations.heard_from(tx, self.terminal.terminal_id, self.journal_seq, signed_ms=signed_ms)

    def lost_its_place(self, tx: Tx) -> bool:
        """Whether another till went on as this terminal after there had been two."""
        now = standing.standing(tx, self.terminal.terminal_id)
        assert now is not None, "a terminal is never deleted"
        return self.epoch < now.fence_epoch


def check_window(verified: Verified, clock: Clock) -> None:
    if not within_window(verified, now_s=clock.now_ms() // 1000):
        raise Refusal(Reason.CLOCK)


def use_nonce(tx: Tx, verified: Verified, clock: Clock) -> None:
    if not guards.use_nonce(tx, keyid=verified.keyid, nonce=verified.nonce, now_ms=clock.now_ms()):
        raise Refusal(Reason.REPLAYED)
