"""The control calls and the program around them, over real HTTP: shapes, problems, start and end."""

import asyncio
import re
import socket
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from sandbox.keys import kept_keys, kept_merchant
from sandbox.problems import SandboxError
from sandbox.serve import Serving, serve
from sandbox.wallets import KEY_NAMES
from tests.contract.sandbox.running_sandbox import RunningSandbox, running_sandbox

OTHER = {"wallet": "paypal", "script": "pay"}
BILL = {"wallet": "wechat", "day": "2026-11-27"}


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("/phone/codes", OTHER, 422, "wallet_not_simulated"),
        ("/phone/codes", {"wallet": "alipay", "script": "paying"}, 422, "unknown_script"),
        ("/phone/codes", {"wallet": "alipay"}, 422, "bad_fields"),
        ("/phone/codes", {"wallet": 1, "script": "pay"}, 422, "bad_fields"),
        ("/phone/scan", {**OTHER, "qr": "https://qr.alipay.com/bax1"}, 422, "wallet_not_simulated"),
        ("/phone/scan", {"wallet": "alipay", "script": "pay", "qr": "https://qr.alipay.com/bax1"}, 404, "unknown_qr"),
        ("/phone/scan", {"wallet": "wechat", "script": "pay", "qr": "https://qr.alipay.com/bax1"}, 404, "unknown_qr"),
        (
            "/phone/scan",
            {"wallet": "wechat", "script": "pay", "qr": "weixin://wxpay/bizpayurl?pr=x"},
            404,
            "unknown_qr",
        ),
        ("/phone/scan", {"wallet": "unionpay", "script": "pay", "qr": "https://qr.95516.com/1"}, 404, "unknown_qr"),
        ("/phone/scan", {"wallet": "alipay", "script": "pay", "qr": "http://127.0.0.1:9/q/x"}, 502, "page_unreachable"),
        ("/phone/hold", {}, 422, "bad_fields"),
        ("/phone/card", {"wallet": "alipay", "script": "paying"}, 422, "unknown_script"),
        ("/phone/card", {"script": "pay"}, 422, "bad_fields"),
        ("/phone/bills", {**BILL, "wallet": "paypal", "discrepancies": []}, 422, "wallet_not_simulated"),
        ("/phone/bills", {**BILL, "discrepancies": [{"kind": "torn", "out_trade_no": "A1"}]}, 422, "bad_fields"),
        ("/phone/bills", {**BILL, "discrepancies": [{"kind": "extra_row", "out_trade_no": "A1"}]}, 422, "bad_fields"),
        ("/phone/bills", {**BILL, "day": "yesterday", "discrepancies": []}, 422, "bad_fields"),
    ],
)
def test_a_wrong_call_gets_a_problem(
    sandbox: RunningSandbox, path: str, body: dict[str, Any], status: int, reason: str
) -> None:
    answer = sandbox.http.post(path, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["reason"]) == (status, status, reason)
    assert problem["detail"].endswith(".")


def test_a_body_that_is_not_json_gets_a_problem(sandbox: RunningSandbox) -> None:
    assert sandbox.http.post("/phone/codes", content=b"{").json()["reason"] == "bad_json"


def test_the_merchant_of_another_wallet_does_not_exist(sandbox: RunningSandbox) -> None:
    answer = sandbox.http.get("/merchant/paypal")
    assert (answer.status_code, answer.json()["reason"]) == (404, "wallet_not_simulated")
    assert "alipay, wechat, unionpay" in answer.json()["detail"]


@pytest.mark.parametrize("wallet", ["alipay", "wechat", "unionpay"])
def test_every_merchant_trades_here_with_certificates_that_are_in_date(sandbox: RunningSandbox, wallet: str) -> None:
    about: dict[str, Any] = sandbox.http.get(f"/merchant/{wallet}").json()
    urls = [value for name, value in about.items() if name.endswith("_url")]
    assert urls
    assert all(url.startswith((sandbox.url, sandbox.tls)) for url in urls)
    now = datetime.now(UTC)
    for name, value in about.items():
        if name.endswith("certificate_pem") and value is not None:
            certificate = load_pem_x509_certificate(value.encode())
            assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc


def test_a_bills_discrepancies_are_taken_for_its_day(sandbox: RunningSandbox) -> None:
    asked = [
        {"kind": "missing_row", "out_trade_no": "A1"},
        {"kind": "extra_row", "out_trade_no": "A2", "amount_fen": 5},
        {"kind": "other_amount", "out_trade_no": "A3", "amount_fen": 6},
    ]
    answer = sandbox.post("/phone/bills", **BILL, discrepancies=asked)
    assert (answer.status_code, answer.json()) == (200, {**BILL, "discrepancies": 3})


