"""`guitai refund` as somebody calls it: done, refused here and there, unknown and gone on with, and told after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guitai.cli import run
from protocol.states import RefundState
from sync.journal.read import JournalReader
from sync.till import open_till
from tests.contract.sync.fake_gateway import FakeGateway
from tests.contract.sync.samples import order, started
from tests.contract.terminal.till_folder import fill, gateway_on_loopback, make_till

CODE = "280000000000012345"


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def sell(folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> str:
    """One paid order of ¥12.50; its number."""
    make_till(folder, gateway_url=url)
    assert run(["pay", "--amount", "12.50", "--code", CODE, "--data-dir", str(folder), "--json"]) == 0
    return str(said(capsys)["order_no"])


def refund(folder: Path, order_no: str, amount: str, *more: str) -> int:
    return run(["refund", "--order", order_no, "--amount", amount, "--data-dir", str(folder), "--json", *more])


def done(gateway: FakeGateway) -> None:
    gateway.refunding = lambda _: RefundState.DONE


def test_a_part_goes_back_and_every_list_and_report_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with gateway_on_loopback() as (url, gateway):
        order_no = sell(tmp_path, url, capsys)
        done(gateway)
        assert refund(tmp_path, f"{order_no}-1", "1.00", "--note", "sour") == 0
        result = said(capsys)
        assert list(result) == [
            "refund_no", "order_no", "payment_no", "outcome", "amount_fen", "refundable_fen", "reason", "message",
        ]  # fmt: skip
        assert (result["outcome"], result["amount_fen"], result["refundable_fen"]) == ("refunded", 100, 1150)
        assert (result["order_no"], result["payment_no"]) == (order_no, f"{order_no}-1")
        assert refund(tmp_path, order_no, "2") == 0
        assert said(capsys)["refundable_fen"] == 950
    assert run(["orders", "--data-dir", str(tmp_path)]) == 0
    assert "part refunded" in capsys.readouterr().out
    assert run(["orders", order_no, "--data-dir", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "Refund asked for, recorded here: ¥1.00" in told
    assert "Refunded: ¥2.00" in told
    today = ["report", "daily", "--data-dir", str(tmp_path)]
    assert run([*today, "--json"]) == 0
    day = said(capsys)
    assert (day["amount_fen"], day["refunds"], day["refunded_fen"], day["net_fen"]) == (1250, 2, 300, 950)
    assert run(today) == 0
    table = capsys.readouterr().out
    assert "-3.00" in table
    assert "9.50" in table
    assert run(["verify", "--data-dir", str(tmp_path), "--json"]) == 0


def test_more_than_is_left_an_unknown_order_and_one_that_was_not_paid_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with gateway_on_loopback() as (url, gateway):
        order_no = sell(tmp_path, url, capsys)
        done(gateway)
        assert refund(tmp_path, order_no, "12.51") == 1
        told = said(capsys)
        assert (told["reason"], told["refundable_fen"], gateway.refunds) == ("refund_exceeds", 1250, {})
        assert "¥12.50" in told["message"]
        assert refund(tmp_path, order(99), "1") == 1
        result = said(capsys)
        assert (result["reason"], result["refund_no"], result["outcome"]) == ("unknown_payment", None, "refused")


def test_the_channels_refusal_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with gateway_on_loopback() as (url, gateway):
        order_no = sell(tmp_path, url, capsys)
        gateway.refunding = lambda _: RefundState.FAILED
        assert refund(tmp_path, order_no, "1") == 1
        assert (said(capsys)["outcome"], len(gateway.refunds)) == ("refused", 1)


def test_one_that_goes_on_is_unknown_and_the_next_program_ends_it_under_its_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with gateway_on_loopback() as (url, gateway):
        order_no = sell(tmp_path, url, capsys)
        assert refund(tmp_path, order_no, "1", "--wait", "1") == 3
        result = said(capsys)
        assert (result["outcome"], result["refundable_fen"]) == ("unknown", 1150)
        assert run(["report", "daily", "--data-dir", str(tmp_path), "--json"]) == 0
        assert [one["refund_no"] for one in said(capsys)["open_refunds"]] == [result["refund_no"]]
        gateway.settle_refund(result["refund_no"], RefundState.DONE)
        done(gateway)
        assert refund(tmp_path, order_no, "2") == 0
        with JournalReader(tmp_path / "journal.db") as journal:
            assert journal.open_refunds() == ()
            assert len(gateway.refunds) == 2


def test_usage_a_held_folder_and_no_gateway_end_as_the_contract_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_till(tmp_path)
    fill(tmp_path, [started(1)], at_ms=1_772_413_200_000)
    assert refund(tmp_path, "NOT-AN-ORDER", "1") == 2
    assert refund(tmp_path, order(1), "0") == 2
    assert refund(tmp_path, order(1), "-1") == 2
    assert refund(tmp_path, order(1), "1") == 6
    assert said(capsys)["reason"] == "gateway_unreachable"
    till = open_till(tmp_path, publish=lambda _: None, ballast_bytes=0)
    try:
        assert refund(tmp_path, order(1), "1") == 5
    finally:
        till.close()
    assert refund(tmp_path / "none", order(1), "1") == 5


def test_a_refund_that_is_named_goes_back_once_however_often_it_is_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first run ended before it heard the outcome: the program that called it runs it again."""
    with gateway_on_loopback() as (url, gateway):
        order_no = sell(tmp_path, url, capsys)
        gateway.refunding = lambda _: RefundState.SENT
        assert refund(tmp_path, order_no, "1.00", "--name", "return 7", "--wait", "1") == 3
        first = said(capsys)
        assert refund(tmp_path, f"{order_no}-1", "1.00", "--name", "return 7", "--wait", "1") == 3
        assert said(capsys)["refund_no"] == first["refund_no"]
        gateway.settle_refund(first["refund_no"], RefundState.DONE)
        refund(tmp_path, order_no, "1.00", "--name", "return 7")
        capsys.readouterr()
        assert refund(tmp_path, order_no, "1.00", "--name", "return 7") == 0
        again = said(capsys)
        assert (again["outcome"], again["refund_no"]) == ("refunded", first["refund_no"])
        assert "nothing more was given back" in again["message"]
        assert refund(tmp_path, order_no, "2.00", "--name", "return 7") == 1
        other = said(capsys)
        assert (other["outcome"], other["reason"], other["refund_no"]) == ("refused", "content_differs", None)
        assert len(gateway.refunds) == 1
        done(gateway)
        assert refund(tmp_path, order_no, "1.00", "--name", "return 8") == 0
        assert len(gateway.refunds) == 2
        assert refund(tmp_path, order_no, "1.00", "--name", " ") == 2


def test_what_was_named_is_told_without_the_line_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with gateway_on_loopback() as (url, gateway):
        order_no = sell(tmp_path, url, capsys)
        done(gateway)
        assert refund(tmp_path, order_no, "1.00", "--name", "return 7") == 0
        first = said(capsys)
        gateway.down = True
        assert refund(tmp_path, order_no, "1.00", "--name", "return 7", "--wait", "5") == 0
        assert said(capsys)["refund_no"] == first["refund_no"]
