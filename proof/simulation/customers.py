"""The people: a cashier at each till, and the customers in front of it. They outlive every crash, and they are hasty.

A cashier does what the rules allow and nothing that they forbid, at the worst moments: cancels while the customer pays,
scans again as soon as the light is green, scans a second code while the first is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from proof.simulation.faults import People
from proof.simulation.phones import Phones
from proof.simulation.processes import Process, outside, spawn_outside
from proof.simulation.scripts import PLAIN, REFUNDED, draw_script, in_the_last_moment, is_forged
from proof.simulation.side_desk import SideDesk
from proof.simulation.terminal import TillHost, find_started
from proof.simulation.trace import Trace
from proof.wallets import Wallets
from protocol.messages import Presented
from protocol.money import CNY, Money
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import TerminalState
from sandbox.following import NotFollowed
from sandbox.scripts import Script
from sync.engine.model import CancelPayment, Line, PaymentView, StartPayment, StartRefund

_PATIENCE_S = 240.0
_MOST_TRIES = 4
_BOUNCES = 0.15
#: Who is not sure whether the till took it presses cash once more.
_CASH_AGAIN = 0.2
#: Whoever hears this at the counter sells nothing there before the owner came.
_STOPPED = frozenset({Reason.TERMINAL_FROZEN, Reason.TERMINAL_REVOKED})
#: No sale has this number.
_AT_THE_END = -1
_LOOKS_FOR_THE_LINE = 12
#: What a customer sees whose phone lost the line, or who comes while another pays.
_TRY_AGAIN = frozenset({NotFollowed.UNREACHABLE.value, NotFollowed.PRESS_REFUSED.value, NotFollowed.BUSY.value})


class Cashier:
    """Serves one customer after the other at one till, and says when the day is over."""

    def __init__(
        self,
        *,
        till: TillHost,
        wallets: Wallets,
        phones: Phones,
        people: People,
        chance_of: Callable[[int], Random],
        skipped: Callable[[int], bool],
        lend: Callable[[str], Secret | None],
        side: SideDesk,
        presses: Random,
        returning: Random,
        typing: Random,
        last_moment: float,
        now_ms: Callable[[], int],
        trace: Trace,
    ) -> None:
        self._till = till
        self._wallets = wallets
        self._phones = phones
        self._people = people
        self._chance_of = chance_of
        self._chance = chance_of(0)
        self._skipped = skipped
        self._lend = lend
        self.side = side
        self._presses = presses
        self._returning = returning
        self._typing = typing
        self._last_moment = last_moment
        self._now_ms = now_ms
        self._trace = trace
        self._pressed = 0
        self._customers = 0
        self._scanned: set[str] = set()
        self._used: set[str] = set()
        self._serving: PaymentView | None = None
        self._plays = PLAIN
        self.begun: list[int] = []
        #: The code that was under this cashier's gun last.
        self.code: Secret | None = None

    @property
    def till_name(self) -> str:
        return self._till.name

    @property
    def terminal_id(self) -> str:
        return self._till.terminal_id

    async def work(self) -> None:
        """Each sale has a stream of chance of its own, so that leaving one out changes no other."""
        for number in range(1, self._chance_of(0).randint(*self._people.sales) + 1):
            self._chance = self._chance_of(number)
            await asyncio.sleep(self._chance.uniform(*self._people.pause))
            if not self._skipped(number):
                self.begun.append(number)
                self.side.next_sale(number)
                await self._serve_one()
            self._serving = None
        await self._goods_come_back()
        await self.side.sees_off()

    async def _goods_come_back(self) -> None:
        """Before the counter closes, of what was sold without the line, and of what was cancelled there and paid in the
        end: a supervisor gives some of it back once the line is up."""
        views = self._till.sight.views.values()
        sold = [view for view in views if view.offline is not None and not view.offline.status]
        if not sold:
            return
        self._chance = self._chance_of(_AT_THE_END)
        for _ in range(_LOOKS_FOR_THE_LINE):
            if self._till.link is not None and self._till.link.line is Line.UP:
                break
            await asyncio.sleep(10.0)
        for shown in sold:
            view = self._till.sight.views.get(shown.payment_no, shown)
            wanted = max(self._people.returns, 0.8) if view.cancel_requested else self._people.returns
            if view.state is TerminalState.PAID and self._chance.random() < wanted:
                await self._take_back(view)

    def money_moved(self, order_no: str) -> None:
        """The worst moment of all: the customer's phone says paid, and the cashier presses cancel."""
        view = self._serving
        if view is not None and view.order_no == order_no and self._chance.random() < self._people.spiteful:
            delay_s = self._chance.choice((0.0, 0.005, 0.05))
            asyncio.get_running_loop().call_later(delay_s, self._cancel, view, context=outside())

    async def _serve_one(self) -> None:
        """One sale: collected, given up, or left open for the machine to settle."""
        amount = Money(self._chance.randint(1, 50_000), CNY)
        sale_id: str | None = None
        order_no: str | None = None
        if await self.side.serves_instead(amount):
            return
        for _ in range(_MOST_TRIES):
            view = await self._collect(amount, sale_id, order_no)
            if view is None:
                await asyncio.sleep(self._chance.uniform(1.0, 15.0))
                continue
            if view.reason in _STOPPED:
                self._gives_back_instead()
            returns = self._people.returns if self._plays not in REFUNDED else max(self._people.returns, 0.7)
            if view.state is TerminalState.PAID and self._chance.random() < returns:
                await self._take_back(view)
            if await self.side.closes_in_cash(view):
                if self._chance.random() < _CASH_AGAIN:
                    await self.side.closes_in_cash(view)
                return
            if not view.safe_to_rescan or self._chance.random() < 0.3:
                return
            # After a cancel a new order of the same sale is due; a cashier who does not know that must do no harm.
            knows = self._chance.random() < 0.85
            sale_id, order_no = view.sale_id, None if view.cancel_requested and knows else view.order_no

    async def _take_back(self, view: PaymentView) -> None:
        """The customer brings something back: a part, the rest, now and then more than he paid. A cashier may lose
        patience and press again: that is another refund, and together they never exceed what was paid."""
        for _ in range(self._chance.randint(1, 3)):
            await asyncio.sleep(self._chance.uniform(0.1, 20.0))
            await self._till.up.wait()
            self._pressed += 1
            fen = max(1, round(view.amount.fen * self._chance.choice((0.3, 0.5, 1.0, 1.0, 1.2))))
            self._note("takes_back", f"{view.payment_no} {fen}")
            self._press(self._refund_of(view, fen))

    def _gives_back_instead(self) -> None:
        """A till that sells nothing any more is a counter for returns to its cashier."""
        views = self._till.sight.views.values()
        paid = [view for view in views if view.state is TerminalState.PAID and view.cash is None]
        if not paid or self._returning.random() < 0.5:
            return
        self._pressed += 1
        view = self._returning.choice(paid)
        fen = max(1, round(view.amount.fen * self._returning.choice((0.2, 0.5, 1.0))))
        self._note("takes_back_instead", f"{view.payment_no} {fen}")
        self._till.submit(self._refund_of(view, fen))

    def _refund_of(self, view: PaymentView, fen: int) -> StartRefund:
        return StartRefund(
            request_id=f"{self._till.name}/{self._pressed}",
            order_no=view.order_no,
            amount=Money(fen, CNY),
            note="退货",
            operator="01",
        )

    def _press(self, command: StartPayment | StartRefund) -> bool:
        """Now and then a key bounces, or a finger comes down twice: the same press comes again, in the same run of the
        program. What was refused at once is not pressed again by itself."""
        if not self._till.submit(command):
            return False
        if self._presses.random() < _BOUNCES:
            again_s = self._presses.choice((0.0, 0.02, 0.5, 6.0))
            process = self._till.process
            asyncio.get_running_loop().call_later(again_s, self._press_again, command, process, context=outside())
        return True

    def _press_again(self, command: StartPayment | StartRefund, process: Process | None) -> None:
        if process is self._till.process and command.request_id not in self._till.screen.refused:
            self._note("presses_again", command.request_id)
            self._till.submit(command)

    async def _collect(self, amount: Money, sale_id: str | None, order_no: str | None) -> PaymentView | None:
        """One payment, from the scan to its end; None when nothing was started."""
        await self._till.up.wait()
        self._pressed += 1
        request_id = f"{self._till.name}/{self._pressed}"
        shows_qr = self._chance.random() < self._people.qr_share
        script = self._script()
        self._plays = script.behaviour.value
        seen = set(self._till.sight.views)
        code, own = self._code(script), True
        if self._people.shares and self._chance.random() < self._people.shares:
            lent = self._lend(self._till.name)
            if lent is not None and lent.reveal() not in self._used:
                code, own = lent, False
        self._used.add(code.reveal())
        self.code = code
        command = StartPayment(
            request_id=request_id,
            sale_id=sale_id,
            order_no=order_no,
            amount=amount,
            presented=Presented.MERCHANT if shows_qr else Presented.CUSTOMER,
            auth_code=None if shows_qr else code,
            subject="商品",
            operator="01",
            scanned_at_ms=self._till.clock.mono_ms(),
        )
        self._note("starts", f"{request_id} {amount.fen} {command.presented} {script}")
        if not self._press(command):
            return None
        view = await find_started(self._till, request_id, seen, amount)
        if view is None:
            return None
        self._serving = view
        if is_forged(script) or not own:  # what a code does that another cashier scanned first is not known here
            self._till.sight.doubted.add(view.payment_no)
            if own and not shows_qr:
                self._till.sight.forged.add(view.payment_no)
        return await self._until_settled(view, script)

    async def _until_settled(self, view: PaymentView, script: Script) -> PaymentView:
        until_s = self._now_ms() / 1000 + _PATIENCE_S
        cancels_after = self._cancel_moment()
        second = self._chance.random() < self._people.second_scan
        started_s = self._now_ms() / 1000
        while not view.state.final and self._now_ms() / 1000 < until_s:
            if view.qr is not None:
                self._customer_sees(view.payment_no, view.qr, script)
            age_s = self._now_ms() / 1000 - started_s
            self.side.meanwhile(view, age_s)
            if second and view.state is TerminalState.WAITING:
                second = False
                self._scan_again_too_early(view)
            if cancels_after is not None and age_s >= cancels_after and not view.cancel_requested:
                self._cancel(view)
                cancels_after = None
            left = until_s - self._now_ms() / 1000
            wait_s = min(left, max(0.01, cancels_after - age_s)) if cancels_after is not None else left
            await self._till.screen.change(max(0.01, min(wait_s, 30.0)))
            view = self._till.screen.payments.get(view.payment_no) or self._till.sight.views.get(view.payment_no, view)
        return view

    def _code(self, script: Script) -> Secret:
        """The next customer's wallet is any of them."""
        wallet = self._chance.choice(sorted(self._wallets.by_name))
        return Secret(self._wallets.show_code(wallet, script))

    def _script(self) -> Script:
        return in_the_last_moment(draw_script(self._chance, self._people), self._typing, self._last_moment)

    def _cancel_moment(self) -> float | None:
        """When a hasty cashier cancels: at once, while the customer types, near the deadline, or as the QR ends."""
        if self._chance.random() >= self._people.hasty:
            return None
        span = self._chance.choice(((0.0, 0.3), (0.3, 5.0), (5.0, 44.0), (43.0, 50.0), (100.0, 130.0)))
        return self._chance.uniform(*span)

    def _cancel(self, view: PaymentView) -> None:
        self._note("cancels", view.payment_no)
        if self._till.submit(CancelPayment(payment_no=view.payment_no, operator="01")):
            self._till.sight.cancelled_ms.setdefault(view.payment_no, self._now_ms())

    def _scan_again_too_early(self, view: PaymentView) -> None:
        """A second code while the first is open: it must be refused."""
        self._pressed += 1
        self._note("scans_too_early", view.payment_no)
        command = StartPayment(
            request_id=f"{self._till.name}/{self._pressed}",
            sale_id=view.sale_id,
            order_no=view.order_no,
            amount=view.amount,
            presented=Presented.CUSTOMER,
            auth_code=self._code(self._script()),
            subject="商品",
            operator="01",
            scanned_at_ms=self._till.clock.mono_ms(),
        )
        self._till.submit(command)

    def _customer_sees(self, payment_no: str, qr: str, script: Script) -> None:
        if qr in self._scanned:
            return
        self._scanned.add(qr)
        late = self._chance.random() < self._people.late_scan
        after_s = self._chance.uniform(80.0, 260.0) if late else self._chance.uniform(0.5, 20.0)
        spawn_outside(self._customer_scans(qr, script, after_s))
        if self._chance.random() < self._people.twice:
            spawn_outside(self._customer_scans(qr, script, after_s + self._chance.uniform(0.0, 60.0)))
        if self._chance.random() < self._people.rivals:
            rival = self._script()
            if is_forged(rival):
                self._till.sight.doubted.add(payment_no)
            spawn_outside(self._customer_scans(qr, rival, after_s + self._chance.uniform(0.0, 30.0)))

    async def _customer_scans(self, qr: str, script: Script, after_s: float) -> None:
        self._customers += 1
        wallet, customer = self._chance.choice(sorted(self._wallets.by_name)), f"{self._till.name}/{self._customers}"
        tries = self._chance.randint(1, 4)
        await asyncio.sleep(after_s)
        for _ in range(tries):
            seen = await self._phones.pay(qr, wallet=wallet, customer=customer, script=script)
            self._note("scanned_qr", f"{wallet} {seen} {script}")
            if seen not in _TRY_AGAIN:
                return
            await asyncio.sleep(3.0)

    def _note(self, what: str, about: str) -> None:
        self._trace.note(self._now_ms(), f"{self._till.name}.cashier", what, about)
