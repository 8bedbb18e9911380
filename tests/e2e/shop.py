"""A shop of real processes on loopback: sandbox wallets and gateway, and tills that are activated there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.request import ProxyHandler, Request, build_opener

from guitai.demo.children import guitai_command
from guitai.demo.play import Shop


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """How one command ended: exit status and its JSON lines."""

    status: int
    lines: tuple[Mapping[str, Any], ...]

    @property
    def result(self) -> Mapping[str, Any]:
        return self.lines[-1]


class Counter:
    """The shop as a test uses it."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.folder = folder

    def call(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One control call of the sandbox."""
        content = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.shop.sandbox}{path}", data=content, headers={"content-type": "application/json"})
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            return cast("dict[str, Any]", json.load(answer))

    def code(self, script: str, wallet: str = "alipay") -> str:
        return str(self.call("/phone/codes", {"wallet": wallet, "script": script})["auth_code"])

    def money(self) -> dict[str, dict[str, Any]]:
        """The wallet's orders by our order number."""
        return {order["out_trade_no"][:25]: order for order in self.call("/phone/money")["orders"]}

    def till(self, name: str) -> Path:
        """A freshly activated data folder."""
        folder = self.folder / name
        done = guitai(
            "activate", "--gateway", self.shop.gateway, "--code", self.shop.activation_code,
            "--data-dir", str(folder), "--json",
        )  # fmt: skip
        assert done.status == 0, done.lines
        return folder

    def pay(self, till: Path, *arguments: str, amount: str = "12.50") -> Paid:
        return guitai("pay", "--data-dir", str(till), "--amount", amount, "--json", *arguments)

    def refund(self, till: Path, order_no: str, *, amount: str) -> Paid:
        return guitai("refund", "--data-dir", str(till), "--order", order_no, "--amount", amount, "--json")


def guitai(*arguments: str, given: str | None = None) -> Paid:
    """Runs one command to its end."""
    done = subprocess.run(
        guitai_command(*arguments),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ,
    )
    lines = tuple(json.loads(line) for line in done.stdout.splitlines())
    return Paid(status=done.returncode, lines=lines or ({"stderr": done.stderr},))
