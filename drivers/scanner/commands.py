"""The commands of each scanner family as bytes. Pure; it must not know transports.

A family is chosen by the URI's ``proto`` or, where that is silent, by the maker's USB vendor id. A command that a
family does not have gives None and is refused, never guessed.
"""

from __future__ import annotations

from enum import Enum, auto
from functools import partial

from drivers.scanner.parsers import module_7e, ssi
from drivers.scanner.ports import Command, CommandEncoder, no_commands
from drivers.scanner.uri import ScannerProtocol


class Family(Enum):
    """Scanners that take the same commands."""

    UNKNOWN = auto()
    HONEYWELL = auto()
    NEWLAND = auto()
    MODULE_7E = auto()
    SSI = auto()


_FAMILY_OF_PROTO = {
    ScannerProtocol.HONEYWELL: Family.HONEYWELL,
    ScannerProtocol.NEWLAND: Family.NEWLAND,
    ScannerProtocol.MODULE_7E: Family.MODULE_7E,
    ScannerProtocol.SSI: Family.SSI,
    ScannerProtocol.LINE: Family.UNKNOWN,
}
_FAMILY_OF_VENDOR = {0x0C2E: Family.HONEYWELL, 0x23D0: Family.HONEYWELL, 0x1EAB: Family.NEWLAND}


def newland_text_command(command: str) -> bytes:
    """Frame a Newland text command such as ``SCNTRG1``: for now only (``#``), never written to the gun's flash."""
    return b"~\x010000#" + command.encode("ascii") + b";\x03"


def honeywell_menu_command(command: str) -> bytes:
    """Frame a Honeywell menu command such as ``232BAD9``: for now only (``!``), because its flash wears out."""
    return b"\x16M\r" + command.encode("ascii") + b"!"


def family_of(proto: ScannerProtocol, vid: int | None) -> Family:
    """Choose the family: what the URI says, else what the vendor id says."""
    if proto is ScannerProtocol.AUTO:
        return Family.UNKNOWN if vid is None else _FAMILY_OF_VENDOR.get(vid, Family.UNKNOWN)
    return _FAMILY_OF_PROTO[proto]


def encoder_of(family: Family) -> CommandEncoder:
    """Give the encoder of a family."""
    return no_commands if family is Family.UNKNOWN else partial(_encode, family)


def greeting_of(family: Family) -> tuple[bytes, ...]:
    """Give what is written once after opening: an SSI gun sends raw text until it is asked for packets."""
    return (ssi.packeted_decode_packet(), ssi.enable_packet()) if family is Family.SSI else ()


def _encode(family: Family, command: Command) -> bytes | None:
    return _BYTES.get((family, command))


_BYTES: dict[tuple[Family, Command], bytes] = {
    (Family.HONEYWELL, Command.TRIGGER): b"\x16T\r",
    (Family.HONEYWELL, Command.STOP): b"\x16U\r",
    (Family.HONEYWELL, Command.BEEP): b"\x16\x07\r",
    (Family.NEWLAND, Command.TRIGGER): newland_text_command("SCNTRG1"),
    (Family.NEWLAND, Command.STOP): newland_text_command("SCNTRG0"),
    (Family.MODULE_7E, Command.TRIGGER): module_7e.trigger_request(),
    (Family.MODULE_7E, Command.STOP): module_7e.stop_request(),
    (Family.SSI, Command.TRIGGER): ssi.start_packet(),
    (Family.SSI, Command.STOP): ssi.stop_packet(),
    (Family.SSI, Command.BEEP): ssi.beep_packet(),
}
