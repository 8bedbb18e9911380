"""The engine's rules, one step at a time: every event in every state of a payment."""

from __future__ import annotations

import pytest
from msgspec import structs
from msgspec.structs import replace

from protocol.messages import LateMoney, LateMoneyState, Light, Presented
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind, TerminalEvent, TerminalState, Verdict, terminal_next
from sync.engine.cash import may_take_cash
from sync.engine.events import (
    AckCall,
    Answer,
    CancelCall,
    CashAsked,
    LineSilent,
    PayCall,
    QueryCall,
    Send,
    StatusAnswer,
)
from sync.engine.line import LineState
from sync.engine.model import CashLimits, TakeCash
from sync.engine.record import fold
from sync.engine.schedule import WATCH_DAYS_MS, WATCH_MS, next_watch_ms, pause_ms
from sync.engine.statements import PaymentConflict, PaymentSettled, Silence, read_statement, write_statement
from tests.unit.sync.till_on_paper import CODE, T0_MS, Till, number, silence

S, G = TerminalState, GatewayState


def in_state(state: TerminalState) -> tuple[Till, str]:
    """A till with one payment in the wanted state, reached by answers only."""
    till = Till()
    till.up()
    if state is S.AWAITING_PROOF:
        return shown_offline(till)
    payment = till.start()
    assert payment is not None
    match state:
        case S.SENDING:
            pass
        case S.WAITING:
            till.answer(till.only(PayCall), till.status(payment, G.SENT))
        case S.UNKNOWN:
            till.answer(till.only(PayCall), silence())
            till.wait(pause_ms(0))
        case S.CANCELLING:
            till.cancel(payment)
        case S.PAID:
            till.answer(till.only(PayCall), till.status(payment, G.PAID))
        case S.NOT_PAID:
            till.answer(till.only(PayCall), till.status(payment, G.NOT_PAID))
    assert till.records[payment].state is state
    return till, payment


def shown_offline(till: Till) -> tuple[Till, str]:
    """An offline QR is at the counter, and its first question to the gateway is under way."""
    till.down()
    payment = till.offline()
    assert payment is not None
    till.wait(2_000)
    assert till.records[payment].state is S.AWAITING_PROOF
    return till, payment


def said(till: Till, payment: str, event: TerminalEvent) -> None:
    """Makes the event happen to the payment through whatever call is under way."""
    if event is TerminalEvent.CANCEL:
        till.cancel(payment)
        return
    answers: dict[TerminalEvent, Answer] = {
        TerminalEvent.OPEN: till.status(payment, G.SENT, seq=5),
        TerminalEvent.SILENCE: silence(),
        TerminalEvent.PAID: till.status(payment, G.PAID, seq=5),
        TerminalEvent.NOT_PAID: till.status(payment, G.NOT_PAID, seq=5),
    }
    till.answer(next(iter(till.under_way.values())), answers[event])


@pytest.mark.parametrize("event", list(TerminalEvent))
@pytest.mark.parametrize("state", list(S))
def test_every_event_in_every_state_does_what_the_table_says(state: TerminalState, event: TerminalEvent) -> None:
    till, payment = in_state(state)
    verdict = terminal_next(state, event)
    said(till, payment, event)
    record = till.records[payment]
    assert record.state is (verdict if isinstance(verdict, TerminalState) else state)
    assert record.conflict == (verdict is Verdict.CONFLICT)


@pytest.mark.parametrize("why", [w for w in Silence if w is not Silence.NOT_SENT])
def test_no_kind_of_silence_is_an_outcome(why: Silence) -> None:
    till, payment = in_state(S.SENDING)
    till.answer(till.only(PayCall), silence(why))
    assert till.records[payment].state is S.UNKNOWN
    assert till.views[-1].light is None


