"""Whatever the line says or loses and whenever the program dies: PAID needs a verified PAID, a green light a proof, an
order never has two payments in force, a refund number is minted once and ends by a verified word about it, and when the
noise ends everything is settled by itself."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from protocol.messages import PaymentStatus
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind, RefundState, TerminalState
from sync.engine.events import (
    AckCall,
    Answer,
    CancelCall,
    KitCall,
    PayCall,
    PaymentCall,
    QueryCall,
    RefundAnswer,
    RefundCall,
    RefundQueryCall,
    Send,
    StatusAnswer,
    StoreAckCall,
    StorePollCall,
)
from sync.engine.statements import RefundStarted, Silence
from tests.unit.sync.till_on_paper import Till, silence

G = GatewayState

#: What the world does next: (verb, which call or payment, detail).
MOVES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "start",
                "again",
                "cancel",
                "refund",
                "refund",
                "crash",
                "wait",
                "up",
                "lose",
                "lose",
                "wicked",
                "problem",
                "honest",
                "honest",
            ]
        ),
        st.integers(0, 7),
        st.integers(0, 11),
    ),
    max_size=60,
)


class Truth:
    """An honest gateway's table: what really became of each number. Wallets decide by the move's detail."""

    def __init__(self) -> None:
        self.states: dict[str, GatewayState] = {}
        self.seqs: dict[str, int] = {}
        self.refunds: dict[str, RefundState] = {}

    def word(self, till: Till, send: Send, detail: int) -> Answer:
        """The honest answer to a call."""
        call = send.call
        match call:
            case RefundCall() | RefundQueryCall():
                return self._refund(till, call, detail) or till.problem(Reason.UNKNOWN_REFUND)
            case PayCall() | QueryCall() | CancelCall() | AckCall():
                return self._payment(till, call, detail) or till.problem(Reason.UNKNOWN_PAYMENT)
            case StorePollCall() | StoreAckCall() | KitCall():
                raise AssertionError("nobody listens to the store here, and this till has no offline key")

    def _refund(self, till: Till, call: RefundCall | RefundQueryCall, detail: int) -> Answer | None:
        state = self.refunds.get(call.refund_no)
        if state is None and not isinstance(call, RefundCall):
            return None
        if state is None and self.states.get(call.payment_no) is not G.PAID:
            return till.problem(Reason.PAYMENT_NOT_PAID)
        if state is None:
            state = RefundState.CREATED
        elif not state.final:
            state = [RefundState.SENT, RefundState.DONE, RefundState.FAILED][detail % 3]
        if state is not self.refunds.get(call.refund_no):
            self.seqs[call.refund_no] = self.seqs.get(call.refund_no, 0) + 1
        self.refunds[call.refund_no] = state
        return till.refund_status(call.refund_no, state, seq=self.seqs[call.refund_no])

    def _payment(self, till: Till, call: PaymentCall, detail: int) -> StatusAnswer | None:
        number = call.payment_no
        state = self.states.get(number)
        if state is None:
            if isinstance(call, PayCall):
                state = G.SENT
            elif isinstance(call, CancelCall):
                state = G.NOT_PAID
            else:
                return None
        elif not state.final:
            if isinstance(call, CancelCall):
                state = G.REVERSING
            elif detail % 3 == 1:
                state = G.NOT_PAID if state is G.REVERSING else G.PAID
            elif detail % 3 == 2:
                state = G.NOT_PAID
        if state is not self.states.get(number):
            self.seqs[number] = self.seqs.get(number, 0) + 1
        self.states[number] = state
        return till.status(
            number, state, seq=self.seqs[number], proof=ProofKind.CLOSED, cancel_requested=state is G.REVERSING
        )


def number_of(send: Send) -> str:
    """The payment that a payment's call is about."""
    assert isinstance(send.call, (PayCall, QueryCall, CancelCall, AckCall))
    return send.call.payment_no


def wicked_refund(till: Till, refund_no: str, detail: int) -> RefundAnswer:
    """A verified DONE that is not about this refund."""
    said = till.refund_status(refund_no, RefundState.DONE, seq=99).status
    other = [
        replace(said, amount_fen=said.amount_fen + 1),
        replace(said, refund_no="0" * 25),
        replace(said, payment_no=f"{'0' * 25}-1"),
        replace(said, terminal_id="T000000000002"),
    ][detail % 4]
    return RefundAnswer(status=other, said_by="G1")


def wicked(honest: PaymentStatus, detail: int) -> PaymentStatus:
    """A verified statement that is not about this payment, or proves nothing, or is old."""
    paid = replace(honest, state=G.PAID, state_seq=honest.state_seq + 5)
    return [
        replace(paid, amount_fen=paid.amount_fen + 1),
        replace(paid, n=paid.n + 1),
        replace(paid, payment_no=f"{paid.order_no}-{paid.n + 1}"),
        replace(paid, terminal_id="T000000000002"),
        replace(paid, state=G.NOT_PAID, proof=None),
        replace(paid, order_no="0" * 25),
    ][detail % 6]


