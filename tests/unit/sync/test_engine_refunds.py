"""A refund's rules at the till: durable before it is sent, one number for ever, ended by verified words only."""

from __future__ import annotations

import pytest
from msgspec import structs

from protocol.messages import RefundStatus, StorePaid, StorePaidAnswer
from protocol.money import Money
from protocol.reasons import Reason
from protocol.states import RefundState
from sync.engine.events import (
    AcceptedAnswer,
    RefundAnswer,
    RefundAsked,
    RefundCall,
    RefundQueryCall,
    Reread,
    StoreAckCall,
    StoreAnswer,
    StoreListened,
    StorePollCall,
)
from sync.engine.model import StartRefund
from sync.engine.schedule import TRANSMISSION_LIFE_MS, UNKNOWN_PATH_PAUSE_MS
from sync.engine.statements import RefundRefused, RefundSettled, RefundStarted, Silence, StorePaidHeard
from tests.unit.sync.till_on_paper import T0_MS, Till, number, silence

R = RefundState


@pytest.fixture
def till() -> Till:
    made = Till()
    made.up()
    return made


def begun(till: Till, *, fen: int = 100) -> str:
    refund_no = till.refund(till.paid(), fen=fen)
    assert refund_no is not None
    return refund_no


def test_one_press_that_comes_twice_makes_one_refund(till: Till) -> None:
    order_no = till.paid()
    assert till.refund(order_no) is not None
    till.numbers -= 1  # the very same command once more
    assert till.refund(order_no) is None
    assert len(till.refunds) == len(till.calls(RefundCall)) == 1
    assert not till.refusals


def test_the_intent_is_durable_before_the_request_which_repeats_it(till: Till) -> None:
    refund_no = begun(till)
    assert isinstance(till.statements[-1], RefundStarted)
    call = till.only(RefundCall).call
    assert isinstance(call, RefundCall)
    assert (call.refund_no, call.request.refund_no, call.request.amount_fen) == (refund_no, refund_no, 100)
    assert (call.request.note, call.request.operator) == ("sour", "01")


def test_done_is_a_verified_done_and_the_payment_knows_what_went_back(till: Till) -> None:
    refund_no = begun(till)
    till.answer(till.only(RefundCall), till.refund_status(refund_no, R.SENT))
    till.answer(till.only(RefundQueryCall), till.refund_status(refund_no, R.DONE, seq=2, refundable_fen=1150))
    view = till.refund_views[-1]
    assert (view.state, view.reason, view.refundable_fen) == (R.DONE, Reason.REFUNDED, 1150)
    assert (till.views[-1].refunded_fen, till.views[-1].refunding_fen) == (100, 0)
    assert till.state.refunds == {}
    assert till.state.payments == {}
    assert not till.calls(RefundCall) + till.calls(RefundQueryCall)


def test_failed_gives_nothing_back(till: Till) -> None:
    refund_no = begun(till)
    till.answer(till.only(RefundCall), till.refund_status(refund_no, R.FAILED, reason=Reason.REFUND_REFUSED))
    assert till.refund_views[-1].state is R.FAILED
    assert (till.views[-1].refunded_fen, till.views[-1].refunding_fen) == (0, 0)


@pytest.mark.parametrize("why", [w for w in Silence if w is not Silence.RESTARTED])
def test_silence_of_any_kind_moves_nothing_and_the_same_number_goes_out_again(till: Till, why: Silence) -> None:
    refund_no = begun(till)
    till.answer(till.only(RefundCall), silence(why))
    till.wait(60_000)
    call = till.only(RefundCall).call
    assert isinstance(call, RefundCall)
    assert call.request.refund_no == refund_no
    assert till.refunds[refund_no].state is R.SENT


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_fen": 101}, {"refund_no": number(7)}, {"payment_no": f"{number(7)}-1"},
        {"terminal_id": "T000000000002"},
    ],
)  # fmt: skip
def test_a_verified_word_about_something_else_is_no_word(till: Till, wrong: dict[str, object]) -> None:
    refund_no = begun(till)
    said = till.refund_status(refund_no, R.DONE)
    till.answer(till.only(RefundCall), RefundAnswer(status=structs.replace(said.status, **wrong), said_by="G1"))
    assert till.refunds[refund_no].state is R.SENT


def test_an_older_word_about_a_refund_is_no_news(till: Till) -> None:
    refund_no = begun(till)
    till.answer(till.only(RefundCall), till.refund_status(refund_no, R.SENT, seq=5, refundable_fen=1150))
    heard = till.refunds[refund_no]
    till.answer(till.only(RefundQueryCall), till.refund_status(refund_no, R.SENT, seq=4, refundable_fen=1250))
    assert till.refunds[refund_no] == heard
    assert (heard.state_seq, heard.refundable_fen) == (5, 1150)


@pytest.mark.parametrize("reason", [Reason.INTERNAL, Reason.CLOCK, Reason.UNKNOWN_PATH, Reason.CONTENT_DIFFERS])
def test_a_refusal_of_the_moment_is_no_outcome(till: Till, reason: Reason) -> None:
    refund_no = begun(till)
    till.answer(till.only(RefundCall), till.problem(reason))
    till.wait(60_000)
    assert till.refunds[refund_no].state is R.SENT
    assert till.only(RefundCall)
    assert till.refund_views[-1].reason is reason