@pytest.mark.parametrize(
    "difference",
    [
        {"terminal_id": "T000000000002"},
        {"order_no": "0000000000000000000000026"},
        {"n": 2},
        {"payment_no": "0000000000000000000000026-1"},
        {"amount_fen": 1251},
        {"state": G.NOT_PAID, "proof": None},
    ],
    ids="+".join,
)
@pytest.mark.parametrize("state", [S.SENDING, S.WAITING, S.UNKNOWN, S.CANCELLING])
def test_a_signed_statement_about_anything_else_is_silence(state: TerminalState, difference: dict[str, object]) -> None:
    till, payment = in_state(state)
    right = till.status(payment, G.PAID, seq=9)
    wrong = StatusAnswer(status=structs.replace(right.status, **difference), said_by="G1")
    till.answer(next(iter(till.under_way.values())), wrong)
    record = till.records[payment]
    expected = terminal_next(state, TerminalEvent.SILENCE)
    assert record.state is (expected if isinstance(expected, TerminalState) else state)
    assert record.state_seq < 9


def test_an_older_statement_than_the_known_one_changes_nothing() -> None:
    till, payment = in_state(S.WAITING)
    till.answer(till.only(QueryCall), till.status(payment, G.SENT, seq=7, payer_prompted=True))
    before = till.records[payment]
    till.answer(till.only(QueryCall), till.status(payment, G.NOT_PAID, seq=6))
    assert till.records[payment] == before
    till.wait(1_000)
    till.answer(till.only(QueryCall), till.status(payment, G.PAID, seq=8))
    assert till.records[payment].state is S.PAID


def test_the_first_send_that_never_left_is_settled_by_this_till_without_ack() -> None:
    till, payment = in_state(S.SENDING)
    till.answer(till.only(PayCall), silence(Silence.NOT_SENT))
    view = till.views[-1]
    assert (view.state, view.light, view.safe_to_rescan) == (S.NOT_PAID, Light.GREEN, True)
    assert view.proof is not None
    assert (view.proof.kind, view.proof.said_by) == (ProofKind.NOT_SENT, "till")
    assert not till.under_way
    assert payment not in till.state.payments


@pytest.mark.parametrize("checking", [False, True])
def test_one_press_that_comes_twice_makes_one_number(checking: bool) -> None:
    till = Till()
    if not checking:
        till.up()
    till.start()
    till.numbers -= 1  # the very same command once more
    till.start()
    till.up()
    assert len(till.records) == 1
    assert len(till.calls(PayCall)) == 1
    till.answer(till.only(PayCall), silence(Silence.NOT_SENT))
    till.up()
    till.numbers -= 1  # and when the payment is long over
    till.start()
    assert len(till.records) == 1
    assert not till.refusals


@pytest.mark.parametrize("restarted", [False, True])
def test_a_number_that_a_copy_of_the_disk_may_have_sent_is_not_settled_by_this_till(restarted: bool) -> None:
    """Payment 2 of an order from before the start: a copy, or the till that a backup was made of, may have sent it."""
    till, first = in_state(S.SENDING)
    till.answer(till.only(PayCall), silence(Silence.NOT_SENT))
    if restarted:
        till.crash()
    till.up()
    second = till.start(order_no=first.rpartition("-")[0])
    assert second is not None
    till.answer(till.only(PayCall), silence(Silence.NOT_SENT))
    assert till.records[second].state is (S.UNKNOWN if restarted else S.NOT_PAID)
    assert till.views[-1].safe_to_rescan is not restarted


def test_nor_is_one_of_an_order_whose_sale_was_only_named_again_after_the_start() -> None:
    """Naming it again begins nothing: the order is from before the start still."""
    till, first = in_state(S.UNKNOWN)
    till.crash()
    till.up()
    assert till.start(sale_id=till.records[first].sale_id) is None
    assert not till.refusals
    till.answer(till.only(QueryCall), till.status(first, G.NOT_PAID))
    second = till.start(order_no=first.rpartition("-")[0])
    assert second is not None
    till.answer(till.only(PayCall), silence(Silence.NOT_SENT))
    assert till.records[second].state is S.UNKNOWN


