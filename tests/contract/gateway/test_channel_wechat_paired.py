"""Rule: our WeChat Pay adapter and the simulated wallet, which share no code, understand each other in every script."""

from __future__ import annotations

import gzip

import pytest

from gateway.channels.port import (
    BillKind,
    BillNotReady,
    BillReady,
    ChannelReason,
    Closed,
    Declined,
    Failed,
    Forgery,
    LineFault,
    Mismatch,
    NoAnswer,
    NoBill,
    NotBelieved,
    NotFound,
    OrderKind,
    PageReady,
    Paid,
    PayerKnown,
    PayerUnknown,
    PaymentNotified,
    PayVerdict,
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
from gateway.channels.wechat.platform_certificates import read_certificates
from protocol.secret import Secret
from sandbox.wallet import ScanResult
from sandbox.wechat.merchant import KeyMode
from tests.contract.gateway.wechat_pair import AMOUNT_FEN, NUMBER, REFUND_NO, START_MS, TLS, Pair, script

QR, PAGE = OrderKind.QR, OrderKind.PAGE
DAY_MS = 86_400_000
#: 10:00 of the day after: the bill is there.
BILL_MS = DAY_MS + 60_000


@pytest.fixture(params=[KeyMode.PUBLIC_KEY, KeyMode.CERTIFICATES, KeyMode.SIDE_BY_SIDE])
def key_mode(request: pytest.FixtureRequest) -> KeyMode:
    return request.param


def shown(pair: Pair) -> str:
    ready = pair.precreate()
    assert isinstance(ready, QrReady)
    return ready.qr


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
@pytest.mark.parametrize("partner", [False, True])
def test_paid_at_once_and_found_paid_by_query(sign_type: str, partner: bool) -> None:
    pair = Pair(sign_type=sign_type, partner=partner)
    paid = pair.pay()
    assert isinstance(paid, Paid)
    assert (paid.amount_fen, paid.paid_at_ms, len(paid.payer_tail)) == (AMOUNT_FEN, START_MS, 4)
    assert pair.query() == paid
    assert pair.moved() == (AMOUNT_FEN, 0)


@pytest.mark.parametrize("partner", [False, True])
def test_a_code_may_go_by_v3_from_pay_to_refund(partner: bool, key_mode: KeyMode) -> None:
    pair = Pair(code_api="v3", partner=partner, key_mode=key_mode)
    paid = pair.pay()
    assert isinstance(paid, Paid)
    assert pair.query() == paid
    assert isinstance(pair.refund(), RefundDone)
    assert isinstance(pair.query(), Paid)
    waiting = Pair(code_api="v3", partner=partner, key_mode=key_mode)
    assert waiting.pay("never") == Pending(payer_prompted=True)
    assert waiting.cancel() == UndoAcknowledged(action=UndoAction.NONE)
    assert waiting.query() == Closed(code="REVOKED")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("balance_low", Declined(code="NOTENOUGH", reason=ChannelReason.BALANCE_LOW)),
        ("expired", Declined(code="AUTHCODEEXPIRE", reason=ChannelReason.CODE_EXPIRED)),
        ("ask_password:5", Pending(payer_prompted=True)),
        ("never", Pending(payer_prompted=True)),
        ("system_error_charged", Unknown(reason=ChannelReason.CHANNEL_ERROR, code="SYSTEMERROR")),
        ("system_error_not_charged", Unknown(reason=ChannelReason.CHANNEL_ERROR, code="SYSTEMERROR")),
        ("drop_after_charge", NoAnswer(LineFault.CUT)),
        ("drop_before_charge", NoAnswer(LineFault.CUT)),
        ("maintenance", Unknown(reason=ChannelReason.CHANNEL_ERROR, code="SYSTEMERROR")),
    ],
)
def test_the_pay_answer_of_each_script(text: str, verdict: PayVerdict | NoAnswer) -> None:
    assert Pair().pay(text) == verdict


def test_a_used_code_and_the_same_number_with_another_code_are_not_mistaken_for_each_other() -> None:
    pair = Pair()
    code = pair.wallet.issue_code(script("never"), pair.now_ms)
    assert pair.pay_with(code) == Pending(payer_prompted=True)
    assert pair.pay_with(code) == Pending(payer_prompted=True)
    assert pair.pay() == Unknown(reason=ChannelReason.ASK_AGAIN, code="BUYER_MISMATCH")
    assert pair.pay(amount_fen=1) == Unknown(reason=ChannelReason.ASK_AGAIN, code="OUT_TRADE_NO_USED")


