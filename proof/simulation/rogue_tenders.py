"""A terminal at which one sale is paid for more than once: by two codes, by a code beside its cash, by cash beside a
code. No till does that; the gateway takes it, because the money is there, and a person has to be told for as long as
more is kept than one of them. What goes back in parts is judged by the rules as what goes back at once.
"""

from __future__ import annotations

import asyncio
import json
from typing import Final

from msgspec import structs

from proof.simulation.rogue import Act
from proof.simulation.rogue_journal import Scribe
from protocol.cash import CASH_RETURNED, CASH_TAKEN
from protocol.messages import JournalEntry
from protocol.numbers import NUMBER_BYTES, new_number
from protocol.reasons import Reason
from protocol.states import GatewayState
from sync.engine.events import QueryCall, StatusAnswer

_FEN: Final = 1_400
_PARTS: Final = (400, 1_000)
#: Until what was just paid or given back is known, and a look of the judge is over.
_A_LOOK_S: Final = 26.0
_PAID_LOOKS: Final = 6
_LATE: Final = "pay_executes_late:40"
_LATE_LOOKS: Final = 40


class Doubler(Scribe):
    """See the module."""

    def _more(self, count: int) -> list[str]:
        """Further orders of the same sale. To the judge of tills each is another sale: no till begins the second while
        the first is paid or may be."""
        orders = [new_number(self._chance.randbytes(NUMBER_BYTES)) for _ in range(count)]
        for order in orders:
            self._sold(order, new_number(self._chance.randbytes(NUMBER_BYTES)))
        return orders

    def _acts(self) -> list[Act]:
        return [self._is_paid_twice, self._is_paid_beside_cash, self._takes_cash_of_what_is_paid]

    async def _is_paid_twice(self) -> None:
        """Two orders of one sale; then all of one goes back."""
        sale, order = self._sale()
        (second,) = self._more(1)
        await self._pay(sale, order, n=1, fen=_FEN)
        await self._pay(sale, second, n=1, fen=_FEN)
        if await self._is_paid(order) and await self._is_paid(second):
            await asyncio.sleep(_A_LOOK_S)
            await self._goes_back(self._chance.choice((order, second)))

    async def _is_paid_beside_cash(self) -> None:
        """Its journal told of the cash before; in the end that goes back."""
        sale, order = self._sale()
        taken = self._cash(CASH_TAKEN, sale)
        if not await self._delivers(taken):
            return
        await self._pay(sale, order, n=1, fen=_FEN)
        if await self._is_paid(order):
            await asyncio.sleep(_A_LOOK_S)
        await self._delivers(self._cash(CASH_RETURNED, sale, of=taken))

    async def _takes_cash_of_what_is_paid(self) -> None:
        """The cash comes last, and the wallet's money goes back."""
        sale, order = self._sale()
        await self._pay(sale, order, n=1, fen=_FEN)
        if await self._is_paid(order) and await self._delivers(self._cash(CASH_TAKEN, sale)):
            await asyncio.sleep(_A_LOOK_S)
            await self._goes_back(order)

    async def _goes_back(self, order: str) -> None:
        """In parts: what is left is still kept."""
        for fen in _PARTS:
            await self._refund(f"{order}-1", fen)
            await asyncio.sleep(_A_LOOK_S)

    async def _is_paid(self, order: str) -> bool:
        for _ in range(_PAID_LOOKS):
            answer = await self._ask(QueryCall(payment_no=f"{order}-1", wait_s=0, after_seq=0))
            if isinstance(answer, StatusAnswer) and answer.status.state.final:
                return answer.status.state is GatewayState.PAID
            await asyncio.sleep(4.0)
        return False

    def _cash(self, kind: str, sale: str, *, of: JournalEntry | None = None) -> JournalEntry:
        """An entry about a tender: a new one, or one that was told of."""
        number = f"{new_number(self._chance.randbytes(NUMBER_BYTES))}-1"
        if of is not None:
            number = json.loads(of.body)["payment_no"]
        body = json.dumps({"payment_no": number, "sale_id": sale, "amount_fen": _FEN})
        return self._entry(self._held[-1] if self._held else None, kind=kind, body=body)


class Keeper(Doubler):
    """What it sells is paid too late, and something else may pay for the same sale: another order of it that is open,
    or cash in an entry that it keeps to itself. Until that is known nobody may keep the money."""

    def _acts(self) -> list[Act]:
        return [self._sells]

    async def _sells(self) -> None:
        """The entry that it keeps to itself comes last: nothing of it is kept any more then."""
        acts: list[Act] = [
            self._goes_on_under_another_order,
            self._is_paid_late_by_several,
            self._is_paid_late_by_several,
        ]
        self._chance.shuffle(acts)
        for act in (*acts, self._keeps_an_entry_to_itself):
            await act()

    async def _goes_on_under_another_order(self) -> None:
        """The moment late money of the first is found; of another first one it comes beside that."""
        sale, order = self._sale()
        (beside, second), seq = self._more(2), 0
        await self._pay(sale, order, n=1, fen=_FEN, script=_LATE)
        await self._pay(sale, beside, n=1, fen=_FEN, script=_LATE)
        for _ in range(_LATE_LOOKS):
            answer = await self._ask(QueryCall(payment_no=f"{order}-1", wait_s=8, after_seq=seq))
            if isinstance(answer, StatusAnswer):
                seq = answer.status.state_seq
                if answer.status.late_money is not None:
                    await self._pay(sale, second, n=1, fen=_FEN, script="ask_password:40")
                    return
            await asyncio.sleep(0.2)

    async def _is_paid_late_by_several(self) -> None:
        """Of one sale: whichever is kept, or whatever pays for it in the end, all the others are duplicates."""
        sale, order = self._sale()
        others = self._more(3)
        for late in (order, *others[:2]):
            await self._pay(sale, late, n=1, fen=_FEN, script=_LATE)
        await asyncio.sleep(self._chance.uniform(120.0, 200.0))
        if self._chance.random() < 0.5:
            await self._pay(sale, others[2], n=1, fen=_FEN)

    async def _keeps_an_entry_to_itself(self) -> None:
        entry = self._next()
        if await self._delivers(structs.replace(entry, kind="", at_ms=0, body="", withheld=Reason.BAD_REQUEST)):
            sale, order = self._sale()
            await self._pay(sale, order, n=1, fen=_FEN, script=_LATE)
