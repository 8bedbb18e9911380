"""Sounds: never on the caller's thread, played in order, and a machine without sound is silent and says so."""

from __future__ import annotations

import stat
import sys
import time
from pathlib import Path

import pytest

from terminal.ui.sound import NAMES, FilePlayer, SilentPlayer, open_player, unpack

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="winsound needs no program")


def program(folder: Path, text: str) -> Path:
    """A stand-in for aplay that writes down what it was asked to play."""
    path = folder / "aplay"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_playing_returns_at_once_and_plays_in_order(tmp_path: Path) -> None:
    """The screen's thread never waits for a sound."""
    played = tmp_path / "played"
    unpack(tmp_path / "sounds")
    player = FilePlayer(tmp_path / "sounds", (str(program(tmp_path, f'sleep 0.05; basename "$1" >> {played}')),))
    before = time.monotonic()
    for name in ("scan_taken", "paid", "late"):
        player.play(name)
    assert time.monotonic() - before < 0.04
    player.close()
    assert played.read_text(encoding="utf-8").split() == ["scan_taken.wav", "paid.wav", "late.wav"]
    assert player.available


@pytest.mark.parametrize("text", ["exit 1", None])
def test_a_player_that_fails_is_no_sound_device(tmp_path: Path, text: str | None) -> None:
    """Nothing is raised; doctor can say that there is no sound."""
    command = str(program(tmp_path, text)) if text is not None else str(tmp_path / "missing")
    player = FilePlayer(tmp_path, (command,))
    player.play("paid")
    player.close()
    assert not player.available


def test_no_program_is_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    player = open_player(tmp_path / "sounds")
    assert isinstance(player, SilentPlayer)
    player.play("paid")
    player.close()
    assert not player.available


def test_a_folder_that_cannot_be_written_is_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "exit 0").rename(tmp_path / "paplay")
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "sounds").write_text("in the way", encoding="utf-8")
    assert isinstance(open_player(tmp_path / "sounds"), SilentPlayer)


def test_unpacking_writes_every_sound_once(tmp_path: Path) -> None:
    unpack(tmp_path)
    first = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    unpack(tmp_path)
    assert first == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(first) == len(NAMES)
