"""A counter for the tests of the cashier room: keys, scans and sync's words go in, state and effects come out."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from protocol.messages import LateMoney, LateMoneyState, Light, Presented, Proof
from protocol.money import Money
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import ProofKind, TerminalState
from sync.engine.model import CancelPayment, Line, LinkView, PaymentView, StartPayment
from terminal.cashier import events as e
from terminal.cashier.effects import Effect, Play, Sound, Submit
from terminal.cashier.keys import Command
from terminal.cashier.ports import Identity, Publication
from terminal.cashier.present import present
from terminal.cashier.state import CashierState, Settings
from terminal.cashier.step import start, step
from terminal.cashier.view import HomeView, PanelView, ScreenView

ALIPAY = "281234567890123456"
WECHAT = "134567890123456789"
AT_MS = 1_795_327_402_000


def order_no(seed: int) -> str:
    return new_number(seed.to_bytes(15, "big"))


def link(line: Line = Line.UP, *, skew_ms: int = 0, unsent: int = 0) -> LinkView:
    return LinkView(
        line=line, clock_skew_ms=skew_ms, clock_warning=abs(skew_ms) > 60_000, unsent=unsent,
        oldest_unsent_at_ms=None, last_contact_ms=AT_MS,
    )  # fmt: skip


@dataclass
class Counter:
    """One till. Time passes only when a test says so."""

    state: CashierState = field(
        default_factory=lambda: start(Settings(), Identity(store="面馆", terminal="1号机", operator="小王"))
    )
    effects: list[Effect] = field(default_factory=list[Effect])
    now_ms: int = 10_000
    requests: int = 0

    def say(self, event: e.Event) -> list[Effect]:
        self.requests += 1
        self.state, new = step(self.state, event, now_ms=self.now_ms, request_id=f"r{self.requests}")
        self.effects += new
        return list(new)

    def type(self, text: str) -> None:
        for character in text:
            self.say(e.Typed(text=character))

    def scan(self, text: str) -> list[Effect]:
        return self.say(e.Scanned(text=Secret(text)))

    def press(self, command: Command) -> list[Effect]:
        return self.say(e.Pressed(command=command))

    def tell(self, publication: Publication) -> list[Effect]:
        return self.say(e.Published(publication=publication))

    def wait(self, ms: int) -> list[Effect]:
        self.now_ms += ms
        return self.say(e.Tick(unix_ms=AT_MS + self.now_ms))

    def sell(self, amount: str = "12.5", code: str = ALIPAY) -> StartPayment:
        self.type(amount)
        self.scan(code)
        return self.starts[-1]

    def payment(self, state: TerminalState, *, n: int = 1, seed: int = 1, reason: Reason | None = None) -> PaymentView:
        """What sync would publish about the sale in the panel."""
        sale = self.state.sale
        proven = state is TerminalState.NOT_PAID
        return PaymentView(
            payment_no=f"{order_no(seed)}-{n}", order_no=order_no(seed), n=n, sale_id=order_no(seed + 900),
            amount=Money(sale.amount_fen if sale else 1250), presented=Presented.CUSTOMER, state=state,
            light=Light.GREEN if proven else None, safe_to_rescan=proven, reason=reason,
            proof=Proof(kind=ProofKind.DECLINED, said_by="alipay", at_ms=AT_MS) if proven else None,
            channel="alipay", transaction_tail="3421" if state is TerminalState.PAID else None, qr=None,
            qr_expires_ms=None, payer_prompted=False, cancel_requested=False, late_money=None,
            started_at_ms=AT_MS + seed, settled_at_ms=AT_MS if state.final else None,
            elapsed_ms=820 if state.final else None, request_id=sale.request_id if sale else None,
        )  # fmt: skip

    def late(self, view: PaymentView, state: LateMoneyState = LateMoneyState.FOUND) -> PaymentView:
        money = LateMoney(state=state, amount_fen=view.amount.fen, found_at_ms=AT_MS)
        return replace(view, late_money=money, safe_to_rescan=False)

    @property
    def starts(self) -> list[StartPayment]:
        return [e.command for e in self.effects if isinstance(e, Submit) and isinstance(e.command, StartPayment)]

    @property
    def cancels(self) -> list[CancelPayment]:
        return [e.command for e in self.effects if isinstance(e, Submit) and isinstance(e.command, CancelPayment)]

    @property
    def sounds(self) -> list[Sound]:
        return [effect.sound for effect in self.effects if isinstance(effect, Play)]

    @property
    def screen(self) -> ScreenView:
        return present(self.state)

    @property
    def home(self) -> HomeView:
        body = self.screen.body
        assert isinstance(body, HomeView)
        return body

    @property
    def panel(self) -> PanelView:
        return self.home.panel

    @property
    def keys(self) -> set[Command]:
        return {hint.command for hint in self.screen.keys}


@pytest.fixture
def counter() -> Counter:
    """A till with its line up."""
    made = Counter()
    made.tell(link())
    made.effects.clear()
    return made
