"""`guitai pay --qr --offline` as a script does it, the day's figures after it, and what the doctor says before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from guitai.cli import run
from protocol.keys import public_text
from protocol.messages import CodeVerifier, OfflineKit, OfflineKitRequest, ProofKey
from protocol.offline.order import SignedOrder, read_order
from protocol.offline.proof import OfflineProof, ProofType, sign_proof
from tests.contract.sync.fake_gateway import FakeGateway
from tests.contract.sync.offline_counter import PROOF_KEY
from tests.contract.terminal.till_folder import gateway_on_loopback, make_till

CODE = "280000000000012345"
DEADLINE_S = 60


def give_kits(gateway: FakeGateway) -> None:
    def kit(asked: OfflineKitRequest) -> OfflineKit:
        indices = range(asked.first, asked.first + asked.wanted)
        return OfflineKit(
            epoch=1,
            base_url="https://pay.test",
            proof_keys=(ProofKey(kid=1, public_key=public_text(PROOF_KEY)),),
            codes=tuple(CodeVerifier(index=i, verifier=f"{i:032x}") for i in indices),
            order_limit_fen=500_000,
            typed_order_limit_fen=50_000,
            typed_shift_limit_fen=300_000,
            server_time_ms=gateway.now_ms(),
        )

    gateway.kit = kit


@pytest.fixture
def dark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A till that sold once, got its kit and was agreed with; now its line is down."""
    with gateway_on_loopback() as (url, gateway):
        give_kits(gateway)
        make_till(tmp_path, gateway_url=url)
        assert run(["pay", "--amount", "1", "--code", CODE, "--data-dir", str(tmp_path), "--json"]) == 0
    capsys.readouterr()
    return tmp_path


def proof_for(qr: str, kind: ProofType) -> str:
    """What the gateway's page would show after the customer scanned this QR."""
    signed = read_order(qr.rpartition("/")[2])
    assert isinstance(signed, SignedOrder)
    paid = kind is ProofType.PAID
    said = OfflineProof(
        type=kind,
        kid=1,
        order_no=signed.order.order_no,
        at_s=signed.order.made_at_s + 20,
        channel="wechat" if paid else None,
        tail="0042" if paid else None,
    )
    return sign_proof(said, PROOF_KEY, order_digest=signed.digest).text


def pay_offline(folder: Path, *kinds: ProofType | str) -> tuple[int, dict[str, Any], str]:
    """Runs the whole flow as a script would; exit status, the result line, and standard error."""
    arguments = [
        "pay", "--amount", "12.50", "--qr", "--offline", "--proof", "-", "--wait", "30", "--json",
        "--data-dir", str(folder),
    ]  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "guitai", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        shown = json.loads(process.stdout.readline())
        assert shown["event"] == "qr"
        assert shown["qr"].startswith("https://pay.test/o/")
        for kind in kinds:
            process.stdin.write((kind if isinstance(kind, str) else proof_for(shown["qr"], kind)) + "\n")
            process.stdin.flush()
        out, err = process.communicate(timeout=DEADLINE_S)
    return process.returncode, json.loads(out.splitlines()[-1]), err


def test_a_script_sells_without_the_line(dark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, result, err = pay_offline(dark, "281234567890123456", "GP1TOOSHORT", ProofType.PAID)
    assert status == 0
    assert (result["event"], result["outcome"], result["reason"]) == ("result", "paid", "paid")
    assert (result["amount_fen"], result["channel"], result["safe_to_rescan"]) == (1250, "wechat", False)
    assert "not a payment proof" in err
    assert "not read completely" in err
    assert run(["report", "daily", "--offline", "--json", "--data-dir", str(dark)]) == 0
    (operator,) = json.loads(capsys.readouterr().out)["operators"]
    assert (operator["operator"], operator["shown"], operator["proven"]) == ("guitai pay", 1, 1)
    assert run(["report", "daily", "--offline", "--format", "csv", "--data-dir", str(dark)]) == 0
    assert "proof_delay_median_s" in capsys.readouterr().out
    assert run(["report", "daily", "--offline", "--data-dir", str(dark)]) == 0
    assert "1 offline QRs, 12.50" in capsys.readouterr().out
    assert run(["verify", "--data-dir", str(dark)]) == 0


def test_a_closed_proof_ends_it_not_paid_and_safe(dark: Path) -> None:
    status, result, _ = pay_offline(dark, ProofType.CLOSED)
    assert (status, result["outcome"], result["safe_to_rescan"]) == (1, "not_paid", True)


def test_without_the_flag_a_dead_line_is_said_as_before(dark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pay", "--amount", "1", "--qr", "--data-dir", str(dark), "--json"]) == 6
    assert json.loads(capsys.readouterr().out)["reason"] == "gateway_unreachable"


def test_a_till_without_a_kit_says_why_it_shows_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_till(tmp_path)
    assert run(["pay", "--amount", "1", "--qr", "--offline", "--data-dir", str(tmp_path), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["outcome"], result["reason"]) == ("not_paid", "offline_no_kit")


@pytest.mark.parametrize("wrong", [["--offline"], ["--code", CODE, "--offline"], ["--code", CODE, "--proof", "-"]])
def test_the_offline_options_belong_to_the_qr(tmp_path: Path, wrong: list[str]) -> None:
    assert run(["pay", "--amount", "1", *wrong, "--data-dir", str(tmp_path)]) == 2


def test_the_doctor_says_whether_offline_payments_work(dark: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["doctor", "--json", "--data-dir", str(dark)])
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["anchor"]["passed"] is True
    assert "64" in checks["anchor"]["found"]