@pytest.mark.parametrize("reason", [Reason.PAYMENT_NOT_PAID, Reason.REFUND_EXCEEDS, Reason.UNKNOWN_PAYMENT])
def test_a_refusal_of_the_first_and_only_request_ends_it(till: Till, reason: Reason) -> None:
    refund_no = begun(till)
    till.answer(till.only(RefundCall), till.problem(reason))
    assert isinstance(till.statements[-1], RefundRefused)
    assert (till.refunds[refund_no].state, till.refund_views[-1].reason) == (R.FAILED, reason)


def test_a_refusal_is_not_believed_while_an_unanswered_request_could_still_arrive(till: Till) -> None:
    refund_no = begun(till)
    till.answer(till.only(RefundCall), silence())
    till.wait(1_000)
    till.answer(till.only(RefundCall), till.problem(Reason.REFUND_EXCEEDS))
    assert till.refunds[refund_no].state is R.SENT
    till.wait(TRANSMISSION_LIFE_MS)
    till.answer(till.only(RefundCall), till.problem(Reason.REFUND_EXCEEDS))
    assert till.refunds[refund_no].state is R.FAILED


def test_a_restart_sends_the_same_refund_again_and_believes_no_refusal_at_once(till: Till) -> None:
    refund_no = begun(till)
    till.crash()
    till.up()
    call = till.only(RefundCall)
    assert isinstance(call.call, RefundCall)
    assert call.call.refund_no == refund_no
    till.answer(call, till.problem(Reason.REFUND_EXCEEDS))
    assert till.refunds[refund_no].state is R.SENT
    till.wait(60_000)
    till.answer(till.only(RefundCall), till.refund_status(refund_no, R.DONE))
    assert till.refunds[refund_no].state is R.DONE


def test_a_number_that_the_gateway_lost_is_sent_again(till: Till) -> None:
    refund_no = begun(till)
    till.answer(till.only(RefundCall), till.refund_status(refund_no, R.CREATED))
    till.answer(till.only(RefundQueryCall), till.problem(Reason.UNKNOWN_REFUND))
    till.wait(60_000)
    assert till.only(RefundCall)


def test_what_the_journal_knows_is_refused_before_anything_is_written(till: Till) -> None:
    order_no = till.paid(fen=500)
    assert till.refund(order_no, fen=300) is not None
    before = len(till.statements)
    assert till.refund(order_no, fen=201) is None
    assert till.refund(order_no, fen=0) is None
    assert till.refund(number(77)) is None
    reasons = [refusal.reason for refusal in till.refusals]
    assert reasons == [Reason.REFUND_EXCEEDS, Reason.BAD_AMOUNT, Reason.UNKNOWN_PAYMENT]
    open_no = till.start()
    assert open_no is not None
    assert till.refund(open_no.rpartition("-")[0]) is None
    assert till.refusals[-1].reason is Reason.PAYMENT_NOT_PAID
    assert till.refund(order_no, fen=200) is not None
    refunds = [s for s in till.statements[before:] if isinstance(s, (RefundStarted, RefundSettled))]
    assert len(refunds) == 1


def test_a_refund_of_another_payment_of_the_order_than_the_one_that_paid_is_refused(till: Till) -> None:
    """What the cashier looked at is not what was paid: nothing is begun."""
    order_no = till.paid()
    command = StartRefund(
        request_id="R99", order_no=order_no, payment_no=f"{order_no}-2", amount=Money(100), note="", operator="01"
    )
    till.do(RefundAsked(command=command, new_refund_no=number(9), last=till.records[f"{order_no}-1"]))
    assert till.refusals[-1].reason is Reason.PAYMENT_NOT_PAID
    assert not till.refunds


def test_while_the_line_is_checked_the_refund_waits(till: Till) -> None:
    order_no = till.paid()
    till.crash()
    assert till.refund(order_no) is None
    till.up()
    assert len(till.refunds) == 1


# --- the store's static QR ------------------------------------------------------------------------------------------


def rung(*seqs: int, last: int | None = None, at_ms: int = T0_MS) -> StoreAnswer:
    paid = tuple(
        StorePaid(seq=seq, payment_no=f"{number(seq)}-1", amount_fen=800, paid_at_ms=at_ms, channel="wechat",
                  transaction_tail="3421")
        for seq in seqs
    )  # fmt: skip
    end = max((*seqs, 0)) if last is None else last
    return StoreAnswer(answer=StorePaidAnswer(paid=paid, last=end, server_time_ms=at_ms), said_by="G1")


def test_nobody_listening_nothing_is_asked(till: Till) -> None:
    till.wait(600_000)
    assert not till.calls(StorePollCall)


