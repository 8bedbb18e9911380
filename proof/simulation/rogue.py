"""A terminal whose program keeps none of the rules: correctly signed, and wrong. What the gateway lets it do is judged
by the same rules as everything else; what it must refuse in words is judged here.

It holds no journal, acknowledges nothing, and leaves people to look after its payments.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from proof.simulation.network import LineEnd, Reply, Serve, Wire
from proof.wallets import Wallets
from protocol.chain import genesis
from protocol.messages import LateMoneyState, PaymentRequest, Presented, RefundRequest
from protocol.money import CNY
from protocol.numbers import NUMBER_BYTES, new_number
from protocol.secret import Secret
from protocol.signature import RequestParts, ResponseParts
from protocol.states import GatewayState
from sandbox.scripts import parse_script
from sync.engine.events import (
    AckCall,
    Answer,
    Call,
    CancelCall,
    PayCall,
    QueryCall,
    RefundAnswer,
    RefundCall,
    RefundQueryCall,
    StatusAnswer,
)
from sync.link.calls import Credentials, Stamp, build, read
from sync.link.exchange import NoAnswer, NotSent

Act = Callable[[], Awaitable[None]]

_LIFE_MS = 15_000
_FEN = 1_200
#: A question is held for so long, and asked so often: longer than until the looks for late money.
_LOOK_S = 8
_MOST_LOOKS = 40


class Rogue:
    """`sold(order_no, sale_id)` and `broken(rule, about, what)` tell the judge; `others()` are payments of the shop,
    `refunds()` its refunds, with their payments; `up_since()`: since when the gateway runs on a clock that did not
    leap; `alarms()`: what waits for a person there, `chain()`: what it holds of this
    one's journal."""

    def __init__(
        self,
        *,
        who: Credentials,
        wire: Wire,
        serve: Callable[[RequestParts], Serve],
        wallets: Wallets,
        chance: Random,
        now_ms: Callable[[], int],
        sold: Callable[[str, str], None],
        broken: Callable[[str, str, str], None],
        others: Callable[[], list[str]],
        refunds: Callable[[], list[tuple[str, str]]],
        up_since: Callable[[], int | None],
        alarms: Callable[[], list[tuple[str, str]]],
        chain: Callable[[], list[tuple[int, str]]],
    ) -> None:
        self._who = who
        self._wire = wire
        self._serve = serve
        self._wallets = wallets
        self._chance = chance
        self._now_ms = now_ms
        self._sold = sold
        self._broken = broken
        self._others = others
        self._refunds = refunds
        self._up_since = up_since
        self._alarms = alarms
        self._chain = chain

    async def work(self) -> None:
        acts = self._acts()
        self._chance.shuffle(acts)
        for act in acts:
            await asyncio.sleep(self._chance.uniform(0.5, 8.0))
            await act()

    def _acts(self) -> list[Act]:
        return [
            self._second_while_open,
            self._other_content,
            self._pays_what_was_cancelled,
            self._too_late,
            self._refunds_too_much,
            self._reads_what_is_not_its_own,
            self._goes_on_after_a_cancel,
            self._acknowledges_what_is_not_so,
            self._holds_one_code_twice,
            self._signs_at_another_time,
            self._signs_two_with_one_nonce,
        ]

    async def _second_while_open(self) -> None:
        """Payment 2 while payment 1 is open."""
        sale, order = self._sale()
        await self._pay(sale, order, n=1, script="ask_password:20")
        answer = await self._pay(sale, order, n=2, script="pay")
        if isinstance(answer, StatusAnswer) and answer.status.state is not GatewayState.NOT_PAID:
            first = await self._ask(QueryCall(payment_no=f"{order}-1", wait_s=0, after_seq=0))
            if isinstance(first, StatusAnswer) and first.status.state is not GatewayState.NOT_PAID:
                self._broken("a_second_payment_is_refused", f"{order}-2", f"taken as {answer.status.state}")

    async def _other_content(self) -> None:
        """The same number with another amount."""
        sale, order = self._sale()
        first = await self._pay(sale, order, n=1, script="pay", fen=1_000)
        again = await self._pay(sale, order, n=1, script="pay", fen=2_000)
        if isinstance(first, StatusAnswer) and isinstance(again, StatusAnswer):
            self._broken("same_number_same_content", f"{order}-1", "other content was answered as if it were the first")

    async def _pays_what_was_cancelled(self) -> None:
        """A cancel that comes before its payment."""
        sale, order = self._sale()
        answer = await self._ask(CancelCall(payment_no=f"{order}-1", amount_fen=700, operator="01"))
        if not isinstance(answer, StatusAnswer):
            return
        await asyncio.sleep(self._chance.choice((0.0, 1.0, 70.0)))
        paid = await self._pay(sale, order, n=1, script="pay", fen=700)
        if isinstance(paid, StatusAnswer) and paid.status.state is not GatewayState.NOT_PAID:
            self._broken("a_tombstone_stays", f"{order}-1", f"cancelled, and then {paid.status.state}")

    async def _too_late(self) -> None:
        """A request that arrives long after it expired."""
        sale, order = self._sale()
        answer = await self._pay(sale, order, n=1, script="pay", expired=True)
        if isinstance(answer, StatusAnswer) and answer.status.state is not GatewayState.NOT_PAID:
            self._broken("an_expired_request_is_no_payment", f"{order}-1", f"taken as {answer.status.state}")

    async def _refunds_too_much(self) -> None:
        """Three refunds of most of the amount, at once."""
        sale, order = self._sale()
        await self._pay(sale, order, n=1, script="pay", fen=1_000)
        await asyncio.sleep(6.0)
        await asyncio.gather(*(self._refund(f"{order}-1", fen) for fen in (600, 600, 1_001)))

    async def _refund(self, payment_no: str, fen: int, number: str | None = None) -> Answer:
        number = number or new_number(self._chance.randbytes(NUMBER_BYTES))
        request = RefundRequest(refund_no=number, amount_fen=fen, currency=CNY, note="退货", operator="01")
        return await self._ask(RefundCall(payment_no=payment_no, refund_no=number, request=request))

    async def _goes_on_after_a_cancel(self) -> None:
        """Payment 2 of an order that was cancelled: the sale needs a new order."""
        sale, order = self._sale()
        answer = await self._ask(CancelCall(payment_no=f"{order}-1", amount_fen=_FEN, operator="01"))
        if isinstance(answer, StatusAnswer):
            await self._pay(sale, order, n=2, script="pay")

    async def _acknowledges_what_is_not_so(self) -> None:
        """PAID, of a payment whose customer still types."""
        sale, order = self._sale()
        first = await self._pay(sale, order, n=1, script="ask_password:40")
        if not isinstance(first, StatusAnswer) or first.status.state is not GatewayState.SENT:
            return
        said = AckCall(payment_no=f"{order}-1", state=GatewayState.PAID, state_seq=first.status.state_seq)
        answer = await self._ask(said)
        if isinstance(answer, StatusAnswer) and answer.status.state is GatewayState.SENT:
            self._broken("an_acknowledgement_is_true", f"{order}-1", "PAID was acknowledged of what is open")

    async def _holds_one_code_twice(self) -> None:
        """One code for two sales at once. A gateway that starts anew knows no code any more, nor one whose clock leapt
        over the day for which it does."""
        code, since_ms = self._code("ask_password:30"), self._up_since()
        answers: list[Answer] = []
        for _ in range(2):
            sale, order = self._sale()
            answers.append(await self._pay(sale, order, n=1, code=code))
        taken = [a.status for a in answers if isinstance(a, StatusAnswer) and a.status.state is GatewayState.SENT]
        if len(taken) < 2 or since_ms is None or self._up_since() != since_ms:
            return
        first = await self._ask(QueryCall(payment_no=taken[0].payment_no, wait_s=0, after_seq=0))
        # What never left, or was declined, has given its code back.
        if isinstance(first, StatusAnswer) and first.status.state is not GatewayState.NOT_PAID:
            self._broken("one_code_one_payment", taken[1].payment_no, f"taken with the code of {taken[0].payment_no}")

    async def _signs_at_another_time(self) -> None:
        """Signed ten minutes ago: whoever recorded it may send it for ever."""
        sale, order = self._sale()
        answer = await self._ask(self._pay_call(sale, order, n=1), signed_s=-600)
        if isinstance(answer, StatusAnswer):
            self._broken("a_signature_has_its_time", f"{order}-1", "a request of ten minutes ago was taken")

    async def _signs_two_with_one_nonce(self) -> None:
        nonce = self._chance.randbytes(16)
        (sale, order), (sale_2, order_2) = self._sale(), self._sale()
        first = await self._ask(self._pay_call(sale, order, n=1), nonce=nonce)
        second = await self._ask(self._pay_call(sale_2, order_2, n=1), nonce=nonce)
        if isinstance(first, StatusAnswer) and isinstance(second, StatusAnswer):
            self._broken("a_nonce_is_used_once", f"{order_2}-1", f"taken with the nonce of {order}-1")

    async def _reads_what_is_not_its_own(self) -> None:
        others = self._others()
        if others:
            number = self._chance.choice(others)
            answer = await self._ask(QueryCall(payment_no=number, wait_s=0, after_seq=0))
            if isinstance(answer, StatusAnswer):
                self._broken("a_terminal_reaches_its_own", number, "another terminal's payment was told")

    def _sale(self) -> tuple[str, str]:
        sale, order = (new_number(self._chance.randbytes(NUMBER_BYTES)) for _ in range(2))
        self._sold(order, sale)
        return sale, order

    async def _pay(
        self,
        sale: str,
        order: str,
        *,
        n: int,
        script: str = "pay",
        fen: int = _FEN,
        expired: bool = False,
        code: Secret | None = None,
    ) -> Answer:
        code = code or self._code(script)
        return await self._ask(self._pay_call(sale, order, n=n, fen=fen, expired=expired, code=code))

    def _code(self, script: str, wallet: str | None = None) -> Secret:
        wallet = wallet or self._chance.choice(sorted(self._wallets.by_name))
        parsed = parse_script(script)
        assert parsed is not None, "a script"
        return Secret(self._wallets.show_code(wallet, parsed))

    def _pay_call(
        self, sale: str, order: str, *, n: int, fen: int = _FEN, expired: bool = False, code: Secret | None = None
    ) -> PayCall:
        request = PaymentRequest(
            payment_no=f"{order}-{n}",
            sale_id=sale,
            amount_fen=fen,
            currency=CNY,
            presented=Presented.CUSTOMER,
            auth_code=code or self._code("pay"),
            subject="商品",
            operator="01",
            expires=self._now_ms() + (-600_000 if expired else _LIFE_MS),
        )
        return PayCall(payment_no=request.payment_no, request=request)

    async def _ask(
        self, call: Call, *, signed_s: int = 0, nonce: bytes | None = None, who: Credentials | None = None
    ) -> Answer:
        """`signed_s`: how much later than now it says it was signed."""
        request = build(call, who or self._who, self._stamp(signed_s=signed_s, nonce=nonce))
        return read(call, request, await self._exchange(request), self._who)

    def _stamp(self, *, signed_s: int = 0, nonce: bytes | None = None) -> Stamp:
        return Stamp(
            created_s=self._now_ms() // 1000 + signed_s,
            nonce=nonce or self._chance.randbytes(16),
            journal=(0, genesis(self._who.terminal_id)),
        )

    async def _exchange(self, request: RequestParts) -> ResponseParts | NotSent | NoAnswer:
        about = f"{request.method} {request.path}"
        reply = await self._wire.exchange(about, self._serve(request), connect_s=3.0, read_s=10.0)
        match reply:
            case Reply():
                return ResponseParts(status=reply.status, headers=reply.headers, body=reply.body)
            case LineEnd.REFUSED | LineEnd.NO_NAME | LineEnd.CONNECT_TIMEOUT:
                return NotSent(detail=reply.value)
            case LineEnd.CUT | LineEnd.READ_TIMEOUT:
                return NoAnswer(detail=reply.value)


