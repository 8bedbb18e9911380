"""Zebra's Simple Serial Interface: packets with a checksum, acknowledged one by one.

Packet ``len opcode source status data.. ckHi ckLo``; len excludes the checksum, which is the two's complement of the
byte sum. The gun waits for our ACK and sends again (status bit 0) when it does not come, so every good packet that
wants one is answered and a repeated one gives no second scan. Pure; it must not know devices.
"""

from __future__ import annotations

from drivers.scanner.events import Noise, NoiseReason
from drivers.scanner.parsers.text import MAX_CODE_BYTES, read_code
from drivers.scanner.ports import Outgoing, ParserEvent

_HOST = 0x04
_SCANNER = 0x00
_HEAD_LENGTH = 4
_CHECK_LENGTH = 2
_RETRANSMIT = 0x01
_CONTINUED = 0x02
_SILENCE_MS = 200
_REPEAT_MS = 5000
"""How long after a packet an identical one with the retransmit bit is still that packet."""
_REST_MS = 3000
"""The next packet of a long code follows at once, or after one more try; after this it will not come."""

_CMD_ACK = 0xD0
_CMD_NAK = 0xD1
_DECODE_DATA = 0xF3
_EVENT = 0xF6
_NAK_RESEND = 0x01
_FROM_SCANNER = frozenset((0xA4, 0xC6, _CMD_ACK, _CMD_NAK, 0xD4, _DECODE_DATA, _EVENT))
_WANTS_ACK = frozenset((_DECODE_DATA, _EVENT))

# The first byte of DECODE_DATA.
_SYMBOLOGIES = {0x01: "code39", 0x03: "code128", 0x04: "d2of5", 0x06: "itf", 0x0B: "ean13", 0x1C: "qr"}


def checksum(body: bytes) -> bytes:
    """Give the two's complement of the byte sum, 16 bit, big-endian."""
    return (-sum(body) & 0xFFFF).to_bytes(2, "big")


def host_packet(opcode: int, data: bytes = b"") -> bytes:
    """Build a packet from us to the gun."""
    body = bytes((_HEAD_LENGTH + len(data), opcode, _HOST, 0x00)) + data
    return body + checksum(body)


def ack_packet() -> bytes:
    """Build the packet that says: received."""
    return host_packet(_CMD_ACK)


def nak_packet() -> bytes:
    """Build the packet that says: damaged, send again."""
    return host_packet(_CMD_NAK, bytes((_NAK_RESEND,)))


def start_packet() -> bytes:
    """Start one reading."""
    return host_packet(0xE4)


def stop_packet() -> bytes:
    """End the reading under way."""
    return host_packet(0xE5)


def beep_packet(tone: int = 0) -> bytes:
    """Sound the beeper; 0 is one short high beep."""
    return host_packet(0xE6, bytes((tone,)))


def led_packet(*, on: bool) -> bytes:
    """Switch the decode light."""
    return host_packet(0xE7 if on else 0xE8, b"\x01")


def enable_packet() -> bytes:
    """Let the gun read."""
    return host_packet(0xE9)


def packeted_decode_packet() -> bytes:
    """Ask for codes as packets (parameter EE = 1), without a beep for it; the factory setting is raw text."""
    return host_packet(0xC6, b"\xff\xee\x01")


