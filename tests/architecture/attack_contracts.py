"""Attacks the import contracts: adds one forbidden import at a time to a copy of the tree, and prints what broke.

Run by test_contracts.py in a process of its own, in the copy's root: the linter finds the rooms by importing them.
Reads [[module path, import line], ...] as JSON on stdin; prints the broken contracts' names of each, as JSON.
"""

from __future__ import annotations

import io
import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path

from importlinter.application import output
from importlinter.cli import lint_imports


def main() -> None:
    attacks: list[tuple[str, str]] = json.load(sys.stdin)
    print(json.dumps([broken_by(path, line) for path, line in attacks]))


def broken_by(path: str, line: str) -> list[str]:
    module = Path(path)
    module.write_text(f"{line}\n", encoding="utf-8")
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            lint_imports(config_filename=".importlinter", cache_dir="cache", no_logo=True)
    finally:
        module.unlink()
    return re.findall(r"^(.+) BROKEN", said.getvalue(), re.MULTILINE)


if __name__ == "__main__":
    output.console.width = 200
    main()
