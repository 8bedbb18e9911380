"""What a cashier does with a proof that a customer brings: scans it as guns do, types its digits, tries what is not
allowed. Some type everything, some guess, and one may put an older copy of his till's disk back after a proof was
taken, and show it again.

Habits have streams of chance of their own: a till's at number 0, a sale's at its number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Final

from proof.simulation.offline_phones import altered, renamed
from proof.simulation.terminal import TillHost
from protocol.money import CNY, Money
from protocol.secret import Secret
from sync.engine.model import PaymentView, ProofView, ReadProof, ShowOffline, TypeCode

#: Above what one code frees, and above what is sold without the line at all.
_OVER_TYPED_FEN: Final = (50_001, 70_000)
_TOO_MUCH: Final = Money(500_001, CNY)
#: So many of such amounts are more than codes free in a shift.
_MANY: Final = 8
_LARGE_FEN: Final = (44_000, 50_000)


class ProofDesk:
    """See the module. `copy`: where a copy of the till's disk is kept; `foreign()`: proofs that other machines saw."""

    def __init__(
        self,
        till: TillHost,
        *,
        habit_of: Callable[[int], Random],
        foreign: Callable[[], Sequence[str]],
        request: Callable[[], str],
        note: Callable[[str, str], None],
        copy: Path,
        unruly: Callable[[str], None],
    ) -> None:
        self._till = till
        self._habit_of = habit_of
        self._habit = habit_of(0)
        self._foreign = foreign
        self._request = request
        self._note = note
        self._copy = copy
        self._unruly = unruly
        self.proofs: list[str] = []
        self._codes: dict[str, str] = {}
        self._types = self._habit.random() < 0.2
        self._guesses = self._habit.random() < 0.2
        self._sprees = self._habit.random() < 0.15
        self._restores = self._habit.random() < 0.15

    def next_sale(self, number: int) -> None:
        self._habit = self._habit_of(number)

    def knows(self, view: PaymentView, text: str, typed: str | None) -> None:
        """A phone at this counter shows a proof, and perhaps digits."""
        self.proofs.append(text)
        if typed is not None:
            self._codes[view.payment_no] = typed

    # --- what is asked for ---------------------------------------------------------------------------------------

    def priced(self, amount: Money) -> Money:
        """Now and then more than a code may free."""
        return Money(self._habit.randint(*_OVER_TYPED_FEN), CNY) if self._habit.random() < 0.08 else amount

    def sprees(self) -> bool:
        """Whether many pay one after the other now; once."""
        now, self._sprees = self._sprees, False
        return now

    def large_amounts(self) -> list[Money]:
        return [Money(self._habit.randint(*_LARGE_FEN), CNY) for _ in range(_MANY)]

    def asks_too_much(self) -> None:
        """An ORDER over more than one may be: the till must refuse it."""
        if self._habit.random() < 0.05:
            command = ShowOffline(
                request_id=self._request(),
                order_no=None,
                amount=_TOO_MUCH,
                subject="商品",
                operator="01",
                shown_at_ms=self._till.clock.mono_ms(),
            )
            self._till.submit(command)

    # --- the gun -------------------------------------------------------------------------------------------------

    async def takes(self, view: PaymentView, text: str, chance: Random) -> None:
        """What the customer brings, in this cashier's way."""
        if self._restores and self._habit.random() < 0.5:
            self._restores = False
            await self._puts_the_old_disk_back(text)
            return
        code = self._codes.get(view.payment_no)
        if code is not None and (self._types or self._habit.random() < 0.2):
            for _ in range(self._habit.choice((0, 0, 1, 1, 2))):
                await self.types(view.payment_no, self._wrong(code))
            worth = await self.types(view.payment_no, self._written(code))
            if worth is not None and worth.accepted and self._habit.random() < 0.5:
                return
        await self._scans_proof(text, chance)

    async def _scans_proof(self, text: str, chance: Random) -> None:
        """As it comes: read badly first, lower case, twice."""
        if chance.random() < 0.2:
            await self.scans(altered(text, chance.random()))
        if chance.random() < 0.1:
            await self.scans(text[: chance.randint(3, len(text) - 1)])
        await self.scans(text.lower() if chance.random() < 0.2 else text)
        if chance.random() < 0.3:
            await self.scans(text)

    async def scans_nonsense(self, view: PaymentView, chance: Random) -> None:
        """While this order waits: another till's proof, one that was used, one with this order's number in it."""
        await asyncio.sleep(chance.uniform(0.1, 8.0))
        foreign, mine = self._foreign(), self.proofs
        if foreign and chance.random() < 0.6:
            await self.scans(chance.choice(foreign))
        if mine and chance.random() < 0.6:
            await self.scans(chance.choice(mine))
        if mine and view.offline is not None and chance.random() < 0.6:
            await self.scans(renamed(chance.choice(mine), view.offline.qr))

    async def tries_others(self) -> None:
        """Without any order at the counter, what another machine has seen, or this one before."""
        known = [*self._foreign(), *self.proofs]
        if known and self._habit.random() < 0.25:
            await self.scans(self._habit.choice(known))

    async def scans(self, text: str) -> ProofView | None:
        """What the till says of it; None: it is down, or died over it."""
        await self._till.up.wait()
        request_id = self._request()
        self._note("scans", f"{request_id} {text[:12]}")
        self._till.sight.scanned[request_id] = text
        if not self._till.submit(ReadProof(request_id=request_id, text=text, operator="01")):
            return None
        return await self._worth(request_id)

    async def _worth(self, request_id: str) -> ProofView | None:
        for _ in range(4):
            worth = self._till.screen.proofs.get(request_id)
            if worth is not None:
                return worth
            await self._till.screen.change(2.0)
        return None

    async def _puts_the_old_disk_back(self, text: str) -> None:
        """The order waits on the copy; its proof is taken, the copy is put back, and the proof is shown again."""
        self._till.copy_disk(self._copy)
        worth = await self.scans(text)
        if worth is None or not worth.accepted:
            return
        self._unruly(self._till.terminal_id)
        self._note("puts_the_old_disk_back", self._till.terminal_id)
        self._till.start_from(self._copy)
        for _ in range(2):
            await self.scans(text)

    # --- digits --------------------------------------------------------------------------------------------------

    async def types(self, payment_no: str, code: str) -> ProofView | None:
        """What the till says of it; None: it is down, or died over it."""
        await self._till.up.wait()
        request_id = self._begins_to_type(payment_no, code)
        return None if request_id is None else await self._worth(request_id)

    async def types_all(self, views: Sequence[PaymentView]) -> None:
        """All at once."""
        await self._till.up.wait()
        codes = [(view.payment_no, self._codes.get(view.payment_no)) for view in views]
        begun = [self._begins_to_type(number, code) for number, code in codes if code is not None]
        for request_id in begun:
            if request_id is not None:
                await self._worth(request_id)

    async def guesses(self, view: PaymentView) -> None:
        """Codes of other orders, and what comes to mind."""
        if not self._guesses:
            return
        known = list(self._codes.values())
        for _ in range(self._habit.randint(2, 4)):
            code = self._habit.choice(known) if known and self._habit.random() < 0.5 else self._any()
            await self.types(view.payment_no, code)

    def _begins_to_type(self, payment_no: str, code: str) -> str | None:
        request_id = self._request()
        self._note("types", f"{request_id} {payment_no}")
        self._till.sight.typed[request_id] = (payment_no, code)
        command = TypeCode(request_id=request_id, payment_no=payment_no, code=Secret(code), operator="01")
        return request_id if self._till.submit(command) else None

    def _wrong(self, code: str) -> str:
        """One digit is another, which costs no try; or a code that is none of this order."""
        if self._habit.random() < 0.5:
            at = self._habit.choice([place for place, one in enumerate(code) if one.isdigit()])
            return f"{code[:at]}{(int(code[at]) + 1) % 10}{code[at + 1 :]}"
        return self._any()

    def _any(self) -> str:
        ten = f"{self._habit.randrange(10**10):010}"
        return ten + f"{98 - int(ten) * 100 % 97:02}"

    def _written(self, code: str) -> str:
        return code.replace(" ", self._habit.choice((" ", "", "-")))
