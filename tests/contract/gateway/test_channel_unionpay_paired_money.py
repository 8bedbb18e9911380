"""Rule: adapter and simulated UnionPay agree about what goes back, is told, is filed, and who acts for whom.

Without sockets (tests/contract/gateway/unionpay_pair.py), in both sign methods.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from gateway.channels.port import (
    BillKind,
    BillNotReady,
    BillReady,
    ChannelReason,
    Declined,
    Forgery,
    Mismatch,
    NoBill,
    NotBelieved,
    Paid,
    PaymentNotified,
    Pending,
    RefundAbsent,
    RefundDone,
    RefundNotified,
    RefundOpen,
    RefundRefused,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    Unknown,
)
from protocol.secret import Secret
from sandbox.wallet import ScanResult
from tests.contract.gateway.unionpay_pair import (
    AMOUNT_FEN,
    NUMBER,
    REFUND_NO,
    START_MS,
    Pair,
    authorised,
    by_key,
    is_over,
    merchant,
    scanned,
    script,
)

NewPair = Callable[..., Pair]
UNDONE = UndoAcknowledged(action=UndoAction.NONE)
HOUR_MS = 3_600_000


@pytest.fixture(params=["certificates", "key"])
def new_pair(request: pytest.FixtureRequest) -> NewPair:
    """A pair in each sign method."""
    method = by_key() if request.param == "key" else {}

    def make(**more: object) -> Pair:
        return Pair({**method, **more})

    return make


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


def test_a_part_of_what_goes_back_whole_only_is_refused_for_good(new_pair: NewPair) -> None:
    pair = new_pair()
    query_id = paid_query_id(pair, "refund_whole_only")
    part, whole = pair.refund_order(query_id, 500), pair.refund_order(query_id, AMOUNT_FEN, number=f"{REFUND_NO}2")
    never = RefundRefused(code="33", reason=ChannelReason.REFUND_REFUSED, final=True)
    assert [pair.refund(one) for one in (part, part, whole)] == [never, never, RefundOpen(code="00")]
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
