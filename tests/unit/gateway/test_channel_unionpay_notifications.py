"""Rule: a notification says what a query would say, and only UnionPay's own, about this merchant, is believed."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from gateway.channels.port import (
    Failed,
    Forgery,
    NotBelieved,
    Notification,
    NotifiedNothing,
    Paid,
    PaymentNotified,
    Pending,
    RefundDone,
    RefundNotified,
    RefundOpen,
    RefundRefused,
    Unknown,
)
from tests.unit.gateway import channel_unionpay_wallet as wallet
from tests.unit.gateway.channel_unionpay_wallet import NOW_MS, OUT_TRADE_NO, QUERY_ID, REFUND_NO

CHANNEL = wallet.channel()


def consumed(code: str, **fields: str) -> dict[str, str]:
    told = wallet.trade("00", respCode=code, **fields)
    return {name: value for name, value in told.items() if not name.startswith("orig")}


def gone_back(code: str, **fields: str) -> dict[str, str]:
    told = wallet.refunded("00", respCode=code, reqReserved=OUT_TRADE_NO, **fields)
    return {name: value for name, value in told.items() if not name.startswith("origResp")}


def told(fields: dict[str, str]) -> object:
    return CHANNEL.read_notification(wallet.notification(wallet.sealed(fields)), now_ms=NOW_MS)


def body(text: bytes) -> object:
    return CHANNEL.read_notification(Notification(headers={}, body=text), now_ms=NOW_MS)


def test_a_paid_order_is_told_with_its_amount() -> None:
    for code in ("00", "A6"):
        notified = told(consumed(code))
        assert isinstance(notified, PaymentNotified)
        assert notified.out_trade_no == OUT_TRADE_NO
        assert isinstance(notified.verdict, Paid)
        assert (notified.verdict.transaction_id, notified.verdict.amount_fen) == (QUERY_ID, 1250)


def test_the_amount_is_told_as_it_is_for_whoever_knows_the_order() -> None:
    notified = told(consumed("00", txnAmt="1"))
    assert isinstance(notified, PaymentNotified)
    assert isinstance(notified.verdict, Paid)
    assert notified.verdict.amount_fen == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [("03", Pending), ("05", Pending), ("64", Failed), ("42", Failed), ("12", Unknown), ("ZZ", Unknown)],
)
def test_other_codes_mean_what_a_query_would_mean(code: str, kind: type) -> None:
    notified = told(consumed(code))
    assert isinstance(notified, PaymentNotified)
    assert type(notified.verdict) is kind


@pytest.mark.parametrize("missing", ["txnAmt", "queryId", "currencyCode"])
def test_paid_without_amount_number_or_currency_settles_nothing(missing: str) -> None:
    notified = told({name: value for name, value in consumed("00").items() if name != missing})
    assert isinstance(notified, PaymentNotified)
    assert isinstance(notified.verdict, Unknown)


def test_a_refund_is_told_by_its_number_and_names_its_order() -> None:
    notified = told(gone_back("00"))
    assert isinstance(notified, RefundNotified)
    assert (notified.out_trade_no, notified.refund_no) == (OUT_TRADE_NO, REFUND_NO)
    assert isinstance(notified.verdict, RefundDone)
    assert notified.verdict.amount_fen == 250


@pytest.mark.parametrize(
    ("code", "kind"), [("05", RefundOpen), ("64", RefundRefused), ("ZZ", RefundOpen), ("74", RefundOpen)]
)
def test_a_refund_that_is_not_done_is_not_told_as_done(code: str, kind: type) -> None:
    notified = told(gone_back(code))
    assert isinstance(notified, RefundNotified)
    assert type(notified.verdict) is kind


def test_a_refunds_order_is_named_only_as_our_request_gave_it() -> None:
    for reserved in ("", "{a=1&b=2}", "../x"):
        notified = told(gone_back("00") | {"reqReserved": reserved})
        assert isinstance(notified, RefundNotified)
        assert notified.out_trade_no == ""


def test_other_kinds_move_nothing() -> None:
    assert isinstance(told(consumed("00", txnType="31")), NotifiedNothing)
    assert isinstance(told(consumed("00", txnType="99")), NotifiedNothing)


def test_the_same_notification_twice_has_the_same_event_id_and_another_has_another() -> None:
    def event(fields: dict[str, str]) -> str:
        notified = told(fields)
        assert isinstance(notified, PaymentNotified | RefundNotified)
        return notified.event_id

    assert event(consumed("00")) == event(consumed("00"))
    assert len({event(consumed("00")), event(consumed("05")), event(gone_back("00"))}) == 3


# --- forgeries


def test_another_merchant_or_currency_is_foreign_however_well_it_is_signed() -> None:
    for change in ({"merId": "777290058110049"}, {"merId": ""}, {"currencyCode": "840"}):
        assert told({**consumed("00"), **change}) == NotBelieved(why=Forgery.FOREIGN)


def test_an_unsigned_or_changed_notification_is_not_believed() -> None:
    good = wallet.sealed(consumed("00"))

    def read(fields: dict[str, str]) -> object:
        return CHANNEL.read_notification(wallet.notification(fields), now_ms=NOW_MS)

    assert isinstance(read(good), PaymentNotified)
    assert read({**good, "signature": ""}) == NotBelieved(why=Forgery.UNSIGNED)
    for name in good.keys() - {"signature", "signMethod", "signPubKeyCert"}:
        assert read({**good, name: good[name] + "0"}) == NotBelieved(why=Forgery.BAD_SIGNATURE), name
    assert read({**good, "respCode": "00", "extra": "1"}) == NotBelieved(why=Forgery.BAD_SIGNATURE)
    assert read({**good, "signMethod": "11"}) == NotBelieved(why=Forgery.BAD_SIGNATURE)


def test_a_notification_signed_by_another_merchant_is_not_believed() -> None:
    forged = wallet.sealed(consumed("00"), signer="merchant", certificate_pem=wallet.pem(wallet.merchant()))
    found = CHANNEL.read_notification(wallet.notification(forged), now_ms=NOW_MS)
    assert found == NotBelieved(why=Forgery.UNKNOWN_KEY)
    swapped = {**forged, "signPubKeyCert": wallet.pem(wallet.leaf())}
    found = CHANNEL.read_notification(wallet.notification(swapped), now_ms=NOW_MS)
    assert found == NotBelieved(why=Forgery.BAD_SIGNATURE)


def test_a_certificate_out_of_date_is_an_unknown_key() -> None:
    later = NOW_MS + 40 * 86_400_000
    found = CHANNEL.read_notification(wallet.notification(wallet.sealed(consumed("00"))), now_ms=later)
    assert found == NotBelieved(why=Forgery.UNKNOWN_KEY)


def test_base64_whose_plus_or_padding_was_lost_is_not_believed() -> None:
    """A relay that decodes once too often, or strips `=`, has changed what was signed."""
    fields = next(
        made
        for made in (wallet.sealed(consumed("00", traceNo=f"{n:06d}")) for n in range(50))
        if "+" in made["signature"]
    )
    once = "&".join(f"{name}={quote(value, safe='+')}" for name, value in fields.items())
    assert body(once.encode()) in (NotBelieved(why=Forgery.BAD_SIGNATURE), NotBelieved(why=Forgery.UNKNOWN_KEY))
    stripped = {**fields, "signature": fields["signature"].rstrip("=")}
    found = CHANNEL.read_notification(wallet.notification(stripped), now_ms=NOW_MS)
    assert found == NotBelieved(why=Forgery.BAD_SIGNATURE)


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b'{"orderId":"1"}', b"<xml/>", b"a=1&a=1", b"a=%zz", b"a=" + b"x" * 70_000, b"\xff=1", b"a=%D6%D0"],
)
def test_what_is_not_a_form_is_malformed(text: bytes) -> None:
    assert body(text) == NotBelieved(why=Forgery.MALFORMED)


def test_a_field_sent_twice_is_malformed_even_if_one_copy_is_signed() -> None:
    good = wallet.notification(wallet.sealed(consumed("00"))).body
    assert body(good + b"&txnAmt=1") == NotBelieved(why=Forgery.MALFORMED)
    assert body(b"txnAmt=1&" + good) == NotBelieved(why=Forgery.MALFORMED)


def test_a_signed_notification_without_an_order_is_malformed() -> None:
    for change in ({"orderId": ""}, {"orderId": "short"}, {"respCode": ""}):
        assert told({**consumed("00"), **change}) == NotBelieved(why=Forgery.MALFORMED)


def test_unionpay_is_answered_in_its_own_words() -> None:
    received, refused = CHANNEL.notification_reply(received=True), CHANNEL.notification_reply(received=False)
    assert (received.status, received.body) == (200, b"ok")
    assert refused.status == 400