def test_not_sent_after_any_earlier_send_stays_unknown_and_goes_on_asking() -> None:
    till, payment = in_state(S.UNKNOWN)
    for failures in range(1, 12):
        till.answer(till.only(PayCall), silence(Silence.NOT_SENT))
        assert till.records[payment].state is S.UNKNOWN
        till.wait(pause_ms(failures))
    assert till.calls(PayCall)


def test_a_retransmission_has_the_same_content_and_number() -> None:
    till, payment = in_state(S.SENDING)
    first = till.only(PayCall)
    till.answer(first, silence())
    till.wait(60_000)
    second = till.only(PayCall)
    assert isinstance(first.call, PayCall)
    assert isinstance(second.call, PayCall)
    assert first.call.request == second.call.request
    assert second.call.payment_no == payment


def test_the_code_is_forgotten_with_the_first_signed_statement() -> None:
    till, payment = in_state(S.UNKNOWN)
    till.answer(till.only(PayCall), till.status(payment, G.SENT))
    assert till.state.payments[payment].request is None
    assert till.only(QueryCall)


def test_after_a_crash_the_till_asks_and_never_sends_the_payment_again() -> None:
    till, payment = in_state(S.SENDING)
    till.crash()
    assert till.records[payment].state is S.UNKNOWN
    assert not till.calls(PayCall)
    till.answer(till.only(QueryCall), till.problem(Reason.UNKNOWN_PAYMENT))
    assert till.records[payment].state is S.CANCELLING
    assert till.records[payment].proof is None
    till.answer(till.only(CancelCall), till.status(payment, G.NOT_PAID, proof=ProofKind.TOMBSTONE))
    assert till.views[-1].safe_to_rescan


@pytest.mark.parametrize(("state", "wait_ms"), [(G.NOT_PAID, 60 * 60_000), (G.PAID, 60_000)], ids=["not paid", "paid"])
def test_a_gateway_that_forgot_what_was_not_paid_is_told_seldom_and_of_what_was_paid_soon(
    state: GatewayState, wait_ms: int
) -> None:
    """It was restored from a backup; what is paid may be taken up at any moment, and is "unnoticed" then."""
    till, payment = in_state(S.WAITING)
    proof = ProofKind.TOMBSTONE if state is G.NOT_PAID else None
    till.answer(till.only(QueryCall), till.status(payment, state, proof=proof))
    for _ in range(10):
        till.answer(till.only(AckCall), till.problem(Reason.UNKNOWN_PAYMENT))
        till.wait(wait_ms)
    till.answer(till.only(AckCall), till.problem(Reason.UNKNOWN_PAYMENT))
    till.wait(wait_ms - 1)
    assert not till.calls(AckCall)
    till.wait(1)
    assert till.only(AckCall)


def test_the_cancel_intent_is_durable_before_the_cancel_and_outlives_a_crash() -> None:
    till, payment = in_state(S.WAITING)
    till.cancel(payment)
    assert till.only(CancelCall)
    till.crash()
    assert till.records[payment].state is S.CANCELLING
    assert till.only(CancelCall)


def test_a_cancel_is_sent_until_it_is_taken_and_only_once_at_a_time() -> None:
    till, payment = in_state(S.WAITING)
    till.cancel(payment)
    till.cancel(payment)
    assert len(till.calls(CancelCall)) == 1
    for failures in range(6):
        till.answer(till.only(CancelCall), silence())
        till.wait(pause_ms(failures))
    till.answer(till.only(CancelCall), till.status(payment, G.REVERSING, seq=4, cancel_requested=True))
    till.wait(60_000)
    assert not till.calls(CancelCall)
    assert till.records[payment].state is S.CANCELLING


@pytest.mark.parametrize(
    "reason", [Reason.CLOCK, Reason.REPLAYED, Reason.INTERNAL, Reason.RATE_LIMITED, Reason.GATEWAY_RESTORED]
)
def test_a_refusal_is_not_the_last_word_about_a_cancel(reason: Reason) -> None:
    till, payment = in_state(S.WAITING)
    till.cancel(payment)
    for _ in range(3):
        till.answer(till.only(CancelCall), till.problem(reason))
        till.wait(60_000)
    assert till.only(CancelCall)
    assert till.records[payment].cancel_intended


