"""`guitai pay --sale` as a cash register calls it: a run that died is run again, and the customer pays once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guitai.cli import run
from protocol.numbers import new_number
from protocol.states import GatewayState
from tests.contract.terminal.till_folder import gateway_on_loopback, make_till

ORDER_NO = new_number(bytes(15))
CODE, NEXT_CODE = "280000000000012345", "280000000000054321"


def pay(
    folder: Path, capsys: pytest.CaptureFixture[str], *more: str, amount: str = "12.50"
) -> tuple[int, dict[str, Any]]:
    status = run(["pay", "--amount", amount, "--data-dir", str(folder), "--json", *more])
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return status, found


def test_a_sale_that_is_run_again_is_not_charged_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with gateway_on_loopback() as (url, gateway):
        make_till(tmp_path, gateway_url=url)
        gateway.wallet = lambda _: GatewayState.SENT
        status, first = pay(tmp_path, capsys, "--code", CODE, "--sale", "receipt 7", "--wait", "1")
        assert (status, first["outcome"], first["safe_to_rescan"]) == (3, "unknown", False)
        status, other = pay(tmp_path, capsys, "--code", NEXT_CODE, "--sale", "receipt 7", "--wait", "1")
        assert (status, other["payment_no"]) == (3, first["payment_no"])
        gateway.settle(first["payment_no"], GatewayState.PAID)
        pay(tmp_path, capsys, "--code", NEXT_CODE, "--sale", "receipt 7")
        status, again = pay(tmp_path, capsys, "--code", NEXT_CODE, "--sale", "receipt 7")
        assert (status, again["outcome"], again["payment_no"]) == (0, "paid", first["payment_no"])
        assert again["message"].startswith("Paid already")
        status, dearer = pay(tmp_path, capsys, "--qr", "--sale", "receipt 7", amount="13")
        assert (status, dearer["outcome"], dearer["reason"]) == (1, "not_paid", "order_paid")
        assert dearer["safe_to_rescan"] is False
        assert dearer["message"].startswith("Nothing was charged by this run.")
        assert len(gateway.statuses) == 1
        gateway.wallet = lambda _: GatewayState.PAID
        status, next_sale = pay(tmp_path, capsys, "--code", NEXT_CODE, "--sale", "receipt 8")
        assert (status, next_sale["payment_no"] != first["payment_no"]) == (0, True)
        assert next_sale["message"] == "Paid."


@pytest.mark.parametrize(
    "wrong",
    [
        ["--code", CODE, "--sale", " "],
        ["--scanner", "serial:/dev/null", "--sale", "7"],
        ["--qr", "--offline", "--sale", "7"],
        ["--qr", "--proof", "-", "--sale", "7"],
    ],
)
def test_what_cannot_be_run_again_takes_no_name(tmp_path: Path, wrong: list[str]) -> None:
    assert run(["pay", "--amount", "1", *wrong, "--data-dir", str(tmp_path)]) == 2


@pytest.mark.parametrize(
    "command", [["pay", "--amount", "1", "--qr"], ["refund", "--order", ORDER_NO, "--amount", "1"]]
)
@pytest.mark.parametrize("wait", ["nan", "inf", "-1", "0", "x"])
def test_nothing_is_begun_with_a_wait_that_is_no_number_of_seconds(
    tmp_path: Path, command: list[str], wait: str
) -> None:
    """ "nan" is within every range: the charge would begin, and nobody would wait for it."""
    assert run([*command, "--wait", wait, "--data-dir", str(tmp_path)]) == 2
