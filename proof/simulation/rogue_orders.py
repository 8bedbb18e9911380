"""A terminal whose program signs ORDERs as it likes, and the people who open them: what a thief of a till's order key
can do, and what a till that keeps the rules cannot. What the gateway lets begin is judged by the rules of
`proof.simulation.invariants_begun`; what it must say aloud is judged here.

It has a device key and an order key of its own, registered like any till's, so that nobody else is frozen with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from gateway.configure.terminals import terminals_word
from gateway.configure.words import TerminalsAction, TerminalsOrder
from proof.simulation.evidence import Evidence
from proof.simulation.evidence_side import OrderShown
from proof.simulation.gateway import GatewayHost
from proof.simulation.key_life import OLD_KID, TOO_OLD_KID
from proof.simulation.network import LineEnd, Reply
from proof.simulation.offline_phones import OfflineCustomer
from proof.simulation.owner import activation, new_code
from proof.simulation.phones import Phones
from proof.simulation.rogue import Rogue
from proof.wallets import GATEWAY_ORIGIN
from protocol.keys import public_text
from protocol.messages import ActivationAnswer, decode
from protocol.numbers import NUMBER_BYTES, new_number
from protocol.offline.order import ClockQuality, OfflineOrder, OrderType, SignedOrder, sign_order
from protocol.reasons import Reason
from sandbox.scripts import parse_script
from sync.engine.events import KitAnswer, KitCall, ProblemAnswer

_NAME: Final = "rogue orders"
#: ¥5,000 and a fen, and what is sold otherwise.
_TOO_MUCH_FEN: Final = 500_001
_FEN: Final = (1, 40_000)
_OVER_TYPED_FEN: Final = 50_001
_TOO_OLD_S: Final = 700
_TRIES: Final = 6


class OrderRogue(Rogue):
    """See the module. `key` signs its ORDERs; `spoil(kid)`: others have got a key that signs proofs."""

    def __init__(
        self,
        *,
        key: Ed25519PrivateKey,
        phones: Phones,
        gateway: GatewayHost,
        evidence: Evidence,
        spoil: Callable[[int], None],
        **rogue: Any,
    ) -> None:
        super().__init__(**rogue)
        self._key = key
        self._phones = phones
        self._gateway = gateway
        self._e = evidence
        self._spoil = spoil
        self._kid = 0
        self._oseq = 0
        self._customers = 0

    async def work(self) -> None:
        await asyncio.sleep(self._chance.uniform(0.5, 20.0))
        if not await self._registers():
            return
        acts = [
            self._sells,
            self._sells_too_much,
            self._names_old_keys,
            self._shows_an_old_one,
            self._closes_for_good,
            self._closes_what_was_scanned,
            self._asks_while_a_second_is_open,
            self._asks_about_another_till,
            self._tells_of_the_cancelled,
            self._uses_a_code_twice,
        ]
        self._chance.shuffle(acts)
        for act in (
            *acts,
            self._has_another_key,
            self._goes_far_back,
            self._is_switched_off,
            self._is_cloned_by_number,
        ):
            await asyncio.sleep(self._chance.uniform(0.1, 4.0))
            if self._kid in self._e.side.bad_keys:
                await self._registers()
            await act()
        if await self._activated_again():
            await self._is_of_an_earlier_activation()
            await self._is_cloned_by_content()

    # --- single acts ---------------------------------------------------------------------------------------------

    async def _sells(self) -> None:
        """An honest order. Others ask for its proof, too: one who only looked, one who never opened the page."""
        order = self._sign()
        seen = self._customer(order)
        looked, passing = self._customer(order), self._customer(order)
        await looked.looks()
        await self._is_taken(order, seen)
        await seen.proof(within_s=15.0)
        await looked.proof(within_s=4.0)
        await passing.proof(within_s=4.0)

    async def _sells_too_much(self) -> None:
        """A fen more than may be, and the most that may."""
        await self._is_tried(self._sign(amount_fen=_TOO_MUCH_FEN))
        most = self._sign(amount_fen=_TOO_MUCH_FEN - 1)
        await self._is_taken(most, self._customer(most))

    async def _names_old_keys(self) -> None:
        """One that was retired too long ago, and one that is still good for a day, until others have got it: from then
        on nothing begins by it, and who has paid gets his proof by another."""
        await self._is_tried(self._sign(kid=TOO_OLD_KID))
        order, other = self._sign(kid=OLD_KID), self._sign(kid=OLD_KID)
        customer, waiting = self._customer(order), self._customer(other)
        await self._is_taken(order, customer)
        await waiting.looks()
        self._spoil(OLD_KID)
        await customer.proof(within_s=15.0)
        await waiting.presses()
        await self._is_tried(self._sign(kid=OLD_KID))

    async def _shows_an_old_one(self) -> None:
        """Of a till that knew the time; one that only guessed it cannot be held to it."""
        made_at_s = self._now_ms() // 1000 - _TOO_OLD_S
        await self._is_tried(self._sign(made_at_s=made_at_s))
        guessed = self._sign(made_at_s=made_at_s, clock=ClockQuality.GUESSED)
        await self._is_taken(guessed, self._customer(guessed))

    async def _goes_far_back(self) -> None:
        """A counter that no bitmap speaks of any more, and one that the last still does."""
        self._oseq += 40
        await self._is_tried(self._sign())
        await self._is_tried(self._sign(oseq=self._oseq - 17))
        last = self._sign(oseq=self._oseq - 16)
        await self._is_taken(last, self._customer(last))

    async def _closes_for_good(self) -> None:
        order = self._sign()
        first, second = self._customer(order), self._customer(order)
        await second.looks()
        if await first.closes():
            await first.proof(within_s=6.0)
        await second.presses()
        await second.pays(tries=1)

    async def _closes_what_was_scanned(self) -> None:
        """A payment that was declined, a STATUS about it, its proof of CLOSED; then the till goes on with payment 2."""
        sale, order = self._sale()
        await self._pay(sale, order, n=1, script="balance_low", fen=900)
        await asyncio.sleep(8.0)
        about = self._sign(type=OrderType.STATUS, order_no=order, amount_fen=900)
        await self._customer(about).proof(within_s=6.0)
        await self._pay(sale, order, n=2, script="pay", fen=900)

    async def _asks_while_a_second_is_open(self) -> None:
        """Payment 1 was declined, the customer types his password for payment 2: nothing of the order is proven yet."""
        sale, order = self._sale()
        await self._pay(sale, order, n=1, script="balance_low", fen=800)
        await asyncio.sleep(8.0)
        await self._pay(sale, order, n=2, script="ask_password:12", fen=800)
        about = self._customer(self._sign(type=OrderType.STATUS, order_no=order, amount_fen=800))
        await about.proof(within_s=6.0)
        await asyncio.sleep(15.0)
        await about.proof(within_s=6.0)

    async def _asks_about_another_till(self) -> None:
        """In its name, by a key that is not its: nothing is proven to who asks so, and nothing is closed."""
        others = [row for row in self._e.rows.values() if row.terminal_id not in self._e.unruly]
        if others:
            row = self._chance.choice(others)
            asked = self._made(type=OrderType.STATUS, terminal_id=row.terminal_id, order_no=row.order_no)
            stranger = self._customer(asked)
            await stranger.closes()
            await stranger.proof(within_s=4.0)

    async def _tells_of_the_cancelled(self) -> None:
        """One that is open and one that nobody saw yet, far back in the bitmap of the next."""
        opened, unseen = self._sign(), self._sign()
        await self._customer(opened, "ask_password:90").pays(tries=1)
        waiting = self._customer(unseen)
        await waiting.looks()
        self._oseq += 13
        await self._is_tried(self._sign(cancelled=0b11 << 13))
        await waiting.presses()
        await waiting.pays(tries=1)

    async def _uses_a_code_twice(self) -> None:
        """And one for more than a code may free."""
        first, large = self._sign(release=7), self._sign(release=9, amount_fen=_OVER_TYPED_FEN)
        for order in (first, self._sign(release=7), large):
            customer = self._customer(order)
            await customer.pays(tries=3)
            await customer.proof(within_s=15.0)

    async def _is_switched_off(self) -> None:
        """By the owner, while a customer stands before the page. Who has paid still gets his proof, and no later ORDER
        takes it back."""
        paid, waiting, new = self._customer(self._sign()), self._customer(self._sign()), self._sign(cancelled=0b10)
        await paid.pays(tries=3)
        await waiting.looks()
        order = TerminalsOrder(action=TerminalsAction.REVOKE, terminal=self._who.terminal_id)
        self._gateway.door(lambda tx: terminals_word(tx, order, now_ms=self._now_ms(), random=b""))
        await waiting.presses()
        await self._is_tried(new)
        await self._customer(new).closes()
        await paid.proof(within_s=6.0)
        if await self._activated_again():
            await self._registers_as_before()

    async def _registers_as_before(self) -> None:
        """Signed under the activation before: whoever has that one's disk names no key for this one's ORDERs."""
        before = replace(self._who, epoch=self._who.epoch - 1)
        asked = KitCall(first=1, wanted=0, offline_key=public_text(self._key))
        if isinstance(await self._ask(asked, who=before), KitAnswer):
            self._broken("one_order_key_for_an_epoch", before.terminal_id, f"taken from activation {before.epoch}")

    async def _has_another_key(self) -> None:
        """There may be two of it: the key that was registered first stays, and a person is told."""
        other = Ed25519PrivateKey.from_private_bytes(self._chance.randbytes(32))
        answer = await self._ask(KitCall(first=1, wanted=0, offline_key=public_text(other)))
        if isinstance(answer, KitAnswer):
            self._broken("one_order_key_for_an_epoch", self._who.terminal_id, "a second key for ORDERs was taken")
        elif isinstance(answer, ProblemAnswer) and answer.problem.reason is Reason.CONTENT_DIFFERS:
            if ("order_key_differs", self._who.terminal_id) not in self._alarms():
                self._broken("one_order_key_for_an_epoch", self._who.terminal_id, "a second key came, and no alarm")

    async def _is_cloned_by_number(self) -> None:
        await self._is_cloned(lambda first: self._sign(oseq=first.order.oseq))

    async def _is_cloned_by_content(self) -> None:
        await self._is_cloned(
            lambda first: self._sign(
                oseq=first.order.oseq, order_no=first.order.order_no, amount_fen=first.order.amount_fen + 1
            )
        )

    async def _is_cloned(self, another: Callable[[SignedOrder], SignedOrder]) -> None:
        """Two of one till: the gateway must freeze it and tell people, and nothing of it begins from then on. An ORDER
        by a key that others got meanwhile is refused for that before anything else: then the clone names a fresh one.
        """
        first = self._sign()
        await self._customer(first).pays(tries=_TRIES)
        if first.order.order_no not in self._e.side.rows.seen:
            return
        waiting, late = self._customer(self._sign()), self._sign()
        await waiting.looks()
        clone, answered = self._customer(another(first)), False
        for _ in range(_TRIES):
            if self._kid in self._e.side.bad_keys and await self._registers():
                clone = self._customer(another(first))
            said = await clone.presses()
            answered = answered or (said is not None and self._kid not in self._e.side.bad_keys)
            if self._is_frozen():
                break
            await clone.pays(tries=1)
        if answered and not self._is_frozen():
            self._broken("a_clone_freezes_its_till", f"{first.order.order_no}-1", "another order came in its place")
        told = [about for kind, about in self._e.gateway.open_alarms() if kind == "order_clone"]
        if self._is_frozen() and self._who.terminal_id not in told:
            self._broken("a_clone_freezes_its_till", f"{first.order.order_no}-1", "frozen, and no alarm says why")
        await waiting.presses()
        await self._is_tried(late)

    async def _is_of_an_earlier_activation(self) -> None:
        before = self._who.epoch - 1
        await self._is_tried(self._sign(epoch=before))

    # --- how it does it ------------------------------------------------------------------------------------------

    async def _is_taken(self, order: SignedOrder, customer: OfflineCustomer) -> None:
        """Nothing is wrong with this one: it is taken as soon as the gateway hears of it, and never refused. The payer
        waits while the wallet's account is down."""
        answered, number, kid = 0, order.order.order_no, order.order.kid
        for _ in range(_TRIES):
            await customer.pays(tries=1)
            if number in self._e.side.rows.seen:
                return
            said = await customer.presses()
            answered += said is not None and said.get("result") != "wait"
            if said is not None and said.get("result") == "refused":
                break
            await asyncio.sleep(2.0)
        else:
            if answered < _TRIES:
                return
        if kid not in self._e.side.bad_keys and number not in self._e.side.rows.seen:
            self._broken("a_good_order_is_taken", f"{number}-1", f"asked {answered} times, and it was not")

    async def _is_tried(self, order: SignedOrder) -> None:
        """A customer opens it, presses whatever there is to press, and asks for a proof."""
        customer = self._customer(order)
        await customer.pays(tries=2)
        await customer.presses()
        await customer.proof(within_s=4.0)

    def _customer(self, order: SignedOrder, script: str = "pay") -> OfflineCustomer:
        self._customers += 1
        does = parse_script(script)
        assert does is not None, "a script"
        return OfflineCustomer(
            self._phones,
            f"{GATEWAY_ORIGIN}/o/{order.text}",
            wallet=self._chance.choice(sorted(self._wallets.by_name)),
            customer=f"{_NAME}/{self._customers}",
            script=does,
        )

    def _sign(self, **other: Any) -> SignedOrder:
        """An ORDER as a till would make it now, but for what is named; the judge knows of it."""
        signed = self._made(**other)
        number = signed.order.order_no
        self._sold(number, self._e.sale_of.get(number, number))
        shown = OrderShown(till=_NAME, payment_no=f"{number}-1", signed=signed)
        self._e.side.shown[signed.digest.hex()] = shown
        return signed

    def _made(self, **other: Any) -> SignedOrder:
        if "oseq" not in other:
            self._oseq += 1
        order = OfflineOrder(
            type=OrderType.PAY,
            terminal_id=self._who.terminal_id,
            epoch=self._who.epoch,
            order_no=new_number(self._chance.randbytes(NUMBER_BYTES)),
            amount_fen=self._chance.randint(*_FEN),
            kid=self._kid,
            oseq=self._oseq,
            cancelled=0,
            release=0,
            made_at_s=self._now_ms() // 1000,
            clock=ClockQuality.GATEWAY,
        )
        return sign_order(replace(order, **other), self._key)

    async def _registers(self) -> bool:
        """Its order key under its present activation, for a kit."""
        for _ in range(_TRIES):
            answer = await self._ask(KitCall(first=1, wanted=0, offline_key=public_text(self._key)))
            if isinstance(answer, KitAnswer):
                self._kid = answer.kit.proof_keys[0].kid
                return True
            await asyncio.sleep(5.0)
        return False

    async def _activated_again(self) -> bool:
        """By the owner, with a fresh code; its counters go on, its kit is another one."""
        code = new_code(self._gateway, self._who.terminal_id, self._chance, now_ms=self._now_ms())
        for _ in range(_TRIES):
            nonce = self._chance.randbytes(16)
            asked = activation(self._who.key, _NAME, code, now_ms=self._now_ms(), nonce=nonce)
            answered: asyncio.Future[Reply | LineEnd] = asyncio.get_running_loop().create_future()
            self._serve(asked)(answered.set_result)
            reply = await answered
            if isinstance(reply, Reply) and reply.status == 200:
                self._who = replace(self._who, epoch=decode(ActivationAnswer, reply.body).epoch)
                return await self._registers()
            await asyncio.sleep(10.0)
        return False

    def _is_frozen(self) -> bool:
        file = self._e.side.file
        standing = None if file is None else file.rows().standings.get(self._who.terminal_id)
        return standing is not None and standing.frozen