def check(till: Till, truth: Truth) -> None:
    for record in till.records.values():
        if record.state is TerminalState.PAID:
            assert truth.states[record.payment_no] is G.PAID, "PAID without a verified PAID"
        if record.state is TerminalState.NOT_PAID:
            assert record.proof is not None, "NOT_PAID without a proof"
            if record.proof.kind is not ProofKind.NOT_SENT:
                assert truth.states[record.payment_no] is G.NOT_PAID
            else:
                # A cancel may have overtaken the payment that never left: then there is a tombstone, never money.
                assert truth.states.get(record.payment_no, G.NOT_PAID) is G.NOT_PAID, "NOT_SENT and the gateway has it"
    for refund in till.refunds.values():
        if refund.state.final:
            # Refused before it was ever taken: the gateway has no such refund.
            assert truth.refunds.get(refund.refund_no, RefundState.FAILED) is refund.state, "an outcome nobody signed"
    minted = [said.refund_no for said in till.statements if isinstance(said, RefundStarted)]
    assert len(minted) == len(set(minted)) == len(till.refunds), "a refund number is minted once"
    for record in till.records.values():
        assert 0 <= record.refunded_fen <= record.amount.fen - record.refunding_fen, "more goes back than came in"
    for view in till.views:
        assert not view.safe_to_rescan or (view.state is TerminalState.NOT_PAID and view.proof is not None)
    orders = [r.order_no for r in till.records.values() if r.state is not TerminalState.NOT_PAID]
    assert len(orders) == len(set(orders)), "two payments in force for one order"


def play(till: Till, truth: Truth, verb: str, which: int, detail: int) -> None:
    numbers = sorted(till.records)
    sends = list(till.under_way.values())
    match verb:
        case "start" if len(numbers) < 6:
            till.start()
        case "again" if numbers:
            till.start(order_no=till.records[numbers[which % len(numbers)]].order_no)
        case "cancel" if numbers:
            till.cancel(numbers[which % len(numbers)])
        case "refund" if numbers and len(till.refunds) < 6:
            record = till.records[numbers[which % len(numbers)]]
            till.refund(record.order_no, fen=100 * (detail + 1))
        case "crash":
            till.crash()
        case "wait":
            till.wait(250 * (detail + 1) ** 2)
        case "up":
            till.up()
        case "lose" if sends:
            send = sends[which % len(sends)]
            if detail % 2:
                truth.word(till, send, detail)  # it arrived; the answer did not
                till.answer(send, silence())
            else:
                why = [Silence.NOT_SENT, Silence.NO_ANSWER, Silence.UNSIGNED, Silence.UNREADABLE][detail // 2 % 4]
                till.answer(send, silence(why))
        case "wicked" if sends:
            send = sends[which % len(sends)]
            if isinstance(send.call, (RefundCall, RefundQueryCall)):
                till.answer(send, wicked_refund(till, send.call.refund_no, detail))
                return
            number = number_of(send)
            honest = till.status(number, G.SENT, seq=till.records[number].state_seq + 1)
            till.answer(send, StatusAnswer(status=wicked(honest.status, detail), said_by="G1"))
        case "problem" if sends:
            send = sends[which % len(sends)]
            reasons = [Reason.INTERNAL, Reason.CLOCK, Reason.NO_CHANNEL, Reason.UNKNOWN_TERMINAL, Reason.ORDER_OPEN]
            till.answer(send, till.problem(reasons[detail % 5]))
        case "honest" if sends:
            answer_honestly(till, truth, sends[which % len(sends)], detail)
        case _:
            pass


def answer_honestly(till: Till, truth: Truth, send: Send, detail: int) -> None:
    till.answer(send, truth.word(till, send, detail))


@settings(max_examples=300)
@given(moves=MOVES)
def test_no_order_of_losses_lies_and_crashes_breaks_the_rules_and_quiet_settles_all(
    moves: list[tuple[str, int, int]],
) -> None:
    till, truth = Till(), Truth()
    till.up()
    for verb, which, detail in moves:
        play(till, truth, verb, which, detail)
        check(till, truth)
    till.up()
    for _ in range(200):
        for send in list(till.under_way.values()):
            answer_honestly(till, truth, send, 1)
            check(till, truth)
        refunds_over = all(refund.state.final for refund in till.refunds.values())
        if refunds_over and all(r.state.final and not r.ack_owed for r in till.records.values()):
            return
        till.wait(10_000)
    raise AssertionError([(r.payment_no, r.state, r.ack_owed) for r in till.records.values()])


def test_an_acknowledgement_is_only_ever_of_what_is_journaled() -> None:
    till, truth = Till(), Truth()
    till.up()
    number = till.start()
    assert number is not None
    answer_honestly(till, truth, till.only(PayCall), 0)
    for send in list(till.under_way.values()):
        answer_honestly(till, truth, send, 1)
    call = till.only(AckCall).call
    assert isinstance(call, AckCall)
    assert call.state is G.PAID
    assert till.records[number].state is TerminalState.PAID
