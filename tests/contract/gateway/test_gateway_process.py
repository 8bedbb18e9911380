"""The real process over real sockets with the real sandbox: pays, ends within 3 s of SIGTERM, survives kill -9, keeps
payment codes out of everything it writes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from gateway.api.operations import metrics_text
from gateway.store.counts import Counts
from gateway.store.runners import InlineStore
from gateway.store.sqlite import open_sqlite
from proof.wallets import settings_of_merchant
from protocol.messages import PaymentStatus, Problem
from protocol.numbers import new_activation_code
from protocol.reasons import Reason
from protocol.states import GatewayState
from tests.contract.gateway.gateway_process import Till, free_address, gateway_process, new_payment, sandbox_process
from tests.contract.gateway.gateway_world import seed_code, seed_places

WALLETS = ("alipay", "wechat", "unionpay")


def _settings(sandbox: str, wallet: str, gateway: str | None) -> dict[str, object]:
    with httpx.Client(trust_env=False) as client:
        about = client.get(f"{sandbox}/merchant/{wallet}").json()
    told = {} if gateway is None else {"notify_url": f"http://{gateway}/notify/{wallet}/{wallet}"}
    common = {"id": wallet, "channel": wallet, "min_query_interval_ms": 1_000, **told}
    return {**common, **settings_of_merchant(wallet, about)}


def _prepare(
    database: Path, sandbox: str, *, wallets: tuple[str, ...] = ("alipay",), gateway: str | None = None
) -> str:
    """Seeds the database for that sandbox; returns an activation code. `gateway`: where notifications reach it."""
    accounts = [_settings(sandbox, wallet, gateway) for wallet in wallets]
    code = new_activation_code(os.urandom(8))
    store = InlineStore(open_sqlite(database))
    store.run_now(lambda tx: seed_places(tx, *accounts, qr_wallet="" if gateway else "alipay"))
    store.run_now(lambda tx: seed_code(tx, code, uses=3, expires_ms=time.time_ns() // 1_000_000 + 86_400_000))
    asyncio.run(store.aclose())
    return code


def _ask(sandbox: str, path: str, **body: str) -> dict[str, Any]:
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.post(sandbox + path, json=body).json()


def _show(sandbox: str, script: str, wallet: str = "alipay") -> str:
    return _ask(sandbox, "/phone/codes", wallet=wallet, script=script)["auth_code"]


def _captured(sandbox: str) -> list[int]:
    with httpx.Client(trust_env=False) as client:
        return [o["captured_fen"] - o["refunded_fen"] for o in client.get(f"{sandbox}/phone/money").json()["orders"]]


def test_a_payment_over_real_sockets_and_an_orderly_end(tmp_path: Path) -> None:
    database = tmp_path / "g.db"
    with sandbox_process() as (_, sandbox):
        code = _prepare(database, sandbox["sandbox"])
        with gateway_process(database) as (process, ready):
            till = Till(ready["gateway"])
            till.activate(code)
            auth_code = _show(sandbox["sandbox"], "pay")
            request = new_payment(auth_code)
            till.pay(request)
            assert till.final(request.payment_no).state is GatewayState.PAID
            with httpx.Client(trust_env=False, base_url=ready["gateway"]) as client:
                assert client.get("/healthz").status_code == 200
                assert client.get("/readyz").status_code == 200
                assert 'guitai_requests_total{call="take",status="200"} 1' in client.get("/metrics").text
                assert "/v1/payments" in client.get("/openapi.json").json()["paths"]
                assert client.get("/nothing").json()["reason"] == "unknown_path"
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=3) == 0
            assert time.monotonic() - began < 3
        assert _captured(sandbox["sandbox"]) == [1250]
    assert (tmp_path / "g.db.log").exists()
    for path in tmp_path.iterdir():
        assert auth_code.encode() not in path.read_bytes(), f"{path.name} holds a payment code"
        assert path.stat().st_mode & 0o077 == 0 or path.suffix == ".log", path.name


def _notifications_believed(gateway: str, *, within_s: float) -> set[str]:
    """The wallets whose notification was accepted: an answer to a query may have settled a payment before it came."""
    until_s = time.monotonic() + within_s
    with httpx.Client(trust_env=False, base_url=gateway) as client:
        while True:
            text = client.get("/metrics").text
            found = {w for w in WALLETS if f'guitai_callbacks_total{{channel="{w}",outcome="accepted"}}' in text}
            if len(found) == len(WALLETS) or time.monotonic() > until_s:
                return found


def test_each_wallet_is_paid_by_code_and_on_the_page_and_its_notification_is_believed(tmp_path: Path) -> None:
    """Real notifications over real sockets: verified, counted, applied; money, gateway and wallet agree."""
    database, address = tmp_path / "g.db", free_address()
    with sandbox_process() as (_, ready):
        sandbox = ready["sandbox"]
        code = _prepare(database, sandbox, wallets=WALLETS, gateway=address)
        with gateway_process(database, listen=address) as (_, served):
            till = Till(served["gateway"])
            till.activate(code)
            for wallet in WALLETS:
                scanned = new_payment(_show(sandbox, "pay", wallet))
                till.pay(scanned)
                shown = new_payment(None)
                status = till.pay(shown)
                assert isinstance(status, PaymentStatus)
                assert status.qr is not None
                said = _ask(sandbox, "/phone/scan", qr=status.qr, wallet=wallet, script="callback_twice")
                assert said["result"] in ("paid", "waiting"), said
                for request in (scanned, shown):
                    final = till.final(request.payment_no)
                    assert (final.state, final.channel) == (GatewayState.PAID, wallet)
            believed = _notifications_believed(served["gateway"], within_s=15)
        assert _captured(sandbox) == [1250] * 6
    assert believed == set(WALLETS)


def test_kill_9_in_the_middle_of_a_payment_is_settled_by_the_next_process(tmp_path: Path) -> None:
    database = tmp_path / "g.db"
    with sandbox_process() as (_, sandbox):
        code = _prepare(database, sandbox["sandbox"])
        with gateway_process(database) as (process, ready):
            till = Till(ready["gateway"])
            till.activate(code)
            request = new_payment(_show(sandbox["sandbox"], "ask_password:2"))
            taken = till.pay(request)
            assert isinstance(taken, PaymentStatus)
            prompted = till.ask(request.payment_no, wait=10, after=taken.state_seq)
            assert isinstance(prompted, PaymentStatus)
            assert prompted.payer_prompted
            process.kill()
            process.wait(timeout=3)
        with gateway_process(database) as (_, again):
            till.url = again["gateway"]
            status = till.final(request.payment_no, seconds=20)
        assert status.state is GatewayState.PAID
        assert _captured(sandbox["sandbox"]) == [1250]


def test_a_backup_in_the_place_of_the_database_is_noticed_and_nothing_is_claimed_of_what_it_forgot(
    tmp_path: Path,
) -> None:
    database, kept = tmp_path / "g.db", tmp_path / "kept.db"
    with sandbox_process() as (_, sandbox):
        code = _prepare(database, sandbox["sandbox"])
        with gateway_process(database) as (_, ready):
            till = Till(ready["gateway"])
            till.activate(code)
            with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(kept)) as copy:
                source.backup(copy)
            request = new_payment(_show(sandbox["sandbox"], "pay"))
            till.pay(request)
            assert till.final(request.payment_no, seconds=20).state is GatewayState.PAID
        for end in ("-wal", "-shm"):
            database.with_name(database.name + end).unlink(missing_ok=True)
        kept.replace(database)
        with gateway_process(database) as (_, again):
            till.url = again["gateway"]
            refused = till.cancel(request.payment_no, request.amount_fen)
            assert isinstance(refused, Problem)
            assert refused.reason is Reason.GATEWAY_RESTORED
            metrics = httpx.get(f"{again['gateway']}/metrics", trust_env=False).text
            assert 'kind="gateway_restored"} 1' in metrics
        with gateway_process(database) as (_, third):
            till.url = third["gateway"]
            still = till.cancel(request.payment_no, request.amount_fen)
            assert isinstance(still, Problem), "until a person looked"


def test_metrics_are_prometheus_text() -> None:
    found = Counts(open_payments=2, tasks=3, oldest_due_ms=1_000, alarms={"late_money": 1})
    text = metrics_text(found, {("take", 200): 5}, now_ms=3_500, lag_ms=0)
    assert "guitai_task_lag_seconds 2.500\n" in text
    assert 'guitai_alarms_open{kind="late_money"} 1\n' in text
    assert all(line.startswith("#") or len(line.rsplit(" ", 1)) == 2 for line in text.splitlines())
    assert json.dumps(text)
