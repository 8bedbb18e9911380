"""Which code on which machine the figures are of."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

_PACKAGES: Final = (
    "aiohttp",
    "apsw",
    "cryptography",
    "httpx",
    "msgspec",
    "PySide6-Essentials",
    "sqlalchemy",
    "starlette",
    "uvicorn",
)
_ROOT: Final = Path(__file__).resolve().parents[2]


def versions(program: str) -> dict[str, str]:
    """Name to version, in the order of the page; `program` is our own version.

    `commit` is there in a checkout only, with `+` for changes on top.
    """
    found = {"guitai": program}
    commit = _git("rev-parse", "HEAD")
    if commit is not None:
        found["commit"] = commit + ("+" if _git("status", "--porcelain") else "")
    found["Python"] = platform.python_version()
    found["SQLite"] = sqlite3.sqlite_version
    found["system"] = f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores"
    found.update({package: version(package) for package in _PACKAGES})
    return found


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(("git", "-C", str(_ROOT), *arguments), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
