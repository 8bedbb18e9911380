"""Rule: a verified answer about our order settles what its tables list; "accepted" is never "paid"."""

from __future__ import annotations

import pytest

from gateway.channels.port import (
    ChannelReason,
    ChannelResponse,
    Declined,
    Failed,
    Mismatch,
    NotFound,
    PageReady,
    Paid,
    Pending,
    QrReady,
    Unknown,
)
from gateway.channels.unionpay import codes
from gateway.channels.unionpay.times import unix_ms_of
from tests.unit.gateway import channel_unionpay_wallet as wallet
from tests.unit.gateway.channel_unionpay_wallet import (
    NOW_MS,
    ORDER,
    PAGE_ORDER,
    QR_ORDER,
    QUERY_ID,
    REF,
    REFUND,
)

CHANNEL = wallet.channel()
PAY = CHANNEL.pay(ORDER, now_ms=NOW_MS).read
PRECREATE = CHANNEL.precreate(QR_ORDER, now_ms=NOW_MS).read
CREATE = CHANNEL.create(PAGE_ORDER, now_ms=NOW_MS).read
QUERY = CHANNEL.query(REF, now_ms=NOW_MS).read
CANCEL = CHANNEL.cancel(REF, now_ms=NOW_MS).read
CLOSE = CHANNEL.close(REF, now_ms=NOW_MS).read
RE = CHANNEL.refund(REFUND, now_ms=NOW_MS).read
RE_QUERY = CHANNEL.refund_query(REFUND, now_ms=NOW_MS).read

PAID = Paid(transaction_id=QUERY_ID, amount_fen=1250, paid_at_ms=unix_ms_of("20261122100005"), payer_tail="3766")
TAKEN = {"42", "74", "75"}


# --- pay


@pytest.mark.parametrize("code", wallet.LISTED)
def test_a_pay_answer_is_never_paid_and_declined_only_when_listed_as_not_charged(code: str) -> None:
    verdict = PAY(wallet.said(respCode=code))
    if code in {"00", "A6", "00A6", "03", "04", "05", "70", "PR05"}:
        assert verdict == Pending(payer_prompted=code == "70")
    elif code in codes.NOT_CHARGED:
        assert verdict == Declined(code=code, reason=codes.NOT_CHARGED[code])
    else:
        assert isinstance(verdict, Unknown)


@pytest.mark.parametrize("code", sorted(TAKEN | {"12", "01", "02", "34", "35", "36", "37", "45", "69", "98", "99"}))
def test_codes_that_may_have_taken_money_are_asked_about(code: str) -> None:
    assert code not in codes.NOT_CHARGED
    assert isinstance(PAY(wallet.said(respCode=code)), Unknown)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("64", ChannelReason.BALANCE_LOW),
        ("80", ChannelReason.CODE_EXPIRED),
        ("61", ChannelReason.CODE_INVALID),
        ("38", ChannelReason.RISK),
        ("31", ChannelReason.MERCHANT_BLOCKED),
        ("11", ChannelReason.MERCHANT_CONFIG),
    ],
)
def test_the_customer_is_told_the_true_reason(code: str, reason: ChannelReason) -> None:
    assert PAY(wallet.said(respCode=code)) == Declined(code=code, reason=reason)


def test_a_duplicate_is_asked_about() -> None:
    assert PAY(wallet.said(respCode="12")) == Unknown(reason=ChannelReason.ASK_AGAIN, code="12")


@pytest.mark.parametrize("code", ["", "0", "000", "0000", "00 ", "oo", "ZZ", "A6A6A6A6A6", "00\n"])
def test_a_code_that_is_in_no_table_settles_nothing(code: str) -> None:
    assert isinstance(PAY(wallet.said(respCode=code)), Unknown)
    assert isinstance(QUERY(wallet.said(respCode=code)), Unknown)
    assert isinstance(QUERY(wallet.found(code)), Unknown)
    assert isinstance(CANCEL(wallet.reversal(code)), Unknown)
    assert isinstance(RE(wallet.refund_said(code)), Unknown)
    assert isinstance(RE_QUERY(wallet.refund_found(code)), Unknown)


