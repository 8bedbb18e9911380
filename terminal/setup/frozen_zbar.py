"""Run by the frozen program before anything else: pyzbar finds the zbar library that lies beside the program.

pyzbar asks `ctypes.util.find_library`, which knows the system's folders only; a PC without libzbar0 has it here alone.
"""

import ctypes.util
import sys
from pathlib import Path


def _find_beside(name: str, system: object = ctypes.util.find_library) -> str | None:
    folder = Path(getattr(sys, "_MEIPASS", Path(sys.executable).parent))
    if name == "zbar":
        for library in sorted(folder.glob("libzbar.so*")):
            return str(library)
    assert callable(system)
    found = system(name)
    return found if isinstance(found, str) else None


ctypes.util.find_library = _find_beside
