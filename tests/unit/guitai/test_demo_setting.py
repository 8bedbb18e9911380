"""The demo's file: an account at each simulated wallet that the gateway can open, and the page for every QR."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from typing import Any, Final

import pytest

from gateway.channels.account import parse_account
from gateway.channels.registry import open_channel
from gateway.configure.document import Document, read_document
from guitai.demo.setting import STORE_ID, WALLETS, document
from sandbox.keys import fresh_keys
from sandbox.wallet import Origins
from sandbox.wallets import KEY_NAMES, make_wallets

NOW_MS: Final = 1_800_000_000_000
GATEWAY: Final = "http://127.0.0.1:8700"
ORIGINS: Final = Origins(plain="http://127.0.0.1:8600", tls="https://127.0.0.1:8601")


@pytest.fixture(scope="module")
def merchants() -> Mapping[str, Mapping[str, Any]]:
    made = make_wallets(fresh_keys(KEY_NAMES), random_bytes=random.Random(1).randbytes, now_ms=NOW_MS)
    return {wallet: made.by_name[wallet].about(ORIGINS) for wallet in WALLETS}


def accounts(merchants: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    written = tomllib.loads(document(merchants, gateway_url=GATEWAY))
    return {account["channel"]: account for account in written["channel_accounts"]}


def test_the_gateway_takes_the_file_as_it_is(merchants: Mapping[str, Mapping[str, Any]]) -> None:
    read = read_document(document(merchants, gateway_url=GATEWAY), files={}, time_zones=())
    assert isinstance(read, Document)
    assert [store.id for store in read.stores] == [STORE_ID]
    assert [account.channel for account in read.accounts] == ["alipay", "wechat", "unionpay"]
    assert not any(account.default_for_qr for account in read.accounts)


@pytest.mark.parametrize("wallet", WALLETS)
def test_every_account_can_pay_on_the_page_and_is_told_of_payments(
    merchants: Mapping[str, Mapping[str, Any]], wallet: str
) -> None:
    settings = {key: value for key, value in accounts(merchants)[wallet].items() if key != "merchant"}
    account = parse_account(settings)
    assert open_channel(account).traits.pages
    assert account.notify_url == f"{GATEWAY}/notify/{wallet}/demo-{wallet}"


def test_wechats_callbacks_are_believed_by_certificate_and_by_public_key(
    merchants: Mapping[str, Mapping[str, Any]],
) -> None:
    account = accounts(merchants)["wechat"]
    assert account["wallet_certificates"].count("BEGIN CERTIFICATE") == 2
    assert account["wallet_public_key_id"].startswith("PUB_KEY_ID_")


def test_no_address_leaves_this_computer(merchants: Mapping[str, Mapping[str, Any]]) -> None:
    for account in accounts(merchants).values():
        urls = [value for key, value in account.items() if key.endswith("_url")]
        assert urls
        assert all(url.startswith((ORIGINS.plain, str(ORIGINS.tls), GATEWAY)) for url in urls)