def test_an_outcome_is_acknowledged_until_the_gateway_takes_it() -> None:
    till, payment = in_state(S.PAID)
    for failures in range(8):
        send = till.only(AckCall)
        assert isinstance(send.call, AckCall)
        assert (send.call.state, send.call.state_seq) == (G.PAID, 1)
        till.answer(send, silence())
        till.wait(pause_ms(failures))
    till.answer(till.only(AckCall), till.status(payment, G.PAID))
    assert till.records[payment].acked_seq == 1
    assert payment not in till.state.payments


def test_an_unacknowledged_outcome_is_acknowledged_after_a_crash() -> None:
    till, _ = in_state(S.PAID)
    till.crash()
    assert till.only(AckCall)


def test_a_number_that_was_begun_is_not_begun_again_by_the_command_that_began_it() -> None:
    """Its commit was in doubt: this run of the program forgot the command, the journal has the payment."""
    till = Till()
    till.up()
    press = till.press()
    till.do(press)
    (payment_no,) = till.records
    till.state = replace(till.state, pressed=())
    before = len(till.statements)
    till.do(press)
    assert len(till.statements) == before
    assert (till.views[-1].payment_no, till.views[-1].request_id) == (payment_no, press.command.request_id)
    assert len(till.calls(PayCall)) == 1


def test_a_payment_given_up_is_looked_at_for_late_money_on_the_gateways_schedule() -> None:
    till, payment = in_state(S.NOT_PAID)
    till.answer(till.only(AckCall), till.status(payment, G.NOT_PAID))
    started = till.mono_ms
    for offset in WATCH_MS:
        till.wait(started + offset - till.mono_ms - 1)
        assert not till.calls(QueryCall)
        till.wait(1)
        till.answer(till.only(QueryCall), till.status(payment, G.NOT_PAID))
    while till.mono_ms - started <= WATCH_DAYS_MS:
        # What the bill of the next day finds is known here within the hour.
        till.wait(3_600_000)
        till.answer(till.only(QueryCall), till.status(payment, G.NOT_PAID))
    assert till.mono_ms - started <= WATCH_DAYS_MS + 3_600_000
    assert payment not in till.state.payments


@pytest.mark.parametrize("leap_ms", [86_400_000, -86_400_000, 30 * 86_400_000])
def test_a_clock_that_leaps_moves_no_look_for_late_money(leap_ms: int) -> None:
    """The till's goes by the gateway's. A day that was leapt over is no day in which somebody looked."""
    till, payment = in_state(S.NOT_PAID)
    till.answer(till.only(AckCall), till.status(payment, G.NOT_PAID))
    started, till.leapt_ms = till.mono_ms, leap_ms
    till.up()
    for offset in WATCH_MS:
        till.wait(started + offset - till.mono_ms - 1)
        assert not till.calls(QueryCall)
        till.wait(1)
        till.answer(till.only(QueryCall), till.status(payment, G.NOT_PAID))


def test_after_a_restart_late_money_is_looked_for_at_once_and_then_as_after_an_end() -> None:
    """How long the program was off nobody knows for certain: its clock may have leapt."""
    till, payment = in_state(S.NOT_PAID)
    till.answer(till.only(AckCall), till.status(payment, G.NOT_PAID))
    till.wait(60_000)
    till.crash()
    till.leapt_ms = 86_400_000
    till.answer(till.only(QueryCall), till.status(payment, G.NOT_PAID))
    till.wait(WATCH_MS[0])
    till.answer(till.only(QueryCall), till.status(payment, G.NOT_PAID))


def test_late_money_that_waits_for_a_person_is_asked_about_however_long_he_takes() -> None:
    till, payment = in_state(S.NOT_PAID)
    record = till.state.payments[payment].record
    assert record.settled_at_ms is not None
    late = LateMoney(state=LateMoneyState.FOUND, amount_fen=1250, found_at_ms=record.settled_at_ms)
    weeks_ms = 30 * 86_400_000
    assert next_watch_ms(replace(record, late_money=late), watched_ms=weeks_ms) == 60_000
    for over in (LateMoneyState.UNDONE, LateMoneyState.ACCEPTED):
        done = replace(record, late_money=structs.replace(late, state=over))
        assert next_watch_ms(done, watched_ms=weeks_ms) is None


