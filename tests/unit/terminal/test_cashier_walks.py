"""Long random days at the counter: keys, scans and double scans amid whatever sync tells. What must hold at every step
of every day is checked: what is charged is what stands on the screen, nothing open or late is out of sight, the panel
says the latest word, and only a second press or a real hold cancels."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from protocol.messages import LateMoney, LateMoneyState, Light, Presented, Proof
from protocol.money import Money, parse_amount
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import ProofKind, TerminalState
from sync.engine.model import (
    CancelPayment,
    CashPart,
    CommandRefused,
    Line,
    OfflineView,
    ParkOffline,
    PaymentView,
    ProofView,
    ReadProof,
    ShowOffline,
    StartPayment,
    TakeCash,
    TypeCode,
)
from sync.engine.model import Command as SyncCommand
from terminal.cashier import events as e
from terminal.cashier.effects import Effect, Play, Sound, Submit
from terminal.cashier.keys import Command
from terminal.cashier.present import present
from terminal.cashier.state import CANCEL_BOUNCE_MS, CANCEL_HOLD_MS, CANCEL_WINDOW_MS, CashierState
from terminal.cashier.step import start
from terminal.cashier.typing_keys import sale_open
from terminal.cashier.view import HomeView, Page

T = TerminalState
DAYS, STEPS = 40, 120
#: What happens, and how often.
ACTS = {"move": 30, "tell": 25, "type": 8, "scan": 15, "press": 15, "wait": 4, "line": 3, "proof": 3, "restart": 1}
PROOF = "GP1" + "0" * 141
AT_MS = 1_795_327_402_000
#: What an open payment may become next.
NEXT = {
    T.SENDING: (T.WAITING, T.PAID, T.NOT_PAID, T.UNKNOWN),
    T.WAITING: (T.PAID, T.NOT_PAID, T.UNKNOWN),
    T.UNKNOWN: (T.WAITING, T.PAID, T.NOT_PAID),
    T.CANCELLING: (T.NOT_PAID, T.PAID),
    T.AWAITING_PROOF: (T.PAID, T.NOT_PAID),
}
LATE = {None: (LateMoneyState.FOUND,), LateMoneyState.FOUND: (LateMoneyState.UNDONE, LateMoneyState.ACCEPTED)}


@dataclass
class Shop:
    """Sync as the screen knows it: takes commands, tells pictures in order, when it likes."""

    chance: Random
    payments: dict[str, PaymentView] = field(default_factory=dict[str, PaymentView])
    to_tell: list[PaymentView | CommandRefused | ProofView] = field(
        default_factory=list[PaymentView | CommandRefused | ProofView]
    )
    told: dict[str, PaymentView] = field(default_factory=dict[str, PaymentView])
    asked: set[str] = field(default_factory=set[str])
    made: int = 0

    def take(self, command: SyncCommand) -> None:
        match command:
            case StartPayment() | ShowOffline() | TakeCash():
                self.asked.add(command.request_id)
                if self.chance.random() < 0.12:
                    self.to_tell.append(CommandRefused(request_id=command.request_id, reason=Reason.DISK_FULL))
                else:
                    self._tell(self._begun(command))
            case CancelPayment(payment_no=payment_no) if not self.payments[payment_no].state.final:
                amber = self.chance.choice((Light.AMBER, None))
                self._tell(replace(self.payments[payment_no], state=T.CANCELLING, light=amber, cancel_requested=True))
            case ReadProof(request_id=request_id) | TypeCode(request_id=request_id):
                self._proven(request_id, typed=isinstance(command, TypeCode))
            case ParkOffline(payment_no=payment_no, why=why):
                part = self.payments[payment_no].offline
                assert part is not None
                self._tell(replace(self.payments[payment_no], offline=replace(part, parked=why)))
            case _:
                pass

    def move(self) -> None:
        """One payment goes on, in the wallet's world."""
        if not self.payments:
            return
        view = self.payments[self.chance.choice(sorted(self.payments))]
        if view.state in NEXT:
            self._tell(_ended(view, self.chance.choice(NEXT[view.state])))
        elif view.state is T.NOT_PAID and view.cash is None:
            late = view.late_money.state if view.late_money is not None else None
            if late in LATE:
                money = LateMoney(state=self.chance.choice(LATE[late]), amount_fen=view.amount.fen, found_at_ms=AT_MS)
                self._tell(replace(view, late_money=money, safe_to_rescan=False, light=None))

    def _proven(self, request_id: str, *, typed: bool) -> None:
        """A proof of some order or other, or one of none."""
        awaiting = [view for view in self.payments.values() if view.state is T.AWAITING_PROOF]
        if not awaiting or self.chance.random() < 0.4:
            refused = Reason.TYPED_WRONG if typed else Reason.PROOF_UNKNOWN_KEY
            self.to_tell.append(ProofView(request_id=request_id, accepted=False, reason=refused, typed=typed))
            return
        view = self.chance.choice(awaiting)
        assert view.offline is not None
        part = replace(view.offline, proven_at_ms=AT_MS, typed=typed)
        self._tell(replace(_ended(view, T.PAID), offline=part))
        seen = ProofView(
            request_id=request_id, accepted=True, reason=Reason.PAID, typed=typed, payment_no=view.payment_no
        )
        self.to_tell.append(seen)

    def _tell(self, view: PaymentView) -> None:
        self.payments[view.payment_no] = view
        self.to_tell.append(view)

    def _begun(self, command: StartPayment | ShowOffline | TakeCash) -> PaymentView:
        self.made += 1
        again = command.order_no if not isinstance(command, TakeCash) else None
        order_no = again or new_number(self.made.to_bytes(15, "big"))
        n = 1 + max((view.n for view in self.payments.values() if view.order_no == order_no), default=0)
        state, offline, cash = T.SENDING, None, None
        if isinstance(command, ShowOffline):
            state = T.AWAITING_PROOF
            offline = OfflineView(
                status=False, qr="q", shown_at_ms=AT_MS, until_ms=AT_MS + 300_000, tries_left=3, parked=None,
                goods_handed=None, proven_at_ms=None, typed=False,
            )  # fmt: skip
        if isinstance(command, TakeCash):
            state = T.PAID
            cash = CashPart(received_fen=command.received_fen, change_fen=command.received_fen - command.amount.fen)
        return PaymentView(
            payment_no=f"{order_no}-{n}", order_no=order_no, n=n, sale_id=order_no, amount=command.amount,
            presented=Presented.CUSTOMER, state=state, light=None, safe_to_rescan=False, reason=None, proof=None,
            channel="alipay", transaction_tail=None, qr=None, qr_expires_ms=None, payer_prompted=False,
            cancel_requested=False, late_money=None, started_at_ms=AT_MS + self.made, settled_at_ms=None,
            elapsed_ms=None, request_id=command.request_id, cash=cash, offline=offline,
        )  # fmt: skip


