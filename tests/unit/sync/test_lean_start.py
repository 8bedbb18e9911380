"""A till starts without paying for what it may not need: HTTP and migrations are imported when used."""

import subprocess
import sys
from pathlib import Path

_LATE = ("httpx", "certifi", "sqlite_utils", "tomlkit", "platformdirs")


def test_importing_the_till_imports_nothing_heavy() -> None:
    script = "import sync.till, sync.journal.read, sys; print([name for name in sys.argv[1:] if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script, *_LATE],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[3],
        timeout=60,
    )
    assert done.stdout.decode().strip() == "[]"


def test_the_first_call_does_not_import_a_command_line() -> None:
    """The HTTP library brings one along, with all that draws it."""
    script = "import sys; from sync.link.http import HttpExchange; HttpExchange()._opened('http://127.0.0.1')"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; print('httpx' in sys.modules, 'rich' in sys.modules)"],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[3],
        timeout=60,
    )
    assert done.stdout.decode().strip() == "True False"