def test_late_money_puts_the_green_light_out_and_is_acknowledged() -> None:
    till, payment = in_state(S.NOT_PAID)
    till.answer(till.only(AckCall), till.status(payment, G.NOT_PAID))
    till.wait(WATCH_MS[0])
    late = LateMoney(state=LateMoneyState.FOUND, amount_fen=1250, found_at_ms=1)
    till.answer(till.only(QueryCall), till.status(payment, G.NOT_PAID, seq=2, late_money=late))
    view = till.views[-1]
    assert (view.state, view.light, view.safe_to_rescan, view.late_money) == (S.NOT_PAID, None, False, late)
    send = till.only(AckCall)
    assert isinstance(send.call, AckCall)
    assert send.call.state_seq == 2


def test_late_money_that_a_person_kept_is_told_gives_no_light_and_ends_the_watch() -> None:
    till, payment = in_state(S.NOT_PAID)
    till.answer(till.only(AckCall), till.status(payment, G.NOT_PAID))
    till.wait(WATCH_MS[0])
    for seq, state in ((2, LateMoneyState.FOUND), (3, LateMoneyState.ACCEPTED)):
        money = LateMoney(state=state, amount_fen=1250, found_at_ms=1)
        till.answer(till.only(QueryCall), till.status(payment, G.NOT_PAID, seq=seq, late_money=money))
        till.answer(till.only(AckCall), till.status(payment, G.NOT_PAID, seq=seq, late_money=money))
        till.wait(60_000)
    view = till.views[-1]
    assert (view.late_money, view.light, view.safe_to_rescan) == (money, None, False)
    assert payment not in till.state.payments
    assert till.start(order_no=view.order_no) is None, "nothing more is charged for what is paid"
    assert till.refusals[-1].reason is Reason.LATE_MONEY


def test_two_verified_statements_that_disagree_raise_a_conflict_once_and_move_nothing() -> None:
    till, payment = in_state(S.NOT_PAID)
    send = till.only(AckCall)
    till.answer(send, till.status(payment, G.PAID, seq=4))
    assert till.records[payment].state is S.NOT_PAID
    assert till.records[payment].conflict
    assert not till.views[-1].safe_to_rescan
    assert sum(isinstance(s, PaymentConflict) for s in till.statements) == 1
    assert till.start(order_no=till.records[payment].order_no) is None
    assert till.refusals[-1].reason is Reason.ORDER_OPEN


@pytest.mark.parametrize("ended_by", ["cancel_intended", "cancel_requested"])
def test_either_sides_word_that_it_was_cancelled_ends_an_order_for_ever(ended_by: str) -> None:
    ended, payment = in_state(S.NOT_PAID)
    last = replace(ended.records[payment], **{ended_by: True})
    till = Till(numbers=50)
    till.up()
    till.do(replace(till.press(order_no=last.order_no), last=last))
    (begun,) = till.records.values()
    assert (begun.n, begun.sale_id) == (1, last.sale_id)
    assert begun.order_no != last.order_no


@pytest.mark.parametrize(
    ("last_n", "other_sale", "reason"), [(1, True, Reason.CONTENT_DIFFERS), (9_999, False, Reason.ORDER_CANCELLED)]
)
def test_a_further_try_is_of_the_same_sale_and_has_a_number_left(last_n: int, other_sale: bool, reason: Reason) -> None:
    ended, payment = in_state(S.NOT_PAID)
    last = replace(ended.records[payment], n=last_n)
    till = Till(numbers=50)
    till.up()
    pressed = till.press(order_no=last.order_no)
    command = replace(pressed.command, sale_id=number(77) if other_sale else last.sale_id)
    till.do(replace(pressed, last=last, command=command))
    assert [refused.reason for refused in till.refusals] == [reason]
    assert not till.records


