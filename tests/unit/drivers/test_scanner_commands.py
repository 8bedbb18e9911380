"""Commands: each family gets its own bytes, and a command a family lacks is refused, not guessed."""

from __future__ import annotations

import pytest

from drivers.scanner.commands import (
    Family,
    encoder_of,
    family_of,
    greeting_of,
    honeywell_menu_command,
    newland_text_command,
)
from drivers.scanner.parsers import ssi
from drivers.scanner.ports import Command
from drivers.scanner.uri import ScannerProtocol


@pytest.mark.parametrize(
    ("family", "trigger", "stop", "beep"),
    [
        (Family.HONEYWELL, "16540D", "16550D", "16070D"),
        (Family.NEWLAND, "7E0130303030235343 4E545247313B03", "7E01303030302353434E545247303B03", None),
        (Family.MODULE_7E, "7E00080100020102DA", "7E00080100020232B9", None),
        (Family.SSI, "04E40400FF14", "04E50400FF13", "05E6040000FF11"),
        (Family.UNKNOWN, None, None, None),
    ],
)
def test_each_family_gets_its_own_bytes(
    family: Family, trigger: str | None, stop: str | None, beep: str | None
) -> None:
    encode = encoder_of(family)
    made = [encode(command) for command in (Command.TRIGGER, Command.STOP, Command.BEEP)]
    assert made == [None if text is None else bytes.fromhex(text) for text in (trigger, stop, beep)]


@pytest.mark.parametrize(
    ("proto", "vid", "family"),
    [
        (ScannerProtocol.AUTO, 0x0C2E, Family.HONEYWELL),
        (ScannerProtocol.AUTO, 0x23D0, Family.HONEYWELL),
        (ScannerProtocol.AUTO, 0x1EAB, Family.NEWLAND),
        (ScannerProtocol.AUTO, 0x1A86, Family.UNKNOWN),
        (ScannerProtocol.AUTO, None, Family.UNKNOWN),
        (ScannerProtocol.LINE, 0x0C2E, Family.UNKNOWN),
        (ScannerProtocol.NEWLAND, None, Family.NEWLAND),
        (ScannerProtocol.HONEYWELL, 0x1A86, Family.HONEYWELL),
        (ScannerProtocol.MODULE_7E, 0x1EAB, Family.MODULE_7E),
        (ScannerProtocol.SSI, 0x05E0, Family.SSI),
    ],
)
def test_the_uri_chooses_the_family_and_where_it_is_silent_the_maker(
    proto: ScannerProtocol, vid: int | None, family: Family
) -> None:
    assert family_of(proto, vid) is family


def test_menu_commands_are_volatile() -> None:
    assert honeywell_menu_command("232BAD9") == b"\x16M\r232BAD9!"
    assert newland_text_command("SCNMOD0") == b"~\x010000#SCNMOD0;\x03"


def test_only_an_ssi_gun_is_greeted() -> None:
    assert greeting_of(Family.SSI) == (ssi.packeted_decode_packet(), ssi.enable_packet())
    assert greeting_of(Family.NEWLAND) == ()
