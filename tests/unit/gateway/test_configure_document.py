"""The owner's file: what is accepted, that every fault is named with its place at once, and that no key is repeated."""

from __future__ import annotations

import json

import pytest

from gateway.channels.settings import SETTINGS, AccountMode, SettingKind
from gateway.configure.document import FILE_KEYS, Document, key_files, read_document
from gateway.configure.faults import Fault, Faults
from tests.unit.gateway.configure_shop import (
    MERCHANT,
    STORE,
    account,
    document,
    private_pem,
    shop,
    wallet_pem,
)


def faults_of(text: str, *, time_zones: tuple[str, ...] = ()) -> tuple[Fault, ...]:
    read = read_document(text, files={}, time_zones=time_zones)
    assert isinstance(read, Faults), read
    return read.faults


def places_of(text: str) -> list[tuple[str, str]]:
    return [(fault.where, fault.key) for fault in faults_of(text)]


def test_a_shop_is_read_as_typed_values():
    """Merchants, stores and accounts arrive as written; the account's settings keep its keys and nothing of ours."""
    read = document(shop())
    assert [(m.id, m.name) for m in read.merchants] == [("m1", "老王早餐")]
    assert [(s.id, s.merchant, s.name) for s in read.stores] == [("s1", "m1", "一店")]
    (one,) = read.accounts
    assert (one.id, one.merchant, one.channel, one.default_for_qr) == ("a1", "m1", "alipay", True)
    settings = json.loads(one.settings)
    assert settings["private_key"] == private_pem().strip()
    assert settings["id"] == "a1"
    assert settings.keys().isdisjoint({"merchant", "default_for_qr"})


def test_an_empty_file_is_a_document_of_nothing():
    assert document("") == Document(merchants=(), stores=(), accounts=())


def test_a_store_without_a_time_zone_stands_in_beijing_time():
    assert document(MERCHANT + STORE).stores[0].time_zone == "Asia/Shanghai"
    assert document(MERCHANT + STORE + 'time_zone = "Asia/Urumqi"\n').stores[0].time_zone == "Asia/Urumqi"


@pytest.mark.parametrize("zone", ['"+08:00"', '"../etc/passwd"', '""', "8", '"Asia/"', '"Asia/Beijng"'])
def test_a_time_zone_that_does_not_exist_is_a_fault(zone: str):
    """By its form, and where the system knows its zones, by name."""
    text = MERCHANT + STORE + f"time_zone = {zone}\n"
    assert [(f.where, f.key) for f in faults_of(text, time_zones=("Asia/Shanghai",))] == [
        ("[[stores]] s1", "time_zone")
    ]


def test_all_faults_are_found_in_one_reading():
    """Faults of different tables, entries and keys are reported together, each with its place."""
    text = (
        '[[merchants]]\nid = "bad id"\nname = "x"\n'
        '[[stores]]\nid = "s1"\nmerchant = "m1"\nname = ""\ncolour = "red"\n'
        "[[shops]]\n" + account(app_id="", min_query_interval_ms="5", base_url='"http://pay.example.com/x"')
    )
    assert places_of(text) == [
        ("the file", "shops"),
        ("[[merchants]] number 1", "id"),
        ("[[stores]] s1", "colour"),
        ("[[stores]] s1", "name"),
        ("[[channel_accounts]] a1", "base_url"),
        ("[[channel_accounts]] a1", "app_id"),
        ("[[channel_accounts]] a1", "min_query_interval_ms"),
    ]


def test_several_faults_of_one_account_are_found_together():
    text = MERCHANT + account(more="colour = 1\nshade = 2", mode='"both"', min_query_interval_ms="5")
    found = {key for _, key in places_of(text)}
    assert found == {"colour", "shade", "mode", "min_query_interval_ms"}


def test_a_fault_of_one_key_hides_no_other():
    """A missing identity, a lost key file, both keys unusable, a wrong number: each is named, and none twice."""
    text = MERCHANT + account(app_id="", private_key='"no key"', wallet_public_key='"no key"', read_timeout_ms="5")
    assert [key for _, key in places_of(text)] == ["app_id", "read_timeout_ms", "private_key", "wallet_public_key"]
    text = MERCHANT + account(private_key="", private_key_file='"gone"', wallet_public_key='"no"', base_url='"ftp://a"')
    assert [key for _, key in places_of(text)] == ["private_key_file", "base_url", "wallet_public_key"]
    text = MERCHANT + account(mode='"parter"', app_auth_token='"t"', seller_id='"a b"')
    assert [key for _, key in places_of(text)] == ["mode", "seller_id"]
    text = MERCHANT + account(app_certificate='"c"', wallet_public_key="")
    certificates = {"app_certificate", "wallet_certificate", "wallet_root_certificate"}
    assert {key for _, key in places_of(text)} == {"wallet_public_key", *certificates}