@pytest.mark.parametrize("text", ["expired", "balance_low"])
def test_a_refused_v3_code_payment_is_never_declined(text: str) -> None:
    assert isinstance(Pair(code_api="v3").pay(text), Unknown)


@pytest.mark.parametrize("text", ["system_error_charged", "drop_after_charge"])
def test_what_was_charged_without_an_answer_is_found_by_query(text: str) -> None:
    pair = Pair()
    pair.pay(text)
    assert isinstance(pair.query(), Paid)


@pytest.mark.parametrize("text", ["drop_before_charge", "expired"])
def test_what_never_arrived_is_not_found_and_its_reverse_is_acknowledged(text: str) -> None:
    pair = Pair()
    pair.pay(text)
    assert pair.query() == NotFound(code="ORDERNOTEXIST")
    assert pair.cancel() == UndoAcknowledged(action=UndoAction.NONE)
    assert pair.query() == NotFound(code="ORDERNOTEXIST")


def test_payerror_is_no_proof_and_is_closed_by_the_reverse() -> None:
    pair = Pair()
    pair.pay("balance_low")
    failed = pair.query()
    assert isinstance(failed, Failed)
    assert (failed.code, failed.money_taken, failed.closed_once_undone) == ("PAYERROR", False, False)
    assert pair.cancel() == UndoAcknowledged(action=UndoAction.NONE)
    assert pair.query() == Closed(code="REVOKED")


def test_a_password_entered_in_time_is_found_by_polling() -> None:
    pair = Pair()
    pair.pay("ask_password:5")
    assert pair.query() == Pending(payer_prompted=True)
    pair.later(6_000)
    assert isinstance(pair.query(), Paid)


def test_reverse_closes_an_open_order_and_gives_a_paid_one_back() -> None:
    waiting, paid = Pair(), Pair()
    waiting.pay("never")
    assert waiting.cancel() == UndoAcknowledged(action=UndoAction.NONE)
    assert waiting.query() == Closed(code="REVOKED")
    paid.pay()
    assert paid.cancel() == UndoAcknowledged(action=UndoAction.NONE)
    assert paid.query() == Closed(code="REVOKED")
    assert paid.moved() == (AMOUNT_FEN, AMOUNT_FEN)


def test_recall_asks_for_the_same_reverse_again() -> None:
    pair = Pair()
    pair.pay("reverse_recall:3")
    assert [pair.cancel() for _ in range(4)] == [
        UndoRetry(code="SYSTEMERROR"),
        UndoRetry(code="recall"),
        UndoRetry(code="SYSTEMERROR"),
        UndoAcknowledged(action=UndoAction.NONE),
    ]


def test_a_reverse_is_refused_after_its_window_and_after_a_refund() -> None:
    late, refunded = Pair(), Pair()
    late.pay()
    late.later(late.channel.traits.undo_window_ms)
    assert late.cancel() == UndoRefused(code="REVERSE_EXPIRE", reason=ChannelReason.UNDO_WINDOW_OVER)
    refunded.pay()
    refunded.refund()
    assert refunded.cancel() == UndoRefused(code="TRADE_ERROR", reason=ChannelReason.ORDER_STATE)


def test_the_wallet_reverses_an_unpaid_order_by_itself_after_45_seconds() -> None:
    pair = Pair()
    pair.pay("never")
    pair.later(46_000)
    assert pair.query() == Closed(code="REVOKED")


def test_without_a_client_certificate_a_reverse_or_refund_is_unknown_and_nothing_moves() -> None:
    pair = Pair(certified=False)
    assert isinstance(pair.pay(), Paid)
    assert pair.cancel() == NoAnswer(LineFault.CUT)
    assert pair.refund() == NoAnswer(LineFault.CUT)
    assert pair.moved() == (AMOUNT_FEN, 0)
    assert [request.url.startswith(TLS) for request in pair.sent] == [False, True, True]


def test_another_amount_under_our_number_is_never_paid() -> None:
    pair = Pair()
    pair.pay()
    assert pair.query(amount_fen=1251) == Mismatch(fields=("total_fee",))
    qr = Pair()
    qr.wallet.scan(shown(qr), script("pay"), qr.now_ms)
    assert qr.query(QR, amount_fen=1251) == Mismatch(fields=("total_fee",))
    by_v3 = Pair(code_api="v3")
    by_v3.wallet.scan(shown(by_v3), script("pay"), by_v3.now_ms)
    assert by_v3.query(QR, amount_fen=1251) == Mismatch(fields=("amount.total",))


