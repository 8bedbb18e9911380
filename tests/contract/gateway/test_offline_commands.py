"""`guitai gateway terminals` and `proof-keys` from the command line, and the key file that they change."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.keys import KeysUnreadable
from gateway.proof_keys import load_proof_keys, proof_keys_path
from gateway.store import places
from gateway.store.runners import InlineStore
from gateway.store.sqlite import open_sqlite
from gateway.store.units import Tx
from gateway.system import SystemEntropy
from guitai.cli import run
from protocol.numbers import read_activation_code
from tests.contract.gateway.gateway_world import seed_places

Capture = pytest.CaptureFixture[str]
TERMINAL = "0123456789ABC"


def _add_terminal(tx: Tx) -> None:
    seed_places(tx, {"id": "a1"})
    places.add_terminal(
        tx, terminal_id=TERMINAL, store_id="s1", name="1号台", public_key="k", head="0" * 64, now_ms=1_796_000_000_000
    )


def _in_store(database: Path, unit: Callable[[Tx], object]) -> None:
    async def scene() -> None:
        store = InlineStore(open_sqlite(database))
        try:
            await store.run(unit)
        finally:
            await store.aclose()

    asyncio.run(scene())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "g.db"
    _in_store(path, _add_terminal)
    return path


def _said(capture: Capture) -> dict[str, Any]:
    return json.loads(capture.readouterr().out)


def test_a_till_is_listed_switched_off_and_given_a_code_of_its_own(database: Path, capsys: Capture) -> None:
    at = ["--database", str(database)]
    assert run(["gateway", "terminals", "list", *at]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{TERMINAL}  s1  1号台  epoch 1  sells", "1 tills."]
    assert run(["gateway", "terminals", "revoke", TERMINAL, *at, "--json"]) == 0
    (row,) = _said(capsys)["terminals"]
    assert row["revoked_ms"] > 0
    assert run(["gateway", "terminals", "list", *at]) == 0
    assert "switched off 20" in capsys.readouterr().out
    assert run(["gateway", "terminals", "reissue", TERMINAL, *at, "--json"]) == 0
    assert read_activation_code(_said(capsys)["activation_code"]) is not None
    assert run(["gateway", "terminals", "reissue", TERMINAL, *at, "--public-url", "https://pay.example.com"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 10  # the code, and its QR


def test_a_till_that_is_not_there_is_a_fault_with_a_hint(database: Path, capsys: Capture) -> None:
    assert run(["gateway", "terminals", "revoke", "NOBODY", "--database", str(database)]) == 2
    assert "guitai gateway terminals list" in capsys.readouterr().err


def test_proof_keys_are_rotated_in_their_own_file(database: Path, capsys: Capture) -> None:
    at = ["--database", str(database)]
    assert run(["gateway", "proof-keys", "rotate", *at, "--json"]) == 0
    assert [(key["kid"], key["state"]) for key in _said(capsys)["keys"]] == [
        (1, "retired"),
        (2, "current"),
        (3, "next"),
    ]
    assert run(["gateway", "proof-keys", "compromise", "2", *at]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert ["compromised" in line for line in shown] == [False, True, False, False, False]
    assert run(["gateway", "proof-keys", "list", *at, "--json"]) == 0
    assert [(key["kid"], key["state"]) for key in _said(capsys)["keys"]] == [
        (1, "retired"),
        (2, "compromised"),
        (3, "current"),
        (4, "next"),
    ]
    assert run(["gateway", "proof-keys", "compromise", "99", *at]) == 2
    assert "no proof key has this number" in capsys.readouterr().err


def test_the_key_file_is_private_and_the_same_after_a_restart(tmp_path: Path) -> None:
    path = proof_keys_path(tmp_path / "g.db.keys")
    assert path.name == "g.db.proof-keys"
    first = load_proof_keys(path, SystemEntropy(), now_ms=5)
    assert first.rotate(now_ms=9) is None
    if os.name != "nt":
        assert path.stat().st_mode & 0o077 == 0
    second = load_proof_keys(path, SystemEntropy(), now_ms=99)
    assert second.ring.offered(now_ms=99) == first.ring.offered(now_ms=99)
    assert second.typed_code_key() == first.typed_code_key()
    assert len(second.typed_code_key()) == 32
    seeds = [key.seed.reveal() for key in first.ring.keys]
    assert not any(seed in repr(first.ring) for seed in seeds)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "not json",
        '{"deep":' + "[" * 100_000,
        '{"typed_code":"AA","keys":[]}',
        '{"typed_code":"AA","keys":[{"kid":1,"seed":"x","made_ms":0}]}',
    ],
)
def test_a_key_file_that_cannot_be_read_is_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "g.db.proof-keys"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(KeysUnreadable):
        load_proof_keys(path, SystemEntropy(), now_ms=0)
    assert path.read_text(encoding="utf-8") == content


def test_a_cut_write_leaves_the_ring_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "g.db.proof-keys"
    held = load_proof_keys(path, SystemEntropy(), now_ms=0)
    path.with_name(path.name + ".new").write_text('{"typed_code":', encoding="utf-8")
    assert load_proof_keys(path, SystemEntropy(), now_ms=0).ring.offered(now_ms=0) == held.ring.offered(now_ms=0)
    assert held.rotate(now_ms=1) is None