def test_the_merchants_keys_come_in_every_form_and_belong_together(sandbox: RunningSandbox) -> None:
    about = sandbox.http.get("/merchant/alipay").json()
    assert about["gateway_url"] == f"{sandbox.url}/alipay/gateway.do"
    assert about["merchant_private_key_pkcs1_pem"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert about["merchant_private_key_pkcs8_pem"].startswith("-----BEGIN PRIVATE KEY-----")
    forms = ("merchant_private_key_pkcs1_pem", "merchant_private_key_pkcs8_pem")
    keys = [load_pem_private_key(about[form].encode(), None).public_key() for form in forms]
    public = load_pem_public_key(about["merchant_public_key_pem"].encode())
    assert keys[0] == keys[1] == public
    assert load_pem_public_key(about["alipay_public_key_pem"].encode()) != public


@pytest.mark.parametrize(
    ("wallet", "form"),
    [("alipay", r"(2[5-9]|30)[0-9]{16,22}"), ("wechat", r"1[0-5][0-9]{16}"), ("unionpay", r"62[0-9]{17}")],
)
def test_codes_are_fresh_each_time_and_have_their_wallets_form(sandbox: RunningSandbox, wallet: str, form: str) -> None:
    codes = {sandbox.code(wallet=wallet) for _ in range(5)}
    assert len(codes) == 5
    assert all(re.fullmatch(form, code) for code in codes)


def test_without_a_gun_holding_is_a_problem_that_says_why() -> None:
    with running_sandbox(gun=False) as bare:
        assert bare.gun is None
        answer = bare.post("/phone/hold", auth_code=bare.code())
        assert (answer.status_code, answer.json()["reason"]) == (409, "no_gun")


def test_the_program_serves_until_told_to_stop_and_frees_its_port(tmp_path: Path) -> None:
    async def run() -> Serving:
        stop = asyncio.Event()
        places: list[Serving] = []

        def ready(serving: Serving) -> None:
            places.append(serving)
            stop.set()

        await asyncio.wait_for(serve("127.0.0.1:0", gun=False, ready=ready, stop=stop, keys_folder=tmp_path), 5)
        return places[0]

    serving = asyncio.run(run())
    for url in (serving.sandbox, serving.tls):
        port = int(url.rpartition(":")[2])
        socket.create_server(("127.0.0.1", port)).close()
    assert {path.stem for path in tmp_path.iterdir()} == set(KEY_NAMES)


def test_the_tls_port_is_the_next_one_or_the_one_asked_for_and_a_taken_one_is_refused() -> None:
    async def run(tls_listen: str | None) -> Serving:
        stop = asyncio.Event()
        places: list[Serving] = []

        def ready(serving: Serving) -> None:
            places.append(serving)
            stop.set()

        await asyncio.wait_for(serve("127.0.0.1:0", gun=False, ready=ready, stop=stop, tls_listen=tls_listen), 10)
        return places[0]

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError) as refused:
            asyncio.run(run(f"127.0.0.1:{port}"))
        assert refused.value.reason == "cannot_listen"
    assert asyncio.run(run(f"127.0.0.1:{port}")).tls == f"https://127.0.0.1:{port}"


@pytest.mark.parametrize("listen", ["8600", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":0"])
def test_a_wrong_address_is_refused_with_a_hint(listen: str) -> None:
    with pytest.raises(SandboxError) as refused:
        asyncio.run(serve(listen, gun=False, ready=lambda _: None))
    assert refused.value.reason == "bad_listen"
    assert "HOST:PORT" in refused.value.hint


def test_a_taken_port_is_refused_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=str(port)) as refused:
            asyncio.run(serve(f"127.0.0.1:{port}", gun=False, ready=lambda _: None))
    assert refused.value.reason == "cannot_listen"


def test_a_key_folder_keeps_the_keys_for_their_owner_only(tmp_path: Path) -> None:
    first, again = kept_merchant(tmp_path / "keys"), kept_merchant(tmp_path / "keys")
    assert first.merchant_key.private_numbers() == again.merchant_key.private_numbers()
    assert first.wallet_key.private_numbers() == again.wallet_key.private_numbers()
    files = sorted((tmp_path / "keys").iterdir())
    assert [path.name for path in files] == ["alipay-merchant.pem", "alipay-wallet.pem"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_every_wallets_keys_are_kept(tmp_path: Path) -> None:
    first, again = kept_keys(tmp_path, KEY_NAMES), kept_keys(tmp_path, KEY_NAMES)
    assert list(first) == list(again) == list(KEY_NAMES)
    assert all(first[name].private_numbers() == again[name].private_numbers() for name in KEY_NAMES)
    assert len({first[name].private_numbers().d for name in KEY_NAMES}) == len(KEY_NAMES)


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "alipay-wallet.pem").write_text("nonsense", encoding="ascii")
    with pytest.raises(SandboxError, match=r"alipay-wallet\.pem") as refused:
        kept_merchant(tmp_path)
    assert refused.value.reason == "key_unreadable"