class Impatient(Rogue):
    """It waits for nothing but late money, and goes on with the order the moment it is found."""

    def _acts(self) -> list[Act]:
        return [self._goes_on_over_late_money] * 2

    async def _goes_on_over_late_money(self) -> None:
        """Payment 2 while what came late for payment 1 is on its way back: at these wallets a refund takes a moment."""
        sale, order = self._sale()
        wallet = self._chance.choice(("unionpay", "wechat"))
        await self._pay(sale, order, n=1, code=self._code("pay_executes_late:40", wallet))
        seq = 0
        for _ in range(_MOST_LOOKS):
            answer = await self._ask(QueryCall(payment_no=f"{order}-1", wait_s=_LOOK_S, after_seq=seq))
            if not isinstance(answer, StatusAnswer):
                await asyncio.sleep(1.0)
                continue
            late, seq = answer.status.late_money, answer.status.state_seq
            if late is not None and late.state is LateMoneyState.FOUND:
                await self._pay(sale, order, n=2, script="pay")
                return


class Returner(Rogue):
    """It asks money back in ways that a till never does."""

    def _acts(self) -> list[Act]:
        return [self._asks_back_with_other_content, self._reads_anothers_refund]

    async def _asks_back_with_other_content(self) -> None:
        """The same number with another amount: what was asked for first stays."""
        sale, order = self._sale()
        await self._pay(sale, order, n=1, script="pay", fen=1_000)
        await asyncio.sleep(6.0)
        number = new_number(self._chance.randbytes(NUMBER_BYTES))
        first = await self._refund(f"{order}-1", 300, number)
        again = await self._refund(f"{order}-1", 400, number)
        if isinstance(first, RefundAnswer) and isinstance(again, RefundAnswer):
            self._broken("same_number_same_content", number, "another amount was answered as if it were the first")

    async def _reads_anothers_refund(self) -> None:
        for _ in range(_MOST_LOOKS):
            if self._refunds():
                break
            await asyncio.sleep(_LOOK_S)
        refunds = self._refunds()
        if refunds:
            payment, number = self._chance.choice(refunds)
            answer = await self._ask(RefundQueryCall(payment_no=payment, refund_no=number, after_seq=0, wait_s=0))
            if isinstance(answer, RefundAnswer):
                self._broken("a_terminal_reaches_its_own", number, "another terminal's refund was told")
