"""The port that demands a client certificate: who may connect, what answers there, and a line that dies on it."""

import hashlib
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from sandbox.unionpay.certificates import UnionpayKeys
from sandbox.unionpay.certificates import merchant_with as stranger_with
from sandbox.unionpay.merchant import certificate_pem, private_pem
from tests.contract.sandbox.running_sandbox import RunningSandbox

NOW_MS = 1_800_000_000_000
REVERSE = "/secapi/pay/reverse"


@pytest.fixture(scope="module")
def about(sandbox: RunningSandbox) -> Mapping[str, Any]:
    return dict(sandbox.http.get("/merchant/wechat").json())


def tls_to(about: Mapping[str, Any]) -> ssl.SSLContext:
    """Trusts the wallet's authority, and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=about["ca_certificate_pem"])
    return context


def with_certificate(context: ssl.SSLContext, folder: Path, pem: str) -> ssl.SSLContext:
    file = folder / "client.pem"
    file.write_text(pem, encoding="ascii")
    context.load_cert_chain(file)
    return context


def post(context: ssl.SSLContext, url: str) -> httpx.Response:
    with httpx.Client(verify=context, trust_env=False) as client:
        return client.post(url, content=b"<xml></xml>")


def test_with_the_merchants_certificate_the_call_is_answered(
    sandbox: RunningSandbox, about: Mapping[str, Any], tmp_path: Path
) -> None:
    assert about["tls_base_url"] == sandbox.tls
    pem = about["client_private_key_pem"] + about["client_certificate_pem"]
    answer = post(with_certificate(tls_to(about), tmp_path, pem), sandbox.tls + REVERSE)
    assert answer.status_code == 200
    assert b"return_code" in answer.content


@pytest.mark.parametrize("path", [REVERSE, "/pay/orderquery", "/phone/money"])
def test_without_a_certificate_nothing_is_answered(
    sandbox: RunningSandbox, about: Mapping[str, Any], path: str
) -> None:
    with pytest.raises(httpx.TransportError):
        post(tls_to(about), sandbox.tls + path)


def test_a_certificate_of_another_authority_is_refused(
    sandbox: RunningSandbox, about: Mapping[str, Any], tmp_path: Path
) -> None:
    key = generate_private_key(65537, 2048)
    stranger = stranger_with(UnionpayKeys(root=key, middle=key, unionpay=key, merchant=key), now_ms=NOW_MS).merchant
    pem = private_pem(stranger.key) + certificate_pem(stranger.certificate)
    with pytest.raises(httpx.TransportError):
        post(with_certificate(tls_to(about), tmp_path, pem), sandbox.tls + REVERSE)


def test_the_servers_certificate_is_of_the_wallets_authority_and_of_no_public_one(sandbox: RunningSandbox) -> None:
    with pytest.raises(httpx.ConnectError):
        post(ssl.create_default_context(), sandbox.tls + REVERSE)


def test_the_port_is_the_wallets_only_and_the_plain_port_does_not_take_such_calls(
    sandbox: RunningSandbox, about: Mapping[str, Any], tmp_path: Path
) -> None:
    pem = about["client_private_key_pem"] + about["client_certificate_pem"]
    context = with_certificate(tls_to(about), tmp_path, pem)
    assert post(context, sandbox.tls + "/pay/orderquery").status_code == 200
    assert post(context, sandbox.tls + "/phone/codes").status_code == 404
    assert sandbox.http.post(REVERSE, content=b"<xml></xml>").status_code == 400


def signed_micropay(about: Mapping[str, Any], auth_code: str, number: str) -> bytes:
    """A v2 call signed by hand (MD5 over the sorted parameters and the key)."""
    params = {
        "appid": about["appid"],
        "auth_code": auth_code,
        "body": "x",
        "mch_id": about["mchid"],
        "nonce_str": "n0nce",
        "out_trade_no": number,
        "spbill_create_ip": "127.0.0.1",
        "total_fee": "100",
    }
    text = "&".join(f"{name}={params[name]}" for name in sorted(params)) + f"&key={about['api_v2_key']}"
    params["sign"] = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()
    return f"<xml>{''.join(f'<{name}>{value}</{name}>' for name, value in params.items())}</xml>".encode()


@pytest.mark.parametrize(("script", "charged"), [("drop_before_charge", False), ("drop_after_charge", True)])
def test_a_line_dies_on_this_port_too_without_a_byte(
    sandbox: RunningSandbox, about: Mapping[str, Any], tmp_path: Path, script: str, charged: bool
) -> None:
    pem = about["client_private_key_pem"] + about["client_certificate_pem"]
    number = f"TLS{script}"
    body = signed_micropay(about, sandbox.code(script, wallet="wechat"), number)
    context = with_certificate(tls_to(about), tmp_path, pem)
    with httpx.Client(verify=context, trust_env=False) as client, pytest.raises(httpx.TransportError):
        client.post(sandbox.tls + "/pay/micropay", content=body)
    numbers = [order["out_trade_no"] for order in sandbox.http.get("/phone/money").json()["orders"]]
    assert (number in numbers) is charged