@pytest.mark.parametrize("wallet", sorted(SETTINGS))
def test_every_wallets_missing_settings_are_found_in_one_reading(wallet: str):
    """By the table: whatever a wallet requires is named, in either mode."""
    for mode in AccountMode:
        text = MERCHANT + (
            f'[[channel_accounts]]\nid = "a"\nmerchant = "m1"\nchannel = "{wallet}"\nmode = "{mode.value}"\n'
        )
        required = {n for n, s in SETTINGS[wallet].items() if s.required and s.mode in (None, mode)}
        found = [key for _, key in places_of(text)]
        assert required | {"base_url"} <= set(found)
        assert len(found) == len(set(found))


def test_every_key_and_secret_may_lie_in_a_file():
    """`<name>_file`, whichever wallet's; nothing else has one."""
    named = {
        name
        for settings in SETTINGS.values()
        for name, setting in settings.items()
        if setting.kind in {SettingKind.SECRET, SettingKind.KEY}
    }
    assert set(FILE_KEYS) == {f"{name}_file" for name in named | {"trusted_ca"}}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[[merchants]]\nid = "m1"\n', ("[[merchants]] m1", "name")),
        ('[[merchants]]\nname = "x"\n', ("[[merchants]] number 1", "id")),
        ('[[merchants]]\nid = "m1"\nname = "a\\nb"\n', ("[[merchants]] m1", "name")),
        (f'[[merchants]]\nid = "{"m" * 64}"\nname = "x"\n', ("[[merchants]] number 1", "id")),
        (f'[[merchants]]\nid = "m1"\nname = "{"n" * 65}"\n', ("[[merchants]] m1", "name")),
        ('[merchants]\nid = "m1"\n', ("[[merchants]]", "")),
        ("merchants = [1]\n", ("[[merchants]]", "")),
        (MERCHANT + MERCHANT, ("[[merchants]] m1", "id")),
        (MERCHANT + account(default_for_qr='"yes"'), ("[[channel_accounts]] a1", "default_for_qr")),
        (MERCHANT + account(channel='"paypal"'), ("[[channel_accounts]] a1", "channel")),
        (MERCHANT + account(private_key=""), ("[[channel_accounts]] a1", "private_key")),
        (MERCHANT + account(wallet_public_key='"no key"'), ("[[channel_accounts]] a1", "wallet_public_key")),
        ("x = [", ("the file", "")),
    ],
)
def test_a_fault_names_its_table_entry_and_key(text: str, place: tuple[str, str]):
    assert places_of(text) == [place]


def test_every_fault_says_what_to_write():
    for fault in faults_of("[[stores]]\n[[channel_accounts]]\n[[merchants]]\n[x]\n"):
        assert len(fault.hint) > 10
        assert fault.sentence.startswith(fault.where)


def test_keys_may_lie_in_files_beside_the_document():
    """`private_key_file` and `wallet_public_key_file` give the same document as keys written inline."""
    named = account(
        private_key="", wallet_public_key="", private_key_file='"app.pem"', wallet_public_key_file='"wallet.pem"'
    )
    assert key_files(MERCHANT + named) == ("app.pem", "wallet.pem")
    files = {"app.pem": private_pem() + "\n", "wallet.pem": wallet_pem()}
    read = read_document(MERCHANT + STORE + named, files=files, time_zones=())
    assert read == document(shop())


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (account(private_key="", private_key_file='"gone.pem"'), "private_key_file"),
        (account(private_key_file='"app.pem"'), "private_key_file"),
        (account(private_key="", private_key_file="3"), "private_key_file"),
    ],
)
def test_a_key_file_that_is_missing_or_doubled_is_the_only_fault(text: str, key: str):
    assert places_of(MERCHANT + text) == [("[[channel_accounts]] a1", key)]


def test_no_fault_repeats_a_value():
    """A key in the wrong place, with a wrong name, or in a line that is not TOML never comes back in words."""
    secret = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
    for text in (
        f'[[merchants]]\nid = "{secret}+"\nname = "{secret}\\u0007"\n{secret * 2} = 1\n',
        account(private_key=f'"{secret}"', wallet_public_key=f'"{secret}"', mode=f'"{secret}"', base_url=f'"{secret}"'),
        f"[[channel_accounts]]\nprivate_key = {secret}\n",
        f"[[channel_accounts]]\n{secret}==\n",
        f'[[channel_accounts]]\nprivate_key = """{secret}\n',
        account(private_key="", private_key_file=f'"{secret}"'),
        f'[[stores]]\ntime_zone = "{secret}"\nmerchant = "{secret} "\n',
    ):
        shown = "\n".join(fault.sentence for fault in faults_of(text, time_zones=("Asia/Shanghai",)))
        assert secret not in shown, shown


def test_a_document_keeps_its_keys_out_of_repr():
    assert "PRIVATE" not in repr(document(shop()))
