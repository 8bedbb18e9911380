"""The "7E 00" protocol of scan modules (GM65, FM30 and the boxes built from them): requests, and their replies.

Request ``7E 00 type len addrHi addrLo data crcHi crcLo``; reply ``02 00 type len data crcHi crcLo``. The check is
CRC-16/XMODEM over type..data; ``AB CD`` in its place asks the receiver to skip it. A reply arrives in the same stream
as scans, right before them, so it is cut out of the stream here. Pure; it must not know lines or devices.
"""

from __future__ import annotations

import binascii

from msgspec import Struct

_REQUEST_HEAD = b"\x7e\x00"
_REPLY_START = 0x02
_NO_CHECK = b"\xab\xcd"
_WRITE_ZONE = 0x08
_ADDRESS_MODE = 0x0000
_ADDRESS_TRIGGER = 0x0002
_HEAD_LENGTH = 4
_CRC_LENGTH = 2
_MAX_REPLY_TYPE = 0x0F
_MAX_REPLY_DATA = 32


def crc16(data: bytes) -> bytes:
    """CRC-16/XMODEM, big-endian."""
    return binascii.crc_hqx(data, 0).to_bytes(2, "big")


def write_zone(address: int, data: bytes) -> bytes:
    """Build the request that writes ``data`` into the module's zone bytes from ``address`` on."""
    body = bytes((_WRITE_ZONE, len(data))) + address.to_bytes(2, "big") + data
    return _REQUEST_HEAD + body + crc16(body)


def trigger_request() -> bytes:
    """Start one reading, in command-trigger mode."""
    return write_zone(_ADDRESS_TRIGGER, b"\x01")


def stop_request() -> bytes:
    """End the reading under way."""
    return write_zone(_ADDRESS_TRIGGER, b"\x02")


def command_mode_request() -> bytes:
    """Put the module into command-trigger mode, with its light and beeper on."""
    return write_zone(_ADDRESS_MODE, b"\xd5")


class BrokenReply(Struct, frozen=True, kw_only=True):
    """A reply whose checksum does not hold: the stream is damaged here."""

    length: int


class ReplyCutter:
    """Cuts module replies out of a byte stream, however it arrives, and hands the rest on unchanged."""

    def __init__(self) -> None:
        """Start with nothing held back."""
        self._held = bytearray()

    @property
    def holding(self) -> bool:
        """Whether bytes are held back that may turn out to be a reply."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[bytes | BrokenReply]:
        """Give what is not part of a reply, in order."""
        pieces: list[bytes | BrokenReply] = []
        self._held += data
        while self._held:
            start = self._held.find(_REPLY_START)
            if start != 0:
                ordinary = self._held if start < 0 else self._held[:start]
                pieces.append(bytes(ordinary))
                del self._held[: len(ordinary)]
                continue
            length = _reply_length(self._held)
            if length is None:
                pieces.append(bytes(self._held[:1]))
                del self._held[:1]
                continue
            if len(self._held) < length:
                break
            if not _check_holds(self._held[:length]):
                pieces.append(BrokenReply(length=length))
            del self._held[:length]
        return pieces

    def release(self) -> bytes:
        """Give up waiting: what was held back is not a reply."""
        held = bytes(self._held)
        self._held.clear()
        return held


def _reply_length(held: bytearray) -> int | None:
    """How long the reply that may start here is, as far as can be told; None if none can start here."""
    if len(held) > 1 and held[1] != 0x00:
        return None
    if len(held) > 2 and held[2] > _MAX_REPLY_TYPE:
        return None
    if len(held) > 3:
        return None if held[3] > _MAX_REPLY_DATA else _HEAD_LENGTH + held[3] + _CRC_LENGTH
    return _HEAD_LENGTH + _CRC_LENGTH


def _check_holds(reply: bytearray) -> bool:
    body, check = bytes(reply[2:-2]), bytes(reply[-2:])
    return check in (_NO_CHECK, crc16(body))
