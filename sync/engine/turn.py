"""One step under construction: the working copy of the state and the effects so far. Dies with the step."""

from __future__ import annotations

from msgspec.structs import replace

from protocol.offline.typed_code import HELD
from protocol.reasons import Reason
from protocol.states import GatewayState, TerminalState
from sync.engine.events import (
    AckCall,
    Append,
    Call,
    CancelCall,
    Effect,
    KitCall,
    Now,
    PayCall,
    Publish,
    QueryCall,
    RefundCall,
    RefundQueryCall,
    Send,
    StartAsked,
    StoreAckCall,
    StorePollCall,
    WakeAt,
)
from sync.engine.line import till_ms
from sync.engine.model import CommandRefused, Line, PaymentView, ProofView, StorePaidView
from sync.engine.offline_events import CheckCode
from sync.engine.record import PaymentRecord, fold
from sync.engine.refund_record import fold_refund
from sync.engine.refund_request import request_of
from sync.engine.schedule import LONG_POLL_S
from sync.engine.state import PRESSED_KEPT, EngineState, Job, Live, LiveRefund
from sync.engine.statements import (
    CashStatement,
    PaymentStatement,
    RefundStarted,
    RefundStatement,
    StorePaidHeard,
    TillStatement,
)
from sync.engine.views import payment_view, record_view, refund_view