class SsiParser:
    """Takes SSI packets apart and answers them."""

    def __init__(self, *, device: str, prefix: str = "") -> None:
        """``device`` goes into every event."""
        self._device = device
        self._prefix = prefix
        self._held = bytearray()
        self._garbage = 0
        self._last_ms = 0
        self._parts = bytearray()
        self._part_kind: int | None = None
        self._part_ms = 0
        self._accepted: tuple[bytes, int] | None = None

    @property
    def next_deadline_ms(self) -> int | None:
        """When half a packet is given up."""
        return self._last_ms + _SILENCE_MS if self._held or self._garbage else None

    def feed(self, data: bytes, now_ms: int) -> list[ParserEvent]:
        """Take bytes just read."""
        events = self.idle(now_ms)
        if data:
            self._last_ms = now_ms
        self._held += data
        while self._held and (length := self._packet_length()) <= len(self._held):
            if length == 0:
                del self._held[:1]
                continue
            self._end_garbage(now_ms, events)
            packet = bytes(self._held[:length])
            del self._held[:length]
            self._take(packet, now_ms, events)
        return events

    def idle(self, now_ms: int) -> list[ParserEvent]:
        """Give up half a packet that silence cut off, and ask for it again."""
        events: list[ParserEvent] = []
        deadline_ms = self.next_deadline_ms
        if deadline_ms is None or now_ms < deadline_ms:
            return events
        if self._held:
            events.append(self._noise(NoiseReason.FRAGMENT, len(self._held), now_ms))
            events.append(Outgoing(data=nak_packet()))
            self._held.clear()
        self._end_garbage(now_ms, events)
        return events

    def reset(self) -> None:
        """Forget everything under way."""
        self._held.clear()
        self._parts.clear()
        self._part_kind = None
        self._garbage = 0
        self._accepted = None

    def _packet_length(self) -> int:
        """Length of the packet that may start here, checksum included; 0 if none can (that byte is counted)."""
        held = self._held
        too_short = held[0] < _HEAD_LENGTH
        wrong_opcode = len(held) > 1 and held[1] not in _FROM_SCANNER
        wrong_source = len(held) > 2 and held[2] != _SCANNER
        if too_short or wrong_opcode or wrong_source:
            if held[0] != 0x00 or self._garbage:  # a lone 00 only wakes the line up
                self._garbage += 1
            return 0
        return held[0] + _CHECK_LENGTH

    def _take(self, packet: bytes, now_ms: int, events: list[ParserEvent]) -> None:
        body, check = packet[:-_CHECK_LENGTH], packet[-_CHECK_LENGTH:]
        if check != checksum(body):
            events.append(self._noise(NoiseReason.BAD_CHECKSUM, len(packet), now_ms))
            events.append(Outgoing(data=nak_packet()))
            return
        opcode, status, data = body[1], body[3], body[_HEAD_LENGTH:]
        if opcode in _WANTS_ACK:
            events.append(Outgoing(data=ack_packet()))
        if opcode == _DECODE_DATA and not self._is_repeat(status, data, now_ms):
            self._accepted = (data, now_ms)
            self._take_code(status, data, now_ms, events)

    def _is_repeat(self, status: int, data: bytes, now_ms: int) -> bool:
        if not status & _RETRANSMIT or self._accepted is None:
            return False
        accepted, at_ms = self._accepted
        return accepted == data and now_ms - at_ms < _REPEAT_MS

    def _take_code(self, status: int, data: bytes, now_ms: int, events: list[ParserEvent]) -> None:
        if not data:
            events.append(self._noise(NoiseReason.EMPTY, 0, now_ms))
            return
        if self._part_kind is not None and now_ms - self._part_ms >= _REST_MS:
            # The rest of an earlier code never came: two codes never become one.
            events.append(self._noise(NoiseReason.FRAGMENT, len(self._parts), now_ms))
            self._parts.clear()
            self._part_kind = None
        self._part_ms = now_ms
        if self._part_kind is None:
            self._part_kind = data[0]
            self._parts += data[1:]
        else:
            self._parts += data[1:] if data[0] == self._part_kind else data
        if len(self._parts) > MAX_CODE_BYTES:
            events.append(self._noise(NoiseReason.TOO_LONG, len(self._parts), now_ms))
        elif status & _CONTINUED:
            return
        else:
            events.append(
                read_code(
                    bytes(self._parts).rstrip(b"\r\n"),
                    at_ms=now_ms,
                    device=self._device,
                    prefix=self._prefix,
                    symbology=_SYMBOLOGIES.get(self._part_kind),
                )
            )
        self._parts.clear()
        self._part_kind = None

    def _end_garbage(self, now_ms: int, events: list[ParserEvent]) -> None:
        if self._garbage:
            events.append(self._noise(NoiseReason.BAD_PACKET, self._garbage, now_ms))
        self._garbage = 0

    def _noise(self, reason: NoiseReason, length: int, now_ms: int) -> Noise:
        return Noise(reason=reason, length=length, at_ms=now_ms, device=self._device)
