"""The other side of the admin door: asks a running gateway one thing and waits for its answer."""

from __future__ import annotations

import socket
from enum import StrEnum
from pathlib import Path
from typing import Final

from gateway.configure.door import DoorPlate, read_plate
from gateway.configure.words import MOST_ANSWER_BYTES, Order, Question, Said, read_said, write_line

_CONNECT_S: Final = 2.0
_ANSWER_S: Final = 30.0


class Silence(StrEnum):
    """Why there is no answer."""

    NO_DOOR = "no_door"  # nobody listens: nothing was asked
    CUT = "cut"  # asked, and whether it was done is not known


def call_door(database: Path, order: Order) -> Said | Silence:
    """Asks the gateway that runs on this database."""
    plate = read_plate(database)
    if plate is None:
        return Silence.NO_DOOR
    try:
        line = _connect(plate)
    except OSError:
        return Silence.NO_DOOR
    with line:
        try:
            line.settimeout(_ANSWER_S)
            line.sendall(write_line(Question(token=plate.token, order=order)))
            return read_said(_read_line(line)) or Silence.CUT
        except OSError:
            return Silence.CUT


def _connect(plate: DoorPlate) -> socket.socket:
    if plate.socket is None:
        return socket.create_connection(("127.0.0.1", plate.port or 0), timeout=_CONNECT_S)
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.settimeout(_CONNECT_S)
        line.connect(plate.socket)
    except OSError:
        line.close()
        raise
    return line


def _read_line(line: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n") and len(received) < MOST_ANSWER_BYTES:
        part = line.recv(65_536)
        if not part:
            break
        received += part
    return bytes(received)