class Turn:
    """Collects what a step does. `publish` and `send` keep their order; the runner commits every append first."""

    __slots__ = (
        "_appends",
        "_later",
        "_next_call",
        "_touched",
        "_touched_refunds",
        "held",
        "kit",
        "line",
        "now",
        "payments",
        "pressed",
        "refunds",
        "ring",
        "standing",
        "storage",
        "terminal_id",
    )

    def __init__(self, state: EngineState, now: Now) -> None:
        self.terminal_id = state.terminal_id
        self.payments = dict(state.payments)
        self.refunds = dict(state.refunds)
        self.ring = state.ring
        self.kit = state.kit
        self.standing = state.standing
        self.line = state.line
        self.storage = state.storage
        self.held = state.held
        self.pressed = state.pressed
        self.now = now
        self._next_call = state.next_call
        self._appends: list[Effect] = []
        self._later: list[Effect] = []
        self._touched: dict[str, None] = {}
        self._touched_refunds: dict[str, None] = {}

    @property
    def at_ms(self) -> int:
        """The till's clock."""
        return till_ms(self.line, self.now)

    def took(self, request_id: str, number: str) -> None:
        """A command of the cashier began this."""
        self.pressed = (*self.pressed, (request_id, number))[-PRESSED_KEPT:]

    def taken_before(self, request_id: str) -> bool:
        """Whether this very command came already; what it began is shown again, if it is still at hand."""
        number = next((number for known, number in self.pressed if known == request_id), None)
        if number in self.payments:
            self._touched[number] = None
        if number in self.refunds:
            self._touched_refunds[number] = None
        return number is not None or any(held.command.request_id == request_id for held in self.held)

    def began_here(self, payment_no: str) -> bool:
        """Whether this run of the program began that payment, as far as it remembers."""
        return any(number == payment_no for _, number in self.pressed)

    def scan_waits(self, sale_id: str) -> bool:
        """Whether a payment of this sale waits for the first word of the line, under a known order or a new one."""
        return any(
            isinstance(held, StartAsked)
            and sale_id == (held.command.sale_id if held.last is None else held.last.sale_id)
            for held in self.held
        )

    def keep(self, live: Live) -> Live:
        self.payments[live.record.payment_no] = live
        return live

    def recalled(self, record: PaymentRecord) -> Live:
        """A payment that is over and was only in the journal, taken into memory for this step."""
        return self.keep(Live(record=record))

    def state_it(self, live: Live, statement: PaymentStatement) -> Live:
        """Makes a statement durable and lets it change the payment."""
        self._appends.append(Append(statement=statement))
        record = fold(live.record, statement, at_ms=self.at_ms)
        self._touched[record.payment_no] = None
        return self.keep(replace(live, record=record))

    def state_first(self, statement: PaymentStatement) -> Live:
        """The first statement about a payment."""
        self._appends.append(Append(statement=statement))
        self._touched[statement.payment_no] = None
        return self.keep(Live(record=fold(None, statement, at_ms=self.at_ms)))

    def keep_refund(self, live: LiveRefund) -> LiveRefund:
        self.refunds[live.record.refund_no] = live
        return live

    def state_refund(self, statement: RefundStatement) -> LiveRefund:
        """Makes a statement about a refund durable. Its payment is live as long as it is, so both change."""
        payment = self.payments[statement.payment_no]
        self.state_it(payment, statement)
        self._touched_refunds[statement.refund_no] = None
        if isinstance(statement, RefundStarted):
            return self.keep_refund(LiveRefund(record=fold_refund(None, statement, at_ms=self.at_ms)))
        live = self.refunds[statement.refund_no]
        return self.keep_refund(replace(live, record=fold_refund(live.record, statement, at_ms=self.at_ms)))

    def show_refund(self, live: LiveRefund) -> None:
        """Publish its picture at the end of the step even if nothing changed."""
        self._touched_refunds[live.record.refund_no] = None

    def state_ring(self, statement: StorePaidHeard, view: StorePaidView) -> None:
        """Makes it durable that the store's QR took money, then rings."""
        self._appends.append(Append(statement=statement))
        self._later.append(Publish(view=view))

    def ring_again(self, view: StorePaidView) -> None:
        """Rings for what is in the journal already."""
        self._later.append(Publish(view=view))

    def state_cash(self, statement: CashStatement, view: PaymentView) -> None:
        """Makes it durable that cash came or went, then shows it."""
        self._appends.append(Append(statement=statement))
        self._later.append(Publish(view=view))

    def show_cash(self, view: PaymentView) -> None:
        """Publish a tender that is in the journal as it is shown."""
        self._later.append(Publish(view=view))

    def state_till(self, statement: TillStatement) -> None:
        """Makes a statement durable that is about no payment."""
        self._appends.append(Append(statement=statement))

    def check(self, effect: CheckCode) -> None:
        """After everything of this step is durable."""
        self._later.append(effect)

    def answer(self, view: ProofView) -> None:
        """Says what a proof or a typed code was worth, after the picture of its payment."""
        self._later.append(Publish(view=view))

    def show(self, live: Live) -> None:
        """Publish its picture at the end of the step even if nothing changed."""
        self._touched[live.record.payment_no] = None

    def show_record(self, record: PaymentRecord, *, request_id: str | None = None) -> None:
        """Publish a payment that is over and only in the journal."""
        self._later.append(Publish(view=record_view(record, request_id=request_id)))

    def refuse(self, request_id: str, reason: Reason, *, refundable_fen: int | None = None) -> None:
        refused = CommandRefused(request_id=request_id, reason=reason, refundable_fen=refundable_fen)
        self._later.append(Publish(view=refused))

    def dispatch(self) -> None:
        """Sends every call that is due."""
        for live in list(self.payments.values()):
            if live.ask.ready(self.now.mono_ms):
                self._ask(live)
            if live.cancel.ready(self.now.mono_ms):
                self._cancel(live)
            if live.ack.ready(self.now.mono_ms):
                self._ack(live)
        for refund in list(self.refunds.values()):
            if refund.ask.ready(self.now.mono_ms) and not refund.record.state.final:
                self._refund(refund)
        if self.ring.poll.ready(self.now.mono_ms):
            # A first look is not held: what came while the program was off is asked for right after it.
            held = self.ring.looked or not self.ring.seen
            poll = StorePollCall(after=self.ring.after, wait_s=LONG_POLL_S if held else 0)
            self.ring = replace(self.ring, poll=self._send(self.ring.poll, poll))
        if self.ring.ack.ready(self.now.mono_ms):
            ack = StoreAckCall(through=self.ring.seen)
            self.ring = replace(self.ring, ack=self._send(self.ring.ack, ack))
        # Selling does not wait for the kit, and the kit waits for the line.
        kit = self.kit
        if kit is not None and self.line.line is Line.UP and kit.job.ready(self.now.mono_ms):
            call = KitCall(first=kit.first, wanted=max(0, HELD - kit.held), offline_key=kit.offline_key)
            self.kit = replace(kit, job=self._send(kit.job, call))

    def _refund(self, live: LiveRefund) -> None:
        record = live.record
        call: Call
        if live.heard:
            call = RefundQueryCall(
                payment_no=record.payment_no,
                refund_no=record.refund_no,
                after_seq=max(0, record.state_seq),
                wait_s=LONG_POLL_S,
            )
        else:
            call = RefundCall(payment_no=record.payment_no, refund_no=record.refund_no, request=request_of(record))
        self.keep_refund(replace(live, ask=self._send(live.ask, call)))

    def _ask(self, live: Live) -> None:
        record = live.record
        call: Call
        if live.request is not None:
            call = PayCall(payment_no=record.payment_no, request=live.request)
        else:
            hold = live.heard and not live.final
            call = QueryCall(
                payment_no=record.payment_no,
                after_seq=max(0, record.state_seq),
                wait_s=LONG_POLL_S if hold else 0,
            )
        live = replace(live, sends=live.sends + (live.request is not None))
        self.keep(replace(live, ask=self._send(live.ask, call)))

    def _cancel(self, live: Live) -> None:
        live = self.payments[live.record.payment_no]
        record = live.record
        call = CancelCall(
            payment_no=record.payment_no,
            amount_fen=record.amount.fen,
            operator=record.cancel_operator or record.operator,
        )
        self.keep(replace(live, cancel=self._send(live.cancel, call)))

    def _ack(self, live: Live) -> None:
        live = self.payments[live.record.payment_no]
        paid = live.record.state is TerminalState.PAID
        call = AckCall(
            payment_no=live.record.payment_no,
            state=GatewayState.PAID if paid else GatewayState.NOT_PAID,
            state_seq=live.record.ack_due_seq,
        )
        self.keep(replace(live, ack=self._send(live.ack, call)))

    def _send(self, job: Job, call: Call) -> Job:
        call_id = self._next_call
        self._next_call += 1
        self._later.append(Send(call_id=call_id, call=call))
        return job.sent(call_id, self.now.mono_ms)

    def finish(self) -> tuple[EngineState, list[Effect]]:
        """The new state, and the effects in the order in which they are to be done."""
        views: list[Effect] = [Publish(view=payment_view(self.payments[no])) for no in self._touched]
        views += [Publish(view=refund_view(self.refunds[no])) for no in self._touched_refunds]
        refunds = {no: live for no, live in self.refunds.items() if not live.record.state.final}
        held = {live.record.payment_no for live in refunds.values()}
        payments = {no: live for no, live in self.payments.items() if not live.over or no in held}
        jobs = [job for live in payments.values() for job in (live.ask, live.cancel, live.ack)]
        jobs += [live.ask for live in refunds.values()]
        jobs += [self.ring.poll, self.ring.ack]
        jobs += [self.kit.job] if self.kit is not None and self.line.line is Line.UP else []
        due = [job.due_ms for job in jobs if job.in_flight is None and job.due_ms is not None]
        state = EngineState(
            terminal_id=self.terminal_id,
            payments=payments,
            refunds=refunds,
            ring=self.ring,
            kit=self.kit,
            standing=self.standing,
            line=self.line,
            storage=self.storage,
            held=self.held,
            pressed=self.pressed,
            next_call=self._next_call,
        )
        return state, [*self._appends, *views, *self._later, WakeAt(mono_ms=min(due, default=None))]
