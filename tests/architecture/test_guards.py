"""The guards of tests/conftest.py themselves: each one fails the test that it is there to fail, and only that."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SAMPLE = """
import logging, socket, threading, warnings
import pytest
from PySide6.QtCore import qWarning

def test_bad_error_log():
    logging.getLogger("shop").error("broken")

def test_bad_thread():
    threading.Thread(target=threading.Event().wait, args=(4,), name="forgotten").start()

def test_bad_connection():
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)

def test_bad_lookup():
    with pytest.raises(ConnectionRefusedError):
        socket.getaddrinfo("example.invalid", 80)

def test_bad_warning():
    warnings.warn("old way", DeprecationWarning)

def test_bad_qt_warning(qapp):
    qWarning("bad")

def test_good_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            server.accept()[0].close()

def test_good_unix():
    left, right = socket.socketpair()
    left.close(), right.close()

def test_good_thread():
    thread = threading.Thread(target=print)
    thread.start()
    thread.join()

def test_good_expected_log(expected_error_logs):
    logging.getLogger("shop").error("broken")
    assert expected_error_logs == ["ERROR shop: broken"]
"""


def test_each_guard_fails_what_it_guards_and_nothing_else(tmp_path: Path) -> None:
    """An error log, a stray thread, an outside connection or lookup, a warning, a Qt warning: each fails its test."""
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "tests/conftest.py")
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    (tmp_path / "tests/test_sample.py").write_text(SAMPLE, encoding="utf-8")
    plain = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:schemathesis", "-p", "no:hypothesispytest"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-rfE", *plain, "tests/test_sample.py"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 1, result.stdout + result.stderr
    summary = result.stdout.partition("short test summary info")[2]
    failed = {match[1]: match[2] for match in re.finditer(r"(?:FAILED|ERROR) \S+::(\w+)(.*)", summary)}
    assert set(failed) == set(re.findall(r"def (test_bad_\w+)", SAMPLE))
    assert "logged errors" in failed["test_bad_error_log"]
    assert "left behind: forgotten" in failed["test_bad_thread"]
    assert "beyond this machine" in failed["test_bad_connection"]
    assert "beyond this machine" in failed["test_bad_lookup"]
    assert "old way" in failed["test_bad_warning"]
    assert "Qt messages" in result.stdout
    passed = set(re.findall(r"::(\w+) PASSED", result.stdout)) - set(failed)
    assert passed == set(re.findall(r"def (test_good_\w+)", SAMPLE))
