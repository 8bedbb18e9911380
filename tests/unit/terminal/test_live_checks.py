"""The doctor's checks: every trouble is a red light with something to do; what is only worth knowing is not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from protocol.reasons import Reason
from sync.anchor import AnchorTrouble
from sync.engine.model import Line
from sync.folder import TerminalIdentity
from sync.journal.read import Unsent
from sync.journal.verify import Break, Verdict
from terminal.cashier.phrase import Phrase
from terminal.cashier.ports import CheckFound, GunSeen, GunState
from terminal.live.checks import checks_of
from terminal.live.looking import JournalSeen, LineSeen, Looked, OfflineSeen
from terminal.ui.text import LANGUAGES, load_catalogue

IDENTITY = TerminalIdentity(
    terminal_id="T1", terminal_name="1", epoch=1, store_id="s", store_name="茶店", merchant_id="m", merchant_name="M",
    gateway_url="https://g", gateway_keys={}, root_keys={},
)  # fmt: skip
NOTHING = Unsent(count=0, oldest_at_ms=None)
WHOLE = Verdict(entries=8, payments=2, head="00")
WELL = Looked(
    offline=OfflineSeen(anchor=AnchorTrouble.NONE, codes=60),
    identity=IDENTITY,
    line=LineSeen(line=Line.UP, skew_ms=-400),
    journal=JournalSeen(verdict=WHOLE, unsent=NOTHING),
    free_bytes=10**10,
    writable=True,
    guns=(GunSeen(gun=GunState.READY, name="gun"),),
    devices=(),
    sound=True,
    display=":0",
    input_method="",
    settings=(),
)
TROUBLES = [
    (replace(WELL, identity=Reason.NOT_ACTIVATED), "activation"),
    (replace(WELL, identity=Reason.CONFIG_DAMAGED), "activation"),
    (replace(WELL, line=LineSeen(line=Line.DOWN)), "gateway"),
    (replace(WELL, line=LineSeen(line=Line.UNTRUSTED)), "gateway"),
    (replace(WELL, line=LineSeen(line=Line.UP, skew_ms=61_000)), "clock"),
    (replace(WELL, line=LineSeen(line=Line.UP, skew_ms=-61_000)), "clock"),
    (replace(WELL, journal=Reason.JOURNAL_DAMAGED), "journal"),
    (replace(WELL, journal=JournalSeen(verdict=replace(WHOLE, broken=Break.CHAIN, seq=3), unsent=NOTHING)), "journal"),
    (replace(WELL, free_bytes=None), "disk"),
    (replace(WELL, writable=False), "disk"),
    (replace(WELL, free_bytes=10**8), "disk"),
    (replace(WELL, guns=(GunSeen(gun=GunState.LOST, name="gun"),)), "gun"),
]
NOTES = [
    replace(WELL, journal=None),
    replace(WELL, guns=()),
    replace(WELL, sound=False),
    replace(WELL, line=LineSeen(line=Line.CHECKING)),
]


def failed(looked: Looked) -> list[CheckFound]:
    return [check for check in checks_of(looked) if check.passed is False]


def test_when_all_is_well_every_light_is_green() -> None:
    assert [check.name for check in checks_of(WELL) if check.passed is not True] == []


@pytest.mark.parametrize(("looked", "name"), TROUBLES)
def test_each_trouble_is_one_red_light_with_something_to_do(looked: Looked, name: str) -> None:
    (check,) = failed(looked)
    assert check.name == name
    assert check.todo


@pytest.mark.parametrize("looked", NOTES)
def test_what_is_only_worth_knowing_is_no_failure(looked: Looked) -> None:
    assert failed(looked) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_can_be_said_in_every_language(language: str) -> None:
    catalogue = load_catalogue(language)
    for looked in (WELL, *NOTES, *(looked for looked, _ in TROUBLES)):
        for check in checks_of(looked):
            assert catalogue.text(f"check.{check.name}")
            assert catalogue.text(Phrase(f"found.{check.found}", check.values))
            assert not check.todo or catalogue.text(Phrase(f"check_todo.{check.todo}", check.values))


def test_what_is_unsent_is_told_with_its_figures_and_a_parked_entry_needs_a_hand() -> None:
    queue = Unsent(count=3, oldest_at_ms=1_795_327_402_000, fen=123_450, parked=0)
    waiting = checks_of(replace(WELL, journal=JournalSeen(verdict=WHOLE, unsent=queue)))
    (unsent,) = [check for check in waiting if check.name == "unsent"]
    assert unsent.passed is None
    assert dict(unsent.values) == {"count": 3, "amount": "1,234.50", "since": "11-22 14:03"}
    parked = checks_of(replace(WELL, journal=JournalSeen(verdict=WHOLE, unsent=replace(queue, parked=1))))
    assert [check.passed for check in parked if check.name == "unsent"] == [None, False]