def test_no_cash_closes_a_sale_about_which_two_statements_disagree() -> None:
    ended, payment = in_state(S.NOT_PAID)
    green = ended.records[payment]
    assert may_take_cash(green)
    assert not may_take_cash(replace(green, conflict=True))


def test_a_command_that_brings_an_older_payment_along_is_judged_by_the_newest() -> None:
    """It may have waited while its order went on: memory is newer than what it read in the journal."""
    till, payment = in_state(S.NOT_PAID)
    first = till.records[payment]
    second = till.start(order_no=first.order_no)
    assert second is not None
    command = replace(till.press(order_no=first.order_no), last=first)
    till.do(command)
    assert till.refusals[-1].reason is Reason.ORDER_OPEN
    assert list(till.records) == [payment, second]


def test_a_settled_payment_never_falls_back_behind_what_was_heard_of_it() -> None:
    """A till's own proof carries no state_seq: the highest one that the gateway said stays."""
    till, payment = in_state(S.WAITING)
    till.answer(till.only(QueryCall), till.status(payment, G.SENT, seq=7))
    settled = PaymentSettled(payment_no=payment, said_by="G1", paid=True, state_seq=3, reason=Reason.PAID, proof=None)
    assert fold(till.records[payment], settled, at_ms=T0_MS).state_seq == 7


def test_cash_is_refused_while_a_scan_of_its_sale_waits_for_the_line() -> None:
    till, payment = in_state(S.NOT_PAID)
    record = till.records[payment]
    till.state = replace(till.state, line=LineState())
    assert till.start(order_no=record.order_no) is None
    assert till.state.held
    cash = TakeCash(
        request_id="cash",
        order_no=record.order_no,
        amount=record.amount,
        received_fen=record.amount.fen,
        limits=CashLimits(sale_fen=500_000, offline_day_fen=500_000),
        operator="01",
    )
    till.do(CashAsked(command=cash, new_sale_id=number(8), new_order_no=number(9), of_sale=(record,)))
    assert [refused.reason for refused in till.refusals] == [Reason.ORDER_OPEN]


def test_amber_is_shown_only_while_open_and_only_by_the_gateways_word() -> None:
    till, payment = in_state(S.CANCELLING)
    assert till.views[-1].light is None
    till.answer(
        till.only(CancelCall), till.status(payment, G.REVERSING, seq=2, cancel_requested=True, light=Light.AMBER)
    )
    assert till.views[-1].light is Light.AMBER
    assert not till.views[-1].safe_to_rescan


@pytest.mark.parametrize(
    ("line_says", "reason"),
    [
        (Silence.NOT_SENT, Reason.GATEWAY_UNREACHABLE),
        (Silence.NO_ANSWER, Reason.GATEWAY_UNREACHABLE),
        (Silence.UNSIGNED, Reason.GATEWAY_NOT_TRUSTED),
    ],
)
def test_a_scan_waits_for_the_first_word_of_the_line_and_is_refused_by_it(line_says: Silence, reason: Reason) -> None:
    till = Till()
    assert till.start() is None
    assert not till.refusals
    till.do(LineSilent(why=line_says))
    assert [r.reason for r in till.refusals] == [reason]
    assert not till.statements


def test_a_scan_that_waited_goes_out_when_the_line_is_up() -> None:
    till = Till()
    till.start()
    till.up()
    assert till.only(PayCall)


@pytest.mark.parametrize(
    ("fen", "qr_with_code", "reason"), [(0, False, Reason.BAD_AMOUNT), (10_000_000, False, Reason.BAD_AMOUNT)]
)
def test_a_command_that_cannot_be_right_starts_nothing(fen: int, qr_with_code: bool, reason: Reason) -> None:
    till = Till()
    till.up()
    assert till.start(fen=fen, qr=qr_with_code) is None
    assert till.refusals[-1].reason is reason


