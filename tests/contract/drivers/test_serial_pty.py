"""Serial guns on real ptys: random chunks, two codes in a read, replies, unplug, and a replug under another name."""

from __future__ import annotations

import errno
import os
import queue
import random
import termios
import time
import tty
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from drivers.scanner.events import DeviceEvent, DeviceState, DeviceStatus, Noise, NoiseReason, Scan, StatusReason
from drivers.scanner.ports import Disconnected, OpenRefused
from drivers.scanner.serial_port import SerialTransport, list_serial_ports, open_serial_port
from drivers.scanner.start import RunningScanner, start_scanner
from drivers.scanner.supervisor import CommandOutcome

WAIT_S = 10.0
CODES = [f"{13_000_000_000_000_000 + number * 7_919:018d}" for number in range(60)]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="ptys")


class Gun:
    """The other end of a pty."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)

    def send(self, data: bytes) -> None:
        os.write(self.master, data)

    def receive(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            data += os.read(self.master, length - len(data))
        return data

    def unplug(self) -> None:
        for descriptor in (self._slave, self.master):
            with suppress(OSError):
                os.close(descriptor)


class Receiver:
    def __init__(self) -> None:
        self.events: queue.Queue[DeviceEvent] = queue.Queue()

    def __call__(self, event: DeviceEvent) -> None:
        self.events.put(event)

    def until(self, fits: Callable[[DeviceEvent], bool], wait_s: float = WAIT_S) -> DeviceEvent:
        deadline = time.monotonic() + wait_s
        while True:
            event = self.events.get(timeout=max(0.001, deadline - time.monotonic()))
            if fits(event):
                return event

    def state(self, state: DeviceState, wait_s: float = WAIT_S) -> DeviceStatus:
        event = self.until(lambda event: isinstance(event, DeviceStatus) and event.state is state, wait_s)
        assert isinstance(event, DeviceStatus)
        return event

    def scan(self) -> str:
        event = self.until(lambda event: isinstance(event, Scan))
        assert isinstance(event, Scan)
        return event.text


@pytest.fixture
def gun() -> Iterator[Gun]:
    gun = Gun()
    yield gun
    gun.unplug()


@contextmanager
def reading(uri: str) -> Generator[tuple[RunningScanner, Receiver]]:
    receiver = Receiver()
    scanner = start_scanner(uri, receiver)
    assert isinstance(scanner, RunningScanner)
    try:
        yield scanner, receiver
    finally:
        scanner.close()


def opened(path: str) -> SerialTransport:
    transport = open_serial_port(path, 9600)
    assert isinstance(transport, SerialTransport)
    return transport


@pytest.mark.parametrize("seed", range(3))
def test_codes_sent_in_random_chunks_arrive_whole_and_in_order(gun: Gun, seed: int) -> None:
    chance = random.Random(seed)
    ends = [b"\r", b"\n", b"\r\n", b"\t", b"\x03"]
    stream = b"".join(code.encode() + chance.choice(ends) for code in CODES)
    with reading(f"serial:{gun.path}?baud=9600") as (_, receiver):
        receiver.state(DeviceState.READY)
        while stream:
            size = chance.randint(1, 30)
            gun.send(stream[:size])
            stream = stream[size:]
            if chance.random() < 0.2:
                os.sched_yield()
        assert [receiver.scan() for _ in CODES] == CODES


def test_two_codes_in_one_write_are_two_scans_and_replies_and_garbage_are_none(gun: Gun) -> None:
    with reading(f"serial:{gun.path}") as (_, receiver):
        receiver.state(DeviceState.READY)
        gun.send(bytes.fromhex("02000001003331") + b"]C0" + CODES[0].encode() + b"\r" + CODES[1].encode() + b"\r")
        gun.send(b"232BAD9\x06." + b"\x02\x010000#SCNTRG1\x06;\x03" + b"\x9f\x80\r" + CODES[2].encode() + b"\r")
        assert [receiver.scan(), receiver.scan()] == CODES[:2]
        noise = receiver.until(lambda event: isinstance(event, Scan | Noise))
        assert isinstance(noise, Noise)
        assert noise.reason is NoiseReason.BAD_ENCODING
        assert receiver.scan() == CODES[2]


def test_half_a_code_in_named_terminator_mode_is_noise_and_the_next_code_is_read(gun: Gun) -> None:
    with reading(f"serial:{gun.path}?terminator=cr&idle_ms=20") as (_, receiver):
        receiver.state(DeviceState.READY)
        gun.send(CODES[0][:9].encode())
        noise = receiver.until(lambda event: isinstance(event, Scan | Noise))
        assert isinstance(noise, Noise)
        assert (noise.reason, noise.length) == (NoiseReason.FRAGMENT, 9)
        gun.send(CODES[1].encode() + b"\r")
        assert receiver.scan() == CODES[1]


def test_bytes_from_before_a_flush_are_thrown_away_and_later_ones_are_kept(gun: Gun) -> None:
    with reading(f"serial:{gun.path}?terminator=cr") as (scanner, receiver):
        receiver.state(DeviceState.READY)
        for code in CODES[:20]:
            gun.send(b"9999")
            assert scanner.flush()
            gun.send(code.encode() + b"\r")
            assert receiver.scan() == code


def test_what_was_sent_before_the_port_was_opened_is_no_scan(gun: Gun) -> None:
    gun.send(CODES[0].encode() + b"\r")
    with reading(f"serial:{gun.path}") as (_, receiver):
        receiver.state(DeviceState.READY)
        gun.send(CODES[1].encode() + b"\r")
        assert receiver.scan() == CODES[1]


def test_commands_of_the_chosen_family_are_written(gun: Gun) -> None:
    with reading(f"serial:{gun.path}?proto=honeywell") as (scanner, receiver):
        receiver.state(DeviceState.READY)
        for command, data in (
            (scanner.trigger, b"\x16T\r"),
            (scanner.stop_scan, b"\x16U\r"),
            (scanner.beep, b"\x16\x07\r"),
        ):
            assert command() is CommandOutcome.QUEUED
            assert gun.receive(3) == data


def test_an_ssi_gun_is_greeted_and_each_packet_is_answered(gun: Gun) -> None:
    body = bytes.fromhex("09F300000331323334")
    good = body + (0x10000 - sum(body)).to_bytes(2, "big")
    with reading(f"serial:{gun.path}?proto=ssi") as (_, receiver):
        receiver.state(DeviceState.READY)
        assert gun.receive(15) == bytes.fromhex("07C60400FFEE01FD41 04E90400FF0F")
        gun.send(good.replace(b"4", b"5"))
        assert gun.receive(7) == bytes.fromhex("05D1040001FF25")
        gun.send(good)
        assert gun.receive(6) == bytes.fromhex("04D00400FF28")
        assert receiver.scan() == "1234"


def test_a_gun_plugged_in_again_under_another_name_is_in_use_within_two_seconds(tmp_path: Path) -> None:
    link = tmp_path / "gun"
    guns = [Gun(), Gun()]
    assert guns[0].path != guns[1].path
    try:
        link.symlink_to(guns[0].path)
        with reading(f"serial:{link}") as (scanner, receiver):
            receiver.state(DeviceState.READY)
            guns[0].send(CODES[0].encode() + b"\r" + CODES[1][:7].encode())
            assert receiver.scan() == CODES[0]
            link.unlink()
            guns[0].unplug()
            lost = receiver.state(DeviceState.LOST)
            assert lost.reason is StatusReason.UNPLUGGED
            receiver.state(DeviceState.MISSING)
            link.symlink_to(guns[1].path)
            receiver.state(DeviceState.READY, wait_s=2.0)
            guns[1].send(CODES[2].encode() + b"\r")
            assert receiver.scan() == CODES[2]
            assert scanner.status.state is DeviceState.READY
    finally:
        for gun in guns:
            gun.unplug()


def test_a_gun_that_is_not_there_yet_is_missing_until_it_comes(tmp_path: Path, gun: Gun) -> None:
    with reading(f"serial:{tmp_path}/gun-*") as (scanner, receiver):
        assert receiver.state(DeviceState.MISSING).reason is StatusReason.NOT_FOUND
        assert scanner.trigger() is CommandOutcome.NOT_READY
        (tmp_path / "gun-1").symlink_to(gun.path)
        receiver.state(DeviceState.READY, wait_s=2.0)


def test_a_port_that_another_program_holds_is_busy(gun: Gun) -> None:
    first = opened(gun.path)
    try:
        second = open_serial_port(gun.path, 9600)
        assert isinstance(second, OpenRefused)
        assert second.reason is StatusReason.BUSY
    finally:
        first.close()


def test_what_is_no_serial_port_is_refused_with_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for path, reason in ((file, StatusReason.OPEN_FAILED), (tmp_path / "none", StatusReason.NOT_FOUND)):
        result = open_serial_port(str(path), 9600)
        assert isinstance(result, OpenRefused)
        assert result.reason is reason


def test_only_disconnected_crosses_the_edge_when_the_device_goes(gun: Gun) -> None:
    transport = opened(gun.path)
    assert transport.read(1) == b""
    gun.unplug()
    for call in (lambda: transport.read(50), lambda: transport.write(b"x"), transport.flush_input):
        with pytest.raises(Disconnected):
            call()
    transport.close()
    transport.close()
    transport.wake()
    for call in (lambda: transport.read(1), lambda: transport.write(b"x"), transport.flush_input):
        with pytest.raises(Disconnected):
            call()


def test_a_port_that_goes_while_it_is_opened_is_refused_and_looked_for_again(
    gun: Gun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise termios.error(errno.EIO, "Input/output error")

    monkeypatch.setattr(termios, "tcsetattr", gone)
    result = open_serial_port(gun.path, 9600)
    assert isinstance(result, OpenRefused)
    assert result.reason is StatusReason.OPEN_FAILED


def test_a_device_that_takes_no_bytes_is_disconnected_not_waited_for_for_ever(gun: Gun) -> None:
    transport = opened(gun.path)

    def write_for_ever() -> None:
        while True:
            transport.write(b"x" * 4096)

    with pytest.raises(Disconnected):
        write_for_ever()
    transport.close()


def test_one_read_takes_all_that_is_there_without_waiting_for_more(gun: Gun) -> None:
    transport = opened(gun.path)
    gun.send(CODES[0].encode() + b"\r")
    assert transport.read(60_000) == CODES[0].encode() + b"\r"
    transport.close()


def test_a_wake_ends_the_wait_for_bytes(gun: Gun) -> None:
    transport = opened(gun.path)
    transport.wake()
    assert transport.read(60_000) == b""
    transport.close()


def test_listing_ports_works_on_this_system() -> None:
    assert all(port.path for port in list_serial_ports())
