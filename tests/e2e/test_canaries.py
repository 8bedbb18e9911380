"""Payment codes, keys and payers' ids end to end: a shop of real processes sells, reports and crashes; then every file
that it left, and everything that it printed, is searched for them.

Where one may be is named here, and nowhere else may it be:
- the till's own key in its `device.key`, the gateway's keys in `gateway.db.keys` (both 0600);
- a merchant's keys and secrets in the gateway's database and in the owner's file (both 0600: it signs with them);
- the simulated wallets' own keys in `sandbox-keys`, which are the wallets';
- a payment code, an activation code and a payer's id: nowhere (a payer's id is sealed, the others are digests).
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import threading
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import ProxyHandler, build_opener

import pytest

from guitai.demo.children import Child, end, guitai_command
from guitai.demo.play import open_shop
from tests.e2e.shop import Counter

CUSTOMER = "canary"
DEADLINE_S = 20.0
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "device key": ("till/device.key",),
    "gateway key": ("gateway/gateway.db.keys",),
    "merchant secret": ("gateway/gateway.db", "gateway/gateway.db-wal", "demo.toml", "sandbox-keys/"),
    "payment code": (),
    "payer id": (),
    "activation code": (),
}
PRIVATE = ("till/device.key", "till/journal.db", "gateway/gateway.db", "gateway/gateway.db.keys", "demo.toml")


class Day:
    """What the shop did, with all that must not be found: kind → values, and what was printed: name → text."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.canaries: dict[str, set[str]] = {kind: set() for kind in ALLOWED}
        self.printed: dict[str, str] = {}

    def guitai(self, name: str, *arguments: str, given: str | None = None, env: Mapping[str, str] | None = None) -> int:
        done = subprocess.run(
            guitai_command(*arguments),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, **(env or {})},
        )
        self.printed[name] = done.stdout + done.stderr
        return done.returncode

    def code(self, script: str, wallet: str) -> str:
        code = self.counter.code(script, wallet)
        self.canaries["payment code"].add(code)
        return code


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder = tmp_path_factory.mktemp("canaries")
    children: list[Child] = []
    try:
        os.environ["PYTHONFAULTHANDLER"] = "1"
        day = Day(Counter(open_shop(folder, children), folder))
        _sell(day)
        _export(day)
        _crash(day, children)
    finally:
        os.environ.pop("PYTHONFAULTHANDLER", None)
        end(list(reversed(children)))
    _know(day)
    return day


def _sell(day: Day) -> None:
    till, shop = str(day.counter.folder / "till"), day.counter.shop
    day.canaries["activation code"].add(shop.activation_code)
    assert (
        day.guitai(
            "activate", "activate", "--gateway", shop.gateway, "--code", shop.activation_code, "--data-dir", till
        )
        == 0
    )
    for wallet in ("alipay", "wechat", "unionpay"):
        for script, status in (("pay", 0), ("balance_low", 1), ("drop_after_charge", 0)):
            code = day.code(script, wallet)
            name = f"pay {wallet} {script}"
            assert (
                day.guitai(name, "pay", "--amount", "1", "--code", "-", "--data-dir", till, "--json", given=code)
                == status
            )
    day.canaries["payer id"].add(_openid(day))
    _pay_by_qr(day, till)


