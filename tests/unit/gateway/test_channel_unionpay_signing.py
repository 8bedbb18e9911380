"""Rule: what UnionPay's own SDK computes, we compute; what it did not write, in every byte, is not believed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate

from gateway.channels.port import ChannelReason, ChannelRequest, Paid, Pending, Unknown
from gateway.channels.unionpay.certificates import CertificateChain, CertificateUnreadable, read_certificates
from gateway.channels.unionpay.signing import KeySeal, key_signature, signed_text
from protocol.secret import Secret
from tests.unit.gateway import channel_unionpay_wallet as wallet
from tests.unit.gateway.channel_unionpay_wallet import NOW_MS, ORDER, QR_ORDER, REF, REFUND

#: Computed with UnionPay's own ACP Java SDK.
SDK_KEY = "88888888"
SDK_TEXT = (
    "accessType=0&backUrl=http://127.0.0.1/back&bizType=000000&channelType=08&currencyCode=156&encoding=UTF-8"
    "&merId=777290058110048&orderId=20261122010101001&qrNo=6226359577513731196&signMethod=11&termId=49000002"
    "&txnAmt=1&txnSubType=06&txnTime=20261122010101&txnType=01&version=5.1.0"
)
SDK_SIGNATURE = "2590ab4a53e3e6b36b4a500eadf49825db32388a158316c5f9a2256d4da22630"
SDK_SHA256 = ("a=1&b=中", "d4e212b1d806482e231b8dcb2756a7e3b4be011a97ad094f48fbfba66371f26c")

DAY_MS = 86_400_000
CHANNEL = wallet.channel()


def fields_of(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split("&"))


def test_method_11_is_what_unionpays_sdk_computes() -> None:
    assert key_signature(SDK_TEXT, Secret(SDK_KEY)) == SDK_SIGNATURE
    sealed = KeySeal(secret_key=Secret(SDK_KEY)).sealed(fields_of(SDK_TEXT))
    assert signed_text(sealed) == SDK_TEXT
    assert sealed["signature"] == SDK_SIGNATURE


def test_the_inner_hash_is_over_utf8_and_written_in_lower_case() -> None:
    text, digest = SDK_SHA256
    assert signed_text(fields_of(text)) == text
    assert hashlib.sha256(text.encode()).hexdigest() == digest


def test_method_01_signs_the_hex_text_of_the_digest_and_names_the_serial_in_decimal() -> None:
    sent = wallet.sent(CHANNEL.pay(ORDER, now_ms=NOW_MS).request)
    assert sent["certId"] == str(wallet.merchant().serial_number)
    signature = base64.b64decode(sent["signature"], validate=True)
    wallet.key("merchant").public_key().verify(signature, wallet.digest_text(sent), PKCS1v15(), SHA256())


REQUESTS = {
    "pay": lambda: CHANNEL.pay(ORDER, now_ms=NOW_MS).request,
    "precreate": lambda: CHANNEL.precreate(QR_ORDER, now_ms=NOW_MS).request,
    "query": lambda: CHANNEL.query(REF, now_ms=NOW_MS).request,
    "cancel": lambda: CHANNEL.cancel(REF, now_ms=NOW_MS).request,
    "refund": lambda: CHANNEL.refund(REFUND, now_ms=NOW_MS).request,
    "refund query": lambda: CHANNEL.refund_query(REFUND, now_ms=NOW_MS).request,
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_never_sends_an_empty_field_and_arrives_as_it_was_signed(name: str) -> None:
    request: ChannelRequest = REQUESTS[name]()
    sent = wallet.sent(request)
    assert all(value and value == value.strip() for value in sent.values())
    wallet.key("merchant").public_key().verify(
        base64.b64decode(sent["signature"]), wallet.digest_text(sent), PKCS1v15(), SHA256()
    )


def test_blanks_around_a_value_are_not_signed_and_not_sent() -> None:
    sealed = KeySeal(secret_key=Secret(SDK_KEY)).sealed({"a": " 1 ", "b": "  ", "c": ""})
    assert signed_text(sealed) == "a=1&signMethod=11"


# --- answers


def query(fields: dict[str, str]) -> object:
    return CHANNEL.query(REF, now_ms=NOW_MS).read(wallet.answer(fields))


def test_an_answer_with_empty_fields_and_nested_marks_verifies() -> None:
    fields = wallet.trade("00", reserved="", reqReserved="{a=1&b=2}", note="x=y+z")
    assert isinstance(query(wallet.sealed(fields)), Paid)


def test_every_field_is_covered() -> None:
    good = wallet.sealed(wallet.trade("03"))
    assert query(good) == Pending(payer_prompted=False)
    refused = Unknown(reason=ChannelReason.BAD_SIGNATURE, code="bad_signature")
    for name in good.keys() - {"signature", "signPubKeyCert", "signMethod"}:
        assert query({**good, name: good[name] + "1"}) == refused, name
        assert query({other: value for other, value in good.items() if other != name}) == refused, name
    assert query({**good, "added": ""}) == refused


def flipped(signature: str) -> str:
    plain = bytearray(base64.b64decode(signature))
    plain[7] ^= 1
    return base64.b64encode(bytes(plain)).decode()


def touched(**changes: Callable[[str], str]) -> dict[str, str]:
    """A good answer with a few fields written anew."""
    good = wallet.sealed(wallet.trade("00"))
    return {**good, **{name: change(good[name]) for name, change in changes.items()}}


def without(name: str) -> dict[str, str]:
    return {other: value for other, value in wallet.sealed(wallet.trade("00")).items() if other != name}


TOUCHED: dict[str, tuple[Callable[[], dict[str, str]], str]] = {
    "one bit": (lambda: touched(signature=flipped), "bad_signature"),
    "padding lost": (lambda: touched(signature=lambda text: text.rstrip("=")), "bad_signature"),
    "a blank": (lambda: touched(signature=lambda text: text[:-1] + " "), "bad_signature"),
    "a line end": (lambda: touched(signature=lambda text: text + "\n"), "bad_signature"),
    "not base64": (lambda: touched(signature=lambda _: "中"), "bad_signature"),
    "another method": (lambda: touched(signMethod=lambda _: "11"), "bad_signature"),
    "no method": (lambda: without("signMethod"), "bad_signature"),
    "no certificate": (lambda: without("signPubKeyCert"), "unknown_key"),
}


@pytest.mark.parametrize("name", TOUCHED)
def test_a_touched_seal_is_not_believed(name: str) -> None:
    made, code = TOUCHED[name]
    assert query(made()) == Unknown(reason=ChannelReason.BAD_SIGNATURE, code=code)


def test_an_answer_without_a_signature_is_unsigned() -> None:
    fields = wallet.sealed(wallet.trade("00"))
    assert query({**fields, "signature": ""}) == Unknown(reason=ChannelReason.UNSIGNED, code="unsigned")
    del fields["signature"]
    assert query(fields) == Unknown(reason=ChannelReason.UNSIGNED, code="unsigned")


def test_method_11_is_believed_by_its_own_account_only() -> None:
    fields = wallet.sealed_by_key(wallet.trade("00"))
    read = wallet.key_channel().query(REF, now_ms=NOW_MS).read
    assert isinstance(read(wallet.answer(fields)), Paid)
    refused = Unknown(reason=ChannelReason.BAD_SIGNATURE, code="bad_signature")
    assert read(wallet.answer({**fields, "txnAmt": "1251"})) == refused
    assert read(wallet.answer(wallet.sealed_by_key(wallet.trade("00"), secret="other"))) == refused
    assert read(wallet.answer(wallet.sealed(wallet.trade("00")))) == refused
    assert query(fields) == refused


# --- certificates


def chain(**changes: object) -> CertificateChain:
    made: dict[str, object] = {
        "roots": (wallet.root(),),
        "middles": (wallet.middle(),),
        "signer_name": "中国银联股份有限公司",
    }
    return CertificateChain(**{**made, **changes})  # pyright: ignore[reportArgumentType]  # a table of tests


def test_unionpays_own_certificate_is_believed_in_its_dates_only() -> None:
    ours, text = chain(), wallet.pem(wallet.leaf())
    for _again in range(2):
        assert ours.key_of(text, now_ms=NOW_MS) == wallet.key("unionpay").public_key()
        assert ours.key_of(text, now_ms=NOW_MS + 31 * DAY_MS) is None
        assert ours.key_of(text, now_ms=NOW_MS - 31 * DAY_MS) is None


def named(common_name: str) -> Certificate:
    return wallet.certificate("unionpay", common_name, issuer="middle")


OLD_MIDDLE = wallet.certificate("middle", wallet.CN["middle"], issuer="root", authority=True, days=(-30, -1))
NO_AUTHORITY = wallet.certificate("middle", wallet.CN["middle"], issuer="root", authority=False)
FALSE_ROOT = wallet.certificate("false root", wallet.CN["root"], authority=True)
ATTACKS: dict[str, tuple[Certificate, dict[str, object]]] = {
    "a merchant's certificate from the same authority": (wallet.merchant(), {}),
    "name in another part": (named("中国银联股份有限公司@a@b@c"), {}),
    "name with something after it": (named("041@1@中国银联股份有限公司x@1"), {}),
    "name as a part of a part": (named("041@1@非中国银联股份有限公司@1"), {}),
    "too few parts": (named("041@中国银联股份有限公司"), {}),
    "the test environment's name": (named("041@1@00040000:SIGN@1"), {}),
    "its own authority": (wallet.certificate("unionpay", wallet.UNIONPAY_CN), {}),
    "issued by a merchant": (
        wallet.certificate("unionpay", wallet.UNIONPAY_CN, issuer="middle", signed_by="merchant"), {}),
    "issued by the root itself": (wallet.certificate("unionpay", wallet.UNIONPAY_CN, issuer="root"), {}),
    "not for signatures": (wallet.certificate("unionpay", wallet.UNIONPAY_CN, issuer="middle", usage=False), {}),
    "out of date": (wallet.certificate("unionpay", wallet.UNIONPAY_CN, issuer="middle", days=(-9, -1)), {}),
    "not yet in date": (wallet.certificate("unionpay", wallet.UNIONPAY_CN, issuer="middle", days=(1, 9)), {}),
    "wrong root of the same name": (wallet.leaf(), {"roots": (FALSE_ROOT,)}),
    "no root": (wallet.leaf(), {"roots": ()}),
    "middle out of date": (wallet.leaf(), {"middles": (OLD_MIDDLE,)}),
    "middle is no authority": (wallet.leaf(), {"middles": (NO_AUTHORITY,)}),
    "another signer is expected": (wallet.leaf(), {"signer_name": "00040000:SIGN"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_another_certificate_is_not_believed(name: str) -> None:
    found, changes = ATTACKS[name]
    assert chain(**changes).key_of(wallet.pem(found), now_ms=NOW_MS) is None


LEAF = wallet.pem(wallet.leaf())
NOT_ONE = {
    "nothing": "",
    "no content": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
    "no certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    "twice": LEAF * 2,
    "another behind it": LEAF + wallet.pem(wallet.root()),
    "something before it": "x" + LEAF,
    "cut": LEAF[:-40],
    "oversized": " " * 10_000 + LEAF,
}


@pytest.mark.parametrize("name", NOT_ONE)
def test_a_text_that_is_not_one_certificate_is_not_believed(name: str) -> None:
    assert chain().key_of(NOT_ONE[name], now_ms=NOW_MS) is None


def test_a_certificate_swapped_into_a_signed_answer_is_not_believed() -> None:
    """The signer's certificate is replaced by UnionPay's own, and the other way round."""
    refused = ChannelReason.BAD_SIGNATURE
    other = wallet.sealed(wallet.trade("00"), signer="merchant")
    assert query(other) == Unknown(reason=refused, code="bad_signature")
    theirs = wallet.sealed(wallet.trade("00"), signer="merchant", certificate_pem=wallet.pem(wallet.merchant()))
    assert query(theirs) == Unknown(reason=refused, code="unknown_key")


def test_the_test_environments_name_is_believed_when_the_account_says_so() -> None:
    test = named("041@Z2026-11-1@00040000:SIGN@00000001")
    channel = wallet.channel(signer_name="00040000:SIGN")
    fields = wallet.sealed(wallet.trade("00"), certificate_pem=wallet.pem(test))
    assert isinstance(channel.query(REF, now_ms=NOW_MS).read(wallet.answer(fields)), Paid)
    assert isinstance(query(fields), Unknown)


def test_only_what_verified_is_remembered_and_never_without_bound() -> None:
    ours = chain()
    for number in range(40):
        ours.key_of(wallet.pem(wallet.merchant()) + " " * number, now_ms=NOW_MS)
        ours.key_of(wallet.pem(wallet.leaf()) + " " * number, now_ms=NOW_MS)
    assert ours.key_of(wallet.pem(wallet.merchant()), now_ms=NOW_MS) is None
    assert len(ours._remembered) <= 16  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("text", ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_unreadable_configured_certificates_are_named_and_not_repeated(text: str) -> None:
    with pytest.raises(CertificateUnreadable, match="not a certificate"):
        read_certificates(text)
