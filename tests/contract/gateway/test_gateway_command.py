"""`guitai gateway apply` and `activation-code` from the command line: exit statuses, words and JSON of the contract."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.store.sqlite import DatabaseLock
from guitai.cli import run
from protocol.activation import read_ticket
from protocol.numbers import read_activation_code
from tests.unit.gateway.configure_shop import MERCHANT, STORE, account, private_pem, shop, wallet_pem

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def log_settings() -> Generator[None, None, None]:
    """Serving sets the process's log up; here that process is the test run."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "data" / "g.db")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.toml"
    path.write_text(shop(), encoding="utf-8")
    return path


def ending(capture: Capture) -> dict[str, Any]:
    """The one JSON object of a command with --json; nothing beside it."""
    out, err = capture.readouterr()
    assert err == ""
    (line,) = out.splitlines()
    return json.loads(line)


def test_apply_shows_the_plan_and_does_it(file: Path, database: str, capsys: Capture):
    assert run(["gateway", "apply", str(file), "--database", database]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "+ merchant m1  name = 老王早餐, late_money = refund"
    assert out.splitlines()[-1] == "Applied: 3 changes."
    assert run(["gateway", "apply", str(file), "--database", f"sqlite:///{database}"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Nothing to change."


def test_apply_in_json_says_what_changed(file: Path, database: str, capsys: Capture):
    assert run(["gateway", "apply", str(file), "--database", database, "--dry-run", "--json"]) == 0
    planned = ending(capsys)
    assert (planned["reason"], planned["applied"], planned["changes"]) == ("done", False, 3)
    assert run(["gateway", "apply", str(file), "--database", database, "--json"]) == 0
    applied = ending(capsys)
    assert (applied["reason"], applied["applied"], applied["changes"]) == ("done", True, 3)
    assert [(i["verb"], i["kind"], i["id"]) for i in applied["items"]] == [
        ("add", "merchant", "m1"),
        ("add", "store", "s1"),
        ("add", "channel account", "a1"),
    ]


def test_keys_reach_neither_screen_nor_json(file: Path, database: str, capsys: Capture):
    assert run(["gateway", "apply", str(file), "--database", database]) == 0
    assert run(["gateway", "apply", str(file), "--database", database, "--json"]) == 0
    out, err = capsys.readouterr()
    assert "KEY" not in out + err
    assert "MII" not in out + err


def test_the_database_is_for_its_owner_alone(file: Path, database: str, capsys: Capture):
    """It holds the merchants' keys."""
    assert run(["gateway", "apply", str(file), "--database", database]) == 0
    modes = {path.name: path.stat().st_mode & 0o777 for path in Path(database).parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_key_files_lie_beside_the_document(tmp_path: Path, database: str, capsys: Capture):
    """Paths are relative to the file, not to where the command runs; a missing one is named."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "app.pem").write_text(private_pem())
    (tmp_path / "wallet.pem").write_text(wallet_pem())
    named = f'private_key_file = "keys/app.pem"\nwallet_public_key_file = "{tmp_path / "wallet.pem"}"'
    file = tmp_path / "shop.toml"
    file.write_text(MERCHANT + account(private_key="", wallet_public_key="", more=named), encoding="utf-8")
    assert run(["gateway", "apply", str(file), "--database", database, "--json"]) == 0
    assert ending(capsys)["changes"] == 2
    (tmp_path / "keys" / "app.pem").unlink()
    assert run(["gateway", "apply", str(file), "--database", database, "--json"]) == 2
    assert [(f["where"], f["key"]) for f in ending(capsys)["faults"]] == [
        ("[[channel_accounts]] a1", "private_key_file")
    ]


def test_a_file_at_fault_ends_with_2_and_all_its_faults(tmp_path: Path, database: str, capsys: Capture):
    file = tmp_path / "shop.toml"
    file.write_text('[[merchants]]\nid = "m1"\n[[stores]]\nid = "s1"\ncolour = 1\n', encoding="utf-8")
    assert run(["gateway", "apply", str(file), "--database", database]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    for place in ("[[merchants]] m1: name:", "[[stores]] s1: colour:", "[[stores]] s1: merchant:", "not applied"):
        assert place in err
    assert run(["gateway", "apply", str(file), "--database", database, "--json"]) == 2
    said = ending(capsys)
    assert said["reason"] == "usage"
    assert len(said["faults"]) == 4


def test_a_file_saved_by_notepad_is_read(tmp_path: Path, database: str, capsys: Capture):
    """A byte order mark and Windows line ends are no faults; another encoding is, in words."""
    file = tmp_path / "shop.toml"
    file.write_bytes(b"\xef\xbb\xbf" + (MERCHANT + STORE).replace("\n", "\r\n").encode())
    assert run(["gateway", "apply", str(file), "--database", database]) == 0
    file.write_bytes(MERCHANT.encode("gb18030"))
    assert run(["gateway", "apply", str(file), "--database", database]) == 2
    assert "UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["apply", "nowhere.toml"],
        ["apply"],
        ["activation-code"],
        ["activation-code", "--store", "s1", "--database", "postgresql://db/guitai"],
        ["activation-code", "--store", "s1", "--public-url", "http://pay.example.com"],
        ["activation-code", "--store", "s1", "--public-url", "pay.example.com"],
        ["activation-code", "--store", "s1", "--public-url", "https://[::1"],
        ["activation-code", "--store", "s1", "--public-url", "https://pay.example.com:https"],
        ["activation-code", "--store", "s1", "--uses", "many"],
        ["serve", "--listen", "everywhere"],
        ["serve", "--listen", "0.0.0.0:8700"],
        ["serve", "--database", "postgresql://db/guitai"],
    ],
)
def test_wrong_usage_ends_with_2_and_says_so(arguments: list[str], capsys: Capture):
    assert run(["gateway", *arguments, "--json"] if arguments[0] != "serve" else ["gateway", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out + err
    if arguments[0] != "serve":
        assert json.loads(out)["reason"] == "usage"


def test_a_code_is_printed_with_what_a_till_scans(file: Path, database: str, capsys: Capture):
    assert run(["gateway", "apply", str(file), "--database", database]) == 0
    capsys.readouterr()
    order = ["gateway", "activation-code", "--store", "s1", "--uses", "2", "--days", "7", "--database", database]
    assert run([*order, "--public-url", "https://pay.example.com/", "--json"]) == 0
    said = ending(capsys)
    assert (said["reason"], said["store"], said["uses"]) == ("done", "s1", 2)
    ticket = read_ticket(said["ticket"])
    assert ticket is not None
    assert (ticket.code.reveal(), ticket.gateway_url) == (said["code"], "https://pay.example.com")
    assert run([*order, "--public-url", "https://pay.example.com"]) == 0
    out = capsys.readouterr().out
    assert "█" in out
    (line,) = (line for line in out.splitlines() if "激活码" in line)
    assert read_activation_code(line.rsplit(": ", 1)[1]) is not None


def test_a_code_without_a_known_address_says_how_to_get_a_qr(file: Path, database: str, capsys: Capture):
    assert run(["gateway", "apply", str(file), "--database", database]) == 0
    capsys.readouterr()
    assert run(["gateway", "activation-code", "--store", "s1", "--database", database]) == 0
    out = capsys.readouterr().out
    assert "█" not in out
    assert "--public-url" in out


@pytest.mark.parametrize(
    "words",
    [
        ["activation-code", "--store", "s1"],
        ["static-qr", "--store", "s1"],
        ["late", "list"],
        ["alarms", "list"],
        ["bills", "list"],
    ],
    ids=lambda words: words[0],
)
def test_a_database_that_is_not_there_is_said_and_not_made(words: list[str], database: str, capsys: Capture):
    """A mistyped path must not answer "nothing waits"."""
    assert run(["gateway", *words, "--database", database, "--json"]) == 5
    assert "does not exist" in ending(capsys)["message"]
    assert not Path(database).exists()


def test_a_store_that_nobody_knows_gets_no_code(file: Path, database: str, capsys: Capture):
    assert run(["gateway", "apply", str(file), "--database", database]) == 0
    capsys.readouterr()
    assert run(["gateway", "activation-code", "--store", "s9", "--database", database, "--json"]) == 2
    assert ending(capsys)["faults"][0]["key"] == "store"


def test_a_held_database_ends_with_5(file: Path, database: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch):
    """Somebody has it and does not answer; a second `serve` on it is refused at once."""
    monkeypatch.setattr("gateway.configure.reach._PATIENCE_S", 0.05)
    Path(database).parent.mkdir()
    lock = DatabaseLock(Path(database))
    try:
        assert run(["gateway", "apply", str(file), "--database", database, "--json"]) == 5
        assert ending(capsys)["reason"] == "folder_locked"
        assert run(["gateway", "serve", "--database", database]) == 5
    finally:
        lock.release()


def test_a_database_of_a_newer_program_is_left_alone(file: Path, database: str, capsys: Capture):
    assert run(["gateway", "apply", str(file), "--database", database]) == 0
    capsys.readouterr()
    line = sqlite3.connect(database)
    line.execute("UPDATE alembic_version SET version_num = '9999'")
    line.commit()
    line.close()
    assert run(["gateway", "apply", str(file), "--database", database, "--json"]) == 5
    assert ending(capsys)["reason"] == "journal_newer"


def test_a_file_that_is_no_database_is_named_and_left_alone(file: Path, tmp_path: Path, capsys: Capture):
    broken = tmp_path / "g.db"
    broken.write_bytes(b"this is not a database, and never was" * 40)
    before = broken.read_bytes()
    assert run(["gateway", "apply", str(file), "--database", str(broken), "--json"]) == 5
    said = ending(capsys)
    assert said["reason"] == "journal_damaged"
    assert "not touched" in said["message"]
    assert broken.read_bytes() == before


def test_without_an_address_the_database_lies_in_the_users_data(file: Path, capsys: Capture):
    from platformdirs import user_data_path

    assert run(["gateway", "apply", str(file)]) == 0
    assert (user_data_path("guitai", appauthor=False) / "gateway" / "gateway.db").exists()
