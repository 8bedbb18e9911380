"""A shop as its owner would write it, with keys made for the run, for tests of the gateway's configuration."""

from __future__ import annotations

import json
from functools import cache

from gateway.configure.document import Document, read_document
from sandbox.alipay.merchant import Merchant, pkcs8_pem, public_pem
from sandbox.keys import new_merchant


@cache
def wallet_merchant() -> Merchant:
    return new_merchant()


@cache
def private_pem() -> str:
    return pkcs8_pem(wallet_merchant().merchant_key)


@cache
def wallet_pem() -> str:
    return public_pem(wallet_merchant().wallet_key.public_key())


MERCHANT = '[[merchants]]\nid = "m1"\nname = "老王早餐"\n'
STORE = '[[stores]]\nid = "s1"\nmerchant = "m1"\nname = "一店"\n'


def account(*, id: str = "a1", merchant: str = "m1", default: bool = True, more: str = "", **changed: str) -> str:  # noqa: A002 - the file's own word
    """One `[[channel_accounts]]`. `changed` replaces a value (as TOML text); an empty one leaves the key out."""
    values = {
        "id": json.dumps(id),
        "merchant": json.dumps(merchant),
        "channel": '"alipay"',
        "default_for_qr": "true" if default else "false",
        "base_url": '"http://127.0.0.1:8600/alipay/gateway.do"',
        "app_id": '"2021000117650139"',
        "seller_id": '"2088621955702813"',
        "private_key": json.dumps(private_pem()),
        "wallet_public_key": json.dumps(wallet_pem()),
        **changed,
    }
    lines = [f"{key} = {value}" for key, value in values.items() if value]
    return "\n".join(["[[channel_accounts]]", *lines, more, ""])


def shop() -> str:
    return MERCHANT + STORE + account()


def document(text: str) -> Document:
    read = read_document(text, files={}, time_zones=())
    assert isinstance(read, Document), read
    return read
