"""Rule: our UnionPay adapter and the simulated wallet, which share no code, understand each other in every script.

Without sockets (tests/contract/gateway/unionpay_pair.py), in both sign methods.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import pytest

from gateway.channels.port import (
    BillKind,
    BillNotReady,
    BillReady,
    ChannelReason,
    Declined,
    Failed,
    Forgery,
    LineFault,
    Mismatch,
    NoAnswer,
    NoBill,
    NotBelieved,
    NotFound,
    PageReady,
    Paid,
    PayerKnown,
    PayerUnknown,
    PaymentNotified,
    Pending,
    QrReady,
    RefundAbsent,
    RefundDone,
    RefundNotified,
    RefundOpen,
    RefundRefused,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    Unknown,
)
from protocol.secret import Secret
from sandbox.unionpay.codes import Code
from sandbox.wallet import ScanResult
from sandbox.wire import HttpRequestParts
from tests.contract.gateway.unionpay_pair import (
    AMOUNT_FEN,
    NUMBER,
    REFUND_NO,
    START_MS,
    Pair,
    by_key,
    merchant,
    script,
    sent_fields,
)

NewPair = Callable[..., Pair]
UNDONE = UndoAcknowledged(action=UndoAction.NONE)
VOID = "45"
HOUR_MS = 3_600_000


@pytest.fixture(params=["certificates", "key"])
def new_pair(request: pytest.FixtureRequest) -> NewPair:
    """A pair in each sign method."""
    method = by_key() if request.param == "key" else {}

    def make(**more: object) -> Pair:
        return Pair({**method, **more})

    return make


def scanned(pair: Pair, text: str) -> ScanResult:
    """The order's QR, shown and scanned."""
    ready = pair.precreate()
    assert isinstance(ready, QrReady)
    return pair.wallet.scan(ready.qr, script(text), pair.now_ms).result


def is_over(verdict: object) -> bool:
    """Counts as closed once it was undone (table P)."""
    return isinstance(verdict, Failed) and verdict.closed_once_undone and not verdict.money_taken


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


def authorised(pair: Pair, customer: str = "Li") -> str:
    """The address to which the wallet's browser comes back."""
    url = pair.channel.authorize_url(redirect="https://shop.test/q/token", state="s/1+2")
    assert url is not None
    path, _, query = url.removeprefix("http://127.0.0.1:8600").partition("?")
    asked = HttpRequestParts(method="GET", path=path, query=query.encode("ascii"))
    back = pair.wallet.authorize(asked, customer, pair.now_ms)
    assert back is not None
    assert back.startswith("https://shop.test/q/token?state=s%2F1%2B2&userAuthCode=")
    return back


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


# --- refunds


def paid_query_id(pair: Pair, text: str = "pay") -> str:
    pair.pay(text)
    paid = pair.query()
    assert isinstance(paid, Paid)
    return paid.transaction_id


def test_a_refund_is_open_and_its_query_says_done(new_pair: NewPair) -> None:
    pair = new_pair()
    order = pair.refund_order(paid_query_id(pair))
    assert pair.refund_query(order) == RefundAbsent(code="34")
    assert pair.refund(order) == RefundOpen(code="00")
    done = pair.refund_query(order)
    assert isinstance(done, RefundDone)
    assert (done.amount_fen, done.done_at_ms, len(done.channel_refund_id)) == (250, START_MS, 21)
    assert isinstance(pair.query(), Paid)
    assert pair.moved() == (AMOUNT_FEN, 250)


def test_a_refund_repeated_moves_money_once(new_pair: NewPair) -> None:
    pair = new_pair()
    order = pair.refund_order(paid_query_id(pair))
    pair.refund(order)
    assert pair.refund(order) == RefundOpen(code="12")
    assert pair.moved() == (AMOUNT_FEN, 250)
    other_amount = replace(order, amount_fen=300)
    assert pair.refund(other_amount) == RefundOpen(code="12")
    assert pair.refund_query(other_amount) == Mismatch(fields=("txnAmt",))


def test_refunds_together_never_exceed_what_was_paid(new_pair: NewPair) -> None:
    pair = new_pair()
    query_id = paid_query_id(pair)
    numbers = [f"{REFUND_NO}{index}" for index in range(3)]
    assert pair.refund(pair.refund_order(query_id, 1000, number=numbers[0])) == RefundOpen(code="00")
    never = pair.refund(pair.refund_order(query_id, 251, number=numbers[1]))
    assert never == RefundRefused(code="33", reason=ChannelReason.REFUND_REFUSED, final=True)
    assert pair.refund(pair.refund_order(query_id, 250, number=numbers[2])) == RefundOpen(code="00")
    assert pair.moved() == (AMOUNT_FEN, AMOUNT_FEN)


