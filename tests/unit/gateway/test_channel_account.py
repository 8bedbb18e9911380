"""Rule: an account is checked before it is used, its errors name the key to change, and no secret is ever repeated."""

from __future__ import annotations

import base64
import dataclasses

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.channels.account import AccountError, AccountMode, parse_account
from gateway.channels.registry import open_channel
from tests.unit.gateway import channel_alipay_wallet as wallet
from tests.unit.gateway.channel_alipay_wallet import CANARY_CODE, CANARY_TOKEN, NOW_MS, ORDER, PAY_NODE, REF


def test_defaults_are_those_of_the_schedule() -> None:
    account = wallet.account()
    assert account.mode is AccountMode.DIRECT
    assert account.notify_url is None
    times = (account.connect_timeout_ms, account.read_timeout_ms, account.min_query_interval_ms)
    assert times == (3_000, 18_000, 3_000)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"id": None}, "id"),
        ({"id": "has blank"}, "id"),
        ({"channel": None}, "channel"),
        ({"app_id": None}, "app_id"),
        ({"app_id": 2021}, "app_id"),
        ({"app_id": "line\nbreak"}, "app_id"),
        ({"base_url": None}, "base_url"),
        ({"base_url": "http://openapi.test/gateway.do"}, "base_url"),
        ({"base_url": "ftp://openapi.test/"}, "base_url"),
        ({"base_url": "https://u:p@openapi.test/"}, "base_url"),
        ({"base_url": "https://openapi.test/?a=1"}, "base_url"),
        ({"base_url": "https://openapi.test:99999/"}, "base_url"),
        ({"base_url": "https://[::1/"}, "base_url"),
        ({"base_url": "https://a..test/"}, "base_url"),
        ({"base_url": f"https://{'a' * 64}.test/"}, "base_url"),
        ({"base_url": "https:///gateway.do"}, "base_url"),
        ({"notify_url": "http://shop.test/"}, "notify_url"),
        ({"mode": "both"}, "mode"),
        ({"mode": "partner"}, "app_auth_token"),
        ({"app_auth_token": "x"}, "app_auth_token"),
        ({"private_key": None}, "private_key"),
        ({"private_key": " "}, "private_key"),
        ({"wallet_public_key": None}, "wallet_public_key"),
        ({"wallet_public_key": None, "app_certificate": "c"}, "wallet_public_key"),
        ({"app_certificate": "c"}, "wallet_certificate"),
        ({"mch_id": "1900000001"}, "mch_id"),
        ({"read_timeout_ms": 60_000}, "read_timeout_ms"),
        ({"read_timeout_ms": True}, "read_timeout_ms"),
        ({"connect_timeout_ms": "3000"}, "connect_timeout_ms"),
        ({"min_query_interval_ms": 10}, "min_query_interval_ms"),
        ({"verify_tls": False}, "verify_tls"),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, object], where: str) -> None:
    with pytest.raises(AccountError) as error:
        parse_account(wallet.settings(**changes))
    assert error.value.where == where
    assert error.value.hint


@pytest.mark.parametrize("host", ["127.0.0.1:8800", "localhost", "[::1]:9"])
def test_plain_http_is_for_loopback_only(host: str) -> None:
    assert wallet.account(base_url=f"http://{host}/gateway.do").base_url.startswith("http://")


def test_an_unknown_wallet_is_refused_with_the_list_of_known_ones() -> None:
    with pytest.raises(AccountError, match="alipay"):
        open_channel(wallet.account(channel="shells"))


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("bare", [True, False])
def test_private_keys_are_read_in_all_forms_that_the_console_hands_out(form: PrivateFormat, *, bare: bool) -> None:
    der = wallet.app_key().private_bytes(Encoding.DER, form, NoEncryption())
    pem = wallet.app_key().private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    text = base64.encodebytes(der).decode() if bare else f"\n{pem}"
    channel = wallet.channel(private_key=text)
    request = channel.query(REF, now_ms=NOW_MS).request
    assert request.url == wallet.channel().query(REF, now_ms=NOW_MS).request.url


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
def test_public_keys_are_read_in_all_forms(form: PublicFormat) -> None:
    key = wallet.wallet_key().public_key()
    for text in (
        key.public_bytes(Encoding.PEM, form).decode(),
        base64.b64encode(key.public_bytes(Encoding.DER, form)).decode(),
    ):
        read = wallet.channel(wallet_public_key=text).pay(ORDER, now_ms=NOW_MS).read
        assert type(read(wallet.pay_answer(PAY_NODE))).__name__ == "Paid"


def test_keys_that_cannot_be_used_are_refused_when_the_account_is_opened() -> None:
    short = generate_private_key(65537, 1024)
    curve = generate_ec_key(SECP256R1())
    curve_pem = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for text in ("not a key", wallet.pem(short), curve_pem, wallet.public_pem(wallet.app_key()), "AAAA"):
        with pytest.raises(AccountError) as error:
            wallet.channel(private_key=text)
        assert error.value.where == "private_key"
    for text in ("not a key", wallet.public_pem(short), wallet.pem(wallet.wallet_key())):
        with pytest.raises(AccountError) as error:
            wallet.channel(wallet_public_key=text)
        assert error.value.where == "wallet_public_key"


def test_the_applications_own_public_key_in_place_of_the_wallets_is_found_at_once() -> None:
    """The commonest mistake of a new account: every answer would be refused."""
    with pytest.raises(AccountError, match="own key"):
        wallet.channel(wallet_public_key=wallet.public_pem(wallet.app_key()))


def test_no_secret_reaches_a_repr_or_an_exception() -> None:
    """Canaries: payment code, private key, token and signature, in every value and error of the port."""
    key_text = wallet.pem(wallet.app_key())
    channel = wallet.channel(mode="partner", app_auth_token=CANARY_TOKEN)
    account = wallet.account(mode="partner", app_auth_token=CANARY_TOKEN)
    call = channel.pay(ORDER, now_ms=NOW_MS)
    response = wallet.pay_answer(PAY_NODE)
    seen = [repr(value) for value in (channel, account, call, call.request, ORDER, response, call.read(response))]
    seen += [str(account), f"{ORDER}", str(msgspec.structs.asdict(ORDER)), str(dataclasses.asdict(account))]
    for changes in (
        {"private_key": key_text[:300]},
        {"app_auth_token": CANARY_TOKEN},
        {"wallet_public_key": key_text},
        {"base_url": f"https://{CANARY_TOKEN}@x/"},
    ):
        with pytest.raises(AccountError) as error:
            open_channel(parse_account(wallet.settings(**changes)))
        seen += [str(error.value), repr(error.value), repr(error.value.__cause__)]
    private = "".join(key_text.splitlines()[1:-1])
    for text in seen:
        assert CANARY_CODE not in text
        assert CANARY_TOKEN not in text
        assert "2088102363632794" not in text
        assert private[60:90] not in text.replace("\\n", "").replace("\n", "")