def test_each_payment_is_journaled_rung_for_once_and_then_acknowledged(till: Till) -> None:
    till.do(StoreListened())
    assert till.only(StorePollCall).call == StorePollCall(after=None, wait_s=25), "the gateway says where to begin"
    till.answer(till.only(StorePollCall), rung(3, 4))
    assert [ring.seq for ring in till.rings] == [3, 4]
    ack = till.only(StoreAckCall)
    assert ack.call == StoreAckCall(through=4)
    till.answer(ack, AcceptedAnswer(said_by="G1"))
    till.answer(till.only(StorePollCall), rung(5))
    assert till.only(StoreAckCall).call == StoreAckCall(through=5)
    assert [s.seq for s in till.statements if isinstance(s, StorePaidHeard)] == [3, 4, 5]


def test_after_a_restart_it_looks_at_what_nobody_acknowledged_and_rings_for_that_again(till: Till) -> None:
    """The program may have ended between the journal and the bell; an acknowledgement would end the owner's notice."""
    till.do(StoreListened())
    till.answer(till.only(StorePollCall), rung(2, 3))
    till.crash()
    till.do(StoreListened())
    assert till.only(StorePollCall).call == StorePollCall(after=None, wait_s=0)
    assert not till.calls(StoreAckCall), "not before it rang"
    till.answer(till.only(StorePollCall), rung(3, 4))
    assert [ring.seq for ring in till.rings] == [2, 3, 3]
    assert till.only(StoreAckCall).call == StoreAckCall(through=3)
    assert till.only(StorePollCall).call == StorePollCall(after=3, wait_s=25)
    till.answer(till.only(StorePollCall), rung(4))
    assert [ring.seq for ring in till.rings] == [2, 3, 3, 4]
    assert [s.seq for s in till.statements if isinstance(s, StorePaidHeard)] == [2, 3, 4]


def test_after_a_restart_what_some_till_acknowledged_is_not_rung_for(till: Till) -> None:
    till.do(StoreListened())
    till.answer(till.only(StorePollCall), rung(3))
    till.crash()
    till.do(StoreListened())
    till.answer(till.only(StorePollCall), rung(last=9))
    assert len(till.rings) == 1
    assert till.only(StorePollCall).call == StorePollCall(after=3, wait_s=25), "what came meanwhile is heard of"


def test_a_look_at_more_than_one_answer_holds_goes_on_to_the_end_of_the_journal(till: Till) -> None:
    till.do(StoreListened())
    till.answer(till.only(StorePollCall), rung(1, 2, 3, 4))
    till.crash()
    till.do(StoreListened())
    till.answer(till.only(StorePollCall), rung(1, 2))
    assert not till.calls(StoreAckCall)
    assert till.only(StorePollCall).call == StorePollCall(after=2, wait_s=0)
    till.answer(till.only(StorePollCall), rung(3, 4))
    assert [ring.seq for ring in till.rings] == [1, 2, 3, 4] * 2
    assert till.only(StoreAckCall).call == StoreAckCall(through=4)


def test_what_the_journal_has_and_was_thought_undone_is_rung_for(till: Till) -> None:
    """Its commit was in doubt: nobody rang."""
    till.do(StoreListened())
    till.answer(till.only(StorePollCall), rung(3))
    till.answer(till.only(StoreAckCall), AcceptedAnswer(said_by="G1"))
    old = till.only(StorePollCall)
    till.store[4] = structs.replace(till.store[3], seq=4)
    till.do(Reread(records=(), store_seen=4))
    assert not till.calls(StoreAckCall)
    till.answer(old, rung(4))
    assert [ring.seq for ring in till.rings] == [3], "asked before everything was read again"
    assert till.only(StorePollCall).call == StorePollCall(after=None, wait_s=0)
    till.answer(till.only(StorePollCall), rung(4))
    assert [ring.seq for ring in till.rings] == [3, 4]
    assert till.only(StoreAckCall).call == StoreAckCall(through=4)


@pytest.mark.parametrize("answer", [rung(4, 3), rung(2), rung(5, last=4)])
def test_a_list_out_of_order_or_of_the_past_is_not_believed(till: Till, answer: StoreAnswer) -> None:
    till.do(StoreListened())
    till.answer(till.only(StorePollCall), rung(2, last=2))
    till.answer(till.only(StorePollCall), answer)
    assert [ring.seq for ring in till.rings] == [2]


def test_an_older_gateway_is_left_alone_for_a_while(till: Till) -> None:
    till.do(StoreListened())
    till.answer(till.only(StorePollCall), till.problem(Reason.UNKNOWN_PATH))
    till.up()
    till.wait(UNKNOWN_PATH_PAUSE_MS - 1_000)
    assert not till.calls(StorePollCall)
    till.wait(2_000)
    assert till.only(StorePollCall)


def test_a_poll_that_is_not_answered_says_nothing_about_the_line(till: Till) -> None:
    till.do(StoreListened())
    before = till.state.line
    till.answer(till.only(StorePollCall), silence())
    assert till.state.line == before


def test_a_refund_status_has_every_field_that_is_compared() -> None:
    assert {"terminal_id", "refund_no", "payment_no", "amount_fen", "currency"} <= set(RefundStatus.__struct_fields__)
