"""The shop that is tortured: the sandbox's wallets, a gateway on its own SQLite file, and tills; real processes all."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from proof.torture.phone import SandboxCalls
from proof.torture.programs import Program, run_guitai
from proof.wallets import settings_of_merchant
from protocol.activation import ActivationTicket
from protocol.secret import Secret
from sandbox.wallet import MoneyState, OrderMoney
from sync.folder import Folder
from sync.till import activate_folder

WALLETS: Final = ("alipay", "wechat", "unionpay")
STORE_ID: Final = "torture-store"

_DOCUMENT: Final = """\
[[merchants]]
id = "torture"
name = "torture"

[[stores]]
id = "torture-store"
merchant = "torture"
name = "torture"
"""

#: None is marked for QRs: a QR shows the gateway's own page, which takes every wallet.
_ACCOUNT: Final = """\

[[channel_accounts]]
id = "torture-{wallet}"
merchant = "torture"
channel = "{wallet}"
notify_url = "{gateway}/notify/{wallet}/torture-{wallet}"
min_query_interval_ms = 1000
"""


class Shop:
    """`tills` stand in `folder/till1`, `folder/till2` …; the gateway keeps its address over restarts."""

    def __init__(self, folder: Path, *, tills: int) -> None:
        self.folder = folder
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True)
        self.database = folder / "gateway.db"
        address = f"127.0.0.1:{_free_port()}"
        self._gateway_url = f"http://{address}"
        self.sandbox = Program(
            "sandbox", "guitai", ("sandbox", "serve", "--listen", "127.0.0.1:0"), log_folder=self._logs
        )
        self.gateway = Program(
            "gateway",
            "guitai",
            (
                *("gateway", "serve", "--database", str(self.database), "--announce"),
                *("--listen", address, "--public-url", self._gateway_url),
            ),
            log_folder=self._logs,
        )
        self._till_count = tills
        self.tills: dict[str, Program] = {}
        self._sandbox_url = ""

    def open(self, *, selling: bool = True) -> None:
        """Everything from nothing to selling, or to tills that are activated and not started."""
        self.sandbox.start()
        self._sandbox_url = str(self.sandbox.ready()["sandbox"])
        code = self._configure()
        self.gateway.start()
        url = str(self.gateway.ready()["gateway"])
        for number in range(1, self._till_count + 1):
            name = f"till{number}"
            ticket = ActivationTicket(code=Secret(code))
            activate_folder(self.folder / name, gateway_url=url, ticket=ticket, device_name=name)
            self.tills[name] = Program(
                name,
                "proof.torture.worker",
                ("--data-dir", str(self.folder / name), "--sandbox", self._sandbox_url),
                log_folder=self._logs,
            )
        if not selling:
            return
        for till in self.tills.values():
            till.start()
        for till in self.tills.values():
            till.ready()

    def close(self) -> None:
        """Ends what was started, and nothing else."""
        for program in (*self.tills.values(), self.gateway, self.sandbox):
            program.end()

    @property
    def sandbox_url(self) -> str:
        return self._sandbox_url

    def journal(self, till: str) -> Path:
        return Folder(self.folder / till).journal

    def terminal_id(self, till: str) -> str:
        return Folder(self.folder / till).read_identity().terminal_id

    def money(self) -> dict[str, OrderMoney]:
        """What the wallet says, by out_trade_no."""
        orders = cast("list[dict[str, Any]]", self._calls().get("/phone/money")["orders"])
        return {str(order["out_trade_no"]): _money(order) for order in orders}

    def _calls(self) -> SandboxCalls:
        return SandboxCalls(self._sandbox_url)

    def _configure(self) -> str:
        file = self.folder / "shop.toml"
        file.touch(mode=0o600)
        file.write_text(_DOCUMENT + "".join(self._account(wallet) for wallet in WALLETS), encoding="utf-8")
        database = ("--database", str(self.database), "--json")
        run_guitai("gateway", "apply", str(file), *database)
        uses = ("--store", STORE_ID, "--uses", str(self._till_count), "--days", "1")
        made = run_guitai("gateway", "activation-code", *uses, *database)
        return str(json.loads(made.splitlines()[-1])["code"])

    def _account(self, wallet: str) -> str:
        settings = settings_of_merchant(wallet, self._calls().get(f"/merchant/{wallet}"))
        # A TOML basic string and a JSON string are written the same way for what stands here.
        lines = "".join(f"{name} = {json.dumps(str(value))}\n" for name, value in settings.items())
        return _ACCOUNT.format(wallet=wallet, gateway=self._gateway_url) + lines


def _money(order: Mapping[str, Any]) -> OrderMoney:
    state = str(order["state"])
    return OrderMoney(
        out_trade_no=str(order["out_trade_no"]),
        subject="",
        total_fen=0,
        captured_fen=int(order["captured_fen"]),
        refunded_fen=int(order["refunded_fen"]),
        state=MoneyState(state),
        created_ms=0,
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