def test_payment_n_plus_1_needs_the_green_light_and_the_same_amount() -> None:
    till, payment = in_state(S.NOT_PAID)
    order_no = till.records[payment].order_no
    assert till.start(order_no=order_no, fen=1251) is None
    assert till.refusals[-1].reason is Reason.CONTENT_DIFFERS
    second = till.start(order_no=order_no)
    assert second == f"{order_no}-2"
    assert till.start(order_no=order_no) is None
    assert till.refusals[-1].reason is Reason.ORDER_OPEN
    assert till.start(order_no="0000000000000000000000026") is None
    assert till.refusals[-1].reason is Reason.UNKNOWN_PAYMENT


def test_after_a_cancel_the_sale_goes_on_under_a_new_order_whatever_the_reason_says() -> None:
    """The refusal overtook the cancel: the gateway takes no further payment of an order that was cancelled."""
    till, payment = in_state(S.WAITING)
    first = till.records[payment]
    till.cancel(payment)
    declined = till.status(payment, G.NOT_PAID, seq=5, reason=Reason.BALANCE_LOW, cancel_requested=True)
    till.answer(till.only(CancelCall), declined)
    again = till.start(order_no=first.order_no)
    assert again is not None
    assert till.records[again].n == 1
    assert till.records[again].order_no != first.order_no
    assert till.records[again].sale_id == first.sale_id


def test_no_statement_and_no_effect_shows_the_code() -> None:
    till, payment = in_state(S.UNKNOWN)
    till.answer(till.only(PayCall), till.status(payment, G.PAID))
    for statement in till.statements:
        text = write_statement(statement)
        assert CODE not in text
        assert read_statement(text) == statement
    assert CODE not in repr(till)
    assert CODE not in f"{till.state}"


def test_the_tombstone_of_a_qr_that_never_arrived_is_believed() -> None:
    """A cancel carries no word on who presents: the gateway's row of an unseen number cannot know it either."""
    till = Till()
    till.up()
    payment = till.start(qr=True)
    assert payment is not None
    till.answer(till.only(PayCall), silence())
    till.cancel(payment)
    dug = till.status(payment, G.NOT_PAID, proof=ProofKind.TOMBSTONE, presented=Presented.CUSTOMER)
    till.answer(till.only(CancelCall), dug)
    assert till.records[payment].state is TerminalState.NOT_PAID


def test_a_signed_refusal_leads_to_a_tombstone_not_to_a_state() -> None:
    till, payment = in_state(S.SENDING)
    till.answer(till.only(PayCall), till.problem(Reason.NO_CHANNEL))
    assert till.records[payment].state is S.CANCELLING
    assert till.views[-1].light is None
    till.answer(till.only(CancelCall), till.status(payment, G.NOT_PAID, proof=ProofKind.TOMBSTONE))
    assert till.views[-1].reason is Reason.NO_CHANNEL


@pytest.mark.parametrize("reason", [Reason.INTERNAL, Reason.REPLAYED, Reason.TOO_MANY_TRIES, Reason.RATE_LIMITED])
def test_a_passing_refusal_is_asked_again_with_the_same_request(reason: Reason) -> None:
    till, payment = in_state(S.SENDING)
    first: Send = till.only(PayCall)
    till.answer(first, till.problem(reason))
    assert till.records[payment].state is S.UNKNOWN
    till.wait(500)
    assert till.only(PayCall).call == first.call
    assert not till.calls(CancelCall)


def test_a_gateway_that_says_when_is_asked_no_sooner_and_within_a_minute_all_the_same() -> None:
    """429: nothing was done, the outcome is unknown until it is asked again; nobody may put a till off for long."""
    till, payment = in_state(S.SENDING)
    first: Send = till.only(PayCall)
    till.answer(first, till.problem(Reason.RATE_LIMITED, retry_after_ms=7_000))
    assert till.records[payment].state is S.UNKNOWN
    till.wait(6_999)
    assert not till.calls(PayCall)
    till.wait(1)
    again: Send = till.only(PayCall)
    assert again.call == first.call
    till.answer(again, till.problem(Reason.RATE_LIMITED, retry_after_ms=3_600_000))
    till.wait(60_000)
    assert till.only(PayCall).call == first.call
