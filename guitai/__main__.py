"""Entry of `guitai` and `python -m guitai`."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Runs the command line of this process."""
    from guitai.cli import run
    from guitai.no_dumps import forbid_core_dumps

    forbid_core_dumps()
    if os.environ.get("GUITAI_END_WITH_PARENT") == "1":
        from guitai.demo.children import end_with_parent

        end_with_parent()
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
