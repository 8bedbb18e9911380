"""No core dump of a program that holds keys and payment codes in its memory: the kernel is told so at the start.

The process's own memory stays readable to the same user and to root: against them this is no help.
"""

from __future__ import annotations

import sys


def forbid_core_dumps() -> None:
    """Also for whatever this process starts. Windows writes none unless its error reporting was told to."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
