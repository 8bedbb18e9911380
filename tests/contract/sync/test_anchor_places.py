"""Where the anchor is kept on a real disk, and what is believed of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.anchor import AnchorRecord, AnchorTrouble, look
from sync.anchor_places import STATE_FOLDER, FileAnchor, anchor_place, machine_id, state_folder
from sync.journal.journal import Head

RECORD = AnchorRecord(machine="m", epoch=2, seq=7, head="ab", oseq=3, release=2)


class Chain:
    """A journal of ten entries."""

    head = Head(10, "ff")

    def hash_at(self, seq: int) -> str | None:
        return {7: "ab", 10: "ff"}.get(seq)


def test_the_file_is_this_users_alone_and_outside_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = anchor_place("T00000000000G")
    place.write(RECORD)
    assert isinstance(place, FileAnchor)
    assert place.path == tmp_path / "state" / "guitai" / "T00000000000G.anchor"
    assert place.path.stat().st_mode & 0o777 == 0o600
    assert place.read() == RECORD
    assert [file.name for file in place.path.parent.iterdir()] == [place.path.name]


def test_another_state_folder_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATE_FOLDER, str(tmp_path / "elsewhere"))
    assert state_folder() == tmp_path / "elsewhere"


def test_the_machine_is_known_by_a_hash_that_does_not_change() -> None:
    assert machine_id() == machine_id()
    assert len(machine_id()) == 32


@pytest.mark.parametrize(
    ("record", "trouble"),
    [
        (AnchorRecord(machine=machine_id(), epoch=1, seq=7, head="ab"), AnchorTrouble.NONE),
        (AnchorRecord(machine="another", epoch=1, seq=7, head="ab"), AnchorTrouble.OTHER_MACHINE),
        (AnchorRecord(machine=machine_id(), epoch=1, seq=11, head="cd"), AnchorTrouble.BEHIND),
        (AnchorRecord(machine=machine_id(), epoch=1, seq=7, head="cd"), AnchorTrouble.BEHIND),
        (AnchorRecord(machine=machine_id(), epoch=1, seq=7, head="ab", void=True), AnchorTrouble.FORKED),
        (None, AnchorTrouble.MISSING),
    ],
)
def test_what_the_anchor_says_of_a_journal(tmp_path: Path, record: AnchorRecord | None, trouble: AnchorTrouble) -> None:
    place = FileAnchor(tmp_path / "a")
    if record is not None:
        place.write(record)
    assert look(place, Chain()) is trouble


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"machine": 1}', '{"deep":' + "[" * 100_000])
def test_a_damaged_anchor_is_no_anchor(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").write_text(text)
    assert look(FileAnchor(tmp_path / "a"), Chain()) is AnchorTrouble.UNREADABLE
