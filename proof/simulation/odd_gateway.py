"""A gateway that says what is not so, rightly signed and in answer to the very request: a restored backup, a wrong row,
another till's payment. What a till believes of a statement about one of its payments, it must have compared.

- Of an open payment: PAID, with one field that is not this payment's, or older than what was heard; NOT_PAID without a
  proof. None of it may be believed.
- Of one that is over: the opposite. That cannot be believed, and must be noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

from msgspec.structs import replace

from proof.simulation.network import Reply
from protocol.messages import PaymentStatus, Proof, UndecodableError, decode
from protocol.numbers import NUMBER_BYTES, TERMINAL_ID_BYTES, new_number, new_terminal_id
from protocol.signature import RequestParts
from protocol.states import GatewayState, ProofKind

#: Signs a statement in answer to a request, as the gateway that serves now; None: nobody serves.
Sign = Callable[[PaymentStatus, RequestParts], Reply | None]
_WRONG: Final = ("amount", "n", "terminal", "order", "payment", "no proof", "older")


class OddGateway:
    """`rate`: of how many statements; `opposite`: of how many payments that are over the opposite is told; `unpaid`:
    whether nobody paid this one; `heard_seq`: the newest statement of it that its till has journaled."""

    def __init__(
        self,
        *,
        rate: float,
        opposite: float,
        chance_of: Callable[[str], Random],
        sign: Sign,
        unpaid: Callable[[str], bool],
        heard_seq: Callable[[str], int],
        note: Callable[[str, str], None],
    ) -> None:
        self._rate = rate
        self._opposite = opposite
        self._chance_of = chance_of
        self._sign = sign
        self._unpaid = unpaid
        self._heard_seq = heard_seq
        self._note = note
        self._said: Counter[str] = Counter()
        #: Of which payment each opposite was told, by its bytes.
        self.opposites: dict[bytes, str] = {}

    def spoken(self, request: RequestParts, reply: Reply) -> Reply:
        """What is said instead of this answer."""
        parts = request.path.split("/")
        if not self._rate or reply.status != 200 or parts[2:3] != ["payments"]:
            return reply
        try:
            status = decode(PaymentStatus, reply.body)
        except UndecodableError:
            return reply
        self._said[status.payment_no] += 1
        chance = self._chance_of(f"odd gateway {status.payment_no} {self._said[status.payment_no]}")
        if parts[-1] == "ack" and status.late_money is None:
            return self._tell_the_opposite(request, reply, status, chance)
        if status.state is GatewayState.SENT and chance.random() < self._rate and self._unpaid(status.payment_no):
            return self._lie(request, reply, status, chance)
        return reply

    def _lie(self, request: RequestParts, reply: Reply, status: PaymentStatus, chance: Random) -> Reply:
        wrong = chance.choice(_WRONG)
        if wrong == "older" and self._heard_seq(status.payment_no) < 1:
            wrong = "amount"
        paid = replace(status, state=GatewayState.PAID, state_seq=status.state_seq + 1, qr=None, qr_expires_ms=None)
        match wrong:
            case "amount":
                lie = replace(paid, amount_fen=status.amount_fen + 1)
            case "n":
                lie = replace(paid, n=status.n + 1)
            case "terminal":
                lie = replace(paid, terminal_id=new_terminal_id(chance.randbytes(TERMINAL_ID_BYTES)))
            case "order":
                lie = replace(paid, order_no=new_number(chance.randbytes(NUMBER_BYTES)))
            case "payment":
                lie = replace(paid, payment_no=f"{status.order_no}-{status.n + 1}")
            case "no proof":
                lie = replace(paid, state=GatewayState.NOT_PAID)
            case _:
                lie = replace(paid, state_seq=0)
        said = self._sign(lie, request)
        self._note("odd_statement", f"{status.payment_no} {wrong}")
        return reply if said is None else said

    def _tell_the_opposite(self, request: RequestParts, reply: Reply, status: PaymentStatus, chance: Random) -> Reply:
        if not status.state.final or chance.random() >= self._opposite:
            return reply
        proof = Proof(kind=ProofKind.CLOSED, said_by="gateway", at_ms=status.server_time_ms)
        lie = replace(status, state=GatewayState.NOT_PAID, proof=proof)
        if status.state is GatewayState.NOT_PAID:
            lie = replace(status, state=GatewayState.PAID, proof=None, light=None)
        said = self._sign(lie, request)
        if said is None:
            return reply
        self._note("odd_opposite", status.payment_no)
        self.opposites[said.body] = status.payment_no
        return said
