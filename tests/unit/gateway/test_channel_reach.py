"""Where a call may go: the judge of addresses, by list. What a name resolves to is judged where it is connected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.account import AccountError, parse_account
from gateway.channels.reach import Reach, call_fault, may_connect, reach_of
from tests.unit.gateway import channel_alipay_wallet as wallet

DENIED = (
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "192.0.0.1", "192.0.2.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::7f00:1", "::a00:1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1",
    "64:ff9b:1::cb77:cd01", "64:ff9b:1:7f00:0:100:808:808", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "100::1",
)  # fmt: skip
PUBLIC = ("1.1.1.1", "203.119.205.1", "2400:3200::1", "::ffff:203.119.205.1", "64:ff9b::cb77:cd01")


@pytest.mark.parametrize("address", DENIED)
def test_what_is_not_public_is_not_connected_to_and_not_called(address: str) -> None:
    assert not may_connect(address, Reach.PUBLIC)
    host = f"[{address}]" if ":" in address else address
    assert call_fault(f"https://{host}/bill", Reach.PUBLIC) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is(address: str) -> None:
    assert may_connect(address, Reach.PUBLIC)
    host = f"[{address}]" if ":" in address else address
    assert call_fault(f"https://{host}/bill?x=1", Reach.PUBLIC) is None
    assert not may_connect(address, Reach.LOOPBACK)


@pytest.mark.parametrize(
    "url",
    [
        "http://openapi.alipay.test/", "https://openapi.alipay.test:8443/", "https://openapi.alipay.test:80/",
        "ftp://openapi.alipay.test/", "file:///etc/passwd", "gopher://x/", "https://u:p@openapi.alipay.test/",
        "https://u@openapi.alipay.test/", "https://openapi.alipay.test@127.0.0.1/", "https://localhost/",
        "https://a.localhost/", "https:///x", "https://", "//openapi.alipay.test/", "https://0x7f.1/",
        "https://0x7f000001/", "https://2130706433/", "https://017700000001/", "https://0177.0.0.1/",
        "https://127.1/", "https://127.0.1/", "https://0/", "https://0x/", "https://1.1.1.0x1/", "https://①②⑦.0.0.1/",
        "https://1.1.1.1.1/", "https://999.1.1.1/", "https://[::1/", "https://[::ffff:127.0.0.1]/",
        "https://openapi.alipay.test\\@127.0.0.1/", "https://127.0.0.1\t/", "https://a b/",
    ],
)  # fmt: skip
def test_what_is_not_an_https_address_of_a_host_in_the_open_is_refused(url: str) -> None:
    assert call_fault(url, Reach.PUBLIC) is not None


@pytest.mark.parametrize("url", ["https://openapi.alipay.test/gateway.do", "https://dl.test:443/f?t=1"])
def test_a_wallets_address_is_called(url: str) -> None:
    assert call_fault(url, Reach.PUBLIC) is None


def test_an_account_of_a_simulated_wallet_reaches_this_computer_and_nothing_else() -> None:
    assert reach_of("http://127.0.0.1:8600/gateway.do") is Reach.LOOPBACK
    assert reach_of("https://[::1]:9/") is reach_of("http://localhost:1/x") is Reach.LOOPBACK
    assert reach_of("https://127.0.0.1.nip.test/") is reach_of("https://[::1") is reach_of("") is Reach.PUBLIC
    assert call_fault("http://127.0.0.1:9/bill", Reach.LOOPBACK) is None
    assert call_fault("https://openapi.alipay.test/", Reach.LOOPBACK) is not None
    assert may_connect("127.0.0.1", Reach.LOOPBACK)
    assert may_connect("::1", Reach.LOOPBACK)
    assert not may_connect("10.0.0.1", Reach.LOOPBACK)


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_judged_alike_in_every_spelling_of_ipv6(number: int) -> None:
    plain = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
    mapped, translated = f"::ffff:{plain}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}"
    assert (
        may_connect(mapped, Reach.PUBLIC) == may_connect(plain, Reach.PUBLIC) == may_connect(translated, Reach.PUBLIC)
    )


@given(st.text(max_size=60), st.sampled_from(list(Reach)))
def test_no_text_at_all_makes_the_judge_fail(text: str, reach: Reach) -> None:
    for url in (text, f"https://{text}/", f"https://[{text}]/"):
        assert call_fault(url, reach) is None or call_fault(url, reach)
        reach_of(url)
    may_connect(text, reach)


@pytest.mark.parametrize(
    "url",
    ["https://10.0.0.5/", "https://[fd00::1]/", "https://0x7f.1/", "https://169.254.169.254/", "https://w.test:8443/"],
)
def test_an_account_file_that_leads_inside_is_refused(url: str) -> None:
    with pytest.raises(AccountError) as error:
        parse_account(wallet.settings(base_url=url))
    assert error.value.where == "base_url"
    assert url not in str(error.value)
