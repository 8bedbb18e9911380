"""A terminal that names a number a second time and means something else, or says what cannot be so: what the gateway
must not take for the first word again.
"""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import structs
from msgspec.structs import replace

from proof.simulation.rogue import Act, Rogue
from protocol.messages import PaymentStatus, Presented
from protocol.numbers import NUMBER_BYTES, new_number
from protocol.reasons import Reason
from protocol.states import GatewayState
from sync.engine.events import AcceptedAnswer, AckCall, Answer, CancelCall, PayCall, QueryCall, StatusAnswer

_FEN: Final = 1_300
#: Codes are known for a day; whoever forgets them forgets within minutes.
_LATER_S: Final = (70.0, 150.0)
_OTHER: Final = ("subject", "operator", "sale", "expires", "presented")
_PAID_AFTER_S: Final = 6.0


class Quibbler(Rogue):
    """See the module."""

    def _acts(self) -> list[Act]:
        return [
            self._pays_with_another_content,
            self._goes_on_as_another,
            self._cancels_another_amount,
            self._acknowledges_ahead,
            self._acknowledges_the_opposite,
            self._shows_a_code_again,
        ]

    async def _pays_with_another_content(self) -> None:
        """The same number, and one field beside the amount is another: each once."""
        sale, order = self._sale()
        call = self._pay_call(sale, order, n=1)
        first = await self._ask(call)
        for field in self._chance.sample(_OTHER, len(_OTHER)):
            again = await self._ask(self._otherwise(call, field))
            if isinstance(first, StatusAnswer) and isinstance(again, StatusAnswer):
                about = f"another {field} was answered as if it were the first"
                self._broken("same_number_same_content", f"{order}-1", about)

    def _otherwise(self, call: PayCall, field: str) -> PayCall:
        asked = call.request
        match field:
            case "subject":
                other = structs.replace(asked, subject="别的商品")
            case "operator":
                other = structs.replace(asked, operator="99")
            case "sale":
                other = structs.replace(asked, sale_id=new_number(self._chance.randbytes(NUMBER_BYTES)))
            case "expires":
                other = structs.replace(asked, expires=asked.expires + 5_000)
            case _:
                other = structs.replace(asked, presented=Presented.MERCHANT, auth_code=None)
        return replace(call, request=other)

    async def _goes_on_as_another(self) -> None:
        """Payment 2 of an order whose first was declined: over another amount, or for another sale."""
        sale, order = self._sale()
        await self._pay(sale, order, n=1, script="balance_low", fen=_FEN)
        await asyncio.sleep(8.0)
        if self._chance.random() < 0.5:
            await self._pay(sale, order, n=2, script="pay", fen=_FEN + 1)
        else:
            await self._pay(new_number(self._chance.randbytes(NUMBER_BYTES)), order, n=2, script="pay", fen=_FEN)

    async def _cancels_another_amount(self) -> None:
        """What is to be cancelled is not what is there."""
        sale, order = self._sale()
        first = await self._pay(sale, order, n=1, script="ask_password:30", fen=_FEN)
        answer = await self._ask(CancelCall(payment_no=f"{order}-1", amount_fen=_FEN + 1, operator="01"))
        if isinstance(first, StatusAnswer) and isinstance(answer, StatusAnswer):
            self._broken("same_number_same_content", f"{order}-1", "a cancel of another amount was taken")

    async def _acknowledges_ahead(self) -> None:
        """What the gateway has not said yet."""
        paid = await self._is_paid()
        if paid is not None:
            said = AckCall(payment_no=paid.payment_no, state=GatewayState.PAID, state_seq=paid.state_seq + 7)
            self._judge_ack(paid.payment_no, await self._ask(said), "what was not said yet")

    async def _acknowledges_the_opposite(self) -> None:
        paid = await self._is_paid()
        if paid is not None:
            said = AckCall(payment_no=paid.payment_no, state=GatewayState.NOT_PAID, state_seq=paid.state_seq)
            self._judge_ack(paid.payment_no, await self._ask(said), "NOT_PAID of what is PAID")

    def _judge_ack(self, payment_no: str, answer: Answer, what: str) -> None:
        if isinstance(answer, (StatusAnswer, AcceptedAnswer)):
            self._broken("an_acknowledgement_is_true", payment_no, f"{what} was acknowledged")

    async def _is_paid(self) -> PaymentStatus | None:
        """A payment that is, as the gateway says."""
        sale, order = self._sale()
        await self._pay(sale, order, n=1, script="pay", fen=_FEN)
        await asyncio.sleep(_PAID_AFTER_S)
        answer = await self._ask(QueryCall(payment_no=f"{order}-1", wait_s=0, after_seq=0))
        paid = isinstance(answer, StatusAnswer) and answer.status.state is GatewayState.PAID
        return answer.status if isinstance(answer, StatusAnswer) and paid else None

    async def _shows_a_code_again(self) -> None:
        """A code that paid is under the gun once more, minutes later and for another sale."""
        code, since_ms = self._code("pay"), self._up_since()
        sale, order = self._sale()
        first = await self._pay(sale, order, n=1, code=code)
        await asyncio.sleep(self._chance.uniform(*_LATER_S))
        paid = await self._ask(QueryCall(payment_no=f"{order}-1", wait_s=0, after_seq=0))
        known = isinstance(first, StatusAnswer) and isinstance(paid, StatusAnswer)
        if not known or not isinstance(paid, StatusAnswer) or paid.status.state is not GatewayState.PAID:
            return
        sale, other = self._sale()
        answer = await self._pay(sale, other, n=1, code=code)
        if since_ms is None or self._up_since() != since_ms or not isinstance(answer, StatusAnswer):
            return  # a gateway that starts anew knows no code any more
        if answer.status.state is not GatewayState.NOT_PAID or answer.status.reason is not Reason.CODE_USED_ELSEWHERE:
            self._broken("one_code_one_payment", f"{other}-1", f"taken with the code that paid {order}-1")