@pytest.mark.parametrize("partner", [False, True])
@pytest.mark.parametrize("code_api", ["v2", "v3"])
def test_a_shown_qr_is_known_before_it_is_scanned_and_then_paid(
    code_api: str, partner: bool, key_mode: KeyMode
) -> None:
    pair = Pair(code_api=code_api, partner=partner, key_mode=key_mode)
    qr = shown(pair)
    assert pair.query(QR) == Pending(payer_prompted=False)
    pair.wallet.scan(qr, script("pay"), pair.now_ms)
    assert isinstance(pair.query(QR), Paid)


def test_the_same_qr_order_asked_again_is_the_same_qr() -> None:
    pair = Pair()
    qr = shown(pair)
    pair.later(4_000)
    assert shown(pair) == qr


@pytest.mark.parametrize(
    ("code_api", "paid_already"),
    [
        ("v2", UndoRefused(code="ORDERPAID", reason=ChannelReason.ORDER_STATE)),
        ("v3", Unknown(reason=ChannelReason.ASK_AGAIN, code="ORDER_PAID")),
    ],
)
def test_a_qr_is_closed_and_a_paid_one_is_not(code_api: str, paid_already: object, key_mode: KeyMode) -> None:
    pair, paid = (Pair(code_api=code_api, key_mode=key_mode) for _ in range(2))
    shown(pair)
    assert pair.cancel(QR) == UndoAcknowledged(action=UndoAction.CLOSE)
    assert pair.query(QR) == Closed(code="CLOSED")
    paid.wallet.scan(shown(paid), script("pay"), paid.now_ms)
    assert paid.cancel(QR) == paid_already
    assert isinstance(paid.query(QR), Paid)


def test_a_qr_that_was_never_made_is_not_found_by_v2_and_open_by_v3() -> None:
    """v2 signs its refusal; from v3's unsigned one nothing follows."""
    pair, by_v3 = Pair(), Pair(code_api="v3")
    assert pair.query(QR) == NotFound(code="ORDERNOTEXIST")
    assert pair.cancel(QR) == UndoRefused(code="ORDERNOTEXIST", reason=ChannelReason.ORDER_NOT_FOUND)
    assert by_v3.query(QR) == Unknown(reason=ChannelReason.ASK_AGAIN, code="ORDER_NOT_EXIST")
    assert by_v3.cancel(QR) == Unknown(reason=ChannelReason.ASK_AGAIN, code="ORDER_NOT_EXIST")


@pytest.mark.parametrize("text", ["system_error_charged", "drop_after_charge", "query_limit:2"])
def test_a_query_that_fails_is_unknown_and_the_next_one_tells(text: str) -> None:
    pair = Pair()
    pair.wallet.scan(shown(pair), script(text), pair.now_ms)
    verdicts: list[object] = []
    for _ in range(6):
        pair.later(3_000)
        verdicts.append(pair.query(QR))
    assert isinstance(verdicts[-1], Paid)
    assert {type(one) for one in verdicts} <= {Unknown, NoAnswer, Pending, Paid}