# --- QR and page


def test_an_order_qr_is_an_address() -> None:
    qr = "https://qr.95516.com/00010000/62872123"
    accepted = wallet.said(respCode="00", qrCode=qr, txnSubType="07")
    assert PRECREATE(accepted) == QrReady(qr=qr)
    assert CREATE(accepted) == PageReady(redirect=qr)


@pytest.mark.parametrize("qr", ["", "javascript:alert(1)", "https://a b", "0002010102", "https://" + "x" * 600])
def test_what_is_not_an_address_is_not_shown(qr: str) -> None:
    assert PRECREATE(wallet.said(respCode="00", qrCode=qr)) == Unknown(reason=ChannelReason.ASK_AGAIN, code="00")


def test_a_refused_order_qr_was_not_charged() -> None:
    declined = Declined(code="31", reason=ChannelReason.MERCHANT_BLOCKED)
    assert PRECREATE(wallet.said(respCode="31")) == declined
    assert CREATE(wallet.said(respCode="31")) == declined
    assert isinstance(PRECREATE(wallet.said(respCode="05")), Unknown)


# --- query


@pytest.mark.parametrize("code", wallet.LISTED)
def test_what_a_query_says_of_the_trade(code: str) -> None:
    verdict = QUERY(wallet.found(code))
    if code in {"00", "A6", "00A6"}:
        assert verdict == PAID
    elif code in {"03", "04", "05", "70", "PR05"}:
        assert verdict == Pending(payer_prompted=code == "70")
    elif code in TAKEN:
        assert isinstance(verdict, Failed)
        assert (verdict.money_taken, verdict.closed_once_undone) == (True, False)
        assert verdict.transaction_id == QUERY_ID
    elif code in codes.FAILED:
        assert isinstance(verdict, Failed)
        assert (verdict.money_taken, verdict.closed_once_undone) == (False, True)
    else:
        assert verdict == Unknown(reason=ChannelReason.UNLISTED, code=code)


def test_the_tables_keep_money_and_failure_apart() -> None:
    """Table P: 00, A6, 03, 04, 05, 42, 70, 74, 75 are never "not paid"."""
    never = codes.PAID | codes.PENDING | codes.MONEY_TAKEN | {"12"}
    for table in (codes.NOT_CHARGED, codes.FAILED, codes.REFUND_NEVER, codes.REFUND_LATER, codes.UNDO_REFUSED):
        assert not never & set(table)
    assert not set(codes.REFUND_LATER) & codes.REFUND_NEVER
    assert set(codes.FAILED) | set(codes.REFUND_NEVER) | set(codes.UNDO_REFUSED) <= set(wallet.LISTED)


@pytest.mark.parametrize("code", ["34", "35"])
def test_no_such_trade_is_said_by_the_outer_code_only(code: str) -> None:
    assert QUERY(wallet.said(respCode=code, txnType="00", txnSubType="00")) == NotFound(code=code)
    assert isinstance(QUERY(wallet.found(code)), Unknown)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("37", ChannelReason.TOO_OFTEN),
        ("03", ChannelReason.CHANNEL_ERROR),
        ("04", ChannelReason.CHANNEL_ERROR),
        ("05", ChannelReason.CHANNEL_ERROR),
        ("99", ChannelReason.CHANNEL_ERROR),
        ("42", ChannelReason.ASK_AGAIN),
        ("64", ChannelReason.UNLISTED),
    ],
)
def test_the_outer_code_of_a_query_says_nothing_of_the_trade(code: str, reason: ChannelReason) -> None:
    assert QUERY(wallet.found("00", respCode=code)) == Unknown(reason=reason, code=code)
    assert QUERY(wallet.found("64", respCode=code)) == Unknown(reason=reason, code=code)