def _ended(view: PaymentView, state: TerminalState) -> PaymentView:
    if state is not T.NOT_PAID:
        return replace(view, state=state, light=None, settled_at_ms=AT_MS if state.final else None)
    proof = Proof(kind=ProofKind.CLOSED, said_by="alipay", at_ms=AT_MS)
    reason = Reason.CANCELLED if view.cancel_requested else Reason.TIMED_OUT
    return replace(
        view, state=state, proof=proof, light=Light.GREEN, safe_to_rescan=True, reason=reason, settled_at_ms=AT_MS
    )


@dataclass
class Day:
    """One counter, one shop, and what somebody does. `pressed`: when cancel was; `down_ms`: since when it is held."""

    counter: Any
    shop: Shop
    chance: Random
    last_code: str = ""
    pressed: list[int] = field(default_factory=list[int])
    down_ms: int | None = None
    starts: int = 0

    def act(self) -> None:
        match self.chance.choices(list(ACTS), list(ACTS.values()))[0]:
            case "move":
                self.shop.move()
            case "tell":
                self._tell()
            case "type":
                self._say(e.Typed(text=self.chance.choice("123456789.0")))
            case "scan":
                self._scan()
            case "press":
                self._press()
            case "wait":
                self.counter.now_ms += self.chance.choice((100, 400, 1_500, 7_000))
                self._say(e.Tick(unix_ms=AT_MS + self.counter.now_ms))
            case "proof":
                self._say(e.Scanned(text=Secret(PROOF)))
            case "restart":
                self._restart()
            case _:
                line = self.chance.choice((Line.UP, Line.UP, Line.DOWN))
                self._say(e.Published(publication=replace(self.counter.state.link, line=line)))

    def _tell(self) -> None:
        if not self.shop.to_tell:
            return
        told = self.shop.to_tell.pop(0)
        self.shop.asked.discard(told.request_id or "")
        if not isinstance(told, PaymentView):
            self._say(e.Published(publication=told))
            return
        before = self.shop.told.get(told.payment_no)
        self.shop.told[told.payment_no] = told
        said = self._say(e.Published(publication=told))
        old = before is None and told.late_money is not None and told.late_money.state is not LateMoneyState.FOUND
        if told.late_money is not None and not old and (before is None or before.late_money is None):
            assert Play(sound=Sound.LATE) in said
            assert self._shows(told), "late money is out of sight"

    def _restart(self) -> None:
        """The program ends and starts again: sync tells where everything stands, in any order."""
        before = self.counter.state
        self.counter.state = start(before.settings, before.identity, now_ms=self.counter.now_ms)
        self.counter.state = replace(self.counter.state, link=before.link)
        self.pressed, self.down_ms, self.last_code = [], None, ""
        self.shop.asked.clear()
        self.shop.told.clear()
        self.shop.to_tell = [replace(view, request_id=None) for view in self.shop.payments.values()]
        self.shop.payments = {view.payment_no: replace(view, request_id=None) for view in self.shop.payments.values()}
        self.chance.shuffle(self.shop.to_tell)
        while self.shop.to_tell:
            self._tell()

    def _scan(self) -> None:
        """By a serial gun, or by one that types; sync may tell something amid the burst, and triggers are pulled
        twice."""
        if not self.last_code or self.chance.random() < 0.6:
            self.last_code = f"28{self.chance.randrange(10**16):016d}"
        if self.chance.random() < 0.6:
            for character in self.last_code[:4]:
                self._say(e.Typed(text=character), looks=False)
                if self.chance.random() < 0.3:
                    self.shop.move()
                    self._tell()
            self._say(e.TakeBack(count=4))
        self._say(e.Scanned(text=Secret(self.last_code)))

    def _press(self) -> None:
        command = self.chance.choice(sorted(self.counter.keys))
        if command is Command.CANCEL:
            self.pressed.append(self.counter.now_ms)
            self.down_ms = self.down_ms or self.counter.now_ms
        self._say(e.Pressed(command=command))
        if self.chance.random() < 0.8:
            self.down_ms = None
            self._say(e.Released(command=Command.CANCEL))
        self.counter.now_ms += self.chance.choice((50, 300, 800))

    def _say(self, event: e.Event, *, looks: bool = True) -> list[Effect]:
        before = self.counter.state
        said = self.counter.say(event)
        for effect in said:
            if isinstance(effect, Submit):
                self._submitted(effect.command, before)
                self.shop.take(effect.command)
        if looks:
            self._look()
        return said

    # --- what must hold ------------------------------------------------------------------------------------------

    def _submitted(self, command: SyncCommand, before: CashierState) -> None:
        match command:
            case StartPayment() | ShowOffline():
                self.starts += 1
                assert not sale_open(before.sale), "two charges at once"
                assert command.amount.fen == _stands_on_screen(before), "another amount than the screen says"
                tries = [view for view in self.shop.told.values() if view.order_no == command.order_no]
                last = max(tries, key=lambda view: view.n, default=None)
                assert last is None or (last.safe_to_rescan and last.late_money is None), (
                    "charged again without a proof"
                )
            case TakeCash():
                assert before.cash is not None
                assert command.amount.fen == before.cash.amount_fen
                assert not sale_open(before.sale) or _amber(before), "cash beside a payment that may be paid"
            case CancelPayment(payment_no=payment_no) if self.shop.payments[payment_no].offline is None:
                gap_ms = self.pressed[-1] - self.pressed[-2] if len(self.pressed) > 1 else 0
                twice = CANCEL_BOUNCE_MS <= gap_ms <= CANCEL_WINDOW_MS
                held = self.down_ms is not None and self.counter.now_ms - self.down_ms >= CANCEL_HOLD_MS
                assert twice or held, "one slip of a finger cancelled"
            case _:
                pass

    def _look(self) -> None:
        state = self.counter.state
        assert present(state) is not None
        for view in self.shop.told.values():
            assert view.state.final or self._shows(view), f"{view.state} is out of sight"
        if state.sale is not None and state.sale.payment is None:
            assert state.sale.request_id in self.shop.asked, "waits for an answer that came already"
        if state.cash is not None and state.cash.request_id:
            assert state.cash.request_id in self.shop.asked, "cash waits for an answer that came already"
        if state.sale is not None and state.sale.payment is not None:
            assert state.sale.payment == self.shop.told[state.sale.payment.payment_no], "the panel says an older word"

    def _shows(self, view: PaymentView) -> bool:
        state = self.counter.state
        panel = state.sale.payment if state.sale is not None else None
        return view in (panel, *state.parked, *(done.payment for done in state.settled))


def _amber(state: CashierState) -> bool:
    payment = state.sale.payment if state.sale is not None else None
    return payment is not None and payment.light is Light.AMBER


def _stands_on_screen(state: CashierState) -> int:
    """The amount that somebody reads before the scan, in fen."""
    if state.cash is not None:
        return state.cash.amount_fen
    body = present(replace(state, page=Page.HOME)).body
    assert isinstance(body, HomeView)
    read = parse_amount(body.amount.text.removeprefix("¥").replace(",", ""))
    assert isinstance(read, Money)
    return read.fen


def _walk(counter: Any, seed: int) -> Day:
    chance = Random(f"day {seed}")
    day = Day(counter=counter, shop=Shop(chance=chance), chance=chance)
    for _ in range(STEPS):
        day.act()
    return day


@pytest.mark.parametrize("part", range(4))
def test_whatever_comes_when(counter: Any, part: int) -> None:
    start = counter.state
    charged = 0
    for seed in range(part * DAYS, (part + 1) * DAYS):
        counter.state, counter.effects = start, []
        charged += _walk(counter, seed).starts
    assert charged > DAYS
