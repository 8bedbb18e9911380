"""Rule: a notification says what a query would say; only WeChat Pay's own, in time, to this merchant, is believed."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.port import (
    ChannelReason,
    Closed,
    Forgery,
    NotBelieved,
    Notification,
    NotifiedNothing,
    Paid,
    PaymentNotified,
    RefundDone,
    RefundNotified,
    RefundOpen,
    RefundRefused,
    Unknown,
)
from tests.unit.gateway import channel_wechat_wallet as wallet
from tests.unit.gateway.channel_wechat_wallet import (
    KEY_ID,
    NOW_MS,
    OUT_TRADE_NO,
    REFUND_NO,
    TRANSACTION_ID,
    event,
    notified,
    transaction,
)

CHANNEL = wallet.channel()
PARTNER = wallet.channel(**wallet.PARTNER)


def heard(body: bytes, headers: Mapping[str, str] | None = None, *, now_ms: int = NOW_MS) -> object:
    return CHANNEL.read_notification(notified(body, headers), now_ms=now_ms)


def told_refund(status: str = "SUCCESS", **changes: object) -> dict[str, object]:
    told = wallet.refund(status, mchid=wallet.MCH_ID, refund_status=status, **changes)
    return {name: value for name, value in told.items() if name != "status"}


def why(verdict: object) -> Forgery:
    assert isinstance(verdict, NotBelieved)
    return verdict.why


def test_a_paid_order_is_told_with_its_amount() -> None:
    told = heard(event(transaction()))
    assert isinstance(told, PaymentNotified)
    assert (told.event_id, told.out_trade_no) == ("event-1", OUT_TRADE_NO)
    assert isinstance(told.verdict, Paid)
    assert (told.verdict.transaction_id, told.verdict.amount_fen) == (TRANSACTION_ID, 1250)


def test_the_amount_is_told_as_it_is_for_whoever_knows_the_order() -> None:
    told = heard(event(transaction(amount={"total": 1, "currency": "CNY"})))
    assert isinstance(told, PaymentNotified)
    assert isinstance(told.verdict, Paid)
    assert told.verdict.amount_fen == 1


@pytest.mark.parametrize(
    ("state", "verdict"),
    [("CLOSED", Closed(code="CLOSED")), ("NEW", Unknown(reason=ChannelReason.ASK_AGAIN, code="NEW"))],
)
def test_another_state_means_what_a_query_would_mean(state: str, verdict: object) -> None:
    told = heard(event(transaction(state)))
    assert isinstance(told, PaymentNotified)
    assert told.verdict == verdict


@pytest.mark.parametrize("signer", ["wallet", "platform-1", "platform-2"])
def test_every_key_of_the_account_is_believed_at_the_same_time(signer: str) -> None:
    """A migration sends some by the old key and some by the new one for days."""
    body = event(transaction())
    named = KEY_ID if signer == "wallet" else wallet.serial(signer)
    assert isinstance(heard(body, wallet.signing_headers(body, signer=signer, named=named)), PaymentNotified)


BODY = event(transaction())
SIGNED = wallet.signing_headers(BODY)


@pytest.mark.parametrize(
    ("changes", "forgery"),
    [
        ({"wechatpay-signature": ""}, Forgery.UNSIGNED),
        ({"wechatpay-serial": ""}, Forgery.UNSIGNED),
        ({"wechatpay-timestamp": ""}, Forgery.UNSIGNED),
        ({"wechatpay-nonce": ""}, Forgery.UNSIGNED),
        ({"wechatpay-signature": "WECHATPAY/SIGNTEST/" + "A" * 300}, Forgery.PROBE),
        ({"wechatpay-serial": "PUB_KEY_ID_OTHER"}, Forgery.UNKNOWN_KEY),
        ({"wechatpay-serial": wallet.serial("platform-1")}, Forgery.BAD_SIGNATURE),
        ({"wechatpay-nonce": "M"}, Forgery.BAD_SIGNATURE),
        ({"wechatpay-timestamp": str(NOW_MS // 1000 + 1)}, Forgery.BAD_SIGNATURE),
        ({"wechatpay-timestamp": "now"}, Forgery.OUT_OF_TIME),
        ({"wechatpay-timestamp": "9" * 5_000}, Forgery.OUT_OF_TIME),
        ({"wechatpay-signature": "!"}, Forgery.BAD_SIGNATURE),
        ({"wechatpay-signature": SIGNED["wechatpay-signature"].rstrip("=")}, Forgery.BAD_SIGNATURE),
        ({"wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3"}, Forgery.BAD_SIGNATURE),
    ],
)
def test_headers_that_are_not_the_wallets_are_refused(changes: dict[str, str], forgery: Forgery) -> None:
    assert why(heard(BODY, {**SIGNED, **changes})) is forgery


def test_the_merchants_own_key_is_not_the_wallets() -> None:
    assert why(heard(BODY, wallet.signing_headers(BODY, signer="merchant"))) is Forgery.BAD_SIGNATURE


@pytest.mark.parametrize(("skew_ms", "good"), [(300_000, True), (301_000, False), (-299_000, True), (-301_000, False)])
def test_five_minutes_either_way_and_no_more(skew_ms: int, good: bool) -> None:
    verdict = heard(BODY, SIGNED, now_ms=NOW_MS + skew_ms)
    assert isinstance(verdict, PaymentNotified) if good else why(verdict) is Forgery.OUT_OF_TIME


def test_a_changed_byte_anywhere_is_refused() -> None:
    for index in range(0, len(BODY), 7):
        changed = BODY[:index] + bytes([BODY[index] ^ 1]) + BODY[index + 1 :]
        assert why(heard(changed, SIGNED)) is Forgery.BAD_SIGNATURE


def test_an_envelope_written_anew_by_something_on_the_way_is_refused() -> None:
    rewritten = json.dumps(json.loads(BODY)).encode()
    assert rewritten != BODY
    assert why(heard(rewritten, SIGNED)) is Forgery.BAD_SIGNATURE


def test_what_another_api_v3_key_sealed_is_not_a_bad_signature() -> None:
    assert why(heard(event(transaction(), secret="x" * 32))) is Forgery.UNDECRYPTABLE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"id":"e"}',
        event(transaction(), "not an event"),
        event(transaction(), id=""),
        event(transaction(), id="a b"),
        event(transaction(), resource=None),
        event(transaction(), resource={"algorithm": "NONE"}),
        event(transaction(out_trade_no="../x")),
        event(transaction(out_trade_no=None)),
        event(told_refund(out_refund_no=None), "REFUND.SUCCESS"),
        event(told_refund(amount={}), "REFUND.SUCCESS"),
    ],
    ids=range(13),
)
def test_a_signed_body_that_is_no_notification_is_malformed(body: bytes) -> None:
    assert why(heard(body)) is Forgery.MALFORMED


@pytest.mark.parametrize(
    "changes",
    [
        {"mchid": "1900000000"},
        {"mchid": None},
        {"appid": "wx0"},
        {"sp_mchid": "1900000000"},
        {"sub_mchid": "1900000001"},
        {"amount": {"total": 1250, "currency": "HKD"}},
    ],
)
def test_another_merchants_word_is_foreign(changes: dict[str, object]) -> None:
    assert why(heard(event(transaction("SUCCESS", **changes)))) is Forgery.FOREIGN


def test_a_partner_hears_of_its_own_sub_merchant_only() -> None:
    names: dict[str, object] = {"appid": None, "mchid": None, "sp_appid": wallet.APPID, "sp_mchid": wallet.MCH_ID}

    def verdict(sub_mchid: str) -> object:
        body = event(transaction("SUCCESS", **names, sub_mchid=sub_mchid))
        return PARTNER.read_notification(notified(body), now_ms=NOW_MS)

    assert isinstance(verdict(wallet.SUB_MCH_ID), PaymentNotified)
    assert why(verdict("1900000001")) is Forgery.FOREIGN
    assert why(PARTNER.read_notification(notified(BODY), now_ms=NOW_MS)) is Forgery.FOREIGN


@pytest.mark.parametrize(
    ("status", "kind"),
    [("SUCCESS", RefundDone), ("ABNORMAL", RefundOpen), ("CLOSED", RefundRefused), ("NEW", RefundOpen)],
)
def test_a_refund_is_told_with_its_number(status: str, kind: type) -> None:
    told = heard(event(told_refund(status), f"REFUND.{status}"))
    assert isinstance(told, RefundNotified)
    assert (told.out_trade_no, told.refund_no) == (OUT_TRADE_NO, REFUND_NO)
    assert type(told.verdict) is kind
    if isinstance(told.verdict, RefundDone):
        assert told.verdict.amount_fen == 250


def test_an_event_of_another_kind_is_about_nothing() -> None:
    assert heard(event({}, "COUPON.USE")) == NotifiedNothing(event_id="event-1", what="COUPON.USE")


# --- v2's refund notification


def req_info(plain: bytes, secret: str = wallet.V2_KEY) -> str:
    pad = 16 - len(plain) % 16
    aes = algorithms.AES(hashlib.md5(secret.encode()).hexdigest().encode())
    return base64.b64encode(Cipher(aes, modes.ECB()).encryptor().update(plain + bytes([pad]) * pad)).decode()


def notice(info: str, **changes: str) -> Notification:
    fields = {"return_code": "SUCCESS", "appid": wallet.APPID, "mch_id": wallet.MCH_ID, "req_info": info, **changes}
    return Notification(headers={}, body=wallet.xml({name: value for name, value in fields.items() if value}))


INFO = (
    f"<root><out_refund_no>{REFUND_NO}</out_refund_no><out_trade_no>{OUT_TRADE_NO}</out_trade_no>"
    "<refund_id>50300</refund_id><refund_status>SUCCESS</refund_status><refund_fee>250</refund_fee></root>"
).encode()


def test_v2s_refund_notification_is_a_hint_and_never_done() -> None:
    """It has no signature: only the query says that money moved."""
    told = CHANNEL.read_notification(notice(req_info(INFO)), now_ms=NOW_MS)
    assert told == RefundNotified(
        event_id="50300.SUCCESS",
        out_trade_no=OUT_TRADE_NO,
        refund_no=REFUND_NO,
        verdict=RefundOpen(code="SUCCESS"),
    )


@pytest.mark.parametrize(
    ("sent", "forgery"),
    [
        (notice(req_info(INFO, "x" * 32)), Forgery.UNDECRYPTABLE),
        (notice("AAAA"), Forgery.UNDECRYPTABLE),
        (notice(req_info(b"<xml></xml>")), Forgery.UNDECRYPTABLE),
        (notice(req_info(b"<!DOCTYPE root [<!ENTITY a 'b'>]><root><a>&a;</a></root>")), Forgery.UNDECRYPTABLE),
        (notice(req_info(b"<root></root>")), Forgery.MALFORMED),
        (notice(req_info(INFO), mch_id="1900000000"), Forgery.FOREIGN),
        (notice(req_info(INFO), mch_id=""), Forgery.FOREIGN),
        (notice(req_info(INFO), sub_mch_id="1900000001"), Forgery.FOREIGN),
        (notice(""), Forgery.UNSIGNED),
        (Notification(headers={}, body=b"<xml><a><b/></a></xml>"), Forgery.MALFORMED),
        (Notification(headers={}, body=b"<!DOCTYPE xml><xml><req_info>A</req_info></xml>"), Forgery.MALFORMED),
    ],
    ids=range(11),
)
def test_what_is_no_refund_notification_of_ours_is_not_believed(sent: Notification, forgery: Forgery) -> None:
    assert why(CHANNEL.read_notification(sent, now_ms=NOW_MS)) is forgery


def test_an_account_without_v2_hears_nothing_by_v2() -> None:
    by_v3 = wallet.channel(code_api="v3")
    assert why(by_v3.read_notification(notice(req_info(INFO)), now_ms=NOW_MS)) is Forgery.UNKNOWN_KEY


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_make_the_reader_raise(body: bytes, signed: bool) -> None:
    headers = wallet.signing_headers(body) if signed else {}
    for sent in (body, b"<xml>" + body):
        assert isinstance(
            CHANNEL.read_notification(Notification(headers=headers, body=sent), now_ms=NOW_MS), NotBelieved
        )


def test_the_reply_says_received_or_refused_in_both_protocols() -> None:
    received, refused = (CHANNEL.notification_reply(received=one) for one in (True, False))
    assert received.status == 200
    assert b"<return_code><![CDATA[SUCCESS]]></return_code>" in received.body
    assert refused.status == 500
    assert json.loads(refused.body)["code"] == "FAIL"
