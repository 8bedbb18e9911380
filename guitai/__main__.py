"""Entry of `guitai` and `python -m guitai`."""

from __future__ import annotations

import sys


def main() -> int:
    """Runs the command line of this process."""
    from guitai.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
