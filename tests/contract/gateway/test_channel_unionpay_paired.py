"""Rule: our UnionPay adapter and the simulated wallet, which share no code, understand each other in every script.

Without sockets (tests/contract/gateway/unionpay_pair.py), in both sign methods.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from gateway.channels.port import (
    ChannelReason,
    Declined,
    Failed,
    LineFault,
    Mismatch,
    NoAnswer,
    NotFound,
    PageReady,
    Paid,
    PayerKnown,
    PayerUnknown,
    PaymentNotified,
    Pending,
    QrReady,
    RefundDone,
    RefundOpen,
    UndoAcknowledged,
    UndoAction,
    UndoRetry,
    Unknown,
)
from sandbox.unionpay.codes import Code
from sandbox.wallet import ScanResult
from tests.contract.gateway.unionpay_pair import (
    AMOUNT_FEN,
    NUMBER,
    START_MS,
    Pair,
    authorised,
    by_key,
    is_over,
    scanned,
    script,
    sent_fields,
)

NewPair = Callable[..., Pair]
UNDONE = UndoAcknowledged(action=UndoAction.NONE)
VOID = "45"


@pytest.fixture(params=["certificates", "key"])
def new_pair(request: pytest.FixtureRequest) -> NewPair:
    """A pair in each sign method."""
    method = by_key() if request.param == "key" else {}

    def make(**more: object) -> Pair:
        return Pair({**method, **more})

    return make


def test_accepted_is_pending_and_a_query_says_paid(new_pair: NewPair) -> None:
    pair = new_pair()
    assert pair.pay() == Pending(payer_prompted=False)
    paid = pair.query()
    assert isinstance(paid, Paid)
    assert (paid.amount_fen, paid.paid_at_ms, len(paid.transaction_id), len(paid.payer_tail)) == (
        AMOUNT_FEN,
        START_MS,
        21,
        4,
    )
    assert pair.query() == paid


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("balance_low", Declined(code="64", reason=ChannelReason.BALANCE_LOW)),
        ("expired", Declined(code="80", reason=ChannelReason.CODE_EXPIRED)),
        ("ask_password:5", Pending(payer_prompted=False)),
        ("never", Pending(payer_prompted=False)),
        ("system_error_charged", Pending(payer_prompted=False)),
        ("system_error_not_charged", Pending(payer_prompted=False)),
        ("drop_after_charge", NoAnswer(LineFault.CUT)),
        ("drop_before_charge", NoAnswer(LineFault.CUT)),
        ("maintenance", Unknown(reason=ChannelReason.CHANNEL_ERROR, code="02")),
    ],
)
def test_the_pay_answer_of_each_script(new_pair: NewPair, text: str, verdict: object) -> None:
    assert new_pair().pay(text) == verdict


@pytest.mark.parametrize("text", ["system_error_charged", "drop_after_charge", "callback_lost"])
def test_what_was_charged_without_a_word_is_found_by_query(new_pair: NewPair, text: str) -> None:
    pair = new_pair()
    pair.pay(text)
    assert isinstance(pair.query(), Paid)


def test_what_never_reached_unionpay_is_absent_and_its_reversal_is_acknowledged(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay("drop_before_charge")
    assert pair.query() == NotFound(code="34")
    assert pair.cancel() == UNDONE
    assert pair.query() == NotFound(code="34")
    assert pair.moved() == (0, 0)


@pytest.mark.parametrize("text", ["never", "system_error_not_charged"])
def test_an_open_trade_is_ended_by_reversal(new_pair: NewPair, text: str) -> None:
    pair = new_pair()
    pair.pay(text)
    assert pair.query() == Pending(payer_prompted=False)
    assert pair.cancel() == UNDONE
    over = pair.query()
    assert is_over(over)
    assert isinstance(over, Failed)
    assert over.code == VOID
    assert pair.moved() == (0, 0)


def test_a_refused_code_is_over_and_its_reversal_acknowledged(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay("balance_low")
    assert is_over(pair.query())
    assert pair.cancel() == UNDONE
    assert is_over(pair.query())


def test_a_password_entered_in_time_is_found_by_polling(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay("ask_password:5")
    assert pair.query() == Pending(payer_prompted=False)
    pair.later(6_000)
    assert isinstance(pair.query(), Paid)


def test_a_reversal_of_paid_money_gives_it_back(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay()
    assert pair.cancel() == UNDONE
    assert is_over(pair.query())
    assert pair.moved() == (AMOUNT_FEN, AMOUNT_FEN)


def test_recalls_and_empty_promises_of_the_reversal(new_pair: NewPair) -> None:
    again, empty, late = new_pair(), new_pair(), new_pair()
    again.pay("reverse_recall:2")
    assert [again.cancel() for _ in range(3)] == [UndoRetry(code="05"), UndoRetry(code="05"), UNDONE]
    empty.pay("reverse_ack_not_applied")
    assert (empty.cancel(), empty.query()) == (UNDONE, Pending(payer_prompted=False))
    assert empty.cancel() == UNDONE
    assert is_over(empty.query())
    late.pay("reverse_applies_late:5")
    assert (late.cancel(), late.query()) == (UNDONE, Pending(payer_prompted=False))
    late.later(5_000)
    assert is_over(late.query())


def test_a_charge_after_an_acknowledged_reversal_is_found_and_refunded(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay("pay_after_reverse")
    assert pair.cancel() == UNDONE
    assert is_over(pair.query())
    pair.later(2_000)
    late = pair.query()
    assert isinstance(late, Paid)
    assert pair.refund(pair.refund_order(late.transaction_id, AMOUNT_FEN)) == RefundOpen(code="00")
    assert pair.moved() == (AMOUNT_FEN, AMOUNT_FEN)


def test_a_charge_past_the_deadline_is_money_taken_and_goes_back_by_refund(new_pair: NewPair) -> None:
    """42, for a request that no query found before."""
    pair = new_pair()
    assert pair.pay("pay_executes_late:30") == NoAnswer(LineFault.CUT)
    assert pair.query() == NotFound(code="34")
    pair.later(45_000)
    assert pair.cancel() == UNDONE
    assert pair.query() == NotFound(code="34")
    pair.later(30_000)
    taken = pair.query()
    assert isinstance(taken, Failed)
    assert (taken.code, taken.money_taken, taken.closed_once_undone) == ("42", True, False)
    order = pair.refund_order(taken.transaction_id, AMOUNT_FEN)
    assert pair.refund(order) == RefundOpen(code="00")
    assert isinstance(pair.refund_query(order), RefundDone)
    assert pair.moved() == (AMOUNT_FEN, AMOUNT_FEN)


@pytest.mark.parametrize("end", [Code.PAST_DEADLINE, Code.WRITE_OFF_UNKNOWN, Code.WRITE_OFF_FAILED])
def test_42_74_and_75_are_never_plain_failures(new_pair: NewPair, end: Code) -> None:
    pair = new_pair()
    pair.wallet.end_next_charge(end)
    pair.pay()
    taken = pair.query()
    assert isinstance(taken, Failed)
    assert (taken.code, taken.money_taken, taken.closed_once_undone) == (end.value, True, False)
    assert len(taken.transaction_id) == 21
    assert pair.due() == ()


def test_success_with_a_defect_is_paid(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.wallet.end_next_charge(Code.DEFECT)
    pair.pay()
    assert isinstance(pair.query(), Paid)
    (outgoing,) = pair.due()
    heard = pair.hears(outgoing)
    assert isinstance(heard, PaymentNotified)
    assert isinstance(heard.verdict, Paid)


def test_paytimeout_is_the_trades_own_deadline(new_pair: NewPair) -> None:
    pair = new_pair(pay_timeout="sent")
    pair.pay("never")
    assert sent_fields(pair.sent[-1])["payTimeout"] == "20261122100100"
    pair.later(60_000)
    over = pair.query()
    assert isinstance(over, Failed)
    assert (over.code, over.closed_once_undone) == ("69", True)


def test_too_many_queries_are_told_so(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay("query_limit:1")
    assert pair.query() == Pending(payer_prompted=False)
    assert pair.query() == Unknown(reason=ChannelReason.TOO_OFTEN, code="37")
    pair.later(10_000)
    assert isinstance(pair.query(), Paid)


def test_maintenance_settles_nothing_until_it_is_over(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay("maintenance")
    closed = Unknown(reason=ChannelReason.CHANNEL_ERROR, code="02")
    assert (pair.query(), pair.cancel()) == (closed, closed)
    pair.later(20_000)
    assert isinstance(pair.query(), Paid)


def test_the_second_that_opened_an_order_is_part_of_its_name(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay()
    assert pair.query(pair.ref(opened_ms=START_MS + 1_000)) == NotFound(code="34")
    assert pair.query(replace(pair.ref(), amount_fen=AMOUNT_FEN + 1)) == Mismatch(fields=("txnAmt",))


def test_the_same_order_again_is_a_duplicate_that_proves_nothing(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay()
    assert pair.pay() == Unknown(reason=ChannelReason.ASK_AGAIN, code="12")
    assert pair.moved() == (AMOUNT_FEN, 0)


def test_a_used_and_a_foreign_code_are_declined(new_pair: NewPair) -> None:
    pair = new_pair()
    code = pair.wallet.issue_code(script("pay"), pair.now_ms)
    pair.pay_with(code)
    declined = Declined(code="61", reason=ChannelReason.CODE_INVALID)
    assert pair.pay_with(code, number=NUMBER[:-1] + "2") == declined
    assert pair.pay_with("6226359577513731196", number=NUMBER[:-1] + "3") == declined


# --- the order's QR, and the page


def test_a_shown_qr_is_not_found_until_it_is_scanned_and_then_paid(new_pair: NewPair) -> None:
    pair = new_pair()
    ready = pair.precreate()
    assert isinstance(ready, QrReady)
    assert ready.qr.startswith("https://qr.95516.com/")
    assert pair.query() == NotFound(code="34")
    assert pair.wallet.scan(ready.qr, script("pay"), pair.now_ms).result is ScanResult.PAID
    assert isinstance(pair.query(), Paid)


def test_a_qr_closed_unscanned_is_absent_and_cannot_be_paid(new_pair: NewPair) -> None:
    pair = new_pair()
    ready = pair.precreate()
    assert isinstance(ready, QrReady)
    assert (pair.cancel(), pair.query()) == (UNDONE, NotFound(code="34"))
    assert pair.wallet.scan(ready.qr, script("pay"), pair.now_ms).result is ScanResult.ORDER_CLOSED


@pytest.mark.parametrize(
    ("text", "first", "later_ms", "last"),
    [
        ("ask_password:5", Pending, 5_000, Paid),
        ("balance_low", Pending, 5_000, Pending),
        ("expired", NotFound, 5_000, NotFound),
        ("system_error_charged", Unknown, 1_000, Unknown),
        ("drop_after_charge", NoAnswer, 1_000, Paid),
        ("drop_before_charge", NoAnswer, 1_000, Pending),
        ("never", Pending, 5_000, Pending),
        ("callback_lost", Pending, 1_000, Paid),
        ("maintenance", Unknown, 20_000, Paid),
        ("precreate_cancel_then_scan", NotFound, 5_000, NotFound),
    ],
)
def test_a_scanned_qr_in_each_script(new_pair: NewPair, text: str, first: type, later_ms: int, last: type) -> None:
    pair = new_pair()
    scanned(pair, text)
    assert isinstance(pair.query(), first)
    pair.later(later_ms)
    assert isinstance(pair.query(), last)


@pytest.mark.parametrize(
    ("text", "late_ms"), [("precreate_cancel_then_scan", 1_000), ("close_ack_still_payable", 3_000)]
)
def test_a_qr_paid_after_its_close_is_late_money(new_pair: NewPair, text: str, late_ms: int) -> None:
    pair = new_pair()
    scanned(pair, text)
    assert pair.cancel() == UNDONE
    assert not isinstance(pair.query(), Paid)
    pair.later(late_ms)
    assert isinstance(pair.query(), Paid)


def test_a_qr_paid_past_its_deadline_is_money_taken(new_pair: NewPair) -> None:
    pair = new_pair(pay_timeout="sent")
    scanned(pair, "pay_after_time_expire")
    pair.later(120_000)
    assert pair.cancel() == UNDONE
    pair.later(2_000)
    taken = pair.query()
    assert isinstance(taken, Failed)
    assert (taken.code, taken.money_taken) == ("42", True)


def test_the_page_knows_its_payer_and_sends_him_to_the_orders_address(new_pair: NewPair) -> None:
    pair = new_pair()
    assert pair.channel.traits.pages
    first, again, other = (pair.payer(authorised(pair, one)) for one in ("Li", "Li", "Wang"))
    assert isinstance(first, PayerKnown)
    assert first == again != other
    page = pair.create(first.payer)
    assert isinstance(page, PageReady)
    assert page.redirect is not None
    assert pair.wallet.owns_qr(page.redirect)
    paid = pair.wallet.pay_in_browser({"redirect": page.redirect}, script("pay"), pair.now_ms)
    assert paid.result is ScanResult.PAID
    assert isinstance(pair.query(), Paid)


def test_an_authorisation_is_good_once(new_pair: NewPair) -> None:
    """The code's `+` arrive as blanks, and are put back; many are tried, so that some have one."""
    pair = new_pair()
    for customer in map(str, range(12)):
        back = authorised(pair, customer)
        assert isinstance(pair.payer(back), PayerKnown)
        assert pair.payer(back) == PayerUnknown(code="45")
    back = authorised(pair)
    pair.later(300_000)
    assert pair.payer(back) == PayerUnknown(code="80")
