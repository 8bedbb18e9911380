"""The control calls and the program around them, over real HTTP: shapes, problems, start and end."""

import asyncio
import re
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from sandbox.keys import kept_merchant
from sandbox.problems import SandboxError
from sandbox.serve import Serving, serve
from tests.contract.sandbox.running_sandbox import RunningSandbox, running_sandbox

WECHAT = {"wallet": "wechat", "script": "pay"}


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("/phone/codes", WECHAT, 422, "wallet_not_simulated"),
        ("/phone/codes", {"wallet": "alipay", "script": "paying"}, 422, "unknown_script"),
        ("/phone/codes", {"wallet": "alipay"}, 422, "bad_fields"),
        ("/phone/codes", {"wallet": 1, "script": "pay"}, 422, "bad_fields"),
        ("/phone/scan", {**WECHAT, "qr": "https://qr.alipay.com/bax1"}, 422, "wallet_not_simulated"),
        ("/phone/scan", {"wallet": "alipay", "script": "pay", "qr": "https://qr.alipay.com/bax1"}, 404, "unknown_qr"),
        ("/phone/scan", {"wallet": "alipay", "script": "pay", "qr": "http://127.0.0.1/q/x"}, 404, "unknown_qr"),
        ("/phone/hold", {}, 422, "bad_fields"),
        ("/phone/card", {"script": "paying"}, 422, "unknown_script"),
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
    answer = sandbox.http.get("/merchant/wechat")
    assert (answer.status_code, answer.json()["reason"]) == (404, "wallet_not_simulated")


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


def test_codes_are_fresh_each_time(sandbox: RunningSandbox) -> None:
    codes = {sandbox.code() for _ in range(5)}
    assert len(codes) == 5
    assert all(re.fullmatch(r"(2[5-9]|30)[0-9]{16,22}", code) for code in codes)


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
    port = int(serving.sandbox.rpartition(":")[2])
    socket.create_server(("127.0.0.1", port)).close()


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


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "alipay-wallet.pem").write_text("nonsense", encoding="ascii")
    with pytest.raises(SandboxError, match=r"alipay-wallet\.pem") as refused:
        kept_merchant(tmp_path)
    assert refused.value.reason == "key_unreadable"