@pytest.mark.parametrize("partner", [False, True])
def test_a_page_is_paid_by_the_holder_of_the_phone(partner: bool, key_mode: KeyMode) -> None:
    pair = Pair(partner=partner, key_mode=key_mode)
    back = pair.authorized()
    known = pair.payer(back)
    assert isinstance(known, PayerKnown)
    assert pair.payer(back) == PayerUnknown(code="40163")
    ready = pair.create(known.payer)
    assert isinstance(ready, PageReady)
    handed = dict(ready.bridge)
    assert set(handed) == {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
    changed = {**handed, "package": handed["package"] + "0"}
    assert pair.wallet.pay_in_browser(changed, script("pay"), pair.now_ms).result is ScanResult.UNKNOWN_QR
    assert pair.wallet.pay_in_browser(handed, script("pay"), pair.now_ms).result is ScanResult.PAID
    paid = pair.query(PAGE)
    assert isinstance(paid, Paid)
    assert paid.payer_tail == known.payer.reveal()[-4:]


def test_a_payer_that_is_none_of_this_application_gets_no_page() -> None:
    assert isinstance(Pair().create(Secret("somebody-else-entirely")), Unknown)


def test_a_page_outside_of_wechat_is_an_address() -> None:
    pair = Pair()
    ready = pair.do(pair.channel.create_h5(pair.qr_order(), payer_address="203.0.113.7", now_ms=pair.now_ms))
    assert isinstance(ready, PageReady)
    assert ready.redirect is not None
    pair.wallet.scan(ready.redirect, script("pay"), pair.now_ms)
    assert isinstance(pair.query(PAGE), Paid)


def test_a_refund_of_a_code_is_accepted_then_done_and_its_repeat_moves_nothing() -> None:
    pair = Pair()
    pair.pay("refund_processing:10")
    assert pair.refund_query() == RefundAbsent(code="REFUNDNOTEXIST")
    assert pair.refund() == RefundOpen(code="accepted")
    assert pair.refund() == RefundOpen(code="accepted")
    assert pair.refund_query() == RefundOpen(code="PROCESSING")
    pair.later(11_000)
    done = pair.refund_query()
    assert isinstance(done, RefundDone)
    assert (done.amount_fen, done.done_at_ms) == (250, START_MS + 10_000)
    assert pair.moved() == (AMOUNT_FEN, 250)
    assert isinstance(pair.query(), Paid)


def test_a_refund_of_a_qr_is_done_by_v3(key_mode: KeyMode) -> None:
    pair = Pair(key_mode=key_mode)
    pair.wallet.scan(shown(pair), script("refund_processing:10"), pair.now_ms)
    assert pair.refund_query(QR) == RefundAbsent(code="RESOURCE_NOT_EXISTS")
    assert pair.refund(QR) == RefundOpen(code="PROCESSING")
    pair.later(11_000)
    assert isinstance(pair.refund(QR), RefundDone)
    assert isinstance(pair.refund_query(QR), RefundDone)
    assert pair.moved() == (AMOUNT_FEN, 250)


@pytest.mark.parametrize(("kind", "code"), [(OrderKind.CODE, "NOTENOUGH"), (QR, "NOT_ENOUGH")])
def test_a_low_balance_refuses_for_now_and_the_same_number_succeeds_later(kind: OrderKind, code: str) -> None:
    pair = Pair()
    if kind is QR:
        pair.wallet.scan(shown(pair), script("refund_balance_low"), pair.now_ms)
    else:
        pair.pay("refund_balance_low")
    low = RefundRefused(code=code, reason=ChannelReason.SELLER_BALANCE_LOW, final=False)
    assert [pair.refund(kind), pair.refund(kind)] == [low, low]
    assert isinstance(pair.refund(kind), RefundOpen | RefundDone)
    assert isinstance(pair.refund_query(kind), RefundDone)


@pytest.mark.parametrize("kind", [OrderKind.CODE, QR])
def test_one_refund_number_never_moves_two_amounts(kind: OrderKind) -> None:
    pair = Pair()
    if kind is QR:
        pair.wallet.scan(shown(pair), script("pay"), pair.now_ms)
    else:
        pair.pay()
    pair.refund(kind)
    other = pair.refund(kind, 300)
    assert isinstance(other, RefundRefused)
    assert not other.final
    assert isinstance(pair.refund_query(kind, 300), Mismatch)
    assert pair.moved() == (AMOUNT_FEN, 250)


def test_more_than_was_paid_is_never_given_back() -> None:
    pair = Pair()
    pair.pay()
    refused = pair.refund(amount_fen=AMOUNT_FEN + 1)
    assert isinstance(refused, RefundRefused)
    assert pair.moved() == (AMOUNT_FEN, 0)


@pytest.mark.parametrize("partner", [False, True])
def test_a_payment_is_told_and_the_reply_ends_the_retries(partner: bool, key_mode: KeyMode) -> None:
    pair = Pair(partner=partner, key_mode=key_mode, probe=1)
    pair.wallet.scan(shown(pair), script("pay"), pair.now_ms)
    pair.later(2_000)
    probe, told = pair.due()
    assert pair.hears(probe) == NotBelieved(why=Forgery.PROBE)
    heard = pair.hears(told)
    assert isinstance(heard, PaymentNotified)
    assert heard.out_trade_no == NUMBER
    assert heard.verdict == pair.query(QR)
    pair.answer(probe, received=False)
    pair.answer(told, received=False)
    pair.later(16_000)
    (again,) = pair.due()
    repeated = pair.hears(again)
    assert isinstance(repeated, PaymentNotified)
    assert repeated.event_id == heard.event_id
    pair.answer(again, received=True)
    pair.later(DAY_MS)
    assert pair.due() == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [("callback_bad_signature", Forgery.BAD_SIGNATURE), ("callback_other_merchant", Forgery.FOREIGN)],
)
def test_a_forged_notification_is_not_believed(text: str, why: Forgery, key_mode: KeyMode) -> None:
    pair = Pair(key_mode=key_mode)
    pair.wallet.scan(shown(pair), script(text), pair.now_ms)
    pair.later(2_000)
    assert pair.hears(pair.due()[0]) == NotBelieved(why=why)


