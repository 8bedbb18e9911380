"""The owner of a gateway whose database was put back: some minutes later he looks what is in question, compares it with
the wallets' own books, takes up what they show, and says in the end that he looked.

He is careful where only he can be: what a wallet holds money of, or may still take money of, he takes up; and he says
"done" only when nothing of that is left. What the books show as over he takes up, or does not: it makes no difference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

from gateway.configure.words import RestoredAction, RestoredOrder, RestoredSaid
from proof.simulation.evidence import Evidence
from proof.simulation.gateway import GatewayHost
from proof.simulation.stage import account_of
from proof.wallets import Wallets, kept_fen
from sandbox.wallet import MoneyState, OrderMoney

_LOOKS_EVERY_S: Final = 20.0
#: What was on its way to a wallet when the gateway went down has arrived by then, and a customer has typed.
_CAREFUL_MS: Final = 180_000
_COMES_AFTER_S: Final = (20.0, 400.0)


class RestoredDesk:
    """See the module. `heard(said)` tells the judge what he was shown; `happens`: whether there is anything to do in
    this world."""

    def __init__(
        self,
        *,
        happens: bool,
        gateway: GatewayHost,
        wallets: Wallets,
        evidence: Evidence,
        chance: Random,
        listed: Callable[[RestoredSaid], None],
        note: Callable[[str, str], None],
    ) -> None:
        self._happens = happens
        self._gateway = gateway
        self._wallets = wallets
        self._e = evidence
        self._chance = chance
        self._listed = listed
        self._note = note
        self._calm = False
        self._comes_ms = round(1000 * chance.uniform(*_COMES_AFTER_S))
        #: He takes up what is over, too.
        self._thorough = chance.random() < 0.5
        #: He says "done" before he heard of all tills, and again.
        self._hasty = chance.random() < 0.3

    @property
    def needed(self) -> bool:
        return self._happens and self._e.restored.file is not None and self._e.restored.file.open()

    def calm(self) -> None:
        self._calm = True

    async def visits(self) -> None:
        while self._happens:
            await asyncio.sleep(_LOOKS_EVERY_S)
            if self._comes():
                self._looks()

    def _comes(self) -> bool:
        at_ms = self._e.restored.at_ms
        waited_ms = 0 if at_ms is None else self._e.now_ms() - at_ms
        return at_ms is not None and self.needed and (self._calm or waited_ms > self._comes_ms)

    def _looks(self) -> None:
        said = self._says(RestoredAction.LIST)
        if said is None:
            return
        self._listed(said)
        left = False
        for order_no in sorted({row.order_no for row in said.in_question}):
            for wallet, money in self._books(order_no):
                if self._e.gateway.channel_orders().get(money.out_trade_no) is None and self._is_wanted(money):
                    taken = self._take_up(wallet, money)
                    left = left or not (taken or self._is_over(money))
        careful = self._e.now_ms() - (self._e.restored.at_ms or 0) > _CAREFUL_MS
        if not left and careful and (not said.waiting or self._hasty):
            self._says(RestoredAction.DONE)

    def _books(self, order_no: str) -> list[tuple[str, OrderMoney]]:
        """What the wallets have of it, those that hold money first."""
        found = [
            (name, money)
            for name, wallet in sorted(self._wallets.by_name.items())
            for money in wallet.orders(self._e.now_ms())
            if money.out_trade_no.startswith(order_no)
        ]
        if self._thorough:
            self._chance.shuffle(found)
            return found
        return sorted(found, key=lambda one: (-kept_fen(one[1]), one[1].out_trade_no))

    def _is_wanted(self, money: OrderMoney) -> bool:
        return self._thorough or not self._is_over(money)

    @staticmethod
    def _is_over(money: OrderMoney) -> bool:
        return not kept_fen(money) and money.state is not MoneyState.WAITING

    def _take_up(self, wallet: str, money: OrderMoney) -> bool:
        order = self._e.restored.orders.get(money.out_trade_no)
        account = order.account_id if order is not None else account_of(wallet, 0)
        said = self._says(RestoredAction.TAKE_UP, out_trade_no=money.out_trade_no, account=account, money=money)
        return said is not None

    def _says(
        self,
        action: RestoredAction,
        *,
        out_trade_no: str = "",
        account: str = "",
        money: OrderMoney | None = None,
    ) -> RestoredSaid | None:
        order = RestoredOrder(
            action=action,
            out_trade_no=out_trade_no,
            account=account,
            sent_ms=None if money is None else self._e.restored.sent_ms.get(out_trade_no),
            person="owner",
            reason="the wallets' books",
        )
        said = self._gateway.says(order)
        if not isinstance(said, RestoredSaid):
            self._note("restored_refused", f"{action} {out_trade_no} {said.faults[0].hint}")
            return None
        if action is not RestoredAction.LIST:
            self._note(f"restored_{action}", out_trade_no)
        return said
