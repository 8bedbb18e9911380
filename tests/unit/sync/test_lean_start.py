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