def test_a_refund_under_way_and_one_without_balance_are_asked_again(new_pair: NewPair) -> None:
    slow, poor = new_pair(), new_pair()
    order = slow.refund_order(paid_query_id(slow, "refund_processing:9"))
    assert (slow.refund(order), slow.refund_query(order)) == (RefundOpen(code="00"), RefundOpen(code="05"))
    slow.later(9_000)
    assert isinstance(slow.refund_query(order), RefundDone)
    order = poor.refund_order(paid_query_id(poor, "refund_balance_low"))
    later = RefundRefused(code="64", reason=ChannelReason.SELLER_BALANCE_LOW, final=False)
    assert [poor.refund(order) for _ in range(3)] == [later, later, RefundOpen(code="00")]


def test_a_refund_without_the_queryid_asks_about_the_order_first(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay()
    waits = pair.refund(pair.refund_order(None))
    assert waits == RefundRefused(code="queryId", reason=ChannelReason.ORDER_STATE, final=False)
    assert pair.moved() == (AMOUNT_FEN, 0)


def test_a_reversed_payment_is_not_refunded_and_a_refunded_one_not_reversed(new_pair: NewPair) -> None:
    reversed_, refunded = new_pair(), new_pair()
    order = reversed_.refund_order(paid_query_id(reversed_))
    reversed_.cancel()
    refused = RefundRefused(code="45", reason=ChannelReason.REFUND_REFUSED, final=True)
    assert reversed_.refund(order) == refused
    refunded.refund(refunded.refund_order(paid_query_id(refunded)))
    assert refunded.cancel() == UndoRefused(code="35", reason=ChannelReason.ORDER_STATE)
    assert refunded.moved() == (AMOUNT_FEN, 250)


def test_a_reversal_after_the_settlement_day_is_refused_and_a_refund_does_it(new_pair: NewPair) -> None:
    pair = new_pair()
    order = pair.refund_order(paid_query_id(pair), AMOUNT_FEN)
    pair.later(13 * HOUR_MS)
    assert pair.cancel() == UndoRefused(code="39", reason=ChannelReason.UNDO_WINDOW_OVER)
    assert pair.refund(order) == RefundOpen(code="00")
    assert pair.moved() == (AMOUNT_FEN, AMOUNT_FEN)


# --- notifications


def test_a_notification_says_what_the_query_says_and_is_heard_once(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay()
    (outgoing,) = pair.due()
    heard = pair.hears(outgoing)
    assert isinstance(heard, PaymentNotified)
    assert (heard.out_trade_no, heard.verdict) == (NUMBER, pair.query())
    pair.answer(outgoing, received=False)
    assert pair.due() == ()
    pair.later(60_000)
    (again,) = pair.due()
    assert pair.hears(again) == heard
    pair.answer(again, received=True)
    pair.later(24 * HOUR_MS)
    assert pair.due() == ()


def test_a_refunds_notification_names_refund_and_order(new_pair: NewPair) -> None:
    pair = new_pair()
    order = pair.refund_order(paid_query_id(pair, "refund_processing:9"))
    pair.due()
    pair.refund(order)
    pair.later(9_000)
    (outgoing,) = pair.due()
    heard = pair.hears(outgoing)
    assert isinstance(heard, RefundNotified)
    assert (heard.out_trade_no, heard.refund_no, heard.verdict) == (NUMBER, REFUND_NO, pair.refund_query(order))


def test_two_copies_are_one_event(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.pay("callback_twice")
    heard = {getattr(pair.hears(one), "event_id", None) for one in pair.due()}
    assert len(heard) == 1


def test_forged_notifications_are_refused_or_state_another_amount(new_pair: NewPair) -> None:
    wrong, bad, other = new_pair(), new_pair(), new_pair()
    wrong.pay("callback_wrong_amount")
    heard = wrong.hears(wrong.due()[0])
    assert isinstance(heard, PaymentNotified)
    assert isinstance(heard.verdict, Paid)
    assert heard.verdict.amount_fen == AMOUNT_FEN + 1
    bad.pay("callback_bad_signature")
    assert bad.hears(bad.due()[0]) == NotBelieved(why=Forgery.BAD_SIGNATURE)
    other.pay("callback_other_merchant")
    assert other.hears(other.due()[0]) == NotBelieved(why=Forgery.FOREIGN)


def test_an_account_of_one_sign_method_believes_no_notification_in_the_other() -> None:
    """Our own key is public to nobody, yet an answer sealed in another way than ours is never believed."""
    certificates, key = Pair(), Pair(by_key())
    certificates.pay()
    key.pay()
    assert certificates.hears(key.due()[0]) == NotBelieved(why=Forgery.BAD_SIGNATURE)
    key.pay(number=NUMBER[:-1] + "2")
    (outgoing,) = certificates.due()
    assert key.hears(outgoing) == NotBelieved(why=Forgery.BAD_SIGNATURE)


def test_without_an_address_nothing_is_told(new_pair: NewPair) -> None:
    pair = new_pair(notify_url=None)
    assert pair.pay() == Pending(payer_prompted=False)
    assert pair.due() == ()


# --- partner mode


def platform() -> dict[str, object]:
    name = quote(merchant().store_name)
    return {
        "mode": "partner",
        "access_type": "2",
        "sub_mer_id": merchant().sub_mer_id,
        "sub_mer_name": name,
        "sub_mer_abbr": name,
    }


@pytest.mark.parametrize(
    "acting", [platform(), {"mode": "partner", "access_type": "1", "acq_ins_code": "00010000"}], ids=["2", "1"]
)
def test_a_partner_does_all_that_a_merchant_does(new_pair: NewPair, acting: dict[str, object]) -> None:
    pair = new_pair(**acting)
    order = pair.refund_order(paid_query_id(pair))
    (told,) = pair.due()
    assert isinstance(pair.hears(told), PaymentNotified)
    assert pair.refund(order) == RefundOpen(code="00")
    assert isinstance(pair.refund_query(order), RefundDone)
    (told,) = pair.due()
    assert isinstance(pair.hears(told), RefundNotified)
    open_ = new_pair(**acting)
    assert scanned(open_, "never") is ScanResult.WAITING
    assert open_.cancel() == UNDONE
    assert is_over(open_.query())
    pair.later(24 * HOUR_MS)
    assert isinstance(pair.bill(), BillReady)


def test_a_partner_for_a_sub_merchant_that_is_not_its_own_is_told_so(new_pair: NewPair) -> None:
    pair = new_pair(**{**platform(), "sub_mer_id": "777290058110000"})
    assert pair.pay() == Declined(code="32", reason=ChannelReason.MERCHANT_CONFIG)
    direct = new_pair()
    assert direct.pay() == Pending(payer_prompted=False)


# --- keys and accounts


def test_a_stranger_is_refused_and_believes_nothing() -> None:
    """Wrong key, wrong merchant number, another authority."""
    wrong_key = Pair({**by_key(), "secret_key": "another"})
    assert wrong_key.pay() == Unknown(reason=ChannelReason.BAD_SIGNATURE, code="bad_signature")
    assert wrong_key.moved() == (0, 0)
    unknown = Pair({"mer_id": "777290058110001"})
    assert unknown.pay() == Declined(code="31", reason=ChannelReason.MERCHANT_BLOCKED)
    assert unknown.moved() == (0, 0)
    trusts = Pair({"root_certificate": Pair().about["merchant_certificate_pem"]})
    assert trusts.pay() == Unknown(reason=ChannelReason.BAD_SIGNATURE, code="unknown_key")


# --- the settlement file


def test_the_days_file_is_ready_the_next_morning(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.refund(pair.refund_order(paid_query_id(pair)))
    assert pair.bill() == BillNotReady(code="98")
    pair.later(24 * HOUR_MS)
    ready = pair.bill()
    assert isinstance(ready, BillReady)
    with zipfile.ZipFile(io.BytesIO(ready.content)) as archive:
        (name,) = archive.namelist()
        assert "ZM_" in name
        lines = archive.read(name).decode("gbk").splitlines()
    assert [NUMBER in line and line[:3] for line in lines] == ["S22", "S30"]
    assert pair.bill(kind=BillKind.FUND_FLOW) == NoBill(code="fund_flow")


def test_a_day_without_money_has_no_file_once_it_is_long_over(new_pair: NewPair) -> None:
    pair = new_pair()
    pair.later(24 * HOUR_MS)
    assert pair.bill() == BillNotReady(code="98")
    pair.later(48 * HOUR_MS)
    assert pair.bill() == NoBill(code="98")


def test_no_code_and_no_key_is_seen_in_any_verdict(new_pair: NewPair) -> None:
    pair = new_pair()
    code = pair.wallet.issue_code(script("pay"), pair.now_ms)
    seen = repr([pair.pay_with(code), pair.query(), pair.payer(authorised(pair)), pair.sent])
    assert code not in seen
    assert Secret(code).reveal() == code
    assert merchant().secret_key not in seen
