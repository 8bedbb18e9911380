"""Whatever the line says or loses and whenever the program dies: PAID needs a verified PAID, a green light a proof, an
order never has two payments in force, and when the noise ends everything is settled by itself."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from protocol.messages import PaymentStatus
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind, TerminalState
from sync.engine.events import AckCall, CancelCall, PayCall, Send, StatusAnswer
from sync.engine.statements import Silence
from tests.unit.sync.till_on_paper import Till, silence

G = GatewayState

#: What the world does next: (verb, which call or payment, detail).
MOVES = st.lists(
    st.tuples(
        st.sampled_from(
            ["start", "again", "cancel", "crash", "wait", "up", "lose", "lose", "wicked", "problem", "honest", "honest"]
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

    def word(self, till: Till, send: Send, detail: int) -> StatusAnswer | None:
        """The honest answer to a call; None: the number is unknown."""
        number = send.call.payment_no
        state = self.states.get(number)
        if state is None:
            if isinstance(send.call, PayCall):
                state = G.SENT
            elif isinstance(send.call, CancelCall):
                state = G.NOT_PAID
            else:
                return None
        elif not state.final:
            if isinstance(send.call, CancelCall):
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
            honest = till.status(send.call.payment_no, G.SENT, seq=till.records[send.call.payment_no].state_seq + 1)
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
    word = truth.word(till, send, detail)
    till.answer(send, till.problem(Reason.UNKNOWN_PAYMENT) if word is None else word)


@settings(max_examples=300, deadline=None)
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
        if all(r.state.final and not r.ack_owed for r in till.records.values()):
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
