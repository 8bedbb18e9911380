"""What a cashier does beside codes and QRs: takes cash, shows ORDERs while the line is down, scans what phones show.

A cashier may press what is not allowed, at the worst moment; the till must refuse it. Every sale has a stream of chance
of its own for this, so that these habits change no draw of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any, Final

from proof.simulation.offline_phones import OfflineCustomer, cheaper
from proof.simulation.processes import spawn_outside
from proof.simulation.proof_desk import ProofDesk
from proof.simulation.scripts import PLAIN, draw_script, is_forged
from proof.simulation.shop import Shop
from proof.simulation.terminal import TillHost, find_started
from protocol.money import Money
from protocol.offline.order import ORDER_CHARACTERS
from protocol.states import TerminalState
from sandbox.scripts import parse_script
from sync.engine.model import (
    CancelPayment,
    CashLimits,
    Line,
    ParkOffline,
    PaymentView,
    ReturnCash,
    ShowOffline,
    ShowStatus,
    TakeCash,
)
from sync.engine.statements import CashBack, ParkWhy

_LIMITS: Final = CashLimits(sale_fen=45_000, offline_day_fen=400_000)
#: Of an owner who is careful.
_TIGHT: Final = CashLimits(sale_fen=40_000, offline_day_fen=30_000)
#: After ten minutes nobody may begin to pay an ORDER that its till made by the gateway's time.
_OVER_S: Final = (599.5, 610.0)
_DOUBTFUL: Final = (TerminalState.UNKNOWN, TerminalState.CANCELLING)
#: How often cash is taken without the line where little may be.
_CASH_WITHOUT_LINE: Final = 0.4
#: What a customer does with an ORDER, and how often.
_PLANS: Final = {"pays": 50, "leaves": 8, "comes_back": 16, "closes": 10, "never": 8, "pays_twice": 6, "cheats": 4}


class SideDesk:
    """See the module. `foreign()`: proofs that other machines saw; `habit_of`: streams for how proofs are taken."""

    def __init__(
        self,
        till: TillHost,
        shop: Shop,
        *,
        chance_of: Callable[[int], Random],
        habit_of: Callable[[int], Random],
        foreign: Callable[[], Sequence[str]],
    ) -> None:
        self._till = till
        self._shop = shop
        self._chance_of = chance_of
        self._chance = chance_of(0)
        self._limits = chance_of(-2).choice((_LIMITS, _TIGHT))
        self._pressed = 0
        self._customers = 0
        self._gun = ProofDesk(
            till,
            habit_of=habit_of,
            foreign=foreign,
            request=self._request,
            note=self._note,
            copy=shop.folder / f"{till.name}-copy.db",
            unruly=shop.unruly,
        )
        #: Proofs that are to be shown later.
        self._later: list[str] = []
        self._tried: set[str] = set()
        self._abroad: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether somebody still walks about with a phone or stands at the counter."""
        return bool(self._abroad)

    @property
    def proofs(self) -> Sequence[str]:
        """Every proof that was on a phone at this counter."""
        return self._gun.proofs

    def next_sale(self, number: int) -> None:
        self._chance = self._chance_of(number)
        self._gun.next_sale(number)

    async def sees_off(self) -> None:
        """The counter closes: some stay until the last customer with a phone has gone, however long that takes."""
        if self._shop.selling.late and self._abroad and self._chance_of(-1).random() < 0.5:
            await asyncio.wait(set(self._abroad))

    # --- where the cashier comes by ------------------------------------------------------------------------------

    async def serves_instead(self, amount: Money) -> bool:
        """Whether this sale was cash or an ORDER."""
        selling, chance = self._shop.selling, self._chance
        careful = self._limits is _TIGHT and self._line_is_down()
        if selling.cash and chance.random() < (max(selling.cash, _CASH_WITHOUT_LINE) if careful else selling.cash):
            return await self._takes_cash(amount, None) is not None
        if not selling.offline or chance.random() >= selling.offline or not self._line_is_down():
            return False
        await self._gun.tries_others()
        if self._gun.sprees():
            await self._sells_many()
        return await self._sells_offline(self._gun.priced(amount))

    def meanwhile(self, view: PaymentView, age_s: float) -> None:
        """A payment whose outcome does not come: cash is tried, and a QR that asks."""
        selling, number = self._shop.selling, view.payment_no
        if view.state not in _DOUBTFUL or age_s < 2.0 or number in self._tried:
            return
        self._tried.add(number)
        chance = Random(self._chance.random())
        if selling.second and chance.random() < selling.second:
            self._goes(self._tries_cash(view, chance))
        if selling.offline and view.state is TerminalState.UNKNOWN and chance.random() < selling.offline:
            self._goes(self._asks_status(view, chance))

    async def closes_in_cash(self, view: PaymentView) -> bool:
        """The sale's wallet try is over, or too long in doubt, and the customer has cash."""
        selling, chance = self._shop.selling, self._chance
        if not selling.second or chance.random() >= selling.second:
            return False
        taken = await self._takes_cash(view.amount, view.order_no)
        # A cashier who forgets that it is paid may try to collect again.
        return taken is not None and chance.random() < 0.5

    def _line_is_down(self) -> bool:
        link = self._till.link
        return link is not None and link.line in (Line.DOWN, Line.UNTRUSTED)

    def _goes(self, work: Coroutine[Any, Any, None]) -> None:
        task = spawn_outside(work)
        self._abroad.add(task)
        task.add_done_callback(self._abroad.discard)

    # --- cash ----------------------------------------------------------------------------------------------------

    async def _tries_cash(self, view: PaymentView, chance: Random) -> None:
        for _ in range(chance.randint(1, 4)):
            await asyncio.sleep(chance.uniform(0.5, 20.0))
            if await self._takes_cash(view.amount, view.order_no) is not None:
                return

    async def _takes_cash(self, amount: Money, order_no: str | None) -> PaymentView | None:
        """None: the till refused it, or died over it."""
        await self._till.up.wait()
        request_id = self._request()
        received = amount.fen + self._chance.choice((0, 0, 500, 5_000))
        self._note("takes_cash", f"{request_id} {amount.fen} {order_no or ''}".rstrip())
        command = TakeCash(
            request_id=request_id,
            order_no=order_no,
            amount=amount,
            received_fen=received,
            limits=self._limits,
            operator="01",
        )
        self._till.sight.cash_limits[request_id] = self._limits
        if not self._till.submit(command):
            return None
        for _ in range(6):
            if request_id in self._till.screen.refused:
                return None
            taken = next((v for v in self._till.screen.payments.values() if v.request_id == request_id), None)
            if taken is not None:
                await self._may_give_back(taken)
                return taken
            await self._till.screen.change(2.0)
        return None

    async def _may_give_back(self, taken: PaymentView) -> None:
        if self._chance.random() >= 0.12:
            return
        await asyncio.sleep(self._chance.uniform(0.5, 10.0))
        await self._till.up.wait()
        self._note("gives_cash_back", taken.payment_no)
        self._till.submit(
            ReturnCash(request_id=self._request(), payment_no=taken.payment_no, why=CashBack.GOODS_BACK, operator="01")
        )

    # --- ORDERs --------------------------------------------------------------------------------------------------

    async def _sells_offline(self, amount: Money, order_no: str | None = None) -> bool:
        """One ORDER from its showing to whatever becomes of it at the counter; False: the till showed none."""
        view = await self._shows(amount, order_no)
        if view is None or view.offline is None:
            return False
        chance, till = self._chance, self._till
        plan = chance.choices(tuple(_PLANS), tuple(_PLANS.values()))[0]
        if self._shop.selling.late and chance.random() < self._shop.selling.late:
            plan = "late"
        self._note("shows_order", f"{view.payment_no} {plan}")
        brought: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._goes(self._customer(view, view.offline.qr, plan, Random(chance.random()), brought))
        hasty = chance.random() < self._shop.people.hasty * 0.5
        patience_s = chance.uniform(1.0, 40.0) if hasty else chance.uniform(60.0, 170.0)
        if self._later and chance.random() < 0.85:
            await asyncio.sleep(chance.uniform(0.1, 5.0))
            await self._gun.scans(self._later.pop())
        if chance.random() < 0.5:
            await self._gun.scans_nonsense(view, chance)
        await self._gun.guesses(view)
        done, _ = await asyncio.wait({brought}, timeout=patience_s)
        text = brought.result() if done else None
        if text is not None and not (hasty and chance.random() < 0.5):
            await self._gun.takes(view, text, chance)
        else:
            what = "leaves" if plan == "late" else await self._gives_up(view, comes_back=plan == "comes_back")
            if not done:
                text = await brought
            if text is not None and what != "cancels" and chance.random() < 0.7:
                self._later.append(text)
            elif text is not None:
                await self._gun.scans(text)
        after = till.sight.views.get(view.payment_no, view)
        if after.safe_to_rescan and order_no is None and chance.random() < 0.6:
            covered = chance.random() < 0.5 and await self._takes_cash(amount, view.order_no) is not None
            if self._line_is_down() and (not covered or chance.random() < 0.3):
                await self._sells_offline(amount, view.order_no)  # refused when cash is there already
        return True

    async def _sells_many(self) -> None:
        """One after the other pays in a hurry, and all their codes are typed at once: together more than may be."""
        held: list[PaymentView] = []
        for amount in self._gun.large_amounts():
            view = await self._shows(amount, None)
            if view is None or view.offline is None:
                break
            customer = self._phone(view, view.offline.qr, self._chance, "many", PLAIN)
            await customer.pays(tries=3)
            text = await customer.proof(within_s=12.0)
            if text is not None:
                self._gun.knows(view, text, customer.typed)
                held.append(view)
            self._parks(view.payment_no)
        await self._gun.types_all(held)

    async def _shows(self, amount: Money, order_no: str | None) -> PaymentView | None:
        self._gun.asks_too_much()
        for _ in range(2):
            await self._till.up.wait()
            request_id, seen = self._request(), set(self._till.sight.views)
            command = ShowOffline(
                request_id=request_id,
                order_no=order_no,
                amount=amount,
                subject="商品",
                operator="01",
                shown_at_ms=self._till.clock.mono_ms(),
            )
            self._note("asks_for_order", f"{request_id} {amount.fen}")
            if not self._till.submit(command):
                return None
            view = await find_started(self._till, request_id, seen, amount)
            if view is not None:
                return view
            waiting = [
                v.payment_no
                for v in self._till.screen.payments.values()
                if v.offline is not None and not v.offline.status and v.offline.parked is None and not v.state.final
            ]
            for number in waiting:
                self._parks(number)
            if not waiting:
                return None
            await self._till.screen.change(1.0)
        return None

    async def _gives_up(self, view: PaymentView, *, comes_back: bool) -> str:
        """Nobody came, or not in time: cancelled, put aside, or simply left."""
        await self._till.up.wait()
        what = self._chance.choices(("cancels", "parks", "leaves"), (10 if comes_back else 50, 35, 15))[0]
        if what == "parks":
            self._parks(view.payment_no)
        if what == "cancels":
            self._note("cancels", view.payment_no)
            handed = self._chance.random() < 0.3
            self._till.submit(CancelPayment(payment_no=view.payment_no, operator="01", goods_handed=handed))
        return what

    def _parks(self, payment_no: str) -> None:
        self._note("parks", payment_no)
        self._till.submit(ParkOffline(payment_no=payment_no, why=ParkWhy.LEFT, operator="01"))

    # --- the customers -------------------------------------------------------------------------------------------

    async def _customer(
        self, view: PaymentView, qr: str, plan: str, chance: Random, brought: asyncio.Future[str | None]
    ) -> None:
        """One customer; what he brings back is on his phone. Nobody waits for who comes when all is over."""
        text = None
        if plan == "late":
            brought.set_result(None)
        try:
            text = await self._visits(view, qr, plan, chance)
        finally:
            if not brought.done():
                brought.set_result(text if plan not in ("leaves", "comes_back") else None)
        if text is not None:
            if plan == "comes_back":
                self._later.append(text)

    async def _visits(self, view: PaymentView, qr: str, plan: str, chance: Random) -> str | None:
        phone = self._phone(view, qr, chance, plan)
        await asyncio.sleep(chance.uniform(*_OVER_S) if plan == "late" else chance.uniform(0.5, 15.0))
        if plan == "never":
            return None
        if plan == "cheats":
            seen = await self._phone(view, cheaper(qr), chance, plan).pays(tries=1)
            self._note("cheats", f"{view.payment_no} {seen}")
        if plan == "closes" and chance.random() < 0.5:
            await phone.closes()
            text = await phone.proof(within_s=60.0)
            if text is not None:
                self._gun.knows(view, text, None)
            return text
        if plan == "pays_twice":
            self._goes(self._rival(view, qr, Random(chance.random())))
        seen = await phone.pays(tries=chance.randint(1, 4))
        self._note("opens", f"{view.payment_no} {seen}")
        if plan == "closes":
            await asyncio.sleep(chance.uniform(0.0, 30.0))
            await phone.closes()
        text = await phone.proof(within_s=chance.choice((20.0, 90.0, 150.0)))
        if text is not None:
            self._gun.knows(view, text, phone.typed)
        return text

    async def _rival(self, view: PaymentView, qr: str, chance: Random) -> None:
        await asyncio.sleep(chance.uniform(0.0, 20.0))
        rival = self._phone(view, qr, chance, "rival")
        seen = await rival.pays(tries=2)
        self._note("opens_too", f"{view.payment_no} {seen}")
        await rival.proof(within_s=9.0)

    async def _asks_status(self, view: PaymentView, chance: Random) -> None:
        """A QR that only asks; any phone in the shop will do."""
        await asyncio.sleep(chance.uniform(0.1, 10.0))
        if not self._line_is_down():
            return
        self._note("asks_status", view.payment_no)
        self._till.submit(ShowStatus(request_id=self._request(), payment_no=view.payment_no, operator="01"))
        for _ in range(3):
            await self._till.screen.change(2.0)
            latest = self._till.screen.payments.get(view.payment_no)
            if latest is None or latest.state.final:
                return
            if latest.offline is not None:
                await self._brings_status(latest, latest.offline.qr, chance)
                return

    async def _brings_status(self, view: PaymentView, qr: str, chance: Random) -> None:
        assert len(qr.rpartition("/")[2]) == ORDER_CHARACTERS, "an ORDER's address"
        phone = self._phone(view, qr, chance, "status")
        text = await phone.proof(within_s=4.0)
        if text is None and chance.random() < 0.7:
            await phone.closes()
            text = await phone.proof(within_s=40.0)
        if text is not None:
            self._gun.knows(view, text, None)
            await self._gun.scans(text)

    def _phone(self, view: PaymentView, qr: str, chance: Random, plan: str, does: str | None = None) -> OfflineCustomer:
        self._customers += 1
        script = draw_script(chance, self._shop.people) if does is None else parse_script(does)
        assert script is not None, "a script"
        if is_forged(script):
            self._till.sight.doubted.add(view.payment_no)
        return OfflineCustomer(
            self._shop.phones,
            qr,
            wallet=chance.choice(self._shop.wallets),
            customer=f"{self._till.name}/{plan}/{self._customers}",
            script=script,
        )

    def _request(self) -> str:
        self._pressed += 1
        return f"{self._till.name}/side/{self._pressed}"

    def _note(self, what: str, about: str) -> None:
        self._shop.trace.note(self._shop.now_ms(), f"{self._till.name}.side", what, about)