def test_a_wrong_amount_is_told_as_it_is_for_whoever_knows_the_order() -> None:
    pair = Pair()
    pair.wallet.scan(shown(pair), script("callback_wrong_amount"), pair.now_ms)
    pair.later(2_000)
    heard = pair.hears(pair.due()[0])
    assert isinstance(heard, PaymentNotified)
    assert isinstance(heard.verdict, Paid)
    assert heard.verdict.amount_fen == AMOUNT_FEN + 1


def test_a_notification_that_was_kept_back_for_six_minutes_is_out_of_time() -> None:
    pair = Pair()
    pair.wallet.scan(shown(pair), script("pay"), pair.now_ms)
    pair.later(2_000)
    (told,) = pair.due()
    pair.later(301_000)
    assert pair.hears(told) == NotBelieved(why=Forgery.OUT_OF_TIME)


@pytest.mark.parametrize("partner", [False, True])
def test_a_refund_by_v3_is_told_done_and_one_by_v2_is_a_hint(partner: bool) -> None:
    by_qr, by_code = Pair(partner=partner), Pair(partner=partner)
    by_qr.wallet.scan(shown(by_qr), script("pay"), by_qr.now_ms)
    by_qr.refund(QR)
    by_qr.later(2_000)
    done = [by_qr.hears(one) for one in by_qr.due()]
    assert any(isinstance(one, RefundNotified) and isinstance(one.verdict, RefundDone) for one in done)
    by_code.pay()
    by_code.refund()
    by_code.later(2_000)
    (outgoing,) = by_code.due()
    hint = by_code.hears(outgoing)
    assert isinstance(hint, RefundNotified)
    assert (hint.out_trade_no, hint.refund_no, hint.verdict) == (NUMBER, REFUND_NO, RefundOpen(code="SUCCESS"))
    by_code.answer(outgoing, received=True)
    by_code.later(DAY_MS)
    assert by_code.due() == ()


@pytest.mark.parametrize("partner", [False, True])
@pytest.mark.parametrize("code_api", ["v2", "v3"])
@pytest.mark.parametrize("kind", list(BillKind))
def test_a_days_bill_comes_when_it_is_made(code_api: str, kind: BillKind, partner: bool) -> None:
    pair = Pair(code_api=code_api, partner=partner)
    pair.pay()
    assert isinstance(pair.bill(kind), BillNotReady)
    pair.later(BILL_MS)
    ready = pair.bill(kind)
    assert isinstance(ready, BillReady)
    assert (NUMBER if kind is BillKind.TRADE else "记账时间").encode() in gzip.decompress(ready.content)


@pytest.mark.parametrize("code_api", ["v2", "v3"])
@pytest.mark.parametrize("kind", list(BillKind))
def test_a_day_without_money_has_no_bill(code_api: str, kind: BillKind) -> None:
    pair = Pair(code_api=code_api)
    pair.later(BILL_MS)
    assert isinstance(pair.bill(kind), NoBill)


def test_platform_certificates_are_downloaded_and_prove_themselves() -> None:
    pair = Pair(key_mode=KeyMode.CERTIFICATES)
    answer = pair.fetched(pair.channel.v3.certificates(now_ms=pair.now_ms))
    key = pair.channel.keys.v3_key
    found = read_certificates(answer, v3_key=key, now_ms=pair.now_ms)
    assert isinstance(found, tuple)
    assert {one.serial for one in found} == {one.serial_no for one in pair.wallet.merchant.platform}
    assert isinstance(read_certificates(answer, v3_key=Secret("x" * 32), now_ms=pair.now_ms), Unknown)
    assert isinstance(read_certificates(answer, v3_key=key, now_ms=pair.now_ms + 301_000), Unknown)
