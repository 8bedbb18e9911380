"""What every test is held to, whatever it tests.

An error-level log record, a thread left behind, a connection beyond this machine or a Qt warning fails the test. The
home folder of whoever runs the tests is out of reach: settings, data and caches go to a temporary folder. Nothing here
needs a display.
"""

from __future__ import annotations

import gc
import logging
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from ipaddress import ip_address
from pathlib import Path
from typing import cast

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

_THREAD_GRACE_S = 3.0
_home: list[str] = []


def pytest_configure() -> None:
    """Points the places where programs keep things to a folder of this run; child processes inherit it."""
    folder = tempfile.mkdtemp(prefix="guitai-tests-")
    _home.append(folder)
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        os.environ[f"XDG_{name}_HOME"] = str(Path(folder, name.lower()))


def pytest_unconfigure() -> None:
    while _home:
        shutil.rmtree(_home.pop(), ignore_errors=True)


# --- memory ---------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and collected tests stay to the end: the garbage collector need not look through them at every turn."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


# --- the order ------------------------------------------------------------------------------------------------------

#: Rooms whose files take long come first: where several workers run, the last file of a run is then a short one.
_LONG_ROOMS = (
    "tests/unit/proof/test_simulation.py",
    "tests/e2e",
    "tests/unit/proof",
    "tests/ui",
    "tests/contract",
    "tests/architecture",
)


def _place(item: pytest.Item) -> int:
    return next((n for n, room in enumerate(_LONG_ROOMS) if item.nodeid.startswith(room)), len(_LONG_ROOMS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


# --- what a test needs from the machine -----------------------------------------------------------------------------

_NEEDS: dict[str, tuple[str, ...]] = {"x11": ("Xvfb", "xdotool"), "chromium": ("chromium",)}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose programs are missing, with that reason; in CI, where all must be there, it fails."""
    for mark, programs in _NEEDS.items():
        if item.get_closest_marker(mark) is None:
            continue
        missing = [program for program in programs if shutil.which(program) is None]
        if missing and os.environ.get("CI") == "true":
            pytest.fail(f"CI lacks {', '.join(missing)}", pytrace=False)
        if missing:
            pytest.skip(f"not installed: {', '.join(missing)}")
    if item.get_closest_marker("slow") is not None and os.environ.get("GUITAI_SLOW_TESTS") != "1":
        pytest.skip("opt in with GUITAI_SLOW_TESTS=1")
    if item.get_closest_marker("kernel") is not None and os.environ.get("GUITAI_KERNEL_TESTS") != "1":
        pytest.skip("opt in with GUITAI_KERNEL_TESTS=1")


# --- error logs -----------------------------------------------------------------------------------------------------


class ErrorRecords(logging.Handler):
    """Keeps what was logged at ERROR or above during one test."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []
        self.expected = False

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_error_logs() -> Generator[ErrorRecords, None, None]:
    records = ErrorRecords()
    logging.getLogger().addHandler(records)
    try:
        yield records
    finally:
        logging.getLogger().removeHandler(records)
    if records.lines and not records.expected:
        pytest.fail("the test logged errors:\n" + "\n".join(records.lines), pytrace=False)


@pytest.fixture
def expected_error_logs(no_error_logs: ErrorRecords) -> list[str]:
    """For a test whose point is an error record: says so, and hands over the lines for it to check."""
    no_error_logs.expected = True
    return no_error_logs.lines


# --- threads --------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_stray_threads() -> Generator[None, None, None]:
    before = set(threading.enumerate())
    yield
    # A thread that was told to end may need a moment; one that was forgotten is still there after it.
    deadline = time.monotonic() + _THREAD_GRACE_S
    for thread in threading.enumerate():
        if thread not in before and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in threading.enumerate() if thread not in before and not thread.daemon]
    if left:
        pytest.fail(f"threads left behind: {', '.join(left)}", pytrace=False)


# --- the network ----------------------------------------------------------------------------------------------------

_refused: list[str] = []


def _leaves_this_machine(address: object) -> bool:
    if not isinstance(address, tuple) or not address:
        return False  # AF_UNIX and other local families
    host = str(cast("tuple[object, ...]", address)[0])
    if host in {"", "localhost"}:
        return False
    try:
        return not ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return True  # a name: it would have to be looked up elsewhere


def _refuse_outside(event: str, arguments: tuple[object, ...]) -> None:
    """Audit hook: CPython reports each connect and lookup here, whichever library made it."""
    if event == "socket.connect":
        sock, address = arguments[0], arguments[1]
        if not isinstance(sock, socket.socket) or sock.family not in {socket.AF_INET, socket.AF_INET6}:
            return
    elif event == "socket.getaddrinfo":
        address = (arguments[0] or "",)
    else:
        return
    if _leaves_this_machine(address):
        _refused.append(f"{event} {address}")
        raise ConnectionRefusedError(f"tests stay on this machine: {address}")


sys.addaudithook(_refuse_outside)


@pytest.fixture(autouse=True)
def no_outside_connections() -> Generator[None, None, None]:
    _refused.clear()
    yield
    if _refused:
        pytest.fail("the test reached beyond this machine: " + "; ".join(_refused), pytrace=False)