def test_paid_needs_amount_currency_and_number() -> None:
    for name in ("txnAmt", "currencyCode", "queryId"):
        fields = {key: value for key, value in wallet.trade("00").items() if key != name}
        assert QUERY(wallet.answer(wallet.sealed(fields))) == Unknown(reason=ChannelReason.ASK_AGAIN, code="00")
    assert isinstance(QUERY(wallet.found("00", queryId="x y")), Unknown)
    assert isinstance(QUERY(wallet.found("00", currencyCode="")), Unknown | Mismatch)


@pytest.mark.parametrize("amount", ["1251", "12.50", "", "01250", "-1250", "１２５０", "1e3"])
def test_another_amount_is_a_mismatch(amount: str) -> None:
    assert QUERY(wallet.found("00", txnAmt=amount)) == Mismatch(fields=("txnAmt",))


def test_a_card_number_that_is_not_masked_leaves_no_trace() -> None:
    for card in ("6226420000003766", "cDg4jpD9tKxlI4si91==", "", "****3766"):
        verdict = QUERY(wallet.found("00", accNo=card))
        assert isinstance(verdict, Paid)
        assert verdict.payer_tail == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("merId", "777290058110049"),
        ("orderId", "0123456789ABCDEFGHJKMNPQR02"),
        ("txnTime", "20261122100001"),
        ("txnType", "31"),
        ("currencyCode", "840"),
    ],
)
def test_an_answer_about_something_else_is_a_mismatch(name: str, value: str) -> None:
    assert QUERY(wallet.found("00", **{name: value})) == Mismatch(fields=(name,))
    assert QUERY(wallet.found("64", **{name: value})) == Mismatch(fields=(name,))
    assert PAY(wallet.said(respCode="64", **{name: value})) == Mismatch(fields=(name,))
    assert CANCEL(wallet.reversal("00", **{name: value})) == Mismatch(fields=(name,))
    assert RE(wallet.refund_said("00", **{name: value})) == Mismatch(fields=(name,))
    assert RE_QUERY(wallet.refund_found("00", **{name: value})) == Mismatch(fields=(name,))


@pytest.mark.parametrize("name", ["merId", "orderId", "txnTime", "txnType"])
def test_an_answer_that_does_not_say_what_it_is_about_settles_nothing(name: str) -> None:
    for read, fields in ((QUERY, wallet.trade("64")), (PAY, wallet.about(respCode="64"))):
        without = {key: value for key, value in fields.items() if key != name}
        assert isinstance(read(wallet.answer(wallet.sealed(without))), Unknown)
        assert not isinstance(read(wallet.answer(wallet.sealed({**fields, name: ""}))), Declined | Failed)


def test_an_answer_to_one_call_is_not_read_for_another() -> None:
    assert PAY(wallet.said(respCode="64", txnType="00")) == Mismatch(fields=("txnType",))
    assert CANCEL(wallet.said(respCode="00")) == Mismatch(fields=("txnType",))
    assert QUERY(wallet.reversal("34")) == Mismatch(fields=("txnType",))
    assert QUERY(wallet.said(respCode="00")) == Unknown(reason=ChannelReason.UNLISTED, code="")
    assert RE(wallet.said(respCode="00")) == Mismatch(fields=("orderId", "txnTime", "txnType"))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><h1>502 Bad Gateway</h1></html>", b"respCode=00", b"a" * 70_000, b"\xff\xfe", b"Invalid request."],
)
def test_a_body_that_is_no_answer_is_unknown(body: bytes) -> None:
    for read in (PAY, PRECREATE, CREATE, QUERY, CANCEL, RE, RE_QUERY):
        verdict = read(ChannelResponse(status=200, headers={}, body=body))
        assert isinstance(verdict, Unknown)
        assert verdict.reason in (ChannelReason.UNREADABLE, ChannelReason.UNSIGNED)


@pytest.mark.parametrize("status", [302, 400, 500, 502, 503])
def test_another_status_is_unknown_whatever_the_body(status: int) -> None:
    fields = wallet.sealed(wallet.trade("00"))
    assert QUERY(wallet.answer(fields, status=status)) == Unknown(
        reason=ChannelReason.UNREADABLE, code=f"http {status}"
    )
