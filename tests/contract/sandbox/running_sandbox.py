"""A sandbox as a process of its own on a free loopback port, and the control calls that tests make to it."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.wechat.merchant import KeyMode

_PROGRAM = """
import sys
from pathlib import Path
from sandbox.serve import run_sandbox
from sandbox.wechat.merchant import KeyMode
keys = Path(sys.argv[3]) if len(sys.argv) > 3 else None
run_sandbox("127.0.0.1:0", gun=sys.argv[1] == "gun", wechat_keys=KeyMode(sys.argv[2]), keys_folder=keys)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSandbox:
    process: subprocess.Popen[str]
    url: str
    tls: str
    gun: str | None
    http: httpx.Client

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.http.post(path, json=body)

    def code(self, script: str = "pay", wallet: str = "alipay") -> str:
        return str(self.post("/phone/codes", wallet=wallet, script=script).json()["auth_code"])

    def scan(self, qr: str, script: str = "pay", wallet: str = "alipay") -> dict[str, Any]:
        return dict(self.post("/phone/scan", wallet=wallet, qr=qr, script=script).json())

    def money(self, out_trade_no: str) -> dict[str, Any]:
        orders = self.http.get("/phone/money").json()["orders"]
        (found,) = (order for order in orders if order["out_trade_no"] == out_trade_no)
        return dict(found)


@contextlib.contextmanager
def running_sandbox(
    *, gun: bool, wechat_keys: KeyMode = KeyMode.SIDE_BY_SIDE, keys: Path | None = None
) -> Generator[RunningSandbox]:
    """Starts one; at the end it must leave on SIGTERM, cleanly, quickly and without having complained. `keys`: a folder
    that keeps wallet keys, so that only the first sandbox of several takes the time to make them."""
    command = [sys.executable, "-c", _PROGRAM, "gun" if gun else "no gun", wechat_keys.value]
    command += [] if keys is None else [str(keys)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            where = json.loads(process.stdout.readline())
            with httpx.Client(base_url=where["sandbox"], trust_env=False) as http:
                yield RunningSandbox(
                    process=process, url=where["sandbox"], tls=where["tls"], gun=where["gun"], http=http
                )
        finally:
            process.terminate()
            _, complaints = process.communicate(timeout=5)
        assert (process.returncode, complaints) == (0, "")