def _pay_by_qr(day: Day, till: str) -> None:
    command = guitai_command("pay", "--amount", "2", "--qr", "--data-dir", till, "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            said = json.loads(line)
            if said.get("event") == "qr":
                body = {"qr": said["qr"], "wallet": "wechat", "script": "pay", "customer": CUSTOMER}
                assert day.counter.call("/phone/scan", body)["result"] == "paid"
        assert process.wait(DEADLINE_S) == 0
    day.printed["pay qr"] = "".join(lines)


def _openid(day: Day) -> str:
    """The id by which this shop knows the customer: what its own sign-in would be told."""
    about = day.counter.call("/merchant/wechat")
    heard: list[str] = []

    class Back(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Back) as listener:
        thread = threading.Thread(target=listener.handle_request)
        thread.start()
        back = f"http://127.0.0.1:{listener.server_port}/back"
        asked = {
            "appid": about["appid"],
            "redirect_uri": back,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": "s",
        }
        qr = f"{about['authorize_url']}?{urlencode(asked)}"
        try:
            day.counter.call("/phone/scan", {"qr": qr, "wallet": "wechat", "script": "pay", "customer": CUSTOMER})
        except OSError:
            assert heard, "the page of nobody is no shop's, and that is said; it was opened all the same"
        thread.join(DEADLINE_S)
    code = parse_qs(urlsplit(heard[0]).query)["code"][0]
    exchange = {
        "appid": about["appid"],
        "secret": about["app_secret"],
        "code": code,
        "grant_type": "authorization_code",
    }
    with build_opener(ProxyHandler({})).open(
        f"{about['access_token_url']}?{urlencode(exchange)}", timeout=10
    ) as answer:
        found: dict[str, Any] = json.load(answer)
    return str(found["openid"])


def _export(day: Day) -> None:
    till, database = str(day.counter.folder / "till"), str(day.counter.folder / "gateway" / "gateway.db")
    for shape in ("table", "json", "csv"):
        assert day.guitai(f"report {shape}", "report", "daily", "--format", shape, "--data-dir", till) == 0
    for name in ("orders", "verify", "doctor"):
        day.guitai(name, name, "--data-dir", till)
        day.guitai(f"{name} json", name, "--data-dir", till, "--json")
    orders = json.loads(day.printed["orders json"])["orders"]
    assert len(orders) == 10
    assert day.guitai("timeline", "orders", orders[0]["order_no"], "--data-dir", till) == 0
    for name, arguments in {
        "digests": ["digests"],
        "late": ["late", "list"],
        "bills": ["bills", "list"],
        "replay": ["routes", "replay", "--date", "2026-01-01", "--rules", str(day.counter.folder / "demo.toml")],
        "apply": ["apply", str(day.counter.folder / "demo.toml")],
    }.items():
        assert day.guitai(name, "gateway", *arguments, "--database", database, "--json") == 0, day.printed[name]
    opener = build_opener(ProxyHandler({}))
    for page in ("metrics", "healthz", "readyz", "openapi.json"):
        with opener.open(f"{day.counter.shop.gateway}/{page}", timeout=10) as answer:
            day.printed[page] = answer.read().decode()


def _crash(day: Day, children: list[Child]) -> None:
    """A till that holds a code in its memory, then the gateway: each dies with a dump of where it was."""
    till, code = str(day.counter.folder / "till"), day.code("never", "alipay")
    command = guitai_command("pay", "--amount", "3", "--code", "-", "--data-dir", till, "--json")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdin is not None
        process.stdin.write(code)
        process.stdin.close()
        _until(lambda: any(order["state"] == "waiting" for order in day.counter.money().values()))
        limits = Path(f"/proc/{process.pid}/limits").read_text(encoding="ascii")
        process.send_signal(signal.SIGABRT)
        assert process.stdout is not None
        day.printed["till crash"] = process.stdout.read()
        assert process.wait(DEADLINE_S) == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in day.printed["till crash"]
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"], "the kernel may not write its memory to the disk"
    gateway = next(child for child in children if child.name == "gateway")
    gateway.process.send_signal(signal.SIGABRT)
    gateway.process.wait(DEADLINE_S)
    log = (day.counter.folder / "logs" / "gateway.log").read_text(encoding="utf-8")
    assert "Fatal Python error: Aborted" in log


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, "it never came to that"
        threading.Event().wait(0.05)


def _know(day: Day) -> None:
    """The keys, in each form in which somebody could have written them."""
    folder = day.counter.folder
    day.canaries["device key"].add((folder / "till" / "device.key").read_text(encoding="ascii").strip())
    for value in _leaves(json.loads((folder / "gateway" / "gateway.db.keys").read_text(encoding="utf-8"))):
        if len(value) >= 40:
            day.canaries["gateway key"].add(value)
    import tomllib

    accounts = tomllib.loads((folder / "demo.toml").read_text(encoding="utf-8"))["channel_accounts"]
    for account in accounts:
        for name in ("private_key", "api_v2_key", "api_v3_key", "app_secret"):
            if name in account:
                day.canaries["merchant secret"].add(_telling(account[name]))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for held in cast("dict[str, Any]", value).values():
            yield from _leaves(held)
    elif isinstance(value, list):
        for held in cast("list[Any]", value):
            yield from _leaves(held)


def _telling(secret: str) -> str:
    """Of a key in PEM form its third line: no header, and the same in every writing of line ends."""
    lines = secret.strip().splitlines()
    return lines[2] if len(lines) > 3 else secret


def _forms(value: str) -> set[bytes]:
    """As it is, in base64 of either alphabet, as hexadecimal text, and in UTF-16."""
    raw = value.encode()
    encoded = {b64encode(raw).rstrip(b"="), urlsafe_b64encode(raw).rstrip(b"=")}
    return {raw, raw.hex().encode(), value.encode("utf-16-le"), *encoded}


@pytest.mark.parametrize("kind", ALLOWED)
def test_it_is_in_no_file_but_those_that_are_named(shop: Day, kind: str) -> None:
    """Databases, logs, dumps, exports, whatever lies in the shop's folder."""
    folder = shop.counter.folder
    assert shop.canaries[kind], "nothing to search for"
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or any(
            name == one or (one.endswith("/") and name.startswith(one)) for one in ALLOWED[kind]
        ):
            continue
        content = path.read_bytes()
        found += [name for value in shop.canaries[kind] if any(form in content for form in _forms(value))]
    assert found == []


@pytest.mark.parametrize("kind", ALLOWED)
def test_it_is_in_nothing_that_was_printed(shop: Day, kind: str) -> None:
    said = {
        name: [value for value in shop.canaries[kind] if any(form in text.encode() for form in _forms(value))]
        for name, text in shop.printed.items()
    }
    assert {name for name, values in said.items() if values} == set()


def test_the_search_finds_what_is_there(shop: Day) -> None:
    """Each named place that holds a key does hold it: a search that finds nothing anywhere would prove nothing."""
    folder = shop.counter.folder
    for kind, name in (
        ("device key", "till/device.key"),
        ("gateway key", "gateway/gateway.db.keys"),
        ("merchant secret", "demo.toml"),
    ):
        content = (folder / name).read_bytes()
        assert all(any(form in content for form in _forms(value)) for value in shop.canaries[kind]), kind
    assert len(shop.canaries["payment code"]) == 10
    assert all(len(one) == 28 for one in shop.canaries["payer id"])
    assert (folder / "logs" / "gateway.log").stat().st_size > 0


@pytest.mark.parametrize("name", PRIVATE)
def test_a_file_that_may_hold_a_secret_is_this_users_alone(shop: Day, name: str) -> None:
    assert stat.S_IMODE((shop.counter.folder / name).stat().st_mode) == 0o600
